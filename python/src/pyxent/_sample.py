# SPDX-License-Identifier: Apache-2.0
"""Tokens that are drawn from logits."""
from __future__ import annotations

import ctypes
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from pyxent._call import Call, Checked, conversion, plural, workspace_of
from pyxent._check import OF_TOP, Given, begin_call
from pyxent._functions import FUNCTIONS, RULES, SAMPLING
from pyxent._native import Sampling
from pyxent._options import PENALTIES, filters_of, is_per_row, needed, sampling_of, set_number, set_numbers, shown
from pyxent._plans import operation
from pyxent._results import Sample
from pyxent._text import History
from pyxent._types import ArrayLike, Number, SampleOptions, Small, Whole
from pyxent.errors import DTypeError, OptionError, ShapeError

if TYPE_CHECKING:
    from typing_extensions import Unpack

CHANCE = ("seed", "step", "stream", "draw")
NUMBERS = tuple(name for name in SAMPLING if name not in CHANCE)
_ARRAYS = [RULES[rule] for rule in FUNCTIONS["sample"].rules]
_INPUTS = [rule.array for rule in _ARRAYS if not rule.written and rule.array != "logits"]
_OUTPUTS = [rule.array for rule in _ARRAYS if rule.written and rule.array != "tokens"]


def _check(given: Given) -> Checked:
    call = begin_call("sample", given, {}, None, {"softcap": given.get("softcap")})
    if call.lead.type == "F64":
        raise DTypeError(f"logits is {call.lead}; expected an array of type float32, float16 or bfloat16 to sample "
                         f"from{conversion('logits', call.lead, 'numpy.float32')}")
    if isinstance(given.get("bias"), dict):
        raise DTypeError("bias is a dict; expected an array, or "
                         f"bias_tokens=numpy.array({_repeated('list(bias)', call)}), "
                         f"bias_values=numpy.array({_repeated('list(bias.values())', call)}, numpy.float32)")
    for pair in (("bias_tokens", "bias_values"), ("draft_tokens", "draft_probabilities")):
        if len(lacking := [name for name in pair if given.get(name) is None]) == 1:
            raise TypeError(f"{lacking[0]} is missing; expected {' and '.join(pair)} together")
    _require_chance(**{name: given.get(name) for name in CHANCE})
    numbers = {name: given.get(name) for name in NUMBERS}
    numbers |= {name: 0 if given.get(name) is None else given[name] for name in CHANCE}
    per_row = {name: value for name, value in numbers.items() if is_per_row(value)}
    arrays = {name: value for name, value in numbers.items() if getattr(value, "shape", None) == ()}
    rules, order = "xent" if given.get("rules") is None else given["rules"], given.get("order")
    shared = sampling_of(rules, given.get("ties"), order, **{name: value for name, value in numbers.items()
                                                             if name not in per_row})
    call.sampling, call.requests = shared, partial(_of_piece, shared)
    for name in _INPUTS:
        call.take(name, given.get(name))
    histories = [given.get(name) for name in ("prompt_tokens", "output_tokens")]
    if histories[0] is histories[1] is None and (penalties := [
            name for name in PENALTIES if name in per_row or getattr(shared, name)]):
        raise OptionError(f"{penalties[0]} is set and no tokens are passed; expected prompt_tokens or output_tokens. "
                          "Before the first token, pass an array with 0 entries per row")
    for name in per_row:
        call.read_options(name, per_row[name])
    call.ask_for_top("top_count", given.get("top_count"), [given.get(name) for name in OF_TOP])
    call.write("tokens", needed("tokens", given.get("tokens")))
    for name in _OUTPUTS:
        call.write(name, given.get(name))
    size = call.sample_workspace
    text = histories[1].text if isinstance(histories[1], History) else None
    if size and text:
        workspace, call.continues = text.workspace(size, call.classes)
        call.workspace = lambda rows: workspace
    elif size:
        call.workspace = lambda rows: workspace_of(size)

    lacks_seed = _lacks_seed(given["seed"])
    if not (per_row or arrays or text):
        return call.checked(given.get("threads"), partial(_sampled, lacks_seed), "draft_tokens" not in call.arrays)

    def compute(_: Any) -> Sample:
        for name in ("prompt_tokens", "output_tokens", "bias_tokens", "draft_tokens"):
            if not (text and name in ("prompt_tokens", "output_tokens")):  # of one row, which the call itself checks
                call.check_tokens(name)
        for name, value in arrays.items():
            set_number(shared, rules, filters_of(order), name, value)
        drawn = random_number() if lacks_seed else None
        shared.seed = shared.seed if drawn is None else drawn
        requests = _requests(shared, call, rules, filters_of(order), per_row) if per_row else shared
        call.requests = partial(_of_piece, requests)
        sampled = call.run("sample")[0]
        if size and text:
            text.sampled()
        return Sample(sampled=sampled, seed=drawn, **call.results)

    return call.checked(given.get("threads"), compute, False)


@operation(_check)
def sample(logits: ArrayLike, *, seed: Whole | None = None, step: Whole | None = None,
           temperature: Number | None = None, top_k: Whole | None = None, top_p: Number | None = None,
           min_p: Number | None = None, class_mask: Small = None, **options: Unpack[SampleOptions]) -> Sample:
    """A token of each row, drawn with its softmax probability among the classes that the filters keep.

    seed                      None: each call draws a new seed, and so other tokens; the result contains it
    step                      the index of the token in its sequence, required with a seed: the same seed and step
                              return the same token on every machine. Count the steps
    stream, draw              independent random numbers for the same seed and step: a row has the stream `stream +
                              row`, unless `stream` is one number per row; `draw` numbers several tokens of the same
                              logits
    scale                     multiplies the logits before the softcap, also for the log-probabilities, ranks and
                              entropies: for a model that divides its logits by a number, its reciprocal
    temperature               0 takes the largest class
    dynatemp_range, dynatemp_exponent  the dynamic temperature: from `temperature - dynatemp_range`, at least 0, to
                              `temperature + dynatemp_range`, by the entropy of the classes that are left at its place
                              in the order, as a share of the largest entropy, to the power of `dynatemp_exponent`, 1
    top_k, top_p, min_p, typical_p  filters; `rules` sets their order ("xent", "transformers", "vllm", "llama.cpp",
                              "onnxruntime-genai"), `ties` how top-k treats equals ("first", "all"), and every filter
                              keeps at least `min_keep` classes
    top_n_sigma               keeps the classes at most this number of standard deviations below the largest logit
    xtc_probability, xtc_threshold  the probability to remove all classes above the least likely one whose probability
                              is at least `xtc_threshold`, 0.1
    order                     replaces the order of `rules`: names of filters, "xtc" and "temperature"; "temperature" is
                              first if it is not in the list
    bias                      a number per class that is added to its logit; shapes as for `class_mask`
    bias_tokens, bias_values  the same for several classes of each row, in the shape [rows, n]; in signed types, -1
                              marks an unused entry. If a class is there twice, the last entry counts
    repetition_penalty        r: the logit x of a class among the prompt or output tokens becomes x / r if x > 0, or x r
    frequency_penalty, presence_penalty  f and p: the logit x of a class that is c > 0 times among the output tokens
                              becomes (x - c f) - p
    prompt_tokens, output_tokens  the earlier tokens, to which the penalties apply: arrays of integers in the shape of
                              the logits with any number of entries along the class axis, [rows, k]; in signed types,
                              -1 marks an unused entry. Penalties need one of the two, which may have k = 0
    draft_tokens, draft_probabilities  a token per row that another model drew, or -1, and the probabilities of all
                              classes that it drew with, in the shape of the logits. A draft is accepted with the
                              probability min(1, p / q), p being its own here and q the other model's; else the token is
                              drawn from max(p - q, 0). So a token is its draft if and only if that was accepted. A draft
                              needs a q above 0 and at most 1; those of other classes are not checked
    tokens                    int32 or int64, your array for the result

    Every number, from `seed` to `dynatemp_exponent`, may be one for all rows, or a list or array with one per row; None
    in it turns the option off for that row. A row then has the same token as in a separate call. An array may have the
    shape of the tokens, or that of the logits with a class axis of size 1.

    The token is -1 in a row with a NaN or +inf, or without a class above -inf that the options allow.

    You request outputs as in `cross_entropy`.

    >>> import numpy as np, pyxent
    >>> logits = np.array([[2, 1, 0], [0, 3, 1]], np.float32)
    >>> pyxent.sample(logits, temperature=0).tokens.tolist()
    [0, 1]
    >>> pyxent.sample(logits, temperature=[0, 0.7], top_p=[None, 0.1]).tokens.tolist()
    [0, 1]
    >>> result = pyxent.sample(logits, top_p=0.9, kept=True)
    >>> result.kept.tolist()
    [2, 2]
    >>> [pyxent.sample(np.zeros(50, np.float32), seed=7, step=step).tokens.item() for step in range(4)]
    [4, 47, 42, 6]
    """


def _sampled(lacks_seed: bool, run: Any) -> Sample:
    """The tokens of rows with the same options."""
    for name in ("prompt_tokens", "output_tokens", "bias_tokens", "draft_tokens"):
        if name in run.arrays:
            run.check_tokens(name)
    drawn = random_number() if lacks_seed else None
    if lacks_seed:
        run.sampling.seed = drawn
    sampled = run.run("sample")[0]
    return Sample(sampled=sampled, seed=drawn, **run.results)


def random_number() -> int:
    """A new seed or stream."""
    return int.from_bytes(os.urandom(8), "little")


def _repeated(text: str, call: Call) -> str:
    """An expression with a copy of a list for each row, for messages."""
    for n in reversed(call.row_shape):
        text = f"[{text}]" if n == 1 else f"[{text}] * {n}"
    return text


def _require_chance(seed: Any, step: Any, stream: Any, draw: Any) -> None:
    """Rejects a seed without a step or a step without a seed: tokens would repeat in each call, or never repeat."""
    if seed is not None and step is None:
        raise OptionError(_without_step(seed))
    for name, value in (("step", step), ("stream", stream), ("draw", draw)) if seed is None else ():
        if value is not None:
            raise OptionError(f"{name} is {shown(value)} without a seed; expected both, or none of them: each call "
                              f"without a seed draws a new one")


def _without_step(seed: Any) -> str:
    return (f"seed is {shown(seed)} without a step; expected both. The same seed and step give the same token: count "
            f"the steps of a sequence")


def _lacks_seed(seed: Any) -> bool:
    """Whether a row has no seed."""
    return seed is None or is_per_row(seed) and str(getattr(seed, "dtype", "object")) == "object" and None in seed


def _requests(shared: Sampling, call: Call, rules: str, order: list[str], per_row: dict[str, Any]) -> Any:
    """Returns one xent_sampling for each row."""
    rows, shapes = call.rows, [(call.rows,), call.row_shape, call.with_entries(1)]
    chances: dict[str, Any] = {}
    requests, numpy = (Sampling * rows)(), sys.modules.get("numpy")
    if numpy:
        records = numpy.frombuffer(requests, numpy.dtype(Sampling)) if rows else numpy.empty(0, numpy.dtype(Sampling))
        records[...] = numpy.frombuffer(shared, numpy.dtype(Sampling))
        records["stream"] += numpy.arange(rows, dtype="uint64")
    else:
        for row in range(rows):
            requests[row] = shared
            requests[row].stream = (shared.stream + row) % (1 << 64)
    for name, values in per_row.items():
        shape = tuple(getattr(values, "shape", (len(values),)))
        if shape not in shapes and len(shape) != 1:
            raise ShapeError(f"{name} has the shape {list(shape)}; expected one number, or one per row")
        if shape not in shapes:
            raise ShapeError(f"{name} has {plural(len(values), 'number')}, logits has {plural(rows, 'row')}; expected "
                             f"one number, or one per row")
        if numpy and _has_numbers(values) and set_numbers(records, rules, order, name, array := numpy.asarray(values).reshape(-1)):
            if name != "step":
                chances[name] = array
            continue
        numbers = values.tolist() if hasattr(values, "tolist") else values
        for _ in shape[1:]:
            numbers = [number for each in numbers for number in each]
        chances[name] = numbers
        for row, value in enumerate(numbers):
            if value is None:
                continue
            try:
                set_number(requests[row], rules, order, name, value)
            except (TypeError, OptionError) as error:
                raise type(error)(f"in row {row}, {error}") from None
    for row, step in enumerate(chances.get("step", ())):
        own = chances["seed"][row] if "seed" in chances else shared.seed
        if step is None and own is not None:
            raise OptionError(f"in row {row}, {_without_step(own.item() if hasattr(own, 'item') else own)}")
    return requests


def _has_numbers(values: Any) -> bool:
    """Whether all values are numbers of NumPy or Python, none of them a boolean or None."""
    return isinstance(values, sys.modules["numpy"].ndarray) or isinstance(values, (list, tuple)) and {
        *map(type, values)} <= {int, float}


def _of_piece(requests: Any, first: int) -> Any:
    """The sampling options of the rows from `first` on."""
    if isinstance(requests, ctypes.Array):
        return (Sampling * (len(requests) - first)).from_buffer(requests, first * ctypes.sizeof(Sampling))
    request = Sampling.from_buffer_copy(requests)
    request.stream = (request.stream + first) % (1 << 64)
    return request

# SPDX-License-Identifier: Apache-2.0
"""The tokens of a text, one after another."""
from __future__ import annotations

import copy
import ctypes
import math
from array import array
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pyxent._arrays import FLOATS, Array, array_of, held, released
from pyxent._call import DRAWN, numbers_along, plural
from pyxent._names import OF_TEXTS, named, parameters_of, unexpected
from pyxent._results import Sample
from pyxent._sample import NUMBERS, random_number, sample
from pyxent._native import library
from pyxent._options import PENALTIES, integer, is_per_row, options_of, sampling_of, shown
from pyxent._draw import Draw
from pyxent._text import Repetition, Text, of_text, tokens_of
from pyxent._types import ArrayLike, SamplerOptions, Whole
from pyxent.errors import LabelError, NoTokenError, OptionError, ShapeError

if TYPE_CHECKING:
    from typing_extensions import Never, Unpack

_OF_CURSOR = ("next", "sample", "accept", "rewind", "verify", "step", "stream", "fork")
_HISTORIES = ("prompt_tokens", "output_tokens")


def _penalties(options: Mapping[str, Any]) -> list[str]:
    """The names of the penalties that are set."""
    return [name for name in PENALTIES if is_per_row(value := options.get(name))
            or value not in (None, 1 if name == "repetition_penalty" else 0)]


def _cause(numbers: Iterable[float], options: Mapping[str, Any], of_text: bool) -> str:
    """The reason why no token can be drawn from logits with these options."""
    allowed = False
    for i, number in enumerate(numbers):
        if not number < math.inf:
            return f"{number} in class {i}"
        allowed |= number > -math.inf
    if not allowed:
        return "-inf in all classes"
    inputs = [name for name in ("class_mask", "bias", "bias_tokens") if options.get(name) is not None]
    if of_text or not inputs:
        inputs.append("the options of the text")
    return f"no class left by {' and '.join(inputs)}"


def _shape(logits: Any) -> tuple[int, ...]:
    """The shape of logits, or () for None, which `sample` rejects."""
    return () if logits is None else array_of("logits", logits).shape


def _token(tokens: Any) -> int:
    """The number in an array of one token."""
    lent = array_of("tokens", tokens)
    number = ctypes.c_int32 if lent.type == "I32" else ctypes.c_int64
    return number.from_address(lent.address).value


class Sampler:
    """Options of `sample`; `start` returns a cursor that draws a text, token by token.

    Takes the options of `sample` except `step`. Without a seed it draws one, which it returns as `seed`; without a stream
    as well, each `start` then draws one, so that texts differ. Further options need the text that a cursor has:

    no_repeat_ngram     n: no token completes n consecutive tokens that the text already contains; 0, the default,
                        allows all tokens
    banned_sequences    lists of tokens: the last token of a list never follows the other ones
    dry_multiplier      m of the penalty for repetitions ("DRY"): if a token already followed the last l tokens of the
                        text, it gets the bias -m b^(l - a), for l of at least a; 0, the default: no penalty
    dry_base            b, 1.75
    dry_allowed_length  a, 2
    dry_range           the number of last tokens that the penalty reads; None: all
    dry_breakers        tokens, and lists of tokens, that end a repetition, such as a line break: only the tokens after
                        the last of them are compared with the text. Single ones have no penalty themselves

    >>> import numpy as np, pyxent
    >>> sampler = pyxent.Sampler(temperature=0.7, top_k=40, top_p=0.95, seed=42)
    >>> tokens = sampler.start()
    >>> [tokens.next(np.array([2, 1, 0, 1.5], np.float32)) for _ in range(3)]
    [0, 0, 3]
    """

    def __init__(self, *more: Never, seed: Whole | None = None, **given: Unpack[SamplerOptions]) -> None:
        options: dict[str, Any] = dict(given)
        if "step" in options:
            raise TypeError("Sampler() got the argument 'step'; expected it in start(step=...), from where the cursor "
                            "counts")
        unknown = {name: value for name, value in options.items() if name not in parameters_of(Sampler)}
        if more or unknown:
            raise unexpected(Sampler, unknown, more)
        self.repetition = Repetition(**{name: options[name] for name in OF_TEXTS if name in options})
        self._shown = dict(options)
        options = {name: value for name, value in options.items() if name not in OF_TEXTS}
        self._starts_streams = seed is None and options.get("stream") is None
        self.seed = random_number() if seed is None else seed
        self.options = {**options, "seed": self.seed}
        self._shown["seed"] = self.seed
        numbers = {name: self.options[name] for name in (*NUMBERS, "seed", "stream", "draw") if not is_per_row(self.options.get(name, []))}
        options_of(library(), softcap=options.get("softcap"))
        for name in ("axis", "threads"):
            if options.get(name) is not None:
                integer(name, options[name])
        sampling_of("xent" if options.get("rules") is None else options["rules"], options.get("ties"), options.get("order"), **numbers)

    def start(self, step: int = 0, prompt_tokens: Iterable[int] = (), stream: int | None = None) -> SamplerCursor:
        """Returns a cursor whose next token has this step and follows the tokens of the prompt.

        `prompt_tokens` is a list of integers, those of one text; `sample` takes an array with those of each row.

        `stream` replaces the one of the sampler. Cursors of one seed and stream draw the same tokens from the same
        logits. Without a seed and a stream, each cursor has a new stream, its attribute `stream`.
        """
        if stream is None and self._starts_streams:
            stream = random_number()
        return SamplerCursor(self, step, prompt_tokens, stream)

    def __getstate__(self) -> dict[str, Any]:
        of_names = {of: {name: held(value) for name, value in getattr(self, of).items()} for of in ("options", "_shown")}
        return {**vars(self), **of_names, "seed": held(self.seed)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update((name, released(value)) for name, value in state.items())
        for of in ("options", "_shown"):
            setattr(self, of, {name: released(value) for name, value in state[of].items()})

    if not TYPE_CHECKING:  # type checkers would take any name
        def __getattr__(self, name: str) -> Any:
            fix = f"; expected start().{name}, of its cursor" if name in _OF_CURSOR else ""
            raise AttributeError(f"Sampler has no attribute {name!r}{fix}", name=name, obj=self)

    def __repr__(self) -> str:
        return f"Sampler({', '.join(f'{name}={shown(value)}' for name, value in self._shown.items())})"


Method = TypeVar("Method", bound=Callable[..., Any])


def _alone(method: Method) -> Method:
    """Makes a method raise RuntimeError while its cursor is in use, which has not changed then."""
    @wraps(method)
    def alone(cursor: SamplerCursor, *given: Any, **named: Any) -> Any:
        mine = object()
        try:
            if vars(cursor).setdefault("_user", mine) is not mine:
                raise RuntimeError("this cursor is in use, by another thread or by an array that its call reads; expected "
                                   "a cursor for each: fork()")
            return method(cursor, *given, **named)
        finally:
            if vars(cursor).get("_user") is mine:
                del vars(cursor)["_user"]

    return cast(Method, alone)


class SamplerCursor:
    """The tokens of one text or of one batch of texts, with a count of the steps.

    A token is that of `sample` with the same logits, options, seed, stream and step. A call that raises an error does
    not count. To continue later, save `sampler.seed`, `stream`, `step` and, for penalties and options of a text, its
    tokens.

    A text has logits of one dimension. The cursor keeps its tokens, and penalties and options of a text apply to them.
    For a batch, it keeps no tokens: pass `output_tokens` to each call.

    A cursor is for one thread at a time: a use during another one is a RuntimeError.
    """

    _draw: Draw | None = None  # of the logits of the step before

    def __init__(self, sampler: Sampler, step: int = 0, prompt_tokens: Iterable[int] = (),
                 stream: int | None = None) -> None:
        self.sampler = sampler
        self._stream = {} if stream is None else {"stream": integer("stream", stream)}
        penalized = any(not is_per_row(sampler.options[name]) for name in _penalties(sampler.options))
        self._keeps = penalized or sampler.repetition.is_used()
        self._text = Text(prompt_tokens)
        self._step = integer("step", step)

    def fork(self) -> SamplerCursor:
        """Returns a cursor at the same step, with a copy of the tokens, for another continuation of the text.

        Both draw with the same seed: for equal logits they draw equal tokens. `copy.copy` does the same.
        """
        return copy.copy(self)

    def __copy__(self) -> SamplerCursor:
        other = SamplerCursor.__new__(type(self))
        vars(other).update(self.__getstate__())
        other._text = copy.copy(other._text)
        return other

    @_alone
    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_user", "_draw")}

    @property
    def stream(self) -> Any:
        """The stream of the random numbers; of a batch, that of its first row, or one for each row."""
        given = {**self.sampler.options, **self._stream}.get("stream")
        return 0 if given is None else given

    @property
    def step(self) -> int:
        """The step of the next token. You may set it unless the tokens of the text affect the next one."""
        return self._step

    @step.setter
    @_alone
    def step(self, value: int) -> None:
        value = integer("step", value)
        if value != self._step and self._keeps and self._text.drawn:
            raise OptionError("this cursor has the tokens of its steps; expected rewind(step) or accept(token)")
        self._step = value

    @_alone
    def accept(self, token: int) -> None:
        """Appends a token from elsewhere as the token of this step."""
        self._append(*tokens_of("accept", [token]))

    @_alone
    def rewind(self, step: int) -> None:
        """Goes back to an earlier step and drops the tokens since then, for example rejected drafts."""
        self._rewind(step)

    def _rewind(self, step: int) -> None:
        back = self._step - integer("step", step)
        if back < 0:
            raise OptionError(f"step is {step}, this cursor is at step {self._step}; expected no later one")
        if self._keeps:
            if back > self._text.drawn:
                raise OptionError(f"{back} steps back are more than the {self._text.drawn} tokens that this cursor has; "
                                  "expected a step since its first one")
            self._text.drop(back)
        self._step -= back

    def _append(self, token: int) -> None:
        if self._keeps:
            self._text.append(token)
        self._step += 1

    @_alone
    def next(self, logits: ArrayLike, **options: Any) -> Any:
        """The next token: an integer; for logits of several dimensions, an array with one per row, or -1.

        A row with -1 has no token.

        `options` are options of `sample` that differ in this step, such as `class_mask`.

        Raises the errors of `sample`, and NoTokenError for one row with a NaN or +inf, or without a class above -inf
        that the options allow.
        """
        return self._next("logits", logits, options)

    def _next(self, name: str, logits: Any, options: dict[str, Any]) -> Any:
        if not options and self._draw and (number := self._draw.token(logits, self._step, self._text)) is not None:
            self._append(number)
            return number
        result, token = self._drawn(logits, options)
        if token is None:
            return result.tokens
        if token < 0:
            row = array_of(name, logits)
            cause = _cause(numbers_along(row, list(zip(row.shape, row.strides))), {**self.sampler.options, **options},
                           self.sampler.repetition.is_used())
            raise NoTokenError(f"{name} is {row} with {cause}, and no token can be drawn; expected logits without NaN or "
                               "+inf, one of them above -inf")
        return token

    @_alone
    def sample(self, logits: ArrayLike, **options: Any) -> Sample:
        """The full result of `sample` for the next step; its outputs are among the options."""
        return self._drawn(logits, options)[0]

    def _drawn(self, logits: Any, options: dict[str, Any]) -> tuple[Sample, int | None]:
        """The result of the next step, and the token of one row, or None for a batch."""
        shape, changed = _shape(logits), bool(options)
        if "step" in options:
            raise TypeError(f"step is given to a cursor, which counts the steps; expected step of the cursor: cursor.step = "
                            f"{shown(options['step'])}")
        is_text = self._keeps and len(shape) == 1
        if is_text:
            options = self._of_text(options, shape[0])
        elif self.sampler.repetition.is_used():
            raise OptionError(f"logits has {len(shape)} dimensions, and options of a text are set; expected one row of one "
                              "dimension. Use a cursor for each text")
        given = {**self.sampler.options, **self._stream, **options}
        if len(shape) == 1 and not is_text and not any(history in given for history in _HISTORIES):
            for name in _penalties(given):
                raise OptionError(
                    f"{name} has a number for each row; expected one number for a text" if is_per_row(given[name]) else
                    f"{name} is given to one step; expected Sampler({name}=...), whose cursors keep their tokens")
        if len(shape) > 1:
            self._require_tokens(given, f"logits has {len(shape)} dimensions")
        try:
            checked = cast(Any, sample).checked(logits, step=self._step, **given)
            result = checked.now()
        except LabelError as error:
            if not is_text or error.label not in self._text.tokens:
                raise
            raise of_text(error.label, shape[0]) from None
        if len(shape) > 1:
            self._step += 1
            return result, None
        token = _token(result.tokens)
        if token >= 0:
            self._append(token)
            if not changed:
                self._draw = Draw.of(checked.call, logits, self.sampler.repetition if is_text else None,
                                     is_text and bool(_penalties(self.sampler.options)))
        return result, token

    def _require_tokens(self, given: dict[str, Any], batch: str) -> None:
        """Rejects penalties of a batch without the tokens that they apply to."""
        for name in _penalties(given):
            if self._text.prompt:
                raise OptionError(f"prompt_tokens of start has the tokens of one text, {batch}; expected prompt_tokens in "
                                  "each call")
            if not any(history in given for history in _HISTORIES):
                raise OptionError(f"{name} is set, {batch} and no tokens are passed; a cursor keeps no tokens of a batch: "
                                  "pass output_tokens to each call")

    def _of_text(self, options: dict[str, Any], classes: int) -> dict[str, Any]:
        """The options of a step, with the earlier tokens and their biases."""
        for name in _HISTORIES:
            if name in options:
                raise OptionError(f"{name} is given to a cursor, which has the tokens of its text; expected start("
                                  "prompt_tokens=...) and accept(token)")
        if _penalties({**self.sampler.options, **options}):
            options = {**options, **self._text.histories()}
        if self.sampler.repetition.is_used():
            if options.get("bias_tokens") is not None:
                raise OptionError("bias_tokens is given, and the sampler has options of a text; expected bias, with a "
                                  "number for each class")
            tokens, values, count = self._text.biases(self.sampler.repetition, classes)
            options = {**options, "bias_tokens": tokens[:count], "bias_values": values[:count]}
        return options

    @_alone
    @named
    def verify(self, logits: ArrayLike, drafts: Iterable[int], draft_probabilities: ArrayLike | None = None,
               **unknown: Never) -> list[int]:
        """Checks draft tokens of another model: draws tokens row by row until one differs, and appends them.

        logits  one row more than drafts: row i has the logits after the first i drafts
        drafts  the proposed next tokens, in order
        draft_probabilities  a row of all classes for each draft: the probabilities that it was drawn with, after
                temperature and filters of the other model. More drafts are then accepted, as `sample` describes

        Returns the drawn tokens: the accepted drafts and one more. Without `draft_probabilities` the text is the same as
        without drafts; with them it depends on the drafts, and its tokens have the same probabilities.
        """
        if unknown:
            raise TypeError(f"verify() got {', '.join(map(repr, unknown))}; it takes no options of a step: call next for "
                            "such a step")
        drafts, lent = tokens_of("drafts", drafts), array_of("logits", logits)
        rows = lent.shape
        if len(rows) != 2 or rows[0] != len(drafts) + 1:
            expected = f"[{len(drafts) + 1}, {rows[-1] if rows else 'classes'}]"
            raise ShapeError(f"logits has the shape {list(rows)}, drafts has {plural(len(drafts), 'token')}; expected the "
                             f"shape {expected}, a row for each draft and one more")
        for i, token in enumerate(drafts):
            if token >= rows[1]:
                raise LabelError(f"drafts[{i}] is {token}, logits has {plural(rows[1], 'class')}; expected 0 to {rows[1] - 1}",
                                 0, token, rows[1])
        probabilities = None if draft_probabilities is None else self._probabilities(draft_probabilities, drafts, rows)
        first, tokens = self._step, []
        try:
            for i in range(len(drafts) + 1):
                draft = {} if probabilities is None or i == len(drafts) else {
                    "draft_tokens": array("i", [drafts[i]]), "draft_probabilities": probabilities.at(i)}
                tokens.append(self._next(f"logits[{i}]", lent.at(i), draft))
                if i == len(drafts) or tokens[i] != drafts[i]:
                    break
        except BaseException:
            self._rewind(first)
            raise
        return tokens

    def _probabilities(self, probabilities: ArrayLike, drafts: list[int], rows: tuple[int, ...]) -> Array:
        given = array_of("draft_probabilities", probabilities)
        if given.shape != (len(drafts), rows[1]):
            raise ShapeError(f"draft_probabilities is {given}, drafts has {plural(len(drafts), 'token')}; expected the "
                             f"shape [{len(drafts)}, {rows[1]}], a row for each draft")
        if given.type in FLOATS and self.sampler.options.get("temperature") != 0:  # 0 takes the largest logit
            for place in enumerate(drafts):
                if not 0 < (q := next(numbers_along(given.at(*place), []))) <= 1:
                    raise OptionError(f"draft_probabilities[{place[0]}] has {q} at the draft {place[1]}; {DRAWN}")
        return given

    def __repr__(self) -> str:
        return f"SamplerCursor(step={self._step}, {self.sampler})"

# SPDX-License-Identifier: Apache-2.0
"""The conformance cases: their names, functions, options and inputs. This module computes no results.

Inputs come from integers and exact divisions alone, so that they are the same on every machine. The shape and kind
determine logits and labels, so that many cases share their files. The rest of a case comes from its own random
generator, seeded with its name.
"""
import itertools
import zlib

import numpy as np

import package  # noqa: F401 - finds the package pyxent
from pyxent.conformance import DTYPES

FLOATS = ("f32", "f16", "bf16", "f64")
LABELS = ("i8", "u8", "i16", "i32", "i64")
UNSIGNED = ("u16", "u32", "u64")
LARGEST = {"f32": 3.4028234663852886e38, "f16": 65504.0, "bf16": 3.3895313892515355e38, "f64": 1.7976931348623157e308}
LEAST = {"f32": 2.0**-149, "f16": 2.0**-24, "bf16": 2.0**-133, "f64": 2.0**-1074}


def encode(values, type_name):
    """Doubles in a type, rounded to nearest even."""
    values = np.asarray(values, np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        if type_name != "bf16":
            return values.astype(DTYPES[type_name])
        bits = values.reshape(-1).astype(np.float32).view(np.uint32).astype(np.int64)
    rounded = np.where(np.isnan(values.reshape(-1)), 0x7FC0, (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
    return rounded.astype(np.uint16).reshape(values.shape)


class Source:
    """Random numbers of one case."""

    def __init__(self, name):
        self.random = np.random.RandomState(zlib.crc32(name.encode()))

    def uniform(self, *shape):
        """In [0, 1), with 52 bits."""
        return self.random.randint(0, 1 << 52, shape, dtype=np.int64) / 2.0**52

    def normal(self, *shape):
        """A bell-shaped distribution with deviation 1.15, always within [-4, 4]."""
        return sum(self.uniform(*shape) for _ in range(4)) * 2 - 4

    def below(self, n, *shape):
        return self.random.randint(0, n, shape, dtype=np.int64)

    def choice(self, things):
        return things[int(self.below(len(things), 1)[0])]


def special(row, at, value):
    row = row.copy()
    row[at % len(row)] = value
    return row


# kind -> (source, classes, type of the logits) -> a row
ROWS = {
    "normal": lambda s, n, t: 3 * s.normal(n),
    "wide": lambda s, n, t: 60 * (s.uniform(n) - 0.5),
    "tails": lambda s, n, t: 400 * (s.uniform(n) - 0.5),
    "spike": lambda s, n, t: special(s.normal(n), n // 3, 24),
    "sure": lambda s, n, t: special(s.normal(n), n // 2, 110),
    "ties": lambda s, n, t: np.floor(3 * s.uniform(n)),
    "equal": lambda s, n, t: np.full(n, 1.75),
    "zeros": lambda s, n, t: np.where(s.uniform(n) < 0.5, 0.0, -0.0),
    "subnormal": lambda s, n, t: LEAST[t] * np.floor(100 * s.uniform(n)),
    "some -inf": lambda s, n, t: np.where(s.uniform(n) < 0.4, -np.inf, 2 * s.normal(n)),
    "one finite": lambda s, n, t: special(np.full(n, -np.inf), n - 1, -3.5),
    "all -inf": lambda s, n, t: np.full(n, -np.inf),
    "NaN": lambda s, n, t: special(s.normal(n), n - 1, np.nan),
    "+inf": lambda s, n, t: special(s.normal(n), n // 2, np.inf),
    "NaN and -inf": lambda s, n, t: special(np.full(n, -np.inf), n // 2, np.nan),
    "shifted up": lambda s, n, t: 20000 + 16 * s.normal(n),
    "shifted down": lambda s, n, t: -50000 + 32 * s.normal(n),
    "largest": lambda s, n, t: LARGEST[t] * np.floor(3 * s.uniform(n) - 1),
    "falling": lambda s, n, t: -0.5 * np.arange(n),
}
KINDS = list(ROWS)
FINITE = ["normal", "wide", "spike", "ties", "tails", "sure"]


def rows(kinds, classes, type_name):
    source = Source(f"logits {classes} {len(kinds)}")
    return encode(np.stack([ROWS[kind](source, classes, type_name) for kind in kinds]), type_name)


def cast(values, type_name):
    """Integers in a type."""
    return np.asarray(values).astype(DTYPES[type_name])


class Case:
    """One call, before it is made."""

    def __init__(self, name, function, axis=-1, options=None, parts=None, shape=None, sampling=None):
        self.name, self.function, self.axis, self.parts = name, function, axis, parts
        self.options, self.sampling = dict(options or {}), dict(sampling or {})
        self.source = Source(name)
        self.inputs, self.types, self.wanted, self.shape = {}, {}, {}, shape

    def put(self, name, type_name, array):
        """An input that is already encoded."""
        self.inputs[name], self.types[name] = array, type_name
        return self

    def want(self, **types):
        self.wanted.update(types)
        return self


def computed(type_name):
    """The arithmetic that a type is computed in."""
    return "f64" if type_name == "f64" else "f32"


# ---- softmax, log-softmax, log-sum-exp and their backward ---------------------------------------------------

OUTPUT_OF = {"softmax_forward": "output", "log_softmax_forward": "output", "log_sum_exp": "log_sum_exp"}
COUNTS = (1, 2, 3, 10, 16, 17, 31, 127, 128, 129, 257)


def counts(type_name):
    """The counts at which the sums change their form, in each arithmetic. Results in narrow types are rounded from
    float32."""
    return COUNTS if type_name == "f32" else (1, 2, 17, 129, 257) if type_name == "f64" else (1, 17)


def kinds_for(classes):
    """All kinds of rows for few classes, some kinds for many."""
    if classes <= 17:
        return KINDS
    return KINDS[:4] + ["some -inf", "NaN", "shifted up"] if classes <= 31 else ["normal", "tails", "some -inf"]


def forward(name, function, type_name, output, classes, kinds, **more):
    case = Case(name, function, **more)
    case.put("logits", type_name, rows(kinds, classes, type_name))
    return case.want(**{OUTPUT_OF[function]: output})


def softmax_cases():
    for function in OUTPUT_OF:
        for t in FLOATS:
            for n in counts(t):
                yield forward(f"{function}/{t}/{n}", function, t, t, n, kinds_for(n))
            yield forward(f"{function}/{t}/fully masked zero", function, t, t, 5, KINDS,
                          options={"fully_masked": "zero"})
            if t in ("f32", "f64"):
                yield forward(f"{function}/{t}/1025", function, t, t, 1025, ["normal"])
    for t, output in (("bf16", "f32"), ("f32", "f16"), ("f64", "f32")):
        for function in OUTPUT_OF:
            yield forward(f"{function}/{t} to {output}", function, t, output, 9, KINDS)
    yield forward("softmax_forward/unbatched", "softmax_forward", "f32", "f32", 7, ["normal"])
    for t in FLOATS:
        for function in OUTPUT_OF if t in ("f32", "f64") else ("softmax_forward",):
            yield from option_cases(function, t)


def option_cases(function, t):
    """Temperature, softcap, mask, sink and strips of rows (class axis 1)."""
    def case(name, kinds=KINDS, n=9, **options):
        return forward(f"{function}/{t}/{name}", function, t, t, n, kinds, options=options)

    yield case("temperature", temperature=0.7)
    yield case("softcap", softcap=30.0)
    yield case("softcap and temperature", softcap=5.0, temperature=1.25)
    if t in ("f32", "f64"):
        yield case("temperature 1", temperature=1.0)
        yield case("temperature, least", temperature=2.0**-32)
        yield case("temperature, largest", temperature=2.0**32)
        yield case("temperature, many classes", temperature=31.8, kinds=kinds_for(1025), n=1025)
    masked = case("mask")
    masked.put("class_mask", "u8", cast(masked.source.below(3, len(KINDS), 9), "u8"))
    masked.inputs["class_mask"][0] = 0
    yield masked
    one = case("mask for all rows", n=17)
    yield one.put("class_mask", "u8", cast(one.source.below(2, 17), "u8"))
    sink = case("sink")
    values = 4 * sink.source.normal(len(KINDS))
    values[-1], values[-2], values[-3], values[8] = np.inf, -np.inf, np.nan, 19990
    yield sink.put("sink", t, encode(values, t))
    one = case("sink for all rows, temperature, mask", temperature=2.0, fully_masked="zero")
    one.put("class_mask", "u8", cast(one.source.below(2, len(KINDS), 9), "u8"))
    yield one.put("sink", t, encode(1.5, t))
    deep = Case(f"{function}/{t}/axis 1", function, axis=1)
    values = encode(4 * deep.source.normal(2, 5, 3, 2), t)
    yield deep.put("logits", t, values).want(**{OUTPUT_OF[function]: t})
    ragged = Case(f"{function}/{t}/ragged", function, shape=[6, 9])
    offsets = np.array([0, 3, 3, 12, 13, 20, 20])
    ragged.put("logits", t, encode(3 * ragged.source.normal(20), t)).put("row_offsets", "i32", cast(offsets, "i32"))
    yield ragged.want(**{OUTPUT_OF[function]: t})


def near_zero(source, classes):
    """Rows whose log-sum-exp is about 0: the largest class, and the distance of the others from it."""
    largest = [0.0, -0.0, 1e-3, -1e-3, -0.05, 0.1, -0.12, 0.12499, -0.125, 1e-30]
    gaps = [1.5, 2.2, 3.0, 5.0, 8.0, 20.0, 40.0, 70.0, 85.0, 300.0]
    result = np.empty((len(largest) * len(gaps), classes))
    for i, (most, gap) in enumerate((a, b) for a in largest for b in gaps):
        result[i] = most - (gap + np.log(max(classes - 1, 1)) + 2 * source.uniform(classes))
        result[i, int(source.below(classes, 1)[0])] = most
    return result


def near_zero_cases_of(t):
    def case(name, classes, function="log_sum_exp", **more):
        one = Case(f"log_sum_exp/{t}/next to 0, {name}", function, **more)
        values = near_zero(one.source, classes)[::3 if classes < 100 else 11 if classes < 1000 else 40]
        return one.put("logits", t, encode(values, t)).want(log_sum_exp=t)

    for n in (2, 9, 17, 129) if t in ("f32", "f64") else (9,):
        yield case(str(n), n)
    yield case("no targets", 9, "cross_entropy", options={"top_count": 2}).want(argmax="i32", entropies=t)
    if t != "f64":
        falling = Case(f"log_sum_exp/{t}/next to 0, falling", "cross_entropy", options={"top_count": 3})
        falling.put("logits", t, encode(np.stack([-np.minimum(np.arange(1100.0), 99)] * 2), t))
        yield falling.want(log_sum_exp=t, argmax="i64", entropies=t, top_classes="i64", top_log_probabilities=t)
    if t in ("f16", "bf16"):
        return
    yield case("temperature", 9, options={"temperature": 0.7})
    yield case("softcap", 9, options={"softcap": 2.0})
    yield case("many", 1030)
    masked = case("mask", 9)
    yield masked.put("class_mask", "u8", cast(masked.source.below(4, *masked.inputs["logits"].shape) > 0, "u8"))
    sinks = case("sink", 9, options={"temperature": 1.5})
    yield sinks.put("sink", t, encode(near_zero(sinks.source, 2)[::3, 0], t))
    largest = parts_near_zero()
    for name, masked, sinks in (("", (), None), (", mask", (0,), None), (", sink", (), [0.07, 1.0, 2.0]),
                                (", mask, sink", (0, 8192), [0.03, -0.05, 0.1])):
        parts = case(f"in parts{name}", 8194, parts=[8192])
        mask = np.ones((3, 8194))
        if masked:
            mask[0, np.argmax(largest[0, :8192])] = 0
            mask[0, masked[1:]] = 0
            parts.put("class_mask", "u8", cast(mask, "u8"))
        if sinks:
            parts.put("sink", t, encode(sinks, t))
        yield parts.put("logits", t, encode(largest, t))
    above = case("many, a sink above all", 1030)
    values = near_zero(Source(f"log_sum_exp/{t}/next to 0, many"), 1030)[::40]
    mask = np.ones(values.shape)
    np.put_along_axis(mask, values.argmax(axis=-1)[:, None], 0, axis=-1)
    above.put("logits", t, encode(values, t)).put("class_mask", "u8", cast(mask, "u8"))
    yield above.put("sink", t, encode([0.03, -0.02, 0.0], t))


def parts_near_zero():
    """Rows whose second chunk has the largest class, or of whose chunks one has an infinity, the other a large number
    and a NaN."""
    values = near_zero(Source("in parts"), 8194)[1:4]
    values[0, 8192], values[1, 8192], values[2, 8192], values[2, 8193] = 0.0625, np.inf, 1e30, np.nan
    values[1, 3], values[1, 5], values[2, 5] = 1e30, np.nan, np.inf
    return values


def near_zero_cases():
    return [case for t in FLOATS for case in near_zero_cases_of(t)]


def backward_cases():
    """The outputs of a forward as inputs: probabilities p / sum p of integers, or logarithms of such probabilities."""
    for t in FLOATS:
        for n in (1, 2, 17, 128, 129) if t != "f16" else (17,):
            for name, options in (("", {}), (" temperature", {"temperature": 0.5})):
                if name and n != 17:
                    continue
                for function in ("softmax_backward", "log_softmax_backward"):
                    case = Case(f"{function}/{t}/{n}{name}", function, options=options)
                    yield backward(case, t, (4, n))
        for function in ("softmax_backward", "log_softmax_backward"):
            yield backward(Case(f"{function}/{t}/axis 1", function, axis=1), t, (2, 6, 3))
            masked = backward(Case(f"{function}/{t}/mask", function), t, (4, 12))
            yield masked.put("class_mask", "u8", cast(masked.source.below(2, 4, 12), "u8"))


def backward(case, t, shape):
    whole = case.source.below(1000, *shape) + 1.0
    p = whole / whole.sum(axis=case.axis, keepdims=True)
    y = p if case.function == "softmax_backward" else -np.round(8 * case.source.uniform(*shape), 2)
    dy = case.source.normal(*shape)
    return case.put("output", t, encode(y, t)).put("upstream", t, encode(dy, t)).want(gradient=t)


# ---- cross-entropy --------------------------------------------------------------------------------------------

def labels_of(source, shape, classes, type_name="i32"):
    most = min(classes, {"i8": 128, "u8": 256}.get(type_name, classes))
    return cast(source.below(most, *shape), type_name)


def every_output(t, gradient=True):
    """The outputs of a call with labels."""
    wanted = dict(losses=t, log_sum_exp=t, correct="u8", log_probabilities=t, argmax="i64", ranks="i32", entropies=t,
                  top_classes="i32", top_log_probabilities=t, sum="f64", valid_rows="i64", denominator="f64")
    return {**wanted, "gradient": t} if gradient else wanted


def some_outputs(t):
    """Outputs that the options of targets change."""
    return dict(losses=t, log_probabilities=t, gradient=t, sum="f64", valid_rows="i64", denominator="f64")


def labelled(name, t, n, kinds, labels="i32", options=None, wanted=None, **more):
    """Labels anywhere; plain calls also return the results of a plain call."""
    case = Case(name, "cross_entropy", options=options, **more)
    case.put("logits", t, rows(kinds, n, t))
    case.put("targets", labels, labels_of(Source(f"labels {n} {len(kinds)}"), (len(kinds),), n, labels))
    plain = dict(losses=t, log_sum_exp=t, correct="u8", gradient=t, sum="f64", valid_rows="i64", denominator="f64")
    case.want(**(wanted or plain))
    if "top_classes" in case.wanted:
        case.options["top_count"] = min(3, n)
    return case


def label_cases():
    for t in FLOATS:
        for n in counts(t):
            yield labelled(f"cross_entropy/{t}/{n}", t, n, kinds_for(n))
        for n in (1, 2, 17, 129) if t in ("f32", "f64") else (9,):
            yield labelled(f"cross_entropy/{t}/every output, {n}", t, n, kinds_for(n), wanted=every_output(t))
        if t in ("f32", "f64"):
            for n in (1000, 1025):
                yield labelled(f"cross_entropy/{t}/{n}", t, n, ["normal"], wanted=every_output(t, gradient=n == 1025))
        for labels in LABELS if t in ("f32", "f64") else ():
            case = labelled(f"cross_entropy/{t}/labels {labels}", t, 129, ["normal", "tails", "some -inf"], labels)
            case.options["ignore_index"] = 255 if labels == "u8" else -1 if labels == "i8" else -100
            case.inputs["targets"][1] = case.options["ignore_index"]
            yield case
        for labels in LABELS + UNSIGNED if t in ("f32", "f64") else ():
            case = labelled(f"cross_entropy/{t}/labels {labels}, many rows", t, 10, KINDS, labels,
                            wanted=dict(losses=t, sum="f64"))
            case.options["ignore_index"] = 200 if labels[0] == "u" else -3
            case.inputs["targets"][4] = case.inputs["targets"][11] = case.options["ignore_index"]
            yield case
        yield from label_options(t)


def label_options(t):
    def case(name, kinds=KINDS, n=9, wanted=None, **options):
        return labelled(f"cross_entropy/{t}/{name}", t, n, kinds, options=options, wanted=wanted or some_outputs(t))

    yield case("fully masked zero", fully_masked="zero", wanted=every_output(t))
    yield case("smoothing", label_smoothing=0.1)
    yield case("smoothing others", label_smoothing=0.25, smoothing="others")
    yield case("temperature", temperature=0.125, wanted=every_output(t))
    yield case("softcap", softcap=15.0, wanted=every_output(t))
    yield case("z-loss", z_loss=0.0001)
    yield case("clamp", probability_clamp=1e-7)
    yield weighted(case("weights"), t)
    yield masked(case("mask", wanted=every_output(t)))
    yield sunk(case("sink", wanted=every_output(t)), t)
    yield sunk(masked(weighted(case("everything", label_smoothing=0.2, z_loss=0.01, temperature=0.8, softcap=20.0,
                                    gradient_scale=0.5, wanted=every_output(t)), t)), t)
    deep = Case(f"cross_entropy/{t}/axis 1", "cross_entropy", axis=1, options={"label_smoothing": 0.1, "top_count": 2})
    deep.put("logits", t, encode(4 * Source("axis 1").normal(2, 5, 3, 2), t))
    yield deep.put("targets", "i64", labels_of(deep.source, (2, 3, 2), 5, "i64")).want(**every_output(t))
    yield ragged_labels(t, {})
    free = Case(f"cross_entropy/{t}/no targets", "cross_entropy", options={"top_count": 5})
    free.put("logits", t, rows(KINDS, 9, t))
    yield free.want(log_sum_exp=t, argmax="i32", entropies=t, top_classes="i64", top_log_probabilities=t)
    ignored = Case(f"cross_entropy/{t}/no targets, every other row ignored", "cross_entropy")
    ignored.put("logits", t, rows(["+inf", "normal", "some -inf", "all -inf"], 9, t))
    yield ignored.put("row_weights", t, encode(np.array([1.0, 0, 1, 0]), t)).want(log_sum_exp=t, argmax="i32")
    if t in ("f16", "bf16"):
        return
    yield case("smoothing 1", label_smoothing=1.0)
    yield case("smoothing others 1", label_smoothing=1.0, smoothing="others")
    yield case("smoothing near 1", label_smoothing=1 - 2.0**-30, temperature=0.7)
    yield case("smoothing others near 1", label_smoothing=1 - 2.0**-30, smoothing="others")
    yield case("smoothing, one class", n=1, label_smoothing=0.3)
    yield case("smoothing others, one class", n=1, label_smoothing=0.3, smoothing="others")
    yield case("z-loss, shifted", z_loss=0.5, kinds=["shifted up", "shifted down", "tails"])
    yield case("clamp at a half", probability_clamp=0.5)
    yield case("gradient scale", gradient_scale=-0.03125)
    yield case("gradient scale, tiny", gradient_scale=1e-40 if t == "f32" else 1e-310)
    yield case("gradient scale 0", gradient_scale=0.0)
    yield labelled(f"cross_entropy/{t}/smoothing, plain call", t, 17, KINDS, options={"label_smoothing": 0.1})
    yield weighted(case("weights, smoothing", label_smoothing=0.2), t)
    yield weighted(case("weights, smoothing others", label_smoothing=0.2, smoothing="others"), t)
    yield weighted(case("weights, clamp", probability_clamp=0.01), t)
    yield masked(case("mask, smoothing", label_smoothing=0.2))
    yield masked(case("mask, smoothing others", label_smoothing=0.2, smoothing="others", fully_masked="zero"))
    many = dict(n=300, kinds=["normal", "ties"])
    yield masked(case("mask, smoothing, many classes", label_smoothing=0.2, **many))
    yield masked(weighted(case("mask, smoothing others, many classes", label_smoothing=0.2, smoothing="others", **many), t))
    yield from columns_of_labels(t)
    yield sunk(case("sink, smoothing, z-loss", label_smoothing=0.1, z_loss=0.25), t)
    yield sunk(case("sink, temperature", temperature=3.0), t)
    yield sunk(masked(weighted(case("everything, others", label_smoothing=0.2, smoothing="others", z_loss=0.01,
                                    fully_masked="zero", wanted=every_output(t)), t)), t)
    per_row = case("row weights u8")
    yield per_row.put("row_weights", "u8", cast(per_row.source.below(3, len(KINDS)), "u8"))
    per_row = case("row weights, ignore index", ignore_index=4, wanted=every_output(t))
    weights = np.floor(per_row.source.uniform(len(KINDS)) * 5) / 2
    yield per_row.put("row_weights", computed(t), encode(weights, computed(t)))
    ignored = case("ignore index inside", ignore_index=2)
    ignored.inputs["targets"][::3] = 2
    yield ignored
    none = case("none counted", kinds=KINDS[:4], ignore_index=-1)
    none.inputs["targets"][:] = -1
    yield none
    best = case("label at the maximum", kinds=FINITE, wanted=every_output(t))
    best.inputs["targets"][:] = [np.argmax(decode(row, t)) for row in best.inputs["logits"]]
    yield best
    five = Case(f"cross_entropy/{t}/axis 1, plain", "cross_entropy", axis=1)
    five.put("logits", t, encode(4 * five.source.normal(2, 4, 2, 3, 3), t))
    five.put("targets", "u8", labels_of(five.source, (2, 2, 3, 3), 4, "u8"))
    yield five.want(losses=t, log_sum_exp=t, correct="u8", gradient=t)
    one = Case(f"cross_entropy/{t}/unbatched", "cross_entropy")
    one.put("logits", t, rows(["normal"], 6, t)[0]).put("targets", "i16", cast(4, "i16"))
    yield one.want(losses=t, gradient=t, correct="u8")
    yield ragged_labels(t, {"label_smoothing": 0.2, "fully_masked": "zero"})


def columns(name, t, n, **options):
    """Forty rows side by side."""
    case = Case(name, "cross_entropy", axis=0, options=options)
    case.put("logits", t, encode(4 * Source(f"columns {n}").normal(n, 40), t))
    return case.put("targets", "i16", labels_of(Source(f"labels of columns {n}"), (40,), n, "i16")).want(**some_outputs(t))


def columns_of_labels(t):
    def with_mask(case):
        mask = case.source.below(2, *case.inputs["logits"].shape)
        mask[case.inputs["targets"], np.arange(40)] = 1
        return case.put("class_mask", "u8", cast(mask, "u8"))

    def with_weights(case, n):
        return case.put("class_weights", t, encode(np.floor(4 * case.source.uniform(n)) / 2, t))

    for n in (5, 21):
        name = f"cross_entropy/{t}/columns of {n}"
        yield columns(f"{name}, every output", t, n, top_count=2).want(**every_output(t))
        yield with_mask(with_weights(columns(f"{name}, mask, weights, smoothing", t, n, label_smoothing=0.3), n))
        yield with_mask(columns(f"{name}, mask, smoothing others", t, n, label_smoothing=0.2, smoothing="others"))
        ignored = columns(f"{name}, ignored, softcap, z-loss", t, n, ignore_index=0, softcap=6.0, z_loss=0.01)
        ignored.inputs["targets"][::3] = 0
        yield ignored
        case = columns(f"{name}, probabilities, mask, smoothing", t, n, label_smoothing=0.1, fully_masked="zero")
        case.put("class_mask", "u8", cast(case.source.below(3, n, 40) > 0, "u8"))
        case.wanted = soft_outputs(t)
        yield case.put("targets", t, encode(np.floor(5 * case.source.uniform(n, 40)) / 4, t))


def ragged_labels(t, options):
    name = "ragged, smoothing" if options else "ragged"
    case = Case(f"cross_entropy/{t}/{name}", "cross_entropy", shape=[7, 140], options={**options, "top_count": 2})
    lengths = np.array([3, 0, 7, 1, 140, 0, 4])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    case.put("logits", t, encode(4 * case.source.normal(offsets[-1]), t)).put("row_offsets", "i64", cast(offsets, "i64"))
    labels = np.array([2, -1, 0, 0, 131, -1, 3])  # the only valid label of an empty row is the ignore index
    case.options["ignore_index"] = -1
    return case.put("targets", "i32", cast(labels, "i32")).want(**every_output(t))


def decode(array, type_name):
    """As doubles."""
    if type_name == "bf16":
        return np.left_shift(array, 16, dtype=np.uint32).view(np.float32).astype(np.float64)
    return array.astype(np.float64)


def weighted(case, t):
    weights = np.round(3 * case.source.uniform(case.inputs["logits"].shape[-1]), 3)
    weights[:: 5] = 0
    return case.put("class_weights", computed(t), encode(weights, computed(t)))


def masked(case):
    """A mask that keeps the labels."""
    logits = case.inputs["logits"]
    mask = case.source.below(2, *logits.shape)
    np.put_along_axis(mask, case.inputs["targets"].astype(np.int64)[:, None], 1, axis=1)
    return case.put("class_mask", "u8", cast(mask, "u8"))


def sunk(case, t):
    values = 4 * case.source.normal(len(case.inputs["logits"]))
    values[:4] = 12, -np.inf, -200, 3
    return case.put("sink", t, encode(values, t))


# ---- probability rows and sparse rows ------------------------------------------------------------------------

def soft_outputs(t):
    return dict(losses=t, gradient=t, target_gradient=t, sum="f64", valid_rows="i64", denominator="f64")


def soft_cases():
    for t in FLOATS:
        yield soft(f"soft/{t}/every output", t, 9)
        yield soft(f"soft/{t}/smoothing", t, 9, label_smoothing=0.1)
        yield weighted(soft(f"soft/{t}/weights, smoothing", t, 9, label_smoothing=0.3), t)
        if t in ("f16", "bf16"):
            continue
        for n in (1, 2, 17, 129):
            yield soft(f"soft/{t}/plain, {n}", t, n, dict(losses=t, log_sum_exp=t, gradient=t))
        yield soft(f"soft/{t}/smoothing, plain", t, 9, dict(losses=t, gradient=t), label_smoothing=0.1)
        yield soft(f"soft/{t}/clamp", t, 9, dict(losses=t, gradient=t), probability_clamp=0.05)
        yield soft(f"soft/{t}/temperature, softcap, z-loss", t, 9, temperature=0.5, softcap=10.0, z_loss=0.01)
        yield weighted(soft(f"soft/{t}/weights", t, 9), t)
        case = soft(f"soft/{t}/row mask, class mask", t, 9, label_smoothing=0.3, fully_masked="zero")
        case.put("row_weights", "u8", cast(case.source.below(2, len(KINDS)), "u8"))
        yield case.put("class_mask", "u8", cast(case.source.below(2, len(KINDS), 9), "u8"))
        yield sunk(soft(f"soft/{t}/sink", t, 9), t)
        deep = Case(f"soft/{t}/axis 1", "cross_entropy", axis=1)
        deep.put("logits", t, encode(4 * deep.source.normal(2, 5, 3), t))
        yield deep.put("targets", t, encode(deep.source.uniform(2, 5, 3), t)).want(**soft_outputs(t))
        ragged = Case(f"soft/{t}/ragged", "cross_entropy", shape=[4, 6], options={"label_smoothing": 0.1})
        ragged.put("logits", t, encode(4 * ragged.source.normal(12), t))
        ragged.put("targets", t, encode(ragged.source.uniform(12), t))
        yield ragged.put("row_offsets", "i32", cast([0, 5, 5, 6, 12], "i32")).want(**soft_outputs(t))


def soft(name, t, n, wanted=None, **options):
    case, kinds = Case(name, "cross_entropy", options=options), KINDS if n <= 17 else kinds_for(n)
    case.put("logits", t, rows(kinds, n, t))
    s = Source(f"probabilities {n}")
    q = np.where(s.uniform(len(kinds), n) < 0.3, 0, 2 * s.uniform(len(kinds), n) - 0.25)
    return case.put("targets", t, encode(q, t)).want(**(wanted or soft_outputs(t)))


def sparse_cases():
    for t in FLOATS:
        yield sparse(f"sparse/{t}/plain", t, 3)
        yield weighted(sparse(f"sparse/{t}/weights, smoothing", t, 4, label_smoothing=0.2), t)
        if t in ("f16", "bf16"):
            continue
        yield sparse(f"sparse/{t}/one of each row", t, 1)
        yield sparse(f"sparse/{t}/smoothing", t, 3, label_smoothing=0.1)
        yield sparse(f"sparse/{t}/temperature, softcap, z-loss", t, 2, temperature=0.5, softcap=10.0, z_loss=0.01)
        case = sparse(f"sparse/{t}/some missing", t, 4, ignore_index=-1)
        case.inputs["targets"][:, 2:][case.source.uniform(len(KINDS), 2) < 0.6] = -1
        case.inputs["targets"][3] = -1
        yield case
        deep = Case(f"sparse/{t}/axis 1", "cross_entropy", axis=1)
        deep.put("logits", t, encode(4 * deep.source.normal(2, 7, 3), t))
        deep.put("targets", "i8", labels_of(deep.source, (2, 2, 3), 7, "i8"))
        yield deep.put("target_weights", t, encode(deep.source.uniform(2, 2, 3), t)).want(**soft_outputs(t))


def sparse(name, t, count, **options):
    case = Case(name, "cross_entropy", options=options)
    case.put("logits", t, rows(KINDS, 9, t))
    s = Source(f"sparse {count}")
    case.put("targets", "i32", labels_of(s, (len(KINDS), count), 9))
    p = np.where(s.uniform(len(KINDS), count) < 0.2, 0, s.uniform(len(KINDS), count))
    return case.put("target_weights", t, encode(p, t)).want(**soft_outputs(t))


# ---- types, backward from statistics, divergence, long rows, everything at random ---------------------------------

def mixed_cases():
    """Arrays of one call in different types."""
    narrow = ("f32", "f16", "bf16")
    for logits, losses, gradient in itertools.product(narrow, narrow, narrow):
        if logits == losses == gradient:
            continue
        case = labelled(f"mixed/{logits}, losses {losses}, gradient {gradient}", logits, 10, FINITE,
                        wanted=dict(losses=losses, log_sum_exp=losses, gradient=gradient))
        yield case
    case = labelled("mixed/f64, results f32", "f64", 10, KINDS, wanted=dict(losses="f32", log_sum_exp="f32", gradient="f32"))
    yield case
    case = soft("mixed/bf16, probabilities f32", "bf16", 9, soft_outputs("f32"))
    yield case.put("targets", "f32", encode(case.source.uniform(len(KINDS), 9), "f32"))
    case = weighted(soft("mixed/f32, probabilities f16", "f32", 9, soft_outputs("f32")), "f32")
    yield case.put("targets", "f16", encode(case.source.uniform(len(KINDS), 9), "f16"))
    case = soft("mixed/f64, probabilities f32", "f64", 9, soft_outputs("f64"))
    yield case.put("targets", "f32", encode(case.source.uniform(len(KINDS), 9), "f32"))


def from_statistics_cases():
    for t in FLOATS:
        for name, options in (("plain", {}), ("smoothing", {"label_smoothing": 0.1}),
                              ("softcap, z-loss", {"softcap": 8.0, "z_loss": 0.01, "temperature": 0.5})):
            case = labelled(f"cross_entropy_backward/{t}/{name}", t, 9, KINDS, options=options,
                            wanted=dict(gradient=t))
            case.function = "cross_entropy_backward"
            yield case.put("upstream", t, encode(case.source.normal(len(KINDS)), t))
        case = weighted(soft(f"cross_entropy_backward/{t}/probabilities, weights", t, 9, dict(gradient=t)), t)
        case.function = "cross_entropy_backward"
        yield case.put("upstream", t, encode(case.source.normal(len(KINDS)), t))
        case = sparse(f"cross_entropy_backward/{t}/sparse, smoothing", t, 3, label_smoothing=0.1)
        case.function, case.wanted = "cross_entropy_backward", {"gradient": t}
        yield case.put("upstream", t, encode(case.source.normal(len(KINDS)), t))


DIVERGENCES = ("kl_divergence", "jensen_shannon_divergence", "total_variation")


def divergence_cases():
    for function in DIVERGENCES:
        yield from cases_of_divergence(function)


def cases_of_divergence(function):
    for t in FLOATS:
        for name, options in (("plain", {}), ("temperature", {"temperature": 4.0, "gradient_scale": 16.0}),
                              ("fully masked zero", {"fully_masked": "zero"})):
            case = Case(f"{function}/{t}/{name}", function, options=options)
            yield divergence(case, t, 9)
        case = divergence(Case(f"{function}/{t}/mask, row weights", function), t, 9)
        case.put("class_mask", "u8", cast(case.source.below(2, 9), "u8"))
        weights = np.floor(4 * case.source.uniform(len(KINDS))) / 2
        yield case.put("row_weights", "f32", encode(weights, "f32"))
        close = Case(f"{function}/{t}/nearly equal", function)
        values = 4 * close.source.normal(5, 20)
        close.put("logits", t, encode(values, t)).put("teacher", t, encode(values + 2.0**-10 * close.source.normal(5, 20), t))
        yield close.want(losses=t, gradient=t, sum="f64")
    for t in ("f32", "f64"):
        same = Case(f"{function}/{t}/the same", function)
        same.put("logits", t, rows(FINITE, 9, t)).put("teacher", t, rows(FINITE, 9, t))
        yield same.want(losses=t, gradient=t)
        apart = Case(f"{function}/{t}/no class in common", function)
        values = 3 * apart.source.normal(2, 8, 40)
        for row, cut in enumerate((1, 5, 9, 14, 20, 27, 33, 39)):
            values[0, row, :cut] = values[1, row, cut:] = -np.inf if row % 2 else -60
        apart.put("logits", t, encode(values[0], t)).put("teacher", t, encode(values[1], t))
        yield apart.want(losses=t)
    deep = Case(f"{function}/f32, teacher bf16/axis 1", function, axis=1)
    deep.put("logits", "f32", encode(4 * deep.source.normal(2, 5, 3), "f32"))
    yield deep.put("teacher", "bf16", encode(4 * deep.source.normal(2, 5, 3), "bf16")).want(losses="f32", gradient="f32")


def divergence(case, t, n):
    case.put("logits", t, rows(KINDS, n, t))
    case.put("teacher", t, rows(KINDS[3:] + KINDS[:3], n, t))
    return case.want(losses=t, gradient=t, sum="f64")


def hvp_cases():
    for t in FLOATS:
        for n in counts(t):
            yield hvp(f"cross_entropy_hvp/{t}/{n}", t, n)
        yield hvp(f"cross_entropy_hvp/{t}/temperature", t, 9, temperature=0.7, gradient_scale=-0.25)
        yield hvp(f"cross_entropy_hvp/{t}/fully masked zero", t, 9, fully_masked="zero")
        bytes_ = hvp(f"cross_entropy_hvp/{t}/row weights u8", t, 9)
        yield bytes_.put("row_weights", "u8", cast(bytes_.source.below(3, len(KINDS)), "u8"))
        every = hvp(f"cross_entropy_hvp/{t}/mask, row weights, sink", t, 17, temperature=2.0, gradient_scale=0.1)
        every.put("class_mask", "u8", cast(every.source.below(3, len(KINDS), 17) > 0, "u8"))
        every.put("row_weights", computed(t), encode(np.floor(5 * every.source.uniform(len(KINDS))) / 2, computed(t)))
        yield sunk(every, t)
        deep = Case(f"cross_entropy_hvp/{t}/axis 1", "cross_entropy_hvp", axis=1)
        deep.put("logits", t, encode(4 * deep.source.normal(2, 7, 3), t))
        deep.put("upstream", t, encode(deep.source.normal(2, 7, 3), t))
        yield deep.want(output=computed(t))
        ragged = Case(f"cross_entropy_hvp/{t}/ragged", "cross_entropy_hvp", shape=[5, 140])
        ragged.put("logits", t, encode(3 * ragged.source.normal(150), t))
        ragged.put("upstream", t, encode(ragged.source.normal(150), t))
        ragged.put("row_offsets", "i32", cast([0, 3, 3, 143, 144, 150], "i32"))
        yield ragged.want(output=computed(t))
    for t in ("f32", "f64"):
        beyond = hvp(f"cross_entropy_hvp/{t}/vectors with infinities and NaN", t, 9, kinds=["normal"] * 4)
        v = beyond.source.normal(4, 9)
        v[0, 2] = v[1, 1] = np.inf
        v[1, 5], v[2, 7], v[3, 0] = -np.inf, np.nan, -np.inf
        yield beyond.put("upstream", t, encode(v, t))
    yield hvp("cross_entropy_hvp/bf16, vectors f32", "bf16", 9, vectors="f32")
    yield hvp("cross_entropy_hvp/f64, vectors f32", "f64", 9, vectors="f32")
    yield hvp("long/cross_entropy_hvp/f32/8193", "f32", 8193, kinds=["normal"])


def hvp(name, t, n, vectors=None, kinds=None, **options):
    case = Case(name, "cross_entropy_hvp", options=options)
    kinds = kinds or kinds_for(n)
    case.put("logits", t, rows(kinds, n, t))
    v = Source(f"vectors {n} {len(kinds)}").normal(len(kinds), n)
    return case.put("upstream", vectors or t, encode(v, vectors or t)).want(output=computed(t))


# ---- selected log-probabilities, sampling ---------------------------------------------------------------------------

def selected_cases():
    for t in FLOATS:
        yield selected(f"selected_log_probabilities/{t}/one of each row", t, 9, None)
        for n in counts(t):
            yield selected(f"selected_log_probabilities/{t}/three of {n}", t, n, 3)
        yield selected(f"selected_log_probabilities/{t}/temperature", t, 9, 4, temperature=0.7, gradient_scale=0.5)
        yield selected(f"selected_log_probabilities/{t}/softcap", t, 9, 4, softcap=20.0)
        yield selected(f"selected_log_probabilities/{t}/fully masked zero", t, 9, 2, fully_masked="zero")
        some = selected(f"selected_log_probabilities/{t}/some ignored", t, 9, 5, ignore_index=-100)
        ignored = some.source.uniform(len(KINDS), 5) < 0.4
        ignored[3] = True
        some.inputs["targets"] = np.where(ignored, -100, some.inputs["targets"]).astype(np.int32)
        yield some
        yield sunk(selected(f"selected_log_probabilities/{t}/sink", t, 9, 3), t)
        mask = selected(f"selected_log_probabilities/{t}/mask", t, 9, 2)
        flags = mask.source.below(2, len(KINDS), 9)
        np.put_along_axis(flags, mask.inputs["targets"].astype(np.int64), 1, axis=1)
        yield mask.put("class_mask", "u8", cast(flags, "u8"))
        deep = Case(f"selected_log_probabilities/{t}/axis 1", "selected_log_probabilities", axis=1)
        deep.put("logits", t, encode(4 * deep.source.normal(2, 7, 3), t))
        deep.put("targets", "i16", labels_of(deep.source, (2, 2, 3), 7, "i16"))
        deep.put("upstream", t, encode(deep.source.normal(2, 2, 3), t))
        yield deep.want(log_probabilities=t, gradient=t)
        ragged = Case(f"selected_log_probabilities/{t}/ragged", "selected_log_probabilities", shape=[4, 6])
        ragged.put("logits", t, encode(4 * ragged.source.normal(13), t))
        ragged.put("row_offsets", "i64", cast([0, 5, 6, 7, 13], "i64"))
        ragged.put("targets", "i8", cast([[0, 4], [0, 0], [0, 0], [5, 2]], "i8"))
        yield ragged.want(log_probabilities=t, gradient=t)


def selected(name, t, n, count, **options):
    """Any classes, with repetitions; an upstream gradient unless there is one class per row."""
    case = Case(name, "selected_log_probabilities", options=options)
    kinds = kinds_for(n)
    case.put("logits", t, rows(kinds, n, t))
    places = (len(kinds),) if count is None else (len(kinds), count)
    case.put("targets", "i32", labels_of(case.source, places, n))
    if count is not None:
        case.put("upstream", t, encode(2 * case.source.normal(*places), t))
    return case.want(log_probabilities=t, gradient=t)


# Options of sampling: what each filter does alone, at edges, and together.
SAMPLINGS = {
    "no filter": {},
    "greedy": {"greedy": 1},
    "top-k": {"top_k": 4},
    "top-k 1": {"top_k": 1},
    "top-k, all ties": {"top_k": 4, "ties": "all"},
    "top-p": {"top_p": 0.7},
    "top-p near 0": {"top_p": 1e-9},
    "min-p": {"min_p": 0.1},
    "typical-p": {"typical_p": 0.6},
    "minimum kept": {"top_p": 0.1, "min_p": 0.5, "min_keep": 3},
    "temperature": {"temperature": 0.6},
    "temperature, least": {"temperature": 2.0**-32},
    "usual": {"top_k": 50, "top_p": 0.9, "min_p": 0.05, "temperature": 0.8},
    "every filter": {"top_k": 12, "top_p": 0.95, "min_p": 0.01, "typical_p": 0.9, "temperature": 1.5},
    "top-n-sigma": {"top_n_sigma": 1.0},
    "XTC": {"xtc_probability": 1.0, "xtc_threshold": 0.2},
    "XTC, half of the rows": {"xtc_probability": 0.5, "min_keep": 2},
    "top-p, then top-k": {"top_k": 4, "top_p": 0.7, "order": 0x0102},
    "temperature between": {"min_p": 0.2, "top_p": 0.9, "temperature": 3.0, "order": 0x020703},
}

# Options that came later, of fewer cases.
LATER_SAMPLINGS = {
    "scale": {"scale": 0.3, "top_p": 0.9},
    "scale, softcap": {"scale": 1.7, "softcap": 5.0, "min_p": 0.02},
    "dynatemp": {"dynatemp_range": 0.5},
    "dynatemp of a few classes": {"top_k": 6, "temperature": 0.8, "dynatemp_range": 0.5, "dynatemp_exponent": 2.0,
                                  "min_p": 0.1, "order": 0x030701},
    "dynatemp of llama.cpp": {"rules": "llama.cpp", "top_k": 20, "top_p": 0.95, "min_p": 0.05, "temperature": 0.8,
                              "dynatemp_range": 1.0, "dynatemp_exponent": 0.7},
}


def sampling_cases():
    for t in ("f32", "f16", "bf16"):
        for name, numbers in SAMPLINGS.items():
            for n in (9, 129) if t == "f32" else (17,):
                yield sampled(f"sample/{t}/{name}, {n}", t, n, seed=7, **numbers)
    for rules in ("transformers", "vllm", "llama.cpp", "onnxruntime-genai"):
        numbers = {"top_k": 10, "top_p": 0.8, "temperature": 0.7, "rules": rules}
        if rules != "onnxruntime-genai":
            numbers["min_p"] = 0.02
        yield sampled(f"sample/f32/rules of {rules}", "f32", 31, seed=1, **numbers)
    yield sampled("sample/f32/all filters of llama.cpp", "f32", 31, seed=1, top_n_sigma=2.0, top_k=20, typical_p=0.95,
                  top_p=0.9, min_p=0.02, xtc_probability=0.75, temperature=0.7, rules="llama.cpp")
    for i, random in enumerate(({"step": 9}, {"draw": 3}, {"stream": 2**40 + 5}, {"seed": 2**52 + 12345, "step": 2**32 - 1})):
        yield sampled(f"sample/f32/random numbers {i}", "f32", 9, **random)
    for t in ("f32", "bf16"):
        penalties = {"repetition_penalty": 1.3, "frequency_penalty": 0.25, "presence_penalty": -0.5, "top_k": 5}
        case = sampled(f"sample/{t}/mask, bias, penalties", t, 17, seed=3, **penalties)
        count = len(case.inputs["logits"])
        case.put("class_mask", "u8", cast(case.source.below(4, count, 17) > 0, "u8"))
        bias = case.source.normal(count, 17)
        case.put("bias", t, encode(np.where(case.source.uniform(count, 17) < 0.1, -np.inf, bias), t))
        case.put("prompt_tokens", "i16", cast(case.source.below(18, count, 6) - 1, "i16"))
        yield case.put("output_tokens", "i64", cast(case.source.below(6, count, 8) - 1, "i64"))
        case = sampled(f"sample/{t}/biases of some classes", t, 17, seed=5, repetition_penalty=1.3, top_k=9)
        case.put("bias_tokens", "i32", cast(case.source.below(18, count, 7) - 1, "i32"))
        values = 3 * case.source.normal(count, 7)
        case.put("bias_values", t, encode(np.where(case.source.uniform(count, 7) < 0.2, -np.inf, values), t))
        yield case.put("output_tokens", "i16", cast(case.source.below(17, count, 5), "i16"))
    for t in ("f32", "bf16"):
        for name, numbers in (("drafts", {}), ("drafts, top-k", {"top_k": 6, "temperature": 0.8})):
            case = sampled(f"sample/{t}/{name}", t, 17, seed=13, **numbers)
            count = len(case.inputs["logits"])
            q = np.exp(case.source.normal(count, 17))
            case.put("draft_probabilities", t, encode(q / q.sum(-1, keepdims=True), t))
            yield case.put("draft_tokens", "i32", cast(case.source.below(18, count) - 1, "i32"))
    yield sampled("sample/f32/softcap", "f32", 9, softcap=5.0, top_p=0.9)
    for t, n in (("f32", 129), ("f16", 17)):
        for name, numbers in LATER_SAMPLINGS.items():
            yield sampled(f"sample/{t}/{name}, {n}", t, n, seed=7, **numbers)
    deep = Case("sample/f32/axis 1", "sample", axis=1, options={"top_count": 2}, sampling={"top_k": 3})
    yield deep.put("logits", "f32", encode(4 * deep.source.normal(2, 7, 3), "f32")).want(**sampling_outputs("f32"))
    equal = Case("sample/f32/greedy, ties", "sample", sampling={"greedy": 1})
    equal.put("logits", "f32", rows(["ties", "falling", "equal"], 1100, "f32"))
    yield equal.want(tokens="i32", kept="i32")
    raised = Case("sample/f32/greedy, a penalty that raises", "sample", sampling={"greedy": 1, "repetition_penalty": 0.01})
    raised.put("logits", "f32", rows(["ties", "falling", "equal"], 1100, "f32"))
    yield raised.put("output_tokens", "i32", cast([[3, 900], [8, 1030], [-1, 1090]], "i32")).want(
        tokens="i32", kept="i32", processed_log_probabilities="f32")
    for name, numbers in (("top-k behind typical-p", {"typical_p": 0.2, "top_k": 40, "order": 0x0104}),
                          ("top-p behind typical-p", {"typical_p": 0.2, "top_p": 0.5, "order": 0x0204})):
        for ties in (0, 1):
            behind = Case(f"sample/f32/{name}, {9000 if ties else 20000}", "sample", sampling=numbers)
            yield behind.put("logits", "f32", many_classes(ties)).want(tokens="i32", kept="i32")
    for i in range(96):
        yield random_sampling(f"sample/f32/random options {i}", i % 2)
    many = Case("sample/f32/many classes", "sample", sampling={"top_p": 0.9, "seed": 11})
    many.put("logits", "f32", many_classes())
    yield many.want(tokens="i32", kept="i32", kept_mask="u8", processed_log_probabilities="f32", log_probabilities="f32",
                    valid_rows="i64")


def many_classes(ties=False):
    if ties:
        return encode(np.floor(8 * Source("ties of many classes").normal(2, 9000)) / 4, "f32")
    return encode(2 * Source("sample/f32/many classes").normal(2, 20000), "f32")


def random_sampling(name, ties):
    """Any filters in any order, of many classes, whose logits these cases share."""
    case = Case(name, "sample", sampling={"seed": 5})
    s, numbers = case.source, case.sampling
    for number, values in RANDOM_SAMPLINGS.items():
        value = s.choice(values)
        if value:
            numbers[number] = value
    if "order" in numbers:
        numbers["order"] = sum(int(part) << 8 * i for i, part in enumerate(s.random.permutation(7) + 1))
    if not ties and s.choice((0, 0, 1)):
        case.options["softcap"] = 6.0
    if s.choice((0, 0, 1)):
        numbers.update(repetition_penalty=s.choice((0.5, 1.2)), presence_penalty=s.choice((0.0, 0.75, -0.5)))
        case.put("output_tokens", "i32", cast(s.below(9000, 2, 40), "i32"))
    return case.put("logits", "f32", many_classes(ties)).want(
        tokens="i32", kept="i32", processed_log_probabilities="f32", log_probabilities="f32")


RANDOM_SAMPLINGS = {
    "top_k": (0, 0, 1, 5, 60, 300, 2500),
    "ties": (0, 0, "all"),
    "top_p": (0, 0, 0.3, 0.8, 0.95, 0.9999),
    "min_p": (0, 0, 1e-4, 0.02, 0.3),
    "typical_p": (0, 0, 0, 0.2, 0.9),
    "top_n_sigma": (0, 0, 0, 1.0, 3.0),
    "xtc_probability": (0, 0, 0, 1.0),
    "xtc_threshold": (0.02, 0.1),
    "min_keep": (0, 0, 2, 50),
    "temperature": (0, 0, 0.4, 1.3, 6.0),
    "dynatemp_range": (0, 0, 0, 0.3),
    "scale": (0, 0, 0, 0.5),
    "order": (0, 0, 1),
}


def sampling_outputs(t):
    return dict(tokens="i32", processed_log_probabilities=t, kept="i64", kept_mask="u8", log_probabilities=t,
                ranks="i32", entropies=t, top_classes="i64", top_log_probabilities=t, valid_rows="i64")


def sampled(name, t, n, **numbers):
    options = {"top_count": min(3, n)}
    if "softcap" in numbers:
        options["softcap"] = numbers.pop("softcap")
    case = Case(name, "sample", options=options, sampling=numbers)
    kinds = KINDS if n <= 31 else ["normal", "wide", "ties", "some -inf", "equal"]
    return case.put("logits", t, rows(kinds, n, t)).want(**sampling_outputs(t))


def element_labels(source, shape, type_name, ignored=None):
    labels = source.below(2, *shape)
    return cast(labels if ignored is None else np.where(source.uniform(*shape) < 0.2, ignored, labels), type_name)


def element_cases():
    """Binary cross-entropy: labels and numbers of every type, weights, focal losses."""
    every = dict(sum="f64", valid_rows="i64")
    for t in FLOATS:
        focal = {"focal_gamma": 2.0, "focal_alpha": 0.25}
        for name, options in (("plain", {}), ("alpha", {"focal_alpha": 0.25}), ("focal", focal),
                              ("focal 0.3", {"focal_gamma": 0.3, "gradient_scale": -0.125})):
            for kind in ("labels", "numbers"):
                case = Case(f"binary_cross_entropy/{t}/{name}, {kind}", "binary_cross_entropy", options=options)
                case.put("logits", t, rows(KINDS, 17, t))
                if kind == "labels":
                    case.put("targets", "u8", element_labels(case.source, (len(KINDS), 17), "u8"))
                else:
                    numbers = np.where(case.source.uniform(len(KINDS), 17) < 0.3, 1.0, case.source.uniform(len(KINDS), 17))
                    case.put("targets", t, encode(numbers, t))
                yield case.want(losses=t, gradient=t, **every)
        case = Case(f"binary_cross_entropy/{t}/weights", "binary_cross_entropy", options={"gradient_scale": 0.5})
        case.put("logits", t, rows(FINITE, 9, t)).put("targets", t, encode(case.source.uniform(len(FINITE), 9), t))
        case.put("element_weights", t, encode(np.floor(4 * case.source.uniform(len(FINITE), 9)) / 2, t))
        yield case.put("positive_weights", t, encode(3 * case.source.uniform(9), t)).want(losses=t, gradient=t, **every)
    for labels in LABELS:
        ignored = 7 if labels == "u8" else -100
        case = Case(f"binary_cross_entropy/f32/labels {labels}", "binary_cross_entropy", axis=1,
                    options={"ignore_index": ignored})
        case.put("logits", "f32", encode(4 * case.source.normal(2, 5, 3), "f32"))
        case.put("targets", labels, element_labels(case.source, (2, 5, 3), labels, ignored))
        case.put("element_weights", "u8", cast(case.source.below(3, 2, 5, 3), "u8"))
        yield case.want(losses="f32", gradient="bf16", **every)


def sigmoid_cases():
    """Sigmoid and log-sigmoid, forward and backward: every type, temperatures, results of other types, any axis."""
    for t in FLOATS:
        for function in ("sigmoid", "log_sigmoid"):
            for options in ({}, {"temperature": 0.7}):
                name = f"{t}/temperature" if options else t
                case = Case(f"{function}/{name}", function, options=options)
                yield case.put("logits", t, rows(KINDS, 17, t)).want(output=t)
                case = Case(f"{function}_backward/{name}", f"{function}_backward", options=options)
                case.put("logits", t, rows(FINITE, 17, t))
                yield case.put("upstream", t, encode(case.source.normal(len(FINITE), 17), t)).want(gradient=t)
    case = Case("sigmoid/f32/bf16, axis 1", "sigmoid", axis=1)
    yield case.put("logits", "f32", encode(4 * case.source.normal(2, 5, 3), "f32")).want(output="bf16")


def focal_cases():
    """Focal losses of softmax."""
    for t in FLOATS:
        for gamma in (2.0, 0.5):
            yield labelled(f"cross_entropy/{t}/focal {gamma}", t, 9, KINDS, options={"focal_gamma": gamma},
                           wanted=every_output(t))
        case = labelled(f"cross_entropy/{t}/focal, weights, temperature", t, 17, KINDS, wanted=every_output(t),
                        options={"focal_gamma": 3.0, "temperature": 0.7, "gradient_scale": 0.25})
        yield weighted(case, t)
    for t, n in (("f32", 8193), ("f64", 8194)):
        yield labelled(f"long/{t}/{n}, focal", t, n, ["normal"], options={"focal_gamma": 2.0}, parts=[8192])


def long_cases():
    """Rows of more than a chunk, whole and in parts."""
    for t, n in (("f32", 8192), ("f32", 8193), ("bf16", 8195), ("f64", 8194)):
        parts = [8192] if n > 8192 else None
        case = labelled(f"long/{t}/{n}", t, n, ["normal"], options={"label_smoothing": 0.1}, parts=parts)
        case.inputs["targets"][0] = n - 1
        yield case
        case = labelled(f"long/{t}/{n}, temperature", t, n, ["tails"], parts=parts,
                        options={"label_smoothing": 0.1, "smoothing": "others", "temperature": 0.7})
        yield weighted(case, t)
        yield forward(f"long/log_sum_exp/{t}/{n}", "log_sum_exp", t, t, n, ["normal"], parts=parts)
        if n in (8193, 8195):
            yield forward(f"long/softmax/{t}/{n}", "softmax_forward", t, t, n, ["normal"], parts=parts)
    for t, n, kind in (("f16", 16386, "normal"), ("f32", 16386, "normal"), ("f32", 16386, "shifted up"),
                       ("f64", 8194, "shifted down")):
        case = labelled(f"long/{t}/in parts, {kind}", t, n, [kind], parts=list(range(8192, n, 8192)),
                        wanted=dict(losses=t, log_sum_exp=t, correct="u8", sum="f64"))
        case.inputs["logits"][:, 4000:8192] = encode(-np.inf, t)
        case.inputs["targets"][0] = n - 1
        yield case


# ---- linear layers ------------------------------------------------------------------------------------------------

NARROW = ("f32", "f16", "bf16")


def layer_outputs(t):
    return dict(logits="f32", losses=t, log_sum_exp=t, correct="u8", log_probabilities=t, hidden_gradient=t,
                weights_gradient=t, bias_gradient=t, sum="f64", valid_rows="i64", denominator="f64")


def layer(name, rows_, features, classes, t="f32", labels="i32", axis=-1, shape=None, parts=None, **options):
    """Hidden states, weights and bias of one type, and labels; the results are of this type too."""
    shape = shape or (rows_, classes)
    case = Case(name, "linear_cross_entropy", axis=axis, options=options, shape=list(shape), parts=parts)
    s, axis = case.source, axis % len(shape)
    states = tuple(features if d == axis else n for d, n in enumerate(shape))
    case.put("hidden", t, encode(2 * s.normal(*states), t))
    case.put("weights", t, encode(2 * s.normal(classes, features) / np.sqrt(features), t))
    case.put("bias", t, encode(s.normal(classes), t))
    case.put("targets", labels, labels_of(s, shape[:axis] + shape[axis + 1:], classes, labels))
    return case.want(**layer_outputs(t))


def of_classes(case, t, rows_, classes, what):
    """Targets other than labels: probability rows, or some classes of each row with weights."""
    case.wanted.pop("correct")
    case.wanted.pop("log_probabilities")
    if what == "soft":
        q = np.where(case.source.uniform(rows_, classes) < 0.3, 0, case.source.uniform(rows_, classes))
        case.put("targets", t, encode(q, t))
    else:
        case.put("targets", "i16", labels_of(case.source, (rows_, 3), classes, "i16"))
        case.put("target_weights", t, encode(case.source.uniform(rows_, 3), t))
    return case.want(target_gradient=t)


def layer_mask(case, rows_, classes):
    """A mask that keeps the labels. The weights of a class that is masked in all rows are NaN."""
    mask = case.source.below(3, rows_, classes)
    mask[:, 1] = 0
    case.inputs["targets"][case.inputs["targets"] == 1] = 0
    np.put_along_axis(mask, case.inputs["targets"].astype(np.int64)[:, None], 1, axis=1)
    case.inputs["weights"][1] = encode(np.nan, case.types["weights"])
    return case.put("class_mask", "u8", cast(mask, "u8"))


def linear_cases():
    for features in (1, 2, 15, 16, 17, 127, 128, 129, 255, 256, 257):
        yield layer(f"linear/f32/{features} features", 5, features, 19)
    for classes in (1, 2, 16, 17, 32, 33, 128, 129, 257):
        yield layer(f"linear/f32/{classes} classes", 6, 7, classes)
    for rows_ in (1, 2, 8, 9, 12, 13, 127, 128, 129, 257):  # few rows, tiles of rows, blocks of terms
        yield layer(f"linear/f32/{rows_} rows", rows_, 5, 9)
    for t in ("f16", "bf16"):
        yield layer(f"linear/{t}/few rows", 7, 33, 40, t)
        yield layer(f"linear/{t}/rows", 30, 129, 21, t)
    for hidden, weights in itertools.permutations(NARROW, 2):
        case = layer(f"linear/mixed/{hidden}, weights {weights}", 14, 21, 34)
        case.put("hidden", hidden, encode(2 * case.source.normal(14, 21), hidden))
        case.put("weights", weights, encode(case.source.normal(34, 21) / 2, weights))
        yield case.want(hidden_gradient=weights, weights_gradient=hidden)
    yield from layer_options()
    yield from layer_edges()
    deep = layer("linear/f32/axis 1", 0, 17, 11, axis=1, shape=(3, 11, 5), labels="i64", label_smoothing=0.1)
    yield deep
    long = layer("linear/f32/long", 3, 2, 8193, "f32", "i32", parts=[8192], label_smoothing=0.1, temperature=0.7)
    long.wanted.pop("logits"), long.wanted.pop("log_probabilities")
    yield long
    shifted = layer("linear/f32/long, shifted", 2, 1, 8194, "f32", "i32", parts=[8192])
    shifted.put("bias", "f32", encode(20000 + 16 * shifted.source.normal(8194), "f32"))
    shifted.wanted.pop("logits"), shifted.wanted.pop("log_probabilities")
    yield shifted
    for t in NARROW:
        case = layer(f"linear_backward/{t}/upstream", 10, 9, 23, t, label_smoothing=0.2, z_loss=0.01)
        case.function = "linear_cross_entropy_backward"
        case.wanted.pop("sum")
        yield case.put("upstream", t, encode(case.source.normal(10), t)).want(logits="f32")


def layer_options():
    """Features for logits, applied to linear layers."""
    def case(name, **options):
        return layer(f"linear/f32/{name}", 11, 6, 13, **options)

    yield case("smoothing", label_smoothing=0.1)
    yield case("smoothing others", label_smoothing=0.25, smoothing="others")
    yield case("temperature", temperature=0.125)
    yield case("softcap", softcap=5.0)
    yield case("z-loss", z_loss=0.01)
    yield case("clamp", probability_clamp=0.01)
    yield case("focal", focal_gamma=2.0)
    yield case("gradient scale", gradient_scale=-0.375)
    yield case("gradient scale 0", gradient_scale=0.0)
    everything = case("every output", top_count=4)
    yield everything.want(argmax="i64", ranks="i32", entropies="f32", top_classes="i32", top_log_probabilities="f32")
    weights = case("weights", label_smoothing=0.2)
    weights.put("class_weights", "f32", encode(np.floor(4 * weights.source.uniform(13)) / 2, "f32"))
    yield weights.put("row_weights", "f16", encode(np.floor(4 * weights.source.uniform(11)) / 2, "f16"))
    sink = case("sink")
    yield sink.put("sink", "f32", encode(3 * sink.source.normal(11), "f32"))
    yield layer_mask(case("mask"), 11, 13)
    yield layer_mask(case("mask, smoothing", label_smoothing=0.3, fully_masked="zero"), 11, 13)
    ignored = case("ignored", ignore_index=-100)
    ignored.inputs["targets"][::3] = -100
    ignored.inputs["hidden"][3] = np.nan  # which is never read
    yield ignored
    without = case("no bias")
    del without.inputs["bias"], without.types["bias"]
    yield without
    for t in NARROW:
        for what in ("soft", "sparse"):
            some = layer(f"linear/{t}/{what}", 9, 8, 12, t, label_smoothing=0.1, z_loss=0.001)
            yield of_classes(some, t, 9, 12, what)
    none = case("no targets", top_count=3)
    del none.inputs["targets"], none.types["targets"]
    none.wanted = dict(logits="f32", log_sum_exp="f32", argmax="i32", entropies="f32", top_classes="i64",
                       top_log_probabilities="f32")
    yield none


def layer_edges():
    """Rows and classes of NaN and infinities, products that overflow or vanish, and zeros of both signs."""
    for rows_ in (8, 40):
        case = layer(f"linear/f32/edges, {rows_} rows", rows_, 20, 35)
        hidden = case.inputs["hidden"]
        hidden[0] = 0
        hidden[1] = -0.0
        hidden[2, 7], hidden[3, 19] = np.nan, np.inf
        hidden[4] *= np.float32(1e30)
        hidden[5] *= np.float32(1e-38)
        hidden[6] = 0
        hidden[6, 3] = 5
        yield case
        case = layer(f"linear/f32/edges of classes, {rows_} rows", rows_, 20, 35)
        case.inputs["weights"][4] = 0
        case.inputs["weights"][5] = np.float32(1e-42)
        case.inputs["bias"][6], case.inputs["bias"][7] = -np.inf, -0.0
        case.inputs["targets"][case.inputs["targets"] == 6] = 5
        yield case
    case = layer("linear/f32/a class that is NaN", 4, 20, 35)
    case.inputs["weights"][9, 2] = np.nan
    yield case
    case = layer("linear/f32/an infinite class", 4, 20, 35)
    case.inputs["weights"][9, 2] = -np.inf
    case.inputs["hidden"][:, 2] = [1, 2, 0.5, -3]
    yield case


OPTIONS = {  # of calls at random
    "label_smoothing": (0, 0, 0.1, 1.0),
    "smoothing": ("uniform", "others"),
    "temperature": (0, 0, 0.5, 1.7),
    "softcap": (0, 0, 6.0, 50.0),
    "z_loss": (0, 0, 1e-4, 0.25),
    "gradient_scale": (1.0, 0.25, -3.0),
    "fully_masked": ("nan", "zero"),
    "ignore_index": (None, 1, -100),
}


def random_cases():
    """Any options with any arrays."""
    for i in range(64):
        yield random_case(f"random/{i}", FLOATS[i % 4])


def random_case(name, t):
    case = Case(name, "cross_entropy")
    s = case.source
    for option, values in OPTIONS.items():
        value = s.choice(values)
        if value not in (0, None, "uniform", "nan"):
            case.options[option] = value
    n = s.choice((2, 5, 9, 21))
    kinds = [s.choice(KINDS) for _ in range(4)]
    kind = s.choice(("labels", "labels", "soft", "sparse"))
    case.put("logits", t, rows(kinds, n, t))
    other = s.choice(("f32", t)) if t == "f64" else s.choice(("f32", "f16", "bf16"))
    if kind == "labels":
        case.put("targets", "i16", labels_of(s, (4,), n, "i16"))
        case.want(**every_output(other))
        case.options["top_count"] = min(4, n)
    else:
        case.options.pop("smoothing", None)
        case.want(**soft_outputs(other))
    if kind == "soft":
        case.options.pop("ignore_index", None)
        case.put("targets", other, encode(s.uniform(4, n), other))
    if kind == "sparse":
        case.put("targets", "i32", labels_of(s, (4, 3), n))
        case.put("target_weights", other, encode(s.uniform(4, 3), other))
    if s.choice((0, 1)):
        weighted(case, t)
    if s.choice((0, 1)):
        case.put("row_weights", computed(t), encode(np.floor(4 * s.uniform(4)) / 2, computed(t)))
    if s.choice((0, 1, 2)) == 0:
        sunk(case, t)
    if s.choice((0, 1, 2)) == 0:
        mask = s.below(4, 4, n)
        if kind != "soft":
            at = case.inputs["targets"].reshape(4, -1).astype(np.int64)
            np.put_along_axis(mask, at, 1, axis=1)
        case.put("class_mask", "u8", cast(mask, "u8"))
    return case


def all_cases():
    families = (softmax_cases, near_zero_cases, backward_cases, label_cases, soft_cases, sparse_cases, mixed_cases,
                from_statistics_cases, divergence_cases, hvp_cases, selected_cases, sampling_cases, element_cases, sigmoid_cases,
                focal_cases, long_cases, random_cases, linear_cases)
    return [case for family in families for case in family()]

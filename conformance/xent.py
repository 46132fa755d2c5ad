# SPDX-License-Identifier: Apache-2.0
"""The C library from Python: the structs and functions of include/xent.h with ctypes, the arrays with NumPy.

    import numpy as np, xent
    library = xent.Library("build/libxent.so")
    x = np.array([[1, 2, 3], [4, 0, 1]], np.float32)
    results = library.run("cross_entropy", {"logits": x, "targets": np.array([2, 0], np.int32)}, axis=1,
                          options={"label_smoothing": 0.1}, wanted={"losses": "f32", "gradient": "f32"})

NumPy has no bfloat16: such an array is one of uint16 and is named in `types`.
"""
import ctypes
import math
from ctypes import c_double, c_int32, c_int64, c_uint32, c_uint64, c_void_p

import numpy as np

CHUNK = 8192

# name -> (XENT_..., what NumPy holds it in)
TYPES = {
    "f32": (1, np.dtype("<f4")),
    "f64": (2, np.dtype("<f8")),
    "f16": (3, np.dtype("<f2")),
    "bf16": (4, np.dtype("<u2")),
    "i8": (5, np.dtype("i1")),
    "u8": (6, np.dtype("u1")),
    "i16": (7, np.dtype("<i2")),
    "i32": (8, np.dtype("<i4")),
    "i64": (9, np.dtype("<i8")),
}
TYPE_OF_DTYPE = {dtype: name for name, (_, dtype) in TYPES.items() if name != "bf16"}

ISAS = {"best": 0, "scalar": 1, "avx2": 2, "avx512": 3, "neon": 4}
FULLY_MASKED = {"nan": 0, "zero": 1}
SMOOTHING = {"uniform": 0, "others": 1}
SAMPLING_RULES = {"xent": 0, "transformers": 1, "vllm": 2, "llama.cpp": 3, "onnxruntime-genai": 4}


class Layout(ctypes.Structure):
    _fields_ = [("outer", c_int64), ("classes", c_int64), ("inner", c_int64), ("type", c_int32), ("reserved", c_int32)]


class Shape(ctypes.Structure):
    _fields_ = (
        [("size", c_uint64)]
        + [(name, c_int64) for name in ("outer", "classes", "inner", "target_count", "top_count", "first_class",
                                        "all_classes", "prompt_count", "output_count", "features")]
        + [(name, Layout) for name in ("logits", "output", "gradient", "upstream", "targets", "losses", "log_sum_exp",
                                       "hits", "target_weights", "row_offsets", "class_mask", "class_weights",
                                       "row_weights", "sink", "log_probabilities", "argmax", "ranks", "entropies",
                                       "top_classes", "top_log_probabilities", "target_gradient", "teacher", "bias",
                                       "prompt_tokens", "output_tokens", "tokens", "processed_log_probabilities",
                                       "kept", "kept_mask", "element_weights", "positive_weights", "hidden", "weights",
                                       "hidden_gradient", "weights_gradient", "bias_gradient")])


class Options(ctypes.Structure):
    _fields_ = [("size", c_uint64), ("isa", c_int32), ("fully_masked", c_int32), ("has_ignore_index", c_int32),
                ("has_gradient_scale", c_int32), ("ignore_index", c_int64), ("label_smoothing", c_double),
                ("gradient_scale", c_double), ("smoothing", c_int32), ("reserved", c_int32), ("temperature", c_double),
                ("softcap", c_double), ("z_loss", c_double), ("probability_clamp", c_double), ("focal_gamma", c_double),
                ("focal_alpha", c_double)]


class Sampling(ctypes.Structure):
    _fields_ = [("size", c_uint64), ("rules", c_int32), ("ties", c_int32), ("greedy", c_int32), ("reserved", c_int32),
                ("min_keep", c_int64), ("top_k", c_int64), ("top_p", c_double), ("min_p", c_double),
                ("typical_p", c_double), ("temperature", c_double), ("repetition_penalty", c_double),
                ("frequency_penalty", c_double), ("presence_penalty", c_double), ("seed", c_uint64),
                ("stream", c_uint64), ("step", c_uint32), ("draw", c_uint32)]


class Statistics(ctypes.Structure):
    _fields_ = [("opaque", c_uint64 * 8)]


class State(ctypes.Structure):
    _fields_ = [("opaque", c_uint64 * 8)]


class Tally(ctypes.Structure):
    _fields_ = [("size", c_uint64), ("nan", c_int64), ("positive_infinity", c_int64), ("negative_infinity", c_int64),
                ("bins", c_int64 * 256), ("doubles", c_int64), ("digits", c_int64 * 66)]


class Report(ctypes.Structure):
    _fields_ = [("size", c_uint64), ("field", c_int32), ("way", c_int32), ("row", c_int64), ("label", c_int64),
                ("integer", c_int64), ("value", c_double), ("counted", c_int64), ("denominator", c_double),
                ("unfinished", c_int64)]


STRUCTS = {"xent_layout": Layout, "xent_shape": Shape, "xent_options": Options, "xent_sampling": Sampling,
           "xent_statistics": Statistics,
           "xent_state": State, "xent_tally": Tally, "xent_report": Report}


def sized(struct, **fields):
    """A struct that begins with its size."""
    return struct(size=ctypes.sizeof(struct), **fields)


def symbol(function):
    """The function of xent.h that takes addresses as arguments."""
    return f"xent_{function.removesuffix('_forward')}_at"


# The pointer arguments of each function, in order. What precedes them is always (shape, options, row_begin,
# row_end) and, where RANGED has the function, (class_begin, class_end); the report comes last.
MIXED = ["logits", "targets", "target_weights", "row_offsets", "class_mask", "class_weights", "row_weights"]
POINTERS = {
    "softmax_forward": ["logits", "row_offsets", "class_mask", "sink", "statistics", "output"],
    "log_softmax_forward": ["logits", "row_offsets", "class_mask", "sink", "statistics", "output"],
    "log_sum_exp": ["logits", "row_offsets", "class_mask", "sink", "log_sum_exp"],
    "softmax_backward": ["output", "upstream", "row_offsets", "class_mask", "statistics", "gradient"],
    "log_softmax_backward": ["output", "upstream", "row_offsets", "class_mask", "statistics", "gradient"],
    "check_targets": MIXED[1:] + ["weights"],
    "cross_entropy": MIXED + ["sink", "losses", "log_sum_exp", "hits", "log_probabilities", "argmax", "ranks",
                              "entropies", "top_classes", "top_log_probabilities", "gradient", "target_gradient",
                              "statistics", "tally"],
    "cross_entropy_backward": MIXED + ["statistics", "upstream", "gradient"],
    "kl_divergence": ["logits", "teacher", "class_mask", "row_weights", "losses", "gradient", "tally"],
    "binary_cross_entropy": ["logits", "targets", "element_weights", "positive_weights", "losses", "gradient", "tally"],
    "forward_states": ["logits", "targets", "target_weights", "class_mask", "class_weights", "statistics", "states"],
    "backward_states": ["output", "upstream", "class_mask", "states"],
}
RANGED = {"softmax_forward", "log_softmax_forward", "softmax_backward", "log_softmax_backward",
          "cross_entropy_backward", "forward_states", "backward_states"}
FINISH = ["states", "targets", "class_weights", "row_weights", "sink"], ["statistics", "losses", "log_sum_exp", "hits",
                                                                        "tally"]

# What the arrays of a call have: a number per row, or some per row, or per class; the others have one per class.
PER_ROW = {"losses", "log_sum_exp", "hits", "log_probabilities", "argmax", "ranks", "entropies", "row_weights", "sink"}
PER_TARGET = {"target_weights"}
PER_TOP = {"top_classes", "top_log_probabilities"}


class XentError(Exception):
    """A call that was refused."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Library:
    """libxent.so."""

    def __init__(self, path):
        self.c = ctypes.CDLL(str(path))
        self.c.xent_abi_version.restype = c_uint32
        self.c.xent_numerics_version.restype = c_uint32
        for name in ("xent_version", "xent_status_message", "xent_field_name", "xent_isa_name", "xent_way_name"):
            getattr(self.c, name).restype = ctypes.c_char_p
        for name, pointers in POINTERS.items():
            ranges = 4 if name in RANGED else 2
            getattr(self.c, symbol(name)).argtypes = ([c_void_p] * 2 + [c_int64] * ranges
                                                        + [c_void_p] * (len(pointers) + 1))
        before, after = FINISH
        self.c.xent_finish_at.argtypes = ([c_void_p] * 2 + [c_int64] * 2 + [c_void_p] * len(before) + [c_int32]
                                          + [c_void_p] * (len(after) + 1))
        self.c.xent_sample_at.argtypes = ([c_void_p] * 3 + [c_int32] + [c_int64] * 2 + [c_void_p] * 15 + [c_uint64]
                                          + [c_void_p])
        self.c.xent_tally_sum.argtypes = [c_void_p]
        self.c.xent_tally_sum.restype = c_double
        if self.c.xent_abi_version() != 2:
            raise XentError(0, f"{path} has ABI version {self.c.xent_abi_version()}, this module knows 2")
        self.numerics_version = self.c.xent_numerics_version()

    def isas(self):
        """The instruction sets that run here, the best last."""
        return [name for name, code in ISAS.items() if code and self.c.xent_has_isa(code)]

    def run(self, function, inputs, axis, options=None, wanted=None, shape=None, types=None, isa="best", parts=None):
        """Computes one of `softmax_forward`, `log_softmax_forward`, `log_sum_exp`, `softmax_backward`,
        `log_softmax_backward`, `cross_entropy`, `cross_entropy_backward`, `kl_divergence`,
        `binary_cross_entropy`.

        inputs   arrays by their names in xent.h; all of them dense and row-major
        axis     the class axis
        options  fields of xent_options; ignore_index and gradient_scale are used where they are given
        wanted   names of results -> their types; `sum`, `counted`, `denominator` too. top_classes has the shape
                 entry `top_count` in options
        shape    of the logits; needed for ragged rows alone: (rows, classes of the longest)
        types    names of arrays -> types, for those that NumPy does not know (bf16)
        parts    class numbers at which rows are divided and computed in parts
        """
        return Call(self, function, inputs, axis, options or {}, wanted or {}, shape, types or {}, isa).run(parts)


    def sample(self, logits, rules="xent", type_name=None, isa="best", **numbers):
        """Tokens of the rows of a matrix: (tokens, how many classes are kept, which ones). The numbers are fields of
        xent_sampling; type_name is for logits that NumPy does not know (bf16)."""
        logits = np.ascontiguousarray(logits)
        rows, classes = logits.shape
        tokens, kept = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
        mask = np.zeros(logits.shape, np.uint8)
        shape = sized(Shape, outer=rows, classes=classes, inner=1)
        shape.logits = Layout(classes, 1, 1, TYPES[type_name or TYPE_OF_DTYPE[logits.dtype]][0], 0)
        shape.kept_mask = Layout(classes, 1, 1, TYPES["u8"][0], 0)
        shape.tokens = shape.kept = Layout(1, 0, 1, TYPES["i64"][0], 0)
        options, report = options_of({}, isa), sized(Report)
        sampling = sized(Sampling, rules=SAMPLING_RULES[rules], **numbers)
        status = self.c.xent_sample_at(
            ctypes.addressof(shape), ctypes.addressof(options), ctypes.addressof(sampling), 0, 0, rows,
            logits.ctypes.data, None, None, None, None, tokens.ctypes.data, None, kept.ctypes.data, mask.ctypes.data,
            None, None, None, None, None, None, 0, ctypes.addressof(report))
        if status:
            raise XentError(status, f"{self.c.xent_status_message(status).decode()} "
                                    f"({self.c.xent_field_name(report.field).decode()})")
        return tokens, kept, mask.astype(bool)


class Call:
    """One call: its structs and its arrays."""

    def __init__(self, library, function, inputs, axis, options, wanted, shape, types, isa):
        self.library = library
        self.function = function
        self.elements = function == "binary_cross_entropy"  # which have a loss and a label each
        self.arrays = {name: np.ascontiguousarray(array).reshape(np.shape(array)) for name, array in inputs.items()}
        self.types = {name: types.get(name) or TYPE_OF_DTYPE[array.dtype] for name, array in self.arrays.items()}
        whole = shape or self.arrays["logits" if "logits" in self.arrays else "output"].shape
        axis %= len(whole)
        self.before, self.after = tuple(whole[:axis]), tuple(whole[axis + 1:])
        outer, inner = math.prod(self.before), math.prod(self.after)
        options = dict(options)
        self.shape = sized(Shape, outer=outer, classes=whole[axis], inner=inner, top_count=options.pop("top_count", 0))
        self.ragged = "row_offsets" in self.arrays
        if "target_weights" in self.arrays:
            self.shape.target_count = self.arrays["target_weights"].shape[axis]
        self.options = options_of(options, isa)
        self.rows = outer * inner
        self.report = sized(Report)
        self.tally = sized(Tally)
        self.results = {}
        self.wanted = dict(wanted)
        for name, type_name in self.wanted.items():
            if name in ("sum", "counted", "denominator"):
                continue
            self.arrays[name] = self.results[name] = np.zeros(self.dimensions(name), TYPES[type_name][1])
            self.types[name] = type_name
        for name, array in self.arrays.items():
            self.describe(name, array)
        if "logits" not in self.arrays:  # xent_finish computes in the type of the logits
            self.shape.logits.type = self.shape.output.type

    def dimensions(self, name):
        """The shape of a result."""
        if name in PER_ROW and not self.elements:
            return self.before + self.after
        if name in PER_TOP:
            return self.before + (self.shape.top_count,) + self.after
        if name == "target_gradient" and self.shape.target_count:
            return self.before + (self.shape.target_count,) + self.after
        if self.ragged:
            return (self.arrays["logits" if "logits" in self.arrays else "output"].size,)
        return self.before + (self.shape.classes,) + self.after

    def describe(self, name, array):
        """Writes the layout of an array into the shape."""
        s, inner = self.shape, self.shape.inner
        per_row = name in PER_ROW or (name == "targets" and not s.target_count and self.types[name][0] in "iu") or (
            name == "upstream" and self.function == "cross_entropy_backward")
        per_row = per_row and not self.elements
        strides = (s.classes * inner, inner, 1)
        if per_row:
            strides = (inner, 0, 1) if array.ndim or self.rows == 1 else (0, 0, 0)
        elif name == "class_weights" or (name == "positive_weights" and array.ndim == 1):
            strides = (0, 1, 0)
        elif name == "class_mask" and array.ndim == 1 and not self.ragged:
            strides = (0, 1, 0)
        elif s.target_count and name in ("targets", "target_weights", "target_gradient"):
            strides = (s.target_count * inner, inner, 1)
        elif name in PER_TOP:
            strides = (s.top_count * inner, inner, 1)
        elif self.ragged:
            strides = (0, 1, 1)
        setattr(s, name, Layout(*strides, TYPES[self.types[name]][0], 0))

    def address(self, name):
        if name in ("statistics", "states"):
            return getattr(self, name, None)
        if name == "tally":
            return ctypes.addressof(self.tally) if "sum" in self.wanted else None
        array = self.arrays.get(name)
        return None if array is None else array.ctypes.data

    def check(self, status):
        if not status:
            return
        c, report = self.library.c, self.report
        raise XentError(status, f"{c.xent_status_message(status).decode()} ({c.xent_field_name(report.field).decode()}"
                                f", row {report.row}, label {report.label}, {report.integer}, {report.value})")

    def call(self, name, classes=None, without=()):
        """One function of xent.h over all rows."""
        ranges = [0, self.rows]
        if name in RANGED:
            ranges += classes or [0, self.shape.classes]
        pointers = [None if p in without else self.address(p) for p in POINTERS[name]]
        self.check(getattr(self.library.c, symbol(name))(
            ctypes.addressof(self.shape), ctypes.addressof(self.options), *ranges, *pointers,
            ctypes.addressof(self.report)))

    def finish(self, second_round):
        before, after = FINISH
        self.check(self.library.c.xent_finish_at(
            ctypes.addressof(self.shape), ctypes.addressof(self.options), 0, self.rows,
            *[self.address(name) for name in before], second_round, *[self.address(name) for name in after],
            ctypes.addressof(self.report)))

    def run(self, parts):
        if self.wanted.keys() & {"counted", "denominator"}:
            self.call(self.function if self.elements else "check_targets", without=("losses", "gradient", "tally"))
            numbers = {"counted": np.array(self.report.counted), "denominator": np.array(self.report.denominator)}
            self.results.update({name: numbers[name] for name in numbers if name in self.wanted})
        if parts:
            self.run_parts([0, *parts, self.shape.classes])
        elif self.function == "cross_entropy":
            self.call("cross_entropy")
        else:
            if self.function == "cross_entropy_backward":
                self.keep_statistics()
                self.call("cross_entropy", without=("gradient",))
            self.call(self.function)
        if "sum" in self.wanted:
            self.results["sum"] = np.array(self.library.c.xent_tally_sum(ctypes.addressof(self.tally)))
        return self.results

    def keep_statistics(self):
        self.kept_statistics = (Statistics * max(self.rows, 1))()
        self.statistics = ctypes.addressof(self.kept_statistics)

    def run_parts(self, bounds):
        """The same in class ranges, the last one first: states, one finish, and what is written."""
        ranges = [list(pair) for pair in zip(bounds, bounds[1:])][::-1]
        chunks = -(-self.shape.classes // CHUNK)
        self.kept_states = (State * (max(self.rows, 1) * chunks))()
        self.states = ctypes.addressof(self.kept_states)
        backward = self.function.endswith("softmax_backward")
        log = ("output",) if self.function == "log_softmax_backward" else ()
        states = "backward_states" if backward else "forward_states"
        for classes in ranges:
            self.call(states, classes, without=log)
        self.keep_statistics()
        self.finish(0)
        if self.report.unfinished:
            for classes in ranges:
                self.call(states, classes)
            self.finish(1)
        writer = "cross_entropy_backward" if self.function == "cross_entropy" else self.function
        if self.function != "log_sum_exp" and ("gradient" in self.results or "output" in self.results):
            for classes in ranges:
                self.call(writer, classes)


def options_of(options, isa):
    """xent_options from a dictionary."""
    o = sized(Options, isa=ISAS[isa])
    for name, value in options.items():
        if name == "fully_masked":
            value = FULLY_MASKED[value]
        elif name == "smoothing":
            value = SMOOTHING[value]
        elif name == "ignore_index":
            o.has_ignore_index = 1
        elif name == "gradient_scale":
            o.has_gradient_scale = 1
        setattr(o, name, value)
    return o

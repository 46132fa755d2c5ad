# SPDX-License-Identifier: Apache-2.0
"""What each function rejects: a row for each wrong call, with its error and its message."""
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import pyxent
from pyxent._arrays import _capsule_pointer, _Versioned

try:
    import torch

    import pyxent.torch as of_torch
except ImportError:
    torch = None
try:
    import jax

    import pyxent.jax as of_jax
except ImportError:
    jax = None

X = np.random.default_rng(4).normal(size=(6, 5)).astype(np.float32)
BITS = (X.view(np.uint32) >> 16).astype(np.uint16)  # of X as bfloat16
LABELS, FIRST_CLASSES = np.array([0, 4, 2, 1, 0, 3]), np.array([0, 1])
READ_ONLY, WIDE = X.copy(), np.zeros((6, 10), np.float32)
READ_ONLY.flags.writeable = False
MEMORY = "expected separate memory for out, or exactly that of logits"
ZEROS, ZERO_LABELS, ROW = np.zeros((3, 5), np.float32), np.zeros(3, int), np.zeros(5, np.float32)
PAIR = np.zeros((2, 3), np.float32)
CUBE = np.random.default_rng(3).normal(size=(2, 3, 4)).astype(np.float32)
CUBE_LABELS = np.array([[0, 2, -100, 1], [1, 1, 0, 2]])
HIDDEN, WEIGHTS = np.ones((2, 3), np.float32), np.ones((4, 3), np.float32)
OF_LAYER = "logits is [2, 4] of hidden float32 [2, 3] and weights float32 [4, 3]"
HIDDEN_ZEROS, LAYER = np.zeros((3, 4), np.float32), np.zeros((5, 4), np.float32)
STATES, NINE, SHARES_OF_NINE = np.zeros((6, 5), np.float32), np.zeros((9, 5), np.float32), np.full((6, 9), 1 / 9, np.float32)
LABELS_OF_NINE = np.array([0, 3, -1, 8, 2, 2])
FOUR, BATCH = np.array([2, 1, 0, 1.5], np.float32), np.random.default_rng(0).normal(size=(3, 50)).astype(np.float32)
TWO_ROWS, FLAT = np.zeros((2, 9), np.float32), np.zeros((1, 50), np.float32)
TOKENS = np.full(2, 7)  # no wrong call writes it
PROBABILITIES = [pyxent.softmax, pyxent.log_softmax, pyxent.log_sum_exp]
OUT = {operation: np.zeros(3 if operation is pyxent.log_sum_exp else (3, 5), np.float32) for operation in PROBABILITIES}


def cursor(**options):
    return pyxent.Sampler(seed=1, **options).start()


def linear(targets=FIRST_CLASSES, hidden=HIDDEN, **given):
    return pyxent.linear_cross_entropy(hidden, WEIGHTS, targets, **given)


class OfLaterDlpack:
    def __dlpack_device__(self):
        return X.__dlpack_device__()

    def __dlpack__(self, max_version=None):
        capsule = X.__dlpack__(max_version=max_version)
        managed = _Versioned.from_address(_capsule_pointer(capsule, b"dltensor_versioned"))
        managed.major, managed.minor, managed.tensor.shape = 2, 3, None  # which may lie elsewhere in version 2
        return capsule


TABLE = {}
TABLE["softmax"] = [
    *((lambda f=f: f(ZEROS, out=OUT[f], dtype="float64"), pyxent.OptionError,
       f"dtype is float64, out is float32 {list(OUT[f].shape)}; expected an out of this type, or no dtype")
      for f in PROBABILITIES),
    (lambda: pyxent.softmax([1.0]), pyxent.DTypeError, "logits is a list; expected an array with DLPack or the "
     "buffer protocol, for instance numpy.asarray(logits, numpy.float32)"),
    (lambda: pyxent.softmax(X.astype(">f4")), pyxent.DTypeError, "logits has elements of type >f4; expected "
     "floats of 16, 32 or 64 bits, integers or booleans in the byte order of this machine. Convert it: "
     "numpy.asarray(logits, numpy.float32)"),
    (lambda: pyxent.softmax(X, axis=2), pyxent.ShapeError, "axis 2 does not exist in shape [6, 5]: axes go from "
     "-2 to 1"),
    (lambda: pyxent.softmax(X[::-1]), pyxent.ShapeError, "logits has strides [-5, 1]; expected strides of 0 or "
     "more. Copy it: logits.copy()"),
    (lambda: pyxent.softmax("logits.npy"), pyxent.DTypeError, "logits is 'logits.npy'; expected an array, such as "
     "numpy.load('logits.npy')"),
    (lambda: pyxent.softmax("a" * 99), pyxent.DTypeError, "logits is of <class 'str'>; expected an array, such as "
     "numpy.load(logits)"),
    (lambda: pyxent.softmax(X, out=X.astype(">f4")), pyxent.DTypeError, "out has elements of type >f4; expected "
     "floats of 16, 32 or 64 bits, integers or booleans in the byte order of this machine"),
    (lambda: pyxent.softmax(X, out=X[::-1]), pyxent.ShapeError, "out has strides [-5, 1]; expected strides of 0 "
     "or more, or True, which makes a new array"),
    (lambda: pyxent.softmax(X, out=X[:3].copy()), pyxent.ShapeError, "out is float32 [3, 5], logits is float32 "
     "[6, 5]; expected the same shape"),
    (lambda: pyxent.softmax(X, out=X.astype(float)), pyxent.DTypeError, "out is float64 [6, 5], logits is float32 "
     "[6, 5]; expected out of type float32, float16 or bfloat16. For float64 results pass numpy.asarray(logits, "
     "numpy.float64)"),
    (lambda: pyxent.softmax(X, out=BITS.copy()), pyxent.DTypeError, "out is uint16 [6, 5], logits is float32 [6, "
     "5]; expected out of type float32, float16 or bfloat16. If these are the bits of bfloat16, pass "
     "pyxent.bfloat16(out)"),
    (lambda: pyxent.softmax(X, out=READ_ONLY), pyxent.ArrayMemoryError, "out is read-only; expected writable "
     "memory, or True, which makes a new array"),
    (lambda: pyxent.softmax(WIDE[:, :5], out=WIDE[:, 1:6]), pyxent.ArrayMemoryError,
     f"out and logits lie within each other's span of memory; {MEMORY}"),
    (lambda: pyxent.softmax(X, out=np.lib.stride_tricks.as_strided(X.copy(), strides=(0,
     4))), pyxent.ArrayMemoryError, "out float32 [6, 5] has strides that put several indices on one element; "
     "expected separate memory for each element that is written"),
    (lambda: pyxent.softmax(np.ma.array(X, mask=X > 1)), pyxent.ArrayMemoryError, "logits is a masked array, "
     "whose mask is not in its memory: pass logits.data, and the mask as class_mask=~mask (of classes) or "
     "row_weights=~mask (of rows)"),
    (lambda: pyxent.softmax(X, out=False), TypeError, "out is False; expected an array, or None for a new one"),
    (lambda: pyxent.softmax(X, temperature="2"), TypeError, "temperature is '2'; expected a number"),
    (lambda: pyxent.softmax(X, temperature=Fraction(10**400)), pyxent.OptionError, "temperature is of <class "
     "'fractions.Fraction'>; expected a number from 2^-32 to 2^32"),
    (lambda: pyxent.softmax(X, temperature=Decimal("sNaN")), TypeError, "temperature is Decimal('sNaN'); expected "
     "a number"),
    (lambda: pyxent.softmax(X, axis=10**5000), pyxent.ShapeError, "axis of <class 'int'> does not exist in shape "
     "[6, 5]: axes go from -2 to 1"),
    (lambda: pyxent.softmax(X, dtype=X), pyxent.DTypeError, "dtype is of <class 'numpy.ndarray'>; expected "
     "float32, float16, bfloat16 or float64"),
    (lambda: pyxent.softmax(X, softcap=np.ones(2)), TypeError, "softcap is array([1., 1.]); expected a number"),
    (lambda: pyxent.softmax(X, temperature=0), pyxent.OptionError, "temperature is 0; expected a number from "
     "2^-32 to 2^32"),
    (lambda: pyxent.softmax(X, threads=0), pyxent.OptionError, "threads is 0; expected 1 or more"),
    (lambda: pyxent.softmax(X.astype("V2")), pyxent.DTypeError, "logits has elements of type |V2; expected floats "
     "of 16, 32 or 64 bits, integers or booleans in the byte order of this machine. If they are bfloat16, as in a "
     ".npy file: logits.view(ml_dtypes.bfloat16)"),
    (lambda: pyxent.softmax(X, class_mask=np.zeros(4, bool)), pyxent.ShapeError, "class_mask is bool [4], logits "
     "is float32 [6, 5] with 5 classes along axis 1; expected one flag per class in its shape, in which any other "
     "size may be 1, or in the shape [5]"),
    (lambda: pyxent.softmax(X, class_mask=np.zeros(6, bool)), pyxent.ShapeError, "class_mask is bool [6], logits "
     "is float32 [6, 5] with 5 classes along axis 1; expected one flag per class in its shape, in which any other "
     "size may be 1, or in the shape [5], or axis=0"),
    (lambda: pyxent.softmax(X.ravel(), row_offsets=np.array([0, 4, 2])), pyxent.ShapeError, "row_offsets of row 1 "
     "is 4, of row 2 2; expected offsets that do not fall"),
    (lambda: pyxent.softmax(X.ravel(), row_offsets=np.array([0, 31])), pyxent.ShapeError, "row_offsets ends with "
     "31, logits is float32 [30]; expected a last offset of at most the number of values"),
    pytest.param(
        lambda: pyxent.softmax(OfLaterDlpack()), pyxent.ArrayMemoryError,
        "logits is lent by DLPack 2.3; expected an array of a library that lends by DLPack 1",
        marks=pytest.mark.skipif(np.__version__.startswith("1."), reason="NumPy 1 lends without versions")),
    (lambda: pyxent.softmax(CUBE, axis=(0, 0)), pyxent.ShapeError, "axis is (0, 0); expected at least one, each "
     "once, or None for all"),
    (lambda: pyxent.softmax(CUBE, axis=()), pyxent.ShapeError, "axis is (); expected at least one, each once, or "
     "None for all"),
    (lambda: pyxent.softmax(CUBE, axis=None, out=CUBE.copy()), pyxent.OptionError, "axis is None and out is "
     "given; expected one axis. Reshape logits so that one axis has the classes"),
    (lambda: pyxent.bind(pyxent.softmax, CUBE, axis=None), pyxent.OptionError, "axis is None and the call is "
     "bound; expected one axis. Reshape logits so that one axis has the classes"),
    (lambda: pyxent.bind(pyxent.softmax, CUBE, dtype="f8"), pyxent.OptionError, "logits is float32 [2, 3, 4], "
     "which is copied, and the call is bound; expected an array that is not copied"),
    (lambda: pyxent.bind(pyxent.softmax, CUBE_LABELS), pyxent.OptionError, "logits is int64 [2, 4], which is "
     "copied, and the call is bound; expected an array that is not copied"),
    (lambda: pyxent.softmax(CUBE, axis=(1, 2), class_mask=np.ones(3, bool)), pyxent.ShapeError, "class_mask is "
     "bool [3], logits is float32 [2, 3, 4] with classes along axes [1, 2]; expected a shape that broadcasts to "
     "that of logits"),
    (lambda: pyxent.softmax(CUBE, axis=(0, 1), class_mask=np.ones(4)), pyxent.DTypeError, "class_mask is float64 "
     "[4]; expected an array of type bool, uint8 or int8. Convert it: numpy.asarray(class_mask, bool)"),
    (lambda: pyxent.softmax(CUBE, axis=(1, 2), sink=np.ones(3, np.float32)), pyxent.ShapeError, "sink is float32 "
     "[3], logits is float32 [2, 12] with 12 classes along axis 1; expected sink of shape [2] or [1]"),
    (lambda: pyxent.softmax(CUBE.reshape(-1), row_offsets=np.array([0, 24]),
     class_mask=np.array(True)), pyxent.ShapeError, "class_mask is bool [], logits is float32 [24]; expected the "
     "same shape"),
    (lambda: pyxent.softmax(CUBE, axis="-1"), TypeError, "axis is '-1'; expected an integer"),
    (lambda: pyxent.softmax(CUBE, axis=b"\0\1"), TypeError, "axis is b'\\x00\\x01'; expected an integer"),
    (lambda: pyxent.softmax(CUBE[0], axis=None, row_offsets=np.array([0, 2])), pyxent.OptionError, "axis is None "
     "and row_offsets are set; expected one axis. Reshape logits so that one axis has the classes"),
    (lambda: pyxent.softmax(CUBE, class_mask=np.ones(4, np.int32)), pyxent.DTypeError, "class_mask is int32 [4]; "
     "expected an array of type bool, uint8 or int8. Convert it: numpy.asarray(class_mask, bool)"),
    (lambda: pyxent.softmax(PAIR, dim=-1), TypeError, "softmax() got an unexpected keyword argument 'dim'; "
     "expected axis"),
    (lambda: pyxent.bind(pyxent.softmax, PAIR, dim=1), TypeError, "softmax() got an unexpected keyword argument "
     "'dim'; expected axis"),
    (lambda: pyxent.softmax(PAIR, output=PAIR), TypeError, "softmax() got an unexpected keyword argument "
     "'output'; expected out"),
    (lambda: pyxent.softmax(PAIR, inplace=True), TypeError, "softmax() got an unexpected keyword argument "
     "'inplace'; expected out=logits"),
    (lambda: pyxent.softmax(PAIR, isa="scalar"), TypeError, "softmax() got an unexpected keyword argument 'isa'; "
     "expected the environment variable XENT_ISA"),
    (lambda: pyxent.softmax(x=PAIR), TypeError, "softmax() got an unexpected keyword argument 'x'; expected logits"),
    (lambda: pyxent.softmax(a=PAIR), TypeError, "softmax() got an unexpected keyword argument 'a'; "
     "help(pyxent.softmax) lists the arguments"),
    (lambda: pyxent.softmax(PAIR, -1), TypeError, "softmax() got 2 positional arguments; expected 1. Pass the "
     "others by name: axis=-1"),
    (lambda: pyxent.bind(pyxent.softmax, PAIR, 1), TypeError, "softmax() got 2 positional arguments; expected 1. "
     "Pass the others by name: axis=1"),
    *((lambda value=value: pyxent.softmax(TWO_ROWS, temperature=value), error, message) for value, error, message in (
        ([1, 2, 3], pyxent.ShapeError, "temperature has 3 numbers, logits has 2 rows; expected one number, or one per row"),
        (np.ones(3), pyxent.ShapeError, "temperature is float64 [3], logits is float32 [2, 9] with 9 classes along axis 1; "
         "expected temperature of shape [2] or [1]"),
        ([1, -1], pyxent.OptionError, "in row 1, temperature is -1; expected a number from 2^-32 to 2^32"),
        (np.array([1, 2]), pyxent.DTypeError, "temperature is int64 [2]; expected floats. Convert it: "
         "numpy.asarray(temperature, float)"))),
    *((lambda call=call, output=output: call(output), pyxent.DTypeError,
       f"{name} is a{'n' if output == 3 else ''} {type(output).__name__}; expected True, which makes a new array, or an array "
       "that it fills") for output in ([0.0] * 12, [[0.0] * 3] * 4, 3, {}, bytes(48), bytearray(48)) for call, name in (
           (lambda output: pyxent.softmax(X, out=output), "out"),
           (lambda output: pyxent.cross_entropy(X, LABELS, gradient=output), "gradient"),
           (lambda output: pyxent.sample(X, tokens=output), "tokens"))),
]

TABLE["log_softmax"] = [
    (lambda: pyxent.log_softmax(PAIR, where=PAIR > 0), TypeError, "log_softmax() got an unexpected keyword "
     "argument 'where'; expected class_mask"),
]

TABLE["log_sum_exp"] = [
    (lambda: pyxent.log_sum_exp(CUBE, keepdims="no"), TypeError, "keepdims is 'no'; expected True or False"),
    (lambda: pyxent.log_sum_exp(CUBE, keepdims=np.array([1, 0])), TypeError, "keepdims is array([1, 0]); expected "
     "True or False"),
    (lambda: pyxent.log_sum_exp(PAIR, dim=-1, keepdim=True), TypeError, "log_sum_exp() got unexpected keyword "
     "arguments 'dim', 'keepdim'; expected axis, keepdims"),
    (lambda: pyxent.log_sum_exp(PAIR, b=PAIR), TypeError, "log_sum_exp() got an unexpected keyword argument 'b'; "
     "help(pyxent.log_sum_exp) lists the arguments"),
    (lambda: pyxent.log_sum_exp(PAIR, weights=PAIR, return_sign=True), TypeError, "log_sum_exp() got unexpected "
     "keyword arguments 'weights', 'return_sign'; expected logits + log(weights), log_sum_exp of the terms of "
     "each sign"),
]

TABLE["argmax"] = [
    (lambda: pyxent.argmax(PAIR, last=True), TypeError, "argmax() got an unexpected keyword argument 'last'; "
     "expected reversed logits"),
]

TABLE["entropy"] = [
    (lambda: pyxent.entropy(X, keepdims=True, out=np.zeros(6, np.float32)), pyxent.ShapeError, "out is float32 "
     "[6]; expected the shape [6, 1], as keepdims is True"),
]

TABLE["softmax_backward"] = [
    (lambda: pyxent.softmax_backward(CUBE, CUBE, axis=(0, 1)), TypeError, "axis is (0, 1); expected an integer"),
]

TABLE["top_k"] = [
    *((lambda call=call: call(BITS), pyxent.DTypeError, "logits is uint16 [6, 5]; expected floats, or integers of another "
       "type. If these are the bits of bfloat16, pass pyxent.bfloat16(logits); otherwise numpy.asarray(logits, "
       "numpy.float32)") for call in (
           pyxent.softmax, pyxent.log_softmax, pyxent.log_sum_exp, pyxent.argmax, pyxent.entropy,
           lambda x: pyxent.top_k(x, 2), lambda x: pyxent.softmax(x, axis=None))),
    (lambda: pyxent.top_k(X, 2, classes=np.zeros((6, 1), int)), pyxent.ShapeError, "classes is int64 [6, 1], "
     "logits has 5 classes; expected 2 classes per row, as requested"),
    (lambda: pyxent.top_k(X, True), TypeError, "k is True; expected an integer"),
    (lambda: pyxent.top_k(X, 6), pyxent.ShapeError, "k is 6, logits is float32 [6, 5] with 5 classes along axis "
     "1: ask for 1 to 5 of the largest classes"),
    (lambda: pyxent.top_k(X.ravel(), 6, row_offsets=np.array([0, 5, 7])), pyxent.ShapeError, "k is 6, logits is "
     "float32 [30] with 5 classes in the longest row: ask for 1 to 5 of the largest classes"),
    (lambda: pyxent.top_k(PAIR, 2, largest=False), TypeError, "top_k() got an unexpected keyword argument "
     "'largest'; expected top_k of -logits"),
    (lambda: pyxent.top_k(PAIR, 2, 0), TypeError, "top_k() got 3 positional arguments; expected 2. Pass the "
     "others by name: axis=0"),
]

TABLE["selected_log_probabilities"] = [
    (lambda: pyxent.selected_log_probabilities(X, memoryview(LABELS > 0)), pyxent.DTypeError, "targets is bool "
     "[6]; expected the classes of each row as integers. Convert it: numpy.asarray(targets, int)"),
    (lambda: pyxent.selected_log_probabilities(LABELS, X), pyxent.DTypeError, "logits is int64 [6], targets is "
     "float32 [6, 5]; expected floats and then classes: are the two swapped?"),
    (lambda: pyxent.selected_log_probabilities(X, None), TypeError, "targets is None; expected an array"),
]

TABLE["cross_entropy"] = [
    *((call, pyxent.OptionError, "top_count is 2 without top_classes and top_log_probabilities; expected one of them too")
      for call in (lambda: pyxent.cross_entropy(ZEROS, ZERO_LABELS, top_count=2), lambda: pyxent.sample(ZEROS, top_count=2),
                   lambda: pyxent.linear_cross_entropy(HIDDEN_ZEROS, LAYER, ZERO_LABELS, top_count=2))),
    (lambda: pyxent.cross_entropy(X.astype(int), np.zeros(6, int)), pyxent.DTypeError, "logits is int64 [6, 5]; "
     "expected an array of type float32, float16, bfloat16 or float64. Convert it: numpy.asarray(logits, "
     "numpy.float32)"),
    (lambda: pyxent.cross_entropy(X[:, :0], LABELS), pyxent.ShapeError, "logits float32 [6, 0] has zero classes "
     "along axis 1; expected at least one"),
    (lambda: pyxent.cross_entropy(X, LABELS > 0), pyxent.DTypeError, "targets is bool [6], logits is float32 [6, "
     "5]; expected class indices (integers) or probability rows of type float32, float16 or bfloat16. Convert it: "
     "numpy.asarray(targets, int)"),
    (lambda: pyxent.cross_entropy(LABELS, X), pyxent.DTypeError, "logits is int64 [6], targets is float32 [6, 5]; "
     "expected floats and then classes: are the two swapped?"),
    (lambda: pyxent.cross_entropy(X, Path("labels.npy")), pyxent.DTypeError, "targets is 'labels.npy'; expected "
     "an array, such as numpy.load('labels.npy')"),
    (lambda: pyxent.cross_entropy(X, LABELS, losses=np.zeros(6)), pyxent.DTypeError, "losses is float64 [6], "
     "logits is float32 [6, 5]; expected losses of type float32, float16 or bfloat16"),
    (lambda: pyxent.cross_entropy(X, np.ma.array(LABELS)), pyxent.ArrayMemoryError, "targets is a masked array, "
     "whose mask is not in its memory: pass targets.data, and the mask as class_mask=~mask (of classes) or "
     "row_weights=~mask (of rows)"),
    (lambda: pyxent.cross_entropy(X, LABELS, reduction="none"), pyxent.OptionError, "reduction is none; expected "
     "one of mean, sum, or losses=True for those of the rows"),
    (lambda: pyxent.cross_entropy(X, LABELS, gradient_scale=10**400), pyxent.OptionError, "gradient_scale is of "
     "<class 'int'>; expected a finite number"),
    (lambda: pyxent.cross_entropy(X, LABELS, z_loss=10**5000), pyxent.OptionError, "z_loss is of <class 'int'>; "
     "expected a finite number that is 0 or more"),
    (lambda: pyxent.cross_entropy(X, LABELS, denominator=10**400), pyxent.OptionError, "denominator is of <class "
     "'int'>; expected a finite number that is 0 or more"),
    (lambda: pyxent.cross_entropy(X, LABELS, gradient_scale=1j), TypeError, "gradient_scale is 1j; expected a number"),
    (lambda: pyxent.cross_entropy(X, LABELS, ignore_index=1 << 64), pyxent.OptionError, "ignore_index is "
     "18446744073709551616; expected an integer of 64 bits"),
    (lambda: pyxent.cross_entropy(X, LABELS, class_weights=np.ones(6, np.float32)), pyxent.ShapeError,
     "class_weights is float32 [6], logits is float32 [6, 5] with 5 classes along axis 1; expected a weight for "
     "each class, in the shape [5], or axis=0"),
    (lambda: pyxent.cross_entropy(X, LABELS[:5]), pyxent.ShapeError, "targets is int64 [5], logits is float32 [6, "
     "5] with 5 classes along axis 1; expected targets of shape [6], or axis=0"),
    (lambda: pyxent.cross_entropy(np.zeros((2, 3, 4)), np.zeros((2, 4), int)), pyxent.ShapeError, "targets is "
     "int64 [2, 4], logits is float64 [2, 3, 4] with 4 classes along axis 2; expected targets of shape [2, 3], or "
     "axis=1"),
    (lambda: pyxent.cross_entropy(X, LABELS.astype(float)), pyxent.DTypeError, "targets is float64 [6], logits is "
     "float32 [6, 5]; expected class indices (integers) or probability rows of type float32, float16 or bfloat16. "
     "Convert it: numpy.asarray(targets, int)"),
    (lambda: pyxent.cross_entropy(X, LABELS + 1), pyxent.LabelError, "row 1 has label 5; classes are 0 to 4; "
     "expected a class index"),
    (lambda: pyxent.cross_entropy(X, LABELS - 100), pyxent.LabelError, "row 0 has label -100; classes are 0 to 4; "
     "expected a class index, or ignore_index=-100 if such rows do not count"),
    (lambda: pyxent.cross_entropy(X, LABELS, class_mask=np.arange(5) != 2), pyxent.LabelError, "row 2 has label "
     "2, which class_mask leaves out; expected another class, or let that one take part"),
    (lambda: pyxent.cross_entropy(X, np.uint64([0, 2**64 - 1, 0, 0, 0, 0])), pyxent.LabelError, "row 1 has label "
     "18446744073709551615; classes are 0 to 4; expected a class index"),
    (lambda: pyxent.cross_entropy(X, LABELS, row_weights=np.float32([1, 1, 1, 1, np.nan, 1])), pyxent.OptionError,
     "row_weights of row 4 is nan; expected finite numbers that are 0 or more"),
    (lambda: pyxent.cross_entropy(X, LABELS, label_smoothing=0.1, probability_clamp=0.1), pyxent.OptionError,
     "probability_clamp is 0.1, label_smoothing is 0.1; expected one of them"),
    (lambda: pyxent.cross_entropy(X, X, ignore_index=-7), pyxent.OptionError, "ignore_index is -7, targets are "
     "probability rows float32 [6, 5]; expected class indices, or leave ignore_index out"),
    (lambda: pyxent.cross_entropy(X, X, correct=True), pyxent.OptionError, "correct is requested, targets are "
     "probability rows; expected class indices, or outputs without correct"),
    (lambda: pyxent.cross_entropy(X, LABELS * 0 - 1, ignore_index=-1, empty_mean="error"), pyxent.EmptyMeanError, "no row "
     "is valid, or all weights are 0, so the mean is undefined; expected labels that are not ignored and weights "
     'above 0, or empty_mean="zero" or empty_mean="nan"'),
    (lambda: pyxent.cross_entropy(X, LABELS, row_weights=np.ones(6, np.int8)), pyxent.DTypeError, "row_weights is "
     "int8 [6], logits is float32 [6, 5]; expected row_weights of type float32, float16 or bfloat16, or uint8 as "
     "a mask. Convert it: numpy.asarray(row_weights, numpy.float32)"),
    (lambda: pyxent.cross_entropy(X, LABELS, top_count=-1, top_classes=True), pyxent.OptionError, "top_count is "
     "-1; expected 0 or more"),
    (lambda: pyxent.cross_entropy(X, LABELS, top_count=7, top_classes=True), pyxent.ShapeError, "top_count is 7, "
     "logits is float32 [6, 5] with 5 classes along axis 1: ask for 1 to 5 of the largest classes"),
    (lambda: pyxent.cross_entropy(CUBE, CUBE_LABELS, axis=None), TypeError, "axis is None; expected an integer"),
    (lambda: pyxent.cross_entropy(CUBE, CUBE_LABELS[:, :3], save_statistics="no"), TypeError, "save_statistics is "
     "'no'; expected True or False"),
    (lambda: pyxent.cross_entropy(PAIR, FIRST_CLASSES, weight=PAIR[0]), TypeError, "cross_entropy() got an "
     "unexpected keyword argument 'weight'; expected class_weights"),
    (lambda: pyxent.cross_entropy(PAIR, FIRST_CLASSES, weights=PAIR[0]), TypeError, "cross_entropy() got an "
     "unexpected keyword argument 'weights'; expected class_weights or row_weights"),
    (lambda: pyxent.cross_entropy(PAIR, FIRST_CLASSES, sample_weight=PAIR[0], ignore_class=1), TypeError,
     "cross_entropy() got unexpected keyword arguments 'sample_weight', 'ignore_class'; expected row_weights, "
     "ignore_index"),
    (lambda: pyxent.cross_entropy(PAIR, FIRST_CLASSES, inplace=True), TypeError, "cross_entropy() got an "
     "unexpected keyword argument 'inplace'; expected gradient=logits"),
    *((lambda name=name: pyxent.cross_entropy(PAIR, FIRST_CLASSES, **{name: True}), TypeError,
       "cross_entropy() got an unexpected keyword "
       f"argument '{name}'; expected gradient") for name in ("grad", "return_grad", "return_gradient", "input_gradient")),
    (lambda: pyxent.cross_entropy(PAIR, FIRST_CLASSES, smooth=0.1, eps=0.1, ignore=1), TypeError,
     "cross_entropy() got unexpected keyword arguments 'smooth', 'eps', 'ignore'; expected label_smoothing, "
     "ignore_index"),
    (lambda: pyxent.cross_entropy(PAIR, labels=FIRST_CLASSES), TypeError, "cross_entropy() got an unexpected "
     "keyword argument 'labels'; expected targets"),
    (lambda: pyxent.bind(pyxent.cross_entropy, PAIR, target=FIRST_CLASSES), TypeError, "cross_entropy() got an "
     "unexpected keyword argument 'target'; expected targets"),
    (lambda: pyxent.cross_entropy(PAIR, FIRST_CLASSES, dtype="float64", gradient_reduction="sum"), TypeError,
     "cross_entropy() got unexpected keyword arguments 'dtype', 'gradient_reduction'; expected logits of that "
     "type, reduction"),
    (lambda: pyxent.cross_entropy(input=PAIR, target=FIRST_CLASSES), TypeError, "cross_entropy() got unexpected "
     "keyword arguments 'input', 'target'; expected logits, targets"),
    (lambda: pyxent.cross_entropy(PAIR, FIRST_CLASSES, PAIR[0]), TypeError, "cross_entropy() got 3 positional "
     "arguments; expected 2. Pass the others by name: help(pyxent.cross_entropy) lists them"),
    *((lambda value=value: pyxent.cross_entropy(X, value), pyxent.DTypeError, message) for value, message in (
        (np.int64, "targets is <class 'numpy.int64'>; expected an array, not its class"),
        (np.ndarray, "targets is <class 'numpy.ndarray'>; expected an array, not its class"),
        (np, "targets is a module; expected an array with DLPack or the buffer protocol, for instance numpy.asarray(targets, "
             "int)"))),
]

TABLE["binary_cross_entropy"] = [
    (lambda: pyxent.binary_cross_entropy(X, (X > 0).astype(int) * 2), pyxent.LabelError,
     f"element {np.flatnonzero(X > 0)[0]} has label 2; expected 0 or 1"),
    (lambda: pyxent.binary_cross_entropy(X, X, element_weights=np.ones(5, np.int8)), pyxent.DTypeError,
     "element_weights is int8 [5], logits is float32 [6, 5]; expected element_weights of type float32, float16 or "
     "bfloat16, or uint8 as a mask. Convert it: numpy.asarray(element_weights, numpy.float32)"),
    (lambda: pyxent.binary_cross_entropy(PAIR, PAIR, weight=PAIR, pos_weight=PAIR), TypeError,
     "binary_cross_entropy() got unexpected keyword arguments 'weight', 'pos_weight'; expected element_weights, "
     "positive_weights"),
    (lambda: pyxent.binary_cross_entropy(PAIR, PAIR, gamma=2, alpha=0.5), TypeError, "binary_cross_entropy() got "
     "unexpected keyword arguments 'gamma', 'alpha'; expected focal_gamma, focal_alpha"),
    (lambda: pyxent.binary_cross_entropy(PAIR, PAIR, weights=PAIR, probability_clamp=0.1,
     target_gradient=True), TypeError, "binary_cross_entropy() got unexpected keyword arguments 'weights', "
     "'probability_clamp', 'target_gradient'; expected element_weights, clipped logits, -element_weights * logits"),
]

TABLE["sigmoid"] = TABLE["log_sigmoid"] = [
    (lambda: pyxent.sigmoid(X, temperature=[1, 2]), pyxent.OptionError, "temperature has one number per row; expected one "
     "number. logits of other temperatures are another call"),
    (lambda: pyxent.sigmoid(X, axis=0), TypeError, "sigmoid() got an unexpected keyword argument 'axis'; "
     "help(pyxent.sigmoid) lists the arguments"),
    (lambda: pyxent.log_sigmoid(X, out=np.zeros(3)), pyxent.DTypeError, "out is float64 [3], logits is float32 [6, 5]; "
     "expected out of type float32, float16 or bfloat16. For float64 results pass numpy.asarray(logits, numpy.float64)"),
]
TABLE["sigmoid_backward"] = TABLE["log_sigmoid_backward"] = [
    (lambda: pyxent.sigmoid_backward(X, X[:3]), pyxent.ShapeError, "upstream is float32 [3, 5], logits is float32 [6, 5]; "
     "expected the same shape"),
]

TABLE["linear_cross_entropy"] = [
    (lambda: linear(FIRST_CLASSES > 0), pyxent.DTypeError, "targets is bool [2], hidden is float32 [2, 3]; "
     "expected class indices (integers) or probability rows of type float32, float16 or bfloat16. Convert it: "
     "numpy.asarray(targets, int)"),
    (lambda: linear(hidden=HIDDEN.astype(">f4")), pyxent.DTypeError, "hidden has elements of type >f4; expected "
     "floats of 16, 32 or 64 bits, integers or booleans in the byte order of this machine. Convert it: "
     "numpy.asarray(hidden, numpy.float32)"),
    (lambda: pyxent.linear_cross_entropy(np.float32(1), X, LABELS), pyxent.ShapeError, "hidden has no dimension; "
     "expected one that has, such as hidden.reshape(1)"),
    (lambda: pyxent.linear_cross_entropy(X, X[:3], LABELS, temperature=np.ones(6)), pyxent.OptionError,
     "temperature has one number per row; expected one number. hidden of other temperatures are another call"),
    (lambda: pyxent.linear_cross_entropy(X, X[:5], LABELS, class_weights=np.float32([1, 1, -1, 1,
     1])), pyxent.OptionError, "class_weights of class 2 is -1.0; expected finite numbers that are 0 or more"),
    (lambda: linear(HIDDEN), pyxent.ShapeError,
     f"targets is float32 [2, 3], {OF_LAYER}; expected probability rows of "
     f"the same shape, or class indices of an integer type"),
    (lambda: linear(np.array([0, 1, 2])), pyxent.ShapeError,
     f"targets is int64 [3], {OF_LAYER} with 4 classes along axis 1; expected targets of shape [2]"),
    (lambda: linear(np.zeros((3, 3), int), np.ones((2, 3, 3), np.float32)), pyxent.ShapeError, "targets is int64 "
     "[3, 3], logits is [2, 3, 4] of hidden float32 [2, 3, 3] and weights float32 [4, 3] with 4 classes along "
     "axis 2; expected targets of shape [2, 3]"),
    (lambda: linear(np.zeros((3, 3), int), target_weights=np.ones((3, 3), np.float32)), pyxent.ShapeError,
     f"targets is int64 [3, 3], {OF_LAYER}; expected targets of shape [2, k]"),
    (lambda: linear(class_mask=np.ones(3, bool)), pyxent.ShapeError,
     f"class_mask is bool [3], {OF_LAYER} with "
     "4 classes along axis 1; expected one flag per class in its shape, in which any other size may be 1, or in the "
     "shape [4]"),
    (lambda: linear(bias=np.ones(3, np.float32)), pyxent.ShapeError,
     f"bias is float32 [3], {OF_LAYER}; expected a number for each class, in the shape [4]"),
    (lambda: linear(hidden=HIDDEN[:, :0]), pyxent.ShapeError, "hidden float32 [2, 0] has zero features along axis "
     "1; expected at least one"),
    (lambda: pyxent.linear_cross_entropy(STATES.astype(float), NINE, LABELS_OF_NINE), pyxent.DTypeError, "hidden "
     "is float64 [6, 5]; expected float32, float16 or bfloat16. In float64, call cross_entropy of hidden @ weights.T"),
    (lambda: pyxent.linear_cross_entropy(STATES, NINE[:, None], LABELS_OF_NINE), pyxent.ShapeError, "weights is "
     "float32 [9, 1, 5]; expected the shape [classes, features]. Call once for each layer, or call cross_entropy "
     "of the logits"),
    (lambda: pyxent.linear_cross_entropy(STATES, NINE.T, LABELS_OF_NINE), pyxent.ShapeError, "weights is float32 "
     "[5, 9], hidden is float32 [6, 5]; expected weights of shape [classes, 5]: pass weights.T"),
    (lambda: pyxent.linear_cross_entropy(STATES, NINE, LABELS_OF_NINE,
     ignore_index=-1).backward(), pyxent.OptionError, "there are no statistics to compute a gradient from: call "
     "with save_statistics=True"),
    (lambda: pyxent.linear_cross_entropy(STATES, NINE, SHARES_OF_NINE, correct=True), pyxent.OptionError, "correct "
     "is requested, targets are probability rows; expected class indices, or outputs without correct"),
    (lambda: pyxent.linear_cross_entropy(PAIR, PAIR, FIRST_CLASSES, linear_bias=PAIR[0]), TypeError,
     "linear_cross_entropy() got an unexpected keyword argument 'linear_bias'; expected bias"),
    *((lambda name=name: pyxent.linear_cross_entropy(PAIR, PAIR, FIRST_CLASSES, **{name: True}), TypeError,
       "linear_cross_entropy() got an "
       f"unexpected keyword argument '{name}'; expected hidden_gradient, weights_gradient, bias_gradient")
      for name in ("gradient", "grad", "return_gradient")),
    (lambda: pyxent.linear_cross_entropy(PAIR, PAIR, FIRST_CLASSES, input_gradient=True, weight=PAIR[0]), TypeError,
     "linear_cross_entropy() got unexpected keyword arguments 'input_gradient', 'weight'; expected "
     "hidden_gradient, class_weights"),
    (lambda: pyxent.linear_cross_entropy(input=PAIR, weight=PAIR, targets=FIRST_CLASSES), TypeError,
     "linear_cross_entropy() got unexpected keyword arguments 'input', 'weight'; expected hidden, weights"),
    (lambda: pyxent.linear_cross_entropy(PAIR, linear_weight=PAIR, targets=FIRST_CLASSES), TypeError,
     "linear_cross_entropy() got an unexpected keyword argument 'linear_weight'; expected weights"),
]

TABLE["nll_loss"] = [
    (lambda: pyxent.nll_loss(X, LABELS > 0), pyxent.DTypeError, "targets is bool [6]; expected class indices as "
     "integers. Convert it: numpy.asarray(targets, int)"),
    (lambda: pyxent.nll_loss(LABELS, X), pyxent.DTypeError, "log_probabilities is int64 [6], targets is float32 "
     "[6, 5]; expected floats and then classes: are the two swapped?"),
    (lambda: pyxent.nll_loss(BITS, LABELS), pyxent.DTypeError, "log_probabilities is uint16 [6, 5]; expected an "
     "array of type float32, float16, bfloat16 or float64. If these are the bits of bfloat16, pass "
     "pyxent.bfloat16(log_probabilities); otherwise numpy.asarray(log_probabilities, numpy.float32)"),
    (lambda: pyxent.nll_loss(CUBE[..., :0], CUBE_LABELS), pyxent.ShapeError, "log_probabilities float32 [2, 3, 0] "
     "has zero classes along axis 2; expected at least one"),
    (lambda: pyxent.nll_loss(CUBE, CUBE_LABELS[:, :3] * 0, gradient=CUBE[:1]), pyxent.ShapeError, "gradient is "
     "float32 [1, 3, 4], log_probabilities is float32 [2, 3, 4]; expected the same shape"),
    (lambda: pyxent.nll_loss(CUBE.reshape(-1)[:8].reshape(2, 4), CUBE_LABELS[0, :2],
     gradient=CUBE.reshape(-1)[1:9].reshape(2, 4)), pyxent.ArrayMemoryError, "gradient and log_probabilities lie "
     "within each other's span of memory; expected separate memory for gradient, or exactly that of "
     "log_probabilities"),
    (lambda: pyxent.nll_loss(None, CUBE_LABELS), TypeError, "log_probabilities is None; expected an array"),
    (lambda: pyxent.nll_loss(CUBE, CUBE), pyxent.DTypeError, "targets is float32 [2, 3, 4]; expected class "
     "indices as integers"),
    (lambda: pyxent.nll_loss(CUBE.astype(int), np.zeros((2, 3), int)), pyxent.DTypeError, "log_probabilities is "
     "int64 [2, 3, 4]; expected an array of type float32, float16, bfloat16 or float64. Convert it: "
     "numpy.asarray(log_probabilities, numpy.float32)"),
    (lambda: pyxent.nll_loss(CUBE, np.full((2, 3), 4)), pyxent.LabelError, "row 0 has label 4; classes are 0 to "
     "3; expected a class index"),
    (lambda: pyxent.nll_loss(PAIR, FIRST_CLASSES, weight=PAIR[0]), TypeError, "nll_loss() got an unexpected "
     "keyword argument 'weight'; expected class_weights"),
]

TABLE["kl_div"] = [
    (lambda: pyxent.kl_div(PAIR, PAIR, log_target=True), TypeError, "kl_div() got an unexpected keyword argument "
     "'log_target'; expected log_targets"),
    (lambda: pyxent.kl_div(input=PAIR, target=PAIR), TypeError, "kl_div() got unexpected keyword arguments "
     "'input', 'target'; expected log_probabilities, targets"),
    (lambda: pyxent.kl_div(PAIR, PAIR, True), TypeError, "kl_div() got 3 positional arguments; expected 2. Pass "
     "the others by name: help(pyxent.kl_div) lists them"),
]

TABLE["kl_divergence"] = [
    (lambda: pyxent.kl_divergence(PAIR, PAIR, 1), TypeError, "kl_divergence() got 3 positional arguments; "
     "expected 2. Pass the others by name: axis=1"),
]

TABLE["cross_entropy_hvp"] = [
    (lambda: pyxent.cross_entropy_hvp(X, X, row_weights=np.float32([1, 1, 1, 1, np.nan, 1])), pyxent.OptionError,
     "row_weights of row 4 is nan; expected finite numbers that are 0 or more"),
    (lambda: pyxent.cross_entropy_hvp(X, X, out=X.astype(np.float16)), pyxent.DTypeError, "out is float16 [6, 5], "
     "logits is float32 [6, 5]; expected out of type float32"),
]

TABLE["sample"] = [
    (lambda: pyxent.sample(X, prompt_tokens=LABELS[:, None] > 0), pyxent.DTypeError, "prompt_tokens is bool [6, "
     "1]; expected classes as integers. Convert it: numpy.asarray(prompt_tokens, int)"),
    (lambda: pyxent.sample(X, bias={1: 5.0}), pyxent.DTypeError, "bias is a dict; expected an array, or "
     "bias_tokens=numpy.array([list(bias)] * 6), bias_values=numpy.array([list(bias.values())] * 6, numpy.float32)"),
    (lambda: pyxent.sample(X, seed=1 << 64, step=0), pyxent.OptionError, "seed is 18446744073709551616; expected "
     "an integer of 64 bits"),
    (lambda: pyxent.sample(X, seed=0, step=0, stream=[0, 1, 2, 3, 4, -(1 << 70)]), pyxent.OptionError,
     f"in row 5, stream is {-(1 << 70)}; expected an integer of 64 bits"),
    (lambda: pyxent.sample(X, temperature=1e-300), pyxent.OptionError, "temperature is 1e-300; expected 0, which "
     "takes the largest logit, or a number from 2^-32 to 2^32"),
    (lambda: pyxent.sample(X, top_k=X), pyxent.ShapeError, "top_k has the shape [6, 5]; expected one number, or "
     "one per row"),
    (lambda: pyxent.sample(X, top_k=1 << 64), pyxent.OptionError, "top_k is 18446744073709551616; expected an "
     "integer of 64 bits"),
    (lambda: pyxent.sample(X, output_tokens=np.full((6, 1), 5), presence_penalty=1), pyxent.LabelError,
     "output_tokens of row 0 has 5; classes are 0 to 4; expected a class index, or -1 for none"),
    (lambda: pyxent.sample(X, prompt_tokens=np.full((6, 1), 255, np.uint8), repetition_penalty=2), pyxent.LabelError,
     "prompt_tokens of row 0 has 255; classes are 0 to 4; expected a class index, or tokens of a signed type with "
     "-1 for none"),
    (lambda: pyxent.sample(X, rules="vllm", typical_p=0.5), pyxent.OptionError, "typical_p is 0.5, and vllm has "
     "no such filter: leave it out, or choose other rules"),
    (lambda: pyxent.sample(X, top_count=-1), pyxent.OptionError, "top_count is -1; expected 0 or more"),
    (lambda: pyxent.sample(X, top_count=7, top_classes=True), pyxent.ShapeError, "top_count is 7, logits is "
     "float32 [6, 5] with 5 classes along axis 1: ask for 1 to 5 of the largest classes"),
    (lambda: pyxent.sample(X, top_classes=True), pyxent.OptionError, "top_count is 0: request 1 or more of the "
     "largest classes"),
    (lambda: pyxent.sample(X.astype(float)), pyxent.DTypeError, "logits is float64 [6, 5]; expected an array of "
     "type float32, float16 or bfloat16 to sample from. Convert it: numpy.asarray(logits, numpy.float32)"),
    (lambda: pyxent.sample(CUBE, class_mask=np.ones((2, 3, 2), np.int32)), pyxent.ShapeError, "class_mask is "
     "int32 [2, 3, 2], logits is float32 [2, 3, 4]; expected 1 integer of 32 flags along axis 2, or flags of type "
     "bool, uint8 or int8"),
    (lambda: pyxent.sample(CUBE, class_mask=np.ones(4, int)), pyxent.DTypeError, "class_mask is int64 [4]; "
     "expected an array of type bool, uint8 or int8, or int32 or uint32 with 32 classes in each number. Convert "
     "it: numpy.asarray(class_mask, bool)"),
    (lambda: pyxent.sample(PAIR, num_samples=1), TypeError, "sample() got an unexpected keyword argument "
     "'num_samples'; help(pyxent.sample) lists the arguments"),
    (lambda: pyxent.sample(PAIR, generator=None), TypeError, "sample() got an unexpected keyword argument "
     "'generator'; expected seed and step"),
    (lambda: pyxent.sample(PAIR, temprature=1), TypeError, "sample() got an unexpected keyword argument "
     "'temprature'; expected temperature"),
    (lambda: pyxent.sample(PAIR, no_repeat_ngram=2), TypeError, "no_repeat_ngram is an option of a text; expected "
     "Sampler(no_repeat_ngram=2).start()"),
    (lambda: pyxent.sample(PAIR, logit_bias={1: 5.0}), TypeError, "sample() got an unexpected keyword argument "
     "'logit_bias'; expected bias_tokens and bias_values"),
    (lambda: pyxent.sample(PAIR, temp=1, k=1, p=1, rep_penalty=1, frequency=1, presence=1, rng=1), TypeError,
     "sample() got unexpected keyword arguments 'temp', 'k', 'p', 'rep_penalty', 'frequency', 'presence', 'rng'; "
     "expected temperature, top_k, top_p, repetition_penalty, frequency_penalty, presence_penalty, seed and step"),
    (lambda: pyxent.sample(PAIR, T=1, penalty=1, random_state=1), TypeError, "sample() got unexpected keyword "
     "arguments 'T', 'penalty', 'random_state'; expected temperature, repetition_penalty, seed and step"),
    (lambda: pyxent.sample(PAIR, 0.7, 40), TypeError, "sample() got 3 positional arguments; expected 1. Pass the "
     "others by name: temperature=0.7"),
    (lambda: pyxent.sample(FOUR, seed=1, step=0, draft_tokens=np.array(2),
     draft_probabilities=FOUR * np.nan), pyxent.OptionError, "draft_probabilities of row 0 has nan at the draft "
     "2; expected the probability that it was drawn with, above 0 and at most 1. Pass the softmax of the other "
     "model's logits"),
    (lambda: pyxent.sample(BATCH, repetition_penalty=1.2), pyxent.OptionError, "repetition_penalty is set and no "
     "tokens are passed; expected prompt_tokens or output_tokens. Before the first token, pass an array with 0 "
     "entries per row"),
    (lambda: pyxent.sample(FOUR, frequency_penalty=1), pyxent.OptionError, "frequency_penalty is set and no "
     "tokens are passed; expected prompt_tokens or output_tokens. Before the first token, pass an array with 0 "
     "entries per row"),
    (lambda: pyxent.sample(BATCH, presence_penalty=[None, 1, 0]), pyxent.OptionError, "presence_penalty is set "
     "and no tokens are passed; expected prompt_tokens or output_tokens. Before the first token, pass an array "
     "with 0 entries per row"),
    *((lambda call=call, options=options: call(options), pyxent.OptionError, message)
      for call in (lambda options: pyxent.sample(FLAT, **options), lambda options: pyxent.Sampler(**options))
      for options, message in (
        (dict(top_k=3, order=["top_p"]), "top_k is 3, order is ['top_p']; expected 'top_k' in the order too, or no top_k"),
        (dict(order=["top_p", "top_p"]), "order is ['top_p', 'top_p']; expected each filter at most once"),
        (dict(xtc_probability=0.5, rules="vllm"), "xtc_probability is 0.5, and vllm has no such filter: leave it out, or "
                                                  "choose other rules"),
        (dict(order=["top_a"]), "order is top_a; expected one of top_k, top_p, min_p, typical_p, top_n_sigma, xtc, "
                                "temperature"))),
    *((lambda options=options: pyxent.sample(TWO_ROWS, tokens=TOKENS, **options), error, message)
      for options, error, message in (
        (dict(top_p=[0.5, 1.5]), pyxent.OptionError, "in row 1, top_p is 1.5; expected a number above 0, at most 1, which "
         "keeps all classes"),
        (dict(top_k=[1, 2, 3]), pyxent.ShapeError, "top_k has 3 numbers, logits has 2 rows; expected one number, or one "
         "per row"),
        (dict(top_k=[1, 2.5]), TypeError, "in row 1, top_k is 2.5; expected an integer"),
        (dict(typical_p=[None, 0.5], rules="vllm"), pyxent.OptionError, "in row 1, typical_p is 0.5, and vllm has no such "
         "filter: leave it out, or choose other rules"),
        (dict(temperature="0.5"), TypeError, "temperature is '0.5'; expected a number"))),
    *((lambda options=options: pyxent.sample(TWO_ROWS, tokens=TOKENS, **options), pyxent.OptionError, message)
      for options, message in (
        (dict(seed=7), "seed is 7 without a step; expected both. The same seed and step give the same token: count the steps "
         "of a sequence"),
        (dict(seed=[7, 8], step=[1, None]), "in row 1, seed is 8 without a step; expected both. The same seed and step give "
         "the same token: count the steps of a sequence"),
        (dict(step=3), "step is 3 without a seed; expected both, or none of them: each call without a seed draws a new one"),
        (dict(stream=[1, 2]), "stream is [1, 2] without a seed; expected both, or none of them: each call without a seed "
         "draws a new one"),
        (dict(draw=0, temperature=0), "draw is 0 without a seed; expected both, or none of them: each call without a seed "
         "draws a new one"),
        (dict(seed=7, step=[1, None]), "in row 1, seed is 7 without a step; expected both. The same seed and step give the "
         "same token: count the steps of a sequence"))),
]

TABLE["Sampler"] = [
    *((call, TypeError, "step is given to a cursor, which counts the steps; expected step of the cursor: cursor.step = 3")
      for call in (lambda: cursor().next(ROW, step=3), lambda: cursor().sample(ROW, step=3))),
    (lambda: pyxent.bind(cursor().next, ROW), TypeError, "operation is next; expected a function of Xent that "
     "computes from arrays, such as pyxent.softmax"),
    (lambda: pyxent.Sampler(dry_multiplier="x"), TypeError, "dry_multiplier is 'x'; expected a number"),
    (lambda: pyxent.Sampler(dry_base=[1]), TypeError, "dry_base is [1]; expected a number"),
    (lambda: pyxent.Sampler(dry_multiplier=-1), pyxent.OptionError, "dry_multiplier is -1; expected a number of 0 "
     "or more"),
    (lambda: pyxent.Sampler(dry_base=np.inf), pyxent.OptionError, "dry_base is inf; expected a number of 1 or more"),
    (lambda: pyxent.Sampler(dry_breakers=5), TypeError, "dry_breakers is 5; expected tokens, such as [5]"),
    (lambda: cursor().verify(ZEROS, 5), TypeError, "drafts is 5; expected tokens, such as [5]"),
    (lambda: pyxent.Sampler().start(prompt_tokens=5), TypeError, "prompt_tokens is 5; expected tokens, such as [5]"),
    (lambda: cursor().next(ROW, repetition_penalty=1.2), pyxent.OptionError, "repetition_penalty is given to one "
     "step; expected Sampler(repetition_penalty=...), whose cursors keep their tokens"),
    (lambda: cursor(repetition_penalty=[1.2]).next(ROW), pyxent.OptionError, "repetition_penalty has a number for "
     "each row; expected one number for a text"),
    *((lambda given={name: value}: pyxent.Sampler(**given), error, message) for name, value, error, message in (
        ("softcap", "x", TypeError, "softcap is 'x'; expected a number"),
        ("threads", 0, pyxent.OptionError, "threads is 0; expected 1 or more"),
        ("axis", "y", TypeError, "axis is 'y'; expected an integer"))),
    (lambda: pyxent.Sampler().start().next(PAIR[0], dry_base=2.0), TypeError, "dry_base is an option of a text; "
     "expected Sampler(dry_base=2.0).start()"),
    (lambda: pyxent.Sampler().start().verify(PAIR, draft=[1]), TypeError, "verify() got an unexpected keyword "
     "argument 'draft'; expected drafts"),
    (lambda: pyxent.Sampler(0.7), TypeError, "Sampler() got 1 positional argument; expected 0. Pass the others by "
     "name: temperature=0.7"),
    (lambda: pyxent.Sampler({"top_k": 5, "seed": 1}), TypeError, "Sampler() got 1 positional argument; expected "
     "0. Pass the others by name: top_k=5, seed=1"),
    (lambda: pyxent.Sampler(repetition_penalty=2).start().accept(2**31), pyxent.OptionError, "a class of accept "
     "is 2147483648; expected one below 2^31"),
    (lambda: pyxent.Sampler().start(prompt_tokens=[2**70]), pyxent.OptionError, "a class of prompt_tokens is "
     "1180591620717411303424; expected one below 2^31"),
    (lambda: pyxent.Sampler(step=1), TypeError, "Sampler() got the argument 'step'; expected it in "
     "start(step=...), from where the cursor counts"),
    (lambda: pyxent.Sampler(topp=0.9), TypeError, "Sampler() got an unexpected keyword argument 'topp'; expected "
     "top_p"),
    (lambda: pyxent.Sampler(no_repeat_ngrams=2), TypeError, "Sampler() got an unexpected keyword argument "
     "'no_repeat_ngrams'; expected no_repeat_ngram"),
    (lambda: pyxent.Sampler(x=2), TypeError, "Sampler() got an unexpected keyword argument 'x'; "
     "help(pyxent.Sampler) lists the arguments"),
    (lambda: pyxent.Sampler(banned_sequences=[3, 4]), TypeError, "banned_sequences[0] is 3; expected a list of "
     "tokens, such as [[3], [4]]"),
    (lambda: pyxent.Sampler(banned_sequences=3), TypeError, "banned_sequences is 3; expected lists of tokens, "
     "such as [[3], [4]]"),
    (lambda: pyxent.Sampler(repetition_penalty=2).start(prompt_tokens=[1]).next(BATCH,
     output_tokens=np.zeros((3, 1), int)), pyxent.OptionError, "prompt_tokens of start has the tokens of one "
     "text, logits has 2 dimensions; expected prompt_tokens in each call"),
    (lambda: pyxent.Sampler(repetition_penalty=2).start(prompt_tokens=[6]).next(FOUR[:2]), pyxent.LabelError, "the "
     "text of this cursor has token 6, logits has 2 classes; expected logits of the same classes in each step"),
    (lambda: pyxent.Sampler(repetition_penalty=2).start(prompt_tokens=[1, 6]).next(FOUR), pyxent.LabelError, "the "
     "text of this cursor has token 6, logits has 4 classes; expected logits of the same classes in each step"),
    (lambda: pyxent.Sampler(repetition_penalty=2).start().next(FOUR, bias_tokens=np.array([9]),
     bias_values=np.zeros(1, np.float32)), pyxent.LabelError, "bias_tokens of row 0 has 9; classes are 0 to 3; "
     "expected a class index, or -1 for none"),
    (lambda: pyxent.Sampler().start().verify(BATCH, [1, 2], class_mask=np.ones(50, bool)), TypeError, "verify() "
     "got 'class_mask'; it takes no options of a step: call next for such a step"),
    (lambda: pyxent.Sampler().start().verify(BATCH[:2], [1, 2]), pyxent.ShapeError, "logits has the shape [2, "
     "50], drafts has 2 tokens; expected the shape [3, 50], a row for each draft and one more"),
    (lambda: pyxent.Sampler().start().verify(BATCH, [1, 2], BATCH), pyxent.ShapeError, "draft_probabilities is "
     "float32 [3, 50], drafts has 2 tokens; expected the shape [2, 50], a row for each draft"),
    (lambda: pyxent.Sampler().start().verify(BATCH, [1, 50], BATCH[:2]), pyxent.LabelError, "drafts[1] is 50, "
     "logits has 50 classes; expected 0 to 49"),
    (lambda: pyxent.Sampler().start().verify(BATCH, [1, 50]), pyxent.LabelError, "drafts[1] is 50, logits has 50 "
     "classes; expected 0 to 49"),
    (lambda: pyxent.Sampler().start().verify(BATCH, [1, 2], np.full((2, 50), -3.5)), pyxent.OptionError,
     "draft_probabilities[0] has -3.5 at the draft 1; expected the probability that it was drawn with, above 0 "
     "and at most 1. Pass the softmax of the other model's logits"),
    (lambda: pyxent.Sampler(temperature=-1), pyxent.OptionError, "temperature is -1; expected 0, which takes the "
     "largest logit, or a number from 2^-32 to 2^32"),
    (lambda: pyxent.Sampler(rules="ggml"), pyxent.OptionError, "rules is ggml; expected one of xent, "
     "transformers, vllm, llama.cpp, onnxruntime-genai"),
    (lambda: pyxent.Sampler(seed=0.5), TypeError, "seed is 0.5; expected an integer"),
    (lambda: pyxent.Sampler().start(-1), pyxent.OptionError, "step is -1; expected a number from 0 to 4294967295"),
    (lambda: pyxent.Sampler().start().next(FOUR, seeds=1), TypeError, "sample() got an unexpected keyword "
     "argument 'seeds'; expected seed"),
    (lambda: pyxent.Sampler(no_repeat_ngram=-1), pyxent.OptionError, "no_repeat_ngram is -1; expected 0 or more"),
    (lambda: pyxent.Sampler(banned_sequences=[[]]), pyxent.OptionError, "a banned sequence is empty; expected one "
     "class or more"),
    (lambda: pyxent.Sampler(banned_sequences=[[1, -1]]), pyxent.OptionError, "a class of banned_sequences is -1; "
     "expected 0 or more"),
    (lambda: pyxent.Sampler(dry_breakers=[[]]), pyxent.OptionError, "a breaker is empty; expected one class or more"),
    (lambda: pyxent.Sampler(dry_breakers=[[1, -1]]), pyxent.OptionError, "a class of dry_breakers is -1; expected "
     "0 or more"),
    (lambda: pyxent.Sampler(dry_base=0.5), pyxent.OptionError, "dry_base is 0.5; expected a number of 1 or more"),
    (lambda: pyxent.Sampler(banned_sequences=[[4]]).start().next(FOUR), pyxent.LabelError, "banned_sequences has "
     "4, which is no class; expected 0 to 3"),
    (lambda: pyxent.Sampler(no_repeat_ngram=2).start().next(BATCH), pyxent.OptionError, "logits has 2 dimensions, "
     "and options of a text are set; expected one row of one dimension. Use a cursor for each text"),
    (lambda: pyxent.Sampler(repetition_penalty=2).start().next(FOUR,
     output_tokens=np.array([1])), pyxent.OptionError, "output_tokens is given to a cursor, which has the tokens "
     "of its text; expected start(prompt_tokens=...) and accept(token)"),
    (lambda: pyxent.Sampler(no_repeat_ngram=2).start().next(FOUR, bias_tokens=np.array([1]),
     bias_values=np.zeros(1, np.float32)), pyxent.OptionError, "bias_tokens is given, and the sampler has options "
     "of a text; expected bias, with a number for each class"),
    (lambda: pyxent.Sampler().start(3).rewind(4), pyxent.OptionError, "step is 4, this cursor is at step 3; "
     "expected no later one"),
    (lambda: pyxent.Sampler(presence_penalty=[1]).start().next(FOUR), pyxent.OptionError, "presence_penalty has a "
     "number for each row; expected one number for a text"),
    (lambda: pyxent.Sampler(repetition_penalty=2).start(3).rewind(2), pyxent.OptionError, "1 steps back are more "
     "than the 0 tokens that this cursor has; expected a step since its first one"),
    (lambda: pyxent.Sampler().start().verify(FOUR, []), pyxent.ShapeError, "logits has the shape [4], drafts has "
     "0 tokens; expected the shape [1, 4], a row for each draft and one more"),
    *((lambda row=row, options=options: cursor().next(row, **options), pyxent.NoTokenError,
       f"logits is {row.dtype} [2] with {cause}, and no token can be drawn; expected logits without NaN or +inf, one of "
       "them above -inf") for given, options, cause in (
        ([0, np.nan], {}, "nan in class 1"), ([np.inf, np.nan], {}, "inf in class 0"),
        ([-np.inf] * 2, {}, "-inf in all classes"),
        ([0, 1], {"class_mask": np.zeros(2, bool)}, "no class left by class_mask"),
        ([0, 1], {"bias": np.full(2, -np.inf, np.float32)}, "no class left by bias"),
        ([0, 1], {"class_mask": np.array([1, 0], bool), "bias": np.array([-np.inf, 0], np.float32)},
         "no class left by class_mask and bias")) for row in (np.array(given, np.float32), np.array(given, np.float16))),
]

TABLE["bind"] = [
    *((lambda f=f: pyxent.bind(f, ZEROS, out=OUT[f], dtype="float16"), pyxent.OptionError,
       f"dtype is float16, out is float32 {list(OUT[f].shape)}; expected an out of this type, or no dtype")
      for f in PROBABILITIES),
]

TABLE["log_softmax_backward"] = [
    (lambda: pyxent.log_softmax_backward(X, X[:3]), pyxent.ShapeError, "upstream is float32 [3, 5], output is float32 [6, 5]; "
     "expected the same shape"),
]

TABLE["jensen_shannon_divergence"] = [
    (lambda: pyxent.jensen_shannon_divergence(X, X[:3]), pyxent.ShapeError, "teacher is float32 [3, 5], logits is float32 "
     "[6, 5]; expected the same shape"),
]

TABLE["total_variation"] = [
    (lambda: pyxent.total_variation(X, None), TypeError, "teacher is None; expected an array"),
]

if torch:
    TENSOR, TARGET = torch.zeros(2, 3), torch.tensor([0, 1])

    def leaf(tensor):
        return tensor.clone().requires_grad_()

    TABLE["softmax"] += [
        (lambda: pyxent.softmax(TENSOR.to_sparse()), pyxent.ArrayMemoryError, "logits is a tensor of the layout "
         "torch.sparse_coo; expected a dense one: logits.to_dense()"),
        *((lambda options=options: pyxent.softmax(torch.nested.nested_tensor([TENSOR[0], TENSOR[1]], **options)),
           pyxent.ArrayMemoryError, "logits is a nested tensor; expected its rows in one dimension, with their row_offsets")
          for options in ({}, dict(layout=torch.jagged))),
    ]

    TABLE["torch.softmax"] = [
        (lambda: of_torch.softmax(TENSOR), TypeError, "dim is None; expected the dimension of the classes, such as -1"),
        (lambda: of_torch.softmax(TENSOR.int(), -1), pyxent.DTypeError, "input has the type torch.int32; expected "
         "floats: input.float(), or dtype=torch.float32"),
        (lambda: of_torch.softmax(TENSOR, 2), pyxent.ShapeError, "dim 2 does not exist in shape [2, 3]: axes go from "
         "-2 to 1"),
        (lambda: of_torch.softmax(TENSOR.numpy(), -1), TypeError, "input is of <class 'numpy.ndarray'>; expected a "
         "tensor of PyTorch. pyxent.softmax takes other arrays"),
        (lambda: of_torch.softmax(torch.nested.nested_tensor([TENSOR, TENSOR]), -1), TypeError, "input is a nested "
         "tensor; expected a dense one: torch.nested.to_padded_tensor(input, padding)"),
        (lambda: of_torch.softmax(TENSOR.to("meta"), -1), TypeError, "input is on the device meta; expected a tensor "
         "on the CPU: input.cpu(). On other devices call torch.nn.functional.softmax"),
    ]

    TABLE["torch.log_softmax"] = [
        (lambda: of_torch.log_softmax(TENSOR.to_sparse(), -1), TypeError, "input has the layout torch.sparse_coo; "
         "expected a dense tensor: input.to_dense()"),
    ]

    TABLE["torch.cross_entropy"] = [
        (lambda: of_torch.cross_entropy(TENSOR, TARGET.to("meta")), TypeError, "target is on the device meta; "
         "expected a tensor on the CPU: target.cpu(). On other devices call torch.nn.functional.cross_entropy"),
        (lambda: of_torch.cross_entropy(TENSOR, [0, 1]), TypeError, "target is of <class 'list'>; expected a tensor "
         "of PyTorch. pyxent.cross_entropy takes other arrays"),
        (lambda: of_torch.cross_entropy(TENSOR, TARGET, size_average=True), TypeError, "size_average or reduce is "
         "given; expected reduction='none', 'mean' or 'sum' in their place"),
        (lambda: of_torch.cross_entropy(TENSOR, TARGET, reduction="avg"), pyxent.OptionError, "reduction is 'avg'; "
         "expected 'none', 'mean' or 'sum'"),
        (lambda: of_torch.cross_entropy(TENSOR, TARGET + 2), pyxent.LabelError, "row 1 has label 3; classes are 0 to "
         "2; expected a class index"),
        (lambda: of_torch.cross_entropy(TENSOR, TARGET.float()), pyxent.ShapeError, "target is float32 [2], input is "
         "float32 [2, 3]; expected probability rows of the same shape, or class indices of an integer type. Convert "
         "it: target.long()"),
        (lambda: of_torch.cross_entropy(TENSOR, TARGET[:1]), pyxent.ShapeError, "target is int64 [1], input is "
         "float32 [2, 3] with 3 classes along dim 1; expected target of shape [2]"),
        (lambda: of_torch.cross_entropy(TENSOR, TARGET, torch.ones(2)), pyxent.ShapeError, "weight is float32 [2], "
         "input is float32 [2, 3] with 3 classes along dim 1; expected a weight for each class, in the shape [3], or "
         "input.movedim(0, 1)"),
        (lambda: of_torch.cross_entropy(TENSOR, TARGET, label_smoothing=2), pyxent.OptionError, "label_smoothing is "
         "2; expected a number from 0 to 1"),
        (lambda: of_torch.cross_entropy(TENSOR, TENSOR, ignore_index=1), pyxent.OptionError, "ignore_index is 1, "
         "target has probability rows float32 [2, 3]; expected class indices, or leave ignore_index out"),
        (lambda: of_torch.cross_entropy(TENSOR, leaf(TENSOR)), TypeError, "target requires its gradient, which is not "
         "computed; expected target.detach()"),
        (lambda: of_torch.cross_entropy(TENSOR, TARGET, leaf(TENSOR[0])), TypeError, "weight requires its gradient, "
         "which is not computed; expected weight.detach()"),
        (lambda: of_torch.cross_entropy(leaf(TENSOR), TARGET, -torch.ones(3)), pyxent.OptionError, "weight of class 0 "
         "is -1.0; expected finite numbers that are 0 or more"),
    ]

    TABLE["torch.linear_cross_entropy"] = [
        (lambda: of_torch.linear_cross_entropy(TENSOR, torch.ones(4, 2), TARGET), pyxent.ShapeError, "linear_weight "
         "is float32 [4, 2], input is float32 [2, 3]; expected linear_weight of shape [classes, 3]"),
        (lambda: of_torch.linear_cross_entropy(TENSOR, torch.ones(4, 3), TARGET,
         linear_bias=torch.ones(3)), pyxent.ShapeError, "linear_bias is float32 [3], input is [2, 4] of input float32 "
         "[2, 3] and linear_weight float32 [4, 3]; expected a number for each class, in the shape [4]"),
    ]

if jax:
    RUNS = (lambda call: call, jax.jit, lambda call: lambda x, labels: jax.vmap(call)(x[None], labels[None]))
    TABLE["jax"] = [
        *((lambda run=run, call=call: run(call)(jax.numpy.asarray(PAIR), jax.numpy.asarray(FIRST_CLASSES)), error, message)
          for run in RUNS for call, error, message in (
            (lambda x, labels: of_jax.softmax(x, 5), pyxent.ShapeError,
             "axis 5 does not exist in shape [2, 3]: axes go from -2 to 1"),
            (lambda x, labels: of_jax.log_softmax(x, -3), pyxent.ShapeError,
             "axis -3 does not exist in shape [2, 3]: axes go from -2 to 1"),
            (lambda x, labels: of_jax.softmax(x, (0, 1)), TypeError, "axis is (0, 1); expected an integer"),
            (lambda x, labels: of_jax.cross_entropy(x, labels, None), TypeError, "axis is None; expected an integer"),
            (lambda x, labels: of_jax.cross_entropy(x, labels, 5), pyxent.ShapeError,
             "axis 5 does not exist in shape [2, 3]: axes go from -2 to 1"),
            (lambda x, labels: of_jax.cross_entropy(x, labels, reduction="mean"), TypeError,
             "reduction is given to pyxent.jax; "
             "expected the losses of the rows, and jax.grad for gradients: cross_entropy(logits, targets).mean()"),
            (lambda x, labels: of_jax.cross_entropy(x, labels, weight=1), TypeError,
             "cross_entropy() got an unexpected keyword argument 'weight'; expected class_weights"),)),
        *((lambda given={name: value}: of_jax.cross_entropy(jax.numpy.asarray(PAIR), FIRST_CLASSES, **given), TypeError,
           f"{name} is given to pyxent.jax; expected the losses of the rows, and jax.grad for gradients: "
           "cross_entropy(logits, targets).mean()") for name, value in (
               ("gradient_scale", 2.0), ("denominator", 3.0), ("correct", True), ("top_count", 2), ("save_statistics", True),
               ("reduction", "sum"), ("empty_mean", "zero"), ("losses", True))),
        *((lambda call=call: jax.jit(call)(), pyxent.DTypeError,
           f"{name} has the type int32; expected floating-point numbers") for call, name in (
               (lambda: of_jax.softmax(jax.numpy.array([1, 2])), "x"),
               (lambda: of_jax.cross_entropy(jax.numpy.array([[1, 2]]), jax.numpy.array([0])), "logits"))),
    ]


@pytest.mark.filterwarnings("ignore")  # of nested tensors
@pytest.mark.parametrize("call, error, message", [row for rows in TABLE.values() for row in rows])
def test_what_is_rejected(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert str(raised.value) == message and type(raised.value) is error
    assert not (error is TypeError and raised.value.__cause__) and TOKENS.tolist() == [7, 7]


def test_each_function_has_a_row():
    of_arrays = {name for name in pyxent.__all__ if name.islower()} - {"bfloat16", "isas", "numerics_version"}
    assert of_arrays <= TABLE.keys()


def test_drafts_are_verified_with_rows_of_every_library():
    random = np.random.default_rng(3)
    logits, q = random.normal(size=(3, 50)).astype(np.float32) * 3, np.full((2, 50), 1 / 50, np.float32)
    drafts = [cursor().next(logits[0]), 30]
    expected = [cursor().verify(logits, drafts), cursor().verify(logits, drafts, q)]
    assert len(expected[0]) == 3

    def of_frames(array):
        return pytest.importorskip("pandas").DataFrame(array)

    def of_torch(array):
        return pytest.importorskip("torch").tensor(array)

    for converted in (memoryview, np.asfortranarray, lambda array: np.repeat(array, 2, 1)[:, ::2], of_torch, of_frames):
        assert expected == [cursor().verify(converted(logits), drafts),
                            cursor().verify(converted(logits), drafts, converted(q))]


def test_flags_are_booleans():
    result = pyxent.cross_entropy(ZEROS, ZERO_LABELS, correct=True)
    assert result.correct.dtype == bool and ZEROS[result.correct].shape == (3, 5)
    assert pyxent.linear_cross_entropy(HIDDEN_ZEROS, LAYER, ZERO_LABELS, correct=True).correct.dtype == bool
    assert pyxent.sample(ZEROS, kept_mask=True).kept_mask.dtype == bool
    torch = pytest.importorskip("torch")
    for _ in range(2):
        assert pyxent.cross_entropy(torch.zeros(3, 5), torch.zeros(3, dtype=int), correct=True).correct.dtype == torch.bool


@pytest.mark.parametrize("wanted", [np.True_, np.False_])
def test_outputs_are_requested_by_booleans_of_numpy(wanted):
    for _ in range(2):
        assert (pyxent.cross_entropy(ZEROS, ZERO_LABELS, gradient=wanted).gradient is not None) == bool(wanted)


def test_numbers_of_rows_may_be_a_range():
    assert pyxent.softmax(ZEROS, temperature=range(1, 4)).tobytes() == pyxent.softmax(ZEROS, temperature=[1, 2, 3]).tobytes()


def test_none_turns_each_option_off():
    of_rows = dict.fromkeys(("temperature", "top_k", "min_keep", "top_p", "scale", "xtc_threshold", "dynatemp_exponent"))
    expected = pyxent.sample(ZEROS, seed=1, step=0).tokens.tolist()
    assert pyxent.sample(ZEROS, seed=1, step=0, **of_rows).tokens.tolist() == expected
    pyxent.Sampler(dry_multiplier=None, dry_base=None, dry_allowed_length=None, no_repeat_ngram=None, banned_sequences=None,
                   dry_breakers=None).start().next(ROW)


def test_the_fix_for_nulls_is_a_number_of_the_argument():
    arrow = pytest.importorskip("pyarrow")
    numbers = arrow.array([0.5, None, 0.5], arrow.float32())
    for call, fix in ((lambda: pyxent.sample(ZEROS, top_p=numbers), "top_p.to_pylist()"),
                      (lambda: pyxent.cross_entropy(ZEROS, ZERO_LABELS, row_weights=numbers), "row_weights.fill_null(0)"),
                      (lambda: pyxent.softmax(numbers), "logits.fill_null(float('-inf'))")):
        with pytest.raises(pyxent.ArrayMemoryError) as raised:
            call()
        assert str(raised.value).endswith(f"is a column with nulls; expected numbers: {fix}")


MASK, TWO = np.array([1, 1, 0, 1, 1], bool), np.array([0.5, 2, 1, 3, 1])
SMALL = [(dict(class_weights=TWO.tolist()), dict(class_weights=TWO)),
         (dict(row_weights=[1, 2, 0.5]), dict(row_weights=TWO[:3])),
         (dict(class_mask=MASK.tolist()), dict(class_mask=MASK)), (dict(sink=0.5), dict(sink=TWO[:1])),
         (dict(class_mask=[1, 1, 0, 1, 1]), dict(class_mask=MASK)),
         (dict(row_weights=[True, False, True]), dict(row_weights=np.array([1, 0, 1], bool)))]


@pytest.mark.parametrize("logits", [ZEROS, ZEROS.astype(np.float16), ZEROS.astype(float)])
@pytest.mark.parametrize("plain, arrays", SMALL)
def test_small_inputs_are_converted(plain, arrays, logits):
    if "row_weights" in plain:
        arrays = dict(row_weights=np.array(plain["row_weights"]))
    exact = {name: value if value.dtype == bool else value.astype(logits.dtype) for name, value in arrays.items()}
    for _ in range(2):
        found = [pyxent.cross_entropy(logits, ZERO_LABELS, gradient=True, **given) for given in (plain, arrays, exact)]
        assert len({(each.loss, each.denominator, each.gradient.tobytes()) for each in found}) == 1
    with pytest.raises(pyxent.OptionError, match="which is copied, and the call is bound"):
        pyxent.bind(pyxent.cross_entropy, logits, ZERO_LABELS, **plain)


def test_the_contents_of_a_list_are_read_in_each_call():
    weights, results = [1.0, 1, 1, 1, 1], []
    for weights[0] in (1, 2, 3):
        results.append(pyxent.cross_entropy(ZEROS, ZERO_LABELS, class_weights=weights).denominator)
    assert results == [3, 6, 9]

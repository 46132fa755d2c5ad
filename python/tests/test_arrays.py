# SPDX-License-Identifier: Apache-2.0
"""Whose arrays are taken as they lie, what results are made of, and what is refused."""
import array
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import xent
from xent._arrays import _capsule_pointer, _Versioned, array_of

X = np.random.default_rng(4).normal(size=(6, 5)).astype(np.float32)
LABELS = np.array([0, 4, 2, 1, 0, 3])
EXPECTED = xent.softmax(X)


def bits(values):
    return np.asarray(values).tobytes()


def test_numpy_buffers_and_arrays_of_python_are_not_copied():
    assert array_of("logits", X).address == X.ctypes.data
    flat = array.array("f", X.ravel())
    out = memoryview(bytearray(len(flat) * 4)).cast("f", (6, 5))
    assert xent.softmax(memoryview(flat).cast("B").cast("f", (6, 5)), out=out) is out
    assert bits(out) == bits(EXPECTED)
    assert array_of("logits", flat).address == flat.buffer_info()[0]


def test_scalars_of_numpy_live_as_long_as_the_call():
    logits, labels = np.array([[0.0, 1, 2, 3, 4]]), np.array([3])
    result = xent.cross_entropy(logits, labels, row_weights=np.float64(2), sink=np.float64(50), reduction="sum")
    assert result.loss == 94


def test_without_numpy_results_are_memoryviews():
    program = """if True:
        import array, sys
        sys.modules["numpy"] = None
        import xent
        y = xent.softmax(memoryview(array.array("d", [0, 0, 0, 0])).cast("B").cast("d", (2, 2)))
        assert isinstance(y, memoryview) and y.tolist() == [[0.5, 0.5], [0.5, 0.5]], y
        labels = array.array("q", [1, 0])
        result = xent.cross_entropy(y, labels, gradient=True)
        assert result.gradient.tolist() == [[0.25, -0.25], [-0.25, 0.25]], result
        assert xent.log_sum_exp(array.array("f", [0])).tolist() == 0
    """
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_bfloat16_of_16_bit_integers():
    upper = (X.view(np.uint32) >> 16).astype(np.uint16)
    same = (upper.astype(np.uint32) << 16).view(np.float32)
    assert bits(xent.softmax(xent.bfloat16(upper), dtype="float32")) == bits(xent.softmax(same))


def test_ml_dtypes():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    y = xent.softmax(X.astype(ml_dtypes.bfloat16))
    assert y.dtype == ml_dtypes.bfloat16
    assert abs(y.astype(np.float32) - EXPECTED).max() < 0.01


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_pytorch(dtype):
    torch = pytest.importorskip("torch")
    t = torch.tensor(X).to(getattr(torch, dtype))
    assert array_of("logits", t).address == t.data_ptr()
    y = xent.softmax(t)
    assert isinstance(y, torch.Tensor) and y.dtype == t.dtype
    tolerance = dict(rtol=2e-2 if dtype == "bfloat16" else 2e-3 if dtype == "float16" else 1e-6, atol=0)
    torch.testing.assert_close(y, torch.softmax(t, -1), **tolerance)
    result = xent.cross_entropy(t, torch.tensor(LABELS), gradient=True)
    wide = t.double().clone().requires_grad_()
    expected = torch.nn.functional.cross_entropy(wide, torch.tensor(LABELS))
    expected.backward()
    assert result.loss == pytest.approx(expected.item(), rel=1e-6)
    torch.testing.assert_close(result.gradient.double(), wide.grad, rtol=tolerance["rtol"], atol=1e-4)
    transposed = t.T.contiguous().T
    assert torch.equal(xent.softmax(transposed, out=transposed), y) and torch.equal(transposed, y)


def test_pytorch_losses():
    torch = pytest.importorskip("torch")
    logits, targets, weights = torch.tensor(X), torch.rand(6, 5), torch.rand(5)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, pos_weight=weights)
    got = xent.binary_cross_entropy(logits, targets, positive_weights=weights)
    assert float(got) == pytest.approx(expected.item(), 1e-5)
    labels = torch.tensor([0, -100, 2, 1, -100, 3])
    expected = torch.nn.functional.cross_entropy(logits, labels, weight=weights, label_smoothing=0.1)
    given = dict(ignore_index=-100, class_weights=weights, label_smoothing=0.1)
    assert float(xent.cross_entropy(logits, labels, **given)) == pytest.approx(expected.item(), 1e-5)
    with pytest.raises(BufferError, match="detach"):
        xent.softmax(logits.requires_grad_())


def test_pytorch_goes_back_through_a_loss():
    torch = pytest.importorskip("torch")

    class Losses(torch.autograd.Function):
        @staticmethod
        def forward(ctx, logits, labels):
            ctx.result = xent.cross_entropy(logits.detach(), labels, reduction="sum", losses=True, save_statistics=True)
            return ctx.result.losses

        @staticmethod
        def backward(ctx, upstream):
            return ctx.result.backward(upstream), None

    labels, mine, theirs = torch.tensor(LABELS), torch.tensor(X).requires_grad_(), torch.tensor(X).requires_grad_()
    Losses.apply(mine, labels).square().mean().backward()
    torch.nn.functional.cross_entropy(theirs, labels, reduction="none").square().mean().backward()
    torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-5, atol=1e-7)


def test_results_of_pytorch_lie_in_main_memory_whatever_the_default_device():
    torch = pytest.importorskip("torch")
    logits = torch.tensor(X)
    with torch.device("meta"):
        y = xent.softmax(logits)
    assert y.device.type == "cpu" and bits(y) == bits(EXPECTED)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_jax(dtype):
    jnp = pytest.importorskip("jax.numpy")
    x = jnp.array(X, dtype)
    assert array_of("logits", x).address == x.unsafe_buffer_pointer()
    y = np.asarray(xent.softmax(x)).astype(np.float32)
    assert abs(y - EXPECTED).max() < (0.01 if dtype == "bfloat16" else 1e-7)
    with pytest.raises(xent.ArrayMemoryError, match="out is read-only; expected writable memory"):
        xent.softmax(x, out=x)


def test_arrow():
    pyarrow = pytest.importorskip("pyarrow")
    flat = pyarrow.array(X.ravel())
    assert array_of("logits", flat).address == flat.buffers()[1].address
    offsets = pyarrow.array(range(0, 31, 5), pyarrow.int32())
    assert bits(xent.softmax(flat, row_offsets=offsets)) == bits(EXPECTED)
    assert bits(xent.softmax(pyarrow.Tensor.from_numpy(X))) == bits(EXPECTED)
    with pytest.raises(xent.ArrayMemoryError, match="read-only"):
        xent.softmax(flat, out=flat)
    with pytest.raises(xent.ArrayMemoryError, match="logits of <class .*> does not lend its memory"):
        xent.softmax(pyarrow.array([1.0, None], pyarrow.float32()))


def test_tensors_that_are_written_get_a_new_version():
    torch = pytest.importorskip("torch")
    saved, x = torch.tensor(X).requires_grad_().exp(), torch.tensor(X)
    for write in (lambda out: xent.softmax(x, out=out), lambda out: xent.cross_entropy(x, LABELS, gradient=out),
                  lambda out: xent.cross_entropy(x, LABELS * 0, ignore_index=0, gradient=out),
                  lambda out: xent.cross_entropy(x, LABELS, save_statistics=True).backward(gradient=out)):
        before = saved._version
        write(saved.detach())
        assert saved._version > before
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        saved.sum().backward()
    before = saved._version
    with pytest.raises(xent.LabelError):
        xent.cross_entropy(x, LABELS + 1, gradient=saved.detach())
    assert saved._version == before
    with torch.inference_mode():
        out = torch.empty(6, 5)
    assert bits(xent.softmax(x, out=out)) == bits(EXPECTED)


def test_results_of_classes_that_extend_tensors_are_tensors():
    torch = pytest.importorskip("torch")

    class Extended(torch.Tensor):
        pass

    logits = torch.tensor(X).as_subclass(Extended)
    result = xent.cross_entropy(logits, torch.tensor(LABELS), gradient=True, losses=True)
    parameter = torch.nn.Parameter(torch.tensor(X), requires_grad=False)
    for tensor in (xent.softmax(logits), result.gradient, result.losses, xent.softmax(parameter)):
        assert type(tensor) is torch.Tensor
    assert bits(xent.softmax(logits)) == bits(EXPECTED)


def test_tensors_that_lend_nothing():
    torch = pytest.importorskip("torch")
    t = torch.tensor(X)
    for tensor, message in (
            (torch.complex(t, t).conj().imag, "logits is a view that PyTorch negates when it reads it; expected "
                                              "logits.resolve_neg()"),
            (t.clone().requires_grad_(), "logits requires its gradient, and Xent records none: detach() it"),
            (t.to("meta"), "logits lies on device meta; expected a copy in main memory"),
            (torch.complex(t, t), "logits has elements of type torch.complex64; expected floats of 16, 32 or 64 bits, "
                                  "integers or booleans in the byte order of this machine"),
            (t.to_sparse(), "logits of <class 'torch.Tensor'> does not lend its memory ("),
            (torch.nested.nested_tensor([t[0], t[1]]), "logits of <class 'torch.Tensor'> does not lend its memory (")):
        with pytest.raises(xent.XentError) as error:
            xent.softmax(tensor)
        assert str(error.value).startswith(message) and "\n" not in str(error.value)
    with pytest.raises(xent.ArrayMemoryError, match="logits of .*Tensor.* does not lend its memory"):
        torch.func.vmap(xent.softmax)(t)


def test_pytorch_compiles_around_a_call():
    torch = pytest.importorskip("torch")
    compiled = torch.compile(lambda x: xent.softmax(x + 0) * 1, backend="eager")
    assert bits(compiled(torch.tensor(X))) == bits(EXPECTED)


def test_arrays_of_jax_that_lend_nothing():
    jax = pytest.importorskip("jax")
    deleted = jax.numpy.array(X)
    deleted.delete()
    for call in (lambda: xent.softmax(deleted), lambda: jax.jit(xent.softmax)(X)):
        with pytest.raises(xent.ArrayMemoryError, match="logits of <class .*> does not lend its memory"):
            call()


def test_spellings_of_types():
    for spelling in ("float64", np.float64, np.dtype("f8"), "f8", "<f8" if sys.byteorder == "little" else ">f8", "=f8",
                     "d", "double", float, "f64"):
        assert xent.softmax(X.astype(float), dtype=spelling).dtype == np.float64
    for spelling, dtype in (("half", "f2"), ("e", "f2"), ("single", "f4"), (np.single, "f4"), ("f", "f4")):
        assert xent.softmax(X, dtype=spelling).dtype == dtype
    for spelling in (7, "f1", ">f8" if sys.byteorder == "little" else "<f8", int):
        with pytest.raises(xent.DTypeError, match="dtype is .*; expected float32, float16, bfloat16 or float64"):
            xent.softmax(X, dtype=spelling)


class OfLaterDlpack:
    def __dlpack_device__(self):
        return X.__dlpack_device__()

    def __dlpack__(self, max_version=None):
        capsule = X.__dlpack__(max_version=max_version)
        managed = _Versioned.from_address(_capsule_pointer(capsule, b"dltensor_versioned"))
        managed.major, managed.minor, managed.tensor.shape = 2, 3, None  # which may lie elsewhere in version 2
        return capsule


def test_flags_of_signed_bytes():
    flags, labels = np.array([1, -1, 0, 1, 1], np.int8), np.array([0, 4, 3, 1, 0, 3])
    expected = xent.cross_entropy(X, labels, class_mask=flags != 0, correct=True)
    correct = np.full(6, 7, np.int8)
    assert xent.cross_entropy(X, labels, class_mask=flags, correct=correct).loss == expected.loss
    assert correct.tolist() == expected.correct.tolist()
    kept = np.full((6, 5), 7, np.int8)
    xent.sample(X, top_k=2, kept_mask=kept)
    assert kept.tolist() == xent.sample(X, top_k=2, kept_mask=True).kept_mask.tolist()


HIDDEN, WEIGHTS = np.ones((2, 3), np.float32), np.ones((4, 3), np.float32)
FIRST_CLASSES = np.array([0, 1])
OF_LAYER = "logits is [2, 4] of hidden float32 [2, 3] and weights float32 [4, 3]"


def linear(targets=FIRST_CLASSES, hidden=HIDDEN, **given):
    return xent.linear_cross_entropy(hidden, WEIGHTS, targets, **given)


READ_ONLY = X.copy()
READ_ONLY.flags.writeable = False
WIDE = np.zeros((6, 10), np.float32)
MEMORY = "expected separate memory for out, or exactly that of logits"


@pytest.mark.parametrize("call, kind, message", [
    (lambda: xent.softmax([1.0]), xent.DTypeError,
     "logits is a list; expected an array with DLPack or the buffer protocol, for instance "
     "numpy.asarray(logits)"),
    (lambda: xent.cross_entropy(X.astype(int), np.zeros(6, int)), xent.DTypeError,
     "logits is int64 [6, 5]; expected an array of type float32, float16, bfloat16 or float64"),
    (lambda: xent.softmax(X.astype(">f4")), xent.DTypeError,
     "logits has elements of type >f4; expected floats of 16, 32 or 64 "
     "bits, integers or booleans in the byte order of this machine"),
    (lambda: xent.softmax(X, axis=2), xent.ShapeError, "axis 2 does not exist in shape [6, 5]: axes go from -2 to 1"),
    (lambda: xent.cross_entropy(X[:, :0], LABELS), xent.ShapeError,
     "logits float32 [6, 0] has zero classes along axis 1; expected at least one"),
    (lambda: xent.softmax(X[::-1]), xent.ShapeError,
     "logits has strides [-5, 1] with a negative one: strides are 0 or more; copy it"),
    (lambda: xent.softmax(X, out=X[:3].copy()), xent.ShapeError,
     "out is float32 [3, 5], logits is float32 [6, 5]; expected the same shape"),
    (lambda: xent.softmax(X, out=X.astype(float)), xent.DTypeError,
     "out is float64 [6, 5], logits is float32 [6, 5]; expected out of type float32, float16 or bfloat16"),
    (lambda: xent.softmax(X, out=READ_ONLY), xent.ArrayMemoryError,
     "out is read-only; expected writable memory"),
    (lambda: xent.softmax(WIDE[:, :5], out=WIDE[:, 1:6]), xent.ArrayMemoryError,
     f"out and logits lie within each other's span of memory; {MEMORY}"),
    (lambda: xent.softmax(X, out=np.lib.stride_tricks.as_strided(X.copy(), strides=(0, 4))), xent.ArrayMemoryError,
     "out float32 [6, 5] has strides that put several indices on one element; expected separate memory for each "
     "element that is written"),
    (lambda: xent.softmax(np.ma.array(X, mask=X > 1)), xent.ArrayMemoryError,
     "logits is a masked array, whose mask is not in its memory: pass logits.data, and the mask as class_mask=~mask "
     "(of classes) or row_weights=~mask (of rows)"),
    (lambda: xent.cross_entropy(X, np.ma.array(LABELS)), xent.ArrayMemoryError,
     "targets is a masked array, whose mask is not in its memory: pass targets.data, and the mask as class_mask=~mask "
     "(of classes) or row_weights=~mask (of rows)"),
    (lambda: xent.linear_cross_entropy(np.float32(1), X, LABELS), xent.ShapeError,
     "hidden has no dimension; expected one that has, such as hidden.reshape(1)"),
    (lambda: xent.softmax(X, out=False), TypeError, "out is False; expected an array, or None for a new one"),
    (lambda: xent.entropy(X, keepdims=True, out=np.zeros(6, np.float32)), xent.ShapeError,
     "out is float32 [6]; expected the shape [6, 1], as keepdims is True"),
    (lambda: xent.argmax(X, last=True, out=np.zeros(6, int)), xent.OptionError,
     "last is True, and out is given; expected a call that makes a new result"),
    (lambda: xent.top_k(X, 2, classes=np.zeros((6, 1), int)), xent.ShapeError,
     "classes is int64 [6, 1], logits has 5 classes; expected 2 classes per row, as asked for"),
    (lambda: xent.cross_entropy(X, LABELS, reduction="none"), xent.OptionError,
     "reduction is none; expected one of mean, sum, or losses=True for those of the rows"),
    (lambda: xent.sample(X, seed=1 << 64), xent.OptionError,
     "seed is 18446744073709551616; expected an integer of 64 bits"),
    (lambda: xent.sample(X, stream=[0, 1, 2, 3, 4, -(1 << 70)]), xent.OptionError,
     f"in row 5, stream is {-(1 << 70)}; expected an integer of 64 bits"),
    (lambda: xent.sample(X, temperature=1e-300), xent.OptionError,
     "temperature is 1e-300; expected 0, which takes the largest logit, or a number from 2^-32 to 2^32"),
    (lambda: xent.sample(X, temperature=None), TypeError, "temperature is None; expected a number"),
    (lambda: xent.softmax(X, temperature="2"), TypeError, "temperature is '2'; expected a number"),
    (lambda: xent.softmax(X, temperature=Fraction(10**400)), xent.OptionError,
     "temperature is of <class 'fractions.Fraction'>; expected a number from 2^-32 to 2^32"),
    (lambda: xent.softmax(X, temperature=Decimal("sNaN")), TypeError,
     "temperature is Decimal('sNaN'); expected a number"),
    (lambda: xent.cross_entropy(X, LABELS, gradient_scale=10**400), xent.OptionError,
     "gradient_scale is of <class 'int'>; expected a finite number"),
    (lambda: xent.cross_entropy(X, LABELS, z_loss=10**5000), xent.OptionError,
     "z_loss is of <class 'int'>; expected a finite number that is 0 or more"),
    (lambda: xent.cross_entropy(X, LABELS, denominator=10**400), xent.OptionError,
     "denominator is of <class 'int'>; expected a finite number that is 0 or more"),
    (lambda: xent.softmax(X, axis=10**5000), xent.ShapeError,
     "axis of <class 'int'> does not exist in shape [6, 5]: axes go from -2 to 1"),
    (lambda: xent.softmax(X, dtype=X), xent.DTypeError,
     "dtype is of <class 'numpy.ndarray'>; expected float32, float16, bfloat16 or float64"),
    (lambda: xent.softmax(X, softcap=np.ones(2)), TypeError, "softcap is array([1., 1.]); expected a number"),
    (lambda: xent.linear_cross_entropy(X, X[:3], LABELS, temperature=np.ones(6)), xent.OptionError,
     "temperature has one number per row; expected one number. hidden of other temperatures are another call"),
    (lambda: xent.cross_entropy(X, LABELS, gradient_scale=1j), TypeError, "gradient_scale is 1j; expected a number"),
    (lambda: xent.cross_entropy(X, LABELS, gradient_reduction={}), TypeError,
     "gradient_reduction is {}; expected one of mean, sum"),
    (lambda: xent.top_k(X, True), TypeError, "k is True; expected an integer"),
    (lambda: xent.sample(X, top_k=X), TypeError, "top_k has the shape [6, 5]; expected one number, or one per row"),
    (lambda: xent.softmax(X, isa=["best"]), TypeError,
     "isa is ['best']; expected one of best, scalar, avx2, avx512, neon"),
    (lambda: xent.softmax(X, temperature=0), xent.OptionError, "temperature is 0; expected a number from 2^-32 to "
                                                               "2^32"),
    (lambda: xent.softmax(X, threads=0), xent.OptionError, "threads is 0; expected 1 or more"),
    (lambda: xent.cross_entropy(X, LABELS, ignore_index=1 << 64), xent.OptionError,
     "ignore_index is 18446744073709551616; expected an integer of 64 bits"),
    (lambda: xent.sample(X, top_k=1 << 64), xent.OptionError,
     "top_k is 18446744073709551616; expected an integer of 64 bits"),
    (lambda: xent.softmax(X, isa="sse"), xent.OptionError,
     "isa is sse; expected one of best, scalar, avx2, avx512, neon"),
    (lambda: xent.softmax(X, class_mask=np.zeros(4, bool)), xent.ShapeError,
     "class_mask is uint8 [4], logits is float32 [6, 5] with classes along axis 1; expected one flag per class in its "
     "shape, in which any other size may be 1, or in the shape "
     "[5]"),
    (lambda: xent.softmax(X.ravel(), row_offsets=np.array([0, 4, 2])), xent.ShapeError,
     "row_offsets of row 1 is 4, of row 2 2; expected offsets that do not fall"),
    (lambda: xent.softmax(X.ravel(), row_offsets=np.array([0, 31])), xent.ShapeError,
     "row_offsets ends with 31, logits is float32 [30]; expected as many values as the offsets count"),
    (lambda: xent.cross_entropy(X, LABELS[:5]), xent.ShapeError,
     "targets is int64 [5], logits is float32 [6, 5] with classes along axis 1; expected targets of shape [6]"),
    (lambda: xent.cross_entropy(np.zeros((2, 3, 4)), np.zeros((2, 4), int)), xent.ShapeError, "targets is int64 [2, "
                                                                                              "4], logits "
     "is float64 [2, 3, 4] with classes along axis 2; expected targets of shape [2, 3], or axis=1"),
    (lambda: xent.cross_entropy(X, LABELS.astype(float)), xent.DTypeError,
     "targets is float64 [6], logits is float32 [6, 5]; expected class indices (integers) or probability rows of "
     "type float32, float16 or bfloat16"),
    (lambda: xent.cross_entropy(X, LABELS + 1), xent.LabelError,
     "row 1 has label 5; classes are 0 to 4; expected a class index"),
    (lambda: xent.cross_entropy(X, LABELS - 100), xent.LabelError, "row 0 has label -100; classes are 0 to 4; expected "
                                                                   "a class "
     "index, or ignore_index=-100 if such rows do not count"),
    (lambda: xent.cross_entropy(X, LABELS, class_mask=np.arange(5) != 2), xent.LabelError,
     "row 2 has label 2, which class_mask leaves out; expected another class, or let that one take part"),
    (lambda: xent.cross_entropy(X, np.uint64([0, 2**64 - 1, 0, 0, 0, 0])), xent.LabelError,
     "row 1 has label 18446744073709551615; classes are 0 to 4; expected a class index"),
    (lambda: xent.linear_cross_entropy(X, X[:5], LABELS, class_weights=np.float32([1, 1, -1, 1, 1])), xent.OptionError,
     "class_weights of class 2 is -1.0; expected finite numbers that are 0 or more"),
    (lambda: xent.cross_entropy(X, LABELS, row_weights=np.float32([1, 1, 1, 1, np.nan, 1])), xent.OptionError,
     "row_weights of row 4 is nan; expected finite numbers that are 0 or more"),
    (lambda: xent.cross_entropy(X, LABELS, label_smoothing=0.1, probability_clamp=0.1), xent.OptionError,
     "probability_clamp is 0.1, label_smoothing is 0.1; expected one of them"),
    (lambda: xent.cross_entropy(X, X, ignore_index=-7), xent.OptionError, "ignore_index is -7, targets are "
                                                                          "probability rows "
     "float32 [6, 5]; expected class indices, or leave ignore_index out"),
    (lambda: xent.cross_entropy(X, X, correct=True), xent.OptionError,
     "correct was asked for, targets are probability rows; expected class indices, or do not ask for correct"),
    (lambda: xent.cross_entropy(X, LABELS * 0 - 1, ignore_index=-1, empty_mean="error"), xent.EmptyMeanError,
     'no row is valid, so there is no mean; expected labels that are not ignored, or empty_mean="zero" or '
     'empty_mean="nan"'),
    (lambda: xent.binary_cross_entropy(X, (X > 0).astype(int) * 2), xent.LabelError,
     f"element {np.flatnonzero(X > 0)[0]} has label 2; expected 0 or 1"),
    (lambda: xent.top_k(X, 6), xent.ShapeError,
     "k is 6, logits is float32 [6, 5] with 5 classes along axis 1: ask for 1 to 5 of the largest classes"),
    (lambda: xent.sample(X, output_tokens=np.full((6, 1), 5), presence_penalty=1), xent.LabelError,
     "output_tokens of row 0 has 5; classes are 0 to 4; expected a class index, or -1 for none"),
    (lambda: xent.sample(X, prompt_tokens=np.full((6, 1), 255, np.uint8), repetition_penalty=2), xent.LabelError,
     "prompt_tokens of row 0 has 255; classes are 0 to 4; expected a class index, or tokens of a signed type with -1 "
     "for none"),
    (lambda: xent.cross_entropy_hvp(X, X, row_weights=np.float32([1, 1, 1, 1, np.nan, 1])), xent.OptionError,
     "row_weights of row 4 is nan; expected finite numbers that are 0 or more"),
    (lambda: xent.cross_entropy_hvp(X, X, out=X.astype(np.float16)), xent.DTypeError,
     "out is float16 [6, 5], logits is float32 [6, 5]; expected out of type float32"),
    (lambda: xent.sample(X, rules="vllm", typical_p=0.5), xent.OptionError,
     "typical_p is 0.5, and vllm has no such filter: leave it out, or give other rules"),
    pytest.param(
        lambda: xent.softmax(OfLaterDlpack()), xent.ArrayMemoryError,
        "logits is lent by DLPack 2.3; expected an array of a library that lends by DLPack 1",
        marks=pytest.mark.skipif(np.__version__.startswith("1."), reason="NumPy 1 lends without versions")),
    (lambda: xent.cross_entropy(X, LABELS, row_weights=np.ones(6, np.int8)), xent.DTypeError,
     "row_weights is int8 [6], logits is float32 [6, 5]; expected row_weights of type float32, float16 or bfloat16, or "
     "uint8 as a mask"),
    (lambda: xent.binary_cross_entropy(X, X, weights=np.ones(5, np.int8)), xent.DTypeError,
     "weights is int8 [5], logits is float32 [6, 5]; expected weights of type float32, float16 or bfloat16, or uint8 "
     "as a mask"),
    (lambda: linear(HIDDEN), xent.ShapeError, f"targets is float32 [2, 3], {OF_LAYER}; expected probability rows of "
                                              f"the same shape, or class indices of an integer type"),
    (lambda: linear(np.array([0, 1, 2])), xent.ShapeError,
     f"targets is int64 [3], {OF_LAYER} with classes along axis 1; expected targets of shape [2]"),
    (lambda: linear(np.zeros((3, 3), int), np.ones((2, 3, 3), np.float32)), xent.ShapeError,
     "targets is int64 [3, 3], logits is [2, 3, 4] of hidden float32 [2, 3, 3] and weights float32 [4, 3] with "
     "classes along axis 2; expected targets of shape [2, 3]"),
    (lambda: linear(np.zeros((3, 3), int), target_weights=np.ones((3, 3), np.float32)), xent.ShapeError,
     f"targets is int64 [3, 3], {OF_LAYER}; expected targets of shape [2, k]"),
    (lambda: linear(class_mask=np.ones(3, bool)), xent.ShapeError, f"class_mask is uint8 [3], {OF_LAYER} with classes "
     "along axis 1; expected one flag per class in its shape, in which any other size may be 1, or in the shape [4]"),
    (lambda: linear(bias=np.ones(3, np.float32)), xent.ShapeError,
     f"bias is float32 [3], {OF_LAYER}; expected a number for each class, in the shape [4]"),
    (lambda: linear(hidden=HIDDEN[:, :0]), xent.ShapeError,
     "hidden float32 [2, 0] has zero features along axis 1; expected at least one"),
    (lambda: xent.cross_entropy(X, LABELS, top_count=-1, top_classes=True), xent.OptionError,
     "top_count is -1; expected 0 or more"),
    (lambda: xent.cross_entropy(X, LABELS, top_count=7), xent.ShapeError,
     "top_count is 7, logits is float32 [6, 5] with 5 classes along axis 1: ask for 1 to 5 of the largest classes"),
    (lambda: xent.sample(X, top_count=-1), xent.OptionError, "top_count is -1; expected 0 or more"),
    (lambda: xent.sample(X, top_count=7, top_classes=True), xent.ShapeError,
     "top_count is 7, logits is float32 [6, 5] with 5 classes along axis 1: ask for 1 to 5 of the largest classes"),
    (lambda: xent.sample(X, top_classes=True), xent.OptionError,
     "top_count is 0: ask for 1 or more of the largest classes"),
    (lambda: xent.top_k(X.ravel(), 6, row_offsets=np.array([0, 5, 7])), xent.ShapeError,
     "k is 6, logits is float32 [30] with 5 classes in the longest row: ask for 1 to 5 of the largest classes"),
    (lambda: xent.sample(X, step=None), TypeError, "step is None; expected an integer"),
    (lambda: xent.selected_log_probabilities(X, None), TypeError, "targets is None; expected an array"),
    (lambda: xent.sample(X.astype(float)), xent.DTypeError,
     "logits is float64 [6, 5]; expected an array of type float32, float16 or bfloat16 to sample from"),
])
def test_refusals(call, kind, message):
    with pytest.raises(kind) as error:
        call()
    assert str(error.value) == message and type(error.value) is kind


INTEGERS = {
    **{name: lambda **given: xent.sample(X, **given)
       for name in ("axis", "step", "seed", "stream", "draw", "top_k", "min_keep", "top_count", "threads")},
    "k": lambda k: xent.top_k(X, k), "ignore_index": lambda **given: xent.cross_entropy(X, LABELS, **given),
}


@pytest.mark.parametrize("name", INTEGERS)
def test_integers_are_pythons_or_numpys_and_nothing_is_rounded(name):
    call = INTEGERS[name]
    assert repr(call(**{name: np.int64(1)})) == repr(call(**{name: np.array(1)})) == repr(call(**{name: 1}))
    for value in (1.5, np.float32(1)):
        with pytest.raises(TypeError) as error:
            call(**{name: value})
        assert str(error.value) == f"{name} is {value!r}; expected an integer"


def test_seeds_of_64_bits():
    for seed in (-(1 << 63), (1 << 64) - 1):
        assert xent.sample(X, seed=seed, stream=seed).sampled == 6
        assert xent.sample(X, seed=seed, stream=[seed] * 6).sampled == 6


def test_numbers_may_be_of_any_library():
    for two in (2, np.float32(2), np.int64(2), np.array(2.0), Fraction(2)):
        assert bits(xent.softmax(X, temperature=two)) == bits(xent.softmax(X, temperature=2.0))


@pytest.mark.parametrize("name", ["step", "seed", "stream"])
def test_integers_of_rows_are_not_rounded(name):
    assert xent.sample(X, **{name: np.arange(6)}).tokens.shape == (6,)
    with pytest.raises(TypeError) as error:
        xent.sample(X, **{name: [0, 1, 2.5, 3, 4, 5]})
    assert str(error.value) == f"in row 2, {name} is 2.5; expected an integer"


def test_threads_of_a_gradient_that_comes_later_are_an_integer():
    result = xent.cross_entropy(X, LABELS, save_statistics=True)
    with pytest.raises(TypeError, match="threads is 1.5; expected an integer"):
        result.backward(threads=1.5)


def test_strides_of_axes_of_one_index_say_nothing():
    turned = X[:1, ::-1][::-1, ::-1]
    assert turned.strides[0] < 0
    assert bits(xent.softmax(turned)) == bits(EXPECTED[:1])
    assert bits(xent.softmax(X[:, :1][:, ::-1])) == bits(np.ones((6, 1), np.float32))
    out = np.zeros((1, 5), np.float32)[::-1]
    assert xent.softmax(turned, out=out) is out and bits(out) == bits(EXPECTED[:1])


def test_memory_behind_pointers():
    testbuffer = pytest.importorskip("_testbuffer")
    rows = testbuffer.ndarray(list(range(12)), shape=[3, 4], format="f", flags=testbuffer.ND_PIL)
    with pytest.raises(xent.ArrayMemoryError, match=r"logits lies behind pointers \(it has suboffsets\): copy it"):
        xent.softmax(rows)


class Describing:
    """An array as NumPy's interface describes it, with other values of some keys."""

    def __init__(self, **changed):
        self.__array_interface__ = {**X.__array_interface__, **changed}


class Failing:
    @property
    def __array_interface__(self):
        raise RuntimeError("of a library")


class Taken:
    def __dlpack_device__(self):
        return 1, 0

    def __dlpack__(self, **_):
        capsule = X.__dlpack__()
        np.from_dlpack(type("Capsule", (), {"__dlpack__": lambda *_, **__: capsule,
                                            "__dlpack_device__": lambda _: (1, 0)})())
        return capsule


class NoCapsule(Taken):
    def __dlpack__(self, **_):
        return None


RELEASED = memoryview(bytearray(8))
RELEASED.release()


@pytest.mark.parametrize("logits, reason", [
    (Describing(data=None), "TypeError: "), (Describing(data=(None, False)), "TypeError: "),
    (Describing(typestr="<V2"), "AttributeError: "), (Describing(shape=4), "TypeError: "),
    (Describing(strides=(20,)), "ValueError: 1 strides of 2 dimensions"),
    (Describing(mask=X > 0), "ValueError: it has a mask"), (Failing(), "RuntimeError: of a library"),
    (Taken(), "ValueError: its capsule is a used_dltensor"), (NoCapsule(), "ValueError: "), (RELEASED, "ValueError: ")])
def test_what_is_not_lent_as_agreed(logits, reason):
    with pytest.raises(xent.ArrayMemoryError) as error:
        xent.softmax(logits)
    assert str(error.value).startswith(f"logits of {type(logits)} does not lend its memory ({reason}")
    assert "\n" not in str(error.value)


def test_nothing_may_lie_anywhere():
    """The buffer of an empty array of Python does, not aligned to its elements."""
    assert xent.softmax(array.array("f")).shape == (0,)
    assert xent.cross_entropy(np.zeros((0, 4)), array.array("q"), reduction="sum").rows == 0
    assert xent.sample(X[0], prompt_tokens=array.array("q"), output_tokens=array.array("q")).sampled == 1


def test_errors_are_those_of_python():
    assert issubclass(xent.XentError, ValueError) and issubclass(xent.LabelError, IndexError)
    with pytest.raises(TypeError, match="logits is None"):
        xent.softmax(None)

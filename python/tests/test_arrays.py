# SPDX-License-Identifier: Apache-2.0
"""Whose arrays are taken as they lie, what results are made of, and what is refused."""
import array
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

import pyxent
from pyxent import _arrays, _plans
from pyxent._arrays import array_of

X = np.random.default_rng(4).normal(size=(6, 5)).astype(np.float32)
BITS = (X.view(np.uint32) >> 16).astype(np.uint16)  # of X as bfloat16
LABELS = np.array([0, 4, 2, 1, 0, 3])
EXPECTED = pyxent.softmax(X)


def bits(values):
    return np.asarray(values).tobytes()


def test_numpy_buffers_and_arrays_of_python_are_not_copied():
    assert array_of("logits", X).address == X.ctypes.data
    flat = array.array("f", X.ravel())
    out = memoryview(bytearray(len(flat) * 4)).cast("f", (6, 5))
    assert pyxent.softmax(memoryview(flat).cast("B").cast("f", (6, 5)), out=out) is out
    assert bits(out) == bits(EXPECTED)
    assert array_of("logits", flat).address == flat.buffer_info()[0]


def test_scalars_of_numpy_live_as_long_as_the_call():
    logits, labels = np.array([[0.0, 1, 2, 3, 4]]), np.array([3])
    result = pyxent.cross_entropy(logits, labels, row_weights=np.float64(2), sink=np.float64(50), reduction="sum")
    assert result.loss == 94


def test_without_numpy_results_are_memoryviews():
    program = """if True:
        import array, sys
        sys.modules["numpy"] = None
        import pyxent
        y = pyxent.softmax(memoryview(array.array("d", [0, 0, 0, 0])).cast("B").cast("d", (2, 2)))
        assert isinstance(y, memoryview) and y.tolist() == [[0.5, 0.5], [0.5, 0.5]], y
        labels = array.array("q", [1, 0])
        result = pyxent.cross_entropy(y, labels, gradient=True)
        assert result.gradient.tolist() == [[0.25, -0.25], [-0.25, 0.25]], result
        assert pyxent.log_sum_exp(array.array("f", [0])).tolist() == 0
    """
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_bfloat16_of_16_bit_integers():
    same = (BITS.astype(np.uint32) << 16).view(np.float32)
    assert bits(pyxent.softmax(pyxent.bfloat16(BITS), dtype="float32")) == bits(pyxent.softmax(same))


def test_bfloat16_without_ml_dtypes(monkeypatch):
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    of_names = _arrays.numpy_type.__wrapped__
    for module in (_arrays, _plans):
        monkeypatch.setattr(module, "numpy_type", of_names)
    monkeypatch.setattr(_plans, "_PLANS", {})
    y, out = pyxent.log_softmax(X, dtype="bfloat16"), np.zeros(X.shape, np.uint16)
    to = pyxent.bfloat16(out)
    assert y.dtype == np.uint16 and pyxent.log_softmax(X, out=to) is to and (out == y).all()
    assert abs(pyxent.nll_loss(to, LABELS).loss - pyxent.cross_entropy(X, LABELS).loss) < 0.01
    with pytest.raises(pyxent.DTypeError, match=r"pass pyxent\.bfloat16\(logits\)"):
        pyxent.argmax(y)
    np.testing.assert_array_equal(pyxent.argmax(pyxent.bfloat16(y)), X.argmax(-1))


def test_ml_dtypes():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    y = pyxent.softmax(X.astype(ml_dtypes.bfloat16))
    assert y.dtype == ml_dtypes.bfloat16
    assert abs(y.astype(np.float32) - EXPECTED).max() < 0.01


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_pytorch(dtype):
    torch = pytest.importorskip("torch")
    t = torch.tensor(X).to(getattr(torch, dtype))
    assert array_of("logits", t).address == t.data_ptr()
    y = pyxent.softmax(t)
    assert isinstance(y, torch.Tensor) and y.dtype == t.dtype
    tolerance = dict(rtol=2e-2 if dtype == "bfloat16" else 2e-3 if dtype == "float16" else 1e-6, atol=0)
    torch.testing.assert_close(y, torch.softmax(t, -1), **tolerance)
    result = pyxent.cross_entropy(t, torch.tensor(LABELS), gradient=True)
    wide = t.double().clone().requires_grad_()
    expected = torch.nn.functional.cross_entropy(wide, torch.tensor(LABELS))
    expected.backward()
    assert result.loss == pytest.approx(expected.item(), rel=1e-6)
    torch.testing.assert_close(result.gradient.double(), wide.grad, rtol=tolerance["rtol"], atol=1e-4)
    transposed = t.T.contiguous().T
    assert torch.equal(pyxent.softmax(transposed, out=transposed), y) and torch.equal(transposed, y)


def test_pytorch_losses():
    torch = pytest.importorskip("torch")
    logits, targets, weights = torch.tensor(X), torch.rand(6, 5), torch.rand(5)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, pos_weight=weights)
    got = pyxent.binary_cross_entropy(logits, targets, positive_weights=weights)
    assert float(got) == pytest.approx(expected.item(), 1e-5)
    labels = torch.tensor([0, -100, 2, 1, -100, 3])
    expected = torch.nn.functional.cross_entropy(logits, labels, weight=weights, label_smoothing=0.1)
    given = dict(ignore_index=-100, class_weights=weights, label_smoothing=0.1)
    assert float(pyxent.cross_entropy(logits, labels, **given)) == pytest.approx(expected.item(), 1e-5)
    with pytest.raises(BufferError, match="detach"):
        pyxent.softmax(logits.requires_grad_())


def test_pytorch_goes_back_through_a_loss():
    torch = pytest.importorskip("torch")

    class Losses(torch.autograd.Function):
        @staticmethod
        def forward(ctx, logits, labels):
            ctx.result = pyxent.cross_entropy(logits.detach(), labels, reduction="sum", losses=True,
                                              save_statistics=True)
            return ctx.result.losses

        @staticmethod
        def backward(ctx, upstream):
            return ctx.result.backward(upstream), None

    labels, mine, theirs = torch.tensor(LABELS), torch.tensor(X).requires_grad_(), torch.tensor(X).requires_grad_()
    Losses.apply(mine, labels).square().mean().backward()
    torch.nn.functional.cross_entropy(theirs, labels, reduction="none").square().mean().backward()
    torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-5, atol=1e-7)


SAVED = dict(reduction="sum", save_statistics=True)
LATER = {  # a function, and the shapes of its inputs; () of labels
    "logits": (lambda x, t, u: pyxent.cross_entropy(x, t, row_weights=u, **SAVED),
               dict(logits=(6, 5), targets=(), row_weights=(6,))),
    "selected": (lambda x, t: pyxent.selected_log_probabilities(x, t, save_statistics=True),
                 dict(logits=(6, 5), targets=())),
    "layer": (lambda h, w, t, b: pyxent.linear_cross_entropy(h, w, t, bias=b, **SAVED),
              dict(hidden=(6, 3), weights=(5, 3), targets=(), bias=(5,))),
}


@pytest.mark.parametrize("name, changed", [(name, array) for name, (_, shapes) in LATER.items() for array in shapes])
def test_a_later_gradient_sees_that_a_tensor_was_written(name, changed):
    torch = pytest.importorskip("torch")
    function, shapes = LATER[name]
    inputs = {array: torch.rand(shape, dtype=torch.float64 if name == "float64" else torch.float32) if shape else
              torch.tensor(LABELS) for array, shape in shapes.items()}
    result, before = function(*inputs.values()), inputs[changed].clone()
    first = result.backward()
    torch.testing.assert_close(result.backward(), first)
    inputs[changed].mul_(1)
    with pytest.raises(pyxent.ArrayMemoryError) as error:
        result.backward()
    assert str(error.value) == (f"{changed} was written since the call was made; expected the numbers of then. Call "
                                f"again, or call backward before you write it")
    torch.testing.assert_close(inputs[changed], before)
    torch.testing.assert_close(function(*inputs.values()).backward(), first)


def test_a_later_gradient_that_overwrites_the_logits_is_the_last_one():
    torch = pytest.importorskip("torch")
    x, labels = torch.tensor(X), torch.tensor(LABELS)
    result, other = (pyxent.cross_entropy(x, labels, **SAVED) for _ in range(2))
    assert result.backward(gradient=x) is x
    for each in (result, other):
        with pytest.raises(pyxent.ArrayMemoryError, match="logits was written"):
            each.backward()
    with torch.inference_mode():  # whose tensors have no version
        inferred = torch.tensor(X)
        assert pyxent.cross_entropy(inferred, labels, **SAVED).backward().shape == inferred.shape
    step = pyxent.bind(pyxent.cross_entropy, torch.tensor(X), labels, **SAVED)
    for _ in range(2):
        step().backward()


def test_parameters_are_as_other_tensors_where_no_gradient_is_recorded():
    torch = pytest.importorskip("torch")
    layer, hidden = torch.nn.Linear(4, 3), torch.randn(5, 4)
    labels = torch.tensor([0, 1, 2, 0, 1])

    def loss():
        return pyxent.linear_cross_entropy(hidden, layer.weight, labels, bias=layer.bias, save_statistics=True)

    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            result, expected = loss(), torch.nn.functional.cross_entropy(layer(hidden), labels)
            torch.testing.assert_close(torch.tensor(result.loss), expected, rtol=1e-6, atol=1e-6)
            assert result.backward(weights_gradient=True).weights.shape == (3, 4)
            step = pyxent.bind(pyxent.softmax, layer.weight)
            assert pyxent.softmax(layer.weight, out=layer.weight) is layer.weight
    for call in (loss, step, result.backward, lambda: pyxent.softmax(layer.weight)):
        with pytest.raises(pyxent.ArrayMemoryError) as error:
            call()
        assert str(error.value).partition(" ")[2] == ("requires its gradient, and Xent records none; expected a tensor "
                                                      "that does not. Pass its detach(), or call in torch.no_grad()")


def test_results_of_pytorch_lie_in_main_memory_whatever_the_default_device():
    torch = pytest.importorskip("torch")
    logits = torch.tensor(X)
    with torch.device("meta"):
        y = pyxent.softmax(logits)
    assert y.device.type == "cpu" and bits(y) == bits(EXPECTED)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_jax(dtype):
    jnp = pytest.importorskip("jax.numpy")
    x = jnp.array(X, dtype)
    assert array_of("logits", x).address == x.unsafe_buffer_pointer()
    y = np.asarray(pyxent.softmax(x)).astype(np.float32)
    assert abs(y - EXPECTED).max() < (0.01 if dtype == "bfloat16" else 1e-7)
    with pytest.raises(pyxent.ArrayMemoryError, match="out is read-only; expected writable memory"):
        pyxent.softmax(x, out=x)


def test_arrow():
    pyarrow = pytest.importorskip("pyarrow")
    flat = pyarrow.array(X.ravel())
    assert array_of("logits", flat).address == flat.buffers()[1].address
    offsets = pyarrow.array(range(0, 31, 5), pyarrow.int32())
    assert bits(pyxent.softmax(flat, row_offsets=offsets)) == bits(EXPECTED)
    assert bits(pyxent.softmax(pyarrow.Tensor.from_numpy(X))) == bits(EXPECTED)
    with pytest.raises(pyxent.ArrayMemoryError, match="read-only"):
        pyxent.softmax(flat, out=flat)
    with pytest.raises(pyxent.ArrayMemoryError, match="logits of <class .*> does not lend its memory"):
        pyxent.softmax(pyarrow.array(["a", "b"]))


def test_tensors_that_are_written_get_a_new_version():
    torch = pytest.importorskip("torch")
    saved, x = torch.tensor(X).requires_grad_().exp(), torch.tensor(X)
    for write in (lambda out: pyxent.softmax(x, out=out), lambda out: pyxent.cross_entropy(x, LABELS, gradient=out),
                  lambda out: pyxent.cross_entropy(x, LABELS * 0, ignore_index=0, gradient=out),
                  lambda out: pyxent.cross_entropy(x, LABELS, save_statistics=True).backward(gradient=out)):
        before = saved._version
        write(saved.detach())
        assert saved._version > before
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        saved.sum().backward()
    before = saved._version
    with pytest.raises(pyxent.LabelError):
        pyxent.cross_entropy(x, LABELS + 1, gradient=saved.detach())
    assert saved._version == before
    with torch.inference_mode():
        out = torch.empty(6, 5)
    assert bits(pyxent.softmax(x, out=out)) == bits(EXPECTED)


def test_results_of_classes_that_extend_tensors_are_tensors():
    torch = pytest.importorskip("torch")

    class Extended(torch.Tensor):
        pass

    logits = torch.tensor(X).as_subclass(Extended)
    result = pyxent.cross_entropy(logits, torch.tensor(LABELS), gradient=True, losses=True)
    parameter = torch.nn.Parameter(torch.tensor(X), requires_grad=False)
    for tensor in (pyxent.softmax(logits), result.gradient, result.losses, pyxent.softmax(parameter)):
        assert type(tensor) is torch.Tensor
    assert bits(pyxent.softmax(logits)) == bits(EXPECTED)


def test_tensors_that_lend_nothing():
    torch = pytest.importorskip("torch")
    t = torch.tensor(X)
    for tensor, message in (
            (torch.complex(t, t).conj().imag, "logits is a view that PyTorch negates when it reads it; expected "
                                              "logits.resolve_neg()"),
            (t.clone().requires_grad_(), "logits requires its gradient, and Xent records none; expected a tensor that "
                                         "does not. Pass its detach(), or call in torch.no_grad()"),
            (t.to("meta"), "logits lies on device meta; expected a copy in main memory"),
            (torch.complex(t, t), "logits has elements of type torch.complex64; expected floats of 16, 32 or 64 bits, "
                                  "integers or booleans in the byte order of this machine")):
        with pytest.raises(pyxent.XentError) as error:
            pyxent.softmax(tensor)
        assert str(error.value).startswith(message) and "\n" not in str(error.value)


def test_pytorch_compiles_around_a_call():
    torch = pytest.importorskip("torch")
    compiled = torch.compile(lambda x: pyxent.softmax(x + 0) * 1, backend="eager")
    assert bits(compiled(torch.tensor(X))) == bits(EXPECTED)


def test_arrays_of_jax_that_lend_nothing():
    jax = pytest.importorskip("jax")
    deleted = jax.numpy.array(X)
    deleted.delete()
    for call in (lambda: pyxent.softmax(deleted), lambda: jax.jit(pyxent.softmax)(X)):
        with pytest.raises(pyxent.ArrayMemoryError, match="logits of <class .*> does not lend its memory"):
            call()


def test_spellings_of_types():
    for spelling in ("float64", np.float64, np.dtype("f8"), "f8", "<f8" if sys.byteorder == "little" else ">f8", "=f8",
                     "d", "double", float, "f64"):
        assert pyxent.softmax(X.astype(float), dtype=spelling).dtype == np.float64
    for spelling, dtype in (("half", "f2"), ("e", "f2"), ("single", "f4"), (np.single, "f4"), ("f", "f4")):
        assert pyxent.softmax(X, dtype=spelling).dtype == dtype
    for spelling in (7, "f1", ">f8" if sys.byteorder == "little" else "<f8", int):
        with pytest.raises(pyxent.DTypeError, match="dtype is .*; expected float32, float16, bfloat16 or float64"):
            pyxent.softmax(X, dtype=spelling)


def test_labels_of_a_byte_after_booleans():
    labels = (LABELS > 0).astype(np.uint8)
    expected = pyxent.cross_entropy(X, labels).loss
    with pytest.raises(pyxent.DTypeError, match="targets is bool"):
        pyxent.cross_entropy(X, labels.view(bool))  # of the shape and size of the labels before
    assert pyxent.cross_entropy(X, labels).loss == expected


def test_flags_of_signed_bytes():
    flags, labels = np.array([1, -1, 0, 1, 1], np.int8), np.array([0, 4, 3, 1, 0, 3])
    expected = pyxent.cross_entropy(X, labels, class_mask=flags != 0, correct=True)
    correct = np.full(6, 7, np.int8)
    assert pyxent.cross_entropy(X, labels, class_mask=flags, correct=correct).loss == expected.loss
    assert correct.tolist() == expected.correct.tolist()
    kept = np.full((6, 5), 7, np.int8)
    pyxent.sample(X, top_k=2, kept_mask=kept)
    assert kept.tolist() == pyxent.sample(X, top_k=2, kept_mask=True).kept_mask.tolist()


INTEGERS = {
    **{name: lambda **given: pyxent.sample(X, **{"seed": 0, "step": 0, **given})
       for name in ("axis", "step", "seed", "stream", "draw", "top_k", "min_keep", "threads")},
    "top_count": lambda top_count: pyxent.sample(X, seed=0, step=0, top_classes=True, top_count=top_count),
    "k": lambda k: pyxent.top_k(X, k), "ignore_index": lambda **given: pyxent.cross_entropy(X, LABELS, **given),
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
        assert pyxent.sample(X, seed=seed, step=0, stream=seed).sampled == 6
        assert pyxent.sample(X, seed=seed, step=0, stream=[seed] * 6).sampled == 6


def test_numbers_may_be_of_any_library():
    for two in (2, np.float32(2), np.int64(2), np.array(2.0), Fraction(2)):
        assert bits(pyxent.softmax(X, temperature=two)) == bits(pyxent.softmax(X, temperature=2.0))


@pytest.mark.parametrize("name", ["step", "seed", "stream"])
def test_integers_of_rows_are_not_rounded(name):
    chance = {"seed": 0, "step": 0}
    assert pyxent.sample(X, **{**chance, name: np.arange(6)}).tokens.shape == (6,)
    with pytest.raises(TypeError) as error:
        pyxent.sample(X, **{**chance, name: [0, 1, 2.5, 3, 4, 5]})
    assert str(error.value) == f"in row 2, {name} is 2.5; expected an integer"


def test_threads_of_a_gradient_that_comes_later_are_an_integer():
    result = pyxent.cross_entropy(X, LABELS, save_statistics=True)
    with pytest.raises(TypeError, match="threads is 1.5; expected an integer"):
        result.backward(threads=1.5)


def test_strides_of_axes_of_one_index_say_nothing():
    turned = X[:1, ::-1][::-1, ::-1]
    assert turned.strides[0] < 0
    assert bits(pyxent.softmax(turned)) == bits(EXPECTED[:1])
    assert bits(pyxent.softmax(X[:, :1][:, ::-1])) == bits(np.ones((6, 1), np.float32))
    out = np.zeros((1, 5), np.float32)[::-1]
    assert pyxent.softmax(turned, out=out) is out and bits(out) == bits(EXPECTED[:1])


def test_memory_behind_pointers():
    testbuffer = pytest.importorskip("_testbuffer")
    rows = testbuffer.ndarray(list(range(12)), shape=[3, 4], format="f", flags=testbuffer.ND_PIL)
    with pytest.raises(pyxent.ArrayMemoryError, match=r"logits lies behind pointers \(it has suboffsets\): copy it"):
        pyxent.softmax(rows)


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
    with pytest.raises(pyxent.ArrayMemoryError) as error:
        pyxent.softmax(logits)
    assert str(error.value).startswith(f"logits of {type(logits)} does not lend its memory ({reason}")
    assert "\n" not in str(error.value)


def test_nothing_may_lie_anywhere():
    """The buffer of an empty array of Python does, not aligned to its elements."""
    assert pyxent.softmax(array.array("f")).shape == (0,)
    assert pyxent.cross_entropy(np.zeros((0, 4)), array.array("q"), reduction="sum").rows == 0
    assert pyxent.sample(X[0], prompt_tokens=array.array("q"), output_tokens=array.array("q")).sampled == 1


def test_errors_are_those_of_python():
    assert issubclass(pyxent.XentError, ValueError) and issubclass(pyxent.LabelError, IndexError)
    with pytest.raises(TypeError, match="logits is None"):
        pyxent.softmax(None)


@pytest.mark.parametrize("shape, strides", [
    ((2.0, 3.0), None), ((2, -3), None), ((2, 2**64 + 3), (12, 4)), ((2, 2**63), (12, 4)), ((2**40, 2**40), (0, 0)),
    ((0, 2**64), (0, 0)), ((2, 3), (12.0, 4.0)), ((2, 3), (2**64 + 12, 4)), ((2, "3"), None), (6.0, None)])
def test_shapes_and_strides_are_integers_of_64_bits(shape, strides):
    class Lent:
        __array_interface__ = dict(version=3, typestr="<f4", shape=shape, strides=strides, data=(X.ctypes.data, False))

    for call in (pyxent.softmax, pyxent.log_sum_exp, pyxent.argmax):
        with pytest.raises(pyxent.ArrayMemoryError, match="logits of .* does not lend its memory"):
            call(Lent())
    result = pyxent.cross_entropy(np.zeros((2, 3), np.float32), np.array([0, 1]), losses=True)
    assert result.losses.shape == (2,)

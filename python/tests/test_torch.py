# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: B023 (functions are called in the loop that makes them)
"""The functions of pyxent.torch beside those of torch.nn.functional: results, gradients, modes of autograd, mistakes."""
import doctest
import os
import re
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: N812
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import forward_ad
from torch.autograd.graph import save_on_cpu, saved_tensors_hooks
from torch.fx.experimental.proxy_tensor import make_fx
from torch.masked import masked_tensor
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

import pyxent
import pyxent.torch as xent
from pyxent import DTypeError, ShapeError

torch.set_num_threads(1)  # of arrays that are small
SETS = int(os.environ.get("XENT_TORCH_SETS", 1000))
LABELS = torch.tensor([0, 1, -100, 2])
REDUCTIONS = ("none", "mean", "sum")


def test_examples():
    failed, tried = doctest.testmod(xent)
    assert tried and not failed


def test_package_does_not_import_pytorch():
    code = "import sys, pyxent; print([name for name in sys.modules if name.partition('.')[0] == 'torch'])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def leaf(tensor):
    return tensor.detach().clone().requires_grad_()


def results(function, inputs, upstream_seed=5):
    """The value, and the gradients for an upstream that depends on its shape alone."""
    leaves = [None if each is None else leaf(each) for each in inputs]
    value = function(*leaves)
    upstream = torch.rand(value.shape, generator=torch.Generator().manual_seed(upstream_seed), dtype=torch.float64)
    value.backward(upstream.to(value.dtype))
    return value.detach(), [each.grad for each in leaves if each is not None]


def assert_equal(ours, theirs, most):
    """Values and gradients; where PyTorch's are NaN, Xent's may be numbers only in gradients."""
    torch.testing.assert_close(ours[0].double(), theirs[0], rtol=most, atol=most, equal_nan=True)
    for our, their in zip(ours[1], theirs[1], strict=True):
        their = torch.where(their.isnan() & our.eq(0), 0, their)
        torch.testing.assert_close(our.double(), their, rtol=most, atol=most, equal_nan=True)


class Options:
    """Random arguments of a cross-entropy."""

    def __init__(self, seed):
        self.random = torch.Generator().manual_seed(seed)
        rank = self.below(4)
        self.classes = 1 + self.below(40)
        self.rows = [self.below(5) for _ in range(rank)] if self.below(20) == 0 else [
            1 + self.below(6) for _ in range(rank)]
        self.shape = [*self.rows[:1], self.classes, *self.rows[1:]]
        self.reduction = REDUCTIONS[self.below(3)]
        self.smoothing = [0.0, 0.1, 0.7, 1.0][self.below(4)]
        self.weight = torch.rand(self.classes, generator=self.random, dtype=torch.float64) + 0.1 if self.below(2) else None
        self.ignored = -100

    def below(self, n):
        return int(torch.randint(n, (), generator=self.random))

    def normal(self, shape):
        return 3 * torch.randn(shape, generator=self.random, dtype=torch.float64)

    def apart(self, tensor):
        """The same numbers, perhaps with dimensions in another order in memory, or with gaps between them."""
        kind = self.below(3)
        if kind == 1 and tensor.dim() > 1:
            return tensor.transpose(0, -1).contiguous().transpose(0, -1)
        if kind == 2:
            wide = torch.full((*tensor.shape, 2), torch.nan if tensor.is_floating_point() else -7, dtype=tensor.dtype)
            wide[..., 0] = tensor
            return wide[..., 0]
        return tensor

    def targets(self, may_be_rows=True):
        if may_be_rows and self.below(3) == 0:
            return self.apart(self.normal(self.shape).softmax(1 if len(self.shape) > 1 else 0))
        labels = torch.randint(self.classes, self.rows, generator=self.random)
        if self.below(2):
            self.ignored = [-100, 0, self.classes - 1, -1][self.below(4)]
            labels = torch.where(torch.rand(self.rows, generator=self.random) < 0.3, self.ignored, labels)
        return self.apart(labels)

    @property
    def names(self):
        return dict(reduction=self.reduction, label_smoothing=self.smoothing, ignore_index=self.ignored)


def like(tensor, dtype):
    return tensor if tensor is None or not tensor.is_floating_point() else tensor.to(dtype)


@pytest.mark.parametrize("dtype, most", [(torch.float64, 1e-13), (torch.float32, 2e-6)])
def test_cross_entropy_of_random_options(dtype, most, monkeypatch):
    for seed in range(SETS):
        monkeypatch.setattr(xent, "_MOST_KEPT", seed % 2 << 16)  # statistics are kept, or the gradient
        options = Options(seed)
        x, target, weight = options.apart(options.normal(options.shape)).to(dtype), options.targets(), options.weight
        target, weight = like(target, dtype), like(weight, dtype)
        ours = results(lambda x: xent.cross_entropy(x, target, weight, **options.names), [x])
        theirs = results(lambda x: F.cross_entropy(x, like(target, torch.float64), like(weight, torch.float64),
                                                   **options.names), [x.double()])
        assert ours[0].dtype == ours[1][0].dtype == dtype
        assert_equal(ours, theirs, most)


@pytest.mark.parametrize("dtype, most", [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_linear_cross_entropy_of_random_options(dtype, most):
    for seed in range(SETS // 4):
        options = Options(seed)
        options.rows = options.rows[:1]
        options.shape = [*options.rows, options.classes]
        features, inner = 1 + options.below(9), [2, 3][:options.below(3)] if options.rows and options.below(4) == 0 else []
        options.rows, options.shape = options.rows + inner, options.shape + inner
        inputs = [options.apart(options.normal([*options.rows[:1], features])),
                  options.apart(options.normal([options.classes, *inner, features])) / 3,
                  options.normal([options.classes, *inner]) if options.below(2) else None]
        inputs = [like(each, dtype) for each in inputs]
        target, weight = like(options.targets(), dtype), like(options.weight, dtype)

        def call(function, dtype):
            return lambda x, layer, bias=None: function(x, layer, like(target, dtype), linear_bias=bias,
                                                        weight=like(weight, dtype), **options.names)

        def theirs(x, layer, bias=None):
            logits = F.linear(x, layer.flatten(0, -2), None if bias is None else bias.flatten())
            return F.cross_entropy(logits.reshape(*x.shape[:-1], *layer.shape[:-1]), like(target, torch.float64),
                                   like(weight, torch.float64), **options.names)

        expected = results(theirs, [like(each, torch.float64) for each in inputs])
        assert_equal(results(call(xent.linear_cross_entropy, dtype), inputs), expected, most)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_of_random_dimensions(name):
    for seed in range(SETS // 4):
        options = Options(seed)
        x, dim = options.apart(options.normal(options.shape)), options.below(2 * len(options.shape)) - len(options.shape)
        theirs = results(lambda x: getattr(F, name)(x, dim), [x])
        assert_equal(results(lambda x: getattr(xent, name)(x, dim), [x]), theirs, 1e-13)
        single = results(lambda x: getattr(xent, name)(x, dim), [x.float()])
        assert_equal(single, results(lambda x: getattr(F, name)(x, dim), [x.float().double()]), 1e-5)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("of", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64])
@pytest.mark.parametrize("to", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_softmax_of_another_type(name, of, to):
    x = torch.tensor([[2, 1, 0], [0, 3, 1]], dtype=of, requires_grad=of.is_floating_point)
    ours, theirs = (getattr(module, name)(x, -1, dtype=to) for module in (xent, F))
    assert ours.dtype == to and torch.allclose(ours.double(), theirs.double(), atol=3 * torch.finfo(to).eps)
    if of.is_floating_point:
        gradients = [torch.autograd.grad(value.square().sum(), x)[0] for value in (ours, theirs)]
        assert gradients[0].dtype == of
        assert torch.allclose(*map(torch.Tensor.double, gradients), atol=9 * max(torch.finfo(each).eps for each in (of, to)))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_losses_of_16_bits_are_float32(dtype):
    x, layer, target = torch.randn(64, 16).to(dtype), torch.randn(100, 16).to(dtype), torch.arange(64)
    wide = F.cross_entropy((x.double() @ layer.double().T), target)
    found, gradients = results(lambda x, layer: xent.linear_cross_entropy(x, layer, target), [x, layer])
    assert found.dtype == torch.float32 and abs(found.double() - wide) < 1e-6
    assert [each.dtype for each in gradients] == [dtype, dtype]
    losses = xent.cross_entropy(leaf(x), target[:16].repeat(4), reduction="none")
    assert losses.dtype == torch.float32
    assert torch.allclose(losses.double(), F.cross_entropy(x.double(), target[:16].repeat(4), reduction="none"), rtol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shape", [(64, 1000), (4096, 100)])
def test_errors_of_16_bits(dtype, shape):
    """The errors in docs/python.md, of fewer seeds."""
    errors = {xent: 0, F: 0}
    for seed in range(3):
        random = torch.Generator().manual_seed(seed)
        x = (3 * torch.randn(shape, generator=random)).to(dtype)
        target = torch.randint(shape[1], shape[:1], generator=random)
        expected = F.cross_entropy(x.double(), target)
        for module in errors:
            error = abs(module.cross_entropy(x, target).double() / expected - 1)
            errors[module] = max(errors[module], float(error))
    assert errors[xent] < 1e-7 and errors[F] > 1e-5


def test_gradients_of_float64():
    x, layer, bias = (torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in ((4, 5), (3, 5), 3))
    weight = torch.tensor([1.0, 0.5, 2, 1, 3], dtype=torch.float64)
    for dim in (0, 1):
        assert torch.autograd.gradcheck(lambda x: xent.softmax(x, dim), x)
        assert torch.autograd.gradcheck(lambda x: xent.log_softmax(x, dim), x)
    for reduction in REDUCTIONS:
        assert torch.autograd.gradcheck(lambda x: xent.cross_entropy(x, LABELS, weight, label_smoothing=0.1,
                                                                     reduction=reduction), x)
        assert torch.autograd.gradcheck(lambda *of: xent.linear_cross_entropy(
            *of[:2], LABELS, linear_bias=of[2], reduction=reduction), (x, layer, bias))
    rows = torch.rand(4, 5, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: xent.cross_entropy(x, rows, label_smoothing=0.1), x)


LAYER = torch.linspace(-1, 1, 15).reshape(3, 5)
CALLS = {
    "softmax": lambda module, x: module.softmax(x, -1).square().sum(),
    "log_softmax": lambda module, x: module.log_softmax(x, 0).square().sum(),
    "cross_entropy": lambda module, x: module.cross_entropy(x, LABELS, label_smoothing=0.1),
    "losses": lambda module, x: module.cross_entropy(x, x.detach().softmax(-1), reduction="none").square().sum(),
    "linear_cross_entropy": lambda module, x: module.linear_cross_entropy(x, LAYER, LABELS, reduction="sum"),
}


@pytest.fixture(params=CALLS)
def call(request):
    return lambda x, module=xent: CALLS[request.param](module, x)


@pytest.fixture
def x():
    return torch.linspace(-2, 2, 20).sin().mul(3).reshape(4, 5).requires_grad_()


def gradient(call, x):
    return torch.autograd.grad(call(x), x)[0]


def test_without_a_gradient(call, x):
    expected = call(x.detach())
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            assert torch.equal(call(x), expected) and not call(x).requires_grad
    assert torch.allclose(expected, call(x, F), rtol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_results_lie_in_main_memory_whatever_the_default_device(call, x):
    torch.compiler.reset()
    for run in (call, torch.compile(call, backend="aot_eager", fullgraph=True)):
        expected, expected_gradient = run(x), gradient(run, x)
        with torch.device("meta"):
            value, found = run(x), gradient(run, x)
        assert value.device.type == found.device.type == "cpu"
        assert torch.equal(value, expected) and torch.equal(found, expected_gradient)


def test_autocast(call, x):
    expected = gradient(call, x)
    for dtype in (torch.bfloat16, torch.float16):
        with torch.autocast("cpu", dtype=dtype):
            assert call(x).dtype == torch.float32
            assert torch.equal(gradient(call, x), expected)


@pytest.mark.filterwarnings("ignore")
def test_compiled_in_one_graph(call, x):
    torch.compiler.reset()
    compiled = torch.compile(call, backend="aot_eager", fullgraph=True)
    assert torch.equal(compiled(x), call(x)) and torch.equal(gradient(compiled, x), gradient(call, x))
    with torch.no_grad():
        assert torch.equal(compiled(x), call(x))


def test_operators_are_as_they_say():
    x, labels = torch.randn(4, 5), torch.tensor([0, 1, 2, -100])
    for reduction in REDUCTIONS:
        for saves in (False, True):
            options = reduction, -100, 0.1, saves
            torch.library.opcheck(xent._loss_op, (leaf(x) if saves else x, labels, None, *options))
            torch.library.opcheck(xent._linear_op, (x, leaf(LAYER) if saves else LAYER, None, labels % 3, None, *options))
    torch.library.opcheck(xent._softmax_op, (leaf(x), 0, True, torch.float32))


def test_saved_tensors_may_be_computed_again_or_elsewhere(call, x):
    expected = gradient(call, x)
    assert torch.equal(gradient(lambda x: checkpoint(call, x, use_reentrant=False), x), expected)
    with save_on_cpu():
        assert torch.equal(gradient(call, x), expected)


def test_saved_tensors_go_with_the_backward(call, x):
    value = call(x)
    value.backward()
    with pytest.raises(RuntimeError, match="second time"):
        value.backward()


def test_gradients_of_functions(call, x):
    assert torch.equal(torch.func.grad(call)(x.detach()), gradient(call, x))


def test_no_second_derivatives(call, x):
    first, = torch.autograd.grad(call(x), x, create_graph=True)
    assert torch.equal(first, gradient(call, x))
    with pytest.raises(RuntimeError, match="pyxent.torch has no second derivatives; expected a call without"):
        first.square().sum().backward()


@pytest.mark.filterwarnings("ignore")
def test_neither_forward_mode_nor_vmap(call, x):
    forward_mode = "^pyxent.torch has no forward mode; expected backward.. or torch.func.grad, or the function of torch.nn"
    with forward_ad.dual_level(), pytest.raises(NotImplementedError, match=forward_mode):
        call(forward_ad.make_dual(x.detach(), torch.ones_like(x)))
    with pytest.raises(NotImplementedError, match=forward_mode):
        torch.func.jvp(call, (x.detach(),), (torch.ones_like(x),))
    vmap = "^pyxent.torch has no vmap; expected one call with all rows, or the function of torch.nn.functional$"
    for function in (call, torch.func.grad(call)):
        with pytest.raises(RuntimeError, match=vmap):
            torch.func.vmap(function)(x.detach()[None])


def test_what_is_kept(x):
    """Statistics and the gradient have the same bits, and take the memory that the page says."""
    for rows, kept in ((10485, 1048500 * 4), (10486, 10486 * 64 + 8)):
        x = torch.randn(10486, 100, requires_grad=True)
        loss = xent.cross_entropy(x[:rows], torch.arange(rows) % 100, reduction="sum")
        assert loss.grad_fn.saved_tensors[-1].nbytes == kept
        loss.backward()
        of_losses = leaf(x)
        xent.cross_entropy(of_losses[:rows], torch.arange(rows) % 100, reduction="none").sum().backward()
        assert torch.equal(x.grad, of_losses.grad)


def test_logits_that_change_before_the_backward(x):
    logits = x * 1
    loss = xent.cross_entropy(logits, LABELS)
    logits += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_edges_as_in_pytorch():
    none = torch.full((2,), -100)
    for module in (xent, F):
        assert module.cross_entropy(torch.ones(2, 3), none).isnan()
        assert module.cross_entropy(torch.ones(2, 3), none, reduction="sum") == 0
        assert module.cross_entropy(torch.ones(0, 3), none[:0]).isnan()
        assert module.cross_entropy(torch.tensor([[1, torch.nan]]), none[:1] * 0).isnan()
        assert module.softmax(torch.tensor(2.0), 0) == 1
    x = leaf(torch.full((2, 3), torch.nan))
    xent.cross_entropy(x, none, reduction="sum").backward()
    assert not x.grad.any()  # rows that are ignored are not read


def test_training_ends_with_the_same_losses():
    def train(module):
        torch.manual_seed(3)
        model = torch.nn.Sequential(torch.nn.Embedding(30, 16), torch.nn.Flatten(), torch.nn.Linear(64, 32),
                                    torch.nn.Tanh(), torch.nn.Linear(32, 30))
        step, losses = torch.optim.AdamW(model.parameters(), 0.01), []
        text = torch.arange(400) ** 2 % 29
        contexts = text.unfold(0, 5, 1)
        for i in range(300):
            batch = contexts[torch.randint(len(contexts), (32,), generator=torch.Generator().manual_seed(i))]
            step.zero_grad()
            loss = module.cross_entropy(model(batch[:, :4]), batch[:, 4], label_smoothing=0.05)
            loss.backward()
            step.step()
            losses.append(loss.item())
        return losses

    ours, theirs = train(xent), train(F)
    assert ours[-1] < ours[0] / 3
    assert max(abs(a - b) for a, b in zip(ours, theirs)) < 1e-3


X = torch.zeros(2, 3)
T = torch.tensor([0, 1])


def test_threads_are_those_of_pytorch(monkeypatch):
    seen, whole = [], xent.pyxent.cross_entropy
    monkeypatch.setattr(xent.pyxent, "cross_entropy", lambda *of, **names: seen.append(names["threads"]) or whole(*of, **names))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        xent.cross_entropy(X, T)
    finally:
        torch.set_num_threads(before)
    assert seen == [1]


def test_targets_of_other_dimensions():
    x, target = torch.zeros(2, 7, 5), torch.zeros(2, 7, dtype=torch.int64)
    with pytest.raises(ShapeError, match=re.escape("expected target of shape [2, 5], or input.movedim(-1, 1)")):
        xent.cross_entropy(x, target)
    assert xent.cross_entropy(x.movedim(-1, 1), target).shape == ()


FUNCTIONS = {
    "softmax": lambda f, x, t: f.softmax(x, 1),
    "log_softmax": lambda f, x, t: f.log_softmax(x, 1),
    "cross_entropy": lambda f, x, t: f.cross_entropy(x, t, label_smoothing=0.1),
    "linear_cross_entropy": lambda f, x, t: f.linear_cross_entropy(x, x[:3] + 1, t),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("tracing_mode", ["real", "fake", "symbolic"])
@pytest.mark.parametrize("gradient", [False, True])
def test_a_trace_has_no_contents_of_its_example(name, tracing_mode, gradient):
    def function(x, t):
        if not gradient:
            return FUNCTIONS[name](xent, 2 * x, t)
        return torch.func.grad(lambda x: FUNCTIONS[name](xent, 2 * x, t).square().sum())(x)

    example, x = torch.randn(5, 3, generator=torch.Generator().manual_seed(1)), torch.randn(5, 3)
    labels = torch.tensor([0, 2, 1, 1, 0])
    traced = make_fx(function, tracing_mode=tracing_mode)(example, labels)
    assert torch.equal(traced(x, labels), function(x, labels))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_fake_tensors_have_shapes(name):
    with FakeTensorMode():
        x, t = torch.randn(5, 3, requires_grad=True), torch.zeros(5, dtype=torch.long)
        values = [FUNCTIONS[name](xent, x, t)]
        values[0].sum().backward()
    values.append(FUNCTIONS[name](xent, x, t))  # outside of the mode
    values[1].sum().backward()
    assert {value.shape for value in values} == {() if "entropy" in name else (5, 3)} and x.grad.shape == x.shape
    with FlopCounterMode(display=False):  # which has numbers
        x, t = torch.randn(5, 3), torch.tensor([0, 2, 1, 1, 0])
        found = FUNCTIONS[name](xent, x, t)
    assert torch.equal(found, FUNCTIONS[name](xent, x, t))


def _softmax_in_fake_mode(x):
    with FakeTensorMode():
        return pyxent.softmax(x)


@pytest.mark.parametrize(("run", "mode"), [
    (lambda x: make_fx(lambda x: pyxent.softmax(x))(x), "torch.fx.experimental.proxy_tensor.make_fx"),
    (_softmax_in_fake_mode, "FakeTensorMode")])
def test_functions_of_pyxent_are_not_traced(run, mode):
    with pytest.raises(pyxent.ArrayMemoryError) as error:
        run(torch.zeros(2, 3))
    assert str(error.value) == (f"logits is passed in {mode}, which does not see what Xent computes; expected a call outside "
                                f"of it, or the function of pyxent.torch")


def _strided(saved):
    return torch.stack([saved, saved], -1)[..., 0]


def _at_an_odd_address(saved):
    if saved.dtype != torch.uint8:
        return saved
    return torch.empty(saved.numel() + 1, dtype=torch.uint8)[1:].copy_(saved)


@pytest.mark.parametrize("hook", [_strided, _at_an_odd_address])
@pytest.mark.parametrize("rows", [5, 500])
@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("name", ["cross_entropy", "linear_cross_entropy"])
def test_saved_tensors_of_other_strides_and_addresses(name, reduction, rows, hook):
    x, t = torch.randn(rows, 200), torch.arange(rows) % 200

    def gradient(unpack):
        layer = [torch.randn(200, 200, generator=torch.Generator().manual_seed(1))] if "linear" in name else []
        leaf_of_x = leaf(x)
        with saved_tensors_hooks(lambda saved: saved, unpack):
            getattr(xent, name)(leaf_of_x, *layer, t, reduction=reduction).sum().backward()
        return leaf_of_x.grad

    assert torch.equal(gradient(hook), gradient(lambda saved: saved))


@pytest.mark.parametrize("rows", [5, 500])
@pytest.mark.parametrize(("hook", "what"), [(lambda saved: saved.half(), "torch.float16"),
                                            (lambda saved: saved[1:], "torch.uint8")])
def test_saved_bytes_that_a_hook_changed(hook, what, rows):
    x, t = leaf(torch.randn(rows, 200)), torch.arange(rows) % 200
    with saved_tensors_hooks(lambda saved: saved, lambda saved: hook(saved) if saved.dtype == torch.uint8 else saved):
        loss = xent.cross_entropy(x, t)
        with pytest.raises(DTypeError, match=rf"a hook of saved tensors returned {what} \[\d+\]; expected the \d+ elements of "
                                             "torch.uint8"):
            loss.backward()


@pytest.mark.parametrize("size", [0, 64, 6_000_000])
@pytest.mark.parametrize("make", [lambda whole: whole, lambda whole: whole.view(1000, 3000).T, lambda whole: whole[1500:],
                                  lambda whole: whole[::2]])
def test_a_tensor_that_its_storage_does_not_hold(make, size):
    whole = torch.zeros(3000, 1000)
    x, y = make(whole), torch.zeros(make(whole).shape)
    pyxent.softmax(x, out=y)
    bound = pyxent.bind(pyxent.softmax, x)
    whole.untyped_storage().resize_(size)
    for call in (lambda: pyxent.softmax(x), lambda: pyxent.softmax(y, out=x), bound, lambda: xent.softmax(x, 1),
                 lambda: xent.cross_entropy(x, torch.zeros(len(x), dtype=torch.long))):
        with pytest.raises(pyxent.ArrayMemoryError, match=rf"storage was resized to {size} bytes; expected a tensor that has"):
            call()
    whole.untyped_storage().resize_(whole.nbytes)
    whole.zero_()
    assert torch.equal(pyxent.softmax(x), y)


class _Wrapper(torch.Tensor):
    @staticmethod
    def __new__(cls, inner):
        return torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype)

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        raise AssertionError


class _Scaled(torch.Tensor):
    """The numbers are twice those in its memory."""

    __torch_dispatch__ = _Wrapper.__torch_dispatch__


@pytest.mark.parametrize(("make", "message"), [
    (_Wrapper, "of <class 'test_torch._Wrapper'>, which computes its numbers from other tensors; expected a tensor that has"
     " them in memory"),
    (lambda x: torch.Tensor._make_subclass(_Scaled, x), "of <class 'test_torch._Scaled'>, which computes its numbers from "
     "other tensors; expected a tensor that has them in memory"),
    (lambda x: masked_tensor(x, x > 0), "a masked tensor; expected {0}.get_data(), and its mask as "
     "class_mask={0}.get_mask()"),
])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_tensors_that_compute_their_numbers(make, message):
    x = make(torch.ones(2, 3))
    for call, name in ((lambda: pyxent.softmax(x), "logits"), (lambda: xent.softmax(x, 1), "input")):
        with pytest.raises(pyxent.ArrayMemoryError) as error:
            call()
        assert str(error.value) == f"{name} is {message.format(name)}"


def test_distributed_tensors():
    """In a process of its own, as it starts a process group."""
    program = """if True:
        import torch, torch.distributed, pyxent
        from torch.distributed.tensor import Shard, distribute_tensor, init_device_mesh
        torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
        x = distribute_tensor(torch.ones(2, 3), init_device_mesh("cpu", (1,)), [Shard(0)])
        try:
            pyxent.softmax(x)
        except pyxent.ArrayMemoryError as error:
            print(error)
        print(pyxent.softmax(x.to_local()).shape)
    """
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert run.stdout == ("logits is a distributed tensor; expected the part of this process, logits.to_local(), or all, "
                          "logits.full_tensor()\ntorch.Size([2, 3])\n"), run.stderr

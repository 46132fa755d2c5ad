# SPDX-License-Identifier: Apache-2.0
"""The functions of pyxent.jax beside those of JAX and Optax: results, gradients, transformations, mistakes."""
import doctest
import os
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pytest

jax = pytest.importorskip("jax")
optax = pytest.importorskip("optax")

import jax.numpy as jnp
from jax.test_util import check_grads

import pyxent
import pyxent.jax as xent

TYPES = {"float16": 2e-3, "bfloat16": 2e-2, "float32": 2e-6}
SHAPES = {(5,): -1, (4, 7): -1, (3, 6, 2): 1, (2, 3, 8): 2, (6, 3): 0}


def values(shape, dtype="float32", seed=1):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape) * 3, dtype)


def assert_close(found, expected, tolerance):
    assert found.dtype == expected.dtype and found.shape == expected.shape
    np.testing.assert_allclose(np.asarray(found, np.float64), np.asarray(expected, np.float64), tolerance, tolerance)


def test_examples():
    failed, tried = doctest.testmod(xent)
    assert tried and not failed


def test_package_does_not_import_jax():
    code = "import sys, pyxent; print([name for name in sys.modules if name.partition('.')[0] == 'jax'])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_probabilities(name, shape, dtype):
    x, upstream, axis = values(shape, dtype), values(shape, dtype, 2), SHAPES[shape]
    ours, theirs = getattr(xent, name), getattr(jax.nn, name)
    assert_close(ours(x, axis), theirs(x, axis), TYPES[dtype])
    assert np.array_equal(ours(x, axis), getattr(pyxent, name)(np.asarray(x), axis=axis))
    assert_close(jax.vjp(lambda x: ours(x, axis), x)[1](upstream)[0],
                 jax.vjp(lambda x: theirs(x, axis), x)[1](upstream)[0], 10 * TYPES[dtype])


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("soft", [False, True])
def test_losses(shape, dtype, soft):
    x, axis = values(shape, dtype), SHAPES[shape]
    if soft:
        targets, theirs = jax.nn.softmax(values(shape, dtype, 2), axis), optax.softmax_cross_entropy
    else:
        rows = np.delete(shape, axis)
        targets = jnp.asarray(np.random.default_rng(3).integers(0, shape[axis], rows))
        theirs = optax.softmax_cross_entropy_with_integer_labels
    wide = x.astype(jnp.float32)
    assert_close(xent.cross_entropy(x, targets, axis), theirs(wide, targets, axis), 3 * TYPES["float32"])
    weights = values(np.delete(shape, axis), seed=4)
    arguments = (0, 1) if soft else (0,)
    found = jax.grad(lambda *given: (weights * xent.cross_entropy(*given, axis)).sum(), arguments)(x, targets)
    expected = jax.grad(lambda *given: (weights * theirs(*given, axis)).sum(), arguments)(wide, targets)
    for mine, reference in zip(found, expected, strict=True):
        assert_close(mine, reference.astype(dtype), 10 * TYPES[dtype])


def test_options_are_those_of_pyxent():
    x, labels = values((6, 5)), jnp.array([0, -100, 2, 4, 1, 3])
    options = {"label_smoothing": 0.1, "ignore_index": -100, "z_loss": 1e-3, "temperature": 2.0}
    expected = pyxent.cross_entropy(np.asarray(x), np.asarray(labels), losses=True, gradient=True, reduction="sum", **options)
    assert np.array_equal(xent.cross_entropy(x, labels, **options), expected.losses)
    gradient = jax.grad(lambda x: xent.cross_entropy(x, labels, **options).sum())(x)
    assert np.array_equal(gradient, expected.gradient)


def test_derivatives_are_those_of_differences():
    labels = jnp.array([0, 4, 2])
    x = values((3, 5))
    check_grads(lambda x: xent.cross_entropy(x, labels), (x,), 1, ["rev"], 1e-2, 1e-2)
    check_grads(xent.softmax, (x,), 1, ["rev"], 1e-2, 1e-2)


def test_transformations():
    x, labels = values((4, 3, 5)), jnp.asarray(np.random.default_rng(5).integers(0, 5, (4, 3)))
    plain = xent.cross_entropy(x, labels)
    assert np.array_equal(jax.jit(xent.cross_entropy)(x, labels), plain)
    assert np.array_equal(jax.vmap(xent.cross_entropy)(x, labels), plain)
    assert np.array_equal(jax.jit(jax.vmap(xent.cross_entropy, (1, 1), 1))(x, labels), plain)
    same = jax.vmap(xent.cross_entropy, (0, None))(x, labels[0])
    assert np.array_equal(same[1], xent.cross_entropy(x[1], labels[0]))
    each = jax.vmap(jax.grad(lambda x, t: xent.cross_entropy(x, t).mean()))(x, labels)
    whole = jax.grad(lambda x: xent.cross_entropy(x, labels).mean(1).sum())(x)
    np.testing.assert_allclose(each, whole, 1e-6)
    assert np.array_equal(jax.vmap(xent.softmax)(x), xent.softmax(x))
    assert np.array_equal(jax.vmap(lambda x: xent.softmax(x, 0))(x), xent.softmax(x, 1))
    steps = jax.lax.scan(lambda total, row: (total + xent.cross_entropy(*row).sum(), None), 0.0, (x, labels))[0]
    np.testing.assert_allclose(steps, plain.sum(), 1e-6)


def test_training():
    """A few steps of gradient descent by Optax, with both losses."""
    inputs, labels = values((64, 8)), jnp.asarray(np.random.default_rng(6).integers(0, 5, 64))

    def train(loss):
        optimizer = optax.adam(0.05)
        weights = jnp.zeros((8, 5))
        state = optimizer.init(weights)

        @jax.jit
        def step(weights, state):
            value, gradient = jax.value_and_grad(lambda weights: loss(inputs @ weights, labels).mean())(weights)
            updates, state = optimizer.update(gradient, state)
            return optax.apply_updates(weights, updates), state, value

        for _ in range(50):
            weights, state, value = step(weights, state)
        return value

    theirs = train(optax.softmax_cross_entropy_with_integer_labels)
    np.testing.assert_allclose(train(xent.cross_entropy), theirs, 1e-4)


def test_a_logit_without_dimensions():
    assert xent.softmax(jnp.float32(3)) == 1
    assert jax.value_and_grad(xent.cross_entropy)(jnp.float32(3), jnp.array(0)) == (0, 0)


def test_errors_name_what_is_wrong():
    with pytest.raises(Exception, match="row 1 has label 5; classes are 0 to 2"):
        xent.cross_entropy(values((2, 3)), jnp.array([0, 5])).block_until_ready()
    with pytest.raises(Exception, match="label_smoothing"):
        xent.cross_entropy(values((2, 3)), jnp.array([0, 1]), label_smoothing=2.0).block_until_ready()


def run_jax(program, *before, devices=1):
    """A program that may never end, in a process of its own."""
    program = "import faulthandler, sys\nfaulthandler.dump_traceback_later(240, exit=True)\n" + textwrap.dedent(program)
    run = subprocess.run([*before, sys.executable, "-c", program], capture_output=True, text=True, timeout=300,
                         env={**os.environ, "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}"})
    assert (run.returncode, run.stdout) == (0, "done\n"), run.stderr


ONE_PROCESSOR = pytest.param(["taskset", "-c", str(min(os.sched_getaffinity(0)))] if hasattr(os, "sched_getaffinity") else [],
                             id="one processor", marks=pytest.mark.skipif(not shutil.which("taskset"), reason="no taskset"))


@pytest.mark.parametrize("before", [[], ONE_PROCESSOR])
def test_more_threads_than_processors(before):
    """Callbacks of XLA's threads must not wait for these threads."""
    run_jax("""
        import os, jax, jax.numpy as jnp
        from concurrent.futures import ThreadPoolExecutor
        from pyxent.jax import cross_entropy, softmax
        x, labels = jnp.zeros((500, 2000)), jnp.zeros(500, int)
        loss = lambda x: cross_entropy(softmax(x), labels).mean() + cross_entropy(x, labels).mean()
        for f in (jax.jit(softmax), jax.jit(jax.value_and_grad(loss))):
            with ThreadPoolExecutor(len(os.sched_getaffinity(0)) + 1) as threads:
                list(threads.map(lambda i: jax.block_until_ready(f(x + i)), range(8)))
            last = [f(x + i) for i in range(5)]  # without waiting for each
            jax.block_until_ready(last)
        print("done")
    """, *before)


def test_shard_map():
    run_jax("""
        import jax, jax.numpy as jnp, numpy as np
        from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
        from pyxent.jax import cross_entropy, softmax
        x = jax.random.normal(jax.random.PRNGKey(0), (8, 6))
        for f, *more in ((softmax,), (cross_entropy, jnp.arange(8) % 6), (cross_entropy, jax.nn.softmax(2 * x))):
            whole = lambda x: jnp.square(f(x, *more)).sum()
            expected = jax.jit(jax.value_and_grad(whole))(x)
            for devices in (1, 2, 8):
                mesh = Mesh(np.array(jax.devices()[:devices]), ("d",))
                for check in (True, False):
                    specs = (P("d"),) * (1 + len(more))
                    parts = jax.shard_map(f, mesh=mesh, in_specs=specs, out_specs=P("d"), check_vma=check)
                    found = jax.jit(jax.value_and_grad(lambda x: jnp.square(parts(x, *more)).sum()))(x)
                    np.testing.assert_allclose(found[0], expected[0], 1e-6)
                    np.testing.assert_allclose(found[1], expected[1], 1e-5, 1e-6)
                apart = jax.device_put(x, NamedSharding(mesh, P("d")))
                np.testing.assert_allclose(jax.jit(jax.grad(whole))(apart), expected[1], 1e-5, 1e-6)
        print("done")
    """, devices=8)


@pytest.mark.parametrize("f", [xent.softmax, lambda x: xent.cross_entropy(x, jnp.array([0, 1]))])
def test_second_derivatives(f):
    x = values((2, 3))
    for derive in (jax.hessian, lambda g: jax.grad(lambda x: jax.grad(g)(x).sum())):
        with pytest.raises(NotImplementedError, match="pyxent.jax has no second derivatives; expected jax.grad of a function"):
            derive(lambda x: jnp.square(f(x)).sum())(x)
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(f, (x,), (x,))

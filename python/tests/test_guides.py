# SPDX-License-Identifier: Apache-2.0
"""The tables of the guide for users of other libraries: both sides of each row compute the same."""
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import pyxent

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "other-libraries.md"
pytestmark = pytest.mark.skipif(not GUIDE.exists(), reason="not in the repository")


def rows(name):
    """Both columns of the table of a library."""
    text = GUIDE.read_text(encoding="utf-8") if GUIDE.exists() else f"\n## {name}\n"
    table = text.split(f"\n## {name}\n")[1].partition("|---|---|\n")[2].partition("\n\n")[0]
    return [re.fullmatch(r"\| `(.*)` \| `(.*)` \|", row).groups() for row in table.splitlines()]


def numbers():
    random = np.random.default_rng(1)
    x, y, x3 = (random.normal(size=shape) for shape in ((4, 5), (4, 5), (2, 5, 3)))
    m = random.random((4, 5)) < 0.7
    m[np.arange(4), [0, 0, 2, 3]] = True
    p, q = (random.dirichlet(np.ones(5), 4) for _ in range(2))
    return {"np": np, "pyxent": pyxent, "x": x, "y": y, "x3": x3, "m": m, "p": p, "q": q, "l": np.log(q),
            "t": np.array([0, 0, 2, 3]), "t3": random.integers(0, 5, (2, 3)), "u": random.random(4) + 0.1,
            "w": random.random(5) + 0.1, "z": (random.random((4, 5)) < 0.5).astype(float),
            "ints": np.array([[3, 1, 3], [0, 2, 2]]), "b": random.random(5) + 0.1}


def compare(theirs, ours, names, most=1e-9):
    expected, got = (np.asarray(eval(side, names) if isinstance(side, str) else side, float) for side in (theirs, ours))
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=most, atol=most / 100)


@pytest.mark.parametrize("theirs, ours", rows("SciPy"))
def test_scipy(theirs, ours):
    pytest.importorskip("scipy")
    from scipy import special, stats
    compare(theirs, ours, {**numbers(), "special": special, "stats": stats})


@pytest.mark.parametrize("theirs, ours", rows("JAX"))
def test_jax(theirs, ours):
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    from jax import numpy as jnp
    jax.config.update("jax_enable_x64", True)
    try:
        compare(theirs, ours, {**numbers(), "jax": jax, "optax": optax, "jnp": jnp})
    finally:
        jax.config.update("jax_enable_x64", False)


@pytest.mark.parametrize("theirs, ours", rows("Keras"))
def test_keras(theirs, ours):
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "jax"  # at the first import
        pytest.importorskip("jax")
    compare(theirs, ours, {**numbers(), "keras": pytest.importorskip("keras")}, 2e-5)


@pytest.mark.parametrize("theirs, ours", rows("ONNX"))
def test_onnx(theirs, ours):
    onnx = pytest.importorskip("onnx")
    from onnx.reference import ReferenceEvaluator
    row = re.fullmatch(r"(\w+)\((.*?)\)(?: (.*?))??(, second output)?", theirs)
    operator, inputs, attributes, second = row.groups()
    names = numbers()
    given = [np.asarray(value) for value in eval(f"[{inputs}]", names)]
    options = eval(f"dict({attributes or ''})")
    given += [np.atleast_1d(options.pop(name)) for name in ("axes", "k") if name in options]
    outputs = ["first", "second"] if second or operator == "TopK" else ["first"]
    node = onnx.helper.make_node(operator, [f"i{i}" for i in range(len(given))], outputs, **options)
    graph = onnx.helper.make_graph([node], "row", [
        onnx.helper.make_tensor_value_info(f"i{i}", onnx.helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        for i, value in enumerate(given)], [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.UNDEFINED, None) for name in outputs])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)])
    found = ReferenceEvaluator(model).run(None, {f"i{i}": value for i, value in enumerate(given)})
    compare(found[1] if second else found[0], ours, names)

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the models of the examples as ONNX files. Needs NumPy; run by hand, the files are kept.

digits.onnx   logits of an 8 x 8 image of a digit: pixels [N, 64] times weights plus bias, a linear
              classifier of the training images of the demo. Weights and bias are multiples of 1/64
              and pixels whole numbers, so every sum is exact, in whatever order it is added up:
              the logits have the same bits on every machine.
softmax.onnx  softmax of each row of [N, classes], by ONNX's own operator.
"""

import gzip
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).parent
DIGITS = HERE / "../../java/xent-cli/src/main/resources/dev/xent/cli/demo/digits.csv.gz"
STEPS = 400
UNIT = 64


def train():
    """Gradient descent on cross-entropy; every fifth image is left for tests."""
    data = np.loadtxt(gzip.open(DIGITS), delimiter=",")
    data = data[np.arange(1, len(data) + 1) % 5 != 0]
    pixels, labels = data[:, :64], data[:, 64].astype(int)
    targets = np.eye(10)[labels]
    weights, bias = np.zeros((64, 10)), np.zeros(10)
    for _ in range(STEPS):
        logits = pixels @ weights + bias
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        gradient = (p / p.sum(axis=1, keepdims=True) - targets) / len(data)
        weights -= 0.01 * pixels.T @ gradient
        bias -= 0.01 * gradient.sum(axis=0)
    exact = [np.round(UNIT * x) / UNIT for x in (weights, bias)]
    return [x.astype(np.float32) for x in exact]


def varint(number):
    encoded = b""
    while number > 127:
        encoded += bytes([number & 127 | 128])
        number >>= 7
    return encoded + bytes([number])


def field(number, value):
    """A field of a protocol buffer: a whole number, or bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def constant(name, array):
    dims = b"".join(field(1, size) for size in array.shape)
    return dims + field(2, 1) + field(8, name) + field(9, array.astype("<f4").tobytes())


def matrix(name, columns):
    """A float32 matrix of any number of rows."""
    rows = field(1, field(2, "N"))
    columns = field(1, field(2, columns) if isinstance(columns, str) else field(1, columns))
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, rows + columns)))


def node(operator, inputs, output, attributes=b""):
    names = b"".join(field(1, name) for name in inputs)
    return names + field(2, output) + field(4, operator) + attributes


def model(name, nodes, constants, inputs, outputs):
    graph = b"".join(field(1, n) for n in nodes) + field(2, name)
    graph += b"".join(field(5, c) for c in constants)
    graph += field(11, inputs) + field(12, outputs)
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))


def main():
    weights, bias = train()
    (HERE / "digits.onnx").write_bytes(
        model(
            "digits",
            [node("MatMul", ["pixels", "weights"], "product"), node("Add", ["product", "bias"], "logits")],
            [constant("weights", weights), constant("bias", bias)],
            matrix("pixels", 64),
            matrix("logits", 10),
        )
    )
    last = field(1, "axis") + field(3, (1 << 64) - 1) + field(20, 2)
    (HERE / "softmax.onnx").write_bytes(
        model(
            "softmax",
            [node("Softmax", ["logits"], "probabilities", field(5, last))],
            [],
            matrix("logits", "classes"),
            matrix("probabilities", "classes"),
        )
    )


if __name__ == "__main__":
    main()

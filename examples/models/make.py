#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the models of the examples as ONNX files. Needs NumPy; run by hand, the files are kept.

digits.onnx   logits of an 8 x 8 image of a digit: pixels [N, 64] times weights plus bias, a linear
              classifier of the training images of the demo. Weights and bias are multiples of 1/64
              and pixels whole numbers, so every sum is exact, in whatever order it is added up:
              the logits have the same bits on every machine.
letters.onnx  a causal language model of letters: from the last 6 of 30 tokens (TOKENS below) to the
              logits of the next one, context [N, 6] to logits [N, 30]. A row of a table for each
              place and token, added up, a ReLU, a matrix: trained on the LICENSE of this repository.
              All weights are multiples of 1/16 in 8 bits, so these logits are exact too.
softmax.onnx  softmax of each row of [N, classes], by ONNX's own operator.
"""

import gzip
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).parent
DIGITS = HERE / "../../java/xent-cli/src/main/resources/dev/xent/cli/demo/digits.csv.gz"
STEPS = 400
UNIT = 64

TEXT = HERE / "../../LICENSE"
TOKENS = " abcdefghijklmnopqrstuvwxyz,.-"
CONTEXT = 6
HIDDEN = 40
EPOCHS = 300
LETTER_UNIT = 16


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


def letters():
    """The tokens of the text: small letters, everything else a space, no two spaces in a row."""
    text = TEXT.read_text().lower()
    text = "".join(c if c in TOKENS else " " for c in text)
    return np.array([TOKENS.index(c) for c in " ".join(text.split())])


def train_letters():
    """Adam on cross-entropy, the weights kept within 8 bits; then rounded."""
    random = np.random.default_rng(1)
    tokens = letters()
    rows = len(tokens) - CONTEXT
    places = np.stack([tokens[i : i + rows] + i * len(TOKENS) for i in range(CONTEXT)], axis=1)
    inputs = np.zeros((rows, CONTEXT * len(TOKENS)), np.float32)
    np.put_along_axis(inputs, places, 1, axis=1)
    targets = np.eye(len(TOKENS), dtype=np.float32)[tokens[CONTEXT:]]
    weights = [
        random.normal(0, 0.5, (inputs.shape[1], HIDDEN)),
        np.zeros(HIDDEN),
        random.normal(0, 0.3, (HIDDEN, len(TOKENS))),
        np.zeros(len(TOKENS)),
    ]
    weights = [w.astype(np.float32) for w in weights]
    means = [np.zeros_like(w) for w in weights]
    squares = [np.zeros_like(w) for w in weights]
    limit = 127 / LETTER_UNIT
    for epoch in range(1, EPOCHS + 1):
        table, hidden_bias, matrix_, bias = weights
        hidden = np.maximum(inputs @ table + hidden_bias, 0)
        logits = hidden @ matrix_ + bias
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        d = (p / p.sum(axis=1, keepdims=True) - targets) / rows
        back = (d @ matrix_.T) * (hidden > 0)
        gradients = [inputs.T @ back, back.sum(axis=0), hidden.T @ d, d.sum(axis=0)]
        for i, g in enumerate(gradients):
            means[i] = 0.9 * means[i] + 0.1 * g
            squares[i] = 0.99 * squares[i] + 0.01 * g * g
            step = means[i] / (1 - 0.9**epoch) / (np.sqrt(squares[i] / (1 - 0.99**epoch)) + 1e-8)
            weights[i] = np.clip(weights[i] - 0.02 * step, -limit, limit)
    return [np.round(LETTER_UNIT * w).astype(np.int8) for w in weights]


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


FLOAT, INT8, INT64 = 1, 3, 7
ELEMENTS = {np.dtype("<f4"): FLOAT, np.dtype("i1"): INT8, np.dtype("<i8"): INT64}


def constant(name, array):
    dims = b"".join(field(1, size) for size in array.shape)
    return dims + field(2, ELEMENTS[array.dtype]) + field(8, name) + field(9, array.tobytes())


def matrix(name, columns, element=FLOAT):
    """A matrix of any number of rows."""
    rows = field(1, field(2, "N"))
    columns = field(1, field(2, columns) if isinstance(columns, str) else field(1, columns))
    return field(1, name) + field(2, field(1, field(1, element) + field(2, rows + columns)))


def whole(name, number):
    """An attribute of a node."""
    return field(5, field(1, name) + field(3, number) + field(20, 2))


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
    table, hidden_bias, weights, bias = train_letters()
    unit = np.array([1 / LETTER_UNIT], np.float32)
    (HERE / "letters.onnx").write_bytes(
        model(
            "letters",
            [
                node("Add", ["context", "first"], "places"),
                node("Gather", ["table", "places"], "found"),
                node("Cast", ["found"], "rows", whole("to", FLOAT)),
                node("ReduceSum", ["rows", "axis"], "sum", whole("keepdims", 0)),
                node("Add", ["sum", "hidden_bias"], "sum_with_bias"),
                node("Relu", ["sum_with_bias"], "hidden"),
                node("Cast", ["weights"], "matrix", whole("to", FLOAT)),
                node("MatMul", ["hidden", "matrix"], "product"),
                node("Mul", ["product", "unit"], "scaled"),
                node("Add", ["scaled", "bias"], "logits_in_units"),
                node("Mul", ["logits_in_units", "unit"], "logits"),
            ],
            [
                constant("first", len(TOKENS) * np.arange(CONTEXT)),
                constant("table", table),
                constant("axis", np.array([1])),
                constant("hidden_bias", hidden_bias.astype(np.float32)),
                constant("weights", weights),
                constant("unit", unit),
                constant("bias", bias.astype(np.float32)),
            ],
            matrix("context", CONTEXT, INT64),
            matrix("logits", len(TOKENS)),
        )
    )
    (HERE / "softmax.onnx").write_bytes(
        model(
            "softmax",
            [node("Softmax", ["logits"], "probabilities", whole("axis", (1 << 64) - 1))],
            [],
            matrix("logits", "classes"),
            matrix("probabilities", "classes"),
        )
    )


if __name__ == "__main__":
    main()

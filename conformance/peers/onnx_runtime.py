# SPDX-License-Identifier: Apache-2.0
"""A call of the grid, computed by ONNX Runtime: SoftmaxCrossEntropyLoss, which has no gradient and no smoothing."""
import functools

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

VERSION = f"ONNX Runtime {onnxruntime.__version__}"
TYPES = {"f32": (TensorProto.FLOAT, np.float32), "f64": (TensorProto.DOUBLE, np.float64), "f16": (TensorProto.FLOAT16, np.float16)}


@functools.cache
def session(t, axes, weighted, ignore_index, reduction):
    """A model of one node."""
    def value(name, kind, rank):
        return helper.make_tensor_value_info(name, kind, [None] * rank)

    inputs = [value("x", TYPES[t][0], axes), value("y", TensorProto.INT64, axes - 1)]
    if weighted:
        inputs.append(value("w", TYPES[t][0], 1))
    attributes = {"reduction": reduction} if ignore_index is None else {"reduction": reduction, "ignore_index": ignore_index}
    node = helper.make_node("SoftmaxCrossEntropyLoss", [i.name for i in inputs], ["loss"], **attributes)
    graph = helper.make_graph([node], "one", inputs, [value("loss", TYPES[t][0], axes - 1 if reduction == "none" else 0)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def results(call, reduction):
    """(loss, None), or None if the operator does not support the call."""
    if call.type not in TYPES or call.probabilities is not None or call.smoothing or len(call.shape) < 2:
        return None
    one = session(call.type, len(call.shape), call.weights is not None, call.ignore_index, reduction)
    kind = TYPES[call.type][1]
    feed = {"x": call.logits.astype(kind), "y": call.labels.astype(np.int64)}
    if call.weights is not None:
        feed["w"] = call.weights.astype(kind)
    return one.run(None, feed)[0].astype(np.float64), None

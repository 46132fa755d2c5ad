// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks.peers;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.xent.benchmarks.Problem;
import java.lang.foreign.MemorySegment;

/** The inputs of a problem in PyTorch's memory; PyTorch computes on one thread. */
final class DjlTensors {
  private final NDManager manager;
  private final Problem problem;
  private final Shape shape;
  private final DataType type;

  DjlTensors(Problem problem) {
    System.setProperty("ai.djl.pytorch.num_threads", "1");
    System.setProperty("ai.djl.pytorch.num_interop_threads", "1");
    manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");
    this.problem = problem;
    shape = new Shape(problem.shape.dims());
    type = problem.operation.isDouble() ? DataType.FLOAT64 : DataType.FLOAT32;
  }

  NDManager manager() {
    return manager;
  }

  /** Logits, or {@code y}. */
  NDArray input() {
    return elements(problem.input);
  }

  /** {@code dy}. */
  NDArray upstream() {
    return elements(problem.upstream());
  }

  /** The labels, in the shape of the logits with one class. */
  NDArray labels() {
    return manager.create(
        Problem.buffer(problem.labels()), new Shape(problem.shape.reducedDims()), DataType.INT64);
  }

  /** The targets, one for every logit. */
  NDArray targets() {
    return elements(problem.targets());
  }

  /** Memory for an output. */
  NDArray room() {
    return manager.zeros(shape, type);
  }

  /** The weights, one per class. */
  NDArray weights() {
    Shape classes = new Shape(problem.shape.classes());
    return manager.create(Problem.buffer(problem.weights()), classes, DataType.FLOAT32);
  }

  /** Memory for the largest class of every row. */
  NDArray roomOfClasses() {
    return manager.zeros(new Shape(problem.shape.rowDims()), DataType.INT64);
  }

  private NDArray elements(MemorySegment segment) {
    return manager.create(Problem.buffer(segment), shape, type);
  }

  /** The value of a loss. */
  static double number(NDArray array) {
    return array.getDataType() == DataType.FLOAT64 ? array.getDouble() : array.getFloat();
  }

  /** Copies a result of PyTorch. */
  static void copy(NDArray array, MemorySegment output) {
    MemorySegment.copy(
        MemorySegment.ofBuffer(array.toByteBuffer(false)), 0, output, 0, output.byteSize());
  }
}

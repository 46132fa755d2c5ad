// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks.peers;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.xent.benchmarks.Problem;
import java.lang.foreign.MemorySegment;

/** The inputs of a problem in memory of PyTorch, which computes on one thread. */
final class DjlTensors {
  private final NDManager manager;
  private final Problem problem;
  private final Shape shape;

  DjlTensors(Problem problem) {
    System.setProperty("ai.djl.pytorch.num_threads", "1");
    System.setProperty("ai.djl.pytorch.num_interop_threads", "1");
    manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");
    this.problem = problem;
    shape = new Shape(problem.shape.dims());
  }

  NDManager manager() {
    return manager;
  }

  /** Logits, or {@code y}. */
  NDArray input() {
    return floats(problem.input);
  }

  /** {@code dy}. */
  NDArray upstream() {
    return floats(problem.upstream());
  }

  /** In the shape of the logits, with one class. */
  NDArray labels() {
    return manager.create(
        Problem.buffer(problem.labels()), new Shape(problem.shape.reducedDims()), DataType.INT64);
  }

  /** Room for an output. */
  NDArray room() {
    return manager.zeros(shape);
  }

  private NDArray floats(MemorySegment segment) {
    return manager.create(Problem.buffer(segment), shape, DataType.FLOAT32);
  }

  /** Copies what PyTorch computed. */
  static void copy(NDArray array, MemorySegment output) {
    MemorySegment.copy(
        MemorySegment.ofBuffer(array.toByteBuffer(false)), 0, output, 0, output.byteSize());
  }
}

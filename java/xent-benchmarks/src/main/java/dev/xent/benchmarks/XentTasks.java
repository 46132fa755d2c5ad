// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.Isa;
import dev.xent.LogSoftmax;
import dev.xent.Softmax;
import dev.xent.Tensor;

/** Every operation through the Java API. */
final class XentTasks {
  private final Isa isa;
  private final int threads;

  XentTasks(Isa isa, int threads) {
    this.isa = isa;
    this.threads = threads;
  }

  Task of(Problem problem) {
    int axis = problem.shape.axis();
    Tensor input = Tensor.of(problem.input, DType.F32, problem.shape.dims());
    Tensor output = Tensor.of(problem.output, DType.F32, problem.shape.dims());
    Softmax softmax = Softmax.builder().axis(axis).isa(isa).threads(threads).build();
    LogSoftmax logSoftmax = LogSoftmax.builder().axis(axis).isa(isa).threads(threads).build();
    CrossEntropy crossEntropy = CrossEntropy.builder().axis(axis).isa(isa).threads(threads).build();
    return switch (problem.operation) {
      case SOFTMAX ->
          () -> {
            softmax.forward(input, output);
            return 0;
          };
      case LOG_SOFTMAX ->
          () -> {
            logSoftmax.forward(input, output);
            return 0;
          };
      case SOFTMAX_BACKWARD -> {
        Tensor upstream = Tensor.of(problem.upstream(), DType.F32, problem.shape.dims());
        yield () -> {
          softmax.backward(input, upstream, output);
          return 0;
        };
      }
      case LOG_SOFTMAX_BACKWARD -> {
        Tensor upstream = Tensor.of(problem.upstream(), DType.F32, problem.shape.dims());
        yield () -> {
          logSoftmax.backward(input, upstream, output);
          return 0;
        };
      }
      case CROSS_ENTROPY -> {
        Tensor labels = Tensor.of(problem.labels(), DType.I64, problem.shape.rowDims());
        yield () -> crossEntropy.forward(input, labels);
      }
      case CROSS_ENTROPY_GRAD -> {
        Tensor labels = Tensor.of(problem.labels(), DType.I64, problem.shape.rowDims());
        yield () -> crossEntropy.forwardBackward(input, labels, output);
      }
    };
  }
}

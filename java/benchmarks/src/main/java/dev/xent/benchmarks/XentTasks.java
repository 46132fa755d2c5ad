// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import dev.xent.BinaryCrossEntropy;
import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.Execution;
import dev.xent.LogSoftmax;
import dev.xent.LossOutputs;
import dev.xent.Sampler;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.benchmarks.Operation.Option;

/** Every operation through the Java API. */
final class XentTasks {
  private final Execution execution;

  XentTasks(Execution execution) {
    this.execution = execution;
  }

  Task of(Problem problem) {
    int axis = problem.shape.axis();
    DType type = problem.operation.isDouble() ? DType.F64 : DType.F32;
    Tensor input = Tensor.of(problem.input, type, problem.shape.dims());
    Tensor output = Tensor.of(problem.output, type, problem.shape.dims());
    Softmax softmax = softmax(problem.operation.option, axis);
    LogSoftmax logSoftmax = LogSoftmax.builder().axis(axis).execution(execution).build();
    CrossEntropy crossEntropy = crossEntropy(problem, axis);
    return switch (problem.operation.kind) {
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
        if (problem.argmax == null) {
          yield () -> crossEntropy.forward(input, labels);
        }
        LossOutputs outputs = LossOutputs.create();
        outputs.argmax(Tensor.of(problem.argmax, DType.I64, problem.shape.rowDims()));
        yield crossEntropy.on(input, labels).outputs(outputs)::run;
      }
      case CROSS_ENTROPY_GRAD -> {
        Tensor labels = Tensor.of(problem.labels(), DType.I64, problem.shape.rowDims());
        yield () -> crossEntropy.forwardBackward(input, labels, output);
      }
      case BINARY_CROSS_ENTROPY -> {
        Tensor targets = Tensor.of(problem.targets(), DType.F32, problem.shape.dims());
        BinaryCrossEntropy binary = binary();
        yield () -> binary.forward(input, targets);
      }
      case BINARY_CROSS_ENTROPY_GRAD -> {
        Tensor targets = Tensor.of(problem.targets(), DType.F32, problem.shape.dims());
        BinaryCrossEntropy binary = binary();
        yield () -> binary.forwardBackward(input, targets, output);
      }
      case SAMPLE -> sampling(problem, input, axis);
    };
  }

  private Task sampling(Problem problem, Tensor input, int axis) {
    Sampler.Builder builder =
        Sampler.builder()
            .axis(axis)
            .execution(execution)
            .temperature(Operation.TEMPERATURE)
            .topP(Operation.TOP_P);
    if (problem.operation.option != Option.ALL_CLASSES) {
      builder.topK(Operation.TOP_K);
    }
    Sampler sampler = builder.build();
    Tensor tokens = Tensor.of(problem.tokens(), DType.I64, problem.shape.rowDims());
    long[] step = {0};
    return () -> {
      sampler.sample(input, step[0]++, tokens);
      return 0;
    };
  }

  private BinaryCrossEntropy binary() {
    return BinaryCrossEntropy.builder().execution(execution).build();
  }

  private Softmax softmax(Option option, int axis) {
    Softmax.Builder builder = Softmax.builder().axis(axis).execution(execution);
    return option == Option.TEMPERATURE
        ? builder.temperature(Operation.TEMPERATURE).build()
        : builder.build();
  }

  private CrossEntropy crossEntropy(Problem problem, int axis) {
    CrossEntropy.Builder builder = CrossEntropy.builder().axis(axis).execution(execution);
    if (problem.operation.option == Option.SMOOTHING) {
      builder.labelSmoothing(Operation.SMOOTHING);
    }
    if (problem.weights != null) {
      builder.classWeights(Tensor.of(problem.weights, DType.F32, problem.shape.classes()));
    }
    return builder.build();
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import dev.xent.CrossEntropy;
import dev.xent.LogSoftmax;
import dev.xent.OperationBuilder;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.cli.Converters;

/**
 * The measured operations. Each has its own loop, although the loops are alike: in a shared loop,
 * the call would be megamorphic, so the compiler could not inline it, and this would be measured
 * too.
 */
enum Operation {
  /** Probabilities of logits: reads 4 bytes per logit and writes 4. */
  SOFTMAX(8) {
    @Override
    Work on(Problem problem, Tier tier, int threads) {
      Softmax operation = configured(Softmax.builder(), problem, tier, threads).build();
      return times -> {
        for (int i = 0; i < times; i++) {
          operation.forward(problem.input(), problem.output());
        }
        return 0;
      };
    }
  },

  /** Log-probabilities of logits: reads 4 bytes per logit and writes 4. */
  LOG_SOFTMAX(8) {
    @Override
    Work on(Problem problem, Tier tier, int threads) {
      LogSoftmax operation = configured(LogSoftmax.builder(), problem, tier, threads).build();
      return times -> {
        for (int i = 0; i < times; i++) {
          operation.forward(problem.input(), problem.output());
        }
        return 0;
      };
    }
  },

  /** The gradient through a softmax: reads 8 bytes per logit and writes 4. */
  SOFTMAX_BACKWARD(12) {
    @Override
    void forwardInPlace(int axis, Tensor logits) {
      Softmax.along(axis).forward(logits, logits);
    }

    @Override
    Work on(Problem problem, Tier tier, int threads) {
      Softmax operation = configured(Softmax.builder(), problem, tier, threads).build();
      return times -> {
        for (int i = 0; i < times; i++) {
          operation.backward(problem.input(), problem.upstream(), problem.output());
        }
        return 0;
      };
    }
  },

  /** The gradient through a log-softmax: reads 8 bytes per logit and writes 4. */
  LOG_SOFTMAX_BACKWARD(12) {
    @Override
    void forwardInPlace(int axis, Tensor logits) {
      LogSoftmax.along(axis).forward(logits, logits);
    }

    @Override
    Work on(Problem problem, Tier tier, int threads) {
      LogSoftmax operation = configured(LogSoftmax.builder(), problem, tier, threads).build();
      return times -> {
        for (int i = 0; i < times; i++) {
          operation.backward(problem.input(), problem.upstream(), problem.output());
        }
        return 0;
      };
    }
  },

  /** The mean loss: reads 4 bytes per logit and writes no tensor. */
  CROSS_ENTROPY(4) {
    @Override
    Work on(Problem problem, Tier tier, int threads) {
      CrossEntropy operation = configured(CrossEntropy.builder(), problem, tier, threads).build();
      return times -> {
        double loss = 0;
        for (int i = 0; i < times; i++) {
          loss = operation.forward(problem.input(), problem.labels());
        }
        return loss;
      };
    }
  },

  /** The mean loss and its gradient: reads 4 bytes per logit and writes 4. */
  CROSS_ENTROPY_GRAD(8) {
    @Override
    Work on(Problem problem, Tier tier, int threads) {
      CrossEntropy operation = configured(CrossEntropy.builder(), problem, tier, threads).build();
      return times -> {
        double loss = 0;
        for (int i = 0; i < times; i++) {
          loss = operation.forwardBackward(problem.input(), problem.labels(), problem.output());
        }
        return loss;
      };
    }
  };

  private static final int READ_ONLY = 4;
  private static final int BACKWARD = 12;

  private final int bytesPerElement;

  Operation(int bytesPerElement) {
    this.bytesPerElement = bytesPerElement;
  }

  /** The timed work of a kernel on a problem, with a maximum number of threads. */
  abstract Work on(Problem problem, Tier tier, int threads);

  /** Replaces logits by the input of a backward operation; does nothing for other operations. */
  void forwardInPlace(int axis, Tensor logits) {}

  /** The bytes that must be read and written per logit. */
  int bytesPerElement() {
    return bytesPerElement;
  }

  boolean isBackward() {
    return bytesPerElement == BACKWARD;
  }

  /** The access of memory that limits its speed. */
  String limit() {
    return isReadOnly() ? "read" : "memcpy";
  }

  /** Whether it writes no tensor. */
  boolean isReadOnly() {
    return bytesPerElement == READ_ONLY;
  }

  /** The name on the command line: {@code cross-entropy-grad}. */
  @Override
  public String toString() {
    return Converters.name(this);
  }

  private static <B extends OperationBuilder<B>> B configured(
      B builder, Problem problem, Tier tier, int threads) {
    return builder.axis(problem.shape().axis()).execution(tier.execution(threads));
  }
}

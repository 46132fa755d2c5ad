// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

import dev.xent.CrossEntropy;
import dev.xent.Execution;
import dev.xent.LogSoftmax;
import dev.xent.LogSumExp;
import dev.xent.LossOutputs;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.options.Backend;
import dev.xent.options.Reduction;
import dev.xent.options.Smoothing;

/** The operations on single rows. */
final class Operations {
  private final Backend backend;
  private final Softmax softmax;
  private final LogSoftmax logSoftmax;
  private final LogSumExp logSumExp;

  Operations(Backend backend) {
    this.backend = backend;
    softmax = Softmax.builder().execution(Execution.defaults().withBackend(backend)).build();
    logSoftmax = LogSoftmax.builder().execution(Execution.defaults().withBackend(backend)).build();
    logSumExp = LogSumExp.builder().execution(Execution.defaults().withBackend(backend)).build();
  }

  float[] softmax(float[] x) {
    float[] y = new float[x.length];
    softmax.forward(Tensor.of(x), Tensor.of(y));
    return y;
  }

  float[] softmaxBackward(float[] y, float[] dy) {
    float[] dx = new float[y.length];
    softmax.backward(Tensor.of(y), Tensor.of(dy), Tensor.of(dx));
    return dx;
  }

  float[] logSoftmax(float[] x) {
    float[] y = new float[x.length];
    logSoftmax.forward(Tensor.of(x), Tensor.of(y));
    return y;
  }

  float[] logSoftmaxBackward(float[] y, float[] dy) {
    float[] dx = new float[y.length];
    logSoftmax.backward(Tensor.of(y), Tensor.of(dy), Tensor.of(dx));
    return dx;
  }

  float logSumExp(float[] x) {
    float[] lse = new float[1];
    logSumExp.forward(Tensor.of(x, 1, x.length), Tensor.of(lse));
    return lse[0];
  }

  /** The results of a cross-entropy for one row. */
  record Loss(float loss, float logSumExp, float[] gradient) {}

  Loss crossEntropy(float[] x, int label, double smoothing, double scale) {
    return crossEntropy(x, Tensor.of(new int[] {label}), smoothing, scale);
  }

  Loss crossEntropy(float[] x, float[] q, double smoothing, double scale) {
    return crossEntropy(x, Tensor.of(q, 1, q.length), smoothing, scale);
  }

  /** Label smoothing that goes to the other classes only. */
  Loss smoothingOthers(float[] x, int label, double smoothing, double scale) {
    return crossEntropy(
        x,
        Tensor.of(new int[] {label}),
        builder(smoothing, scale).smoothing(Smoothing.OTHERS).build());
  }

  Loss weighted(float[] x, int label, double smoothing, float[] weights, double scale) {
    return crossEntropy(
        x,
        Tensor.of(new int[] {label}),
        builder(smoothing, scale).classWeights(Tensor.of(weights)).build());
  }

  private Loss crossEntropy(float[] x, Tensor targets, double smoothing, double scale) {
    return crossEntropy(x, targets, builder(smoothing, scale).build());
  }

  private CrossEntropy.Builder builder(double smoothing, double scale) {
    return CrossEntropy.builder()
        .reduction(Reduction.SUM)
        .labelSmoothing(smoothing)
        .gradientScale(scale)
        .execution(Execution.defaults().withBackend(backend));
  }

  private static Loss crossEntropy(float[] x, Tensor targets, CrossEntropy operation) {
    float[] losses = new float[1];
    float[] lse = new float[1];
    float[] gradient = new float[x.length];
    LossOutputs outcome = LossOutputs.create().losses(Tensor.of(losses)).logSumExp(Tensor.of(lse));
    operation
        .on(Tensor.of(x, 1, x.length), targets, Tensor.of(gradient, 1, x.length))
        .outputs(outcome)
        .run();
    return new Loss(losses[0], lse[0], gradient);
  }
}

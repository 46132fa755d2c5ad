// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

import static dev.xent.accuracy.LossCase.CLASSES;
import static dev.xent.accuracy.LossCase.ROWS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.xent.CrossEntropy;
import dev.xent.Execution;
import dev.xent.LossOutputs;
import dev.xent.NllLoss;
import dev.xent.Tensor;
import dev.xent.options.Backend;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The gradients of the losses against differences of the losses of a whole batch. */
@org.junit.jupiter.api.parallel.Execution(ExecutionMode.CONCURRENT)
class LossGradientTest {

  static Stream<Arguments> cases() {
    return Stream.of(Backend.NATIVE, Backend.REFERENCE)
        .flatMap(backend -> LossCase.all().map(each -> Arguments.of(backend, each)));
  }

  /** Errors of float roundings, one being 2^-24 of the terms that are added. */
  private static void assertClose(float actual, double expected, double roundings, double terms) {
    assertThat((double) actual).isCloseTo(expected, within(roundings * 0x1p-24 * terms));
  }

  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("cases")
  void crossEntropy(Backend backend, LossCase loss) {
    float[] x = LossCase.logits();
    float[] dx = crossEntropyGradient(backend, loss, x);
    for (int i = 0; i < x.length; i++) {
      int row = i / CLASSES;
      int k = i % CLASSES;
      double slope = Slope.of(moved -> crossEntropy(loss, moved), x, i);
      Target target = loss.target(row);
      Truth truth = Truth.of(Arrays.copyOfRange(x, row * CLASSES, (row + 1) * CLASSES));
      double mass = 0;
      for (int j = 0; j < CLASSES; j++) {
        mass += Math.abs(target.of(j).high());
      }
      double terms = truth.roundedSoftmax(k) * mass + Math.abs(target.of(k).high());
      assertClose(dx[i], slope, 6, Math.abs(loss.factor(row)) * terms);
    }
  }

  private static float[] crossEntropyGradient(Backend backend, LossCase loss, float[] x) {
    CrossEntropy.Builder builder =
        CrossEntropy.builder()
            .labelSmoothing(loss.smoothing())
            .reduction(loss.reduction())
            .gradientScale(loss.scale())
            .execution(Execution.defaults().withBackend(backend));
    if (loss.ignored() != null) {
      builder.ignoreIndex(loss.ignored());
    }
    if (loss.denominator() != 0) {
      builder.denominator(loss.denominator());
    }
    CrossEntropy operation = builder.build();
    Tensor logits = Tensor.of(x, ROWS, CLASSES);
    float[] dx = new float[x.length];
    Tensor gradient = Tensor.of(dx, ROWS, CLASSES);
    if (!loss.upstream()) {
      operation.forwardBackward(logits, loss.targets(), gradient);
      return dx;
    }
    try (Arena arena = Arena.ofConfined()) {
      LossOutputs saved = LossOutputs.create().saveStatistics(arena);
      operation.on(logits, loss.targets()).outputs(saved).run();
      operation.onBackward(logits, loss.targets(), saved, loss.upstreams(), gradient).run();
    }
    return dx;
  }

  private static DoubleDouble crossEntropy(LossCase loss, DoubleDouble[] x) {
    DoubleDouble sum = DoubleDouble.ZERO;
    for (int r = 0; r < ROWS; r++) {
      Truth truth = Truth.of(Arrays.copyOfRange(x, r * CLASSES, (r + 1) * CLASSES));
      sum = sum.plus(truth.loss(loss.target(r)).times(loss.factor(r)));
    }
    return sum;
  }

  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("cases")
  void nll(Backend backend, LossCase loss) {
    float[] logs = LossCase.logits();
    float[] dl = nllGradient(backend, loss, logs);
    for (int i = 0; i < logs.length; i++) {
      int row = i / CLASSES;
      double slope = Slope.of(moved -> nll(loss, moved), logs, i);
      double q = Math.abs(loss.target(row).of(i % CLASSES).high());
      assertClose(dl[i], slope, 1.001, Math.abs(loss.factor(row)) * q + 1e-12);
    }
  }

  private static float[] nllGradient(Backend backend, LossCase loss, float[] x) {
    NllLoss.Builder builder =
        NllLoss.builder()
            .labelSmoothing(loss.smoothing())
            .reduction(loss.reduction())
            .gradientScale(loss.scale())
            .execution(Execution.defaults().withBackend(backend));
    if (loss.ignored() != null) {
      builder.ignoreIndex(loss.ignored());
    }
    if (loss.denominator() != 0) {
      builder.denominator(loss.denominator());
    }
    NllLoss operation = builder.build();
    Tensor logs = Tensor.of(x, ROWS, CLASSES);
    float[] dl = new float[x.length];
    Tensor gradient = Tensor.of(dl, ROWS, CLASSES);
    if (!loss.upstream()) {
      operation.forwardBackward(logs, loss.targets(), gradient);
      return dl;
    }
    LossOutputs saved = LossOutputs.create();
    operation.on(logs, loss.targets()).outputs(saved).run();
    operation.onBackward(gradient, loss.targets(), saved, loss.upstreams(), gradient).run();
    return dl;
  }

  private static DoubleDouble nll(LossCase loss, DoubleDouble[] logs) {
    DoubleDouble sum = DoubleDouble.ZERO;
    for (int i = 0; i < logs.length; i++) {
      int row = i / CLASSES;
      DoubleDouble term = loss.target(row).of(i % CLASSES).times(logs[i]);
      sum = sum.minus(term.times(loss.factor(row)));
    }
    return sum;
  }
}

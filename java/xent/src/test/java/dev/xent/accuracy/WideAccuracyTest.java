// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.Execution;
import dev.xent.LogSoftmax;
import dev.xent.LossOutputs;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.options.Backend;
import dev.xent.options.Reduction;
import dev.xent.options.Smoothing;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import java.util.function.IntToDoubleFunction;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Float64: every result against double-double arithmetic, within the promises of
 * conformance/bounds.md.
 *
 * <p>{@code -Dxent.long=true} (profile {@code long}): twenty times the rows.
 */
@org.junit.jupiter.api.parallel.Execution(ExecutionMode.CONCURRENT)
class WideAccuracyTest {
  private static final int ROUNDS = Boolean.getBoolean("xent.long") ? 20 : 1;
  private static final int[] CLASSES = {
    1, 2, 3, 5, 10, 16, 33, 100, 127, 128, 129, 300, 1000, 1024, 1025, 5000, 8193, 20_000
  };
  private static final double[] SPREADS = {1e-6, 1e-2, 1, 5, 30, 200};

  /** Below it a double has not all its digits, and a term of a sum may be lost. */
  private static final double FAINT = 1e-280;

  private final Measures measures = new Measures();
  private final Measure softmax = measures.add("softmax", "ulp", 6);
  private final Measure logSoftmax = measures.add("log-softmax", "ulp of max(1, |y|, |x-M|)", 4);
  private final Measure logSumExp = measures.add("log-sum-exp", "1e-15 + 1 ulp", 1);
  private final Measure loss = measures.add("loss, label", "relative", 1e-15);
  private final Measure gradient = measures.add("gradient, label, others", "relative", 1e-15);
  private final Measure labelGradient =
      measures.add("gradient, label, its class", "relative", 1e-15);
  private final Measure smoothed = measures.add("loss, smoothing", "sum q'(lse - x)", 2e-15);
  private final Measure ofOthers =
      measures.add("loss, smoothing of others", "sum q'(lse - x)", 2e-15);
  private final Measure weighted = measures.add("loss, class weights", "sum w q'(lse - x)", 2e-15);
  private final Measure soft = measures.add("loss, probabilities", "sum q'(lse - x)", 2e-15);
  private final Measure softGradient =
      measures.add("gradient, probabilities", "p sum q + q", 1e-15);

  @ParameterizedTest
  @EnumSource(
      value = Backend.class,
      names = {"NATIVE", "REFERENCE"})
  void promisesHold(Backend backend) {
    for (int round = 0; round < ROUNDS; round++) {
      SplittableRandom random = new SplittableRandom(1000 + round);
      for (int classes : CLASSES) {
        for (double spread : SPREADS) {
          take(backend, "random, spread " + spread, normal(classes, spread, random), random);
        }
        take(backend, "offset 20000", shifted(normal(classes, 3, random), 20_000), random);
        take(backend, "offset -1e6", shifted(normal(classes, 3, random), -1e6), random);
      }
      for (int gap = 1; gap < 600; gap += 7) {
        take(backend, "gap " + gap, raised(normal(1 + gap % 40, 0.5, random), gap), random);
        take(backend, "gap -" + gap, raised(normal(2 + gap % 40, 0.5, random), -gap), random);
      }
    }
    System.out.println("Accuracy in float64, backend " + backend);
    System.out.println(Measure.header());
    measures.all().forEach(System.out::println);
    SoftAssertions all = new SoftAssertions();
    measures
        .all()
        .forEach(each -> all.assertThat(each.isMeasured() && each.holds()).as("%s", each).isTrue());
    all.assertAll();
  }

  private static double[] normal(int classes, double spread, SplittableRandom random) {
    double[] x = new double[classes];
    for (int k = 0; k < classes; k++) {
      x[k] = spread * random.nextGaussian();
    }
    return x;
  }

  private static double[] shifted(double[] x, double offset) {
    for (int k = 0; k < x.length; k++) {
      x[k] += offset;
    }
    return x;
  }

  private static double[] raised(double[] x, double gap) {
    x[0] = gap;
    return x;
  }

  private void take(Backend backend, String kind, double[] x, SplittableRandom random) {
    int classes = x.length;
    int label = kind.startsWith("gap") ? 0 : random.nextInt(classes);
    Row row = new Row(kind + ", " + classes + " classes", new float[0], label, new float[0], 0, 1);
    DoubleDouble[] exact = new DoubleDouble[classes];
    double[] q = new double[classes];
    double[] weights = new double[classes];
    for (int k = 0; k < classes; k++) {
      exact[k] = DoubleDouble.of(x[k]);
      q[k] = random.nextDouble() / classes;
      weights[k] = random.nextDouble(0.1, 3);
    }
    Truth truth = Truth.of(exact);
    try (Arena arena = Arena.ofConfined()) {
      Case c = new Case(arena, backend, tensor(arena, x), classes);
      takeSoftmax(c, row, truth);
      takeLabel(c, row, truth);
      takeTargets(c, row, truth, q, weights);
    }
  }

  private void takeSoftmax(Case c, Row row, Truth truth) {
    double[] y = c.softmax();
    double[] log = c.logSoftmax();
    for (int k = 0; k < y.length; k++) {
      double expected = truth.softmax(k).high();
      if (expected > FAINT) {
        softmax.add(error(y[k], expected, Math.ulp(expected)), row, k);
      }
      double l = truth.logSoftmax(k).high();
      double size = Math.max(1, Math.max(Math.abs(l), truth.belowMax(k)));
      logSoftmax.add(error(log[k], l, Math.ulp(size)), row, k);
    }
  }

  private void takeLabel(Case c, Row row, Truth truth) {
    Result result = c.crossEntropy(CrossEntropy.builder(), Tensor.of(new int[] {row.label()}));
    double lse = truth.logSumExp().high();
    logSumExp.add(error(result.logSumExp, lse, 1e-15 + Math.ulp(lse)), row, 0);
    double expected = truth.loss(row.label()).high();
    if (expected > FAINT) {
      loss.add(error(result.loss, expected, expected), row, row.label());
    }
    for (int k = 0; k < truth.classes(); k++) {
      boolean own = k == row.label();
      double slope = own ? -truth.missing(k).high() : truth.softmax(k).high();
      if (Math.abs(slope) > FAINT) {
        (own ? labelGradient : gradient)
            .add(error(result.gradient[k], slope, Math.abs(slope)), row, k);
      }
    }
  }

  private void takeTargets(Case c, Row row, Truth truth, double[] q, double[] weights) {
    int classes = truth.classes();
    double eps = 0.1;
    Tensor label = Tensor.of(new int[] {row.label()});
    IntToDoubleFunction uniform = k -> eps / classes + (k == row.label() ? 1 - eps : 0);
    Result result = c.crossEntropy(CrossEntropy.builder().labelSmoothing(eps), label);
    takeLoss(smoothed, result, uniform, row, truth);
    if (classes > 1) {
      IntToDoubleFunction others = k -> k == row.label() ? 1 - eps : eps / (classes - 1);
      CrossEntropy.Builder builder =
          CrossEntropy.builder().labelSmoothing(eps).smoothing(Smoothing.OTHERS);
      takeLoss(ofOthers, c.crossEntropy(builder, label), others, row, truth);
    }
    CrossEntropy.Builder byClass =
        CrossEntropy.builder().labelSmoothing(eps).classWeights(tensor(c.arena, weights));
    takeLoss(
        weighted,
        c.crossEntropy(byClass, label),
        k -> weights[k] * uniform.applyAsDouble(k),
        row,
        truth);
    Result ofSoft = c.crossEntropy(CrossEntropy.builder(), tensor(c.arena, q).reshape(1, classes));
    takeLoss(soft, ofSoft, k -> q[k], row, truth);
    DoubleDouble mass = DoubleDouble.ZERO;
    for (double each : q) {
      mass = mass.plus(each);
    }
    for (int k = 0; k < classes; k++) {
      DoubleDouble pulled = truth.softmax(k).times(mass);
      if (pulled.high() > FAINT) {
        double expected = pulled.plus(-q[k]).high();
        softGradient.add(error(ofSoft.gradient[k], expected, pulled.high() + q[k]), row, k);
      }
    }
  }

  private static void takeLoss(
      Measure measure, Result result, IntToDoubleFunction targets, Row row, Truth truth) {
    DoubleDouble expected = DoubleDouble.ZERO;
    for (int k = 0; k < truth.classes(); k++) {
      expected = expected.minus(truth.logSoftmax(k).times(targets.applyAsDouble(k)));
    }
    measure.add(
        error(result.loss, expected.high(), Math.max(expected.high(), FAINT)), row, row.label());
  }

  private static double error(double actual, double expected, double size) {
    return actual == expected ? 0 : Math.abs(actual - expected) / size;
  }

  private static Tensor tensor(Arena arena, double[] values) {
    Tensor tensor = Tensor.allocate(arena, DType.F64, values.length);
    tensor.segment().copyFrom(MemorySegment.ofArray(values));
    return tensor;
  }

  private record Result(double loss, double logSumExp, double[] gradient) {}

  /** One row on one backend. */
  private record Case(Arena arena, Backend backend, Tensor x, int classes) {

    private Tensor empty() {
      return Tensor.allocate(arena, DType.F64, classes);
    }

    double[] softmax() {
      Tensor y = empty();
      Softmax.builder().execution(Execution.defaults().withBackend(backend)).build().forward(x, y);
      return y.segment().toArray(ValueLayout.JAVA_DOUBLE);
    }

    double[] logSoftmax() {
      Tensor y = empty();
      LogSoftmax.builder()
          .execution(Execution.defaults().withBackend(backend))
          .build()
          .forward(x, y);
      return y.segment().toArray(ValueLayout.JAVA_DOUBLE);
    }

    Result crossEntropy(CrossEntropy.Builder builder, Tensor targets) {
      Tensor losses = Tensor.allocate(arena, DType.F64, 1);
      Tensor lse = Tensor.allocate(arena, DType.F64, 1);
      Tensor gradient = empty();
      builder
          .execution(Execution.defaults().withBackend(backend))
          .reduction(Reduction.SUM)
          .build()
          .on(x.reshape(1, classes), targets, gradient.reshape(1, classes))
          .outputs(LossOutputs.create().losses(losses).logSumExp(lse))
          .run();
      return new Result(
          losses.segment().get(ValueLayout.JAVA_DOUBLE, 0),
          lse.segment().get(ValueLayout.JAVA_DOUBLE, 0),
          gradient.segment().toArray(ValueLayout.JAVA_DOUBLE));
    }
  }
}

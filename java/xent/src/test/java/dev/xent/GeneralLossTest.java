// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.xent.options.Backend;
import dev.xent.options.Reduction;
import dev.xent.options.Smoothing;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Cross-entropy with weights, masks, sinks, options, all kinds of targets, types, layouts and
 * outputs, drawn at random and compared with plain double arithmetic.
 *
 * <p>{@code -Dxent.long=true} (profile {@code long}): ten times the cases.
 */
@org.junit.jupiter.api.parallel.Execution(ExecutionMode.CONCURRENT)
class GeneralLossTest {
  private static final int CASES = Boolean.getBoolean("xent.long") ? 600 : 60;

  /** One call: logits of shape [rows, classes, inner], and the other tensors that it reads. */
  private static final class Case {
    private final SplittableRandom random;
    final int rows;
    final int classes;
    final int inner;
    final DType type;
    final TargetsOf targets;
    final double tolerance;

    final Tensor logits;
    final Tensor target;
    final LossRow[] truth;
    final boolean[] ignored;
    Inputs inputs = Inputs.none();
    int[][] sparse;
    Tensor classWeights;
    double denominator;
    final CrossEntropy.Builder builder = CrossEntropy.builder().axis(1);

    enum TargetsOf {
      LABELS,
      PROBABILITIES,
      SPARSE
    }

    Case(long seed, DType type) {
      random = new SplittableRandom(seed);
      this.type = type;
      rows = random.nextInt(1, 5);
      inner = random.nextBoolean() ? 1 : random.nextInt(1, 20);
      classes = random.nextInt(4) == 0 ? random.nextInt(1, 4) : random.nextInt(4, 300);
      targets = TargetsOf.values()[random.nextInt(3)];
      tolerance =
          type == DType.F64 ? 1e-12 : type == DType.F32 ? 2e-5 : type == DType.F16 ? 4e-3 : 3e-2;
      logits = tensor(type, rows, classes, inner);
      fill(logits, 3);
      truth = new LossRow[rows * inner];
      ignored = new boolean[rows * inner];
      for (int r = 0; r < truth.length; r++) {
        truth[r] = new LossRow(row(logits, r));
      }
      target = takeTargets();
      takeInputs();
      takeOptions();
    }

    /** Off the heap or on it, without gaps or with. */
    Tensor tensor(DType of, long... shape) {
      long[] wider = shape.clone();
      boolean gaps = random.nextInt(3) == 0;
      if (gaps) {
        wider[wider.length - 1] += 3;
      }
      long elements = Arrays.stream(wider).reduce(1, (a, b) -> a * b);
      MemorySegment memory =
          random.nextBoolean()
              ? Arena.ofAuto().allocate(elements * 8 + 8, 8)
              : MemorySegment.ofArray(new long[(int) elements + 1]);
      Tensor whole = Tensor.of(memory, of, wider);
      return gaps ? whole.slice(shape.length - 1, 2, shape[shape.length - 1] + 2) : whole;
    }

    void fill(Tensor tensor, double spread) {
      long[] shape = tensor.shape();
      long[] index = new long[shape.length];
      for (long i = 0; i < tensor.elements(); i++) {
        tensor.setDouble(random.nextGaussian() * spread, index);
        next(index, shape);
      }
    }

    static void next(long[] index, long[] shape) {
      for (int d = shape.length - 1; d >= 0 && ++index[d] == shape[d]; d--) {
        index[d] = 0;
      }
    }

    double[] row(Tensor tensor, int r) {
      int count = (int) tensor.dim(1);
      double[] values = new double[count];
      for (int k = 0; k < count; k++) {
        values[k] = tensor.getDouble(r / inner, k, r % inner);
      }
      return values;
    }

    private Tensor takeTargets() {
      if (targets == TargetsOf.LABELS) {
        int[] labels = new int[rows * inner];
        for (int r = 0; r < labels.length; r++) {
          labels[r] = random.nextInt(classes);
          truth[r].label = labels[r];
        }
        return Tensor.of(labels, rows, inner);
      }
      if (targets == TargetsOf.PROBABILITIES) {
        Tensor tensor = tensor(random.nextBoolean() ? type : DType.F32, rows, classes, inner);
        for (int r = 0; r < truth.length; r++) {
          for (int k = 0; k < classes; k++) {
            double q = random.nextInt(3) == 0 ? 0 : random.nextDouble() / classes;
            tensor.setDouble(q, r / inner, k, r % inner);
          }
          truth[r].targets = row(tensor, r);
        }
        return tensor;
      }
      int count = random.nextInt(1, 6);
      Tensor weights = tensor(DType.F32, rows, count, inner);
      long[] numbers = new long[rows * count * inner];
      sparse = new int[rows * inner][count];
      for (int r = 0; r < truth.length; r++) {
        truth[r].targets = new double[classes];
        for (int j = 0; j < count; j++) {
          int k = random.nextInt(classes);
          weights.setDouble(
              random.nextInt(4) == 0 ? 0 : random.nextDouble(), r / inner, j, r % inner);
          numbers[(r / inner * count + j) * inner + r % inner] = k;
          sparse[r][j] = k;
          truth[r].targets[k] += weights.getDouble(r / inner, j, r % inner);
        }
      }
      inputs = inputs.withTargetWeights(weights);
      return Tensor.of(numbers, rows, count, inner);
    }

    private boolean isTarget(int r, int k) {
      return sparse == null
          ? truth[r].label == k
          : Arrays.stream(sparse[r]).anyMatch(each -> each == k);
    }

    private void takeInputs() {
      if (random.nextBoolean()) {
        Tensor mask = tensor(DType.U8, rows, classes, inner);
        for (int r = 0; r < truth.length; r++) {
          truth[r].mask = new boolean[classes];
          boolean any = false;
          for (int k = 0; k < classes; k++) {
            truth[r].mask[k] = random.nextInt(3) != 0 || isTarget(r, k);
            any |= truth[r].mask[k];
          }
          truth[r].mask[0] |= !any;
          for (int k = 0; k < classes; k++) {
            if (truth[r].mask[k]) {
              flag(mask, r, k);
            }
          }
        }
        inputs = inputs.withClassMask(mask);
      }
      if (random.nextBoolean()) {
        boolean one = random.nextBoolean();
        Tensor sink = one ? tensor(type, 1, 1, 1) : tensor(type, rows, 1, inner);
        fill(sink, 2);
        inputs = inputs.withSink(sink);
        for (int r = 0; r < truth.length; r++) {
          truth[r].sink = one ? sink.getDouble(0, 0, 0) : sink.getDouble(r / inner, 0, r % inner);
        }
      }
      if (random.nextBoolean()) {
        Tensor weights = tensor(type == DType.F64 ? DType.F64 : DType.F32, rows, inner);
        for (int r = 0; r < truth.length; r++) {
          ignored[r] = random.nextInt(4) == 0;
          double u = ignored[r] ? 0 : random.nextInt(1, 5) / 2.0;
          weights.setDouble(u, r / inner, r % inner);
          truth[r].rowWeight = u;
        }
        inputs = inputs.withRowWeights(weights);
      }
      if (random.nextBoolean()) {
        classWeights = tensor(DType.F32, classes);
        for (int k = 0; k < classes; k++) {
          classWeights.setDouble(random.nextInt(5) == 0 ? 0 : random.nextDouble(), k);
        }
        for (LossRow each : truth) {
          each.classWeights = classWeights.toDoubleArray();
        }
        builder.classWeights(classWeights);
      }
      for (LossRow each : truth) {
        double w = each.label < 0 || classWeights == null ? 1 : each.classWeights[each.label];
        denominator += each.rowWeight * w;
      }
    }

    private static void flag(Tensor mask, int r, int k) {
      long inner = mask.dim(2);
      long[] strides = mask.strides();
      mask.segment()
          .set(
              ValueLayout.JAVA_BYTE,
              r / inner * strides[0] + k * strides[1] + r % inner * strides[2],
              (byte) 7);
    }

    private void takeOptions() {
      boolean labels = targets == TargetsOf.LABELS;
      double smoothing = random.nextBoolean() ? 0 : random.nextInt(1, 9) / 8.0;
      boolean others = labels && random.nextBoolean();
      double clamp = smoothing == 0 && random.nextBoolean() ? 0.125 : 0;
      double temperature = random.nextBoolean() ? 1 : random.nextInt(1, 7) / 2.0;
      double softcap = random.nextBoolean() ? 0 : random.nextInt(2, 30);
      double zLoss = random.nextBoolean() ? 0 : random.nextDouble() / 8;
      builder.labelSmoothing(smoothing).temperature(temperature).zLoss(zLoss);
      if (others) {
        builder.smoothing(Smoothing.OTHERS);
      }
      if (clamp > 0) {
        builder.probabilityClamp(clamp);
      }
      if (softcap > 0) {
        builder.softcap(softcap);
      }
      for (LossRow each : truth) {
        each.smoothing = smoothing;
        each.others = others;
        each.clamp = clamp;
        each.temperature = temperature;
        each.softcap = softcap;
        each.zLoss = zLoss;
      }
    }
  }

  private static void isNear(String what, Case c, double actual, double expected) {
    double scale = Math.max(1, Math.abs(expected));
    assertThat(actual).as(what).isCloseTo(expected, within(c.tolerance * scale));
  }

  @OnEveryBackend
  void float32(Backend backend) {
    all(backend, DType.F32);
  }

  @OnEveryBackend
  void float16(Backend backend) {
    all(backend, DType.F16);
  }

  @OnEveryBackend
  void bfloat16(Backend backend) {
    all(backend, DType.BF16);
  }

  @OnEveryBackend
  void float64(Backend backend) {
    all(backend, DType.F64);
  }

  private static void all(Backend backend, DType type) {
    for (int seed = 0; seed < CASES; seed++) {
      Case c = new Case(1000L * (type.ordinal() + 1) + seed, type);
      try {
        check(c, backend);
      } catch (AssertionError e) {
        throw new AssertionError("case " + seed + " of " + type + ": " + e.getMessage(), e);
      }
    }
  }

  private static void check(Case c, Backend backend) {
    CrossEntropy loss =
        c.builder
            .execution(Execution.defaults().withBackend(backend))
            .reduction(Reduction.MEAN)
            .build();
    boolean labels = c.targets == Case.TargetsOf.LABELS;
    int rows = c.rows * c.inner;
    int top = Math.min(c.classes, 3);
    Tensor losses = c.tensor(c.type, c.rows, c.inner);
    Tensor lse = c.tensor(c.type, c.rows, 1, c.inner);
    DType exact = c.type == DType.F64 ? DType.F64 : DType.F32;
    Tensor entropies = c.tensor(exact, c.rows, c.inner);
    Tensor logProbabilities = c.tensor(exact, c.rows, c.inner);
    Tensor argmax = c.tensor(DType.I64, c.rows, c.inner);
    Tensor ranks = c.tensor(DType.I32, c.rows, c.inner);
    Tensor topClasses = c.tensor(DType.I32, c.rows, top, c.inner);
    Tensor topLog = c.tensor(c.type, c.rows, top, c.inner);
    Tensor hits = c.tensor(DType.U8, c.rows, c.inner);
    Tensor gradient = c.tensor(c.type, c.rows, c.classes, c.inner);
    Tensor targetGradient = labels ? null : c.tensor(exact, c.target.shape());
    LossOutputs outcome =
        LossOutputs.create()
            .losses(losses)
            .logSumExp(lse)
            .entropies(entropies)
            .argmax(argmax)
            .topClasses(topClasses)
            .topLogProbabilities(topLog)
            .targetGradient(targetGradient)
            .saveStatistics();
    if (labels) {
      outcome.logProbabilities(logProbabilities).ranks(ranks).correct(hits);
    }
    double mean = loss.on(c.logits, c.target, gradient).inputs(c.inputs).outputs(outcome).run();

    double denominator = c.denominator;
    isNear("denominator", c, outcome.denominator(), denominator);
    long counted = 0;
    double sum = 0;
    for (int r = 0; r < rows; r++) {
      int o = r / c.inner;
      int i = r % c.inner;
      LossRow truth = c.truth[r];
      if (c.ignored[r]) {
        assertThat(losses.getDouble(o, i)).isZero();
        assertThat(lse.getDouble(o, 0, i)).isNaN();
        assertThat(argmax.getLong(o, i)).isEqualTo(-1);
        continue;
      }
      counted++;
      sum += truth.loss();
      isNear("loss " + r, c, losses.getDouble(o, i), truth.loss());
      isNear("log-sum-exp", c, lse.getDouble(o, 0, i), truth.logSumExp());
      isNear("entropy", c, entropies.getDouble(o, i), truth.entropy());
      List<Integer> order = truth.order();
      assertThat(argmax.getLong(o, i)).as("argmax").isEqualTo((long) order.get(0));
      for (int j = 0; j < top; j++) {
        boolean there = j < order.size();
        assertThat(topClasses.getLong(o, j, i)).isEqualTo(there ? order.get(j) : -1);
        if (there) {
          isNear("top", c, topLog.getDouble(o, j, i), truth.logProbability(order.get(j)));
        } else {
          assertThat(topLog.getDouble(o, j, i)).isEqualTo(Double.NEGATIVE_INFINITY);
        }
      }
      if (labels) {
        isNear("log-probability", c, logProbabilities.getDouble(o, i), truth.logProbability());
        assertThat(ranks.getLong(o, i)).as("rank").isEqualTo((long) order.indexOf(truth.label));
        assertThat(hits.getLong(o, i)).isEqualTo(order.get(0) == truth.label ? 1 : 0);
      }
    }
    assertThat(outcome.validRows()).isEqualTo(counted);
    isNear("sum", c, outcome.sum(), sum);
    if (denominator != 0) {
      isNear("mean", c, mean, sum / denominator);
      checkGradients(c, gradient, targetGradient, denominator);
      checkBackward(c, loss, outcome, gradient);
    }
  }

  private static void checkGradients(
      Case c, Tensor gradient, Tensor targetGradient, double denominator) {
    for (int r = 0; r < c.rows * c.inner; r++) {
      int o = r / c.inner;
      int i = r % c.inner;
      double[] expected = c.ignored[r] ? new double[c.classes] : c.truth[r].gradient();
      for (int k = 0; k < c.classes; k++) {
        isNear("gradient", c, gradient.getDouble(o, k, i), expected[k] / denominator);
      }
      if (targetGradient == null) {
        continue;
      }
      double[] ofTargets = c.ignored[r] ? new double[c.classes] : c.truth[r].targetGradient();
      for (int j = 0; j < targetGradient.dim(1); j++) {
        int k = c.sparse == null ? j : c.sparse[r][j];
        isNear("target gradient", c, targetGradient.getDouble(o, j, i), ofTargets[k] / denominator);
      }
    }
  }

  /** A backward from the statistics has the same bits, also if it overwrites the logits. */
  private static void checkBackward(Case c, CrossEntropy loss, LossOutputs saved, Tensor gradient) {
    Tensor again = c.tensor(c.type, c.rows, c.classes, c.inner);
    loss.onBackward(c.logits, c.target, saved, null, again).inputs(c.inputs).run();
    assertThat(bits(again)).isEqualTo(bits(gradient));
    loss.onBackward(c.logits, c.target, saved, null, c.logits).inputs(c.inputs).run();
    assertThat(bits(c.logits)).isEqualTo(bits(gradient));
  }

  private static long[] bits(Tensor tensor) {
    return Arrays.stream(tensor.toDoubleArray()).mapToLong(Double::doubleToRawLongBits).toArray();
  }
}

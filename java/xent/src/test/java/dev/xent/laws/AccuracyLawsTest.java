// SPDX-License-Identifier: Apache-2.0
package dev.xent.laws;

import dev.xent.DType;
import dev.xent.laws.Computer.Loss;
import dev.xent.laws.Options.Beside;
import dev.xent.laws.Options.Targets;
import dev.xent.options.FullyMasked;
import java.util.Arrays;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/**
 * Equations of the mathematics, each within what is promised of its two sides. What a law adds up
 * itself is in double, and each of its additions may be off by 2^-53 of the sum so far.
 */
class AccuracyLawsTest extends Laws {
  private static final double DOUBLE = 0x1p-53;

  /** Logits as they are, and losses by their formula alone. */
  private static Sample bare(Sample drawn, boolean sink) {
    Options options = drawn.options().withLogits(0, 0, 0).withClamp(0).withMean(false);
    Beside beside = options.beside();
    return drawn.with(
        options.with(
            new Beside(
                beside.mask(),
                beside.rowWeights(),
                sink ? beside.sink() : 0,
                beside.classWeights())));
  }

  private static boolean isEmpty(Batch batch, int r) {
    for (int k = 0; k < batch.classes(r); k++) {
      if (batch.takesPart(r, k)) {
        return false;
      }
    }
    return true;
  }

  private static double max(Batch batch, int r) {
    double max = Double.NEGATIVE_INFINITY;
    for (int k = 0; k < batch.classes(r); k++) {
      max = batch.takesPart(r, k) ? Math.max(max, batch.logits[r][k]) : max;
    }
    return max;
  }

  // ---- shifts ----------------------------------------------------------------------------------

  /** Multiples of a step, so that adding one to another is exact. */
  private static Batch onGrid(Batch batch, double step, int most) {
    Batch.Change toGrid =
        (r, k, x) -> {
          double places = Math.rint(x * most / 16);
          return step * Math.clamp(places, -most, most);
        };
    Batch result = batch.logits(toGrid);
    if (batch.sink != null) {
      result.sink =
          Arrays.stream(batch.sink)
              .map(x -> step * Math.clamp(Math.rint(x * most / 16), -most, most))
              .toArray();
    }
    return result;
  }

  private static Batch shifted(Batch batch, double by) {
    Batch result = batch.logits((r, k, x) -> x + by);
    if (batch.sink != null) {
      result.sink = Arrays.stream(batch.sink).map(x -> x + by).toArray();
    }
    return result;
  }

  /**
   * Logits whose largest is beyond 16384 have it subtracted, which is exact here: so every bit is
   * that of the same logits anywhere else out there, and log-sum-exp moves along.
   */
  @Property(tries = 60)
  void shiftsBeyondTheLimit(@ForAll("tame") Sample drawn) {
    Sample sample = bare(drawn, true);
    double step =
        switch (sample.type()) {
          case F16 -> 32;
          case BF16 -> 512;
          case F32 -> 0x1p-3;
          default -> 0x1p-20;
        };
    double far = 40_960;
    Batch grid = onGrid(Batch.of(sample), step, 16);
    Batch low = shifted(grid, -far);
    Batch high = shifted(grid, far);
    Tier tier = Tier.of(sample);
    Promise promise = new Promise(sample);
    try (Computer one = new Computer(low, tier);
        Computer other = new Computer(high, tier)) {
      String what = "shift by " + 2 * far + " of " + sample;
      assertSame(what + ": softmax", other.softmax(), one.softmax());
      assertSame(what + ": log-softmax", other.logSoftmax(), one.logSoftmax());
      Loss expected = one.loss();
      Loss got = other.loss();
      Output lows = expected.arrays.remove("log-sum-exp");
      Output highs = got.arrays.remove("log-sum-exp");
      assertSame(what, got.arrays, expected.arrays);
      for (int r = 0; r < grid.rows; r++) {
        double bound =
            promise.logSumExp(lows.value(r))
                + promise.logSumExp(highs.value(r))
                + promise.rounding(lows.value(r))
                + promise.rounding(highs.value(r));
        if (!isEmpty(grid, r)) {
          assertWithin(what, highs.value(r), lows.value(r) + 2 * far, bound);
        }
      }
    }
  }

  /** Nearer logits are not shifted: both sides are within what is promised of each. */
  @Property(tries = 60)
  void shiftsWithinTheLimit(@ForAll("tame") Sample drawn) {
    Sample sample = bare(drawn, true);
    Options options = sample.options().withTargets(Targets.LABELS).withSmoothing(0);
    Beside beside = options.beside();
    sample =
        sample.with(
            options.with(new Beside(beside.mask(), beside.rowWeights(), beside.sink(), false)));
    int digits = Numbers.digits(sample.type());
    double step = Math.scalb(1.0, 8 - digits);
    int most = 1 << Math.min(digits - 3, 24);
    double by = step * most * (1 + Math.floorMod(sample.seed(), 3)) * (sample.seed() % 2 * 2 - 1);
    Batch grid = onGrid(Batch.of(sample), step, most);
    Tier tier = Tier.of(sample);
    Promise promise = new Promise(sample);
    try (Computer one = new Computer(grid, tier);
        Computer other = new Computer(shifted(grid, by), tier)) {
      String what = "shift by " + by + " of " + sample;
      Output p = one.softmax();
      Output moved = other.softmax();
      Output logs = one.logSoftmax();
      Output movedLogs = other.logSoftmax();
      for (int r = 0, at = 0; r < grid.rows; r++) {
        double max = max(grid, r);
        for (int k = 0; k < grid.classes(r); k++, at++) {
          double q = p.value(at);
          double y = logs.value(at);
          double below = max - grid.logits[r][k];
          assertWithin(what, moved.value(at), q, 2 * (promise.softmax(q) + promise.rounding(q)));
          assertWithin(
              what,
              movedLogs.value(at),
              y,
              2 * (promise.logSoftmax(y, below) + promise.rounding(y)));
        }
      }
      Output losses = one.loss().get("losses");
      Output movedLosses = other.loss().get("losses");
      for (int r = 0; r < grid.rows; r++) {
        double loss = losses.value(r);
        double bound =
            2.001 * (promise.lossOfLabel(loss, grid.classes(r)) + promise.rounding(loss));
        assertWithin(what, movedLosses.value(r), loss, bound);
      }
    }
  }

  // ---- sums ------------------------------------------------------------------------------------

  @Property(tries = 80)
  void probabilitiesSumToOne(@ForAll("samples") Sample drawn) {
    Sample sample = bare(drawn, false);
    sample =
        sample.with(
            sample
                .options()
                .withLogits(drawn.options().temperature(), drawn.options().softcap(), 0));
    Batch batch = Batch.of(sample);
    Output y = Computer.compute(batch, Tier.of(sample), Computer::softmax);
    String what = "sums of rows of softmax of " + sample;
    for (int r = 0, at = 0; r < batch.rows; at += batch.classes(r++)) {
      Promise promise = new Promise(sample);
      double sum = 0;
      double bound = 0;
      for (int k = 0; k < batch.classes(r); k++) {
        double p = y.value(at + k);
        sum += p;
        bound += promise.softmax(p) * 1.0001 + promise.rounding(p) + DOUBLE;
      }
      boolean nothing = Double.isNaN(sum) || sum == 0 && isNothing(batch, r);
      if (!nothing) {
        assertWithin(what, sum, 1, bound);
      }
    }
  }

  /** Whether all classes are masked or -inf, as a temperature can make them. */
  private static boolean isNothing(Batch batch, int r) {
    Options options = batch.sample.options();
    double max = isEmpty(batch, r) ? Double.NEGATIVE_INFINITY : max(batch, r);
    if (options.temperature() != 0 && options.softcap() == 0) {
      DType arithmetic = batch.sample.isWide() ? DType.F64 : DType.F32;
      max = Numbers.round(arithmetic, max / options.temperature());
    }
    return max == Double.NEGATIVE_INFINITY;
  }

  /** What the targets of a row sum to, in absolute value, at most. */
  private static double mass(Batch batch, int r) {
    Options options = batch.sample.options();
    double sum =
        switch (options.targets()) {
          case LABELS -> 1;
          case PROBABILITIES -> Arrays.stream(batch.probabilities[r]).map(Math::abs).sum();
          case SPARSE -> Arrays.stream(batch.entryWeights[r]).sum();
        };
    double weight =
        batch.classWeights == null ? 1 : Arrays.stream(batch.classWeights).max().orElse(1);
    double all = ((1 - options.smoothing()) * sum + options.smoothing()) * weight;
    return all * (batch.rowWeights == null ? 1 : batch.rowWeights[r]);
  }

  /**
   * What pulls logits up pulls others down as much. Each entry is promised to be within 5e-7 of c
   * (p sum |t| + |t|), which adds up to 2 c sum |t|.
   */
  @Property(tries = 80)
  void gradientsSumToZero(@ForAll("tame") Sample drawn) {
    Sample sample = bare(drawn, false);
    double temperature = drawn.options().temperature();
    sample = sample.with(sample.options().withLogits(temperature, 0, 0));
    Batch batch = Batch.of(sample);
    Output gradient = Computer.compute(batch, Tier.of(sample), Computer::loss).get("gradient");
    String what = "sums of rows of the gradient of " + sample;
    double scale = Math.abs(sample.options().gradientScale());
    scale = temperature == 0 ? scale : scale / temperature;
    for (int r = 0, at = 0; r < batch.rows; at += batch.classes(r++)) {
      Promise promise = new Promise(sample);
      double sum = 0;
      double sizes = 0;
      double bound = promise.gradient(2 * scale * mass(batch, r));
      for (int k = 0; k < batch.classes(r); k++) {
        double g = gradient.value(at + k);
        sum += g;
        sizes += Math.abs(g);
        bound += promise.rounding(g) + scale * 0x1p-134 + sizes * DOUBLE;
      }
      if (!Double.isNaN(sum)) {
        assertWithin(what, sum, 0, bound);
      }
    }
  }

  // ---- one operation and another ---------------------------------------------------------------

  @Property(tries = 60)
  void logSoftmaxIsLogitsLessLogSumExp(@ForAll("tame") Sample drawn) {
    Sample sample = bare(drawn, true);
    String what = "log-softmax of " + sample;
    Batch batch = Batch.of(sample);
    try (Computer computer = new Computer(batch, Tier.of(sample))) {
      Output y = computer.logSoftmax();
      Output sums = computer.logSumExp();
      for (int r = 0, at = 0; r < batch.rows; at += batch.classes(r++)) {
        Promise promise = new Promise(sample);
        double sum = sums.value(r);
        double max = max(batch, r);
        for (int k = 0; k < batch.classes(r) && max > Double.NEGATIVE_INFINITY; k++) {
          double x = batch.takesPart(r, k) ? batch.logits[r][k] : Double.NEGATIVE_INFINITY;
          double got = y.value(at + k);
          double bound =
              promise.logSoftmax(got, max - x)
                  + promise.logSumExp(sum)
                  + promise.rounding(got)
                  + promise.rounding(sum)
                  + DOUBLE * (Math.abs(x) + Math.abs(sum));
          assertWithin(what, got, x - sum, bound);
        }
      }
    }
  }

  /**
   * The loss of log-probabilities after a log-softmax is the cross-entropy. Its sum over the
   * targets runs in sixteen lanes, in double: each addition is off by at most 2^-53 of the terms.
   */
  @Property(tries = 60)
  void nllOfLogSoftmaxIsCrossEntropy(@ForAll("tame") Sample drawn) {
    DType type = drawn.isWide() ? DType.F64 : DType.F32;
    Sample sample = bare(drawn, true).withTypes(type, type);
    String what = "nll of log-softmax of " + sample;
    Batch batch = Batch.of(sample);
    Tier tier = Tier.of(sample);
    try (Computer computer = new Computer(batch, tier)) {
      Output y = computer.logSoftmax();
      int[] starts = new int[batch.rows + 1];
      for (int r = 0; r < batch.rows; r++) {
        starts[r + 1] = starts[r] + batch.classes(r);
      }
      Batch logs = batch.logits((r, k, x) -> y.value(starts[r] + k));
      Output losses = computer.loss().get("losses");
      Output nll = Computer.compute(logs, tier, Computer::nll).get("losses");
      for (int r = 0; r < batch.rows; r++) {
        if (isEmpty(batch, r)) {
          continue;
        }
        Promise promise = new Promise(sample);
        double most = 0;
        for (int k = 0; k < batch.classes(r); k++) {
          most = batch.takesPart(r, k) ? Math.max(most, -y.value(starts[r] + k)) : most;
        }
        double loss = losses.value(r);
        double additions = batch.classes(r) / 16 + batch.classes(r) / 8192 + 16;
        double bound =
            mass(batch, r) * (promise.logSoftmax(most, most) + additions * DOUBLE * most)
                + promise.lossOfTargets(mass(batch, r) * (most + 1))
                + Numbers.ulp(type, loss);
        assertWithin(what, nll.value(r), loss, bound);
      }
    }
  }

  /** The divergence from a teacher with probability 1 for a class is its cross-entropy. */
  @Property(tries = 60)
  void klOfOneClassIsCrossEntropy(@ForAll("tame") Sample drawn) {
    Sample sample = bare(drawn, false).rectangular();
    Options options = sample.options().withTargets(Targets.LABELS).withSmoothing(0);
    Beside beside = options.beside();
    options =
        options.withIgnores(false).with(new Beside(beside.mask(), beside.rowWeights(), 0, false));
    sample = sample.with(options);
    Batch batch = Batch.of(sample);
    batch.teacher =
        Batch.change(
            batch.logits, (r, k, x) -> k == batch.labels[r] ? 0 : Double.NEGATIVE_INFINITY);
    Promise promise = new Promise(sample);
    String what = "KL of one class of " + sample;
    try (Computer computer = new Computer(batch, Tier.of(sample))) {
      Output losses = computer.loss().get("losses");
      Output kl = computer.kl().get("losses");
      for (int r = 0; r < batch.rows; r++) {
        double loss = losses.value(r);
        double bound =
            promise.lossOfLabel(loss, batch.classes(r))
                + 1e-14 * (kl.value(r) + 1e-16)
                + Numbers.ulp(sample.result(), loss);
        assertWithin(what, kl.value(r), loss, bound);
      }
    }
  }

  /** From itself it is 0, and from anything else never below. */
  @Property(tries = 60)
  void klIsNeverBelowZero(@ForAll("samples") Sample drawn) {
    Sample sample = drawn.rectangular();
    Batch batch = Batch.of(sample);
    Batch itself = batch.copy();
    itself.teacher = batch.logits;
    Tier tier = Tier.of(sample);
    Loss any = Computer.compute(batch, tier, Computer::kl);
    Loss none = Computer.compute(itself, tier, Computer::kl);
    COMPARED.add(2L * batch.rows + batch.elements());
    for (int r = 0; r < batch.rows; r++) {
      double zero = none.get("losses").value(r);
      double loss = any.get("losses").value(r);
      if (loss < 0 || zero != 0 && !Double.isNaN(zero)) {
        throw new AssertionError("KL is " + loss + ", of itself " + zero + " of " + sample);
      }
    }
    for (int i = 0; i < none.get("gradient").size(); i++) {
      double g = none.get("gradient").value(i);
      if (g != 0 && !Double.isNaN(g)) {
        throw new AssertionError("KL of itself has a gradient of " + g + " of " + sample);
      }
    }
  }

  /** One class per row has the bits of its loss with the other sign. */
  @Property(tries = 60)
  void oneSelectedClassIsItsLoss(@ForAll("samples") Sample drawn) {
    Sample sample = drawn.with(drawn.options().withTargets(Targets.LABELS).withSmoothing(0));
    Options options = sample.options().withLogits(0, 0, 0).withClamp(0).withMean(false);
    Beside beside = options.beside();
    sample = sample.with(options.with(new Beside(beside.mask(), 0, beside.sink(), false)));
    Batch batch = Batch.of(sample);
    batch.entries =
        Arrays.stream(batch.labels).mapToObj(y -> new long[] {y}).toArray(long[][]::new);
    batch.entryWeights = new double[batch.rows][];
    Arrays.setAll(batch.entryWeights, r -> new double[] {-1});
    String what = "one selected class of " + sample;
    try (Computer computer = new Computer(batch, Tier.of(sample))) {
      Loss loss = computer.loss();
      Map<String, Output> selected = computer.selected();
      assertSame(what + ": gradient", selected.get("gradient"), loss.get("gradient"));
      for (int r = 0; r < batch.rows; r++) {
        double value = selected.get("log-probabilities").value(r);
        boolean isEmpty = options.fullyMasked() == FullyMasked.ZERO && Double.isInfinite(value);
        double expected = loss.get("losses").value(r);
        if (!isEmpty || expected != 0) {
          assertSame(what, Double.isNaN(value) ? Double.NaN : 0 - value, expected);
        }
      }
    }
  }

  // ---- ranges ----------------------------------------------------------------------------------

  private static void assertBetween(String what, Output output, double least, double most) {
    COMPARED.add(output.size());
    for (int i = 0; i < output.size(); i++) {
      double value = output.value(i);
      if (value < least || value > most) {
        throw new AssertionError(what + ", element " + i + " is " + value);
      }
    }
  }

  @Property(tries = 80)
  void ranges(@ForAll("samples") Sample drawn) {
    Sample sample = drawn.with(drawn.options().withTargets(Targets.LABELS).withScale(0));
    Batch batch = Batch.of(sample);
    double infinity = Double.POSITIVE_INFINITY;
    try (Computer computer = new Computer(batch, Tier.of(sample))) {
      assertBetween("softmax of " + sample, computer.softmax(), 0, 1);
      assertBetween("log-softmax of " + sample, computer.logSoftmax(), -infinity, 0);
      Loss loss = computer.loss();
      assertBetween("losses of " + sample, loss.get("losses"), 0, infinity);
      assertBetween("entropies of " + sample, loss.get("entropies"), 0, infinity);
      assertBetween("log-probabilities of " + sample, loss.get("log-probabilities"), -infinity, 0);
      String what = "hit, rank and argmax of " + sample;
      for (int r = 0; r < batch.rows; r++) {
        double hit = loss.get("correct").value(r);
        double rank = loss.get("ranks").value(r);
        double argmax = loss.get("argmax").value(r);
        assertSame(what, hit, rank == 0 ? 1 : 0);
        assertSame(what, hit, argmax == batch.labels[r] ? 1 : 0);
      }
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.laws;

import dev.xent.DType;
import dev.xent.laws.Computer.Loss;
import dev.xent.laws.Options.Beside;
import dev.xent.laws.Options.Targets;
import java.util.Arrays;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/**
 * Multiplying by a power of two rounds nothing, so results are multiplied too, or stay, in every
 * bit. If a number of the narrower type is subnormal, each side is rounded to half its spacing.
 */
class ScalingLawsTest extends Laws {
  /** From 1 to 8, never 0. */
  private static int power(Sample sample) {
    return 1 + Math.floorMod(sample.seed(), 8);
  }

  private static void assertScaled(String what, Output got, Output expected, int power) {
    COMPARED.add(got.size());
    double factor = Math.scalb(1.0, power);
    double least = Numbers.minNormal(got.type()) * Math.max(1, 1 / factor);
    double spacing = Numbers.ulp(got.type(), 0);
    for (int i = 0; i < got.size(); i++) {
      double value = got.value(i);
      // Beyond the largest number of the type it is infinite on both sides.
      double scaled = expected.value(i) * factor;
      if (Math.abs(scaled) > Numbers.max(got.type())) {
        scaled = Math.copySign(Double.POSITIVE_INFINITY, scaled);
      }
      // What is rounded to the least normal number may have been subnormal.
      boolean normal = Math.abs(expected.value(i)) > least && Math.abs(scaled) > least;
      double bound = normal ? 0 : spacing * (1 + factor) / 2;
      if (Double.compare(value, scaled) != 0 && !(Math.abs(value - scaled) <= bound)) {
        throw new AssertionError(
            "%s, element %d of %d is %s, expected %s times 2^%d"
                .formatted(what, i, got.size(), value, expected.value(i), power));
      }
    }
  }

  private static Sample withClassWeights(Sample drawn) {
    Options options = drawn.options();
    Beside beside = options.beside();
    return drawn.with(
        options
            .withLogits(options.temperature(), options.softcap(), 0)
            .withScale(0.25)
            .with(new Beside(beside.mask(), beside.rowWeights(), beside.sink(), true)));
  }

  private static Batch times(Batch batch, int power) {
    Batch scaled = batch.copy();
    scaled.classWeights =
        Arrays.stream(batch.classWeights).map(w -> Math.scalb(w, power)).toArray();
    return scaled;
  }

  /** A sum is multiplied with its weights; of labels, a mean over the weights stays. */
  @Property(tries = 60)
  void classWeights(@ForAll("tame") Sample drawn) {
    Sample sample = withClassWeights(drawn);
    Batch batch = Batch.of(sample);
    int power = power(sample) - 4;
    Tier tier = Tier.of(sample);
    Loss one = Computer.compute(batch, tier, Computer::loss);
    Loss other = Computer.compute(times(batch, power), tier, Computer::loss);
    String what = "class weights times 2^" + power + " of " + sample;
    boolean mean = sample.options().mean();
    boolean stays = mean && sample.options().isLabels();
    assertScaled(what + ": losses", other.get("losses"), one.get("losses"), power);
    assertScaled(
        what + ": gradient", other.get("gradient"), one.get("gradient"), stays ? 0 : power);
    assertScaled(what + ": loss", Output.of(other.loss), Output.of(one.loss), stays ? 0 : power);
  }

  @Property(tries = 60)
  void gradientScale(@ForAll("tame") Sample drawn) {
    Sample sample = drawn.with(drawn.options().withScale(0.25));
    int power = power(sample);
    double factor = Math.scalb(0.25, power);
    Sample scaled = sample.with(sample.options().withScale(factor));
    Sample negated = sample.with(sample.options().withScale(-0.25));
    Batch batch = Batch.of(sample);
    Tier tier = Tier.of(sample);
    Loss one = Computer.compute(batch, tier, Computer::loss);
    Loss other = Computer.compute(batch.with(scaled), tier, Computer::loss);
    Loss negative = Computer.compute(batch.with(negated), tier, Computer::loss);
    String what = "gradient scale times 2^" + power + " of " + sample;
    assertScaled(what, other.get("gradient"), one.get("gradient"), power);
    assertSame(what + ": losses", other.get("losses"), one.get("losses"));
    Output gradient = one.get("gradient");
    for (int i = 0; i < gradient.size(); i++) {
      double value = negative.get("gradient").value(i);
      // Rows that do not count, and classes that take no part, are +0 with every scale.
      COMPARED.increment();
      if (value != 0 && !Double.isNaN(value) && value != -gradient.value(i)) {
        throw new AssertionError(
            "gradient scale times -1 of %s: element %d is %s and %s"
                .formatted(sample, i, gradient.value(i), value));
      }
    }
  }

  @Property(tries = 60)
  void upstream(@ForAll("tame") Sample drawn) {
    Sample sample = drawn.with(drawn.options().withScale(0.25));
    int power = power(sample);
    Batch batch = Batch.of(sample);
    Batch scaled = batch.copy();
    scaled.rowUpstream = Arrays.stream(batch.rowUpstream).map(g -> Math.scalb(g, power)).toArray();
    scaled.upstream = Batch.change(batch.upstream, (r, k, g) -> Math.scalb(g, power));
    Tier tier = Tier.of(sample);
    try (Computer one = new Computer(batch, tier);
        Computer other = new Computer(scaled, tier)) {
      String what = "upstream times 2^" + power + " of " + sample;
      assertScaled(what + ": loss", other.backward(true), one.backward(true), power);
      assertScaled(what + ": softmax", other.softmaxBackward(), one.softmaxBackward(), power);
      assertScaled(
          what + ": log-softmax", other.logSoftmaxBackward(), one.logSoftmaxBackward(), power);
    }
  }

  /** Logits and a temperature, both times 2^j, have the same results, also from temperature 1. */
  @Property(tries = 60)
  void temperature(@ForAll("tame") Sample drawn) {
    double temperature = drawn.seed() % 2 == 0 ? 1 : 0.7;
    Options options =
        drawn.options().withLogits(temperature, 0, drawn.options().zLoss()).withScale(0.25);
    int power = 1 + power(drawn) % 4;
    Sample sample = drawn.with(options);
    Sample heated =
        drawn.with(options.withLogits(Math.scalb(temperature, power), 0, drawn.options().zLoss()));
    Batch batch = Batch.of(sample);
    Batch larger = batch.logits((r, k, x) -> Math.scalb(x, power)).with(heated);
    larger.teacher = Batch.change(batch.teacher, (r, k, x) -> Math.scalb(x, power));
    Tier tier = Tier.of(sample);
    try (Computer one = new Computer(batch, tier);
        Computer other = new Computer(larger, tier)) {
      String what = "temperature 2^" + power + " of " + sample;
      assertSame(what + ": softmax", other.softmax(), one.softmax());
      assertSame(what + ": log-softmax", other.logSoftmax(), one.logSoftmax());
      assertSame(what + ": log-sum-exp", other.logSumExp(), one.logSumExp());
      Map<String, Output> cool = one.loss().arrays;
      Map<String, Output> hot = other.loss().arrays;
      Output gradient = hot.remove("gradient");
      assertScaled(what + ": gradient", gradient, cool.remove("gradient"), -power);
      assertSame(what, hot, cool);
      if (!sample.ragged()) {
        Map<String, Output> kl = one.kl().arrays;
        Map<String, Output> klHot = other.kl().arrays;
        assertScaled(what + ": KL", klHot.remove("gradient"), kl.remove("gradient"), -power);
        assertSame(what + ": KL", klHot, kl);
      }
    }
  }

  /** Options and inputs with the value that holds without them change no bit. */
  @Property(tries = 80)
  void whatSaysNothing(@ForAll("samples") Sample drawn) {
    Options options =
        drawn.options().withSmoothing(0).withLogits(0, 0, 0).withClamp(0).withScale(0);
    Sample without = drawn.with(options.with(Beside.NOTHING));
    int bits = Math.floorMod(drawn.seed(), 31) + 1;
    Beside neutral = new Beside((bits & 1) * 2, bits >> 1 & 1, bits >> 2 & 1, (bits >> 3 & 1) == 1);
    Sample with = drawn.with(options.withLogits(bits >> 4 & 1, 0, 0).withScale(1).with(neutral));
    Batch batch = Batch.of(without);
    Batch beside = batch.with(with);
    if (neutral.mask() != 0) {
      beside.mask = new boolean[batch.rows][];
      for (int r = 0; r < batch.rows; r++) {
        beside.mask[r] = new boolean[batch.classes(r)];
        Arrays.fill(beside.mask[r], true);
      }
    }
    beside.rowWeights = neutral.rowWeights() == 0 ? null : ones(batch.rows);
    beside.classWeights = neutral.classWeights() ? ones(without.classes()) : null;
    if (neutral.sink() != 0) {
      beside.sink = new double[batch.rows];
      Arrays.fill(beside.sink, Double.NEGATIVE_INFINITY);
    }
    Tier tier = Tier.of(drawn);
    try (Computer one = new Computer(batch, tier);
        Computer other = new Computer(beside, tier)) {
      String what = "neutral options of " + with;
      Loss expected = one.loss();
      Loss got = other.loss();
      got.arrays.remove("exact_sum");
      expected.arrays.remove("exact_sum");
      assertSame(what, got.arrays, expected.arrays);
      assertSame(what + ": softmax", other.softmax(), one.softmax());
      assertSame(what + ": log-softmax", other.logSoftmax(), one.logSoftmax());
      assertSame(what + ": log-sum-exp", other.logSumExp(), one.logSumExp());
    }
  }

  private static double[] ones(int count) {
    double[] ones = new double[count];
    Arrays.fill(ones, 1);
    return ones;
  }

  /** All mass on one class is that class as a label: the targets are the same distribution. */
  @Property(tries = 60)
  void labelsAsOtherTargets(@ForAll("tame") Sample drawn) {
    Options options = drawn.options().withTargets(Targets.LABELS).withIgnores(false).withClamp(0);
    options = options.withLogits(0, 0, 0).withSmoothing(0).withScale(0);
    Sample sample = drawn.with(options.withMean(false));
    DType arithmetic = sample.isWide() ? DType.F64 : DType.F32;
    sample = sample.withTypes(sample.type(), arithmetic);
    Batch batch = Batch.of(sample);
    Promise promise = new Promise(sample);
    Tier tier = Tier.of(sample);
    Loss labels = Computer.compute(batch, tier, Computer::loss);
    Batch dense = batch.with(sample.with(sample.options().withTargets(Targets.PROBABILITIES)));
    dense.probabilities = Batch.change(batch.logits, (r, k, x) -> k == batch.labels[r] ? 1 : 0);
    Batch sparse = batch.with(sample.with(sample.options().withTargets(Targets.SPARSE)));
    sparse.entries =
        Arrays.stream(batch.labels).mapToObj(k -> new long[] {k}).toArray(long[][]::new);
    sparse.entryWeights = new double[batch.rows][1];
    Arrays.stream(sparse.entryWeights).forEach(row -> row[0] = 1);
    for (Batch each : new Batch[] {dense, sparse}) {
      String what = "label as " + each.sample;
      Loss loss = Computer.compute(each, tier, Computer::loss);
      for (int r = 0; r < batch.rows; r++) {
        double expected = labels.get("losses").value(r);
        double weight = batch.classWeights == null ? 1 : batch.classWeights[(int) batch.labels[r]];
        weight *= batch.rowWeights == null ? 1 : batch.rowWeights[r];
        // The terms of the other kind: |t| (lse - x + 1).
        double bound =
            promise.lossOfLabel(expected, batch.classes(r))
                + promise.lossOfTargets(expected + weight);
        assertWithin(what, loss.get("losses").value(r), expected, bound);
      }
    }
  }
}

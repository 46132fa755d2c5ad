// SPDX-License-Identifier: Apache-2.0
package dev.xent.laws;

import dev.xent.laws.Computer.Loss;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.function.IntUnaryOperator;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** What becomes of results when classes change places. */
class ClassLawsTest extends Laws {
  /** The place of class i after the classes were shuffled. */
  private static IntUnaryOperator shuffled(int classes, int seed) {
    int[] to = new int[classes];
    Random random = new Random(seed);
    for (int k = 0; k < classes; k++) {
      int j = random.nextInt(k + 1);
      to[k] = to[j];
      to[j] = k;
    }
    return k -> to[k];
  }

  /** Class k of these results against class {@code to(k)} of those. */
  private static void assertMoved(
      String what, Batch batch, IntUnaryOperator to, Output got, Output expected) {
    COMPARED.add(expected.size());
    for (int r = 0, at = 0; r < batch.rows; at += batch.classes(r++)) {
      for (int k = 0; k < batch.classes(r); k++) {
        int place = at + to.applyAsInt(k);
        if (got.bits()[place] != expected.bits()[at + k]) {
          assertSame(
              what + ", class " + k + " of row " + r,
              got.part(place, place + 1),
              expected.part(at + k, at + k + 1));
        }
      }
    }
  }

  /**
   * With a multiple of 16 classes, k may become k xor m for any m below 16: that exchanges whole
   * lanes, each of which adds what it added before, and every level of the tree over the lanes adds
   * the same pairs. So every bit stays, of sums over targets too.
   */
  @Property(tries = 60)
  void exchangedLanes(@ForAll("samples") Sample drawn) {
    Sample sample = drawn.rectangular();
    int classes = (sample.classes() + 15) / 16 * 16;
    sample = sample.matrix(Math.min(sample.rows(), 40), classes);
    int m = 1 + Math.floorMod(sample.seed(), 15);
    Batch batch = Batch.of(sample);
    IntUnaryOperator to = k -> k ^ m;
    Batch moved = batch.classes(to);
    Tier tier = Tier.of(sample);
    String what = "classes xor " + m + " of " + sample;
    try (Computer one = new Computer(batch, tier);
        Computer other = new Computer(moved, tier)) {
      Loss expected = one.loss();
      Loss got = other.loss();
      for (String name : new String[] {"losses", "log-sum-exp", "log-probabilities"}) {
        if (expected.get(name) != null) {
          assertSame(what + ": " + name, got.get(name), expected.get(name));
        }
      }
      // The last of the numbers counts the correct rows.
      int numbers = expected.get("numbers").size() - (mayHaveTies(batch) ? 1 : 0);
      assertSame(
          what + ": numbers",
          got.get("numbers").part(0, numbers),
          expected.get("numbers").part(0, numbers));
      assertSame(what + ": entropies", got.get("entropies"), expected.get("entropies"));
      assertMoved(what + ": gradient", batch, to, got.get("gradient"), expected.get("gradient"));
      assertMoved(what + ": softmax", batch, to, other.softmax(), one.softmax());
      assertMoved(what + ": log-softmax", batch, to, other.logSoftmax(), one.logSoftmax());
      assertMoved(
          what + ": softmax backward", batch, to, other.softmaxBackward(), one.softmaxBackward());
      Map<String, Output> kl = one.kl().arrays;
      Map<String, Output> klMoved = other.kl().arrays;
      assertSame(what + ": KL", klMoved.get("losses"), kl.get("losses"));
      assertMoved(what + ": KL", batch, to, klMoved.get("gradient"), kl.get("gradient"));
    }
  }

  /**
   * Of equal logits the lowest class counts as the largest, so correct rows may change with the
   * places. A softcap makes the largest equal, and rounding after a temperature close ones.
   */
  private static boolean mayHaveTies(Batch batch) {
    if (batch.sample.options().softcap() > 0 || batch.sample.options().temperature() > 0) {
      return true;
    }
    for (double[] row : batch.logits) {
      if (Arrays.stream(row).distinct().count() < row.length) {
        return true;
      }
    }
    return false;
  }

  /**
   * With a multiple of 128 classes, k may become k xor m for any m below 128 if nothing is summed
   * but exponentials: within a lane of a group the same pairs are added, too.
   */
  @Property(tries = 40)
  void exchangedPlacesInGroups(@ForAll("samples") Sample drawn) {
    Options options = drawn.options().withSmoothing(0).withTargets(Options.Targets.LABELS);
    Options.Beside beside = options.beside();
    Sample sample = drawn.rectangular();
    int classes = (sample.classes() + 127) / 128 * 128;
    sample =
        sample
            .matrix(Math.min(sample.rows(), 20), classes)
            .with(
                options.with(
                    new Options.Beside(beside.mask(), beside.rowWeights(), beside.sink(), false)));
    int m = 1 + Math.floorMod(sample.seed(), 127);
    Batch batch = Batch.of(sample);
    IntUnaryOperator to = k -> k ^ m;
    Tier tier = Tier.of(sample);
    String what = "classes xor " + m + " of " + sample;
    try (Computer one = new Computer(batch, tier);
        Computer other = new Computer(batch.classes(to), tier)) {
      Loss expected = one.loss();
      Loss got = other.loss();
      assertSame(what + ": losses", got.get("losses"), expected.get("losses"));
      assertSame(what + ": log-sum-exp", got.get("log-sum-exp"), expected.get("log-sum-exp"));
      assertSame(what + ": sum", got.sum, expected.sum);
      assertMoved(what + ": gradient", batch, to, got.get("gradient"), expected.get("gradient"));
      assertMoved(what + ": softmax", batch, to, other.softmax(), one.softmax());
      assertMoved(what + ": log-softmax", batch, to, other.logSoftmax(), one.logSoftmax());
    }
  }

  /** Any order: both sides keep their promise, so they are within twice that. */
  @Property(tries = 60)
  void anyOrder(@ForAll("tame") Sample drawn) {
    Sample sample = drawn.rectangular();
    sample = sample.with(sample.options().withLogits(0, 0, 0).withSmoothing(0));
    Batch batch = Batch.of(sample);
    IntUnaryOperator to = shuffled(sample.classes(), sample.seed());
    Promise promise = new Promise(sample);
    Tier tier = Tier.of(sample);
    try (Computer one = new Computer(batch, tier);
        Computer other = new Computer(batch.classes(to), tier)) {
      String what = "shuffled classes of " + sample;
      Output expected = one.softmax();
      Output got = other.softmax();
      for (int r = 0, at = 0; r < batch.rows; at += batch.classes(r++)) {
        for (int k = 0; k < batch.classes(r); k++) {
          double p = expected.value(at + k);
          double bound = 2 * (promise.softmax(p) + promise.rounding(p));
          assertWithin(what, got.value(at + to.applyAsInt(k)), p, bound);
        }
      }
      Output sums = one.logSumExp();
      Output shuffled = other.logSumExp();
      for (int r = 0; r < batch.rows; r++) {
        double sum = sums.value(r);
        double bound = 2 * (promise.logSumExp(sum) + promise.rounding(sum));
        assertWithin(what, shuffled.value(r), sum, bound);
      }
    }
  }
}

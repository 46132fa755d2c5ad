// SPDX-License-Identifier: Apache-2.0
package dev.xent.laws;

import dev.xent.CrossEntropy;
import dev.xent.LossSum;
import dev.xent.laws.Computer.Loss;
import dev.xent.laws.Options.Targets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/**
 * The results of a row depend on that row alone, and a reduced loss on the set of the rows: section
 * 1 of the numerics. The tests compare bits.
 */
class RowLawsTest extends Laws {
  private static final Set<String> PER_CLASS =
      Set.of("gradient", "softmax", "log-softmax", "softmax backward");

  /** Results that have numbers of each row. */
  private static Map<String, Output> perRow(Computer computer, Loss loss) {
    Map<String, Output> results = new LinkedHashMap<>(loss.arrays);
    results.keySet().removeAll(List.of("exact_sum", "numbers"));
    if (computer.sample.ragged()) {
      // Their number is the length of the longest row, which another batch may not have.
      results.keySet().removeIf(name -> name.startsWith("top"));
    }
    results.put("softmax", computer.softmax());
    results.put("log-softmax", computer.logSoftmax());
    results.put("log-sum-exp of softmax", computer.logSumExp());
    results.put("softmax backward", computer.softmaxBackward());
    return results;
  }

  private static int[] shuffled(int rows, int seed) {
    List<Integer> order = new ArrayList<>();
    for (int r = 0; r < rows; r++) {
      order.add(r);
    }
    Collections.shuffle(order, new Random(seed));
    return order.stream().mapToInt(Integer::intValue).toArray();
  }

  /** Row i of these results must be row {@code rows[i]} of those. */
  private static void assertRows(
      String what, Batch batch, Map<String, Output> got, Map<String, Output> whole, int... rows) {
    int[] starts = new int[batch.rows + 1];
    for (int r = 0; r < batch.rows; r++) {
      starts[r + 1] = starts[r] + batch.classes(r);
    }
    whole.forEach(
        (name, all) -> {
          boolean perClass =
              PER_CLASS.contains(name) || name.equals("target gradient") && batch.isDense();
          int at = 0;
          for (int r : rows) {
            int each = batch.rows == 0 ? 0 : all.size() / batch.rows;
            int from = perClass ? starts[r] : r * each;
            int to = perClass ? starts[r + 1] : from + each;
            Output part = got.get(name).part(at, at + to - from);
            assertSame(what + ": " + name, part, all.part(from, to));
            at += to - from;
          }
        });
  }

  @Property(tries = 60)
  void orderOfRows(@ForAll("samples") Sample sample) {
    Batch batch = Batch.of(sample);
    int[] order = shuffled(batch.rows, sample.seed());
    Batch moved = batch.rows(order);
    Tier tier = Tier.of(sample);
    try (Computer one = new Computer(batch, tier);
        Computer other = new Computer(moved, tier)) {
      Loss whole = one.loss();
      Loss shuffled = other.loss();
      String what = "shuffled rows of " + sample;
      assertSame(what + ": numbers", shuffled.get("numbers"), whole.get("numbers"));
      assertSame(what + ": lossSum", shuffled.get("exact_sum"), whole.get("exact_sum"));
      assertRows(what, batch, perRow(other, shuffled), perRow(one, whole), order);
    }
  }

  /** Parts of a batch, and their exact sums merged in any order. */
  @Property(tries = 60)
  void partsOfABatch(@ForAll("samples") Sample drawn) {
    Sample sample = drawn.with(drawn.options().withMean(false));
    Batch batch = Batch.of(sample);
    Tier tier = Tier.of(sample);
    int cut = batch.rows == 0 ? 0 : Math.floorMod(sample.seed(), batch.rows + 1);
    int[] all = shuffled(batch.rows, sample.seed());
    int[][] parts = {Arrays.copyOf(all, cut), Arrays.copyOfRange(all, cut, all.length)};
    LossSum merged = LossSum.create();
    String what = "parts of " + sample;
    try (Computer one = new Computer(batch, tier)) {
      Loss whole = one.loss();
      Map<String, Output> expected = perRow(one, whole);
      for (int[] part : parts) {
        try (Computer some = new Computer(batch.rows(part), tier)) {
          Loss loss = some.loss();
          assertRows(what, batch, perRow(some, loss), expected, part);
          merged = LossSum.ofBytes(loss.lossSum.toBytes()).add(merged);
        }
      }
      assertSame(what + ": sum", merged.sum(), whole.sum);
      assertSame(what + ": rows", merged.rows(), whole.rows);
      assertSame(what + ": counted", merged.validRows(), whole.counted);
      assertSame(what + ": denominator", merged.denominator(), whole.denominator);
    }
    double mean = mean(batch, tier);
    assertSame(what + ": mean", merged.denominator() == 0 ? mean : merged.mean(), mean);
  }

  private static double mean(Batch batch, Tier tier) {
    Sample sample = batch.sample.with(batch.sample.options().withMean(true));
    try (Computer computer = new Computer(batch.with(sample), tier)) {
      return computer.loss().loss;
    }
  }

  /** Every row twice: twice the sum, and the same mean. */
  @Property(tries = 40)
  void everyRowTwice(@ForAll("samples") Sample drawn) {
    Sample sample = drawn.with(drawn.options().withMean(true));
    Batch batch = Batch.of(sample);
    int[] twice = new int[2 * batch.rows];
    Arrays.setAll(twice, i -> i / 2);
    Tier tier = Tier.of(sample);
    Loss once = Computer.compute(batch, tier, Computer::loss);
    Loss doubled = Computer.compute(batch.rows(twice), tier, Computer::loss);
    boolean overflows = Double.isInfinite(2 * once.sum);
    if (!overflows || Double.isInfinite(once.sum)) {
      assertSame("mean of every row twice of " + sample, doubled.loss, once.loss);
    }
    assertSame("sum of every row twice of " + sample, doubled.sum, 2 * once.sum);
    assertSame(
        "denominator of every row twice of " + sample, doubled.denominator, 2 * once.denominator);
  }

  /** The values of rows that do not count change no result. */
  @Property(tries = 60)
  void rowsThatDoNotCount(@ForAll("samples") Sample drawn) {
    Options options = drawn.options();
    Options.Beside beside = options.beside();
    Sample sample =
        drawn.with(
            options.with(
                new Options.Beside(beside.mask(), 1, beside.sink(), beside.classWeights())));
    Batch batch = Batch.of(sample);
    Batch garbled = batch.logits((r, k, x) -> batch.isIgnored(r) ? garbage(k) : x);
    garbled.teacher = Batch.change(batch.teacher, (r, k, x) -> batch.isIgnored(r) ? garbage(k) : x);
    if (options.targets() == Targets.PROBABILITIES) {
      garbled.probabilities =
          Batch.change(batch.probabilities, (r, k, q) -> batch.isIgnored(r) ? garbage(k) : q);
    }
    Tier tier = Tier.of(sample);
    Loss expected = Computer.compute(batch, tier, Computer::loss);
    Loss got = Computer.compute(garbled, tier, Computer::loss);
    assertSame("garbage in ignored rows of " + sample, got.arrays, expected.arrays);
    if (!sample.ragged()) {
      assertSame(
          "garbage in ignored rows of KL of " + sample,
          Computer.compute(byWeight(garbled, batch), tier, Computer::kl).arrays,
          Computer.compute(batch, tier, Computer::kl).arrays);
    }
    String what = "ignored rows of " + sample;
    for (int r = 0, at = 0; r < batch.rows; at += batch.classes(r++)) {
      if (batch.isIgnored(r)) {
        assertSame(what, got.get("losses").value(r), 0);
        assertSame(what, got.get("log-sum-exp").value(r), Double.NaN);
        for (int k = 0; k < batch.classes(r); k++) {
          assertSame(what, got.get("gradient").value(at + k), 0);
        }
      }
    }
  }

  private static double garbage(int k) {
    return k % 3 == 0 ? Double.NaN : k % 3 == 1 ? Double.POSITIVE_INFINITY : -1e4;
  }

  /** A divergence has no labels: rows are ignored by their weight alone. */
  private static Batch byWeight(Batch garbled, Batch batch) {
    Batch result = garbled.logits((r, k, x) -> batch.rowWeights[r] == 0 ? x : batch.logits[r][k]);
    result.teacher =
        Batch.change(
            garbled.teacher, (r, k, x) -> batch.rowWeights[r] == 0 ? x : batch.teacher[r][k]);
    return result;
  }

  /** The values of masked classes change no result. */
  @Property(tries = 60)
  void classesThatTakeNoPart(@ForAll("samples") Sample drawn) {
    Options options = drawn.options();
    Options.Beside beside = options.beside();
    int mask = Math.max(beside.mask(), 1);
    Sample sample =
        drawn.with(
            options.with(
                new Options.Beside(
                    mask, beside.rowWeights(), beside.sink(), beside.classWeights())));
    Batch batch = Batch.of(sample);
    Batch garbled = batch.logits((r, k, x) -> batch.takesPart(r, k) ? x : garbage(k));
    if (options.targets() == Targets.PROBABILITIES) {
      garbled.probabilities =
          Batch.change(batch.probabilities, (r, k, q) -> batch.takesPart(r, k) ? q : garbage(k));
    }
    Tier tier = Tier.of(sample);
    try (Computer one = new Computer(batch, tier);
        Computer other = new Computer(garbled, tier)) {
      String what = "garbage in masked classes of " + sample;
      assertSame(what, other.loss().arrays, one.loss().arrays);
      assertSame(what + ": softmax", other.softmax(), one.softmax());
      assertSame(what + ": log-softmax", other.logSoftmax(), one.logSoftmax());
      assertSame(what + ": log-sum-exp", other.logSumExp(), one.logSumExp());
      assertSame(what + ": prediction", other.prediction(), one.prediction());
    }
  }

  /** Ragged rows have the results that each of them has alone. */
  @Property(tries = 60)
  void raggedRows(@ForAll("samples") Sample drawn) {
    Sample sample =
        new Sample(
            drawn.type(),
            drawn.result(),
            drawn.sizes(),
            drawn.axis(),
            true,
            drawn.in(),
            drawn.out(),
            drawn.inPlace(),
            drawn.kind(),
            drawn.seed(),
            drawn.options().withMean(false));
    Batch batch = Batch.of(sample);
    Tier tier = Tier.of(sample);
    try (Computer whole = new Computer(batch, tier)) {
      Loss loss = whole.loss();
      Map<String, Output> expected = perRow(whole, loss);
      for (int r = 0; r < Math.min(batch.rows, 8); r++) {
        if (batch.classes(r) == 0) {
          continue;
        }
        try (Computer alone = new Computer(batch.alone(r), tier)) {
          Loss own = alone.loss();
          assertRows("alone, of ragged " + sample, batch, perRow(alone, own), expected, r);
        }
      }
    }
  }

  /** Requested outputs do not change the bits of the loss and the gradient. */
  @Property(tries = 60)
  void whatIsAskedForBeside(@ForAll("samples") Sample sample) {
    Batch batch = Batch.of(sample);
    Tier tier = Tier.of(sample);
    try (Computer computer = new Computer(batch, tier)) {
      Loss loss = computer.loss();
      assertSame(
          "loss alone of " + sample, computer.plainLosses(), Output.of(loss.loss, loss.loss));
      assertSame("backward of " + sample, computer.backward(false), loss.get("gradient"));
      CrossEntropy scaled = computer.crossEntropy();
      assertSame("axis of " + sample, scaled.axis(), sample.ragged() ? 0 : sample.axis());
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.laws;

import dev.xent.laws.Options.Targets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/**
 * Rows whose classes are divided have the bits of the undivided call: section 4 of the numerics.
 */
class ShardLawsTest extends Laws {
  private static final int CHUNK = 8192;

  /**
   * A sample that shards can compute: its rows are rectangular. Targets other than labels have no
   * clamp, and with smoothing no mask.
   */
  private static Sample divisible(Sample drawn) {
    Options options = drawn.options().isLabels() ? drawn.options() : drawn.options().withClamp(0);
    Options.Beside beside = options.beside();
    boolean masked = options.isLabels() || options.smoothing() == 0;
    return drawn
        .rectangular()
        .with(
            options.with(
                new Options.Beside(
                    masked ? beside.mask() : 0,
                    beside.rowWeights(),
                    beside.sink(),
                    beside.classWeights())));
  }

  /** Places to cut at, with 0 and all classes, and the parts in any order. */
  private static List<int[]> parts(Sample sample) {
    Random random = new Random(sample.seed());
    List<int[]> parts = new ArrayList<>();
    int begin = 0;
    for (int end = CHUNK; end < sample.classes(); end += CHUNK) {
      if (random.nextBoolean()) {
        parts.add(new int[] {begin, end});
        begin = end;
      }
    }
    parts.add(new int[] {begin, sample.classes()});
    Collections.shuffle(parts, random);
    return parts;
  }

  @Property(tries = 25)
  void dividedLosses(@ForAll("longRows") Sample drawn) {
    Sample sample = divisible(drawn);
    Batch batch = Batch.of(sample);
    Tier tier = Tier.of(sample);
    Tier another = Tier.of(sample.matrix(1, 1)).withThreads(2);
    try (Computer computer = new Computer(batch, tier);
        Computer other = new Computer(batch, another)) {
      Computer.Loss whole = computer.loss();
      Computer.Loss divided = other.dividedLoss(parts(sample));
      for (String name : List.of("losses", "log-sum-exp", "gradient")) {
        assertSame("divided " + name + " of " + sample, divided.get(name), whole.get(name));
      }
      if (sample.options().targets() == Targets.LABELS) {
        assertSame("divided hits of " + sample, divided.get("correct"), whole.get("correct"));
      }
      assertSame("divided loss of " + sample, divided.loss, whole.loss);
      assertSame("divided sum of " + sample, divided.sum, whole.sum);
    }
  }

  @Property(tries = 25)
  void dividedSoftmax(@ForAll("longRows") Sample drawn) {
    Sample sample = divisible(drawn);
    Batch batch = Batch.of(sample);
    Tier tier = Tier.of(sample);
    try (Computer computer = new Computer(batch, tier)) {
      List<int[]> parts = parts(sample);
      assertSame(
          "divided softmax of " + sample, computer.dividedSoftmax(parts), computer.softmax());
    }
  }
}

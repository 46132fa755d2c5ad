// SPDX-License-Identifier: Apache-2.0
package dev.xent.laws;

import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/**
 * On every backend, instruction set and memory layout, the bits are those of the reference on a
 * row-major matrix, off the heap and on one thread. Nothing is written between the results.
 */
class DifferentialTest extends Laws {
  private static Map<String, Output> plain(Batch batch) {
    return Computer.compute(batch.with(batch.sample.plain()), Tier.REFERENCE, Computer::everything);
  }

  @Property(tries = 100)
  void everyTierAndLayout(@ForAll("samples") Sample sample) {
    Batch batch = Batch.of(sample);
    Map<String, Output> expected = plain(batch);
    for (Tier tier : Tier.all()) {
      assertSame(
          tier + " of " + sample, Computer.compute(batch, tier, Computer::everything), expected);
    }
  }

  /** Work that is shared out, to threads of the pool. */
  @Property(tries = 6)
  void manyThreads(@ForAll("large") Sample sample) {
    Batch batch = Batch.of(sample);
    Map<String, Output> expected = plain(batch);
    for (Tier tier : List.of(Tier.BEST, Tier.REFERENCE)) {
      Tier shared = tier.withThreads(4);
      assertSame(
          shared + " of " + sample,
          Computer.compute(batch, shared, Computer::everything),
          expected);
    }
  }
}

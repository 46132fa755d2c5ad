// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

import dev.xent.Backend;
import org.junit.jupiter.api.Test;

/**
 * Every result against the truth, within the limits that docs/numerics.md promises or that hold.
 *
 * <p>{@code -Dxent.long=true} (profile {@code long}): fifty times as many rows.
 */
class AccuracyTest {
  private static final int ROUNDS = Boolean.getBoolean("xent.long") ? 50 : 1;

  @Test
  void promisesHold() {
    measure(Backend.AUTO, 1, Integer.MAX_VALUE);
  }

  /** Other tests show that both backends give the same bits; this one, that they are right. */
  @Test
  void promisesHoldOnTheReference() {
    measure(Backend.REFERENCE, 5, 10_000);
  }

  private static void measure(Backend backend, int every, int longest) {
    Operations operations = new Operations(backend);
    RowAccuracy most = new RowAccuracy(operations, Limits.OF_MOST_ROWS);
    RowAccuracy floatTrees = new RowAccuracy(operations, Limits.OF_FLOAT_TREES);
    Rows.forEach(
        ROUNDS,
        every,
        longest,
        row -> (Limits.hasFloatTree(row.x().length) ? floatTrees : most).take(row));
    most.print("Accuracy, backend %s".formatted(backend));
    floatTrees.print(
        "Accuracy, backend %s, rows that end in a chunk of at most 128 classes".formatted(backend));
    most.assertWithinLimits();
    floatTrees.assertWithinLimits();
  }
}

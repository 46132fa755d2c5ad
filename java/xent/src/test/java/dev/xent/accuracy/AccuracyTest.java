// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.options.Backend;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Compares every result with the truth, within the promises of conformance/bounds.md.
 *
 * <p>{@code -Dxent.long=true} (profile {@code long}): 50 rounds, of all rows.
 */
@Tag("slow")
@Execution(ExecutionMode.CONCURRENT)
class AccuracyTest {
  private static final boolean LONG = Boolean.getBoolean("xent.long");
  private static final int ROUNDS = LONG ? 50 : 1;

  @Test
  void promisesHold() {
    measure(Backend.AUTO, LONG ? 1 : 3, Integer.MAX_VALUE);
  }

  /** Other tests compare the bits of both backends; this one shows that they are right. */
  @Test
  void promisesHoldOnTheReference() {
    measure(Backend.REFERENCE, 10, 10_000);
  }

  private static void measure(Backend backend, int every, int longest) {
    Operations operations = new Operations(backend);
    RowAccuracy accuracy = new RowAccuracy(operations);
    Rows.forEach(ROUNDS, every, longest, accuracy::take);
    accuracy.print("Accuracy, backend %s".formatted(backend));
    accuracy.assertWithinLimits();
    accuracy.assertEverythingMeasured();
    assertThat(accuracy.meanUlps()).as("mean error of softmax").isLessThan(0.7);
  }

  @Test
  void theWorstRowsKnownAreWithinThePromises() {
    List<Row> rows = WorstRows.all();
    assertThat(rows).hasSizeGreaterThan(500);
    for (Backend backend : new Backend[] {Backend.AUTO, Backend.REFERENCE}) {
      RowAccuracy accuracy = new RowAccuracy(new Operations(backend));
      rows.forEach(accuracy::take);
      accuracy.print("Accuracy on the worst rows, backend %s".formatted(backend));
      accuracy.assertWithinLimits();
    }
  }
}

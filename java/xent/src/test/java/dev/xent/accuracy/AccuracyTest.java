// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.options.Backend;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
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

  /** The rows on which searches made results err most: those of native/test/bad_rows.h. */
  static final class WorstRows {
    private static final Path FILE =
        Path.of(System.getProperty("basedir"), "../../native/test/bad_rows.h");

    private static final Pattern ROW =
        Pattern.compile("\\{\"([^\"]+)\", (\\d+), (\\S+), \\(const float\\[\\]\\)\\{([^}]+)\\}\\}");

    /** So far below the others a class adds nothing, but a row of 200 has another sum. */
    private static final float FAR_BELOW = -150;

    private WorstRows() {}

    /** Each alone and as the first of 200 classes, with its largest classes as labels. */
    static List<Row> all() {
      List<Row> rows = new ArrayList<>();
      Matcher found = ROW.matcher(text());
      while (found.find()) {
        String[] word = found.group(4).strip().split("\\s*,\\s*");
        float[] x = new float[word.length];
        for (int k = 0; k < x.length; k++) {
          x[k] = Float.parseFloat(word[k]);
        }
        double scale = Double.parseDouble(found.group(3));
        add(rows, "worst for " + found.group(1), x, scale);
        float[] longer = Arrays.copyOf(x, 200);
        Arrays.fill(longer, x.length, longer.length, FAR_BELOW);
        add(rows, "worst for " + found.group(1) + ", lengthened", longer, scale);
      }
      return rows;
    }

    private static String text() {
      try {
        return Files.readString(FILE);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private static void add(List<Row> rows, String name, float[] x, double scale) {
      float[] q = new float[x.length];
      Arrays.fill(q, 1f / x.length);
      int labels = 0;
      for (int k = 0; k < x.length && labels < 16; k++) {
        if (x[k] > FAR_BELOW) {
          String full = "%s, %d classes, label %d".formatted(name, x.length, k);
          rows.add(new Row(full, x, k, q, 0.1, scale));
          labels++;
        }
      }
    }
  }
}

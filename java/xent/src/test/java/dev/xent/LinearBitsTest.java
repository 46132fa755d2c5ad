// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.options.Backend;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Cross-entropy of linear layers returns the bits of the contract, from the Java reference and from
 * the library, with any number of threads and any workspace. The calls are random mixtures of
 * shapes, types, layouts, memory, targets, options, inputs and outputs.
 *
 * <p>{@code -Dxent.long=true} (profile {@code long}): fifty times the mixtures.
 */
@Tag("slow")
@Execution(ExecutionMode.CONCURRENT)
class LinearBitsTest {
  private static final int MIXTURES = Boolean.getBoolean("xent.long") ? 6000 : 120;
  private static final int[] FEATURES = {
    1, 2, 15, 16, 17, 31, 33, 127, 128, 129, 255, 256, 257, 300
  };
  private static final int[] CLASSES = {
    1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 300
  };
  private static final int[] MANY_ROWS = {127, 128, 129, 255, 257, 385, 520, 640};
  private static final int[] MANY_CLASSES = {8191, 8192, 8193, 16385, 30000};

  private final SplittableRandom random = new SplittableRandom(13);
  private final Map<String, String> differences = new LinkedHashMap<>();
  private long compared;

  private int any(int[] edges, int most) {
    return random.nextBoolean() ? edges[random.nextInt(edges.length)] : 1 + random.nextInt(most);
  }

  @Test
  void theContractTheReferenceAndTheLibraryGiveTheSameBits() {
    for (int i = 0; i < MIXTURES; i++) {
      int rows = 1 + random.nextInt(random.nextInt(3) == 0 ? 9 : 40);
      compare(rows, any(FEATURES, 300), any(CLASSES, 300));
    }
    for (int i = 0; i < MIXTURES / 20; i++) {
      compare(MANY_ROWS[random.nextInt(8)], 1 + random.nextInt(40), 1 + random.nextInt(60));
      compare(1 + random.nextInt(9), 1 + random.nextInt(20), MANY_CLASSES[random.nextInt(5)]);
    }
    System.out.printf(
        "linear layers: %,d results compared, %d differ%n", compared, differences.size());
    assertThat(differences).isEmpty();
  }

  private void compare(int rows, int features, int classes) {
    try (Arena arena = Arena.ofShared()) {
      LinearMixture mixture = new LinearMixture(arena, rows, features, classes, random);
      boolean all = random.nextBoolean();
      boolean later = random.nextInt(4) == 0;
      Map<String, long[]> expected = mixture.expected(all);
      int several = random.nextBoolean() ? 2 : 7;
      compare(expected, mixture, Backend.NATIVE, 1, all, later);
      compare(expected, mixture, Backend.NATIVE, several, all, later);
      // The products of plain Java take nearly all of the time.
      compare(expected, mixture, Backend.REFERENCE, random.nextBoolean() ? 1 : several, all, later);
    }
  }

  private void compare(
      Map<String, long[]> expected,
      LinearMixture mixture,
      Backend backend,
      int threads,
      boolean all,
      boolean later) {
    long workspace = random.nextInt(3) == 0 ? 1L << 22 : 0;
    compare(
        expected,
        mixture.actual(backend, threads, workspace, all, later),
        backend + " " + threads + " threads " + mixture);
  }

  private void compare(Map<String, long[]> expected, Map<String, long[]> got, String what) {
    expected.forEach(
        (name, bits) -> {
          compared += bits.length;
          int at = Arrays.mismatch(bits, got.get(name));
          if (at >= 0) {
            differences.putIfAbsent(
                name,
                String.format(
                    Locale.ROOT,
                    "%s: %d of %d is %x instead of %x",
                    what,
                    at,
                    bits.length,
                    got.get(name)[at],
                    bits[at]));
          }
        });
  }
}

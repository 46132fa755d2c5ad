// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.kernels.RandomCall.Chain;
import dev.xent.internal.kernels.RandomCall.Results;
import dev.xent.internal.load.Backends;
import dev.xent.internal.load.Codes;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The Java reference and the library, on every instruction set, do the same in any {@link
 * RandomCall}: all bytes of outputs, records and reports are equal, and so is what they refuse
 * because of what arrays contain.
 *
 * <p>{@code -Dxent.long=true} (profile {@code long}): forty times the calls.
 */
@Tag("slow")
@Execution(ExecutionMode.CONCURRENT)
class BitsTest {
  private static final int CALLS = Boolean.getBoolean("xent.long") ? 5_000 : 120;
  private static final int[] BOUNDARIES = {
    1, 2, 127, 128, 129, 255, 256, 257, 383, 384, 385, 511, 512, 513, 1000, 1023, 1024, 1025, 1151,
    1152, 1153, 2000, 4100
  };
  private static final int[] LONG = {8191, 8192, 8193, 9217, 16384, 16385, 20000, 33000, 65537};

  private final Kernels reference = Backends.get().kernels(Backend.REFERENCE);
  private final Kernels library = Backends.get().kernels(Backend.NATIVE);
  private final TiersInTurn tiers = new TiersInTurn();
  private final Map<Integer, Integer> statuses = new TreeMap<>();
  private final Map<String, String> differences = new LinkedHashMap<>();
  private long compared;

  static List<Chain> chains() {
    return RandomCall.chains();
  }

  @ParameterizedTest
  @MethodSource("chains")
  void bothDoTheSame(Chain chain) {
    SplittableRandom random = new SplittableRandom(chain.toString().hashCode());
    int refused = 0;
    for (int i = 0; i < CALLS; i++) {
      try (Arena arena = Arena.ofConfined()) {
        int classes = classes(chain, i, random);
        RandomCall call =
            new RandomCall(arena, chain, rows(chain, classes, random), classes, random);
        if (call.repair(library)) {
          if (i % 5 == 0) {
            call.spoil();
          }
          compare(call);
        } else {
          refused++;
        }
      }
    }
    System.out.printf(
        "%s: %,d bytes compared, statuses %s, %d refused%n", chain, compared, statuses, refused);
    assertThat(differences).isEmpty();
    assertThat(statuses.get(Status.OK)).isGreaterThan(CALLS / 2);
    assertThat(refused).isLessThan(CALLS / 20);
  }

  private static int classes(Chain chain, int i, SplittableRandom random) {
    boolean isLinear = chain.last().rule(Array.HIDDEN) != null;
    if (chain.inParts() || i % 20 == 0) {
      return LONG[random.nextInt(isLinear ? 3 : LONG.length)];
    }
    return i % 3 == 0 && !isLinear
        ? BOUNDARIES[random.nextInt(BOUNDARIES.length)]
        : 1 + random.nextInt(i % 2 == 0 ? 40 : 300);
  }

  private static int rows(Chain chain, int classes, SplittableRandom random) {
    boolean isLinear = chain.last().rule(Array.HIDDEN) != null;
    return 1 + random.nextInt(classes > 4096 ? 2 : isLinear ? 40 : random.nextInt(4) == 0 ? 40 : 4);
  }

  private void compare(RandomCall call) {
    Results expected = call.run(reference, 0);
    statuses.merge(expected.status(), 1, Integer::sum);
    for (Isa isa : tiers.next()) {
      Results got = call.run(library, Codes.of(isa));
      String what = call + " " + isa;
      if (!got.statuses().equals(expected.statuses())) {
        differences.putIfAbsent(
            "status", what + ": " + got.statement() + " instead of " + expected.statement());
        continue;
      }
      expected
          .bytes()
          .forEach((name, bytes) -> compare(name, what, bytes, got.bytes().get(name), expected));
    }
  }

  private void compare(
      String name, String what, MemorySegment expected, MemorySegment got, Results results) {
    // A call that is refused midway has written some rows.
    if (name.equals("report") || results.status() != Status.OK && !name.endsWith("report")) {
      return;
    }
    compared += expected.byteSize();
    long at = expected.mismatch(got);
    if (at >= 0 && name.endsWith(" STATISTICS") && differInSignsOfZeros(expected, got)) {
      return; // of the largest logit, which no result shows
    }
    if (at >= 0) {
      differences.computeIfAbsent(
          name,
          unseen ->
              "%s, byte %d of %d: %02x instead of %02x%n"
                  .formatted(
                      what,
                      at,
                      expected.byteSize(),
                      got.get(ValueLayout.JAVA_BYTE, at),
                      expected.get(ValueLayout.JAVA_BYTE, at)));
    }
  }

  private static boolean differInSignsOfZeros(MemorySegment expected, MemorySegment got) {
    for (long at = 0; at < expected.byteSize(); at += Long.BYTES) {
      long both = expected.get(ValueLayout.JAVA_LONG, at) | got.get(ValueLayout.JAVA_LONG, at);
      boolean zeros = both == Long.MIN_VALUE;
      if (!zeros && expected.get(ValueLayout.JAVA_LONG, at) != got.get(ValueLayout.JAVA_LONG, at)) {
        return false;
      }
    }
    return true;
  }

  @Test
  void everyFunctionIsInAChain() {
    Set<Function> functions = EnumSet.noneOf(Function.class);
    chains().forEach(chain -> functions.addAll(Arrays.asList(chain.functions())));
    assertThat(functions).containsExactly(Function.values());
  }
}

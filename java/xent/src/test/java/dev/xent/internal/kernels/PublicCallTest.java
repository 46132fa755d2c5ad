// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.DType;
import dev.xent.Execution;
import dev.xent.Tensor;
import dev.xent.errors.XentException;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.kernels.RandomCall.Chain;
import dev.xent.internal.kernels.RandomCall.Results;
import dev.xent.internal.load.Backends;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import dev.xent.options.Reduction;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Any {@link RandomCall} by way of the public API, with other shapes and layouts of its arrays, on
 * every instruction set and on several threads, has the bits of the kernels on the arrays as they
 * are. What one refuses, all refuse in the same words, and write nothing.
 *
 * <p>{@code -Dxent.tries=20}: so many times the calls, other ones in every run.
 */
class PublicCallTest {
  private static final int TIMES = Integer.getInteger("xent.tries", 1);
  private static final int CALLS = 20;

  /** Small calls with wrong numbers, of each chain that has labels or tokens. */
  private static final int REFUSED = 40;

  private static final int[] LONG = {8191, 8192, 8193, 9217, 16384, 20000};

  /** Enough numbers for several threads to compute. */
  private static final int LARGE = 40_000;

  /** The families of errors that came up. */
  private static final Set<String> SEEN = new ConcurrentSkipListSet<>();

  private final Kernels reference = Backends.get().kernels(Backend.REFERENCE);
  private final Kernels library = Backends.get().kernels(Backend.NATIVE);
  private final TiersInTurn tiers = new TiersInTurn();
  private final Map<String, Integer> outcomes = new TreeMap<>();
  private long compared;

  static List<Chain> chains() {
    return RandomCall.chains().stream().filter(PublicCall::isPublic).toList();
  }

  @ParameterizedTest
  @MethodSource("chains")
  void thePublicCallDoesTheSame(Chain chain) {
    long seed = TIMES == 1 ? chain.toString().hashCode() : System.nanoTime();
    SplittableRandom random = new SplittableRandom(seed);
    boolean refuses =
        !chain.inParts()
            && (chain.last().place(Array.TARGETS) >= 0 || chain.last() == Function.SAMPLE);
    int calls = (refuses ? CALLS + REFUSED : CALLS) * TIMES;
    for (int i = 0; i < calls; i++) {
      try (Arena arena = Arena.ofConfined()) {
        int classes = classes(chain, i, random);
        RandomCall call =
            new RandomCall(arena, chain, rows(chain, i, classes, random), classes, random);
        if (call.whole().repair(library)) {
          if (spoilsNumbers(i)) {
            call.spoilNumbers();
          }
          compare(arena, call, i < CALLS * TIMES && i % 6 == 2, random);
        } else {
          outcomes.merge("not made", 1, Integer::sum);
        }
      }
    }
    System.out.printf(
        "public %s: %,d calls, %,d bytes compared, outcomes %s, seed %d%n",
        chain, calls, compared, outcomes, seed);
    assertThat(outcomes.get("fine")).isGreaterThan(CALLS * TIMES / 2);
    assertThat(outcomes.getOrDefault("not made", 0)).isLessThanOrEqualTo(calls / 12);
  }

  private static boolean spoilsNumbers(int i) {
    return i >= CALLS * TIMES || i % 4 == 3;
  }

  private static boolean isLinear(Chain chain) {
    return chain.last().rule(Array.HIDDEN) != null;
  }

  private static int classes(Chain chain, int i, SplittableRandom random) {
    if (i >= CALLS * TIMES && !chain.inParts()) {
      return 1 + random.nextInt(30);
    }
    return chain.inParts() || i % 12 == 0
        ? LONG[random.nextInt(isLinear(chain) ? 3 : LONG.length)]
        : 1 + random.nextInt(random.nextBoolean() ? 40 : 300);
  }

  private static int rows(Chain chain, int i, int classes, SplittableRandom random) {
    if (i % 12 == 1 && i < CALLS * TIMES && !chain.inParts()) {
      return (isLinear(chain) ? LARGE / 100 : LARGE) / classes + 1;
    }
    if (spoilsNumbers(i) && !chain.inParts()) { // also of rows in several pieces
      return 6 * (1 + random.nextInt(4));
    }
    return 1 + random.nextInt(classes > 4096 ? 4 : random.nextInt(3) == 0 ? 40 : 6);
  }

  /** What a call returned or threw. */
  private record Outcome(Map<String, byte[]> results, String error) {}

  private static Outcome run(PublicCall call) {
    try {
      return new Outcome(call.run(), "fine");
    } catch (XentException e) {
      String family = e.getClass().getSimpleName();
      SEEN.add(family);
      assertThat(e.getMessage()).hasLineCount(1);
      assertThat(call.hasWrittenNothing()).as(e.getMessage()).isTrue();
      return new Outcome(Map.of(), family + ": " + e.getMessage());
    }
  }

  private void compare(Arena arena, RandomCall call, boolean spoils, SplittableRandom random) {
    Reduction reduction = random.nextBoolean() ? Reduction.MEAN : Reduction.SUM;
    long spoiler = spoils ? random.nextLong() : 0;
    Execution one = Execution.defaults().withBackend(Backend.REFERENCE).withThreads(1);
    PublicCall plain = spoiled(new PublicCall(arena, call, one, reduction, 0), spoiler);
    Outcome expected = run(plain);
    outcomes.merge(expected.error.replaceAll(":.*", ""), 1, Integer::sum);
    if (expected.error.equals("fine") && plain.denominator != 0) { // 0: an empty mean
      Results ofKernels = runKernels(call, plain.denominator);
      assertThat(ofKernels.status()).as(call.toString()).isEqualTo(Status.OK);
      expected.results.forEach((name, bytes) -> compareToKernels(call, name, bytes, ofKernels));
    }
    for (Execution execution : executions()) {
      String what = call + " " + execution;
      // Messages have the shapes of tensors that are spoiled.
      long layouts = spoils ? 0 : random.nextLong();
      Outcome got =
          run(spoiled(new PublicCall(arena, call, execution, reduction, layouts), spoiler));
      assertThat(got.error).as(what).isEqualTo(expected.error);
      assertThat(got.results.keySet()).as(what).isEqualTo(expected.results.keySet());
      got.results.forEach((name, bits) -> assertSame(what, name, bits, expected.results.get(name)));
    }
  }

  /** With a written array that the call must refuse. */
  private static PublicCall spoiled(PublicCall call, long spoiler) {
    if (spoiler != 0) {
      SplittableRandom random = new SplittableRandom(spoiler);
      List<UnaryOperator<Tensor>> ways =
          List.of(
              Tensor::asReadOnly,
              tensor -> tensor.slice(0, 0, tensor.dim(0) / 2),
              PublicCallTest::ofOtherType,
              tensor ->
                  Tensor.strided(
                      tensor.segment(), tensor.type(), tensor.shape(), new long[tensor.rank()]));
      call.spoil(random.nextInt(), ways.get(random.nextInt(ways.size())));
    }
    return call;
  }

  private static Tensor ofOtherType(Tensor tensor) {
    DType type =
        switch (tensor.type().byteSize()) {
          case 1 -> tensor.type() == DType.U8 ? DType.I8 : DType.U8;
          case 2 -> DType.I16;
          case 4 -> tensor.type() == DType.F32 ? DType.I32 : DType.F32;
          default -> tensor.type() == DType.F64 ? DType.I64 : DType.F64;
        };
    return Tensor.strided(tensor.segment(), type, tensor.shape(), tensor.strides());
  }

  /** A mean is a call with a smaller scale. */
  private Results runKernels(RandomCall call, double denominator) {
    double scale = xent_options.gradient_scale(call.options);
    double divided = (scale == 0 ? 1 : scale) / denominator;
    xent_options.gradient_scale(call.options, divided == 0 ? -0.0 : divided);
    Results results = call.run(reference, 0);
    xent_options.gradient_scale(call.options, scale);
    return results;
  }

  private void compareToKernels(RandomCall call, String name, byte[] bits, Results results) {
    for (Array array : call.rules.keySet()) {
      MemorySegment of = results.last(array);
      if (array.name().equals(name) && of != null) {
        byte[] expected =
            array == Array.EXACT_SUM
                ? PublicCall.bytes(reference.exactSumValue(of))
                : Placed.elements(call, array, of);
        assertSame("kernels of " + call, name, bits, expected);
      }
    }
  }

  private List<Execution> executions() {
    List<Execution> all = new ArrayList<>();
    Execution shared = Execution.defaults().withThreads(4);
    for (Isa isa : tiers.next()) {
      all.add(shared.withBackend(Backend.NATIVE).withIsa(isa).withThreads(1));
    }
    all.add(shared.withBackend(Backend.REFERENCE).withThreads(1));
    all.add(shared);
    return all;
  }

  private void assertSame(String what, String name, byte[] got, byte[] expected) {
    compared += expected.length;
    int at = Arrays.mismatch(got, expected);
    if (at >= 0) {
      throw new AssertionError(
          "%s: %s has %d bytes, expected %d; byte %d differs"
              .formatted(what, name, got.length, expected.length, at));
    }
  }

  @AfterAll
  static void everyFamilyOfErrorsCameUp() {
    assertThat(SEEN)
        .contains(
            "LabelException",
            "OptionException",
            "ShapeException",
            "DTypeException",
            "MemoryException");
  }

  /** An option or array that no builder, input or output has a method for would pass unseen. */
  @Test
  void everyOptionAndArrayHasAMethod() {
    assertThat(PublicCall.namesWithoutMethod()).isEmpty();
  }
}

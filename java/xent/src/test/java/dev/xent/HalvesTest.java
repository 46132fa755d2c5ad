// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.options.Backend;
import dev.xent.options.Reduction;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Float16 and bfloat16: every result is the float32 result of the same logits, rounded once to
 * nearest even, in every bit; subnormals, overflows and NaNs too.
 */
class HalvesTest {
  private static final int[] CLASSES = {1, 2, 7, 16, 33, 128, 129, 300, 1000, 1024, 1500, 9000};
  private static final double[] SPREADS = {0.01, 1, 5, 30, 300, 20_000};
  private static final int ROWS = 3;

  private long compared;
  private long subnormal;

  @ParameterizedTest
  @CsvSource({"F16, REFERENCE", "BF16, REFERENCE", "F16, NATIVE", "BF16, NATIVE"})
  void everyResultIsTheFloatResultRounded(DType type, Backend backend) {
    SplittableRandom random = new SplittableRandom(16);
    for (int classes : CLASSES) {
      for (double spread : SPREADS) {
        try (Arena arena = Arena.ofConfined()) {
          compare(arena, type, backend, classes, spread, random);
        }
      }
    }
    System.out.printf(
        "%s on %s: %,d results, %,d of them subnormal, equal the rounded float32 results%n",
        type, backend, compared, subnormal);
    assertThat(compared).isGreaterThan(500_000);
    assertThat(subnormal).isGreaterThan(1000);
  }

  private void compare(
      Arena arena,
      DType type,
      Backend backend,
      int classes,
      double spread,
      SplittableRandom random) {
    Tensor narrow = Tensor.allocate(arena, type, ROWS, classes);
    Tensor wide = Tensor.allocate(arena, DType.F32, ROWS, classes);
    int[] labels = new int[ROWS];
    for (int i = 0; i < ROWS * classes; i++) {
      short bits = narrow((float) (spread * random.nextGaussian()), type);
      narrow.segment().setAtIndex(ValueLayout.JAVA_SHORT, i, bits);
      wide.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, widen(bits, type));
      labels[i / classes] = random.nextInt(classes);
    }
    double scale = random.nextBoolean() ? 1 : 1e-36;
    Map<String, MemorySegment> expected = results(arena, wide, DType.F32, labels, scale, backend);
    Map<String, MemorySegment> actual = results(arena, narrow, type, labels, scale, backend);
    expected.forEach((name, floats) -> compare(name, floats, actual.get(name), type));
  }

  private void compare(String name, MemorySegment floats, MemorySegment halves, DType type) {
    for (long i = 0; i < floats.byteSize() / Float.BYTES; i++) {
      short expected = narrow(floats.getAtIndex(ValueLayout.JAVA_FLOAT, i), type);
      short actual = halves.getAtIndex(ValueLayout.JAVA_SHORT, i);
      if (actual != expected) {
        assertThat(actual).as("%s, %s %d", name, type, i).isEqualTo(expected);
      }
      compared++;
      int exponent = type == DType.F16 ? 0x7c00 : 0x7f80;
      subnormal += (actual & exponent) == 0 && (actual & 0x7fff) != 0 ? 1 : 0;
    }
  }

  private static Map<String, MemorySegment> results(
      Arena arena, Tensor x, DType type, int[] labels, double scale, Backend backend) {
    long classes = x.dim(1);
    Map<String, MemorySegment> results = new LinkedHashMap<>();
    Tensor y = full(arena, results, "softmax", type, classes);
    Softmax.builder().execution(Execution.defaults().withBackend(backend)).build().forward(x, y);
    Tensor log = full(arena, results, "log-softmax", type, classes);
    LogSoftmax.builder()
        .execution(Execution.defaults().withBackend(backend))
        .build()
        .forward(x, log);
    LossOutputs outcome =
        LossOutputs.create()
            .losses(row(arena, results, "losses", type))
            .logSumExp(row(arena, results, "log-sum-exp", type))
            .logProbabilities(row(arena, results, "log-probabilities", type))
            .entropies(row(arena, results, "entropies", type));
    CrossEntropy.builder()
        .execution(Execution.defaults().withBackend(backend))
        .reduction(Reduction.SUM)
        .labelSmoothing(0.1)
        .zLoss(1e-4)
        .temperature(1.5)
        .softcap(40)
        .gradientScale(scale)
        .build()
        .on(x, Tensor.of(labels), full(arena, results, "gradient", type, classes))
        .outputs(outcome)
        .run();
    return results;
  }

  private static Tensor full(
      Arena arena, Map<String, MemorySegment> results, String name, DType type, long classes) {
    Tensor tensor = Tensor.allocate(arena, type, ROWS, classes);
    results.put(name, tensor.segment());
    return tensor;
  }

  private static Tensor row(
      Arena arena, Map<String, MemorySegment> results, String name, DType type) {
    Tensor tensor = Tensor.allocate(arena, type, ROWS);
    results.put(name, tensor.segment());
    return tensor;
  }

  /** To nearest even by comparing the two neighbours, not as the library does it. */
  private static short narrow(float value, DType type) {
    if (value != value) {
      return (short) (type == DType.F16 ? 0x7e00 : 0x7fc0);
    }
    if (type == DType.F16) {
      return Float.floatToFloat16(value);
    }
    int below = Float.floatToRawIntBits(value) >>> 16;
    int rest = Float.floatToRawIntBits(value) & 0xffff;
    boolean up = rest > 0x8000 || rest == 0x8000 && (below & 1) == 1;
    return (short) (up ? below + 1 : below);
  }

  private static float widen(short bits, DType type) {
    return type == DType.F16 ? Float.float16ToFloat(bits) : Float.intBitsToFloat(bits << 16);
  }
}

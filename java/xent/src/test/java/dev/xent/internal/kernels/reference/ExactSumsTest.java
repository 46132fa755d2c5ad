// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.ffi.xent_exact_sum;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Status;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.math.BigDecimal;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ExactSumsTest {
  private final ReferenceKernels kernels = new ReferenceKernels();

  /** Floats of every exponent alike, subnormal ones too. */
  @Provide
  Arbitrary<float[]> finiteFloats() {
    return Arbitraries.integers()
        .between(Integer.MIN_VALUE, Integer.MAX_VALUE)
        .withDistribution(net.jqwik.api.RandomDistribution.uniform())
        .map(Float::intBitsToFloat)
        .filter(Float::isFinite)
        .array(float[].class)
        .ofMaxSize(60);
  }

  /** Doubles of every exponent alike, subnormal ones too. */
  @Provide
  Arbitrary<double[]> finiteDoubles() {
    return Arbitraries.longs()
        .withDistribution(net.jqwik.api.RandomDistribution.uniform())
        .map(Double::longBitsToDouble)
        .filter(Double::isFinite)
        .array(double[].class)
        .ofMaxSize(60);
  }

  private double sum(float... values) {
    try (Arena arena = Arena.ofConfined()) {
      return kernels.exactSumValue(exactSumOf(arena, values));
    }
  }

  private static MemorySegment emptySum(Arena arena) {
    MemorySegment sum = arena.allocate(xent_exact_sum.layout());
    xent_exact_sum.size(sum, xent_exact_sum.sizeof());
    return sum;
  }

  private MemorySegment exactSumOf(Arena arena, float... values) {
    MemorySegment exactSum = emptySum(arena);
    MemorySegment segment = MemorySegment.ofArray(values);
    assertThat(kernels.exactSumAdd(exactSum, segment, ElementType.F32, 1, values.length))
        .isEqualTo(Status.OK);
    return exactSum;
  }

  private static double exactSum(float... values) {
    BigDecimal sum = BigDecimal.ZERO;
    for (float v : values) {
      sum = sum.add(new BigDecimal(v));
    }
    return sum.doubleValue();
  }

  @Property
  void exactAndRoundedOnce(@ForAll("finiteFloats") float[] values) {
    assertThat(sum(values)).isEqualTo(exactSum(values));
  }

  @Property
  void orderDoesNotMatter(@ForAll("finiteFloats") float[] values) {
    float[] reversed = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      reversed[values.length - 1 - i] = values[i];
    }
    assertThat(sum(reversed)).isEqualTo(sum(values));
  }

  @Property
  void mergingIsAdding(
      @ForAll("finiteFloats") float[] values, @ForAll("finiteFloats") float[] others) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment merged = exactSumOf(arena, values);
      assertThat(kernels.exactSumMerge(merged, exactSumOf(arena, others))).isEqualTo(Status.OK);
      MemorySegment added = exactSumOf(arena, values);
      kernels.exactSumAdd(added, MemorySegment.ofArray(others), ElementType.F32, 1, others.length);
      assertThat(merged.mismatch(added)).isEqualTo(-1);
    }
  }

  @Property
  void cancellingIsExact(@ForAll("finiteFloats") float[] values) {
    float[] both = new float[2 * values.length];
    for (int i = 0; i < values.length; i++) {
      both[i] = values[i];
      both[values.length + i] = -values[i];
    }
    assertThat(Double.doubleToRawLongBits(sum(both))).isZero();
  }

  @Test
  void halfwayGoesToEven() {
    assertThat(sum(1f, 0x1p-53f)).isEqualTo(1.0);
    assertThat(sum(1f, 0x1p-52f, 0x1p-53f)).isEqualTo(1.0 + 0x1p-51);
    assertThat(sum(1f, 0x1p-53f, Float.MIN_VALUE)).isEqualTo(1.0 + 0x1p-52);
    assertThat(sum(-1f, -0x1p-53f, -Float.MIN_VALUE)).isEqualTo(-1.0 - 0x1p-52);
  }

  @Test
  void theLargestAndTheLeast() {
    assertThat(sum(Float.MIN_VALUE)).isEqualTo(0x1p-149);
    assertThat(sum(Float.MAX_VALUE, Float.MAX_VALUE)).isEqualTo(2.0 * Float.MAX_VALUE);
    assertThat(sum(Float.MAX_VALUE, Float.MIN_VALUE, -Float.MAX_VALUE)).isEqualTo(0x1p-149);
  }

  @Test
  void zeroIsPositive() {
    assertThat(Double.doubleToRawLongBits(sum())).isZero();
    assertThat(Double.doubleToRawLongBits(sum(-0f, -0f))).isZero();
  }

  /** What 2^39 values of one size make of a counter. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 127, 254})
  void fullCounters(int exponent) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment exactSum = emptySum(arena);
      long count = 0xffffffL << 39;
      xent_exact_sum.bins(exactSum, exponent, count);
      double worth = Math.scalb(1.0, Math.max(exponent, 1) - 150);
      assertThat(kernels.exactSumValue(exactSum)).isEqualTo(count * worth);
      xent_exact_sum.bins(exactSum, exponent, -count);
      assertThat(kernels.exactSumValue(exactSum)).isEqualTo(-count * worth);
    }
  }

  private MemorySegment exactSumOf(Arena arena, float[] floats, double[] doubles) {
    MemorySegment exactSum = exactSumOf(arena, floats);
    MemorySegment segment = MemorySegment.ofArray(doubles);
    assertThat(kernels.exactSumAdd(exactSum, segment, ElementType.F64, 1, doubles.length))
        .isEqualTo(Status.OK);
    return exactSum;
  }

  @Property
  void floatsAndDoublesMakeOneExactSum(
      @ForAll("finiteFloats") float[] floats, @ForAll("finiteDoubles") double[] doubles) {
    BigDecimal expected = BigDecimal.ZERO;
    for (float v : floats) {
      expected = expected.add(new BigDecimal(v));
    }
    for (double v : doubles) {
      expected = expected.add(new BigDecimal(v));
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment exactSum = exactSumOf(arena, floats, doubles);
      assertThat(kernels.exactSumValue(exactSum)).isEqualTo(expected.doubleValue());
      MemorySegment merged = exactSumOf(arena, floats);
      kernels.exactSumMerge(merged, exactSumOf(arena, new float[0], doubles));
      assertThat(merged.mismatch(exactSum)).isEqualTo(-1);
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {Double.MIN_VALUE, 0x1.fffffffffffffp-1022, Double.MAX_VALUE, 0x1p-500})
  void doublesCancelToTheLast(double value) {
    try (Arena arena = Arena.ofConfined()) {
      double[] values = {value, Double.MAX_VALUE, value, -Double.MAX_VALUE, -value};
      assertThat(kernels.exactSumValue(exactSumOf(arena, new float[0], values))).isEqualTo(value);
      double[] negated = {-value, Double.MAX_VALUE, -Double.MAX_VALUE};
      assertThat(kernels.exactSumValue(exactSumOf(arena, new float[0], negated))).isEqualTo(-value);
    }
  }

  @Test
  void doublesThatAreNotFinite() {
    double infinity = Double.POSITIVE_INFINITY;
    try (Arena arena = Arena.ofConfined()) {
      float[] one = {1};
      assertThat(kernels.exactSumValue(exactSumOf(arena, one, new double[] {Double.NaN}))).isNaN();
      assertThat(kernels.exactSumValue(exactSumOf(arena, one, new double[] {infinity})))
          .isEqualTo(infinity);
      assertThat(kernels.exactSumValue(exactSumOf(arena, one, new double[] {-infinity})))
          .isEqualTo(-infinity);
    }
  }

  @Test
  void specialsAreKeptApart() {
    float infinity = Float.POSITIVE_INFINITY;
    assertThat(sum(1f, Float.NaN)).isNaN();
    assertThat(sum(1f, infinity)).isEqualTo(Double.POSITIVE_INFINITY);
    assertThat(sum(1f, -infinity, -1f)).isEqualTo(Double.NEGATIVE_INFINITY);
    assertThat(sum(infinity, -infinity)).isNaN();
  }

  @Test
  void stridesStepOver() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment exactSum = emptySum(arena);
      MemorySegment values = MemorySegment.ofArray(new float[] {1, 100, 2, 100, 3});
      kernels.exactSumAdd(exactSum, values, ElementType.F32, 2, 3);
      assertThat(kernels.exactSumValue(exactSum)).isEqualTo(6.0);
    }
  }
}

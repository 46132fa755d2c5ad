// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks.peers;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Loads floats of a segment in the widest vectors of this machine, and computes exponentials. */
final class Lanes {
  static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  static final int LENGTH = SPECIES.length();

  private static final ByteOrder ORDER = ByteOrder.nativeOrder();
  private static final float LOG2_E = 1.4426950408889634f;

  /** ln 2 in two parts; the first has few digits, so that whole multiples of it are exact. */
  private static final float LN2_HIGH = 0.693359375f;

  private static final float LN2_LOW = -2.12194440e-4f;

  /** Added to a float, it moves the nearest integer to the lowest bits. */
  private static final float TO_INTEGER = 0x1.8p23f;

  /** For smaller arguments the result would be subnormal. */
  private static final float LEAST = -87.3f;

  private static final int FRACTION_BITS = 23;

  private Lanes() {}

  static FloatVector load(MemorySegment floats, long i) {
    return FloatVector.fromMemorySegment(SPECIES, floats, i * Float.BYTES, ORDER);
  }

  static FloatVector load(MemorySegment floats, long i, VectorMask<Float> mask) {
    return FloatVector.fromMemorySegment(SPECIES, floats, i * Float.BYTES, ORDER, mask);
  }

  static void store(FloatVector value, MemorySegment floats, long i) {
    value.intoMemorySegment(floats, i * Float.BYTES, ORDER);
  }

  static void store(FloatVector value, MemorySegment floats, long i, VectorMask<Float> mask) {
    value.intoMemorySegment(floats, i * Float.BYTES, ORDER, mask);
  }

  /** The mask of the last lanes of a row. */
  static VectorMask<Float> firsts(long count) {
    return SPECIES.indexInRange(0, count);
  }

  static FloatVector all(float value) {
    return FloatVector.broadcast(SPECIES, value);
  }

  static FloatVector max(FloatVector a, FloatVector b) {
    // Math.max would also handle NaN and -0.
    return a.blend(b, b.compare(VectorOperators.GT, a));
  }

  /**
   * {@code exp(x)} for {@code x <= 0}: {@code 2^n exp(r)} with {@code |r| <= ln 2 / 2}. {@code
   * exp(r)} is a Chebyshev polynomial of degree 5 with a relative error below 3e-7.
   */
  static FloatVector exp(FloatVector x) {
    FloatVector clamped = max(x, all(LEAST));
    FloatVector shifted = clamped.fma(all(LOG2_E), all(TO_INTEGER));
    FloatVector n = shifted.sub(TO_INTEGER);
    FloatVector r = n.fma(all(-LN2_LOW), n.fma(all(-LN2_HIGH), clamped));
    FloatVector p = all(0.008375128890f);
    p = p.fma(r, all(0.041917529687f));
    p = p.fma(r, all(0.166664154772f));
    p = p.fma(r, all(0.499988691088f));
    p = p.fma(r, all(1.000000037727f));
    p = p.fma(r, all(1.000000075495f));
    return shifted
        .reinterpretAsInts()
        .lanewise(VectorOperators.LSHL, FRACTION_BITS)
        .add(p.reinterpretAsInts())
        .reinterpretAsFloats();
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

/** Checks whether the elements of a strided array have distinct positions. */
public final class DistinctElements {
  /** The largest number of interleaved axes that is checked. */
  public static final int MOST_INTERLEAVED = 3;

  private DistinctElements() {}

  /**
   * Whether no two elements share a position. Also false if more than three axes interleave,
   * because that is not checked. The amount of work is bounded, since all positions fit in 64 bits.
   *
   * @param sizes number of elements along each axis; used as scratch
   * @param strides in elements, such that all positions fit in 64 bits; used as scratch
   * @param axes number of axes
   */
  public static boolean areApart(long[] sizes, long[] strides, int axes) {
    for (int i = 0; i < axes; i++) {
      if (sizes[i] == 0) {
        return true;
      }
    }
    int used = 0;
    long reach = 0;
    long elements = 1;
    for (int i = 0; i < axes; i++) {
      if (sizes[i] == 1) {
        continue;
      }
      if (strides[i] == 0 || Math.multiplyHigh(elements, sizes[i]) != 0) {
        return false;
      }
      elements *= sizes[i];
      reach += (sizes[i] - 1) * strides[i];
      move(sizes, strides, i, used++);
    }
    if (elements < 0 || elements - 1 > reach) {
      return false; // more elements than positions
    }
    used = withoutOutermost(sizes, strides, used, reach);
    if (used > MOST_INTERLEAVED) {
      return false;
    }
    for (int i = 1; i < used; i++) {
      for (int j = 0; j < i; j++) {
        if (!isPairApart(sizes, strides, i, j)) {
          return false;
        }
      }
    }
    return used < 3 || isTripleApart(sizes, strides);
  }

  /**
   * Removes each axis whose stride exceeds the reach of all other axes together, one after another.
   */
  private static int withoutOutermost(long[] sizes, long[] strides, int used, long reach) {
    int left = used;
    long reached = reach;
    int i = 0;
    while (i < left) {
      long others = reached - (sizes[i] - 1) * strides[i];
      if (strides[i] > others) {
        reached = others;
        move(sizes, strides, --left, i);
        i = 0;
      } else {
        i++;
      }
    }
    return left;
  }

  private static void move(long[] sizes, long[] strides, int from, int to) {
    sizes[to] = sizes[from];
    strides[to] = strides[from];
  }

  private static void swap(long[] sizes, long[] strides, int i, int j) {
    long size = sizes[i];
    long stride = strides[i];
    move(sizes, strides, j, i);
    sizes[j] = size;
    strides[j] = stride;
  }

  /**
   * Steps along two axes first coincide at the least common multiple of the strides. The number of
   * steps along each axis is then the other's stride divided by their greatest common divisor.
   */
  private static boolean isPairApart(long[] sizes, long[] strides, int i, int j) {
    long common = commonDivisor(strides[i], strides[j]);
    return strides[j] / common >= sizes[i] || strides[i] / common >= sizes[j];
  }

  /**
   * Requires that each pair of axes is apart. Checks whether i a + j b = k c has a solution within
   * the sizes. For each k, i is determined modulo b / gcd(a, b), which is at least the size of a,
   * so that at most one negative i and one other i are possible. c has the smallest size.
   */
  private static boolean isTripleApart(long[] sizes, long[] strides) {
    for (int i = 0; i < 2; i++) {
      if (sizes[i] < sizes[2]) {
        swap(sizes, strides, i, 2);
      }
    }
    if (strides[1] / commonDivisor(strides[0], strides[1]) < sizes[0]) {
      swap(sizes, strides, 0, 1);
    }
    long a = strides[0];
    long b = strides[1];
    long c = strides[2];
    long common = commonDivisor(a, b);
    long modulus = b / common;
    long every = common / commonDivisor(c, common);
    long inverse = inverse(a / common % modulus, modulus);
    long step = timesModulo(c / (common / every) % modulus, inverse, modulus);
    long i = 0;
    for (long k = every; k < sizes[2]; k += every) {
      i = plusModulo(i, step, modulus);
      if (meets(sizes, strides, i, k) || meets(sizes, strides, i - modulus, k)) {
        return false;
      }
      if (sizes[2] - k <= every) {
        break;
      }
    }
    return true;
  }

  private static boolean meets(long[] sizes, long[] strides, long i, long k) {
    return Math.abs(i) < sizes[0]
        && Math.abs((strides[2] * k - strides[0] * i) / strides[1]) < sizes[1];
  }

  private static long commonDivisor(long a, long b) {
    long large = a;
    long small = b;
    while (small != 0) {
      long rest = large % small;
      large = small;
      small = rest;
    }
    return large;
  }

  /** The inverse of a modulo m; 0 if m is 1. */
  private static long inverse(long a, long m) {
    long r0 = m;
    long r1 = a;
    long x0 = 0;
    long x1 = 1;
    while (r1 != 0) {
      long quotient = r0 / r1;
      long r2 = r0 - quotient * r1;
      long x2 = x0 - quotient * x1;
      r0 = r1;
      r1 = r2;
      x0 = x1;
      x1 = x2;
    }
    return Math.floorMod(x0, m);
  }

  /** The product modulo m of two numbers below m, by repeated doubling. */
  private static long timesModulo(long a, long b, long m) {
    long sum = 0;
    long power = a;
    for (long rest = b; rest != 0; rest >>= 1) {
      if ((rest & 1) != 0) {
        sum = plusModulo(sum, power, m);
      }
      power = plusModulo(power, power, m);
    }
    return sum;
  }

  private static long plusModulo(long a, long b, long m) {
    return a >= m - b ? a - (m - b) : a + b;
  }
}

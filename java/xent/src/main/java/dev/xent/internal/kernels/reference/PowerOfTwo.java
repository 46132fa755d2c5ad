// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

/** Powers of two with integer exponents. */
final class PowerOfTwo {
  private PowerOfTwo() {}

  /** 2^k for an integer k &lt;= 0; exponents below -1000 count as -1000. */
  static double of(double k) {
    return Double.longBitsToDouble(((long) Math.max(k, -1000.0) + 1023) << 52);
  }
}

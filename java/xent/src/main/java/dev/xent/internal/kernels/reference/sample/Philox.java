// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.sample;

/** The generator Philox4x32-10: 128 bits that are a function of a counter and a key. */
public final class Philox {
  private static final int ROUNDS = 10;
  private static final long FACTOR_0 = 0xD2511F53L;
  private static final long FACTOR_1 = 0xCD9E8D57L;
  private static final int WEYL_0 = 0x9E3779B9;
  private static final int WEYL_1 = 0xBB67AE85;

  /** The upper 64 bits of the last block. */
  public long high;

  /** The lower 64 bits of the last block. */
  public long low;

  /**
   * Computes a block.
   *
   * @param seed the key, its lower half first
   * @param step the lowest word of the counter
   * @param draw the second word of the counter
   * @param stream the two upper words of the counter, its lower half first
   */
  public void block(long seed, int step, int draw, long stream) {
    int x0 = step;
    int x1 = draw;
    int x2 = (int) stream;
    int x3 = (int) (stream >>> 32);
    int key0 = (int) seed;
    int key1 = (int) (seed >>> 32);
    for (int round = 0; round < ROUNDS; round++) {
      long product0 = FACTOR_0 * Integer.toUnsignedLong(x0);
      long product1 = FACTOR_1 * Integer.toUnsignedLong(x2);
      x0 = (int) (product1 >>> 32) ^ x1 ^ key0;
      x1 = (int) product1;
      x2 = (int) (product0 >>> 32) ^ x3 ^ key1;
      x3 = (int) product0;
      key0 += WEYL_0;
      key1 += WEYL_1;
    }
    low = (long) x1 << 32 | Integer.toUnsignedLong(x0);
    high = (long) x3 << 32 | Integer.toUnsignedLong(x2);
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.options;

import dev.xent.errors.OptionException;

/**
 * The instruction set that computes. All return the same bits; only the speed differs.
 *
 * <p>A call uses exactly the one that you choose. If this machine or build lacks it, it is an
 * {@link OptionException}. The reference backend computes the same bits for every choice.
 */
public enum Isa {
  /** The best that this processor, its operating system and this build have. */
  BEST,
  /** Plain C for any processor of the architecture. */
  SCALAR,
  /** AVX2, FMA, F16C and POPCNT. */
  AVX2,
  /** AVX-512: F, BW, DQ and VL. */
  AVX512,
  /** AArch64: Advanced SIMD, which every processor of the architecture has. */
  NEON
}

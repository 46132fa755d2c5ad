// SPDX-License-Identifier: Apache-2.0
package dev.xent.options;

import dev.xent.errors.OptionException;

/**
 * The instruction set that computes. Every one gives the same bits; they differ in speed alone.
 *
 * <p>Choosing one forces a call down to it. One that this machine or build lacks is refused with an
 * {@link OptionException}, never replaced in silence. The reference backend computes the same bits
 * whatever is chosen here.
 */
public enum Isa {
  /** The best that this processor, its operating system and this build have. */
  BEST,
  /** Plain C for any processor of the architecture. */
  SCALAR,
  /** AVX2, FMA and F16C. */
  AVX2,
  /** AVX-512: F, BW, DQ and VL. */
  AVX512,
  /** AArch64: Advanced SIMD, which every processor of the architecture has. */
  NEON
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent;

/**
 * The instruction set that computes. Every one gives the same bits; they differ in speed alone.
 *
 * <p>Choosing one forces a call down to it. One that this machine or build lacks is refused with an
 * {@link OptionException}, never replaced in silence. The reference backend computes the same bits
 * whatever is chosen here.
 */
public enum Isa {
  /** The best that this processor, its operating system and this build have. */
  BEST(0),
  /** Plain C for any processor of the architecture. */
  SCALAR(1),
  /** AVX2, FMA and F16C. */
  AVX2(2),
  /** AVX-512: F, BW, DQ and VL. */
  AVX512(3);

  private final int code;

  Isa(int code) {
    this.code = code;
  }

  /**
   * Returns the number that stands for this instruction set in the C API.
   *
   * @return a value of XENT_ISA_...
   */
  public int code() {
    return code;
  }
}

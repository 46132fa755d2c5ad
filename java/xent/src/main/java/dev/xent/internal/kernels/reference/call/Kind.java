// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.call;

import dev.xent.internal.ffi.XentH;

/**
 * The sum that a state or statistics contain, and the outcome of the row: the bits of `kind`. The
 * upper half of a state's kind is the numerics version.
 */
public final class Kind {
  /** Sum over all classes. */
  public static final int SOFTMAX = 1;

  /** Sum over all classes but the label's. */
  public static final int LABEL = 2;

  /** Sum over all classes, with the sums of a probability row. */
  public static final int PROBABILITIES = 3;

  /** Sum of a backward pass. */
  public static final int BACKWARD = 4;

  public static final int MASK = 0xff;

  /** State: the label is in this chunk. */
  public static final int LABEL_HERE = 0x100;

  /** State: in addition, the label is the first of the chunk's largest classes. */
  public static final int LABEL_FIRST_MAX = 0x200;

  /** State: computed from x - shift, in the second round. */
  public static final int SHIFTED = 0x400;

  /** State and statistics: computed in float64 arithmetic. */
  public static final int WIDE = 0x800;

  /** State: the numerics version that every state carries. */
  public static final int VERSION = XentH.XENT_NUMERICS_VERSION() << 16;

  /** The bits that all states of a row share: {@link #MASK}, the arithmetic and the version. */
  public static final int SHARED = 0xffff0000 | WIDE | MASK;

  /** Statistics: the row has a NaN or +infinity, or has only -infinity and the policy is NaN. */
  public static final int NAN_ROW = 0x1000;

  /** Statistics: the row has only -infinity and the policy is zero. */
  public static final int MASKED_ROW = 0x2000;

  /** Statistics: the label is the ignore index, or the row weight is 0. */
  public static final int IGNORED_ROW = 0x4000;

  /** Statistics: only the shift is set, for the second round. */
  public static final int UNFINISHED = 0x8000;

  /** Statistics of a row that waits for its second round: its label is a hit. */
  public static final int HIT = 0x20000;

  public static final int SPECIAL = NAN_ROW | MASKED_ROW | IGNORED_ROW;

  private Kind() {}
}

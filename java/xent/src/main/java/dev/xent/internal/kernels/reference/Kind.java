// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

/** What the sum of a state or of statistics is, and what became of the row: the bits of `kind`. */
final class Kind {
  /** Sum over all classes. */
  static final int SOFTMAX = 1;

  /** Sum over all classes but the label's. */
  static final int LABEL = 2;

  /** Sum over all classes, with the sums of a probability row. */
  static final int PROBABILITIES = 3;

  /** Sum of a backward pass. */
  static final int BACKWARD = 4;

  static final int MASK = 0xff;

  /** State: the label lies in this chunk. */
  static final int LABEL_HERE = 0x100;

  /** State: and is the first class that equals the chunk's maximum. */
  static final int LABEL_FIRST_MAX = 0x200;

  /** Statistics: NaN or +infinity in the row, or all -infinity where that is NaN. */
  static final int NAN_ROW = 0x1000;

  /** Statistics: all -infinity under the policy zero. */
  static final int MASKED_ROW = 0x2000;

  /** Statistics: the label is the ignore index. */
  static final int IGNORED_ROW = 0x4000;

  static final int SPECIAL = NAN_ROW | MASKED_ROW | IGNORED_ROW;

  private Kind() {}
}

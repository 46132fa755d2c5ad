// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

/** What an array has numbers for. */
enum Form {
  PER_CLASS,
  PER_ROW,
  /** So many of each row as sparse targets have. */
  PER_TARGET,
  /** So many of each row as are the largest classes. */
  PER_TOP,
  /** So many of each row as its list of prompt tokens has. */
  PER_PROMPT,
  /** So many of each row as its list of output tokens has. */
  PER_OUTPUT,
  /** Every feature of each row. */
  PER_FEATURE,
  /** Every feature of each class, the same for all rows. */
  OF_CLASSES,
  /** One of these, as the type of the targets and their count say. */
  OF_TARGETS,
  /** Every class, the same for all rows. */
  ONE_ROW,
  /** Of ragged rows: one more than there are rows. */
  OFFSETS
}

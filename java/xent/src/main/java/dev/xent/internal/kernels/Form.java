// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

/** The shape of an array: the items that it has numbers for. */
public enum Form {
  PER_CLASS,
  PER_ROW,
  /** For each row, one number per sparse target. */
  PER_TARGET,
  /** For each row, one number per class of the top k. */
  PER_TOP,
  /** For each row, one number per entry of its list of prompt tokens. */
  PER_PROMPT,
  /** For each row, one number per entry of its list of output tokens. */
  PER_OUTPUT,
  /** For each row, one number per 32 classes: a mask with a bit per class. */
  PER_WORD,
  /** For each row, one number per feature. */
  PER_FEATURE,
  /** For each class, one number per feature, shared by all rows. */
  OF_CLASSES,
  /** One of the above, depending on the type of the targets and their count. */
  OF_TARGETS,
  /** One number per class, shared by all rows. */
  ONE_ROW,
  /** The offsets of ragged rows: one more than the number of rows. */
  OFFSETS,
  /** Records, which are never Java arrays. */
  RECORDS;

  /** Whether each row has separate numbers that are not per class or per feature. */
  public boolean isOfRows() {
    return switch (this) {
      case PER_ROW, PER_TARGET, PER_TOP, PER_PROMPT, PER_OUTPUT, OF_TARGETS -> true;
      case PER_CLASS, PER_WORD, PER_FEATURE, OF_CLASSES, ONE_ROW, OFFSETS, RECORDS -> false;
    };
  }

  /** The number of words that hold a bit for each class. */
  public static long words(long classes) {
    return (classes - 1) / Integer.SIZE + 1;
  }

  /** The number of entries of each row, or of each class, for a call's shape. */
  public long entries(CallShape shape) {
    return switch (this) {
      case PER_ROW -> 1;
      case PER_TARGET -> shape.targetCount;
      case PER_TOP -> shape.topCount;
      case PER_PROMPT -> shape.promptCount;
      case PER_OUTPUT -> shape.outputCount;
      case PER_WORD -> words(shape.classes);
      case PER_FEATURE, OF_CLASSES -> shape.features;
      default -> shape.classes;
    };
  }
}

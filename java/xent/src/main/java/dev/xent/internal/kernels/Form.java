// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import java.lang.foreign.MemorySegment;

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

  /** The number of entries of each row, or of each class, for a {@link ShapeStruct}. */
  public long entries(MemorySegment shape) {
    return switch (this) {
      case PER_ROW -> 1;
      case PER_TARGET -> ShapeStruct.targetCount(shape);
      case PER_TOP -> ShapeStruct.topCount(shape);
      case PER_PROMPT -> ShapeStruct.promptCount(shape);
      case PER_OUTPUT -> ShapeStruct.outputCount(shape);
      case PER_WORD -> words(ShapeStruct.classes(shape));
      case PER_FEATURE, OF_CLASSES -> ShapeStruct.features(shape);
      default -> ShapeStruct.classes(shape);
    };
  }
}

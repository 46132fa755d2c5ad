// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import java.lang.foreign.MemorySegment;

/** What an array has numbers for. */
public enum Form {
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
  /** Every 32 classes of each row, where a mask has a bit for each class. */
  PER_WORD,
  /** Every feature of each row. */
  PER_FEATURE,
  /** Every feature of each class, the same for all rows. */
  OF_CLASSES,
  /** One of these, as the type of the targets and their count say. */
  OF_TARGETS,
  /** Every class, the same for all rows. */
  ONE_ROW,
  /** Of ragged rows: one more than there are rows. */
  OFFSETS,
  /** Records, which are never Java arrays. */
  RECORDS;

  /** Whether each row has numbers of its own that are not those of its classes or features. */
  public boolean isOfRows() {
    return switch (this) {
      case PER_ROW, PER_TARGET, PER_TOP, PER_PROMPT, PER_OUTPUT, OF_TARGETS -> true;
      case PER_CLASS, PER_WORD, PER_FEATURE, OF_CLASSES, ONE_ROW, OFFSETS, RECORDS -> false;
    };
  }

  /** How many numbers have a bit for each class. */
  public static long words(long classes) {
    return (classes - 1) / Integer.SIZE + 1;
  }

  /** How many numbers each row, or each class, has by a xent_shape. */
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

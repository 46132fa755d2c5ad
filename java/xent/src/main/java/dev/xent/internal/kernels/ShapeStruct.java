// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.xent.internal.ffi.xent_layout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The sizes of a call's tensor, then the layout of each {@link Array}, for all functions that a
 * call of an operation runs. {@link CallStruct} copies those of a function to its struct.
 */
public final class ShapeStruct {
  private static final long SIZE = 0;
  private static final long OUTER = 8;

  /** The offset of the first size. */
  static final long SIZES = OUTER;

  private static final long CLASSES = 16;
  private static final long INNER = 24;
  private static final long TARGET_COUNT = 32;
  private static final long TOP_COUNT = 40;
  private static final long FIRST_CLASS = 48;
  private static final long ALL_CLASSES = 56;
  private static final long PROMPT_COUNT = 64;
  private static final long OUTPUT_COUNT = 72;
  private static final long FEATURES = 80;
  private static final long CONTINUES = 88;
  private static final long LAYOUTS = 96;

  /** The offset of the type of the logits. */
  static final long TYPE_OF_LOGITS = LAYOUTS + xent_layout.type$offset();

  /** Bytes of the struct. */
  public static final long BYTES = LAYOUTS + Array.LAYOUTS * xent_layout.sizeof();

  /** The index of the first layout in an image of the struct, in longs. */
  public static final int IMAGE_LAYOUTS = (int) (LAYOUTS / Long.BYTES);

  /** The longs of a layout. */
  public static final int IMAGE_LAYOUT = (int) (xent_layout.sizeof() / Long.BYTES);

  private ShapeStruct() {}

  /** Writes the fields before the layouts to an image of a struct of some longs. */
  public static void image(
      long[] image,
      int longs,
      long outer,
      long classes,
      long inner,
      long targetCount,
      long topCount,
      long firstClass,
      long allClasses,
      long promptCount,
      long outputCount,
      long features,
      long continues) {
    image[(int) (SIZE / Long.BYTES)] = (long) longs * Long.BYTES;
    image[(int) (OUTER / Long.BYTES)] = outer;
    image[(int) (CLASSES / Long.BYTES)] = classes;
    image[(int) (INNER / Long.BYTES)] = inner;
    image[(int) (TARGET_COUNT / Long.BYTES)] = targetCount;
    image[(int) (TOP_COUNT / Long.BYTES)] = topCount;
    image[(int) (FIRST_CLASS / Long.BYTES)] = firstClass;
    image[(int) (ALL_CLASSES / Long.BYTES)] = allClasses;
    image[(int) (PROMPT_COUNT / Long.BYTES)] = promptCount;
    image[(int) (OUTPUT_COUNT / Long.BYTES)] = outputCount;
    image[(int) (FEATURES / Long.BYTES)] = features;
    image[(int) (CONTINUES / Long.BYTES)] = continues;
  }

  /** Allocates a struct with its size set and all other fields 0. */
  public static MemorySegment allocate(Arena arena) {
    MemorySegment shape = arena.allocate(BYTES, Long.BYTES);
    shape.set(JAVA_LONG, SIZE, BYTES);
    return shape;
  }

  /** The {@code xent_layout} of an array. */
  public static MemorySegment layout(MemorySegment shape, Array array) {
    return shape.asSlice(offset(array), xent_layout.sizeof());
  }

  /** The offset of the layout of an array. */
  public static long offset(Array array) {
    return LAYOUTS + array.ordinal() * xent_layout.sizeof();
  }

  public static long outer(MemorySegment shape) {
    return shape.get(JAVA_LONG, OUTER);
  }

  public static void outer(MemorySegment shape, long value) {
    shape.set(JAVA_LONG, OUTER, value);
  }

  public static long classes(MemorySegment shape) {
    return shape.get(JAVA_LONG, CLASSES);
  }

  public static void classes(MemorySegment shape, long value) {
    shape.set(JAVA_LONG, CLASSES, value);
  }

  public static long inner(MemorySegment shape) {
    return shape.get(JAVA_LONG, INNER);
  }

  public static void inner(MemorySegment shape, long value) {
    shape.set(JAVA_LONG, INNER, value);
  }

  public static long targetCount(MemorySegment shape) {
    return shape.get(JAVA_LONG, TARGET_COUNT);
  }

  public static void targetCount(MemorySegment shape, long value) {
    shape.set(JAVA_LONG, TARGET_COUNT, value);
  }

  public static long topCount(MemorySegment shape) {
    return shape.get(JAVA_LONG, TOP_COUNT);
  }

  public static void topCount(MemorySegment shape, long value) {
    shape.set(JAVA_LONG, TOP_COUNT, value);
  }

  public static long firstClass(MemorySegment shape) {
    return shape.get(JAVA_LONG, FIRST_CLASS);
  }

  public static void firstClass(MemorySegment shape, long value) {
    shape.set(JAVA_LONG, FIRST_CLASS, value);
  }

  public static long allClasses(MemorySegment shape) {
    return shape.get(JAVA_LONG, ALL_CLASSES);
  }

  public static void allClasses(MemorySegment shape, long value) {
    shape.set(JAVA_LONG, ALL_CLASSES, value);
  }

  public static long promptCount(MemorySegment shape) {
    return shape.get(JAVA_LONG, PROMPT_COUNT);
  }

  public static void promptCount(MemorySegment shape, long value) {
    shape.set(JAVA_LONG, PROMPT_COUNT, value);
  }

  public static long outputCount(MemorySegment shape) {
    return shape.get(JAVA_LONG, OUTPUT_COUNT);
  }

  public static void outputCount(MemorySegment shape, long value) {
    shape.set(JAVA_LONG, OUTPUT_COUNT, value);
  }

  public static long features(MemorySegment shape) {
    return shape.get(JAVA_LONG, FEATURES);
  }

  public static void features(MemorySegment shape, long value) {
    shape.set(JAVA_LONG, FEATURES, value);
  }

  public static long continues(MemorySegment shape) {
    return shape.get(JAVA_LONG, CONTINUES);
  }

  public static void continues(MemorySegment shape, long value) {
    shape.set(JAVA_LONG, CONTINUES, value);
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import java.lang.foreign.MemorySegment;

/**
 * The sizes of a call's tensor and the layout of each {@link Array}, for all functions that a call
 * of an operation runs. {@link FunctionCall} writes those of a function to its struct.
 */
public class CallShape {
  /** The numbers of a layout: its three strides and its type, as in xent_layout. */
  public static final int LAYOUT = 4;

  private static final int TYPE = 3;
  private static final long[] NONE = new long[Array.LAYOUTS * LAYOUT];

  public long outer;
  public long classes;
  public long inner;

  /** The number of classes in each row of sparse targets; 0 for other targets. */
  public long targetCount;

  /** The number of largest classes that are requested. */
  public long topCount;

  /** In a shard: the first class of its arrays, and the number of classes of the whole row. */
  public long firstClass;

  public long allClasses;

  /** The number of previous tokens per row, of the prompt and of the output. */
  public long promptCount;

  public long outputCount;

  /** The number of features of hidden states; 0 if logits are not computed from hidden states. */
  public long features;

  /** 1 if the workspace of the call may have the first of the tokens, else 0. */
  public long continues;

  /** The layouts in the order of the arrays. */
  public final long[] layouts = new long[Array.LAYOUTS * LAYOUT];

  /** Sets all sizes and layouts to 0. */
  public void clear() {
    outer = 0;
    classes = 0;
    inner = 0;
    targetCount = 0;
    topCount = 0;
    firstClass = 0;
    allClasses = 0;
    promptCount = 0;
    outputCount = 0;
    features = 0;
    continues = 0;
    System.arraycopy(NONE, 0, layouts, 0, layouts.length);
  }

  /** Takes the sizes and layouts of another call. */
  public CallShape copyFrom(CallShape other) {
    outer = other.outer;
    classes = other.classes;
    inner = other.inner;
    targetCount = other.targetCount;
    topCount = other.topCount;
    firstClass = other.firstClass;
    allClasses = other.allClasses;
    promptCount = other.promptCount;
    outputCount = other.outputCount;
    features = other.features;
    continues = other.continues;
    System.arraycopy(other.layouts, 0, layouts, 0, layouts.length);
    return this;
  }

  /** Sets the layout of an array. */
  public void set(Array array, long ofOuter, long ofClasses, long ofInner, ElementType type) {
    int at = array.ordinal() * LAYOUT;
    layouts[at] = ofOuter;
    layouts[at + 1] = ofClasses;
    layouts[at + 2] = ofInner;
    layouts[at + TYPE] = type.number();
  }

  /** Sets the type of an array. */
  public void type(Array array, ElementType type) {
    layouts[array.ordinal() * LAYOUT + TYPE] = type.number();
  }

  /** The number of the type of an array. */
  int type(Array array) {
    return (int) layouts[array.ordinal() * LAYOUT + TYPE];
  }

  /** The {@code xent_layout} of an array. */
  public MemorySegment layout(Array array) {
    long bytes = LAYOUT * Long.BYTES;
    return MemorySegment.ofArray(layouts).asSlice(array.ordinal() * bytes, bytes);
  }
}

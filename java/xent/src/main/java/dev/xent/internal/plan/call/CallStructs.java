// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static java.lang.Double.doubleToRawLongBits;

import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ShapeStruct;
import dev.xent.internal.plan.arrays.CallArray;
import dev.xent.internal.plan.arrays.Dimensions;
import dev.xent.internal.plan.options.Options;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The shape and options structs of a call, which the kernels read. Most calls change few of their
 * fields.
 */
public final class CallStructs {
  private final CallArrays arrays;
  private final MemorySegment ownShape;
  private final MemorySegment ownOptions;

  /** The shape of this call, or of the call that it follows. */
  public MemorySegment shape;

  public MemorySegment options;

  /** A counter of changes to the structs or the arrays. */
  private long version;

  private @Nullable Options writtenOptions;
  private boolean writtenIgnores;
  private double writtenScale;

  // The contents of the shape for usual contiguous arrays; otherwise the signature is 0.
  private long writtenSignature;
  private long writtenBefore;
  private long writtenClasses;
  private long writtenBehind;

  /** The arrays whose layouts are in the shape. */
  private final CallArray[] written;

  private int writtenCount;

  /** Whether the shape has arrays that most calls do not have. */
  private boolean writtenUnusual;

  CallStructs(CallArrays arrays, MemorySegment shape, Arena arena) {
    this.arrays = arrays;
    this.shape = shape;
    ownShape = shape;
    ownOptions = arena.allocate(xent_options.layout());
    options = ownOptions;
    xent_options.size(options, xent_options.sizeof());
    written = new CallArray[arrays.all.length];
  }

  long version() {
    return version;
  }

  /** Records a change of the arrays. */
  void changed() {
    version++;
  }

  /** Uses the structs of another call. */
  void follow(CallStructs other) {
    shape = other.shape;
    options = other.options;
    writtenSignature = 0;
  }

  /** Uses the structs of this call again. */
  void unfollow() {
    shape = ownShape;
    options = ownOptions;
  }

  // ---- the shape -------------------------------------------------------------------------------

  /** Writes the shape of contiguous arrays. */
  void writeDense() {
    Dimensions dimensions = arrays.dimensions;
    if (arrays.signature == writtenSignature
        && !arrays.unusual
        && dimensions.before == writtenBefore
        && dimensions.classes == writtenClasses
        && dimensions.behind == writtenBehind) {
      return;
    }
    for (int i = 0; i < arrays.presentCount; i++) {
      arrays.present[i].describeDense(dimensions);
    }
    write(dimensions.before, dimensions.behind);
    if (!arrays.unusual) {
      writtenSignature = arrays.signature;
      writtenBefore = dimensions.before;
      writtenClasses = dimensions.classes;
      writtenBehind = dimensions.behind;
    }
  }

  /** Writes the shape of arrays whose strides are set. */
  void write(long outer, long inner) {
    version++;
    writtenSignature = 0;
    ShapeStruct.outer(shape, outer);
    ShapeStruct.classes(shape, arrays.dimensions.classes);
    ShapeStruct.inner(shape, inner);
    writeLayouts();
    if (!arrays.has(Array.LOGITS) && !arrays.has(Array.OUTPUT)) {
      // Without logits, the type in their layout still selects the arithmetic.
      arrays.array(Array.LOGITS).writeType(arrays.lead().type);
    }
    if (arrays.unusual || writtenUnusual) {
      ShapeStruct.targetCount(shape, arrays.targetCount);
      ShapeStruct.topCount(shape, arrays.topCount);
      ShapeStruct.firstClass(shape, arrays.firstClass);
      ShapeStruct.allClasses(shape, arrays.allClasses);
      ShapeStruct.promptCount(shape, arrays.promptCount);
      ShapeStruct.outputCount(shape, arrays.outputCount);
      ShapeStruct.features(shape, arrays.features);
      ShapeStruct.countedTokens(shape, arrays.countedTokens);
      writtenUnusual = arrays.unusual;
    }
  }

  /**
   * Writes the layouts of the current arrays, and clears those of arrays that the call no longer
   * has.
   */
  private void writeLayouts() {
    for (int i = 0; i < writtenCount; i++) {
      if (written[i].view == null) {
        written[i].write();
      }
    }
    if (!arrays.has(Array.LOGITS)) {
      arrays.array(Array.LOGITS).write(); // its type or rows may be set even without logits
    }
    for (int i = 0; i < arrays.presentCount; i++) {
      written[i] = arrays.present[i];
      written[i].write();
    }
    writtenCount = arrays.presentCount;
  }

  /** Writes the layout of logits that are kept for the gradients of a linear layer. */
  public void writeLogits(long inner) {
    version++;
    arrays.array(Array.LOGITS).writeRows(arrays.dimensions.classes, inner);
  }

  // ---- the options -----------------------------------------------------------------------------

  /** Writes the options; the scale of gradients may be written later. */
  void options(Options newOptions, boolean ignores) {
    boolean same = newOptions == writtenOptions && ignores == writtenIgnores;
    options(newOptions, ignores, same ? writtenScale : 1);
  }

  /**
   * Writes the options.
   *
   * @param ignores whether the ignore index is used
   */
  public void options(Options newOptions, boolean ignores, double gradientScale) {
    if (newOptions != writtenOptions
        || ignores != writtenIgnores
        || doubleToRawLongBits(gradientScale) != doubleToRawLongBits(writtenScale)) {
      version++;
      newOptions.write(options, ignores, gradientScale);
      writtenOptions = newOptions;
      writtenIgnores = ignores;
      writtenScale = gradientScale;
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ShapeStruct;
import dev.xent.internal.plan.arrays.CallArray;
import dev.xent.internal.plan.arrays.Dimensions;
import dev.xent.internal.plan.options.Options;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The shape and the options of a call, as the kernels read them. Most calls change little. */
public final class CallStructs {
  private final CallArrays arrays;
  private final MemorySegment ownShape;
  private final MemorySegment ownOptions;

  /** Its own, or those of the call that is followed. */
  public MemorySegment shape;

  public MemorySegment options;

  /** Counts changes of what they hold, and of the arrays. */
  private long version;

  private @Nullable Options writtenOptions;
  private boolean writtenIgnores;
  private double writtenScale;

  // What the shape says of usual arrays without gaps; else the signature is 0.
  private long writtenSignature;
  private long writtenBefore;
  private long writtenClasses;
  private long writtenBehind;

  /** Arrays whose layouts the shape has. */
  private final CallArray[] written;

  private int writtenParts;

  /** Whether the shape speaks of arrays that most calls are without. */
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

  /** Other arrays from now on. */
  void changed() {
    version++;
  }

  /** From now on those of another call. */
  void follow(CallStructs other) {
    shape = other.shape;
    options = other.options;
    writtenSignature = 0;
  }

  /** Its own again. */
  void unfollow() {
    shape = ownShape;
    options = ownOptions;
  }

  // ---- the shape -------------------------------------------------------------------------------

  /** Describes arrays without gaps. */
  void writeDense() {
    Dimensions dimensions = arrays.dimensions;
    if (arrays.signature == writtenSignature
        && !arrays.unusual
        && dimensions.before == writtenBefore
        && dimensions.classes == writtenClasses
        && dimensions.behind == writtenBehind) {
      return;
    }
    for (int i = 0; i < arrays.parts; i++) {
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

  /** Describes arrays that know their strides. */
  void write(long outer, long inner) {
    version++;
    writtenSignature = 0;
    ShapeStruct.outer(shape, outer);
    ShapeStruct.classes(shape, arrays.dimensions.classes);
    ShapeStruct.inner(shape, inner);
    writeLayouts();
    if (!arrays.has(Array.LOGITS) && !arrays.has(Array.OUTPUT)) {
      // Without logits it is still their type that says which floats go together.
      arrays.part(Array.LOGITS).writeType(arrays.lead().type);
    }
    if (arrays.unusual || writtenUnusual) {
      ShapeStruct.targetCount(shape, arrays.targetCount);
      ShapeStruct.topCount(shape, arrays.topCount);
      ShapeStruct.firstClass(shape, arrays.firstClass);
      ShapeStruct.allClasses(shape, arrays.allClasses);
      ShapeStruct.promptCount(shape, arrays.promptCount);
      ShapeStruct.outputCount(shape, arrays.outputCount);
      ShapeStruct.features(shape, arrays.features);
      writtenUnusual = arrays.unusual;
    }
  }

  /** Those of the arrays that take part, and nothing of those that did and no longer do. */
  private void writeLayouts() {
    for (int i = 0; i < writtenParts; i++) {
      if (written[i].view == null) {
        written[i].write();
      }
    }
    if (!arrays.has(Array.LOGITS)) {
      arrays.part(Array.LOGITS).write(); // whose type or rows may be there without any
    }
    for (int i = 0; i < arrays.parts; i++) {
      written[i] = arrays.present[i];
      written[i].write();
    }
    writtenParts = arrays.parts;
  }

  /** Describes logits that are kept for the gradients of a linear layer. */
  void writeLogits(long inner) {
    version++;
    arrays.part(Array.LOGITS).writeRows(arrays.dimensions.classes, inner);
  }

  // ---- the options -----------------------------------------------------------------------------

  /** Fills the options but for the scale of gradients, which may be written later. */
  void options(Options newOptions, boolean ignores) {
    boolean same = newOptions == writtenOptions && ignores == writtenIgnores;
    options(newOptions, ignores, same ? writtenScale : 1);
  }

  /**
   * Fills the options.
   *
   * @param ignores whether the ignore index counts
   */
  void options(Options newOptions, boolean ignores, double gradientScale) {
    if (newOptions != writtenOptions
        || ignores != writtenIgnores
        || gradientScale != writtenScale) {
      version++;
      newOptions.write(options, ignores, gradientScale);
      writtenOptions = newOptions;
      writtenIgnores = ignores;
      writtenScale = gradientScale;
    }
  }
}

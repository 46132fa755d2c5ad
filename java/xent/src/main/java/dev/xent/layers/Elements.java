// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import static dev.xent.internal.text.Messages.message;

import dev.xent.Tensor;
import dev.xent.errors.DTypeException;
import dev.xent.errors.ShapeException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Elements of tensors that a layer looks at one by one. */
final class Elements {

  private static final float CANONICAL_NAN = Float.intBitsToFloat(0x7fc00000);

  private Elements() {}

  /** Returns the tensor; throws if it is null. */
  static Tensor given(@Nullable Tensor tensor, String name) {
    if (tensor == null) {
      throw new NullPointerException(name + " is null; expected a tensor");
    }
    return tensor;
  }

  /** Fills a tensor of a layer with the elements of a tensor of floats of any strides. */
  static void copy(Tensor from, String name, Tensor to) {
    if (!Arrays.equals(from.shape(), to.shape())) {
      throw new ShapeException(
          message(
              "%s has shape %s, the output of the last forward %s; expected the same shape",
              name, Arrays.toString(from.shape()), Arrays.toString(to.shape())));
    }
    if (!from.type().isFloat()) {
      throw new DTypeException(message("%s is %s; expected floats", name, from));
    }
    to.copyFrom(from);
  }

  /**
   * The tensor with another shape, if they differ only in axes of size 1; else the tensor itself,
   * which the operation rejects. The caller keeps the tensor reachable.
   */
  static Tensor inShape(long[] shape, Tensor given) {
    if (Arrays.equals(shape, given.shape())
        || !Arrays.equals(withoutOnes(shape), withoutOnes(given.shape()))) {
      return given;
    }
    long[] strides = new long[shape.length];
    int from = 0;
    for (int axis = 0; axis < shape.length; axis++) {
      if (shape[axis] != 1) {
        while (given.dim(from) == 1) {
          from++;
        }
        strides[axis] = given.strides()[from++];
      }
    }
    return Tensor.strided(given.segment(), given.type(), shape, strides);
  }

  private static long[] withoutOnes(long[] shape) {
    return Arrays.stream(shape).filter(size -> size != 1).toArray();
  }

  static float get(MemorySegment segment, long index) {
    return segment.getAtIndex(ValueLayout.JAVA_FLOAT, index);
  }

  static double getDouble(MemorySegment segment, long index) {
    return segment.getAtIndex(ValueLayout.JAVA_DOUBLE, index);
  }

  /** Every NaN that is written is the canonical one. */
  static void set(MemorySegment segment, long index, float value) {
    segment.setAtIndex(ValueLayout.JAVA_FLOAT, index, value != value ? CANONICAL_NAN : value);
  }

  /** The product of the sizes from one axis up to, not including, another. */
  static long product(long[] shape, int from, int to) {
    long product = 1;
    for (int axis = from; axis < to; axis++) {
      product *= shape[axis];
    }
    return product;
  }
}

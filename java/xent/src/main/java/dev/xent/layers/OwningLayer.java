// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import static dev.xent.internal.text.Messages.message;

import dev.xent.Tensor;
import dev.xent.errors.DTypeException;
import dev.xent.errors.ShapeException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The common part of the layers of this package: the shape they take, the order of calls, their
 * memory.
 */
abstract class OwningLayer implements Layer {
  private static final float CANONICAL_NAN = Float.intBitsToFloat(0x7fc00000);

  private final long[] shape;
  private final @Nullable Object operation;
  private int classAxis;
  private boolean ran;
  private boolean closed;

  /**
   * Creates a layer.
   *
   * @param operation of the layer, or null
   */
  OwningLayer(@Nullable Object operation, long... shape) {
    this.operation = operation;
    if (Objects.requireNonNull(shape, "shape").length == 0) {
      throw new ShapeException(
          name()
              + " needs the shape of its inputs, such as (Layer.ANY, 10) for rows of 10 classes");
    }
    for (long size : shape) {
      if (size < 0 && size != ANY) {
        throw new ShapeException(
            message(
                "the shape of %s is %s: a size is at least 0, or Layer.ANY (-1) for any size",
                name(), Arrays.toString(shape)));
      }
    }
    this.shape = shape.clone();
  }

  /** The default class axis of a layer: 1, or the only one. */
  static int defaultAxis(long... shape) {
    return Objects.requireNonNull(shape, "shape").length == 1 ? 0 : 1;
  }

  /** Returns the axis counted from the first, if the shape has it. */
  final int requireAxis(int axis) {
    if (axis < -shape.length || axis >= shape.length) {
      throw new ShapeException(
          message(
              "%s has %s along axis %d, which shape %s does not have; expected an axis from %d to %d: build the operation with axis(-1), or call along(-1, shape), for the last one",
              name(), entries(), axis, shown(), -shape.length, shape.length - 1));
    }
    classAxis = axis < 0 ? axis + shape.length : axis;
    return classAxis;
  }

  /** What the inputs have along the axis of the operation. */
  String entries() {
    return "classes";
  }

  /** Returns the size along an axis, or {@link Layer#ANY}. */
  final long size(int axis) {
    return shape[axis];
  }

  final String name() {
    return getClass().getSimpleName();
  }

  /** Call this first in every forward. Until {@link #end}, a backward is not possible. */
  final void begin(Tensor inputs) {
    ran = false;
    given(inputs, "inputs");
    requireOpen();
    String hint = whyNot(inputs.shape());
    if (hint != null) {
      throw new ShapeException(
          message(
              "%s takes inputs of shape %s with %s along axis %d, not %s: %s",
              name(), shown(), entries(), classAxis, Arrays.toString(inputs.shape()), hint));
    }
  }

  /** Call this last in every forward. */
  final void end() {
    ran = true;
  }

  /** Call this first in every method that returns results of the last forward. */
  final void requireForward(String what) {
    requireOpen();
    if (!ran) {
      throw new IllegalStateException(
          message("%s.%s needs a forward that succeeded: call forward first", name(), what));
    }
  }

  /** Frees the memory. */
  abstract void free();

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      free();
    }
  }

  /** Returns its name, the shape it takes, and the operation, if it has one. */
  @Override
  public String toString() {
    return name() + shown() + (operation == null ? "" : " of " + operation);
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException(name() + " is closed: make a new one");
    }
  }

  /** The fix for inputs of another shape, or null if the layer accepts them. */
  private @Nullable String whyNot(long[] inputs) {
    if (inputs.length != shape.length) {
      return "make the layer with one size for each axis of the inputs, batch included, with along(-1, shape) if "
          + entries()
          + " are along the last one";
    }
    for (int axis = 0; axis < shape.length; axis++) {
      if (shape[axis] != ANY && shape[axis] != inputs[axis]) {
        return message(
            "axis %d is %d; expected %d, or a layer made with Layer.ANY (-1) for axes whose size changes",
            axis, inputs[axis], shape[axis]);
      }
    }
    return null;
  }

  /** The shape in messages: "[any, 10]". */
  final String shown() {
    return Arrays.stream(shape)
        .mapToObj(size -> size == ANY ? "any" : Long.toString(size))
        .collect(Collectors.joining(", ", "[", "]"));
  }

  // ---- elements of tensors ---------------------------------------------------------------------

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

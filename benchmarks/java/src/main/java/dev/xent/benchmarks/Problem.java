// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import dev.xent.benchmarks.Operation.Option;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * The inputs of one operation on one shape and room for its output, the same memory for every
 * candidate that can use it. It lies off the heap, aligned to 64 bytes, for as long as the process.
 */
public final class Problem {
  private static final long ALIGNMENT = 64;

  /** What is computed. */
  public final Operation operation;

  /** The shape. */
  public final Shape shape;

  /** Logits, or {@code y} for a backward operation. */
  public final MemorySegment input;

  /** {@code dy} of a backward operation. */
  public final @Nullable MemorySegment upstream;

  /** The labels of an operation that has them, 64 bits wide. */
  public final @Nullable MemorySegment labels;

  /** The targets of a binary operation, 0 or 1 for every logit. */
  public final @Nullable MemorySegment targets;

  /** A float per class, where classes have weights. */
  public final @Nullable MemorySegment weights;

  /** Room for the output, in the shape of the logits; for every operation, so that a copy fits. */
  public final MemorySegment output;

  /** Room for the largest class of every row, 64 bits wide, where it is asked for. */
  public final @Nullable MemorySegment argmax;

  /** Room for the token of every row, 64 bits wide, where rows are sampled. */
  public final @Nullable MemorySegment tokens;

  /** Makes the inputs. */
  Problem(Operation operation, Shape shape) {
    this.operation = operation;
    this.shape = shape;
    long elements = shape.elements();
    input = bytes(elements * operation.elementBytes());
    output = bytes(elements * operation.elementBytes());
    SplittableRandom random = new SplittableRandom(1);
    for (long i = 0; i < elements; i++) {
      set(input, i, 4 * random.nextGaussian());
    }
    if (operation.isBackward()) {
      upstream = bytes(elements * operation.elementBytes());
      for (long i = 0; i < elements; i++) {
        set(upstream, i, random.nextGaussian());
      }
      new Rows(this).normalise(operation.kind == Operation.Kind.LOG_SOFTMAX_BACKWARD);
    } else {
      upstream = null;
    }
    labels = operation.hasLabels() ? labels(shape, random) : null;
    targets = operation.isBinary() ? targets(elements, random) : null;
    weights = operation.option == Option.WEIGHTS ? weights(shape, random) : null;
    argmax = operation.option == Option.ARGMAX ? bytes(shape.rows() * Long.BYTES) : null;
    tokens = operation.isSampling() ? bytes(shape.rows() * Long.BYTES) : null;
  }

  private static MemorySegment labels(Shape shape, SplittableRandom random) {
    MemorySegment labels = bytes(shape.rows() * Long.BYTES);
    for (long row = 0; row < shape.rows(); row++) {
      labels.setAtIndex(ValueLayout.JAVA_LONG, row, random.nextLong(shape.classes()));
    }
    return labels;
  }

  private static MemorySegment targets(long elements, SplittableRandom random) {
    MemorySegment targets = floats(elements);
    for (long i = 0; i < elements; i++) {
      targets.setAtIndex(ValueLayout.JAVA_FLOAT, i, random.nextInt(2));
    }
    return targets;
  }

  private static MemorySegment weights(Shape shape, SplittableRandom random) {
    MemorySegment weights = floats(shape.classes());
    for (long c = 0; c < shape.classes(); c++) {
      weights.setAtIndex(ValueLayout.JAVA_FLOAT, c, 0.5f + (float) random.nextDouble());
    }
    return weights;
  }

  private static MemorySegment bytes(long count) {
    return Arena.global().allocate(count, ALIGNMENT);
  }

  /** Off-heap room for that many floats. */
  public static MemorySegment floats(long elements) {
    return bytes(elements * Float.BYTES);
  }

  /** An element of the input, the upstream gradient or the output. */
  double at(MemorySegment segment, long i) {
    return operation.isDouble()
        ? segment.getAtIndex(ValueLayout.JAVA_DOUBLE, i)
        : segment.getAtIndex(ValueLayout.JAVA_FLOAT, i);
  }

  /** Writes such an element. */
  void set(MemorySegment segment, long i, double value) {
    if (operation.isDouble()) {
      segment.setAtIndex(ValueLayout.JAVA_DOUBLE, i, value);
    } else {
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) value);
    }
  }

  /** Makes the output NaN and classes -1, so that nothing passes by what is there. */
  void clearOutputs() {
    output.fill((byte) -1);
    if (argmax != null) {
      argmax.fill((byte) -1);
    }
    if (tokens != null) {
      tokens.fill((byte) -1);
    }
  }

  /** The upstream gradient of a backward operation. */
  public MemorySegment upstream() {
    return present(upstream, "an upstream gradient");
  }

  /** The labels of an operation that has them. */
  public MemorySegment labels() {
    return present(labels, "labels");
  }

  /** The targets of a binary operation. */
  public MemorySegment targets() {
    return present(targets, "targets");
  }

  /** The weights of the classes. */
  public MemorySegment weights() {
    return present(weights, "weights");
  }

  /** Room for the largest classes. */
  public MemorySegment argmax() {
    return present(argmax, "largest classes");
  }

  /** Room for the tokens. */
  public MemorySegment tokens() {
    return present(tokens, "tokens");
  }

  private MemorySegment present(@Nullable MemorySegment segment, String what) {
    if (segment == null) {
      throw new IllegalStateException(operation + " has no " + what);
    }
    return segment;
  }

  /** A segment as the buffer that other libraries take. */
  public static ByteBuffer buffer(MemorySegment segment) {
    return segment.asByteBuffer().order(ByteOrder.nativeOrder());
  }
}

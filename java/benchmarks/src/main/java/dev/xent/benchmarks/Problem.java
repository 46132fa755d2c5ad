// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import dev.xent.benchmarks.Operation.Option;
import dev.xent.cli.bench.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * The inputs of one operation on one shape and memory for its output, shared by all candidates that
 * can use it. The memory is off the heap, aligned to 64 bytes, and lives as long as the process.
 */
public final class Problem {
  private static final long ALIGNMENT = 64;

  /** The operation. */
  public final Operation operation;

  /** The shape. */
  public final Shape shape;

  /** Logits, or {@code y} for a backward operation. */
  public final MemorySegment input;

  /** {@code dy} of a backward operation. */
  public final @Nullable MemorySegment upstream;

  /** The labels of an operation with labels, 64 bits wide. */
  public final @Nullable MemorySegment labels;

  /** The targets of a binary operation, 0 or 1 for every logit. */
  public final @Nullable MemorySegment targets;

  /** A float per class, for operations with class weights. */
  public final @Nullable MemorySegment weights;

  /** Memory for an output in the shape of the logits; every operation has it, for copies. */
  public final MemorySegment output;

  /** Memory for the largest class of every row, 64 bits wide, for operations that return it. */
  public final @Nullable MemorySegment argmax;

  /** Memory for the token of every row, 64 bits wide, for sampling. */
  public final @Nullable MemorySegment tokens;

  /** Creates the inputs. */
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

  /** Off-heap memory for floats. */
  public static MemorySegment floats(long elements) {
    return bytes(elements * Float.BYTES);
  }

  /** An element of the input, the upstream gradient or the output. */
  double at(MemorySegment segment, long i) {
    return operation.isDouble()
        ? segment.getAtIndex(ValueLayout.JAVA_DOUBLE, i)
        : segment.getAtIndex(ValueLayout.JAVA_FLOAT, i);
  }

  /** Writes an element of one of these. */
  void set(MemorySegment segment, long i, double value) {
    if (operation.isDouble()) {
      segment.setAtIndex(ValueLayout.JAVA_DOUBLE, i, value);
    } else {
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) value);
    }
  }

  /** Sets the output to NaN and classes to -1, so that an unwritten result does not pass. */
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

  /** The labels of an operation with labels. */
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

  /** Memory for the largest classes. */
  public MemorySegment argmax() {
    return present(argmax, "largest classes");
  }

  /** Memory for the tokens. */
  public MemorySegment tokens() {
    return present(tokens, "tokens");
  }

  private MemorySegment present(@Nullable MemorySegment segment, String what) {
    if (segment == null) {
      throw new IllegalStateException(operation + " has no " + what);
    }
    return segment;
  }

  /** A segment as a buffer, for other libraries. */
  public static ByteBuffer buffer(MemorySegment segment) {
    return segment.asByteBuffer().order(ByteOrder.nativeOrder());
  }
}

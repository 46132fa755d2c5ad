// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

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

  /** The labels of an operation with a loss, 64 bits wide. */
  public final @Nullable MemorySegment labels;

  /** Room for the output, in the shape of the logits; for every operation, so that a copy fits. */
  public final MemorySegment output;

  /** Makes the inputs. */
  Problem(Operation operation, Shape shape) {
    this.operation = operation;
    this.shape = shape;
    long elements = shape.elements();
    input = floats(elements);
    output = floats(elements);
    SplittableRandom random = new SplittableRandom(1);
    for (long i = 0; i < elements; i++) {
      input.setAtIndex(ValueLayout.JAVA_FLOAT, i, 4 * (float) random.nextGaussian());
    }
    if (operation.isBackward()) {
      upstream = floats(elements);
      for (long i = 0; i < elements; i++) {
        upstream.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
      }
      new Rows(this).normalise(operation == Operation.LOG_SOFTMAX_BACKWARD);
    } else {
      upstream = null;
    }
    labels = operation.hasLoss() ? labels(shape, random) : null;
  }

  private static MemorySegment labels(Shape shape, SplittableRandom random) {
    MemorySegment labels = Arena.global().allocate(shape.rows() * Long.BYTES, ALIGNMENT);
    for (long row = 0; row < shape.rows(); row++) {
      labels.setAtIndex(ValueLayout.JAVA_LONG, row, random.nextLong(shape.classes()));
    }
    return labels;
  }

  /** Off-heap room for that many floats. */
  public static MemorySegment floats(long elements) {
    return Arena.global().allocate(elements * Float.BYTES, ALIGNMENT);
  }

  /** The upstream gradient of a backward operation. */
  public MemorySegment upstream() {
    return present(upstream, "an upstream gradient");
  }

  /** The labels of an operation with a loss. */
  public MemorySegment labels() {
    return present(labels, "labels");
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

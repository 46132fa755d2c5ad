// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import dev.xent.DType;
import dev.xent.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.SplittableRandom;

/**
 * The memory of one operation on one shape: inputs, labels and output, off the heap. The copies to
 * compare with use the same memory, and the same number of bytes as the operation reads and writes.
 */
final class Problem implements AutoCloseable {
  /** Two inputs, an output with half of its size more for the copy, and the expected output. */
  static final int MOST_BYTES_PER_ELEMENT = 18;

  /**
   * A byte value that the inputs of {@link #random} do not contain, so a search reads all bytes.
   */
  static final byte ABSENT = 0x55;

  /**
   * Clears the lowest bit of each byte except the first, which {@link #SPREAD} keeps from ABSENT.
   */
  private static final int EVEN_BYTES = 0xFFFEFEFE;

  private static final float SPREAD = 8;

  private final Arena arena = Arena.ofConfined();
  private final Shape shape;
  private final MemorySegment from;
  private final MemorySegment to;
  private final MemorySegment read;
  private final Tensor input;
  private final Tensor upstream;
  private final Tensor output;
  private final Tensor labels;

  Problem(Operation operation, Shape shape) {
    this.shape = shape;
    long n = shape.elements();
    long bytes = n * Float.BYTES;
    boolean backward = operation.isBackward();
    long second = backward ? (bytes + Memory.CACHE_LINE - 1) & -Memory.CACHE_LINE : 0;
    long copied = backward ? bytes + bytes / 2 : bytes;
    MemorySegment inputs = arena.allocate(second + bytes, Memory.CACHE_LINE);
    MemorySegment outputs = arena.allocate(copied, Memory.CACHE_LINE);
    from = inputs.asSlice(0, copied);
    to = outputs;
    read = inputs.asSlice(second, bytes);
    input = Tensor.of(inputs, DType.F32, shape.dims());
    upstream = Tensor.of(read, DType.F32, shape.dims());
    output = Tensor.of(outputs, DType.F32, shape.dims());
    labels = Tensor.allocate(arena, DType.I32, shape.rowDims());
    SplittableRandom random = new SplittableRandom(1);
    random(random, input);
    if (backward) {
      operation.forwardInPlace(shape.axis(), input);
      random(random, upstream);
    }
    int classes = (int) Math.min(shape.classes(), Integer.MAX_VALUE);
    for (long r = 0; r < labels.elements(); r++) {
      labels.segment().setAtIndex(ValueLayout.JAVA_INT, r, random.nextInt(classes));
    }
  }

  private static void random(SplittableRandom random, Tensor tensor) {
    MemorySegment values = tensor.segment();
    for (long i = 0; i < tensor.elements(); i++) {
      float value = SPREAD * (2 * (float) random.nextDouble() - 1);
      int bits = Float.floatToRawIntBits(value) & EVEN_BYTES;
      values.setAtIndex(ValueLayout.JAVA_INT, i, bits);
    }
  }

  Shape shape() {
    return shape;
  }

  /** The logits; for a backward operation, the output of the forward operation. */
  Tensor input() {
    return input;
  }

  /** The upstream gradient, for a backward operation. */
  Tensor upstream() {
    return upstream;
  }

  Tensor output() {
    return output;
  }

  /** A class for each row. */
  Tensor labels() {
    return labels;
  }

  /** Copies that read and write the same number of bytes as the operation. */
  List<Work> copies(Memory memory) {
    return memory.copies(from, to);
  }

  /** Reads of the logits, or of the upstream gradient for a backward operation. */
  List<Work> reads(Memory memory) {
    return memory.reads(read);
  }

  @Override
  public void close() {
    arena.close();
  }
}

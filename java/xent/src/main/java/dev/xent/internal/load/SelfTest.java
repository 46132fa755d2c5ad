// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import static dev.xent.internal.text.Messages.message;
import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.CallShape;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Status;
import dev.xent.options.Isa;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * Checks that kernels produce the bits of the contract, with a softmax and a loss with its gradient
 * of a few rows, in every type of logits and on every instruction set. This detects a library that
 * a compiler or a processor broke before it is used. Python's self_test has the same rows and
 * numbers.
 */
final class SelfTest {
  private static final int ROWS = 6;

  /** Two groups of sixteen lanes and a partial group. */
  private static final int CLASSES = 43;

  private static final List<ElementType> TYPES =
      List.of(ElementType.F32, ElementType.F64, ElementType.F16, ElementType.BF16);

  /** The CRC-32 of the results, one for each of the types. */
  private static final long[] SOFTMAX = {0x29b578a1L, 0x740ae6d8L, 0x026932c6L, 0x2ac0a045L};

  private static final long[] CROSS_ENTROPY = {0x6f1ae59cL, 0xb63e810fL, 0x39b4d13fL, 0xc0605f77L};

  private final Kernels kernels;
  private final FunctionCall functionCall = new FunctionCall();
  private final CallShape shape = new CallShape();
  private final MemorySegment options;
  private final MemorySegment logits;
  private final MemorySegment labels;
  private final MemorySegment results;

  private SelfTest(Kernels kernels, Arena arena) {
    this.kernels = kernels;
    options = arena.allocate(xent_options.layout());
    logits = arena.allocate(ROWS * CLASSES * Double.BYTES, Double.BYTES);
    labels = arena.allocate(ROWS * Integer.BYTES, Integer.BYTES);
    labels.copyFrom(MemorySegment.ofArray(new int[] {7, 0, CLASSES - 1, 1, 2, 11}));
    results = arena.allocate(ROWS * (CLASSES + 2) * Double.BYTES, Double.BYTES);
    xent_options.size(options, xent_options.sizeof());
    shape.outer = ROWS;
    shape.classes = CLASSES;
    shape.inner = 1;
    shape.set(Array.TARGETS, 1, 0, 1, ElementType.I32);
  }

  /**
   * Computes and compares.
   *
   * @param isas the instruction sets to compute on
   * @return the first failure; null if there is none
   */
  static @Nullable String failure(Kernels kernels, List<Isa> isas) {
    try (Arena arena = Arena.ofConfined()) {
      SelfTest test = new SelfTest(kernels, arena);
      for (int i = 0; i < TYPES.size(); i++) {
        test.take(TYPES.get(i));
        for (Isa isa : isas) {
          xent_options.isa(test.options, Codes.of(isa));
          if (test.softmax(TYPES.get(i)) != SOFTMAX[i]) {
            return describe("softmax", TYPES.get(i), isa);
          }
          if (test.crossEntropy(TYPES.get(i)) != CROSS_ENTROPY[i]) {
            return describe("cross-entropy", TYPES.get(i), isa);
          }
        }
      }
      return null;
    }
  }

  private static String describe(String function, ElementType type, Isa isa) {
    return message("a %s of %s on %s", function, type, isa.name().toLowerCase(Locale.ROOT));
  }

  /**
   * Three rows of logits from -8 to 7.75, which every type represents exactly. Three more rows
   * detect compilers that assume finite numbers or ignore the sign of zero: a row with a NaN, one
   * with infinity, and one with a signed zero among negative infinities.
   */
  private static double[] values() {
    double[] values = new double[ROWS * CLASSES];
    for (int i = 0; i < values.length; i++) {
      values[i] = (i * 37 % 64 - 32) / 4.0;
    }
    values[3 * CLASSES + 5] = Double.NaN;
    values[4 * CLASSES + 20] = Double.POSITIVE_INFINITY;
    Arrays.fill(values, 5 * CLASSES, ROWS * CLASSES, Double.NEGATIVE_INFINITY);
    values[5 * CLASSES + 11] = -0.0;
    return values;
  }

  /**
   * Stores the logits in a type, by way of an array: this code runs once, in the interpreter, which
   * takes a microsecond for each access to a segment.
   */
  private void take(ElementType type) {
    int count = ROWS * CLASSES;
    double[] values = values();
    float[] floats = new float[count];
    short[] halves = new short[count];
    for (int i = 0; i < count; i++) {
      floats[i] = (float) values[i];
      halves[i] =
          type == ElementType.F16
              ? Float.floatToFloat16(floats[i])
              : (short) (Float.floatToRawIntBits(floats[i]) >> 16);
    }
    switch (type) {
      case F64 -> logits.copyFrom(MemorySegment.ofArray(values));
      case F32 -> logits.copyFrom(MemorySegment.ofArray(floats));
      default -> logits.copyFrom(MemorySegment.ofArray(halves));
    }
    for (Array array : List.of(Array.LOGITS, Array.OUTPUT, Array.GRADIENT)) {
      shape.set(array, CLASSES, 1, 1, type);
    }
    shape.set(Array.LOSSES, 1, 0, 1, type);
    shape.set(Array.LOG_SUM_EXP, 1, 0, 1, type);
  }

  private long softmax(ElementType type) {
    results.fill((byte) 0);
    functionCall.begin(Function.SOFTMAX, shape, options, NULL);
    offer(Array.LOGITS, logits);
    offer(Array.OUTPUT, results);
    return run(type);
  }

  private long crossEntropy(ElementType type) {
    results.fill((byte) 0);
    long bytes = type.byteSize();
    functionCall.begin(Function.CROSS_ENTROPY, shape, options, NULL);
    offer(Array.LOGITS, logits);
    offer(Array.TARGETS, labels);
    offer(Array.LOSSES, results.asSlice(ROWS * CLASSES * bytes));
    offer(Array.LOG_SUM_EXP, results.asSlice(ROWS * (CLASSES + 1) * bytes));
    offer(Array.GRADIENT, results);
    return run(type);
  }

  /** Adds memory of this thread, which stays open. */
  private void offer(Array array, MemorySegment segment) {
    functionCall.offer(array, segment, null, true);
  }

  private long run(ElementType type) {
    int status = kernels.run(functionCall.rows(0, ROWS).classes(0, CLASSES));
    if (status == Status.OUT_OF_STACK) {
      throw new StackOverflowError("the thread has too little stack left for a native call");
    }
    return status == Status.OK ? checksum(type) : -1;
  }

  private long checksum(ElementType type) {
    CRC32 sum = new CRC32();
    sum.update(results.asByteBuffer().limit(ROWS * (CLASSES + 2) * type.byteSize()));
    return sum.getValue();
  }
}

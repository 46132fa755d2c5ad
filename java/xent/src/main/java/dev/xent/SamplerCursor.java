// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.NoTokenException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.plan.options.OptionRange;
import dev.xent.internal.plan.sample.CursorCall;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The tokens of one sequence, one after another: a {@link Sampler} that counts its steps. {@link
 * Sampler#start} returns one.
 *
 * {@snippet file="dev/xent/ExamplesTest.java" region="cursor" :
 * SamplerCursor cursor = sampler.start();
 * int token = cursor.next(row); // step 0
 * token = cursor.next(row); // step 1
 * }
 *
 * <p>A token is the one that {@link Sampler#token} returns for the same logits and step. Save
 * {@link #step()} and {@link Sampler#seed} to continue a sequence later. A call that throws does
 * not count. Calls with the array or the tensor of the call before allocate nothing; the last array
 * stays reachable until the next call.
 *
 * <p>Not safe for use by several threads at once.
 */
public final class SamplerCursor {
  private final Sampler sampler;
  private final CursorCall calls;
  private long step;

  private float @Nullable [] lastArray;
  private @Nullable Tensor lastTensor;

  SamplerCursor(Sampler sampler) {
    this.sampler = sampler;
    this.calls = sampler.cursor();
  }

  /**
   * Returns the next token.
   *
   * @param logits {@code x}, one row of F32, F16 or BF16
   * @throws NoTokenException for logits with a NaN or +inf, or without one above -inf
   * @throws ShapeException for more than one row
   * @throws OptionException for a sampler with a penalty, which needs the earlier tokens
   * @throws DTypeException for another type
   * @throws MemoryException for memory that is closed
   */
  public int next(Tensor logits) {
    long token = calls.next(Arguments.view(logits, "logits"), step);
    if (token < 0) {
      throw new NoTokenException(
          "logits is "
              + logits
              + " with "
              + cause(logits.toFloatArray())
              + ", and no token can be drawn; expected logits without NaN or +inf, one of them above"
              + " -inf");
    }
    step++;
    return (int) token;
  }

  private static String cause(float[] logits) {
    for (int i = 0; i < logits.length; i++) {
      if (!(logits[i] < Float.POSITIVE_INFINITY)) {
        return logits[i] + " in class " + i;
      }
    }
    return "-inf in all classes";
  }

  /**
   * Returns the next token.
   *
   * @param logits {@code x}, a number for each class
   * @throws NoTokenException for logits with a NaN or +inf, or without one above -inf
   */
  public int next(float[] logits) {
    long token = calls.next(Objects.requireNonNull(logits, "logits"), step);
    if (token >= 0) {
      step++;
      return (int) token;
    }
    Tensor tensor = lastTensor;
    if (tensor == null || logits != lastArray) {
      tensor = Tensor.of(logits);
      lastTensor = tensor;
      lastArray = logits;
    }
    return next(tensor);
  }

  /**
   * Returns the next token.
   *
   * @param logits {@code x}: floats in the byte order of the machine, one for each class
   * @throws NoTokenException for logits with a NaN or +inf, or without one above -inf
   * @throws ShapeException unless its size is a multiple of 4
   * @throws DTypeException for an array of anything but floats
   */
  public int next(MemorySegment logits) {
    long token = calls.next(Objects.requireNonNull(logits, "logits"), step);
    if (token >= 0) {
      step++;
      return (int) token;
    }
    long size = logits.byteSize();
    if (size % Float.BYTES != 0) {
      throw new ShapeException(
          "logits has " + size + " bytes; expected 4 bytes for each class: slice the segment");
    }
    Object array = logits.heapBase().orElse(null);
    if (array != null && !(array instanceof float[])) {
      throw new DTypeException(
          "logits is a "
              + array.getClass().getSimpleName()
              + "; expected floats: a float[] or memory outside the heap");
    }
    return next(Tensor.of(logits, DType.F32, size / Float.BYTES));
  }

  /** Returns the step of the next token: how many tokens came before. */
  public long step() {
    return step;
  }

  /**
   * Sets the step of the next token, to repeat a part of a sequence or to continue one.
   *
   * @param value from 0 to 2^32 - 1
   * @throws OptionException for another number
   */
  public SamplerCursor step(long value) {
    step = OptionRange.STEP.require(value);
    return this;
  }

  /** Returns the sampler and the step: {@code SamplerCursor[step=3, Sampler[topP=0.9, ...]]}. */
  @Override
  public String toString() {
    return "SamplerCursor[step=" + step + ", " + sampler + "]";
  }
}

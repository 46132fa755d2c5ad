// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.sample;

import dev.xent.internal.events.Recorder;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.MemoryScopes;
import dev.xent.internal.plan.arrays.Strides;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.PreparedCall;
import dev.xent.internal.plan.options.OptionRange;
import java.lang.foreign.MemorySegment;

/**
 * The calls of a cursor, which draws from one row after another. They are prepared once for rows of
 * one type and size, at any address. No row is kept reachable. The cursor makes one call at a time.
 */
public final class CursorCall {
  /**
   * The result of {@link #next} if it did nothing: no token exists, or the row differs from the
   * prepared one in type, size or memory.
   */
  public static final long WHOLE_CALL = -1;

  /** The last valid step. */
  private static final long LAST = OptionRange.STEP.most();

  private final SamplerPlan plan;
  private final PreparedCall preparedCall = new PreparedCall();

  /**
   * The number of consecutive floats in a row of one dimension; 0 if no call is prepared for such a
   * row.
   */
  private long floats;

  /** Whether the row is a Java array. */
  private boolean heap;

  public CursorCall(SamplerPlan plan) {
    this.plan = plan;
  }

  /** The next token of a Java array, or {@link #WHOLE_CALL}. */
  public long next(float[] logits, long step) {
    return heap && floats != 0 && logits.length == floats && step <= LAST && !Recorder.isOn()
        ? token(preparedCall.draw(logits, 0, null, step))
        : WHOLE_CALL;
  }

  /** The next token of off-heap memory, or {@link #WHOLE_CALL}. */
  public long next(MemorySegment logits, long step) {
    return !heap
            && floats != 0
            && step <= LAST
            && logits.isNative()
            && logits.byteSize() == floats * Float.BYTES
            && logits.address() != 0
            && logits.address() % Float.BYTES == 0
            && !Recorder.isOn()
            && MemoryScopes.isHeld(logits)
        ? token(preparedCall.draw(null, logits.address(), null, step))
        : WHOLE_CALL;
  }

  private static long token(long drawn) {
    return Math.max(drawn, WHOLE_CALL);
  }

  /** The next token of a row, or -1 if no token exists. */
  public long next(View logits, long step) {
    if (step <= LAST && preparedCall.isOf(logits)) {
      long token = preparedCall.draw(logits.array, logits.address, logits, step);
      if (token >= 0) {
        return token;
      }
    }
    floats = 0;
    long token = plan.token(logits, step, preparedCall);
    boolean isOfFloats = logits.type == ElementType.F32 && logits.contiguous;
    if (isOfFloats && Strides.isAxis(plan.axis(), 1) && preparedCall.isOf(logits)) {
      floats = logits.elements;
      heap = logits.heap;
    }
    return token;
  }
}

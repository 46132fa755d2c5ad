// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.sample;

import dev.xent.internal.events.Recorder;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.PreparedCall;
import dev.xent.internal.plan.options.OptionRange;
import java.lang.foreign.MemorySegment;

/**
 * The calls of a cursor, which draw from one row after another: prepared once for rows of a type
 * and a size, wherever they are. It keeps no row reachable. A second thread, which a cursor must
 * not have, waits: a prepared call is memory that it must not change meanwhile.
 */
public final class CursorCall {
  /** {@link #next} did nothing: there is no token, or the row is another one or of another kind. */
  public static final long WHOLE_CALL = -1;

  /** Later steps are errors. */
  private static final long LAST = OptionRange.STEP.most();

  private final SamplerPlan plan;
  private final PreparedCall prepared = new PreparedCall();

  /** Floats of the row, one after another; 0: nothing is prepared, or it has another type. */
  private long floats;

  /** Whether they are a Java array. */
  private boolean heap;

  CursorCall(SamplerPlan plan) {
    this.plan = plan;
  }

  /** The next token of a Java array, or {@link #WHOLE_CALL}. */
  public synchronized long next(float[] logits, long step) {
    return heap && logits.length == floats && step <= LAST && !Recorder.isOn()
        ? token(prepared.draw(logits, 0, null, step))
        : WHOLE_CALL;
  }

  /** The next token of memory off the heap, or {@link #WHOLE_CALL}. */
  public synchronized long next(MemorySegment logits, long step) {
    return !heap
            && floats != 0
            && step <= LAST
            && logits.isNative()
            && logits.byteSize() == floats * Float.BYTES
            && logits.address() % Float.BYTES == 0
            && !Recorder.isOn()
            && Memory.isHeld(logits)
        ? token(prepared.draw(null, logits.address(), null, step))
        : WHOLE_CALL;
  }

  private static long token(long drawn) {
    return Math.max(drawn, WHOLE_CALL);
  }

  /** The next token of a row, or -1 if there is none. */
  public synchronized long next(View logits, long step) {
    if (step <= LAST && prepared.isOf(logits)) {
      long token = prepared.draw(logits.array, logits.address, logits, step);
      if (token >= 0) {
        return token;
      }
    }
    floats = 0;
    long token = plan.token(logits, step, prepared);
    if (logits.type == ElementType.F32 && logits.contiguous && prepared.isOf(logits)) {
      floats = logits.elements;
      heap = logits.heap;
    }
    return token;
  }
}

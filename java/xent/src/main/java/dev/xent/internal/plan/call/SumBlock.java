// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.kernels.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Numbers that plain Java computes, which are added to the exact sum of a call many at once. */
public final class SumBlock {
  private static final int SIZE = 1024;

  private final MemorySegment numbers =
      Arena.ofAuto().allocate(MemoryLayout.sequenceLayout(SIZE, ValueLayout.JAVA_DOUBLE));

  private ElementType type = ElementType.F64;
  private int count;

  private SumBlock() {}

  /**
   * The block of a run, which is empty.
   *
   * @param type F32 or F64
   */
  public static SumBlock of(Run run, ElementType type) {
    SumBlock block = run.scratch(SumBlock.class, SumBlock::new);
    block.type = type;
    block.count = 0;
    return block;
  }

  /** Adds a number; {@link #flush} must follow the last one. */
  public void add(Run run, double value) {
    type.set(numbers, count++, value);
    if (count == SIZE) {
      flush(run);
    }
  }

  /** Passes the numbers to the exact sum. */
  public void flush(Run run) {
    Failures.check(run.kernels().exactSumAdd(run.exactSum(), numbers, type, 1, count), run);
    count = 0;
  }
}

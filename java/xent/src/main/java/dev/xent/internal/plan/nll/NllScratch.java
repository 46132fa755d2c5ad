// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.nll;

import dev.xent.internal.plan.call.Call;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The state that a thread needs for the negative log-likelihood, in addition to its {@link Call}.
 */
final class NllScratch {
  /** The number of losses that are added to the exact sum at once. */
  static final int BLOCK = 1024;

  final NllRow row;

  /** Losses of type F32 or F64. */
  final MemorySegment losses =
      Arena.ofAuto().allocate(MemoryLayout.sequenceLayout(BLOCK, ValueLayout.JAVA_DOUBLE));

  private NllScratch(Call call) {
    row = new NllRow(call);
  }

  /** The scratch of a call. */
  static NllScratch of(Call call) {
    return call.scratch.get(NllScratch.class, NllScratch::new);
  }
}

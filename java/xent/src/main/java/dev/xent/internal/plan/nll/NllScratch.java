// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.nll;

import dev.xent.internal.plan.call.Call;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** What a thread needs for the negative log-likelihood beside its {@link Call}. */
final class NllScratch {
  /** Losses that are handed to the exact sum at once. */
  static final int BLOCK = 1024;

  final NllRow row;

  /** Of type F32 or F64. */
  final MemorySegment losses =
      Arena.ofAuto().allocate(MemoryLayout.sequenceLayout(BLOCK, ValueLayout.JAVA_DOUBLE));

  private NllScratch(Call call) {
    row = new NllRow(call);
  }

  /** That of a call. */
  static NllScratch of(Call call) {
    return call.scratch.get(NllScratch.class, NllScratch::new);
  }
}

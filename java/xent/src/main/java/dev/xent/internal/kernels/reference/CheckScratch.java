// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.ffi.xent_exact_sum;
import dev.xent.internal.kernels.reference.results.ExactSum;
import dev.xent.internal.kernels.reference.sum.State;
import dev.xent.internal.kernels.reference.sum.Statistics;
import java.lang.foreign.MemorySegment;

/** Scratch for the checks of a call, reused by every call. */
final class CheckScratch {
  final State state = new State();
  final Statistics statistics = new Statistics();
  final ExactSum exactSum = new ExactSum();

  /** An xent_exact_sum for the denominator. */
  final MemorySegment weights =
      MemorySegment.ofArray(new long[(int) (xent_exact_sum.sizeof() / Long.BYTES)]);
}

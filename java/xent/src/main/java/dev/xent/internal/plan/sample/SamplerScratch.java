// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.sample;

import dev.xent.internal.ffi.xent_sampling;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.plan.arrays.ArrayRow;
import dev.xent.internal.plan.arrays.Pieces;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.options.SamplingOptions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The state that a thread needs for sampling, reused by every call. */
final class SamplerScratch {
  /** Memory for the token of a row in a call without a token tensor. */
  final View token = View.room(ElementType.I64, 1);

  final ArrayRow tokensBefore = new ArrayRow();

  final ArrayRow draftProbabilities = new ArrayRow();

  private final MemorySegment sampling = Arena.ofAuto().allocate(xent_sampling.layout());

  /** The options that the struct currently has. */
  private @Nullable SamplingOptions written;

  // State of the current call, shared by all its threads.

  /** The counter of the tokens, unless rows have requests. */
  long step;

  /** The sampler of each row; null if all rows use the same one. */
  @Nullable SamplerRows requests;

  /** The workspace of a cursor; null if each thread uses another one. */
  @Nullable MemorySegment workspace;

  private SamplerScratch() {}

  static SamplerScratch of(Call call) {
    return call.scratch(SamplerScratch.class, made -> new SamplerScratch());
  }

  /**
   * The scratch of a call, initialized for its step. From now on all threads of the call read it.
   */
  static SamplerScratch share(Call call, long step) {
    SamplerScratch own = of(call);
    own.step = step;
    own.requests = null;
    own.workspace = null;
    call.shared = own;
    return own;
  }

  /** Drops the references to the caller's objects. */
  void release() {
    requests = null;
    workspace = null;
  }

  /** The struct with the sampling parameters of the rows of the current piece. */
  MemorySegment sampling(SamplingOptions options, Pieces pieces, long step) {
    long stream = options.stream() + pieces.firstRow;
    if (options != written) {
      options.write(sampling, stream, step);
      written = options;
    } else { // the usual case for the calls of a thread
      SamplingOptions.writeCounters(sampling, stream, step);
    }
    return sampling;
  }
}

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

/** What a thread needs to sample, used again by every call. */
final class SamplerScratch {
  /** A token of a row that nobody gave a tensor for. */
  final View token = View.room(ElementType.I64, 1);

  final ArrayRow tokensBefore = new ArrayRow();

  private final MemorySegment sampling = Arena.ofAuto().allocate(xent_sampling.layout());

  /** Whose numbers the struct holds. */
  private @Nullable SamplingOptions written;

  // Of the current call, for all threads that work on it.

  /** What tokens are counted by, unless rows have requests. */
  long step;

  /** How each row is sampled; null: all alike. */
  @Nullable SamplerRows requests;

  /** What a shard says of the rows; null: rows are whole. */
  @Nullable SampleRound round;

  private SamplerScratch() {}

  /** That of a call. */
  static SamplerScratch of(Call call) {
    return call.scratch.get(SamplerScratch.class, made -> new SamplerScratch());
  }

  /** That of a call, which all its threads read from now on. */
  static SamplerScratch share(Call call, long step) {
    SamplerScratch own = of(call);
    own.step = step;
    own.requests = null;
    own.round = null;
    call.shared = own;
    return own;
  }

  /** Lets go of what was the caller's. */
  void release() {
    requests = null;
    round = null;
  }

  /** What the kernels are told of the rows of the current piece. */
  MemorySegment sampling(SamplingOptions options, Pieces pieces, long step) {
    long stream = options.stream() + pieces.firstRow;
    if (options != written) {
      options.write(sampling, stream, step);
      written = options;
    } else { // as with most calls of a thread
      SamplingOptions.writeCounters(sampling, stream, step);
    }
    return sampling;
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.sample;

import dev.xent.internal.plan.call.CallArguments;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a sampler is given that no other operation takes. */
final class SamplerArguments {
  private static final SamplerArguments NONE = new SamplerArguments();

  /** How each row is sampled; null: all alike. */
  @Nullable SamplerRows requests;

  /** Receive the numbers of the call, and say what else is written. */
  @Nullable SamplerOutputs outputs;

  /** Whether there is one row, whose tokens before have been checked. */
  boolean ofCursor;

  /** What the shards of a sampler said of the rows; null: rows are whole. */
  @Nullable List<SampleRound> gathered;

  /** Those of a call. */
  static SamplerArguments of(CallArguments given) {
    return given.others == null ? NONE : (SamplerArguments) given.others;
  }
}

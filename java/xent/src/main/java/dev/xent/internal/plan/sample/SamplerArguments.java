// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.sample;

import dev.xent.internal.plan.call.CallArguments;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The arguments that only samplers have. */
final class SamplerArguments {
  private static final SamplerArguments NONE = new SamplerArguments();

  /** The sampler of each row; null if all rows use the same one. */
  @Nullable SamplerRows requests;

  /** The requested outputs, which also receive the numbers of the call. */
  @Nullable SamplerOutputs outputs;

  /** Whether the call is a cursor's, with one row whose previous tokens have been checked. */
  boolean ofCursor;

  /** The states that the shards of a sampler gathered; null if rows are whole. */
  @Nullable List<SampleRound> gathered;

  /** The sampler arguments of a call. */
  static SamplerArguments of(CallArguments given) {
    return given.others == null ? NONE : (SamplerArguments) given.others;
  }
}

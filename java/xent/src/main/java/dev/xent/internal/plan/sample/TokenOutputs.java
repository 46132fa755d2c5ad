// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.sample;

import dev.xent.SamplerOutputs;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.NullChecks;
import dev.xent.internal.plan.arrays.View;
import org.jspecify.annotations.Nullable;

/**
 * The outputs of sampling in addition to tokens: the requested tensors, and the numbers of the
 * call.
 */
public final class TokenOutputs implements SamplerOutputs {
  /** The outputs that can be requested. */
  static final Array[] ARRAYS = {
    Array.PROCESSED_LOG_PROBABILITIES,
    Array.KEPT,
    Array.KEPT_MASK,
    Array.LOG_PROBABILITIES,
    Array.RANKS,
    Array.ENTROPIES,
    Array.TOP_CLASSES,
    Array.TOP_LOG_PROBABILITIES
  };

  final ArrayViews views = new ArrayViews();

  /** How often a request has changed. */
  private int changes;

  public long rows = -1;
  public long sampled = -1;

  /** The outputs of an argument. */
  public static TokenOutputs of(SamplerOutputs outputs) {
    return (TokenOutputs) NullChecks.require(outputs, "outputs", "SamplerOutputs.create()");
  }

  /** Requests an array; null removes the request. */
  public void set(Array array, @Nullable View view) {
    views.set(array, view);
    changes++;
  }

  int changes() {
    return changes;
  }

  @Override
  public String toString() {
    return views
        .describe(new Described("SamplerOutputs"))
        .option("rows", rows, -1L)
        .option("sampled", sampled, -1L)
        .toString();
  }
}

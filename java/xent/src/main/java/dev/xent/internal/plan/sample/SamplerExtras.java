// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.sample;

import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Extras;
import org.jspecify.annotations.Nullable;

/** What a call of a sampler has besides its arrays. */
final class SamplerExtras extends Extras {
  /** The stream of the first row. */
  long stream;

  /** The sampler of each row; null if all rows use the same one. */
  @Nullable SamplerRows rows;

  /** The outputs, which receive the numbers of the call; null for none. */
  @Nullable TokenOutputs outputs;

  /** The workspace of a text whose tokens have been checked; null in other calls. */
  @Nullable View workspace;

  // The tokens of a text, whose memory may have more entries.
  long promptCount;
  long outputCount;

  /** How many of both the workspace has from the call before. */
  boolean continues;
}

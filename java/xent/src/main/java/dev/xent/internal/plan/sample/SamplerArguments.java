// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.sample;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.CallArguments;
import dev.xent.internal.plan.call.PreparedCall;
import java.util.Objects;
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

  /** The numbers of previous tokens of a cursor, whose memory may have more entries. */
  private long promptCount;

  private long outputCount;

  /** How many of these tokens {@link #workspace} has from the call before. */
  long countedTokens;

  /** The call that the cursor prepares for rows like this one; null for none. */
  @Nullable PreparedCall preparedCall;

  /** The workspace of all calls of a cursor. */
  private @Nullable View workspace;

  /** A workspace of at least {@code bytes} bytes, which lives as long as this object. */
  View workspace(long bytes) {
    if (workspace == null || workspace.bytes < bytes) {
      workspace = View.room(ElementType.I64, Math.multiplyExact(2, bytes / Long.BYTES + 1));
      countedTokens = 0;
    }
    return workspace;
  }

  /**
   * Sets the numbers of previous tokens of a cursor. The core reads these numbers of tokens, so
   * this compares them with the memory that it gets.
   */
  void tokens(InputViews inputs, long ofPrompt, long ofOutput) {
    promptCount = within(inputs.get(Array.PROMPT_TOKENS), ofPrompt);
    outputCount = within(inputs.get(Array.OUTPUT_TOKENS), ofOutput);
  }

  private static long within(@Nullable View memory, long count) {
    return Objects.checkIndex(count, 1 + (memory == null ? 0 : memory.elements));
  }

  long promptCount() {
    return promptCount;
  }

  long outputCount() {
    return outputCount;
  }

  /** The number of previous tokens of a cursor. */
  long tokens() {
    return promptCount + outputCount;
  }

  /** The sampler arguments of a call. */
  static SamplerArguments of(CallArguments arguments) {
    return arguments.others == null ? NONE : (SamplerArguments) arguments.others;
  }
}

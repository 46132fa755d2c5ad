// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.errors.OptionException;
import org.jspecify.annotations.Nullable;

/** What sampling hands out beside tokens: the tensors that were asked for, and its numbers. */
public final class SamplerOutputs {
  public @Nullable View logProbabilities;
  public @Nullable View processedLogProbabilities;
  public @Nullable View kept;
  public @Nullable View keptMask;
  public @Nullable View ranks;
  public @Nullable View entropies;
  public @Nullable View topClasses;
  public @Nullable View topLogProbabilities;

  public long rows = -1;
  public long sampled = -1;

  /** All of them, empty. */
  public SamplerOutputs() {}

  /** Refuses what only whole rows tell. */
  void requireForShard() {
    requireNone("logProbabilities", logProbabilities);
    requireNone("keptMask", keptMask);
    requireNone("ranks", ranks);
    requireNone("entropies", entropies);
    requireNone("topClasses", topClasses);
    requireNone("topLogProbabilities", topLogProbabilities);
  }

  private static void requireNone(String name, @Nullable View view) {
    if (view != null) {
      throw new OptionException(
          name
              + " is asked for, and a shard does not have whole rows: ask for processedLogProbabilities and kept, or sample from whole rows");
    }
  }

  @Override
  public String toString() {
    Described text =
        new Described("Outputs")
            .option("logProbabilities", logProbabilities, null)
            .option("processedLogProbabilities", processedLogProbabilities, null)
            .option("kept", kept, null)
            .option("keptMask", keptMask, null)
            .option("ranks", ranks, null)
            .option("entropies", entropies, null)
            .option("topClasses", topClasses, null)
            .option("topLogProbabilities", topLogProbabilities, null);
    return text.option("rows", rows, -1L).option("sampled", sampled, -1L).toString();
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.View;
import org.jspecify.annotations.Nullable;

/** The arguments of a call: its tensors, and the other arguments that an operation takes. */
public final class CallArguments {
  /** The logits, or the tensor that an operation reads instead of logits. */
  public @Nullable View lead;

  /** The weights of a linear layer or of elements. */
  public @Nullable View weights;

  /** The targets, the teacher of a divergence or the selected classes. */
  public @Nullable View targets;

  public @Nullable View upstream;

  /** The main output: probabilities, log-probabilities, classes or tokens. */
  public @Nullable View output;

  /** The second output. */
  public @Nullable View secondOutput;

  public @Nullable View gradient;
  public InputViews inputs = InputViews.NONE;
  public @Nullable ArrayViews gradients;

  /** The requested outputs, which also receive the numbers of the call. */
  public @Nullable Outputs outputs;

  /** The outputs of the forward pass that a backward pass belongs to. */
  public @Nullable Outputs saved;

  /** The counter of the random bits. */
  public long step;

  /** Further arguments, which only the operation uses. */
  public @Nullable Object others;

  /**
   * Sets the inputs. Most calls have no inputs, and storing a reference takes time in a short call.
   */
  public void inputs(InputViews views) {
    if (views != InputViews.NONE) {
      inputs = views;
    }
  }

  /**
   * Whether the call reads and writes only the views of {@link Plan#run(View, View, View)}, of
   * which the upstream or the output is one.
   */
  public boolean areViewsAlone() {
    return inputs == InputViews.NONE
        && weights == null
        && secondOutput == null
        && gradients == null
        && saved == null
        && others == null
        && (outputs == null || outputs.wantNumbersAlone());
  }

  /** Drops all references to the caller's objects. */
  void clear() {
    // Storing references takes time in a short call, and most calls have few.
    lead = null;
    output = null;
    if (targets != null || gradient != null) {
      targets = null;
      gradient = null;
    }
    if (outputs != null) {
      outputs = null;
    }
    if (weights != null || upstream != null || secondOutput != null) {
      weights = null;
      upstream = null;
      secondOutput = null;
    }
    if (inputs != InputViews.NONE) {
      inputs = InputViews.NONE;
    }
    if (gradients != null || saved != null) {
      gradients = null;
      saved = null;
    }
    if (others != null) {
      others = null;
    }
  }
}

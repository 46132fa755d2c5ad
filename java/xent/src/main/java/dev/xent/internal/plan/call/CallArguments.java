// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.View;
import org.jspecify.annotations.Nullable;

/** What a call was given: the tensors, and what else an operation takes. */
public final class CallArguments {
  /** Logits, or what an operation reads in their place. */
  public @Nullable View lead;

  /** The weights of a linear layer or of elements. */
  public @Nullable View weights;

  /** Targets, the teacher of a divergence, selected classes. */
  public @Nullable View targets;

  public @Nullable View upstream;

  /** What is computed: probabilities, log-probabilities, classes, tokens. */
  public @Nullable View output;

  /** What else is. */
  public @Nullable View secondOutput;

  public @Nullable View gradient;
  public InputViews inputs = InputViews.NONE;
  public @Nullable ArrayViews gradients;

  /** Receive the numbers of the call, and say what else is computed. */
  public @Nullable Outputs outputs;

  /** Those of the forward that a backward belongs to. */
  public @Nullable Outputs saved;

  /** What random bits are counted by. */
  public long step;

  /** What else, known to the operation alone. */
  public @Nullable Object others;

  /** Storing references takes time in every short call, and most have no inputs. */
  public void inputs(InputViews views) {
    if (views != InputViews.NONE) {
      inputs = views;
    }
  }

  /** Whether nothing is read or written but the views that most calls have. */
  public boolean areViewsAlone() {
    return inputs == InputViews.NONE
        && weights == null
        && secondOutput == null
        && gradients == null
        && saved == null
        && others == null
        && (outputs == null || outputs.wantNumbersAlone());
  }

  /** Lets go of everything that is the caller's. */
  void clear() {
    // Storing references takes time in every short call, and most have few.
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

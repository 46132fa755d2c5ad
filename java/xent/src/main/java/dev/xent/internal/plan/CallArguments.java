// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a call was given: the tensors, and what else an operation takes. */
final class CallArguments {
  /** Logits, or what an operation reads in their place. */
  @Nullable View lead;

  /** The weights of a linear layer or of elements. */
  @Nullable View weights;

  /** Targets, the teacher of a divergence, selected classes. */
  @Nullable View targets;

  @Nullable View upstream;

  /** What is computed: probabilities, log-probabilities, classes, tokens. */
  @Nullable View output;

  /** What else is. */
  @Nullable View secondOutput;

  @Nullable View gradient;
  InputViews inputs = InputViews.NONE;
  @Nullable ArrayViews gradients;

  /** Receive the numbers of the call, and say what else is computed. */
  @Nullable Outputs outputs;

  /** Those of the forward that a backward belongs to. */
  @Nullable Outputs saved;

  // Of sampling.
  long step;
  @Nullable SamplerRows requests;
  @Nullable SamplerOutputs samplerOutputs;

  /** What the shards of a sampler said of the rows; null: rows are whole. */
  @Nullable List<SampleRound> gathered;

  /** Storing references takes time in every short call, and most have no inputs. */
  void inputs(InputViews views) {
    if (views != InputViews.NONE) {
      inputs = views;
    }
  }

  /** Those of a loss. */
  void loss(View newLead, View newTargets, @Nullable View newGradient) {
    lead = newLead;
    targets = newTargets;
    gradient = newGradient;
  }

  /** Whether nothing is read or written but the views that most calls have. */
  boolean areViewsAlone() {
    return inputs == InputViews.NONE
        && weights == null
        && secondOutput == null
        && gradients == null
        && saved == null
        && requests == null
        && gathered == null
        && samplerOutputs == null
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
    if (requests != null || gathered != null || samplerOutputs != null) {
      requests = null;
      gathered = null;
      samplerOutputs = null;
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.internal.plan.arrays.NullChecks;
import dev.xent.internal.plan.call.Outputs;
import dev.xent.internal.plan.sample.SamplerOutputs;
import dev.xent.internal.plan.sample.SamplerRows;

/** The tensors of the arguments of a call. A null is an error that names the argument. */
final class Arguments {
  private Arguments() {}

  static Outputs outputs(LossOutputs outputs) {
    return NullChecks.require(outputs, "outputs", "a new LossOutputs()").outputs;
  }

  static SamplerRows rows(Sampler.Requests requests) {
    return NullChecks.require(requests, "requests", "a new Requests()").rows;
  }

  static SamplerOutputs outputs(Sampler.Outputs outputs) {
    return NullChecks.require(outputs, "outputs", "a new Outputs()").outputs;
  }

  static Outputs saved(LossOutputs saved) {
    return NullChecks.require(saved, "saved", "the outputs of the forward").outputs;
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.internal.plan.arrays.NullChecks;
import dev.xent.internal.plan.options.OptionRange;
import dev.xent.internal.plan.sample.SamplerOperation;
import dev.xent.internal.plan.sample.SamplerRows;

/**
 * The rows of a batch, each with its sampler, stream and step. Keep it from call to call, and
 * change the rows that change; a change allocates nothing. One call at a time may use it. A second
 * one, and a change during a call, throw a {@link java.util.ConcurrentModificationException}.
 *
 * {@snippet file="dev/xent/ExamplesTest.java" region="requests" :
 * SamplerRequests requests = SamplerRequests.create().add(careful, 17, 0).add(wild, 18, 5);
 * SamplerCall call = batch.on(logits, tokens).outputs(outputs);
 * call.run(requests);
 * requests.step(0, 1).step(1, 6);
 * }
 */
public sealed interface SamplerRequests permits SamplerRows {
  /** Returns new requests, without rows. */
  static SamplerRequests create() {
    return new SamplerRows();
  }

  /** Returns the number of requests. */
  int size();

  /** Removes all requests. */
  SamplerRequests clear();

  /**
   * Adds a row.
   *
   * @param sampler whose scale, filters, penalties, temperature, seed and draw it has; its axis and
   *     softcap are those of the sampler that computes
   * @param stream instead of {@link Sampler.Builder#stream}, any number: the same one for all steps
   *     of a sequence, another one for each other sequence
   * @param step how many tokens came before, from 0 to 2^32 - 1
   */
  default SamplerRequests add(Sampler sampler, long stream, long step) {
    rows().add(operationOf(sampler), stream, OptionRange.STEP.require(step));
    return this;
  }

  /**
   * Replaces a request.
   *
   * @param row its place
   * @param sampler as in {@link #add}
   * @param stream as in {@link #add}
   * @param step as in {@link #add}
   * @throws IndexOutOfBoundsException for a row that is not there
   */
  default SamplerRequests set(int row, Sampler sampler, long stream, long step) {
    rows().set(row, operationOf(sampler), stream, OptionRange.STEP.require(step));
    return this;
  }

  /**
   * Sets the step of a row.
   *
   * @param row its place
   * @param step how many tokens came before, from 0 to 2^32 - 1
   * @throws IndexOutOfBoundsException for a row that is not there
   */
  SamplerRequests step(int row, long step);

  private SamplerRows rows() {
    return (SamplerRows) this;
  }

  private static SamplerOperation operationOf(Sampler sampler) {
    SamplerOperation operation = NullChecks.require(sampler, "sampler", "a Sampler").operation;
    operation.repetition().requireUnused();
    return operation;
  }

  /** Returns the number of requests and the first of them, in one line. */
  @Override
  String toString();
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static dev.xent.Arguments.rows;
import static dev.xent.Arguments.view;
import static dev.xent.Arguments.views;

import dev.xent.errors.OptionException;
import dev.xent.errors.PartialStatesException;
import dev.xent.internal.plan.arrays.NullChecks;
import dev.xent.internal.plan.sample.SampleRound;
import dev.xent.internal.plan.sample.SamplerPlan;
import dev.xent.internal.plan.sample.SamplerRows;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Tokens of rows whose classes are divided, made by {@link Sampler#shard}: each shard has a tensor
 * with consecutive classes. All shards get the tokens that a {@link Sampler} draws from the whole
 * rows, bit for bit.
 *
 * {@snippet file="dev/xent/ExamplesTest.java" region="samplerShard" :
 * SamplerShard shard = sampler.shard(firstClass, allClasses);
 * shard.sample(logits, step, inputs, tokens, outputs, mine -> allGather(mine));
 * }
 *
 * <p>States are exchanged once if there is a {@link Sampler.Builder#topK topK} with ties FIRST, or
 * the largest class is taken; twice if {@link Sampler.Builder#topP topP} keeps at most 512 classes;
 * three times without either, if there are at most 2^18 classes; ten times at worst, and with more
 * classes fourteen. All shards are finished in the same round.
 *
 * <p>topK and {@link Sampler.Builder#minKeep minKeep} are at most 512, and {@link
 * Sampler.Builder#typicalP typicalP} takes a topK with ties FIRST, as a shard does not see the
 * rest. Outputs have {@link Sampler.Outputs#processedLogProbabilities processedLogProbabilities}
 * and {@link Sampler.Outputs#kept kept}, and no others; for log-probabilities among all classes,
 * pass the tokens as labels to a {@link CrossEntropyShard}.
 *
 * <p>A mask and a bias have the classes of the shard. Tokens, those with a bias too, count through
 * all classes, and every shard has all of them. Instances are immutable; any number of threads may
 * share one.
 */
public final class SamplerShard {
  private final SamplerPlan plan;

  SamplerShard(SamplerPlan plan) {
    this.plan = plan;
  }

  /**
   * Writes the tokens of all rows together with the other shards, which call this too. If one of
   * them throws before it exchanges states, the others wait for it: notify them.
   *
   * @param logits the classes of this shard
   * @param step how many tokens came before, from 0 to 2^32 - 1
   * @param inputs a mask, a bias, the tokens before
   * @param tokens I32 or I64, in the shape of the logits without the class axis, or with it at size
   *     1; must not overlap anything
   * @param outputs receive the numbers of the call; their tensors are filled
   * @param gather sends the states of this shard to all, and returns those of all, in any order. It
   *     is called once for each round
   * @throws OptionException for filters that a shard cannot have
   * @throws PartialStatesException for states that do not belong together; tokens of other rows may
   *     be written
   */
  public void sample(
      Tensor logits,
      long step,
      SamplerInputs inputs,
      Tensor tokens,
      Sampler.Outputs outputs,
      AllGather<SampleStates> gather) {
    rounds(gather, gathered -> round(logits, step, null, inputs, gathered, tokens, outputs));
  }

  /**
   * Samples rows with their own samplers, streams and steps.
   *
   * @param logits the classes of this shard
   * @param requests one per row, in order
   * @param inputs a mask, a bias, the tokens before
   * @param tokens I32 or I64, in the shape of the logits without the class axis, or with it at size
   *     1; must not overlap anything
   * @param outputs receive the numbers of the call; their tensors are filled
   * @param gather sends the states of this shard to all, and returns those of all, in any order. It
   *     is called once for each round
   * @throws OptionException for a request with filters that a shard cannot have
   * @throws PartialStatesException for states that do not belong together; tokens of other rows may
   *     be written
   */
  public void sample(
      Tensor logits,
      Sampler.Requests requests,
      SamplerInputs inputs,
      Tensor tokens,
      Sampler.Outputs outputs,
      AllGather<SampleStates> gather) {
    SamplerRows rows = rows(requests);
    rounds(gather, gathered -> round(logits, 0, rows, inputs, gathered, tokens, outputs));
  }

  private static void rounds(
      AllGather<SampleStates> gather, Function<List<SampleStates>, SampleStates> round) {
    NullChecks.require(gather, "gather", "a function that exchanges states");
    SampleStates mine = round.apply(List.of());
    while (!mine.isFinished()) {
      List<SampleStates> all = gather.gather(mine);
      if (all != null && all.isEmpty()) {
        throw new PartialStatesException(
            "gather returned no states; expected those of all shards, with the ones of this shard");
      }
      mine = round.apply(all);
    }
  }

  /** One round, with the states of all shards from the previous round; none in the first round. */
  SampleStates round(
      Tensor logits,
      long step,
      @Nullable SamplerRows requests,
      SamplerInputs inputs,
      List<SampleStates> gathered,
      Tensor tokens,
      Sampler.Outputs outputs) {
    List<SampleRound> rounds = new ArrayList<>();
    for (SampleStates states :
        NullChecks.require(gathered, "gathered", "the states of all shards")) {
      rounds.add(NullChecks.require(states, "gathered", "the states of all shards").round);
    }
    return new SampleStates(
        plan.round(
            view(logits, "logits"),
            step,
            requests,
            views(inputs),
            rounds,
            view(tokens, "tokens"),
            Arguments.outputs(outputs)));
  }

  /** Returns its classes and the options of the sampler that are not the defaults. */
  @Override
  public String toString() {
    return plan.toString();
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.distributed;

import static dev.xent.distributed.Arguments.view;

import dev.xent.Sampler;
import dev.xent.SamplerInputs;
import dev.xent.Tensor;
import dev.xent.errors.OptionException;
import dev.xent.errors.PartialStatesException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.plan.Access;
import dev.xent.internal.plan.SampleRound;
import dev.xent.internal.plan.SamplerPlan;
import dev.xent.internal.plan.SamplerRows;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Tokens of rows whose classes are divided: each shard has a tensor with the classes from a first
 * one on, as many as there are. All shards get the tokens that a {@link Sampler} draws from the
 * whole rows, bit for bit.
 *
 * <pre>{@code
 * SamplerShard shard = SamplerShard.of(sampler, firstClass, allClasses);
 * SampleStates mine = shard.sample(logits, step, inputs, List.of(), tokens, outputs);
 * while (!mine.isFinished()) {
 *   List<SampleStates> gathered = exchanged(mine);     // those of all shards, in any order
 *   mine = shard.sample(logits, step, inputs, gathered, tokens, outputs);
 * }
 * }</pre>
 *
 * <p>States are exchanged once where there is a {@link Sampler.Builder#topK topK} with ties FIRST,
 * or the largest class is taken; twice where {@link Sampler.Builder#topP topP} keeps at most 512
 * classes; three times without either, where there are at most 2^18 classes; ten times at worst,
 * and with more classes fourteen. All shards are finished in the same round.
 *
 * <p>topK and {@link Sampler.Builder#minKeep minKeep} are at most 512, and {@link
 * Sampler.Builder#typicalP typicalP} takes a topK with ties FIRST, as a shard does not see the
 * rest. Outputs have {@link Sampler.Outputs#processedLogProbabilities processedLogProbabilities}
 * and {@link Sampler.Outputs#kept kept}, and no others; log-probabilities among all classes come
 * from a {@link CrossEntropyShard} whose labels the tokens are.
 *
 * <p>A mask and a bias have the classes of the shard; tokens before count through all classes, and
 * every shard has them. Instances are immutable; any number of threads may share one.
 */
public final class SamplerShard {
  private final SamplerPlan plan;

  private SamplerShard(SamplerPlan plan) {
    this.plan = plan;
  }

  /**
   * A shard of an operation.
   *
   * @param firstClass the class that this shard's tensors begin with
   * @param allClasses the number of classes of all shards together, below 2^31
   * @throws ShapeException for a first class that is none
   */
  public static SamplerShard of(Sampler operation, long firstClass, long allClasses) {
    return new SamplerShard(
        Access.SAMPLER.of(operation, "operation").onShard(firstClass, allClasses));
  }

  /**
   * One round. Writes the tokens of the rows that are finished, and what the outputs ask for; other
   * rows stay as they are.
   *
   * @param logits the classes of this shard; the same in every round
   * @param step how many tokens came before, from 0 to 2^32 - 1
   * @param inputs a mask, a bias, the tokens before
   * @param gathered what all shards said in the round before, this one too, in any order; empty in
   *     the first round
   * @param tokens I32 or I64, in the shape of the logits without the class axis, or with it at size
   *     1; must not overlap anything
   * @param outputs receive the numbers of this round; their tensors are filled with it
   * @throws OptionException for filters that a shard cannot have
   * @throws PartialStatesException for states that do not belong together; tokens of rows before
   *     the one it names are written
   */
  public SampleStates sample(
      Tensor logits,
      long step,
      SamplerInputs inputs,
      List<SampleStates> gathered,
      Tensor tokens,
      Sampler.Outputs outputs) {
    return round(logits, step, null, inputs, gathered, tokens, outputs);
  }

  /**
   * The same of rows of which each has a sampler, a stream and a step of its own.
   *
   * @param logits the classes of this shard; the same in every round
   * @param requests as many as there are rows, in their order
   * @param inputs a mask, a bias, the tokens before
   * @param gathered what all shards said in the round before, this one too, in any order; empty in
   *     the first round
   * @param tokens I32 or I64, in the shape of the logits without the class axis, or with it at size
   *     1; must not overlap anything
   * @param outputs receive the numbers of this round; their tensors are filled with it
   * @throws OptionException for a request with filters that a shard cannot have
   * @throws PartialStatesException for states that do not belong together; tokens of rows before
   *     the one it names are written
   */
  public SampleStates sample(
      Tensor logits,
      Sampler.Requests requests,
      SamplerInputs inputs,
      List<SampleStates> gathered,
      Tensor tokens,
      Sampler.Outputs outputs) {
    SamplerRows rows = Access.SAMPLER_REQUESTS.of(requests, "requests");
    return round(logits, 0, rows, inputs, gathered, tokens, outputs);
  }

  private SampleStates round(
      Tensor logits,
      long step,
      @Nullable SamplerRows requests,
      SamplerInputs inputs,
      List<SampleStates> gathered,
      Tensor tokens,
      Sampler.Outputs outputs) {
    List<SampleRound> rounds = new ArrayList<>();
    for (SampleStates states : Objects.requireNonNull(gathered, "gathered")) {
      rounds.add(Objects.requireNonNull(states, "gathered").round);
    }
    return new SampleStates(
        plan.round(
            view(logits, "logits"),
            step,
            requests,
            Access.SAMPLER_INPUTS.of(inputs, "inputs"),
            rounds,
            view(tokens, "tokens"),
            Access.SAMPLER_OUTPUTS.of(outputs, "outputs")));
  }

  /** Its classes and the options of the sampler that are not the defaults. */
  @Override
  public String toString() {
    return plan.toString();
  }
}

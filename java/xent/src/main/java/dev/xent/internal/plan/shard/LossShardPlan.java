// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.shard;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.Losses;
import dev.xent.internal.plan.call.Outputs;
import dev.xent.internal.plan.call.RowWeights;
import dev.xent.internal.plan.call.SingleCall;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.LossSpec;
import dev.xent.internal.plan.options.OptionRange;
import dev.xent.internal.plan.options.Reductions;
import dev.xent.internal.plan.options.TargetKind;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Cross-entropy of rows whose classes are divided among shards. */
public final class LossShardPlan extends ShardPlan {
  /** The outputs that can be computed from states without the logits. */
  private static final long OUTPUTS =
      Outputs.LOSSES | ArrayViews.bit(Array.LOG_SUM_EXP) | ArrayViews.bit(Array.CORRECT);

  private final LossSpec spec;
  private final Reductions reductions;

  public LossShardPlan(Engine engine, LossSpec spec, long firstClass, long allClasses) {
    super(
        engine,
        spec.options(),
        spec.axis(),
        Function.CROSS_ENTROPY_BACKWARD,
        firstClass,
        allClasses);
    this.spec = spec;
    this.reductions = spec.reductions();
  }

  @Override
  public String toString() {
    return spec.describe(described("CrossEntropyShard"), engine);
  }

  /**
   * Finishes the rows of all shards, with a second round if rows need one.
   *
   * @param gradient the tensor that {@link #backward} will write, or null; it is checked before the
   *     states are sent
   * @param gather returns the states of all classes for the states of this shard
   */
  public FinishedRows exchange(
      View logits,
      View targets,
      InputViews inputs,
      Outputs outputs,
      @Nullable View gradient,
      UnaryOperator<States> gather) {
    requireForShard(outputs);
    Consumer<Call> check =
        call -> {
          takeShard(call, logits, targets, inputs);
          call.takeIfPresent(Rule.GRADIENT, gradient);
          call.takeOutputs(Function.FINISH, outputs.views);
          call.requireWritable();
          call.takeAnew();
        };
    States mine = states(logits, targets, inputs, null, check);
    View labels = mine.kind() == TargetKind.LABELS ? targets : null;
    InputViews rest = inputs.of(Function.FINISH);
    FinishedRows rows = finish(gather.apply(mine), labels, rest, null, outputs);
    if (rows.again() == 0) {
      return rows;
    }
    States again = gather.apply(states(logits, targets, inputs, rows));
    return finish(again, labels, rest, rows, outputs);
  }

  /** Computes the states of this shard's classes, in the first or the second round. */
  public States states(View logits, View targets, InputViews inputs, @Nullable FinishedRows first) {
    return states(logits, targets, inputs, first, call -> {});
  }

  private States states(
      View logits,
      View targets,
      InputViews inputs,
      @Nullable FinishedRows first,
      Consumer<Call> check) {
    return new SingleCall<States>(engine, "partial states") {
      @Override
      public States call(Call call) {
        check.accept(call);
        TargetKind kind = takeShard(call, logits, targets, inputs);
        if (first != null) {
          first.require(call, kind, options);
        }
        call.ready();
        ShardTargets.check(call, kind, options);
        call.structs.options(options, options.ignoresIn(kind), 1);
        return Shards.states(call, engine, kind, first);
      }
    }.run();
  }

  private TargetKind takeShard(Call call, View logits, View targets, InputViews inputs) {
    inputs.reject(Array.ROW_OFFSETS, "a shard");
    call.lead(Function.CROSS_ENTROPY, "cross-entropy", logits, spec.axis(), inputs);
    call.shard(firstClass, allClasses);
    TargetKind kind = Losses.takeTargets(call, options, targets, inputs);
    options.requireForParts(kind, targets);
    double smoothing = options.number(OptionRange.LABEL_SMOOTHING);
    if (kind != TargetKind.LABELS && smoothing > 0 && inputs.get(Array.CLASS_MASK) != null) {
      throw new OptionException(
          message(
              "labelSmoothing is %s, targets are %s, and classMask is set: a shard has no count of the classes that take part, so use class indices, no mask or no smoothing",
              smoothing, kind.text));
    }
    call.takeInputs(Function.CROSS_ENTROPY, inputs);
    call.takeIfPresent(Rule.CLASS_WEIGHTS, ownWeights(call.dimensions.classes));
    return kind;
  }

  /** The weights of the classes of this shard. */
  private @Nullable View ownWeights(long classes) {
    View all = spec.classWeights();
    if (all == null) {
      return null;
    }
    requireWeights(all);
    return all.with(firstClass * all.strides[0], new long[] {classes}, all.strides);
  }

  private void requireWeights(View all) {
    if (all.rank() != 1 || all.shape[0] != allClasses) {
      throw new ShapeException(
          message(
              "classWeights is %s; expected a weight for each class of all shards, in the shape [%d]",
              all, allClasses));
    }
  }

  // ---- finishing -------------------------------------------------------------------------------

  /** Folds the states of whole rows into losses. */
  public FinishedRows finish(
      States states,
      @Nullable View labels,
      InputViews inputs,
      @Nullable FinishedRows first,
      Outputs outputs) {
    return new SingleCall<FinishedRows>(engine, "finish") {
      @Override
      public FinishedRows call(Call call) {
        requireForShard(outputs);
        Shards.requireForFinish(states, inputs, first, options, true);
        call.lead(Rule.LOGITS, Shards.unseen(states), states.axis());
        TargetKind kind = takeTargets(call, states, labels);
        takeRest(call, inputs, outputs, kind);
        call.statesOfCaller = true;
        call.ready();
        // The states of other targets already account for ignored entries.
        boolean ignores = kind == TargetKind.LABELS && options.hasIgnoreIndex();
        call.structs.options(options, ignores, 1);
        double weight = count(call, kind);
        double denominator = Losses.beginReduction(weight, call, reductions, outputs, false);
        FinishedRows rows = Shards.finish(call, engine, states, weight, first, options);
        if (rows.again() == 0) {
          Losses.reduce(weight, denominator, call, reductions, outputs);
        }
        return rows;
      }
    }.run();
  }

  private TargetKind takeTargets(Call call, States states, @Nullable View labels) {
    if (states.kind() != TargetKind.LABELS) {
      if (labels != null) {
        throw new OptionException(
            message(
                "labels is %s, the states are of probability rows or sparse targets, whose sums they have; expected null",
                labels));
      }
      // The kernels read neither these targets nor an ignore index.
      View unseen = Shards.unseen(states);
      call.targets(unseen);
      options.requireForParts(TargetKind.PROBABILITIES, unseen);
      return TargetKind.PROBABILITIES;
    }
    if (labels == null || !labels.type.isInteger()) {
      throw new OptionException(
          message(
              "labels is %s, the states are of class indices; expected the labels that the shards had",
              labels));
    }
    call.targets(labels);
    return TargetKind.LABELS;
  }

  private static void requireForShard(Outputs outputs) {
    outputs.require(
        OUTPUTS,
        "and a shard does not have whole rows: request losses, logSumExp, correct, countCorrect and lossSum, or compute the loss of whole rows");
  }

  private void takeRest(Call call, InputViews inputs, Outputs outputs, TargetKind kind) {
    call.takeInputs(Function.FINISH, inputs);
    if (spec.classWeights() != null) {
      requireWeights(spec.classWeights());
      call.take(Rule.CLASS_WEIGHTS, spec.classWeights());
    }
    Losses.takeOutputs(call, Function.FINISH, null, outputs, kind);
  }

  private double count(Call call, TargetKind kind) {
    if (kind == TargetKind.LABELS) {
      return Losses.countTargets(call);
    }
    if (call.has(Array.CLASS_WEIGHTS)) {
      ShardTargets.checkClassWeights(call.view(Array.CLASS_WEIGHTS), 0);
    }
    call.validRows = RowWeights.count(call);
    return RowWeights.sum(call);
  }

  // ---- the gradient ----------------------------------------------------------------------------

  /** Writes the gradient of the classes of this shard. */
  public void backward(
      View logits,
      View targets,
      InputViews inputs,
      FinishedRows rows,
      @Nullable View upstream,
      View gradient) {
    new SingleCall<@Nullable Void>(engine, "cross-entropy backward") {
      @Override
      public @Nullable Void call(Call call) {
        rows.requireFinished();
        TargetKind kind = takeShard(call, logits, targets, inputs);
        call.takeIfPresent(Rule.UPSTREAM_OF_ROWS, upstream);
        call.take(Rule.GRADIENT, gradient);
        call.requireWritable();
        rows.require(call, kind, options);
        call.statesOfCaller = true;
        call.ready();
        ShardTargets.check(call, kind, options);
        double denominator = reductions.denominator(rows.countedWeight());
        if (!Losses.scaleGradient(denominator, call, reductions)) {
          Memory.clear(gradient);
          return null;
        }
        call.structs.options(options, options.ignoresIn(kind), call.scale);
        Shards.write(call, engine, rows, range);
        return null;
      }
    }.run();
  }
}

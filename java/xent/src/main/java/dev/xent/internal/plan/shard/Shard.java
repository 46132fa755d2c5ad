// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.shard;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.OptionException;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Binding;
import dev.xent.internal.plan.call.Extras;
import dev.xent.internal.plan.call.LossOperation;
import dev.xent.internal.plan.call.Operation;
import dev.xent.internal.plan.call.Outputs;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.LossSpec;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.options.TargetKind;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Softmax, log-softmax or cross-entropy of rows whose classes are divided among shards. A softmax
 * has no targets; the log-sum-exp is its only output per row.
 */
public final class Shard {
  /** The outputs that can be computed from states without the logits. */
  private static final long OUTPUTS =
      Outputs.LOSSES | ArrayViews.bit(Array.LOG_SUM_EXP) | ArrayViews.bit(Array.CORRECT);

  /** The name of the computation of states in flight recordings. */
  private static final String STATES = "partial states";

  private final Part part;
  private final PartOperation states;
  private final PartOperation writes;
  private final FinishOperation finish;

  /**
   * What the operations of a shard share.
   *
   * @param loss null for a softmax
   */
  record Part(
      Engine engine,
      Options options,
      int axis,
      @Nullable LossSpec loss,
      long firstClass,
      long allClasses) {
    @Nullable View classWeights() {
      return loss == null ? null : loss.classWeights();
    }
  }

  private Shard(Part part, PartOperation states, PartOperation writes, FinishOperation finish) {
    this.part = part;
    this.states = states;
    this.writes = writes;
    this.finish = finish;
  }

  /** Softmax or log-softmax. */
  public static Shard ofSoftmax(
      Engine engine, Options options, int axis, boolean log, long firstClass, long allClasses) {
    Part part = new Part(engine, options, axis, null, firstClass, allClasses);
    Function function = log ? Function.LOG_SOFTMAX : Function.SOFTMAX;
    String event = log ? "log-softmax" : "softmax";
    return new Shard(
        part,
        new PartOperation(part, Function.SOFTMAX, STATES, null),
        new PartOperation(part, function, event, Array.OUTPUT),
        new FinishOperation(part, Function.LOG_SUM_EXP, axis));
  }

  /** Cross-entropy. */
  public static Shard ofLoss(Engine engine, LossSpec loss, long firstClass, long allClasses) {
    int axis = loss.axis();
    Part part = new Part(engine, loss.options(), axis, loss, firstClass, allClasses);
    Function function = Function.CROSS_ENTROPY_BACKWARD;
    return new Shard(
        part,
        new PartOperation(part, Function.CROSS_ENTROPY, STATES, null),
        new PartOperation(part, function, "cross-entropy backward", Array.GRADIENT),
        new FinishOperation(part, Function.CROSS_ENTROPY, axis));
  }

  public int axis() {
    return part.axis;
  }

  @Override
  public String toString() {
    return states.toString();
  }

  // ---- calls -----------------------------------------------------------------------------------

  /** The arrays of one call. */
  private static final class Call extends Binding {
    Call(Operation operation, View logits, @Nullable View targets, InputViews inputs) {
      super(operation, operation.mask(Array.LOGITS), logits);
      with(Array.TARGETS, targets);
      inputs(inputs);
    }

    Call with(Array array, @Nullable View view) {
      if (view != null) {
        set(array, view);
      }
      return this;
    }

    /** Takes the outputs that the operation has. */
    Call with(Outputs outputs) {
      for (long left = outputs.views.bits(); left != 0; left &= left - 1) {
        Array array = ArrayViews.first(left);
        if (operation.function.place(array) >= 0) {
          set(array, outputs.views.get(array));
        }
      }
      return this;
    }

    void run(Exchanged records) {
      run(records, 0);
    }
  }

  /** The records of rows that a call has besides its arrays. */
  static final class Exchanged extends Extras {
    /** The states that the call computes, or those of whole rows that it finishes. */
    @Nullable States states;

    /** The result of the first round in a second one; the result of {@link FinishOperation}. */
    @Nullable FinishedRows rows;

    final Outputs outputs;

    Exchanged(@Nullable States states, @Nullable FinishedRows rows, Outputs outputs) {
      this.states = states;
      this.rows = rows;
      this.outputs = outputs;
    }
  }

  /**
   * Finishes the rows of all shards, with a second round if rows need one.
   *
   * @param targets null for a softmax
   * @param outputs receives the numbers of all rows
   * @param gather returns the states of all classes for the states of this shard
   */
  public FinishedRows exchange(
      View logits,
      @Nullable View targets,
      InputViews inputs,
      Outputs outputs,
      UnaryOperator<States> gather) {
    requireForShard(outputs);
    States mine = states(logits, targets, inputs, null, outputs);
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
  public States states(
      View logits, @Nullable View targets, InputViews inputs, @Nullable FinishedRows first) {
    return states(logits, targets, inputs, first, new Outputs());
  }

  private States states(
      View logits,
      @Nullable View targets,
      InputViews inputs,
      @Nullable FinishedRows first,
      Outputs outputs) {
    Exchanged records = new Exchanged(null, first, outputs);
    part(states, logits, targets, inputs).with(outputs).run(records);
    return records.states;
  }

  private Call part(
      PartOperation operation, View logits, @Nullable View targets, InputViews inputs) {
    inputs.reject(Array.ROW_OFFSETS, "a shard");
    return new Call(operation, logits, targets, inputs)
        .with(Array.CLASS_WEIGHTS, operation.classWeights(logits));
  }

  /** Folds the states of whole rows, and writes the outputs. */
  public FinishedRows finish(
      States whole,
      @Nullable View labels,
      InputViews inputs,
      @Nullable FinishedRows first,
      Outputs outputs) {
    requireForShard(outputs);
    whole.require(part.loss != null, first != null);
    if (first != null) {
      first.require(whole);
      first.require(part.options);
    }
    inputs.requireFor(Function.FINISH, "finish");
    if (part.loss == null) {
      inputs.requireFor(Function.SOFTMAX, "softmax");
    } else {
      requireLabels(whole.kind(), labels);
      LossOperation.requireOutputsOf(outputs.asked(), whole.kind());
    }
    Exchanged records = new Exchanged(whole, first, outputs);
    View unseen = whole.unseen();
    View targets = part.loss != null && labels == null ? unseen : labels;
    new Call(finish.of(whole), unseen, targets, inputs)
        .with(Array.CLASS_WEIGHTS, part.classWeights())
        .with(outputs)
        .with(Array.CORRECT, outputs.ownCorrect(whole.shape(), whole.axis()))
        .run(records);
    return records.rows;
  }

  private static void requireForShard(Outputs outputs) {
    outputs.require(
        OUTPUTS,
        "and a shard does not have whole rows: request losses, logSumExp, correct, countCorrect and lossSum, or compute the loss of whole rows");
  }

  private static void requireLabels(TargetKind kind, @Nullable View labels) {
    if (kind != TargetKind.LABELS && labels != null) {
      throw new OptionException(
          message(
              "labels is %s, the states are of probability rows or sparse targets, whose sums they have; expected null",
              labels));
    }
    if (kind == TargetKind.LABELS && (labels == null || !labels.type.isInteger())) {
      throw new OptionException(
          message(
              "labels is %s, the states are of class indices; expected the labels that the shards had",
              labels));
    }
  }

  /**
   * Writes the probabilities or the gradient of the classes of this shard.
   *
   * @param targets null for a softmax
   * @param upstream the upstream gradient of the losses, or null
   */
  public void write(
      View logits,
      @Nullable View targets,
      InputViews inputs,
      FinishedRows rows,
      @Nullable View upstream,
      View result) {
    rows.requireFinished();
    part(writes, logits, targets, inputs)
        .with(Array.UPSTREAM, upstream)
        .with(writes.result, result)
        .run(new Exchanged(null, rows, new Outputs()));
  }
}

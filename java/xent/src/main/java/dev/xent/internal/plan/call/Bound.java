// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.errors.OptionException;
import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.View;
import org.jspecify.annotations.Nullable;

/**
 * A call that its caller keeps with its tensors to run it repeatedly. The types and shapes of the
 * tensors are checked in the first two runs, their contents in every run.
 *
 * <p>Only one thread at a time may use it; a second thread gets an exception.
 */
public class Bound {
  protected final CallArguments arguments = new CallArguments();
  private final View first;
  private final @Nullable View second;
  private @Nullable View third;
  private final Runs runs;

  /**
   * The backward pass, which computes the gradient alone; null if the operation has no separate
   * one.
   */
  private final @Nullable Plan backward;

  private final CallArguments ofBackward = new CallArguments();

  private final Exclusive use =
      new Exclusive(
          "this call is running already: bind one for each thread, or let it return first");

  /** Creates a call with views in the order of {@link Plan#run}. */
  public Bound(
      Plan operation,
      @Nullable Plan backward,
      View first,
      @Nullable View second,
      @Nullable View third) {
    operation.setViews(arguments, first, second, third);
    this.first = first;
    this.second = second;
    this.third = third;
    this.runs = new Runs(operation, arguments);
    this.backward = backward;
  }

  /** Creates a call of an operation without a separate backward pass. */
  public Bound(Plan operation, View first, @Nullable View second, @Nullable View third) {
    this(operation, null, first, second, third);
  }

  /**
   * The runs of one operation with the same arguments.
   *
   * <ol>
   *   <li>The first run is a call of the calling thread, which may have prepared it, because
   *       allocating a separate {@link Call} costs more than a small call takes.
   *   <li>The second run is a complete call with a separate instance, which keeps the arrays.
   *   <li>The third run checks no shapes: its kernels are prepared ({@link BoundKernels}).
   *   <li>If the call has only the views that most calls have, and the operation prepares calls
   *       ({@link Plan#remember}), later runs are those of a {@link PreparedCall}; otherwise they
   *       are like the third one.
   * </ol>
   */
  private static final class Runs {
    private final Plan operation;
    private final CallArguments arguments;
    private boolean ranBefore;
    private @Nullable Call own;

    /** Runs only the kernels, while the arguments stay the same. */
    private @Nullable PreparedCall preparedCall;

    Runs(Plan operation, CallArguments arguments) {
      this.operation = operation;
      this.arguments = arguments;
    }

    double run(View first, @Nullable View second, @Nullable View third) {
      Call call = own;
      PreparedCall kept = preparedCall;
      if (call != null
          && !call.broken
          && kept != null
          && (arguments.outputs == null || arguments.outputs.wantNumbersAlone())
          && kept.isOpen(first, second, third)
          && operation.runPrepared(call, kept, first, second, third, arguments.outputs)) {
        return call.result;
      }
      if (call == null || call.broken) {
        if (!ranBefore) {
          ranBefore = true;
          return operation.run(arguments, first, second, third);
        }
        call = new Call(arguments);
        own = call;
        preparedCall = null;
      }
      double result = operation.runCompletely(call);
      if (preparedCall == null && arguments.areViewsAlone()) {
        preparedCall = call.preparedCalls.find(operation.number, first, second, third);
      }
      return result;
    }

    /** Drops the prepared kernels after a change of the arguments. */
    void changed() {
      preparedCall = null;
      if (own != null) {
        own.changed();
      }
    }
  }

  /** Computes from the current contents of the tensors. */
  public final double run() {
    return run(0, null);
  }

  /** Runs with additional arguments, which {@link #begin} takes. */
  protected final double run(long step, @Nullable Object others) {
    use.enter();
    try {
      begin(step, others);
      double result = runs.run(first, second, third);
      use.leave();
      return result;
    } catch (Throwable e) {
      use.inUse = false;
      throw e;
    }
  }

  /** Sets the arguments of a run other than the tensors. */
  protected void begin(long step, @Nullable Object others) {}

  /** Computes the gradient alone, from the statistics that the outputs of an earlier run saved. */
  public final void backward(Outputs saved, @Nullable View upstream) {
    if (backward == null) {
      throw new OptionException(
          "this loss has no separate backward; expected gradient(...) before run()");
    }
    use.enter();
    try {
      if (arguments.gradient == null && arguments.gradients == null) {
        throw new OptionException(
            "this call has no gradient to write; expected gradient(...) before backward(...), for a linear layer gradients as an argument of on(...)");
      }
      ofBackward.lead = arguments.lead;
      ofBackward.weights = arguments.weights;
      ofBackward.targets = arguments.targets;
      ofBackward.inputs = arguments.inputs;
      ofBackward.gradient = arguments.gradient;
      ofBackward.gradients = arguments.gradients;
      ofBackward.saved = saved;
      ofBackward.upstream = upstream;
      backward.run(ofBackward, first, second, third);
    } finally {
      ofBackward.saved = null;
      ofBackward.upstream = null;
      use.inUse = false;
    }
  }

  // ---- arguments -------------------------------------------------------------------------------

  /** Sets the weights of elements, before the first run. */
  public final Bound weights(@Nullable View view) {
    arguments.weights = view;
    return this;
  }

  /** Sets the inputs of all later runs. */
  public final void inputs(InputViews views) {
    use.enter();
    try {
      arguments.inputs = views;
      runs.changed();
    } finally {
      use.inUse = false;
    }
  }

  /** Sets the tensor that receives the gradient: the third view, unless that is another output. */
  public final void gradient(View view) {
    use.enter();
    try {
      arguments.gradient = view;
      if (arguments.output == null) {
        third = view;
      }
      runs.changed();
    } finally {
      use.inUse = false;
    }
  }

  /** The upstream of all later runs, or null. */
  public final @Nullable View upstream() {
    return arguments.upstream;
  }

  /** Sets the upstream of all later runs. */
  public final void upstream(@Nullable View view) {
    use.enter();
    try {
      arguments.upstream = view;
      runs.changed();
    } finally {
      use.inUse = false;
    }
  }

  /** Sets the tensors that receive the gradients of a linear layer, before the first run. */
  public final Bound gradients(@Nullable ArrayViews views) {
    arguments.gradients = views;
    return this;
  }

  /** Sets the outputs of all later runs. */
  public final void outputs(Outputs outputs) {
    use.enter();
    try {
      arguments.outputs = outputs;
      runs.changed();
    } finally {
      use.inUse = false;
    }
  }

  /** Changes arguments that only the operation uses; the next run checks all of them again. */
  public final void change(Runnable change) {
    use.enter();
    try {
      change.run();
      runs.changed();
    } finally {
      use.inUse = false;
    }
  }

  /** The number of kernels that ran prepared, without the checks of the core. */
  public final long preparedRuns() {
    return runs.own == null ? 0 : runs.own.preparedRuns();
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.errors.OptionException;
import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.View;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ConcurrentModificationException;
import org.jspecify.annotations.Nullable;

/**
 * A call that its caller keeps, with its tensors, to run it once or often: what the tensors are is
 * checked in the first two runs, and what they hold in every run.
 *
 * <p>One thread at a time may use it; a second one gets an exception.
 */
public class Bound {
  private static final int IDLE = 0;
  private static final int IN_USE = 1;

  private static final VarHandle STATE;

  static {
    try {
      STATE = MethodHandles.lookup().findVarHandle(Bound.class, "state", int.class);
    } catch (ReflectiveOperationException e) {
      throw new AssertionError(e);
    }
  }

  protected final CallArguments given = new CallArguments();
  private final View a;
  private final @Nullable View b;
  private @Nullable View c;
  private final Runs forward;

  /** The gradient alone, of what the operation computes; null: it has none. */
  private final @Nullable Runs backward;

  private volatile int state = IDLE;

  /** A call with the views that {@link Operation#give} takes. */
  public Bound(
      Operation operation,
      @Nullable Operation backward,
      View a,
      @Nullable View b,
      @Nullable View c) {
    operation.give(given, a, b, c);
    this.a = a;
    this.b = b;
    this.c = c;
    this.forward = new Runs(operation, given);
    this.backward = backward == null ? null : new Runs(backward, new CallArguments());
  }

  /** The same of an operation without a separate backward. */
  public Bound(Operation operation, View a, @Nullable View b, @Nullable View c) {
    this(operation, null, a, b, c);
  }

  /**
   * Runs of one operation with the same arguments. The first is a call of the calling thread, as
   * memory of its own costs more than a small call takes; later ones have that memory.
   */
  private static final class Runs {
    private final Operation operation;
    private final CallArguments given;
    private boolean ranBefore;
    private @Nullable Call own;

    /** Makes the call by its kernels alone, as long as the arguments are these. */
    private @Nullable PreparedCall prepared;

    Runs(Operation operation, CallArguments given) {
      this.operation = operation;
      this.given = given;
    }

    double run(View a, @Nullable View b, @Nullable View c) {
      Call call = own;
      PreparedCall kept = prepared;
      if (call != null
          && !call.broken
          && kept != null
          && (given.outputs == null || given.outputs.wantNumbersAlone())
          && kept.isOpen(a, b, c)
          && operation.repeats(call, kept, a, b, c, given.outputs)) {
        return call.result;
      }
      if (call == null || call.broken) {
        if (!ranBefore) {
          ranBefore = true;
          return Call.current().runWith(given, operation);
        }
        call = new Call(given);
        own = call;
        prepared = null;
      }
      double result = operation.run(call);
      if (prepared == null && given.areViewsAlone()) {
        prepared = call.preparedCalls.find(operation.number, a, b, c);
      }
      return result;
    }

    /** The arguments are others. */
    void changed() {
      prepared = null;
      if (own != null) {
        own.changed();
      }
    }
  }

  /** From now on this thread alone may use it, until the state is IDLE again. */
  private void enter() {
    if (!STATE.compareAndSet(this, IDLE, IN_USE)) {
      throw isRunning();
    }
  }

  /** Refuses other arguments while it is running. */
  protected final void requireIdle() {
    if (state != IDLE) {
      throw isRunning();
    }
  }

  private static ConcurrentModificationException isRunning() {
    return new ConcurrentModificationException(
        "this call is running already: bind one for each thread, or let it return first");
  }

  /** Computes what the memory of the tensors says now. */
  public final double run() {
    return run(0, null);
  }

  /** The same with what {@link #begin} takes. */
  protected final double run(long step, @Nullable Object others) {
    enter();
    try {
      begin(step, others);
      double result = forward.run(a, b, c);
      STATE.setRelease(this, IDLE);
      return result;
    } catch (Throwable e) {
      state = IDLE; // a store, as there may be no stack left for a call
      throw e;
    }
  }

  /** Takes what a run has beside the tensors. */
  protected void begin(long step, @Nullable Object others) {}

  /** The gradient alone, from what the outputs of an earlier run have saved. */
  public final void backward(Outputs saved, @Nullable View upstream) {
    if (backward == null) {
      throw new OptionException(
          "this loss has no separate backward; expected gradient(...) before run()");
    }
    if (given.gradient == null && given.gradients == null) {
      throw new OptionException(
          "this call has no gradient to write; expected gradient(...) before backward(...), for a linear layer gradients as an argument of on(...)");
    }
    enter();
    try {
      CallArguments arguments = backward.given;
      arguments.lead = given.lead;
      arguments.weights = given.weights;
      arguments.targets = given.targets;
      arguments.inputs = given.inputs;
      arguments.gradient = given.gradient;
      arguments.gradients = given.gradients;
      arguments.saved = saved;
      arguments.upstream = upstream;
      backward.changed();
      backward.run(a, b, c);
      STATE.setRelease(this, IDLE);
    } catch (Throwable e) {
      state = IDLE;
      throw e;
    }
  }

  // ---- what a call is given --------------------------------------------------------------------

  /** Sets the weights of elements. */
  public final Bound weights(@Nullable View view) {
    given.weights = view;
    return this;
  }

  /** Sets the inputs of all later runs. */
  public final void inputs(InputViews views) {
    requireIdle();
    given.inputs = views;
    forward.changed();
  }

  /** Sets where the gradient goes. */
  public final void gradient(View view) {
    requireIdle();
    given.gradient = view;
    c = view;
    forward.changed();
  }

  /** Sets where the gradients of a linear layer go. */
  public final Bound gradients(@Nullable ArrayViews views) {
    requireIdle();
    given.gradients = views;
    forward.changed();
    return this;
  }

  /** Sets what receives the numbers of all later runs. */
  public final void outputs(Outputs outputs) {
    requireIdle();
    given.outputs = outputs;
    forward.changed();
  }

  /** The arguments are others from the next run on. */
  protected final void changed() {
    forward.changed();
  }

  /** How many kernels ran prepared, without the checks of the core. */
  public final long preparedRuns() {
    return forward.own == null ? 0 : forward.own.preparedRuns();
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.plan.arrays.Numbers;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.options.Engine;
import org.jspecify.annotations.Nullable;

/**
 * What all calls of one method of an operation do: they take the tensors and check them, then they
 * compute. A call with the same tensors as the one before computes only.
 *
 * <p>Instances are immutable; any number of threads use one.
 */
public abstract class Operation {
  final Engine engine;
  public final Kernels kernels;

  /** Recognises it without a reference. */
  final long number = Numbers.take();

  public Operation(Engine engine) {
    this.engine = engine;
    this.kernels = engine.kernels();
  }

  /** What a flight recording calls it. */
  protected abstract String event(CallArguments given);

  /**
   * Takes the arrays of a call and refuses what does not fit, up to {@link Call#ready()}. It reads
   * shapes, types and options, and no element.
   */
  protected abstract void take(Call call, CallArguments given);

  /**
   * Checks what the arrays hold, and computes.
   *
   * @return the loss, if it is one
   */
  protected abstract double compute(Call call, CallArguments given);

  /**
   * Puts the three views that most calls have, in the order in which this method of the operation
   * takes them. Those of a loss unless it says otherwise.
   */
  protected void give(CallArguments given, View a, @Nullable View b, @Nullable View c) {
    given.lead = a;
    given.targets = b;
    given.gradient = c;
  }

  /** Whether what {@link #take} found still holds as long as the tensors are the same. */
  protected boolean canRepeat(Call call) {
    return !call.dimensions.ragged;
  }

  /** Remembers a call that succeeded, if the same once more is {@link #again} and nothing else. */
  protected void remember(Call call, CallArguments given) {}

  /**
   * Makes a call that was prepared, by its kernels alone. Its result is in the call.
   *
   * @param a the views, in the order of {@link #give}
   * @return whether it did; if not, nothing was written
   */
  protected boolean again(
      Call call,
      PreparedCall prepared,
      View a,
      @Nullable View b,
      @Nullable View c,
      @Nullable Outputs outputs) {
    throw new AssertionError(this);
  }

  /** Makes a call as one that was prepared, if there is one. */
  final boolean repeats(
      Call call, View a, @Nullable View b, @Nullable View c, @Nullable Outputs outputs) {
    PreparedCall prepared = call.preparedCalls.find(number, a, b, c);
    return prepared != null && repeats(call, prepared, a, b, c, outputs);
  }

  /** The same of one that its caller has found. */
  final boolean repeats(
      Call call,
      PreparedCall prepared,
      View a,
      @Nullable View b,
      @Nullable View c,
      @Nullable Outputs outputs) {
    try {
      return again(call, prepared, a, b, c, outputs);
    } catch (Error e) {
      call.broken = true; // as below
      throw e;
    }
  }

  /** A call of the calling thread with these views, to be given more arguments and {@link #run}. */
  public final Call with(View a, @Nullable View b, @Nullable View c) {
    Call call = Call.current();
    give(call.given, a, b, c);
    return call;
  }

  /** Makes a call of the calling thread with these views and nothing else. */
  public final double run(View a, @Nullable View b, @Nullable View c) {
    return run(Call.current(), a, b, c);
  }

  /** The same, of a call that {@link Call#current} gave and that may have a step. */
  public final double run(Call call, View a, @Nullable View b, @Nullable View c) {
    boolean made = false;
    try {
      made = repeats(call, a, b, c, null);
    } catch (RuntimeException e) {
      call.endRepeated();
      throw e;
    }
    if (made) {
      double result = call.result;
      call.endRepeated();
      return result;
    }
    give(call.given, a, b, c);
    return run(call);
  }

  /** Makes a call of the calling thread, with the arguments that it has. */
  public final double run(Call call) {
    CallArguments given = call.given;
    try {
      call.begin(this);
      if (given.outputs != null) {
        given.outputs.dropStatistics(); // a call that fails leaves none
      }
      if (!call.repeats(this)) {
        call.takeAnew();
        take(call, given);
        if (canRepeat(call)) {
          call.keep(this);
        }
      }
      double result = compute(call, given);
      remember(call, given);
      return result;
    } catch (IllegalStateException | WrongThreadException e) {
      throw call.lost(e);
    } catch (Error e) {
      // No more than a store, as there may be no stack left. What it holds may be half-written.
      call.broken = true;
      throw e;
    } finally {
      call.end();
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.events.Recorder;
import dev.xent.internal.kernels.JavaStack;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.options.Engine;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The common steps of all calls of an operation's method: they take and check the tensors, then
 * compute. A call that was prepared runs only its kernels ({@link PreparedCall}); a bound call
 * keeps the tensors that it took.
 *
 * <p>Instances are immutable and can be used by any number of threads.
 */
public abstract class Plan {
  protected final Engine engine;
  protected final Kernels kernels;

  /** The number that no operation has. */
  static final long NO_NUMBER = 0;

  private static final AtomicLong NUMBERS = new AtomicLong(NO_NUMBER);

  /** Whether {@link Call} is initialized. */
  private static volatile boolean callExists;

  /** Identifies the operation without a reference to it. */
  protected final long number = NUMBERS.incrementAndGet();

  /** The kernel that repeats a call; null if more than one kernel does, or none. */
  private final @Nullable KernelArrays kernel;

  public Plan(Engine engine) {
    this(engine, null);
  }

  /**
   * Creates an operation.
   *
   * @param kernel computes all rows of a call that {@link #remember(Call, CallArguments, View,
   *     View)} remembers
   */
  public Plan(Engine engine, @Nullable KernelArrays kernel) {
    this.engine = engine;
    this.kernels = engine.kernels();
    this.kernel = kernel;
    if (!callExists) {
      JavaStack.requireInitializer();
      Call.initialize();
      callExists = true;
    }
  }

  /** The name of the operation in a flight recording. */
  protected abstract String event(CallArguments arguments);

  /**
   * Takes the arrays of a call, and rejects those that do not fit: first the leading array, then
   * the other inputs, then the outputs. Then calls {@link CallArrays#requireWritable()}, and last
   * {@link Call#ready()}. It uses shapes, types and options, and reads no elements but row offsets.
   */
  protected abstract void take(Call call, CallArguments arguments);

  /**
   * Sets the options ({@link CallStructs#options}), checks the contents of the arrays, and
   * computes.
   *
   * @return the loss, if the operation is a loss
   */
  protected abstract double compute(Call call, CallArguments arguments);

  /**
   * Sets the three views that most calls have, in the order in which this method of the operation
   * takes them. By default these are the views of a loss.
   */
  protected void setViews(
      CallArguments arguments, View first, @Nullable View second, @Nullable View third) {
    arguments.lead = first;
    arguments.targets = second;
    arguments.gradient = third;
  }

  /** Whether the result of {@link #take} stays valid while the tensors are the same. */
  protected boolean mayKeepArrays(Call call) {
    return !call.dimensions.ragged;
  }

  /** Remembers a successful call, if {@link #runKernels} can repeat it completely. */
  protected void remember(Call call, CallArguments arguments) {}

  /** Remembers a call of one kernel whose only arguments are its views. */
  protected final void remember(
      Call call, CallArguments arguments, @Nullable View second, @Nullable View third) {
    if (arguments.inputs == InputViews.NONE) {
      call.remember(number, null, kernel, arguments.lead, second, third, null);
    }
  }

  /**
   * Repeats a prepared call by running only its kernel, or its kernels. The call has the result.
   *
   * @param first the views, in the order of {@link #run(View, View, View)}
   * @return whether it ran; if not, nothing was written
   */
  protected boolean runKernels(
      Call call,
      PreparedCall preparedCall,
      View first,
      @Nullable View second,
      @Nullable View third,
      @Nullable Outputs outputs) {
    return preparedCall.run(kernel, first, second, third);
  }

  /** Repeats a prepared call, if there is one for these views. Returns whether it ran. */
  final boolean runPrepared(
      Call call,
      View first,
      @Nullable View second,
      @Nullable View third,
      @Nullable Outputs outputs) {
    PreparedCall preparedCall = call.preparedCalls.find(number, first, second, third);
    return preparedCall != null && runPrepared(call, preparedCall, first, second, third, outputs);
  }

  /** Repeats a prepared call that the caller has found. Returns whether it ran. */
  final boolean runPrepared(
      Call call,
      PreparedCall preparedCall,
      View first,
      @Nullable View second,
      @Nullable View third,
      @Nullable Outputs outputs) {
    try {
      return runKernels(call, preparedCall, first, second, third, outputs);
    } catch (Error e) {
      call.broken = true; // as below
      throw e;
    }
  }

  /**
   * Starts a call of the calling thread with these views; more arguments may follow before {@link
   * #run}.
   */
  public final Call with(View first, @Nullable View second, @Nullable View third) {
    Call call = Call.current();
    setViews(call.arguments, first, second, third);
    return call;
  }

  /** Creates a bound call with these views, in the order of {@link #run(View, View, View)}. */
  public Bound bind(View first, @Nullable View second, @Nullable View third) {
    return new Bound(this, first, second, third);
  }

  /** Makes a call of the calling thread with these views and no other arguments. */
  public final double run(View first, @Nullable View second, @Nullable View third) {
    return run(Call.current(), first, second, third);
  }

  /**
   * Makes a call of the instance that {@link Call#current} returned; a sampler has set its step.
   */
  public final double run(Call call, View first, @Nullable View second, @Nullable View third) {
    boolean made = false;
    try {
      made = runPrepared(call, first, second, third, call.arguments.outputs);
    } catch (RuntimeException e) {
      call.endRepeated();
      throw e;
    } catch (Error e) {
      call.broken = true; // as below
      throw e;
    }
    if (made) {
      double result = call.result;
      call.endRepeated();
      return result;
    }
    setViews(call.arguments, first, second, third);
    return runCompletely(call);
  }

  /**
   * Makes a call of the calling thread with arguments that a bound call keeps.
   *
   * @param first the views of the arguments, in the order of {@link #run(View, View, View)}
   */
  final double run(
      CallArguments arguments, View first, @Nullable View second, @Nullable View third) {
    Call call = Call.current();
    call.arguments = arguments;
    return arguments.areViewsAlone() ? run(call, first, second, third) : runCompletely(call);
  }

  /** Makes a complete call, which takes and checks its arguments, with those that it has. */
  public final double runCompletely(Call call) {
    CallArguments arguments = call.arguments;
    try {
      kernels.beginCall();
      if (Recorder.isOn()) {
        call.recording.begin(engine, event(arguments), call.report);
      }
      if (arguments.outputs != null) {
        arguments.outputs.dropStatistics(); // a call that fails leaves no statistics
      }
      if (!call.keepsArrays(number, engine)) {
        call.takeAnew();
        take(call, arguments);
        if (mayKeepArrays(call)) {
          call.keep(number);
        }
      }
      double result = compute(call, arguments);
      remember(call, arguments);
      return result;
    } catch (IllegalStateException | WrongThreadException e) {
      throw call.lost(e);
    } catch (Error e) {
      // Only a store, because there may be no stack left. The state may be inconsistent.
      call.broken = true;
      throw e;
    } finally {
      call.end();
    }
  }
}

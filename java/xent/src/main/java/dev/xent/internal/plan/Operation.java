// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.internal.kernels.Kernels;

/**
 * What all calls of one method of an operation do: they take the tensors and check them, then they
 * compute. A call with the same tensors as the one before computes only.
 *
 * <p>Instances are immutable; any number of threads use one.
 */
abstract class Operation {
  final Engine engine;
  final Kernels kernels;

  /** Recognises it without a reference. */
  final long number = Numbers.takeOne();

  Operation(Engine engine) {
    this.engine = engine;
    this.kernels = engine.kernels();
  }

  /** What a flight recording calls it. */
  abstract String event(CallArguments given);

  /**
   * Takes the arrays of a call and refuses what does not fit, up to {@link Call#ready()}. It reads
   * shapes, types and options, and no element.
   */
  abstract void take(Call call, CallArguments given);

  /**
   * Checks what the arrays hold, and computes.
   *
   * @return the loss, if it is one
   */
  abstract double compute(Call call, CallArguments given);

  /**
   * Whether a call is given nothing but views; only such calls are compared with the one before.
   */
  boolean isPlain(CallArguments given) {
    return given.areViewsAlone();
  }

  /** Whether {@link #compute} looks at arrays even if all its kernels are prepared. */
  boolean looksAtArrays() {
    return true;
  }

  /** Whether what {@link #take} found still holds as long as the tensors are the same. */
  boolean canRepeat(Call call) {
    return !call.dimensions.ragged;
  }

  /** Makes a call of the calling thread, with the arguments that it has. */
  final double run(Call call) {
    CallArguments given = call.given;
    try {
      call.begin(this);
      if (given.outputs != null) {
        given.outputs.dropStatistics(); // a call that fails leaves none
      }
      if (!call.repeats(this)) {
        call.takeAnew(this);
        take(call, given);
        if (canRepeat(call)) {
          call.remember(this);
        }
      }
      return compute(call, given);
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

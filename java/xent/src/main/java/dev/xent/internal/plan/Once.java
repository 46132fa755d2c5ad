// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

/** An operation that is made for one call, and keeps what that call gives. */
abstract class Once<T> extends Operation {
  private final String event;
  private T result;

  Once(Engine engine, String event) {
    super(engine);
    this.event = event;
  }

  /** Takes the arrays, checks and computes. */
  abstract T call(Call call);

  /** What a call of the calling thread gives. */
  final T result() {
    run(Call.current());
    return result;
  }

  @Override
  final String event(CallArguments given) {
    return event;
  }

  @Override
  final void take(Call call, CallArguments given) {}

  @Override
  final boolean canRepeat(Call call) {
    return false;
  }

  @Override
  final double compute(Call call, CallArguments given) {
    result = call(call);
    return Double.NaN;
  }
}

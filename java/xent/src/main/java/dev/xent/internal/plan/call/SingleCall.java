// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.plan.options.Engine;

/** An operation that is made for one call, and keeps what that call gives. */
public abstract class SingleCall<T> extends Operation {
  private final String event;
  private T result;

  public SingleCall(Engine engine, String event) {
    super(engine);
    this.event = event;
  }

  /** Takes the arrays, checks and computes. */
  protected abstract T call(Call call);

  /** What a call of the calling thread gives. */
  public final T result() {
    run(Call.current());
    return result;
  }

  @Override
  protected final String event(CallArguments given) {
    return event;
  }

  @Override
  protected final void take(Call call, CallArguments given) {}

  @Override
  protected final boolean canRepeat(Call call) {
    return false;
  }

  @Override
  protected final double compute(Call call, CallArguments given) {
    result = call(call);
    return Double.NaN;
  }
}

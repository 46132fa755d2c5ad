// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.plan.options.Engine;

/** An operation for a single call, which keeps the result of that call. */
public abstract class SingleCall<T> extends Plan {
  private final String event;
  private T result;

  public SingleCall(Engine engine, String event) {
    super(engine);
    this.event = event;
  }

  /** Takes the arrays, checks them and computes. */
  protected abstract T call(Call call);

  /** Makes a call of the calling thread and returns its result. */
  public final T run() {
    runCompletely(Call.current());
    return result;
  }

  @Override
  protected final String event(CallArguments arguments) {
    return event;
  }

  @Override
  protected final void take(Call call, CallArguments arguments) {}

  @Override
  protected final boolean mayKeepArrays(Call call) {
    return false;
  }

  @Override
  protected final double compute(Call call, CallArguments arguments) {
    result = call(call);
    return Double.NaN;
  }
}

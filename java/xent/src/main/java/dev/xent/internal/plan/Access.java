// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * How one package of the API gets at what is behind an object of another. The object's class says
 * so when it is initialised, which is before there is any object.
 *
 * @param <B> what is behind an object
 */
public final class Access<B> {
  public static final Access<View> TENSOR = new Access<>();
  public static final Access<InputViews> INPUTS = new Access<>();
  public static final Access<CrossEntropyPlan> CROSS_ENTROPY = new Access<>();
  public static final Access<SoftmaxPlan> SOFTMAX = new Access<>();
  public static final Access<SoftmaxPlan> LOG_SOFTMAX = new Access<>();
  public static final Access<LogSumExpPlan> LOG_SUM_EXP = new Access<>();
  public static final Access<SamplerPlan> SAMPLER = new Access<>();
  public static final Access<SamplerRows> SAMPLER_REQUESTS = new Access<>();
  public static final Access<SamplerViews> SAMPLER_INPUTS = new Access<>();
  public static final Access<SamplerOutputs> SAMPLER_OUTPUTS = new Access<>();
  public static final Access<Sums> TALLY = new Access<>();

  private volatile @Nullable Function<Object, B> way;

  private Access() {}

  /** Says what is behind an object of a class. */
  public <F> void open(Class<F> type, Function<F, B> behind) {
    way = object -> behind.apply(type.cast(object));
  }

  /** What is behind an object; null is refused by this name. */
  public B of(Object object, String name) {
    Objects.requireNonNull(object, name);
    return Objects.requireNonNull(way).apply(object);
  }
}

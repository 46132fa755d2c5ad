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
  public static final Access<View> TENSOR = new Access<>("a tensor");
  public static final Access<InputViews> INPUTS = new Access<>("Inputs.none()");
  public static final Access<CrossEntropyPlan> CROSS_ENTROPY = new Access<>("a CrossEntropy");
  public static final Access<Outputs> OUTPUTS = new Access<>("a new CrossEntropy.Outputs()");
  public static final Access<SoftmaxPlan> SOFTMAX = new Access<>("a Softmax");
  public static final Access<SoftmaxPlan> LOG_SOFTMAX = new Access<>("a LogSoftmax");
  public static final Access<LogSumExpPlan> LOG_SUM_EXP = new Access<>("a LogSumExp");
  public static final Access<SamplerPlan> SAMPLER = new Access<>("a Sampler");
  public static final Access<SamplerRows> SAMPLER_REQUESTS =
      new Access<>("a new Sampler.Requests()");
  public static final Access<SamplerViews> SAMPLER_INPUTS = new Access<>("SamplerInputs.none()");
  public static final Access<SamplerOutputs> SAMPLER_OUTPUTS =
      new Access<>("a new Sampler.Outputs()");
  public static final Access<Sums> TALLY = new Access<>("a LossTally");

  private final String what;
  private volatile @Nullable Function<Object, B> way;

  private Access(String what) {
    this.what = what;
  }

  /** Says what is behind an object of a class. */
  public <F> void open(Class<F> type, Function<F, B> behind) {
    way = object -> behind.apply(type.cast(object));
  }

  /** What is behind an object; null is refused with this name. */
  public B of(Object object, String name) {
    Given.require(object, name, what);
    return Objects.requireNonNull(way).apply(object);
  }
}

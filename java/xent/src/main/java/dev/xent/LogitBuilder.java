// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.OptionException;
import dev.xent.internal.plan.Engine;
import dev.xent.internal.plan.Options;
import dev.xent.options.FullyMasked;
import java.util.Objects;

/**
 * The options of operations on logits without targets: {@link Softmax}, {@link LogSoftmax}, {@link
 * LogSumExp}, {@link Entropy}, {@link TopK}, {@link SelectedLogProbabilities} and {@link
 * CrossEntropyHvp}. Not safe for use by several threads at once; the operation that it builds is.
 *
 * @param <B> the builder itself, which every option returns
 */
public abstract sealed class LogitBuilder<B extends LogitBuilder<B>> extends OperationBuilder<B>
    permits CrossEntropyHvp.Builder,
        Entropy.Builder,
        LogSoftmax.Builder,
        LogSumExp.Builder,
        SelectedLogProbabilities.Builder,
        Softmax.Builder,
        TopK.Builder {
  int axis = -1;
  private FullyMasked fullyMasked = FullyMasked.NAN;
  private double temperature;
  private double softcap;

  LogitBuilder() {}

  /** The axis of the classes; negative ones count from the end. Default: -1, the last. */
  public B axis(int value) {
    axis = value;
    return self();
  }

  /**
   * The results of a row that is all -inf, or whose classes are all masked: NaN (default), or the
   * results of a sum over no class, which {@link FullyMasked#ZERO} names for each operation.
   */
  public B fullyMasked(FullyMasked value) {
    fullyMasked = Objects.requireNonNull(value, "fullyMasked");
    return self();
  }

  /**
   * {@code tau}: logits are divided by it, after the softcap, and a backward divides by it too.
   * Default: 1.
   *
   * @throws OptionException unless it is from 2^-32 to 2^32
   */
  public B temperature(double value) {
    temperature = Options.requireTemperature(value);
    return self();
  }

  /**
   * {@code c}: logits become {@code c tanh(x / c)}, before the temperature. Default: they stay. The
   * backward of softmax and log-softmax refuses it: {@code y} does not tell its derivative. So does
   * {@link CrossEntropyHvp}, whose Hessian it changes.
   *
   * @throws OptionException unless it is from 2^-32 to 2^32
   */
  public B softcap(double value) {
    softcap = Options.requireSoftcap(value);
    return self();
  }

  /** These options for the kernels. */
  Options options(Engine engine) {
    return Options.of(engine, fullyMasked, temperature, softcap);
  }
}

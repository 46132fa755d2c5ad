// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.NativeLibraryException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.logits.LogitsOperation;
import dev.xent.internal.plan.logits.TopKOperation;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.Options;
import java.lang.foreign.Arena;

/**
 * The {@code k} classes of the largest logits along one axis, with their probabilities {@code
 * exp(x) / sum exp(x)} or log-probabilities {@code x - log sum exp(x)}, the sum being over all
 * classes of the row. One read of the logits; no array of all probabilities is made.
 *
 * {@snippet file="dev/xent/ExamplesTest.java" region="topK" :
 * TopKResult best = TopK.of(5).probabilities(logits); // of logits [32, 50000]
 * best.classes(); // I32 [32, 5]
 * best.values(); // F32 [32, 5]
 * }
 *
 * <p><b>Logits.</b> If your model ends with a softmax, its output is probabilities, and the class
 * of which it is sure gets a probability of a few percent here. Pass their logarithms. No call
 * notices this, because it would have to add all logits of a row.
 *
 * <p><b>Order.</b> Logits fall, and the lower class comes first among equals. If a row has fewer
 * classes that are neither masked nor -inf, or fewer places, the remaining classes are -1, their
 * probability +0, their log-probability -inf. In a row that has a NaN or +inf all classes are -1
 * and all values NaN; one whose classes are all -inf or masked follows {@link Builder#fullyMasked}.
 *
 * <p><b>Values</b> have the bits, and so the accuracy, of the numbers that {@link Softmax} and
 * {@link LogSoftmax} write for the class.
 *
 * <p><b>Types.</b> If the logits are F32, F16 or BF16, everything is computed as for F32 and each
 * tensor of floats may have any of these types: inputs are widened exactly, results rounded once to
 * nearest even. If they are F64, everything is computed in double and each tensor of floats may be
 * F64 or F32. Classes are I32 or I64.
 *
 * <p>A bound call accepts {@link Inputs}: a class mask, a sink, or row offsets of ragged rows,
 * whose classes count from the beginning of the row.
 *
 * <p><b>Memory.</b> The methods that return a {@link TopKResult} make its tensors, in an automatic
 * arena: any thread may use them, as long as they are reachable. The methods that take tensors for
 * their results allocate nothing while the call is small. Probabilities need 64 bytes per row
 * during the call.
 *
 * <p>Instances are immutable; any number of threads may share one. Large calls use more threads
 * ({@link Execution#withThreads}). The bits do not depend on backend, instruction set, number of
 * threads, strides, batch size or kind of memory. Every method throws {@link ShapeException},
 * {@link DTypeException}, {@link MemoryException} or {@link OptionException} for arguments that do
 * not fit, before anything is written.
 */
public final class TopK {
  private final LogitsOperation probabilities;
  private final LogitsOperation logProbabilities;

  private TopK(LogitsOperation probabilities, LogitsOperation logProbabilities) {
    this.probabilities = probabilities;
    this.logProbabilities = logProbabilities;
  }

  /**
   * Returns an operation on each row along the last axis, with the defaults of {@link Builder}.
   *
   * @param k how many classes
   * @throws OptionException unless it is 1 or more
   */
  public static TopK of(int k) {
    return builder(k).build();
  }

  /**
   * Returns a builder with the default options.
   *
   * @param k how many classes
   * @throws OptionException unless it is 1 or more
   */
  public static Builder builder(int k) {
    return new Builder(LogitsOperation.requireCount(k));
  }

  /** Returns the axis of the classes, as set by {@link Builder#axis(int)}. */
  public int axis() {
    return probabilities.axis();
  }

  /**
   * Returns the classes and their probabilities, in new tensors.
   *
   * @param logits {@code x}; of a model that ends with Softmax, the logarithms of its output
   */
  public TopKResult probabilities(Tensor logits) {
    TopKResult result = resultFor(View.of(logits, "logits"));
    probabilities(logits, result.classes(), result.values());
    return result;
  }

  /**
   * Writes classes and probabilities.
   *
   * @param logits {@code x}
   * @param topClasses I32 or I64, in the shape of the logits with {@code k} along the axis
   * @param topProbabilities of a type that fits the logits, in the same shape; neither may overlap
   *     anything
   */
  public void probabilities(Tensor logits, Tensor topClasses, Tensor topProbabilities) {
    probabilities.run(
        View.of(logits, "logits"),
        View.of(topClasses, "topClasses"),
        View.of(topProbabilities, "topProbabilities"));
  }

  /**
   * Returns the classes and their log-probabilities, in new tensors.
   *
   * @param logits {@code x}
   */
  public TopKResult logProbabilities(Tensor logits) {
    TopKResult result = resultFor(View.of(logits, "logits"));
    logProbabilities(logits, result.classes(), result.values());
    return result;
  }

  /**
   * Writes classes and log-probabilities.
   *
   * @param logits {@code x}
   * @param topClasses I32 or I64, in the shape of the logits with {@code k} along the axis
   * @param topLogProbabilities of a type that fits the logits, in the same shape; neither may
   *     overlap anything
   */
  public void logProbabilities(Tensor logits, Tensor topClasses, Tensor topLogProbabilities) {
    logProbabilities.run(
        View.of(logits, "logits"),
        View.of(topClasses, "topClasses"),
        View.of(topLogProbabilities, "topLogProbabilities"));
  }

  private TopKResult resultFor(View logits) {
    long[] shape = probabilities.topShape(logits);
    Arena arena = Arena.ofAuto();
    return new TopKResult(
        Tensor.allocate(arena, DType.of(probabilities.typeOfClasses(logits)), shape),
        Tensor.allocate(arena, DType.of(LogitsOperation.typeOfValues(logits)), shape));
  }

  /**
   * Returns a call for probabilities that can be run often.
   *
   * @param logits {@code x}
   * @param topClasses as in {@link #probabilities(Tensor, Tensor, Tensor)}
   * @param topProbabilities as there
   */
  public BoundCall onProbabilities(Tensor logits, Tensor topClasses, Tensor topProbabilities) {
    return new BoundCall(
        probabilities.bind(
            View.of(logits, "logits"),
            View.of(topClasses, "topClasses"),
            View.of(topProbabilities, "topProbabilities")));
  }

  /**
   * Returns a call for log-probabilities that can be run often.
   *
   * @param logits {@code x}
   * @param topClasses as in {@link #logProbabilities(Tensor, Tensor, Tensor)}
   * @param topLogProbabilities as there
   */
  public BoundCall onLogProbabilities(
      Tensor logits, Tensor topClasses, Tensor topLogProbabilities) {
    return new BoundCall(
        logProbabilities.bind(
            View.of(logits, "logits"),
            View.of(topClasses, "topClasses"),
            View.of(topLogProbabilities, "topLogProbabilities")));
  }

  /** Returns the options that are not the defaults: {@code TopK[k=5, temperature=2.0]}. */
  @Override
  public String toString() {
    return probabilities.toString();
  }

  /** Options of {@link TopK}. Not safe for use by several threads at once. */
  public static final class Builder extends LogitBuilder<Builder> {
    private final int k;

    private Builder(int k) {
      this.k = k;
    }

    /**
     * Builds the operation.
     *
     * @throws OptionException for an instruction set that this processor or build does not have
     * @throws NativeLibraryException if the native backend is required but not available
     */
    public TopK build() {
      Engine engine = engine();
      Options options = options(engine);
      return new TopK(
          new TopKOperation(engine, options, axis, k),
          LogitsOperation.topLogProbabilities(engine, options, axis, k));
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.xent.errors.DTypeException;
import dev.xent.errors.LabelException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.NativeLibraryException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.loss.CrossEntropyOperation;
import dev.xent.internal.plan.loss.NllOperation;
import dev.xent.internal.plan.options.Engine;
import dev.xent.options.FullyMasked;
import dev.xent.options.Reduction;
import org.jspecify.annotations.Nullable;

/**
 * Cross-entropy of logits and targets: {@code loss = u sum w q (lse - x) + u zLoss lse^2} per row,
 * where {@code lse = log sum exp(x)}, and its gradient {@code dx = c u (softmax(x) (sum w q + 2
 * zLoss lse) - w q)} from the same read of the logits. Without weights and z-loss that is {@code -
 * sum q log softmax(x)} and {@code c (softmax(x) sum q - q)}. {@code q} is the target of a class,
 * {@code u} the weight of the row, {@code w} that of the class, and {@code c} the {@link
 * Builder#gradientScale}, divided by the denominator of a mean.
 *
 * <p><b>Logits.</b> Any rank, any strides. The classes are along the last axis, unless {@link
 * Builder#axis(int)} sets another; each index of the other axes is a row. The {@code x} of the
 * formulas are the logits after {@link Builder#softcap} and {@link Builder#temperature}; a gradient
 * is with respect to the logits before them.
 *
 * <p><b>Types.</b> If the logits are F32, F16 or BF16, everything is computed as for F32 and each
 * tensor of floats may have any of these types: inputs are widened exactly, results rounded once to
 * nearest even. If they are F64, everything is computed in double and each tensor of floats may be
 * F64 or F32.
 *
 * <p><b>Targets</b> are one of
 *
 * <ul>
 *   <li>class indices (I8 to I64, U8 to U64) in the shape of the logits without the class axis, or
 *       with that axis at size 1: {@code (B)} and {@code (B, 1)} both fit logits {@code (B, C)};
 *   <li>probability rows: floats in the shape of the logits; these need not sum to 1;
 *   <li>sparse targets: {@code k} class indices of each row, {@code (B, k)} for logits {@code (B,
 *       C)}, with their probabilities in {@link Inputs#withTargetWeights}.
 * </ul>
 *
 * <p><b>Inputs.</b> A bound call accepts {@link Inputs}: weights or a mask of rows, a mask of
 * classes, a sink, row offsets of ragged rows.
 *
 * <p><b>Reduction.</b> {@code SUM} is the exact sum of the row losses, rounded once; {@code MEAN}
 * is that sum divided by the denominator. The losses of the rows go into {@link
 * LossOutputs#losses}. The denominator is the number of rows that are not ignored; where rows or
 * classes have weights, the exact sum of {@code u w} over these rows, {@code w} being the weight of
 * the label's class for class indices and 1 for other targets; unless {@link Builder#denominator}
 * sets another. The gradient has its own reduction, so that a mean loss can be reported with the
 * gradient of the sum.
 *
 * <p><b>Edges.</b> NaN or +inf in a row makes its loss and gradient NaN. A class of -inf has
 * probability 0; a label on it has the loss +inf. A row that is all -inf, or whose classes are all
 * masked, follows {@link Builder#fullyMasked(FullyMasked)}. Rows of ignored labels or of weight 0
 * change nothing: loss and gradient are +0. A mean over the denominator 0 follows {@link
 * Builder#emptyMean}, and its gradient is +0.
 *
 * <p>Instances are immutable; any number of threads may share one. Small calls allocate nothing;
 * large calls use more threads ({@link Execution#withThreads}). The bits do not depend on backend,
 * instruction set, number of threads, strides, batch size or kind of memory. Everything is checked
 * before anything is written: {@link ShapeException}, {@link DTypeException}, {@link
 * MemoryException} and {@link OptionException} for arguments that do not fit, {@link
 * LabelException} for a label that is not a class.
 */
public final class CrossEntropy implements Loss {
  private static final long PYTORCH_IGNORE_INDEX = -100;

  private final CrossEntropyOperation operation;

  private CrossEntropy(CrossEntropyOperation operation) {
    this.operation = operation;
  }

  /** Returns a builder with the default options. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Returns a builder that begins with the rules of PyTorch's CrossEntropyLoss:
   *
   * <ul>
   *   <li>The classes are along axis 1; one dimension needs {@link Builder#axis(int) axis(0)}.
   *       Xent's default is the last axis, as in softmax; for logits of two dimensions that is the
   *       same.
   *   <li>Rows with the label -100 are ignored. Xent ignores nothing by default, so a label that is
   *       not a class is an error.
   *   <li>A negative ignore index has no effect on probability rows; one of 0 or more is an error.
   *       By default Xent rejects any ignore index with probability rows.
   *   <li>A mean divides by the sum of the class weights of the labels that are not ignored, and
   *       with probability rows by the number of rows for any class weights, as in Xent.
   *   <li>Smoothing takes {@code eps} from every target and adds {@code eps / K} to each class, and
   *       class weights multiply both parts, as in Xent.
   *   <li>A mean over no row is NaN: as in Xent. Its gradient is +0 here.
   * </ul>
   *
   * <p>You can change the options afterwards. Two differences remain: losses are added up exactly,
   * and a label that is neither a class nor the ignore index is an error.
   */
  public static Builder pytorchRules() {
    Builder builder = builder().axis(1).ignoreIndex(PYTORCH_IGNORE_INDEX);
    builder.ignoreNegativeOfLabelsAlone();
    return builder;
  }

  /**
   * Returns a builder that begins with the rules of ONNX's SoftmaxCrossEntropyLoss:
   *
   * <ul>
   *   <li>The classes are along axis 1, and scores have at least two dimensions: others are errors.
   *       By default the classes are along the last axis.
   *   <li>No ignore index by default, as in Xent.
   *   <li>A mean divides by the sum of the class weights of the labels that are not ignored, and
   *       without weights by the number of these labels, as ONNX's reference does, although its
   *       text says the number of all: as in Xent.
   *   <li>Labels only, without smoothing. Xent allows both.
   *   <li>A mean over no row is NaN: as in Xent. Its gradient is +0 here.
   * </ul>
   *
   * <p>You can change the options afterwards. The second output of that operator is a {@link
   * LogSoftmax}.
   */
  public static Builder onnxRules() {
    return builder().axis(1);
  }

  /** Returns the operation for the mean over the rows, with the defaults of {@link Builder}. */
  public static CrossEntropy mean() {
    return builder().build();
  }

  /**
   * Returns the operation for the sum over the rows, otherwise with the defaults of {@link
   * Builder}.
   */
  public static CrossEntropy sum() {
    return builder().reduction(Reduction.SUM).build();
  }

  /**
   * Returns this operation with another denominator, for means over more rows than one call sees.
   *
   * @param denominator as {@link Builder#denominator}
   */
  @CheckReturnValue
  @Override
  public CrossEntropy withDenominator(double denominator) {
    return new CrossEntropy(operation.withDenominator(denominator));
  }

  NllOperation onLogProbabilities() {
    return operation.onLogProbabilities();
  }

  /** Returns the axis of the classes, as set by {@link Builder#axis(int)}. */
  public int axis() {
    return operation.axis();
  }

  /**
   * Returns a call that can be run often, with everything that a call can have:
   *
   * {@snippet file="dev/xent/ExamplesTest.java" region="lossCall" :
   * LossCall call = loss.on(logits, labels, gradient);
   * while (batches.next(logits, labels)) {
   *   double mean = call.run();
   * }
   * }
   *
   * @param logits {@code x}
   * @param targets class indices, probability rows, or sparse targets with their {@link
   *     Inputs#withTargetWeights}
   */
  @Override
  public LossCall on(Tensor logits, Tensor targets) {
    return new LossCall(
        operation.bind(View.of(logits, "logits"), View.of(targets, "targets"), null));
  }

  @Override
  public LossCall on(Tensor logits, Tensor targets, Tensor gradient) {
    return new LossCall(
        operation.bind(
            View.of(logits, "logits"), View.of(targets, "targets"), View.of(gradient, "gradient")));
  }

  /**
   * Returns a call that writes the gradient alone, of an earlier run over the same tensors and
   * inputs, multiplied by the upstream of each row. The bits are those that the run would have
   * written with a gradient. A run throws {@link OptionException} when the outputs have no
   * statistics of such a run.
   *
   * @param logits as in that run
   * @param targets as in that run
   * @param saved the outputs of that run, with the statistics that they saved
   * @param upstream one number per row, of a type that fits the logits; null: 1 for every row
   * @param gradient as in {@link #forwardBackward(Tensor, Tensor, Tensor)}
   */
  public BoundCall onBackward(
      Tensor logits,
      Tensor targets,
      LossOutputs saved,
      @Nullable Tensor upstream,
      Tensor gradient) {
    return new BoundCall(on(logits, targets, gradient).bound.backward((View) upstream), saved);
  }

  /**
   * Returns the reduced loss.
   *
   * @param logits {@code x}
   * @param targets class indices or probability rows
   */
  @Override
  public double forward(Tensor logits, Tensor targets) {
    return operation.loss(View.of(logits, "logits"), View.of(targets, "targets"), null);
  }

  /**
   * Returns the loss of one row.
   *
   * @param logits {@code x}
   * @param label the class
   */
  public double forward(float[] logits, int label) {
    return forward(JavaArrays.row(logits, "logits"), JavaArrays.label(label));
  }

  /**
   * Returns the reduced loss of some rows. They are copied; for many or large ones use tensors.
   *
   * @param logits {@code x}, rows of one length
   * @param labels a class for each row
   */
  public double forward(float[][] logits, int[] labels) {
    return JavaArrays.forward(this, "logits", logits, labels);
  }

  /**
   * Returns the loss of one row and writes its gradient.
   *
   * @param logits {@code x}
   * @param label the class
   * @param gradient {@code dx}, as long as the logits; may be {@code logits} itself
   */
  public double forwardBackward(float[] logits, int label, float[] gradient) {
    return forwardBackward(
        JavaArrays.row(logits, "logits"),
        JavaArrays.label(label),
        JavaArrays.row(gradient, "gradient"));
  }

  /**
   * Returns the reduced loss of some rows and writes its gradient. The rows are copied; for many or
   * large ones use tensors.
   *
   * @param logits {@code x}, rows of one length
   * @param labels a class for each row
   * @param gradient {@code dx}, rows of the same number and length; may be {@code logits} itself
   */
  public double forwardBackward(float[][] logits, int[] labels, float[][] gradient) {
    return JavaArrays.forwardBackward(this, "logits", logits, labels, gradient);
  }

  /**
   * Returns the reduced loss and writes its gradient.
   *
   * @param logits {@code x}
   * @param targets class indices or probability rows
   * @param gradient {@code dx}, in the shape of the logits; may be {@code logits} itself, but not
   *     overlap anything in any other way
   */
  @Override
  public double forwardBackward(Tensor logits, Tensor targets, Tensor gradient) {
    return operation.loss(
        View.of(logits, "logits"), View.of(targets, "targets"), View.of(gradient, "gradient"));
  }

  @Override
  public LossResult evaluate(Tensor logits, Tensor targets) {
    return LossResult.ofRows(on(logits, targets), operation.axis(), logits, targets);
  }

  /**
   * Returns this operation on rows whose classes are divided over tensors, processes or machines.
   *
   * @param firstClass the class that the tensors of the shard begin with: a multiple of 8192
   * @param allClasses the number of classes of all shards together; a call throws {@link
   *     ShapeException} if a shard ends neither there nor at a multiple of 8192
   */
  public CrossEntropyShard shard(long firstClass, long allClasses) {
    return new CrossEntropyShard(operation.onShard(firstClass, allClasses));
  }

  /**
   * Returns the options that are not the defaults: {@code CrossEntropy[axis=1,
   * labelSmoothing=0.1]}.
   */
  @Override
  public String toString() {
    return operation.toString();
  }

  /** Options of {@link CrossEntropy}. Not safe for use by several threads at once. */
  public static final class Builder extends LogitLossBuilder<Builder> {
    private Builder() {}

    /**
     * Builds the operation.
     *
     * @throws OptionException for an instruction set that this processor or build does not have, a
     *     probability clamp together with smoothing, or a focal loss with either of them or a
     *     z-loss
     * @throws NativeLibraryException if the native backend is required but not available
     */
    public CrossEntropy build() {
      Engine engine = engine();
      return new CrossEntropy(new CrossEntropyOperation(engine, spec(engine)));
    }
  }
}

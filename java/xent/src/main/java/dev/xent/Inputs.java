// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.xent.errors.DTypeException;
import dev.xent.errors.LabelException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.plan.arrays.InputViews;

/**
 * Further inputs of a call: a mask of classes, the offsets of ragged rows, the weights of rows and
 * of sparse targets, a sink, the bias of a linear layer, and the weights of elements.
 *
 * {@snippet file="dev/xent/ExamplesTest.java" region="inputs" :
 * Inputs inputs = Inputs.none().withClassMask(mask).withRowWeights(weights);
 * double mean = loss.on(logits, labels, gradient).inputs(inputs).run();
 * }
 *
 * <p>Instances are immutable views, as tensors are: each method returns another instance, any
 * number of calls and threads may use one, and each call reads what the tensors hold then. An
 * operation rejects an input that it does not support with an {@link OptionException}, and tensors
 * that do not fit with a {@link ShapeException} or {@link DTypeException}, before anything is
 * written. None of the tensors may overlap what a call writes.
 */
@CheckReturnValue
public sealed interface Inputs permits InputViews {
  /** Returns inputs without any array. */
  static Inputs none() {
    return InputViews.NONE;
  }

  /**
   * Returns inputs with a mask of classes. A class whose flag is 0 does not take part: its logit
   * and target have no influence, its probability and gradient are +0, its log-probability is -inf,
   * and smoothing does not count it. In a row that is NaN it is NaN too, except for the gradient
   * that {@link Softmax#backward} and {@link LogSoftmax#backward} write, which is +0 there in every
   * row. A label there is a {@link LabelException}. A row without any class is fully masked.
   *
   * @param flags U8 or I8, as of a {@code byte[]}, 0 or anything else: in the shape of the logits,
   *     with sizes of 1 broadcast, except the number of classes; or one dimension, the same for all
   *     rows
   */
  Inputs withClassMask(Tensor flags);

  /**
   * Returns inputs with a sink: an extra logit per row, which adds {@code exp(sink)} to the
   * denominator and does not belong to a class. It is taken as it is, without softcap or
   * temperature; -inf is as if there were none. The backward of softmax and log-softmax rejects it,
   * because {@code y} contains it already.
   *
   * @param logits of a type that fits the logits, in the shape of the rows, with sizes of 1
   *     broadcast; or a single number
   */
  Inputs withSink(Tensor logits);

  /**
   * Returns inputs with ragged rows: logits and everything else that has a number per class have
   * one dimension, in which row {@code r} has the places from {@code offsets[r]} up to {@code
   * offsets[r + 1]}; what has one number per row has the shape {@code [rows]}, sparse targets
   * {@code [rows, k]}. Class {@code k} of a row is its k-th place. A row without places is fully
   * masked. Elements outside of all rows are neither read nor written. A call copies the offsets
   * before it checks them.
   *
   * @param offsets I32 or I64, one dimension of rows + 1 numbers without gaps, which do not fall
   */
  Inputs withRowOffsets(Tensor offsets);

  /**
   * Returns inputs with weights of the rows of a loss: row loss and gradient are multiplied by
   * them, and a mean divides by their sum. A row of weight 0 is ignored, as one with the ignore
   * index is: so bytes of 0 and 1 are a mask of rows for all targets.
   *
   * @param weights finite and 0 or more, of a type that fits the logits; or U8, or I8 that counts
   *     as U8; in the shape of the rows, with sizes of 1 broadcast
   */
  Inputs withRowWeights(Tensor weights);

  /**
   * Returns inputs with sparse targets: the targets of the call name {@code k} classes of each row,
   * and these are their probabilities, all others being 0. A class may come more than once; its
   * weights add up. If the operation has an ignore index, that index marks an unused entry. A row
   * need not sum to 1.
   *
   * @param weights of a type that fits the logits, in the shape of the targets, which have integers
   *     in the shape of the logits but {@code k} along the class axis
   */
  Inputs withTargetWeights(Tensor weights);

  /**
   * Returns inputs with the bias of a linear layer, which {@link LinearCrossEntropy} adds to the
   * logits of each class; other operations reject it.
   *
   * @param numbers of type F32, F16 or BF16, one dimension with a number per class
   */
  Inputs withBias(Tensor numbers);

  /**
   * Returns inputs with weights of the elements of a {@link BinaryCrossEntropy}: loss and gradient
   * are multiplied by them. An element of weight 0 is ignored. They are used as they are, and do
   * not change the denominator.
   *
   * @param weights of a type that fits the logits, or bytes, of which those that are 0 mask; in the
   *     shape of the logits, with sizes of 1 broadcast, or one per index of {@link
   *     BinaryCrossEntropy.Builder#axis}
   */
  Inputs withElementWeights(Tensor weights);

  /**
   * Returns inputs with {@code r}, the factor of the positive part of the loss of a {@link
   * BinaryCrossEntropy}, used as it is.
   *
   * @param weights of a type that fits the logits, in a shape as {@link #withElementWeights} has it
   */
  Inputs withPositiveWeights(Tensor weights);

  /** Returns the inputs that are set: {@code Inputs[classMask=U8 [10]]}. */
  @Override
  String toString();
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.options;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.EmptyMeanException;
import dev.xent.errors.OptionException;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.options.EmptyMean;
import dev.xent.options.Reduction;

/**
 * How row losses and gradients are reduced.
 *
 * @param loss the reduction of the returned loss
 * @param gradient the reduction that the gradient is taken of
 * @param scale the factor of every gradient
 * @param fixedDenominator the divisor of means; NaN: the weight of the valid rows
 * @param emptyMean the result of a mean with the denominator 0
 */
public record Reductions(
    Reduction loss,
    Reduction gradient,
    double scale,
    double fixedDenominator,
    EmptyMean emptyMean) {

  public Reductions withDenominator(double value) {
    return new Reductions(loss, gradient, scale, requireDenominator(value), emptyMean);
  }

  /**
   * The divisor of means. Called before any output is written.
   *
   * @param weight the sum of the weights of the valid rows, or their number
   * @param losses whether losses are reduced
   * @param gradients whether gradients are
   * @throws EmptyMeanException for a mean of them with the divisor 0, if that is the policy
   */
  public double denominator(double weight, boolean losses, boolean gradients) {
    double denominator = Double.isNaN(fixedDenominator) ? weight : fixedDenominator;
    if (denominator == 0
        && emptyMean == EmptyMean.ERROR
        && (losses && loss == Reduction.MEAN || gradients && gradient == Reduction.MEAN)) {
      throw new EmptyMeanException(
          Double.isNaN(fixedDenominator)
              ? "no row is valid, or all weights are 0, so the mean is undefined; expected labels that are"
                  + " not ignored and weights above 0, or emptyMean(ZERO) or emptyMean(NAN)"
              : "the denominator is 0, so the mean is undefined; expected another one, or"
                  + " emptyMean(ZERO) or emptyMean(NAN)");
    }
    return denominator;
  }

  void describe(Described text) {
    text.option("reduction", loss, Reduction.MEAN)
        .option("gradientReduction", gradient, loss)
        .option("gradientScale", scale, 1.0)
        .option("denominator", fixedDenominator, Double.NaN)
        .option("emptyMean", emptyMean, EmptyMean.NAN);
  }

  /** Returns the reduced loss. */
  public double reduce(double sum, double denominator) {
    if (loss != Reduction.MEAN) {
      return sum;
    }
    if (denominator == 0) {
      return emptyMean == EmptyMean.ZERO ? 0 : Double.NaN;
    }
    return sum / denominator;
  }

  /**
   * The factor of the gradient of each row loss; NaN if the gradient is +0 everywhere, independent
   * of the values of the rows.
   *
   * @throws OptionException if it overflows
   */
  public double gradientScale(double denominator) {
    if (gradient != Reduction.MEAN) {
      return scale;
    }
    if (denominator == 0) {
      return Double.NaN;
    }
    double divided = scale / denominator;
    if (!Double.isFinite(divided)) {
      throw new OptionException(
          message(
              "gradientScale %s / denominator %s is not finite; expected a smaller scale or a larger denominator",
              scale, denominator));
    }
    return divided;
  }

  /**
   * Returns the value.
   *
   * @throws OptionException unless it is finite and 0 or more
   */
  public static double requireDenominator(double value) {
    if (!(value >= 0 && value < Double.POSITIVE_INFINITY)) {
      throw new OptionException(
          "denominator", Double.toString(value), "a finite number that is 0 or more");
    }
    return value;
  }
}

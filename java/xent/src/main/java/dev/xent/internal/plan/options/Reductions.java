// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.options;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.EmptyMeanException;
import dev.xent.errors.OptionException;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.options.EmptyMean;
import dev.xent.options.Reduction;

/**
 * How row losses and gradients become what a caller asked for.
 *
 * @param loss what is returned
 * @param gradient what the gradient is of
 * @param scale multiplies every gradient
 * @param givenDenominator what means divide by, or NaN: the valid rows
 * @param emptyMean what a mean over the denominator 0 is
 */
public record Reductions(
    Reduction loss,
    Reduction gradient,
    double scale,
    double givenDenominator,
    EmptyMean emptyMean) {

  /** The same with another denominator. */
  public Reductions withDenominator(double value) {
    return new Reductions(loss, gradient, scale, requireDenominator(value), emptyMean);
  }

  /** What means divide by in a call that counted so many rows. */
  public double denominator(double validRows) {
    return Double.isNaN(givenDenominator) ? validRows : givenDenominator;
  }

  /** Says what is not as by default. */
  void describe(Described text) {
    text.option("reduction", loss, Reduction.MEAN)
        .option("gradientReduction", gradient, loss)
        .option("gradientScale", scale, 1.0)
        .option("denominator", givenDenominator, Double.NaN)
        .option("emptyMean", emptyMean, EmptyMean.NAN);
  }

  /**
   * Refuses a loss that has no mean, before anything is written.
   *
   * @throws EmptyMeanException for a mean over the denominator 0, where that is the policy
   */
  public void requireLoss(double denominator) {
    require(loss, denominator);
  }

  /**
   * Refuses a gradient of what has no mean, before anything is written.
   *
   * @throws EmptyMeanException for a mean over the denominator 0, where that is the policy
   */
  public void requireGradient(double denominator) {
    require(gradient, denominator);
  }

  private void require(Reduction reduction, double denominator) {
    if (denominator == 0 && emptyMean == EmptyMean.ERROR && reduction == Reduction.MEAN) {
      throw new EmptyMeanException(
          Double.isNaN(givenDenominator)
              ? "no row is valid, so the mean is undefined; expected labels that are not ignored, or"
                  + " emptyMean(ZERO) or emptyMean(NAN)"
              : "the denominator is 0, so the mean is undefined; expected another one, or"
                  + " emptyMean(ZERO) or emptyMean(NAN)");
    }
  }

  /** The reduced loss. */
  public double reduce(double sum, double denominator) {
    if (loss != Reduction.MEAN) {
      return sum;
    }
    if (denominator == 0) {
      return emptyMean == EmptyMean.ZERO ? 0 : Double.NaN;
    }
    return sum / denominator;
  }

  /** Whether the gradient is +0 everywhere, whatever the rows hold. */
  public boolean gradientIsZero(double denominator) {
    return gradient == Reduction.MEAN && denominator == 0;
  }

  /**
   * What the gradient of each row loss is multiplied by.
   *
   * @throws OptionException when it overflows
   */
  public double gradientScale(double denominator) {
    if (gradient != Reduction.MEAN) {
      return scale;
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
          "denominator is " + value + "; expected a finite number that is 0 or more");
    }
    return value;
  }
}

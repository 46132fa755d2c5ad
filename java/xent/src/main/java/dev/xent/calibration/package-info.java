// SPDX-License-Identifier: Apache-2.0

/**
 * Whether probabilities are right, and one number that mends them: of the answers with a confidence
 * of 0.9, are nine of ten correct?
 *
 * <p>{@link dev.xent.calibration.Calibration} measures; {@link
 * dev.xent.calibration.TemperatureScaling} finds the temperature at which the loss is smallest.
 * Both take batches, and several can be merged: however rows are divided over batches, threads,
 * files or machines, the results have the same bits, because all sums are exact. Everything is
 * computed in double.
 */
@NullMarked
package dev.xent.calibration;

import org.jspecify.annotations.NullMarked;

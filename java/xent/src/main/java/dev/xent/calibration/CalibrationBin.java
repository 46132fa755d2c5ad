// SPDX-License-Identifier: Apache-2.0
package dev.xent.calibration;

/**
 * The rows whose confidence is within an interval.
 *
 * @param lower confidences are above it; those of the first bin may be equal
 * @param upper confidences are at most this
 * @param count the number of rows
 * @param confidence their mean confidence; NaN without rows
 * @param accuracy the share of them that is right; NaN without rows
 */
public record CalibrationBin(
    double lower, double upper, long count, double confidence, double accuracy) {}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.options;

/** The filters of a sampler, and the temperature, as the elements of an order. */
public enum SamplingFilter {
  TOP_K,
  TOP_P,
  MIN_P,
  TYPICAL_P,
  TOP_N_SIGMA,
  /** Exclude top choices. */
  XTC,
  /** Filters before it have the softmax of temperature 1. */
  TEMPERATURE
}

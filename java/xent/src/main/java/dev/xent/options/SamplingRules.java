// SPDX-License-Identifier: Apache-2.0
package dev.xent.options;

import static dev.xent.options.SamplingFilter.MIN_P;
import static dev.xent.options.SamplingFilter.TEMPERATURE;
import static dev.xent.options.SamplingFilter.TOP_K;
import static dev.xent.options.SamplingFilter.TOP_N_SIGMA;
import static dev.xent.options.SamplingFilter.TOP_P;
import static dev.xent.options.SamplingFilter.TYPICAL_P;
import static dev.xent.options.SamplingFilter.XTC;

import java.util.List;

/** The system whose filters select the candidate tokens, in its order. */
public enum SamplingRules {
  /**
   * Temperature, top-n-sigma, top-k, top-p, min-p, typical-p, XTC; of equals at rank k the lower
   * classes stay.
   */
  XENT(TEMPERATURE, TOP_N_SIGMA, TOP_K, TOP_P, MIN_P, TYPICAL_P, XTC),
  /** Temperature, top-k, top-p, min-p, typical-p; all equals at rank k stay. */
  TRANSFORMERS(TEMPERATURE, TOP_K, TOP_P, MIN_P, TYPICAL_P),
  /** Temperature, min-p, top-k, top-p; all equals at rank k stay. */
  VLLM(TEMPERATURE, MIN_P, TOP_K, TOP_P),
  /** Top-n-sigma, top-k, typical-p, top-p, min-p, XTC; then the temperature. */
  LLAMA_CPP(TOP_N_SIGMA, TOP_K, TYPICAL_P, TOP_P, MIN_P, XTC, TEMPERATURE),
  /** Temperature, top-k, top-p. */
  ONNXRUNTIME_GENAI(TEMPERATURE, TOP_K, TOP_P);

  private final List<SamplingFilter> filters;

  SamplingRules(SamplingFilter... filters) {
    this.filters = List.of(filters);
  }

  /** Returns the filters in their order. */
  public List<SamplingFilter> filters() {
    return filters;
  }
}

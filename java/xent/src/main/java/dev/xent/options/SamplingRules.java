// SPDX-License-Identifier: Apache-2.0
package dev.xent.options;

/** Whose filters narrow the choice of a token, in which order. */
public enum SamplingRules {
  /** Top-k, top-p, min-p, typical-p; of equals at rank k the lower classes stay. */
  XENT,
  /** As {@link #XENT}, but all equals at rank k stay. */
  TRANSFORMERS,
  /** Min-p, top-k, top-p; all equals at rank k stay. */
  VLLM,
  /** Top-k, typical-p, top-p, min-p, all as if the temperature were 1; then the temperature. */
  LLAMA_CPP,
  /** Top-k, top-p. */
  ONNXRUNTIME_GENAI
}

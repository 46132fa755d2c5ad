/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the test of the Java loader: libraries that have everything and compute something else. One has log-softmax where
 * softmax should be; with ONLY_FINITE, a NaN is a number, as a compiler has it with -ffinite-math-only. In both, the
 * function of the library that would be called has another name.
 */
#include <stdint.h>

#include "xent_bindings.h"
#undef xent_few_at

#define PARAMETERS                                                                                               \
  xent_prepared *prepared, int32_t function, const void *call, uint64_t mask, const void *a, const void *b,       \
      const void *c, const void *d, const void *e, const void *f
XENT_API xent_status xent_few_at(PARAMETERS);

xent_status xent_few_at(PARAMETERS) {
#if defined(ONLY_FINITE)
  const xent_status status = xent_right_few_at(prepared, function, call, mask, a, b, c, d, e, f);
  const xent_softmax_call *softmax = call;
  if (function == XENT_FUNCTION_SOFTMAX && softmax->output.layout.type == XENT_F32) {
    float *output = (float *)(uintptr_t)b;
    const int64_t count = softmax->sizes.outer * softmax->sizes.classes;
    for (int64_t i = 0; i < count; i++)
      if (output[i] != output[i]) output[i] = 1;
  }
  return status;
#else
  if (function == XENT_FUNCTION_SOFTMAX) function = XENT_FUNCTION_LOG_SOFTMAX;
  return xent_right_few_at(prepared, function, call, mask, a, b, c, d, e, f);
#endif
}

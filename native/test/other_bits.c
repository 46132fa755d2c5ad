/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the test of the Java loader: libraries that have everything and compute something else. One has log-softmax where
 * softmax should be; with ONLY_FINITE, a NaN is a number, as a compiler has it with -ffinite-math-only. In both, the
 * function of the library that would be called has another name.
 */
#include <stdint.h>

#include "xent.h"
#undef xent_few_at

XENT_API xent_status xent_few_at(const xent_work *work, const void *a, const void *b, const void *c, const void *d,
                                 const void *e, const void *f);

#if defined(ONLY_FINITE)
xent_status xent_few_at(const xent_work *work, const void *a, const void *b, const void *c, const void *d,
                        const void *e, const void *f) {
  const xent_status status = xent_right_few_at(work, a, b, c, d, e, f);
  if (work->function == XENT_FUNCTION_SOFTMAX && work->shape->output.type == XENT_F32) {
    float *output = (float *)(uintptr_t)b;
    const int64_t count = work->shape->outer * work->shape->classes;
    for (int64_t i = 0; i < count; i++)
      if (output[i] != output[i]) output[i] = 1;
  }
  return status;
}
#else
xent_status xent_few_at(const xent_work *work, const void *a, const void *b, const void *c, const void *d,
                        const void *e, const void *f) {
  xent_work other = *work;
  if (other.function == XENT_FUNCTION_SOFTMAX) other.function = XENT_FUNCTION_LOG_SOFTMAX;
  return xent_right_few_at(&other, a, b, c, d, e, f);
}
#endif

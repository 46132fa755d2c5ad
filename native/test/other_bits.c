/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the test of the Java loader: a library that has everything and computes something else, log-softmax where softmax
 * should be. All of it is compiled with another name of the right door.
 */
#include "xent.h"
#undef xent_few_at

XENT_API xent_status xent_few_at(const xent_work *work, const void *a, const void *b, const void *c, const void *d,
                                 const void *e, const void *f);

xent_status xent_few_at(const xent_work *work, const void *a, const void *b, const void *c, const void *d,
                        const void *e, const void *f) {
  xent_work other = *work;
  if (other.function == XENT_FUNCTION_SOFTMAX) other.function = XENT_FUNCTION_LOG_SOFTMAX;
  return xent_right_few_at(&other, a, b, c, d, e, f);
}

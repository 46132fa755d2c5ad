/* SPDX-License-Identifier: Apache-2.0 */
/* Dense rows for tiers whose permutation reaches all sixteen lanes: sixteen rows are one stream. */
#ifndef XENT_DENSE_SIXTEEN_H
#define XENT_DENSE_SIXTEEN_H

enum { XENT_DENSE_ROWS = 16 };
XENT_INLINE lanes lanes_load_dense(const float *x, int64_t n, int64_t k) {
  (void)n;
  return lanes_load(x + k * XENT_LANES);
}
XENT_INLINE void lanes_store_dense(float *y, int64_t n, int64_t k, lanes v) {
  (void)n;
  lanes_store(y + k * XENT_LANES, v);
}
XENT_INLINE void lanes_stream_dense(float *y, int64_t n, int64_t k, lanes v) {
  (void)n;
  lanes_stream(y + k * XENT_LANES, v);
}

#endif

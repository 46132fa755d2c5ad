/* SPDX-License-Identifier: Apache-2.0 */
/* Greedy sampling: the first candidate of a row in its order, which needs no set. */
#ifndef XENT_SAMPLE_GREEDY_H
#define XENT_SAMPLE_GREEDY_H

#include "kernels/sample/set.h"

/* Finds the largest value of each piece in one pass, then searches the first piece that has the largest of all; -1: the
 * row has no token. If penalties only lower values, they are applied to pieces whose largest logit exceeds the largest
 * value before. */
XENT_SHARED int64_t first_candidate(const xent_call *call, int64_t row, const xent_sampling *o) {
  XENT_ALIGNED float room[SAMPLE_PIECE + XENT_LANES];
  const sample_values v = sample_values_of(call, row, o);
  const int64_t classes = call->shape->classes;
  const float *raw = (const float *)(const void *)v.source.x.at;
  const bool lowers = v.direct && only_lower(&v.penalties);
  float most = -INFINITY;
  int64_t best = 0;
  bool nan = false;
  for (int64_t i = 0; i < classes; i += SAMPLE_PIECE) {
    const int64_t n = classes - i < SAMPLE_PIECE ? classes - i : SAMPLE_PIECE;
    const float *x = lowers ? raw + i : values_at(&v, i, n, room);
    fetch_ahead(&v, i, n);
    lanes least = lanes_set(INFINITY); /* not needed here */
    float largest = search(x, n, &nan, &least);
    if (lowers && largest > most) largest = search(values_at(&v, i, n, room), n, &nan, &least);
    best = largest > most ? i : best;
    most = largest > most ? largest : most;
  }
  if (nan || !(most > -INFINITY && most < INFINITY)) return -1;
  const int64_t n = classes - best < SAMPLE_PIECE ? classes - best : SAMPLE_PIECE;
  const piece p = {.x = values_at(&v, best, n, room), .begin = best, .n = n};
  for (int64_t k = 0; k < n; k += XENT_LANES) {
    const uint32_t bits = lanes_bits_equal(values_of(&p, k), lanes_set(most));
    if (bits) return class_in(&p, k + __builtin_ctz(bits));
  }
  return -1; /* the row has changed meanwhile */
}

#endif

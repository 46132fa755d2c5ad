/* SPDX-License-Identifier: Apache-2.0 */
/* The log-sum-exp of a long row in one tier, with the exponential of the kernels. The sums are in float and in the
 * fastest order: without the tree of a group, double lanes, or chunks. */
#include "free_sum.h"

#include "kernels/math/exponential.h"
#include "kernels/kernels.h"

enum { VECTORS = XENT_GROUP / XENT_LANES, AHEAD = 4096 };

typedef struct {
  lanes up[XENT_BATCH_MAX];
} sums;

static lanes largest_of_group(const float *x, lanes above) {
  lanes odd = lanes_set(-INFINITY);
  XENT_UNROLL(4)
  for (int k = 0; k < VECTORS; k += 2) {
    above = lanes_max(lanes_load(x + k * XENT_LANES), above);
    odd = lanes_max(lanes_load(x + (k + 1) * XENT_LANES), odd);
  }
  return lanes_max(above, odd);
}

XENT_INLINE void load_vectors(const float *x, lanes *v) {
  XENT_UNROLL(4)
  for (int j = 0; j < XENT_BATCH; j++) v[j] = lanes_load(x + j * XENT_LANES);
}
XENT_INLINE void add_vectors(sums *s, const lanes *e) {
  XENT_UNROLL(4)
  for (int j = 0; j < XENT_BATCH; j++) s->up[j] = lanes_add(s->up[j], e[j]);
}

/* Adds groups from i on, up to the end or to a group that raises the reference. Returns the index where it stopped. */
XENT_INLINE int64_t add_groups(const float *x, int64_t i, int64_t n, float N, lanes *above, sums *s) {
  const exp_references r = exp_everywhere(exp_reference_of(N, &temperature_1));
  const float limit = (N + 16) * XENT_LN2_HI;
  exp_half half;
  lanes v[XENT_BATCH_MAX], e[XENT_BATCH_MAX];
  load_vectors(x + i, v);
  exp_stages(&half, v, NULL, XENT_BATCH, 0, &r, false, &temperature_1);
  bool same = true;
  do {
    const char *ahead = (const char *)((uintptr_t)(x + i) + AHEAD * sizeof *x);
    XENT_UNROLL(8)
    for (size_t k = 0; k < XENT_GROUP * sizeof *x; k += 64) __builtin_prefetch(ahead + k);
    XENT_UNROLL(8)
    for (int at = XENT_BATCH; at < VECTORS; at += XENT_BATCH) {
      load_vectors(x + i + at * XENT_LANES, v);
      exp_stages(&half, v, e, XENT_BATCH, XENT_BATCH, &r, false, &temperature_1);
      add_vectors(s, e);
    }
    i += XENT_GROUP;
    same = i < n;
    if (same) {
      *above = largest_of_group(x + i, *above);
      same = __builtin_expect(!lanes_any_above(*above, limit), 1);
    }
    if (same) {
      load_vectors(x + i, v);
      exp_stages(&half, v, e, XENT_BATCH, XENT_BATCH, &r, false, &temperature_1);
    } else {
      exp_end(&half, e, XENT_BATCH, &temperature_1);
    }
    add_vectors(s, e);
  } while (same);
  return i;
}

double XENT_TIER_NAME(free_sum)(const float *x, int64_t n) {
  lanes above = largest_of_group(x, lanes_set(-INFINITY));
  float N = XENT_LOWEST_REFERENCE;
  double total = 0;
  for (int64_t i = 0; i < n;) {
    const float raised = reference_for(lanes_largest(above), &temperature_1);
    total *= exp2((double)N - (double)raised);
    N = raised;
    sums s;
    for (int j = 0; j < XENT_BATCH; j++) s.up[j] = lanes_set(0.0f);
    i = add_groups(x, i, n, N, &above, &s);
    for (int j = 1; j < XENT_BATCH; j++) s.up[0] = lanes_add(s.up[0], s.up[j]);
    total += (double)lanes_tree(s.up[0]);
  }
  return ((double)N - XENT_SCALE_EXPONENT) * XENT_LN2 + log(total);
}

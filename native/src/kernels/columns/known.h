/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of columns out of the statistics that an earlier call has left. */
#ifndef XENT_COLUMNS_KNOWN_H
#define XENT_COLUMNS_KNOWN_H

#include "kernels/columns/results.h"

/* Rows that are special or have a shift are marked. The sums come out as those of one chunk, S * 2^30. */
XENT_SHARED void known_sums(const xent_call *call, const strip *s, column_sums *sums, column_set *apart) {
  for (int64_t j = 0; j < blocks_of(s->width) * XENT_LANES; j++) {
    const xent_statistics none = {.sum = 1}, *known = j < s->width ? &call->known_statistics[s->row + j] : &none;
    sums->max[j] = known->max;
    sums->reference[j] = known->reference;
    sums->sum[j] = known->sum * XENT_RESCALE;
    sums->label_e[j] = known->mass;
    if (known->kind & XENT_ROW_SPECIAL || known->shift != 0)
      apart->bits[j / XENT_LANES] |= 1u << j % XENT_LANES;
  }
}

/* What a gradient needs of labelled rows. */
XENT_INLINE block_statistics known_block(const column_sums *sums, int64_t at) {
  block_statistics b = softmax_block(sums, at);
  b.label_e = dlanes_load(sums->label_e + at);
  b.total = dlanes_add(b.sum, b.label_e);
  return b;
}

#endif

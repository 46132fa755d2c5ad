/* SPDX-License-Identifier: Apache-2.0 */
/* The constants of the second pass of sixteen rows, from the statistics of an earlier forward. */
#ifndef XENT_KNOWN_H
#define XENT_KNOWN_H

#include "kernels/stages/rows/take_rows.h"

/* The constants of the gradient of cross-entropy. label: NULL if the weights are loaded. Special and shifted rows are
 * left to the fallback. */
XENT_SHARED void known_outcome(const job *j, const int32_t *label, row_sums *in, row_outcome *out) {
  double label_e[XENT_ROWS], pull[XENT_ROWS], share[XENT_ROWS];
  const row_statistics *s = known_statistics_at(j->call, 0);
  const int64_t none[XENT_ROWS] = {0};
  out->regular = all_rows(&in->rows) & ~in->rows.ignored;
  out->record = NULL;
  if (label && !j->plain) load_row_numbers(j, &in->rows, label, none, in);
  for (int i = 0; i < XENT_ROWS; i++) {
    const row_statistics *own = s + row_of(&in->rows, i < in->rows.count ? i : 0);
    in->reference[i] = own->reference;
    in->sum[i] = own->sum;
    label_e[i] = j->labels ? own->mass : 0;
    pull[i] = own->pull;
    share[i] = own->share;
    const double even = own->share > 0 ? j->eps / own->share : 1; /* a number of classes, unless the memory changed */
    in->smoothed_count[i] = (double)(int64_t)((even < 0x1p53 ? even : 0x1p53) + 0.5);
    if (own->kind & XENT_ROW_SPECIAL || own->shift != 0 || (j->smoothed && !(own->share > 0)))
      out->regular &= ~(1u << i);
  }
  const dlanes weight = j->plain ? dlanes_set(1) : dlanes_load(in->weight), sum = dlanes_load(in->sum),
               e = dlanes_load(label_e);
  const target_results t = {
      .pull = dlanes_load(pull), .share = dlanes_load(share), .own = dlanes_scale(weight, j->confidence)};
  out->reference = lanes_load(in->reference);
  gradient_outcome(j, sum, e, dlanes_add(sum, e), &t, weight, scale_of_rows(j, in, &t), out);
}

/* The constants of softmax and log-softmax. */
XENT_SHARED void known_probabilities(const job *j, row_sums *in, row_outcome *out) {
  uint32_t regular = 0;
  in->folded = true;
  in->correct = 0;
  out->record = NULL;
  for (int i = 0; i < XENT_ROWS; i++) {
    const row_statistics *known = known_statistics_at(j->call, row_of(&in->rows, i < in->rows.count ? i : 0));
    in->max[i] = (float)known->max;
    in->reference[i] = known->reference;
    in->sum[i] = known->sum;
    in->shift[i] = in->logit[i] = 0;
    regular |= (uint32_t)(!(known->kind & XENT_ROW_SPECIAL) && known->shift == 0) << i;
  }
  sixteen_probabilities(j, in, out);
  out->regular &= regular;
}

#endif

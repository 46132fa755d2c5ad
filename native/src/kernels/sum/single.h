/* SPDX-License-Identifier: Apache-2.0 */
/* A call of one row of at most sixteen classes: a vector, which stays in registers from load to store. Its results are
 * those of sixteen equal rows. */
#ifndef XENT_SUM_SINGLE_H
#define XENT_SUM_SINGLE_H

#include "kernels/sum/flow.h"

/* Whether a call is for one such row, whole and side by side, and asks for nothing that reads classes again. */
XENT_INLINE bool single_fits(const xent_call *call) {
  const xent_shape *s = call->shape;
  return s->classes <= XENT_LANES && call->row_end - call->row_begin == 1 && s->logits.classes == 1 &&
         s->logits.type == XENT_F32 &&
         (!call->output || (call->output_layout->classes == 1 && call->output_layout->type == XENT_F32)) &&
         (!call->targets || has_labels(call)) && call->options->softcap == 0 && !call->known_statistics &&
         !(call->class_mask || call->row_offsets || call->class_weights || call->hits || call->argmax || call->ranks ||
           call->entropies || call->top_classes || call->top_log_probabilities || call->target_gradient);
}

XENT_SHARED xent_status single_rows(const job *j, row_kernel kernel) {
  const xent_call *call = j->call;
  const xent_shape *s = call->shape;
  const int64_t n = s->classes, row = call->row_begin;
  row_targets t = targets_of_call(call);
  if (j->labels) {
    const xent_status status = targets_of_row(call, span_of_row(call, row), &t);
    if (status) return status;
  }
  if (t.ignored || (n == 1 && call->output && !call->targets && !call->log)) return kernel(call);
  const lanes x = lanes_load_part(call->logits + row_offset(s, &s->logits, row), n, -INFINITY);
  /* passes over a NaN, or over others because of it: then the sum is NaN */
  const float max = lanes_largest(x);
  const exp_references r = exp_everywhere(exp_reference_of(reference_for(max, &j->temperature), &j->temperature));
  lanes e[1] = {x};
  exp_lanes(e, 1, &r, false, &j->temperature);
  row_sums in;
  row_outcome out;
  in.rows = (row_set){.first = row, .count = 1, .adjacent = true};
  in.folded = in.long_row = false;
  in.hits = 0;
  out.record = NULL;
  lanes_store(in.max, lanes_set(max));
  lanes_store(in.logit, lanes_set(j->labels ? call->logits[row_offset(s, &s->logits, row) + t.label] : 0.0f));
  dlanes_store(in.sum, dlanes_set(lanes_tree(lanes_drop(e[0], t.label))));
  if (!j->plain && (call->targets || call->sink)) {
    int32_t label[XENT_ROWS];
    int64_t counted[XENT_ROWS];
    for (int i = 0; i < XENT_ROWS; i++) {
      label[i] = (int32_t)t.label;
      counted[i] = n;
    }
    load_row_numbers(j, &in.rows, label, counted, &in);
    if (j->smoothed) {
      const lanes gaps = lanes_keep_first(lanes_sub(lanes_set(max + 0.0f), x), n);
      dlanes_store(in.dot, dlanes_set(lanes_tree(j->others ? lanes_drop(gaps, t.label) : gaps)));
    }
  }
  results_of_rows(j, &in, &out);
  if (!out.stay) return kernel(call);
  if (!call->output) return XENT_OK;
  float *y = call->output + row_offset(s, call->output_layout, row);
  lanes_store_part(y, n, call->log && !call->targets ? log_probability(x, out.max, lanes_set(j->temperature.hi), out.f)
                                                     : lanes_fma(e[0], out.f, out.b));
  if (j->labels) y[t.label] = out.label_gradient[0];
  return XENT_OK;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* softmax, log-softmax and log-sum-exp of columns. */
#ifndef XENT_COLUMNS_SOFTMAX_H
#define XENT_COLUMNS_SOFTMAX_H

#include "kernels/columns/columns.h"
#include "kernels/columns/forward.h"
#include "kernels/columns/known.h"
#include "kernels/softmax/softmax.h"

XENT_INLINE void softmax_factors(const xent_call *call, const strip *s, const column_sums *sums, column_factors *f,
                                 column_set *apart) {
  for (int64_t at = 0; at < s->width; at += XENT_LANES) {
    const block_statistics b = softmax_block(sums, at);
    if (call->log) {
      lanes_store(f->first + at, b.max);
      lanes_store(f->second + at, dlanes_narrow(dlanes_sub(dlanes_zero(), block_distance(&b))));
    } else {
      lanes_store(f->first + at, block_softmax_factor(&b));
      lanes_store(f->second + at, lanes_set(-0.0f));
      lanes_store(f->reference + at, b.reference);
    }
    apart->bits[at / XENT_LANES] |= b.special & columns_of_block(s, at);
  }
  end_references(f, s->width);
}

XENT_SHARED xent_status softmax_strip(const xent_call *call, strip *s, column_set *apart) {
  float scratch[XENT_STRIP_FLOATS];
  column_sums sums;
  column_factors f;
  const bool keep = is_short(call);
  if (call->known_statistics) {
    known_sums(call, s, &sums, apart);
  } else {
    const column_wishes wishes = {.keep = keep && !call->log};
    sum_strip(call, s, &wishes, scratch, &sums);
  }
  softmax_factors(call, s, &sums, &f, apart);
  const bool kept = keep && !call->known_statistics;
  emit_strip(call, s, kept ? scratch : NULL, call->class_begin, call->class_end, &f,
             call->log ? XENT_COLUMN_LOG : kept ? XENT_COLUMN_KEPT : XENT_COLUMN_AGAIN, XENT_NO_LABELS, apart);
  return XENT_OK;
}

XENT_SHARED xent_status log_sum_exp_strip(const xent_call *call, strip *s, column_set *apart) {
  float scratch[XENT_STRIP_FLOATS];
  column_sums sums;
  column_floats results;
  const column_wishes wishes = {.keep = false};
  sum_strip(call, s, &wishes, scratch, &sums);
  for (int64_t at = 0; at < s->width; at += XENT_LANES) {
    const block_statistics b = softmax_block(&sums, at);
    lanes_store(results + at, block_log_sum_exp(&b, block_distance(&b)));
    apart->bits[at / XENT_LANES] = b.special & columns_of_block(s, at);
  }
  write_columns(call->shape, s, &call->shape->log_sum_exp, call->log_sum_exp, results);
  return XENT_OK;
}

static xent_status softmax_by_layout(const xent_call *call) {
  if (!columns_fit(call) || (call->shape->classes == 1 && !call->log)) return softmax_forward(call);
  return each_strip(call, forward_pitch(call), softmax_strip, softmax_forward);
}
static xent_status log_sum_exp_by_layout(const xent_call *call) {
  if (!columns_fit(call)) return log_sum_exp(call);
  return each_strip(call, forward_pitch(call), log_sum_exp_strip, log_sum_exp);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call of one row of up to 1024 classes with only its softmax, log-softmax, loss of a label or the gradient of this
 * loss:
 *   N = the reference of max x;  e = e(x; N), in one vector or an array;  S = sum of e
 *   softmax       y = e / S
 *   log-softmax   y = (x - max) - D, where D is log-sum-exp - max
 *   loss          w (D + (max - x[label])), with the class weight w
 *   gradient      c w e / S, and at the label c w (e / S - 1)
 * These are the formulas of results/sixteen.h for one row; contract_softmax, contract_log_softmax and
 * contract_cross_entropy (native/test/contract/contract.c) are their plain form.
 */
#ifndef XENT_SCHEDULES_SINGLE_H
#define XENT_SCHEDULES_SINGLE_H

#include "kernels/present.h"
#include "kernels/supported.h"
#include "kernels/results/write.h"
#include "kernels/sum/chunk.h"

/* Not inlined: compilers would load all arrays, for all paths, before the first test, and store them in the frame, and
 * a call of one row of 10 to 1000 classes would take 1.03 to 1.1 times as long (AVX-512, AMD EPYC, November 2026). */
XENT_SHARED bool single_fits_row(const xent_call *call) {
  const xent_shape *s = call->shape;
  const xent_options *o = call->options;
  if (s->classes > XENT_EXACT_MAX || s->classes < 2) return false;
  if (!XENT_HAS_ONLY(call, IN_SINGLE, XENT_OPTIONS_BESIDE_LOGITS)) return false;
  if (s->logits.type != XENT_F32 || s->logits.classes != 1) return false;
  if (call->output && (call->output_layout->type != XENT_F32 || call->output_layout->classes != 1)) return false;
  if (!call->targets) return call->output;
  return has_labels(call) && !sets_any(o, XENT_OPTIONS_ON_LOSSES) && (o->temperature == 0 || o->temperature == 1);
}
/* The time over that of flow is 0.5 to 0.7 for 129 to 256 classes and 0.7 to 0.9 for 1000 (AVX-512; AVX2: 0.7 to 0.85
 * and 0.85 to 0.9; Intel Xeon, November 2026). */
XENT_INLINE bool single_fits(const xent_call *call) {
  return call->row_end - call->row_begin == 1 && single_fits_row(call);
}

/* The results of the first pass over the row, without the factor 2^30 of e. */
typedef struct {
  float max, reference;
  double sum, total; /* of e without the label's, and with it */
  double label_e, largest_e;
  double max_over_temperature;
  lanes e; /* of a row that fits a vector */
} single_numbers;

/* row_logarithm of one row: log1p(p / q) if a <= b, otherwise log-sum-exp minus the maximum. */
XENT_INLINE double single_logarithm(const single_numbers *s, double a, double b, double p, double q) {
  const double ratio = p / q;
  if (a <= b) return log_series(ratio / (2 + ratio));
  const uint64_t bits = double_bits(s->total);
  const int64_t k = (int64_t)(bits - XENT_ROOT_HALF_BITS) >> 52;
  const double m = bits_double(bits - ((uint64_t)k << 52));
  const double log = log_series((m - 1) / (m + 1));
  return fused_double((double)s->reference, XENT_LN2, fused_double((double)k, XENT_LN2, log)) - s->max_over_temperature;
}
/* row_distance of one row; contract_distance is its plain form. */
XENT_INLINE double single_distance(const single_numbers *s) {
  const double S = s->total, E = s->largest_e;
  return S <= E ? 0 : single_logarithm(s, S, E + E, S - E, E);
}
/* label_loss_alone of one row. */
XENT_INLINE double single_loss(const single_numbers *s, float logit) {
  if (s->sum <= s->label_e) return single_logarithm(s, 0, INFINITY, s->sum, s->label_e);
  return single_distance(s) + ((double)s->max - (double)logit);
}

/* Computes e of n classes from x, and stores it in `kept` if it does not fit a vector; the class `without` is not
 * added. vectors: 1, or the vectors of a group, or of a chunk whose reference is that of its maximum. */
XENT_INLINE single_numbers single_sums(const float *x, int64_t n, int64_t without, float *kept, const int vectors,
                                       const f32_temperature *h) {
  lanes v = vectors == 1 ? lanes_load_part(x, n, -INFINITY) : largest_lanes(x, n);
  const float max = lanes_largest(v) + 0.0f, N = reference_for(max, h);
  const exp_references r = exp_everywhere(exp_reference_of(N, h));
  double sum;
  if (vectors == 1) {
    exp_lanes(&v, 1, &r, false, h);
    sum = lanes_tree(lanes_drop(v, without));
  } else if (vectors == XENT_GROUP_VECTORS) {
    sum = dlanes_tree(dlanes_widen(sum_exponentials(x, n, without, &r, h, kept)));
  } else {
    const chunk_way w = {.kept = kept, .exact = true, .temperature = h};
    chunk_progress c = chunk_begin(N);
    sum_classes(x, n, without, &w, &c);
    sum = dlanes_tree(c.sum);
  }
  return (single_numbers){.max = max, .reference = N, .sum = sum * XENT_UNSCALE,
                          .max_over_temperature = (double)max * h->reciprocal, .e = v};
}

/* y = (v - less) r + b of n classes; of `vector` if v is NULL. */
XENT_INLINE void single_write(const float *v, lanes vector, int64_t n, float less, float r, float b, float *y) {
  const lanes minus = lanes_set(less), rs = lanes_set(r), bs = lanes_set(b);
  int64_t i = 0;
  for (; v && i + XENT_LANES <= n; i += XENT_LANES)
    lanes_store(y + i, class_line(lanes_sub(lanes_load(v + i), minus), rs, bs));
  if (i == n) return;
  if (v) vector = lanes_load_part(v + i, n - i, 0.0f);
  lanes_store_part(y + i, n - i, class_line(lanes_sub(vector, minus), rs, bs));
}

/* e: the place of the exponentials of a row that does not fit a vector. Returns false, and writes nothing, if another
 * path must compute the row. */
XENT_INLINE bool single_as(const xent_call *call, int64_t label, float *e, const int vectors, const bool labels) {
  const xent_shape *shape = call->shape;
  const int64_t n = shape->classes, row = call->row_begin;
  const f32_temperature h = f32_temperature_of(call->options->temperature);
  const float *x = call->logits + row_offset(shape, &shape->logits, row);
  float *y = call->output ? call->output + row_offset(shape, call->output_layout, row) : NULL;
  const float logit = labels ? x[label] : 0;
  single_numbers s = single_sums(x, n, labels ? label : XENT_NO_CLASS, e, vectors, &h);
  if (labels) s.label_e = (double)exp_one(logit, s.reference, &h) * XENT_UNSCALE;
  s.total = labels ? s.sum + s.label_e : s.sum;
  if (!(fabsf(s.max * h.hi) <= XENT_LIMIT) || s.total != s.total) return false;
  if (labels ? call->losses || call->exact_sum : call->log)
    s.largest_e = (double)exp_one(s.max, s.reference, &h) * XENT_UNSCALE;
  if (!labels) {
    if (call->log)
      single_write(x, s.e, n, s.max, h.hi, (float)(0 - single_distance(&s)), y);
    else
      single_write(e, s.e, n, 0, (float)(XENT_UNSCALE / s.total), -0.0f, y);
    return true;
  }
  const double weight = class_weight_at(call, label);
  const double scale = gradient_scale_of(call->options);
  const double factor = XENT_UNSCALE / s.total * scale * weight, size = fabs(factor);
  if (call->class_weights && !(weight >= 0 && weight <= FLT_MAX && fabs(scale) <= FLT_MAX)) return false;
  if (y && size != 0 && !(size >= FLT_MIN && size <= FLT_MAX)) return false;
  if (call->losses || call->exact_sum) {
    const float loss = weight == 0 ? 0 : (float)(weight * single_loss(&s, logit));
    if (call->losses) {
      const strided to = strided_at(call->losses, &shape->losses, row_offset(shape, &shape->losses, row));
      strided_set(&to, 0, loss);
    }
    if (call->exact_sum) exact_sum_add_one(call->exact_sum, loss);
  }
  if (y) {
    const float label_gradient = (float)(((0 - s.sum / s.total) * weight + 0) * scale);
    single_write(e, s.e, n, 0, (float)factor, -0.0f, y);
    y[label] = label_gradient == label_gradient ? label_gradient : XENT_NAN;
  }
  call->report->valid_rows++;
  return true;
}
XENT_SHARED bool single_short(const xent_call *call) { return single_as(call, XENT_NO_CLASS, NULL, 1, false); }
XENT_SHARED bool single_short_labelled(const xent_call *call, int64_t label) {
  return single_as(call, label, NULL, 1, true);
}
XENT_SHARED bool single_group(const xent_call *call, int64_t label) {
  XENT_ALIGNED float e[XENT_GROUP];
  return single_as(call, label, e, XENT_GROUP_VECTORS, label != XENT_NO_CLASS);
}
XENT_SHARED bool single_groups(const xent_call *call, int64_t label) {
  XENT_ALIGNED float e[XENT_EXACT_MAX];
  return single_as(call, label, e, XENT_EXACT_MAX / XENT_LANES, label != XENT_NO_CLASS);
}
XENT_SHARED bool single_long(const xent_call *call, int64_t label) {
  return call->shape->classes <= XENT_GROUP ? single_group(call, label) : single_groups(call, label);
}

XENT_SHARED xent_status single_row(const xent_call *call, xent_kernel fallback) {
  const bool is_short = call->shape->classes <= XENT_LANES;
  bool done = false;
  if (call->targets) {
    row_targets t = targets_of_call(call);
    const xent_status status = targets_of_row(call, span_of_row(call, call->row_begin), &t);
    if (status) return status;
    if (!t.ignored) done = is_short ? single_short_labelled(call, t.label) : single_long(call, t.label);
  } else {
    done = is_short ? single_short(call) : single_long(call, XENT_NO_CLASS);
  }
  return done ? XENT_OK : fallback(call);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of up to 1024 classes one after the other, of calls that have only softmax, log-softmax, losses of labels or
 * their gradient. For each row:
 *   N = the reference of max x;  e = e(x; N), in one vector or an array;  S = sum of e
 *   softmax       y = e / S
 *   log-softmax   y = (x - max) - D, where D is log-sum-exp - max
 *   loss          w (D + (max - x[label])), with the class weight w
 *   gradient      c w e / S, and at the label c w (e / S - 1)
 * These are the formulas of stages/results/sixteen.h for one row; contract_softmax, contract_log_softmax and
 * contract_cross_entropy (native/test/contract/contract.c) are their plain form.
 *
 * Two rows are in progress: search row r;  sum row r and write row r - 1. The search brings a row into the first-level
 * cache, many lines at once; the sum reads it there, and results are written from e there. If rows may come from
 * memory, the sum prefetches what follows into the second-level cache.
 */
#ifndef XENT_EACH_H
#define XENT_EACH_H

#include "kernels/stages/rows/take_rows.h"
#include "kernels/stages/rows/beside.h"
#include "kernels/supported.h"

enum {
  XENT_EACH_FEW = 8,            /* rows of any length: fewer than a block of another path needs */
  XENT_EACH_FEW_LOGARITHMS = 6, /* whose results cost more, one by one */
  /* Classes of more rows. Results that need a logarithm are cheaper for sixteen rows at a time (flow.h), unless the
   * time goes to the exponentials, or to memory. */
  XENT_EACH_LEAST = XENT_EACH_SOFTMAX,
  XENT_EACH_LEAST_LOGARITHMS = 512,
  XENT_EACH_LEAST_FAR = 256
};

XENT_INLINE bool each_is_faster(const xent_call *call) {
  const int64_t n = call->shape->classes, rows = call->row_end - call->row_begin;
  const bool logarithms = call->targets || call->log;
  if (rows <= (logarithms ? XENT_EACH_FEW_LOGARITHMS : XENT_EACH_FEW)) return true;
  if (is_large(call)) return n >= (logarithms ? XENT_EACH_LEAST_FAR : XENT_EACH_LEAST);
  return call->output && n >= (logarithms ? XENT_EACH_LEAST_LOGARITHMS : XENT_EACH_LEAST);
}
/* Not inlined: compilers would load all arrays, for all paths, before the first test, and store them in the frame. */
XENT_SHARED bool each_fits(const xent_call *call) {
  const xent_shape *s = call->shape;
  const xent_options *o = call->options;
  if (s->classes > XENT_EXACT_MAX || s->classes < 2) return false;
  if (call->row_offsets ? !call->divided || s->classes > XENT_LANES : !each_is_faster(call)) return false;
  if (!XENT_HAS_ONLY(call, IN_EACH, XENT_OPTIONS_BESIDE_LOGITS)) return false;
  if (s->logits.type != XENT_F32 || s->logits.classes != 1) return false;
  if (call->output && (call->output_layout->type != XENT_F32 || call->output_layout->classes != 1)) return false;
  if (!call->targets) return call->output;
  return has_labels(call) && !sets_any(o, XENT_OPTIONS_ON_LOSSES) && (o->temperature == 0 || o->temperature == 1);
}

/* A row whose logits are searched. */
typedef struct {
  const float *x;
  float *y;
  int64_t row, label, classes;
  float logit, max, reference;
  float label_e, largest_e; /* of the label, and of the maximum */
} each_row;

typedef struct {
  const xent_call *call;
  xent_kernel fallback;
  f32_temperature temperature;
  double scale;
  int64_t row; /* the next row to search */
  xent_status status;
  row_line line;
} each_rows_of;

/* ---- results ---- */

/* row_logarithm of one row: log1p(p / q) if a <= b, otherwise log-sum-exp minus the maximum. */
XENT_INLINE double each_logarithm(const each_rows_of *s, const each_row *r, double S, double a, double b, double p,
                                  double q) {
  const double ratio = p / q;
  if (a <= b) return log_series(ratio / (2 + ratio));
  const uint64_t bits = double_bits(S);
  const int64_t k = (int64_t)(bits - XENT_ROOT_HALF_BITS) >> 52;
  const double m = bits_double(bits - ((uint64_t)k << 52));
  const double log = log_series((m - 1) / (m + 1));
  return fused_double((double)r->reference, XENT_LN2, fused_double((double)k, XENT_LN2, log)) -
         (double)r->max * s->temperature.reciprocal;
}
/* row_distance of one row; contract_distance is its plain form. */
XENT_INLINE double each_distance(const each_rows_of *s, const each_row *r, double S) {
  const double E = (double)r->largest_e * XENT_UNSCALE;
  return S <= E ? 0 : each_logarithm(s, r, S, S, E + E, S - E, E);
}

/* The results of a row with a label. sum: of e without the label's. */
XENT_INLINE bool each_labelled(each_rows_of *s, const each_row *r, double sum, const float *e, float *y) {
  const xent_call *call = s->call;
  const xent_shape *shape = call->shape;
  const double label_e = (double)r->label_e * XENT_UNSCALE, S = sum + label_e;
  const double weight = class_weight_at(call, r->label);
  const double factor = XENT_UNSCALE / S * s->scale * weight, size = fabs(factor);
  if (call->class_weights && !(weight >= 0 && weight <= FLT_MAX && fabs(s->scale) <= FLT_MAX)) return false;
  if (call->output && size != 0 && !(size >= FLT_MIN && size <= FLT_MAX)) return false;
  if (call->losses || call->exact_sum) {
    double loss = sum <= label_e ? each_logarithm(s, r, S, 0, INFINITY, sum, label_e)
                                 : each_distance(s, r, S) + ((double)r->max - (double)r->logit);
    loss = weight == 0 ? 0 : (float)(weight * loss);
    if (call->losses) {
      const strided to = strided_at(call->losses, &shape->losses, row_offset(shape, &shape->losses, r->row));
      strided_set(&to, 0, (float)loss);
    }
    if (call->exact_sum) exact_sum_add_one(call->exact_sum, (float)loss);
  }
  call->report->valid_rows++;
  if (!y) return true;
  set_line(&s->line, e, y, 0, (float)factor, -0.0f);
  s->line.label = r->label;
  const float gradient = (float)(((0 - sum / S) * weight + 0) * s->scale);
  s->line.label_gradient = gradient == gradient ? gradient : XENT_NAN;
  return true;
}
/* The results of a row, and what its second pass needs. sum: of e, without the label's. False: another path must
 * compute the row. */
XENT_INLINE bool each_results(each_rows_of *s, const each_row *r, double sum, const float *e, const bool labels,
                              const bool log) {
  float *y = r->y;
  sum *= XENT_UNSCALE;
  if (!(fabsf(r->max * s->temperature.hi) <= XENT_LIMIT) || sum != sum || (labels && r->label_e != r->label_e))
    return false;
  if (labels) return each_labelled(s, r, sum, e, y);
  if (log)
    set_line(&s->line, r->x, y, r->max, s->temperature.hi, (float)(0 - each_distance(s, r, sum)));
  else
    set_line(&s->line, e, y, 0, (float)(XENT_UNSCALE / sum), -0.0f);
  return true;
}

/* ---- rows ---- */

/* The next row that is not ignored; false at the end of the rows, and at a wrong label. */
XENT_INLINE bool each_next(each_rows_of *s, each_row *r, const bool labels, const bool ragged) {
  const xent_call *call = s->call;
  const xent_shape *shape = call->shape;
  for (; s->row < call->row_end && !s->status; s->row++) {
    r->row = s->row;
    r->label = XENT_NO_CLASS;
    const row_span span = ragged ? span_of_ragged_row(call, s->row) : (row_span){s->row, 0, shape->classes};
    if (labels) {
      row_targets t = targets_of_call(call);
      s->status = targets_of_row(call, span, &t);
      if (s->status) break;
      if (t.ignored) {
        s->status = row_alone(call, s->row, s->fallback);
        continue;
      }
      r->label = t.label;
    }
    r->classes = span.classes;
    r->x = call->logits + (ragged ? span.begin : row_offset(shape, &shape->logits, s->row));
    r->y = !call->output ? NULL : call->output + (ragged ? span.begin : row_offset(shape, call->output_layout, s->row));
    s->row++;
    r->logit = labels ? r->x[r->label] : 0;
    return true;
  }
  return false;
}
/* Sets what depends on the maximum of a row alone. */
XENT_INLINE void each_searched(const each_rows_of *s, each_row *r, lanes largest, const bool labels, const bool log) {
  r->max = lanes_largest(largest) + 0.0f;
  r->reference = reference_for(r->max, &s->temperature);
  if (labels) r->label_e = exp_one(r->logit, r->reference, &s->temperature);
  if (labels || log) r->largest_e = exp_one(r->max, r->reference, &s->temperature);
}

/* ---- rows of one vector ---- */

XENT_INLINE void each_short(each_rows_of *s, const bool labels, const bool log, const bool ragged) {
  each_row r = {.row = 0};
  while (each_next(s, &r, labels, ragged)) {
    const int64_t n = ragged ? r.classes : s->call->shape->classes;
    lanes v = lanes_load_part(r.x, n, -INFINITY);
    each_searched(s, &r, v, labels, log);
    const exp_references k = exp_everywhere(exp_reference_of(r.reference, &s->temperature));
    lanes e = v;
    exp_lanes(&e, 1, &k, false, &s->temperature);
    s->line.to = NULL;
    if (!each_results(s, &r, lanes_tree(lanes_drop(e, r.label)), NULL, labels, log)) {
      s->status = row_alone(s->call, r.row, s->fallback);
      continue;
    }
    const row_line *b = &s->line;
    if (!b->to) continue;
    if (ragged && n == 1 && !labels && !log) { /* 1, not e / S */
      *b->to = 1;
      continue;
    }
    const lanes y = lanes_sub(log ? v : e, lanes_set(b->less));
    lanes_store_part(b->to, n, class_line(y, lanes_set(b->f), lanes_set(b->b)));
    if (labels) b->to[b->label] = b->label_gradient;
  }
}

/* ---- rows of several vectors ---- */

XENT_INLINE row_of_exponentials each_exponentials(const each_rows_of *s, const each_row *r) {
  return (row_of_exponentials){r->x, NULL, exp_everywhere(exp_reference_of(r->reference, &s->temperature))};
}

/* The sum of a row while no other one is written. */
XENT_SHARED double each_alone(const each_rows_of *s, const each_row *r, float *e) {
  const int64_t n = s->call->shape->classes;
  const int batch = sum_batch(false);
  const f32_temperature h = s->temperature; /* a copy, which no store can change */
  const row_of_exponentials own = each_exponentials(s, r);
  exp_half half;
  sum_step(&half, own.x, NULL, &own.references, 0, n, 0, NULL, batch, 0, false, &h);
  return dlanes_tree(sum_row(&half, &own, &own, n, r->label, e, NULL, NULL, NULL, NULL, NULL, false, batch, &h, false,
                             XENT_LINE, false, 0)
                         .sum);
}

XENT_INLINE void each_long(each_rows_of *s, const bool labels, const bool log, const enum line_kind kind) {
  const xent_call *call = s->call;
  const int batch = sum_batch(true);
  const int64_t n = call->shape->classes;
  const bool far = may_be_far(call);
  XENT_ALIGNED float scratch[XENT_EXACT_MAX];
  float *e = log || !call->output ? NULL : scratch;
  each_row now;
  while (each_next(s, &now, labels, false)) {
    each_searched(s, &now, search_row(now.x, NULL, n, false), labels, log);
    const f32_temperature h = s->temperature; /* a copy, which no store can change */
    const row_of_exponentials own = each_exponentials(s, &now);
    double sum;
    if (s->line.to) {
      exp_half half = {0};
      sum_step(&half, own.x, NULL, &own.references, 0, n, 0, NULL, batch, 0, false, &h);
      line_lanes_of line = lanes_of_line(&s->line);
      sum = dlanes_tree(sum_row(&half, &own, &own, n, now.label, e, &line, far ? now.x : NULL, NULL, NULL, NULL,
                                false, batch, &h, true, kind, false, 0)
                            .sum);
      s->line.to = NULL;
    } else {
      sum = each_alone(s, &now, e); /* no vector is needed after it, which it would not keep */
    }
    if (!each_results(s, &now, sum, e, labels, log)) {
      const xent_status status = row_alone(call, now.row, s->fallback);
      if (!s->status) s->status = status;
    }
  }
  if (s->line.to) line_row(&s->line, n, kind);
}
XENT_SHARED void each_lines(each_rows_of *s, bool labels) { each_long(s, labels, false, XENT_LINE); }
XENT_SHARED void each_logarithms(each_rows_of *s) { each_long(s, false, true, XENT_LINE_LOG); }

XENT_SHARED void each_ragged(each_rows_of *s, bool labels, bool log) { each_short(s, labels, log, true); }

XENT_INLINE void each_of_any_length(each_rows_of *s, const bool labels, const bool log) {
  if (s->call->row_offsets)
    each_ragged(s, labels, log);
  else if (s->call->shape->classes <= XENT_LANES)
    each_short(s, labels, log, false);
  else if (log)
    each_logarithms(s);
  else
    each_lines(s, labels);
}
XENT_SHARED void each_softmax(each_rows_of *s) { each_of_any_length(s, false, false); }
XENT_SHARED void each_log_softmax(each_rows_of *s) { each_of_any_length(s, false, true); }
XENT_SHARED void each_loss(each_rows_of *s) { each_of_any_length(s, true, false); }

XENT_SHARED xent_status each_rows(const xent_call *call, xent_kernel fallback) {
  each_rows_of s;
  s.call = call;
  s.fallback = fallback;
  s.temperature = f32_temperature_of(call->options->temperature);
  s.scale = gradient_scale_of(call->options);
  s.row = call->row_begin;
  s.status = XENT_OK;
  s.line.to = NULL;
  if (call->targets)
    each_loss(&s);
  else if (call->log)
    each_log_softmax(&s);
  else
    each_softmax(&s);
  return s.status;
}

#endif

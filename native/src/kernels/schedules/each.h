/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of up to 1024 classes one after the other, of calls that have only softmax, log-softmax, losses of labels or
 * their gradient. For each row:
 *   N = the reference of max x;  e = e(x; N), in one vector or an array;  S = sum of e
 *   softmax       y = e / S
 *   log-softmax   y = (x - max) - D, where D is log-sum-exp - max
 *   loss          w (D + (max - x[label])), with the class weight w
 *   gradient      c w e / S, and at the label c w (e / S - 1)
 * These are the formulas of results/sixteen.h for one row; contract_softmax, contract_log_softmax and
 * contract_cross_entropy (native/test/contract/contract.c) are their plain form.
 *
 * Four rows are in progress:
 *   search row r + 2;  sum row r and write row r - 1, and at its end begin row r + 1
 * A row is read again, and its e are written from, while they are in the first-level cache. The search has no
 * arithmetic between its loads, so the CPU loads all the lines at once that it can; and what depends on a
 * maximum or a sum is ready before it is used.
 */
#ifndef XENT_SCHEDULES_EACH_H
#define XENT_SCHEDULES_EACH_H

#include "kernels/schedules/flow.h"

enum {
  XENT_EACH_FEW = 8,            /* rows of any length: fewer than a block of another path needs */
  XENT_EACH_FEW_LOGARITHMS = 6, /* whose results cost more, one by one */
  /* Classes of more rows. Results that need a logarithm are cheaper for sixteen rows at a time (flow.h), unless the
   * time goes to the exponentials, or to memory. */
  XENT_EACH_LEAST = XENT_BATCH >= 4 ? 128 : 256,
  XENT_EACH_LEAST_LOGARITHMS = 512,
  XENT_EACH_LEAST_FAR = 256,
  XENT_EACH_NEAR = 1 << 15 /* logits */
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
  if (s->classes > XENT_EXACT_MAX || s->classes < 2 || !each_is_faster(call)) return false;
  if (!XENT_HAS_ONLY(call, IN_EACH, XENT_OPTIONS_BESIDE_LOGITS)) return false;
  if (s->logits.type != XENT_F32 || s->logits.classes != 1) return false;
  if (call->output && (call->output_layout->type != XENT_F32 || call->output_layout->classes != 1)) return false;
  if (!call->targets) return call->output;
  return has_labels(call) && !sets_any(o, XENT_OPTIONS_ON_LOSSES) && (o->temperature == 0 || o->temperature == 1);
}

/* A row whose logits are searched. */
typedef struct {
  const float *x;
  int64_t row, label;
  float logit, max, reference;
  float label_e, largest_e; /* of the label, and of the maximum */
} each_row;

/* What its second pass needs. */
typedef struct {
  const float *from; /* e, or the logits of log-softmax */
  float *to;         /* NULL without a row */
  int64_t shift;     /* classes before the first address that is aligned for streaming stores */
  int64_t label;
  float label_gradient;
  lanes less, f, b; /* y = (v - less) f + b */
} each_result;

typedef struct {
  const xent_call *call;
  xent_kernel fallback;
  f32_temperature temperature;
  double scale;
  int64_t row; /* the next row to search */
  bool far;    /* the tensors may come from memory, so they are prefetched: the CPU's own prefetch ends at each page */
  xent_status status;
  each_result before;
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

XENT_INLINE void each_write_to(each_result *b, float *y, const float *from, float less, float f, float c) {
  *b = (each_result){.from = from, .to = y, .shift = XENT_NO_CLASS, .label = XENT_NO_CLASS, .less = lanes_set(less),
                     .f = lanes_set(f), .b = lanes_set(c)};
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
  each_write_to(&s->before, y, e, 0, (float)factor, -0.0f);
  s->before.label = r->label;
  const float gradient = (float)(((0 - sum / S) * weight + 0) * s->scale);
  s->before.label_gradient = gradient == gradient ? gradient : XENT_NAN;
  return true;
}
/* The results of a row, and what its second pass needs. sum: of e, without the label's. False: another path must
 * compute the row. */
XENT_INLINE bool each_results(each_rows_of *s, const each_row *r, double sum, const float *e, const bool labels,
                              const bool log) {
  const xent_call *call = s->call;
  float *y = call->output ? call->output + row_offset(call->shape, call->output_layout, r->row) : NULL;
  sum *= XENT_UNSCALE;
  if (!(fabsf(r->max * s->temperature.hi) <= XENT_LIMIT) || sum != sum || (labels && r->label_e != r->label_e))
    return false;
  if (labels) return each_labelled(s, r, sum, e, y);
  if (log)
    each_write_to(&s->before, y, r->x, r->max, s->temperature.hi, (float)(0 - each_distance(s, r, sum)));
  else
    each_write_to(&s->before, y, e, 0, (float)(XENT_UNSCALE / sum), -0.0f);
  return true;
}

/* ---- rows ---- */

/* The next row that is not ignored; false at the end of the rows, and at a wrong label. */
XENT_INLINE bool each_next(each_rows_of *s, each_row *r, const bool labels) {
  const xent_call *call = s->call;
  const xent_shape *shape = call->shape;
  for (; s->row < call->row_end && !s->status; s->row++) {
    r->row = s->row;
    r->label = XENT_NO_CLASS;
    if (labels) {
      row_targets t = targets_of_call(call);
      s->status = targets_of_row(call, span_of_row(call, s->row), &t);
      if (s->status) break;
      if (t.ignored) {
        s->status = row_alone(call, s->row, s->fallback);
        continue;
      }
      r->label = t.label;
    }
    r->x = call->logits + row_offset(shape, &shape->logits, s->row++);
    r->logit = labels ? r->x[r->label] : 0;
    return true;
  }
  return false;
}
/* The largest of a row; prefetches the row after it. */
XENT_INLINE lanes each_search(const each_rows_of *s, const float *x) {
  const int64_t n = s->call->shape->classes;
  for (int64_t i = 0; s->far && i < n; i += XENT_LANES) prefetch_behind(x + i, XENT_LOADED_AHEAD);
  return largest_lanes(x, n);
}
/* Sets what depends on the maximum of a row alone. */
XENT_INLINE void each_searched(const each_rows_of *s, each_row *r, lanes largest, const bool labels, const bool log) {
  r->max = lanes_largest(largest) + 0.0f;
  r->reference = reference_for(r->max, &s->temperature);
  if (labels) r->label_e = exp_one(r->logit, r->reference, &s->temperature);
  if (labels || log) r->largest_e = exp_one(r->max, r->reference, &s->temperature);
}

/* ---- rows of one vector ---- */

XENT_INLINE void each_short(each_rows_of *s, const bool labels, const bool log) {
  const int64_t n = s->call->shape->classes;
  each_row r;
  while (each_next(s, &r, labels)) {
    lanes v = lanes_load_part(r.x, n, -INFINITY);
    each_searched(s, &r, v, labels, log);
    const exp_references k = exp_everywhere(exp_reference_of(r.reference, &s->temperature));
    lanes e = v;
    exp_lanes(&e, 1, &k, false, &s->temperature);
    s->before.to = NULL;
    if (!each_results(s, &r, lanes_tree(lanes_drop(e, r.label)), NULL, labels, log)) {
      s->status = row_alone(s->call, r.row, s->fallback);
      continue;
    }
    const each_result *b = &s->before;
    if (!b->to) continue;
    lanes_store_part(b->to, n, class_line(lanes_sub(log ? v : e, b->less), b->f, b->b));
    if (labels) b->to[b->label] = b->label_gradient;
  }
}

/* ---- rows of several vectors ---- */

XENT_INLINE void each_write_one(const each_result *b, int64_t i, int64_t n, const bool log, const bool stream) {
  lanes v = n - i >= XENT_LANES ? lanes_load(b->from + i) : lanes_load_part(b->from + i, n - i, 0.0f);
  v = log ? log_probability(v, b->less, b->f, b->b) : class_line(v, b->f, b->b);
  if (n - i < XENT_LANES)
    lanes_store_part(b->to + i, n - i, v);
  else if (stream)
    lanes_stream(b->to + i, v);
  else
    lanes_store(b->to + i, v);
}
/* Writes the classes before the first aligned address. */
XENT_INLINE void each_write_head(each_result *b, int64_t n, const bool log, const bool stream) {
  b->shift = stream ? stream_head(b->to, n) : 0;
  if (stream) prefetch_pages(b->to, n);
  if (stream && b->shift) each_write_one(b, 0, b->shift, log, stream);
}
/* Writes half a group, from the first aligned address at or after class i on. A streamed line must not be stored to
 * again, so it contains the gradient of the label. */
XENT_INLINE void each_write_unit(const each_result *b, int64_t i, int64_t n, const bool log, const bool stream) {
  const int64_t begin = stream ? i + b->shift : i;
  XENT_ALIGNED float y[XENT_UNIT];
  if (__builtin_expect(begin + XENT_UNIT > n, 0)) {
    for (int64_t k = begin; k < n; k += XENT_LANES) each_write_one(b, k, n, log, false);
    return;
  }
  const bool labelled = stream && (uint64_t)(b->label - begin) < XENT_UNIT;
  lanes v[XENT_UNIT_VECTORS];
  XENT_UNROLL(4)
  for (int k = 0; k < XENT_UNIT_VECTORS; k++) {
    v[k] = lanes_load(b->from + begin + k * XENT_LANES);
    v[k] = log ? log_probability(v[k], b->less, b->f, b->b) : class_line(v[k], b->f, b->b);
  }
  if (labelled) {
    for (int k = 0; k < XENT_UNIT_VECTORS; k++) lanes_store(y + k * XENT_LANES, v[k]);
    y[b->label - begin] = b->label_gradient;
    for (int k = 0; k < XENT_UNIT_VECTORS; k++) v[k] = lanes_load(y + k * XENT_LANES);
  }
  XENT_UNROLL(4)
  for (int k = 0; k < XENT_UNIT_VECTORS; k++) {
    if (stream)
      lanes_stream(b->to + begin + k * XENT_LANES, v[k]);
    else
      lanes_store(b->to + begin + k * XENT_LANES, v[k]);
  }
}
/* Writes the gradient of the label, unless it was streamed. */
XENT_INLINE void each_write_label(const each_result *b, int64_t n, const bool stream) {
  const bool streamed = stream && b->label >= b->shift && b->label < b->shift + (n - b->shift) / XENT_UNIT * XENT_UNIT;
  if (!streamed) b->to[b->label] = b->label_gradient;
}

/* The sum of e of a row, which is begun in *half; begins the row after it. Writes the row before, if writes. */
XENT_INLINE double each_sum(const each_rows_of *s, const flow_from *own, const flow_from *after, exp_half *half,
                            int64_t label, float *e, const each_result *b, const bool writes, const bool log,
                            const bool stream, const int batch) {
  const f32_temperature h = s->temperature; /* a copy, which no store can change */
  const int64_t n = own->n, last = (n - 1) / XENT_UNIT * XENT_UNIT;
  lanes even = lanes_set(0.0f), q;
  dlanes sum = dlanes_zero();
  for (int64_t i = 0; i < last; i += XENT_UNIT) {
    if (writes && !stream && s->far)
      XENT_UNROLL(4)
      for (int k = 0; k < XENT_UNIT_VECTORS; k++) prefetch_behind(b->to + i + k * XENT_LANES, XENT_STORED_AHEAD);
    if (writes) each_write_unit(b, i, n, log, stream);
    q = flow_unit(half, own, i, own, i + XENT_UNIT, batch, XENT_UNIT_VECTORS, i + XENT_UNIT, batch, label, e, &h);
    if (i & XENT_UNIT)
      sum = dlanes_add(sum, dlanes_widen(lanes_add(even, q)));
    else
      even = q;
  }
  if (writes) each_write_unit(b, last, n, log, stream);
  switch ((int)((n - last + XENT_LANES - 1) / XENT_LANES)) {
    case 1: q = flow_unit(half, own, last, after, 0, batch, 1, 0, batch, label, e, &h); break;
    case 2: q = flow_unit(half, own, last, after, 0, batch, 2, 0, batch, label, e, &h); break;
    case 3: q = flow_unit(half, own, last, after, 0, batch, 3, 0, batch, label, e, &h); break;
    default: q = flow_unit(half, own, last, after, 0, batch, 4, 0, batch, label, e, &h);
  }
  return dlanes_tree(dlanes_add(sum, dlanes_widen(last & XENT_UNIT ? lanes_add(even, q) : q)));
}

XENT_INLINE flow_from each_from(const each_rows_of *s, const each_row *r) {
  return (flow_from){.x = r->x, .n = s->call->shape->classes,
                     .references = exp_everywhere(exp_reference_of(r->reference, &s->temperature))};
}

XENT_INLINE void each_long(each_rows_of *s, const bool labels, const bool log, const bool output, const bool stream) {
  const int batch = flow_batch(output ? XENT_BESIDE_LINE : XENT_BESIDE_SILENT);
  XENT_ALIGNED float scratch[XENT_EXACT_MAX];
  const int64_t n = s->call->shape->classes;
  float *e = log || !output ? NULL : scratch;
  each_row now, next, found;
  exp_half half;
  if (!each_next(s, &now, labels)) return;
  each_searched(s, &now, each_search(s, now.x), labels, log);
  flow_from own = each_from(s, &now), after;
  flow_step(&half, &own, 0, 0, NULL, batch, 0, &s->temperature);
  bool more = each_next(s, &next, labels), found_one = false;
  if (more) each_searched(s, &next, each_search(s, next.x), labels, log);
  for (;;) {
    lanes largest = lanes_set(0.0f);
    found_one = more && each_next(s, &found, labels);
    if (found_one) largest = each_search(s, found.x);
    after = more ? each_from(s, &next) : own;
    double sum;
    if (output && s->before.to) {
      each_write_head(&s->before, n, log, stream);
      sum = each_sum(s, &own, &after, &half, now.label, e, &s->before, true, log, stream, batch);
      if (labels) each_write_label(&s->before, n, stream);
      s->before.to = NULL;
    } else {
      sum = each_sum(s, &own, &after, &half, now.label, e, &s->before, false, log, stream, batch);
    }
    if (found_one) each_searched(s, &found, largest, labels, log);
    if (!each_results(s, &now, sum, e, labels, log)) {
      const xent_status status = row_alone(s->call, now.row, s->fallback);
      if (!s->status) s->status = status;
    }
    if (!more) break;
    now = next;
    next = found;
    own = after;
    more = found_one;
  }
  if (!output || !s->before.to) return;
  each_write_head(&s->before, n, log, stream);
  for (int64_t i = 0; i < n; i += XENT_UNIT) each_write_unit(&s->before, i, n, log, stream);
  if (labels) each_write_label(&s->before, n, stream);
}

XENT_INLINE void each_of_any_length(each_rows_of *s, const bool labels, const bool log) {
  if (s->call->shape->classes <= XENT_LANES)
    each_short(s, labels, log);
  else if (!s->call->output)
    each_long(s, labels, log, false, false);
  else if (s->call->stream)
    each_long(s, labels, log, true, true);
  else
    each_long(s, labels, log, true, false);
}
XENT_SHARED void each_softmax(each_rows_of *s) { each_of_any_length(s, false, false); }
XENT_SHARED void each_log_softmax(each_rows_of *s) { each_of_any_length(s, false, true); }
XENT_SHARED void each_loss(each_rows_of *s) { each_of_any_length(s, true, false); }

/* Whether a call is larger than first-level caches, and may come from memory. */
XENT_INLINE bool each_is_far(const xent_call *call) {
  const xent_shape *shape = call->shape;
  return shape->outer * shape->inner * shape->classes > XENT_EACH_NEAR;
}
XENT_SHARED xent_status each_rows(const xent_call *call, xent_kernel fallback) {
  each_rows_of s;
  s.call = call;
  s.fallback = fallback;
  s.temperature = f32_temperature_of(call->options->temperature);
  s.scale = gradient_scale_of(call->options);
  s.row = call->row_begin;
  s.far = each_is_far(call);
  s.status = XENT_OK;
  s.before.to = NULL;
  if (call->targets)
    each_loss(&s);
  else if (call->log)
    each_log_softmax(&s);
  else
    each_softmax(&s);
  return s.status;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A row and the work for its targets per class, if classes differ: sums of the first pass; gradients and stores of the
 * second pass. */
#ifndef XENT_ROW_CONTEXT_H
#define XENT_ROW_CONTEXT_H

#include "kernels/stages/emit/emit.h"
#include "kernels/stages/results/write.h"
#include "kernels/stages/targets/loss.h"

/* ---- a row ---- */

/* The buffers of a call, sized for its rows, so that short rows do not pay for the stack of long ones. */
typedef struct {
  float *input;        /* logits of rows of one chunk, or of the current chunk */
  float *out, *slopes; /* for a step */
  int64_t room;        /* floats of input */
} row_buffers;

/* The most chunks whose e are kept: more do not stay in the second-level cache. */
enum { XENT_KEPT_CHUNKS = 8 };

/* The e of a row that are kept for the second pass, in the output. */
typedef struct {
  float *e;    /* at class 0, or NULL */
  float reference[XENT_KEPT_CHUNKS]; /* the final N of each chunk, to which all of its e are scaled */
} kept_exponentials;

typedef struct {
  const job *j;
  row_source x;
  row_targets t;
  row_buffers b;      /* the part of the buffers for this row */
  kept_exponentials kept;
  const float *ready; /* for a row of one chunk: its logits minus ready_shift */
  float ready_shift;
  double share;       /* for probability and sparse rows */
  const entry_lists *entries; /* of a sparse row, or NULL */
} row_context;

XENT_INLINE row_context row_context_of(const job *j, int64_t row, row_buffers b) {
  return (row_context){.j = j, .x = logits_of_row(j->call, row), .b = b, .t = targets_of_call(j->call)};
}

XENT_INLINE const float *ready_floats(const row_context *r, int64_t begin, int64_t n, float shift, float *buffer) {
  if (r->ready && r->ready_shift == shift) return r->ready + begin;
  return row_floats(&r->x, begin, n, shift, buffer);
}

/* ---- sums over targets ---- */

/* The targets in float32, class by class; for sparse rows their dense part. */
XENT_INLINE class_targets targets_of_classes(const row_context *r) {
  const job *j = r->j;
  const xent_call *call = j->call;
  class_targets t = {.confidence = j->confidence32, .mask = r->x.mask, .mask_stride = r->x.mask_stride,
                     .without = XENT_NO_CLASS, .add = j->labels ? 1 : (float)r->share, .smooth = r->share > 0};
  if (j->probabilities) t.q = strided_row(call, call->targets, &call->shape->targets, r->x.span);
  if (j->weighted) t.w = strided_at(call->class_weights, &call->shape->class_weights, 0);
  if (j->labels && j->others) t.without = r->t.label - r->x.first;
  return t;
}

/* The sums of a chunk that its targets need; x are its logits, m its maximum or 0. */
XENT_INLINE target_sums chunk_targets(const row_context *r, const float *x, int64_t begin, int64_t n, float m) {
  const job *j = r->j;
  target_sums sums = {0, 0};
  if (r->t.kind == XENT_KIND_SOFTMAX || (j->labels && !j->smoothed)) return sums;
  if (j->labels && !j->weighted) {
    const uint8_t *mask = r->x.mask ? r->x.mask + begin * r->x.mask_stride : NULL;
    const int64_t without = j->others ? r->t.label - r->x.first - begin : XENT_NO_CLASS;
    sums.dot = sum_gaps(x, n, m, without, mask, r->x.mask_stride);
    return sums;
  }
  if (!j->sparse || r->share > 0) {
    const class_targets t = targets_of_classes(r);
    sums = sum_targets(&t, x, begin, n, m);
  }
  if (!j->sparse) return sums;
  XENT_FOR_ENTRIES(i, r->entries, j->call, begin, begin + n) {
    int64_t class;
    double target;
    if (!sparse_entry(j->call, r->x.row, &r->t, i, r->x.first + begin, r->x.first + begin + n, &class, &target))
      continue;
    if (target != 0) sums.dot += target * ((double)m - (double)x[class - r->x.first - begin]);
    sums.mass += target;
  }
  return sums;
}

/* Sixteen times t min(max(-log p, least), most), where D is log-sum-exp - max; +0 if t is 0. */
XENT_INLINE dlanes clamped_terms(const job *j, dlanes t, lanes x, float max, double D) {
  const dlanes zero = dlanes_zero(), least = dlanes_set(j->least), most = dlanes_set(j->most);
  const dlanes gap = dlanes_sub(dlanes_set((double)max), dlanes_widen(x));
  dlanes L = dlanes_add(dlanes_set(D), dlanes_scale(gap, j->temperature.reciprocal));
  L = dlanes_where_at_most(L, least, least, L);
  L = dlanes_where_at_most(most, L, most, L);
  return dlanes_where_at_most(dlanes_magnitude(t), zero, zero, dlanes_mul(t, L));
}
/* The sum of clamped terms over the targets of a row, which is read once more. */
XENT_SHARED double sum_of_clamped(const row_context *r, float max, float shift, double D) {
  const job *j = r->j;
  double sum = 0, target, terms[XENT_LANES];
  int64_t class;
  for (int64_t i = 0; j->sparse && i < j->call->shape->target_count; i++) {
    if (!sparse_entry(j->call, r->x.row, &r->t, i, r->x.first, r->x.first + r->x.classes, &class, &target)) continue;
    const lanes x = lanes_set(row_one(&r->x, class - r->x.first, shift));
    dlanes_store(terms, clamped_terms(j, dlanes_set(target), x, max, D));
    sum += terms[0];
  }
  const class_targets t = targets_of_classes(r);
  for (int64_t i = 0; j->probabilities && i < r->x.classes; i += XENT_STEP) {
    const int64_t n = step_length(i, r->x.classes);
    const float *x = ready_floats(r, i, n, shift, r->b.out);
    for (int64_t k = 0; k < n; k += XENT_LANES) {
      dlanes_store(terms,
                   clamped_terms(j, dlanes_widen(target_lanes(&t, i + k, n - k)), load_up_to(x + k, n - k), max, D));
      for (int64_t l = 0; l < XENT_LANES && k + l < n; l++) sum += terms[l];
    }
  }
  return sum;
}

/* ---- gradients ---- */

XENT_INLINE double upstream_of_row(const job *j, int64_t row) {
  const xent_layout *l = &j->call->shape->upstream;
  return j->call->upstream && j->call->targets
             ? float_at(j->call->upstream, l->type, row_offset(j->call->shape, l, row))
             : 1;
}
/* The scale of a row's gradient with respect to the targets. */
XENT_INLINE double scale_of_row(const job *j, int64_t row, double row_weight) {
  return j->scale * row_weight * upstream_of_row(j, row);
}

/* Writes the gradient of soft targets, c (1 - eps) w (lse - x); in special rows `same` for every class. */
XENT_SHARED void write_target_gradient(const row_context *r, const row_statistics *s, float distance, double c,
                                       const float *same) {
  const xent_call *call = r->j->call;
  const xent_layout *l = &call->shape->target_gradient;
  const float tc = (float)(c * r->j->confidence), max = (float)s->max, hi = r->j->temperature.hi;
  if (r->j->sparse) {
    const strided out = strided_at(call->target_gradient, l, row_offset(call->shape, l, r->x.row));
    for (int64_t i = 0; i < call->shape->target_count; i++) {
      const int64_t class = sparse_class_at(call, r->x.row, i);
      float value = same ? *same : 0;
      if (!same && class >= 0 && class < r->x.classes && !is_ignored_class(call, class)) {
        const float factor = r->j->weighted ? tc * (float)weight_of_class(call, class) : tc;
        if (factor != 0) value = factor * fused(max - row_one(&r->x, class, (float)s->shift), hi, distance);
      }
      strided_set(&out, i, value != value ? XENT_NAN : value);
    }
    return;
  }
  const strided out = strided_row(call, call->target_gradient, l, r->x.span);
  if (same) {
    strided_fill(&out, 0, r->x.classes, *same);
    return;
  }
  const strided w = r->j->weighted ? strided_at(call->class_weights, &call->shape->class_weights, 0) : (strided){0};
  const lanes even = lanes_set(tc);
  for (int64_t begin = 0; begin < r->x.classes; begin += XENT_STEP) {
    const int64_t n = step_length(begin, r->x.classes);
    const float *x = ready_floats(r, begin, n, (float)s->shift, r->b.out);
    for (int64_t i = 0; i < n; i += XENT_LANES) {
      const int64_t at = begin + i, left = n - i;
      const lanes factor = w.at ? lanes_mul(even, strided_load(&w, at, left, 0.0f)) : even;
      lanes v = class_target_gradient(factor, load_up_to(x + i, left), max, hi, distance);
      if (r->x.mask) v = where_counted(r->x.mask + at * r->x.mask_stride, r->x.mask_stride, left, v, 0.0f);
      strided_store(&out, at, left, v);
    }
  }
}

/* The constants of a row. */
typedef struct {
  emission m;
  class_targets each; /* of targets that differ between classes */
  bool has_each, finite, log;
  double cc, share;
  double each_scale;  /* cc for probability rows, cc * share for weights */
  float at_label;
} row_emission;

/* A class with its own target; product is the target times cc. If only the product counts, e would overflow. */
XENT_INLINE float emit_product(const row_emission *g, float e, float b, double product) {
  const float y = fused(e, g->m.f, b);
  const float out = !g->m.tiny ? y : fabs(product) >= 0x1p30 ? -(float)product : y * XENT_TINY_UNSCALE;
  return out != out ? XENT_NAN : out;
}

/* Computes the classes in the entries of a sparse row again: from e if they are kept, otherwise from x. Not more than
 * XENT_SPARSE classes at once, because their targets are on the stack. */
enum { XENT_SPARSE = 512 };
XENT_SHARED void emit_sparse_part(const row_context *r, const row_emission *g, float reference, const float *x,
                                  const float *kept, float *y, int64_t begin, int64_t n) {
  const xent_call *call = r->j->call;
  const int64_t from = r->x.first + begin;
  double targets[XENT_SPARSE], target;
  uint64_t named[XENT_SPARSE / 64] = {0};
  int64_t class;
  XENT_FOR_ENTRIES(j, r->entries, call, begin, begin + n) {
    if (!sparse_entry(call, r->x.row, &r->t, j, from, from + n, &class, &target)) continue;
    const int64_t i = class - from;
    const uint64_t bit = UINT64_C(1) << i % 64;
    targets[i] = named[i / 64] & bit ? targets[i] + target : target;
    named[i / 64] |= bit;
  }
  for (int64_t k = 0; k < n; k += 64)
    for (uint64_t bits = named[k / 64]; bits; bits &= bits - 1) {
      const int64_t i = k + __builtin_ctzll(bits);
      target = targets[i];
      if (g->share > 0) target += r->t.weighted ? g->share * weight_of_class(call, from + i) : g->share;
      const double product = g->cc * target;
      const float e = kept ? kept[i] : exp_one(x[i], reference, &r->j->temperature);
      y[i] = emit_product(g, e, -(float)(g->m.tiny ? product * XENT_TINY_SCALE : product), product);
    }
}
XENT_INLINE void emit_sparse(const row_context *r, const row_emission *g, float reference, const float *x,
                             const float *kept, float *y, int64_t begin, int64_t n) {
  for (int64_t i = 0; i < n; i += XENT_SPARSE)
    emit_sparse_part(r, g, reference, x + i, kept ? kept + i : NULL, y + i, begin + i,
                     n - i < XENT_SPARSE ? n - i : XENT_SPARSE);
}

/* Whether masked classes, whose e and targets are +0, yield +0 without further work. */
XENT_INLINE bool masked_are_zero(const emission *m, bool per_class) {
  const bool line = per_class ? fabsf(m->scale) <= FLT_MAX : m->b == 0 && signbit(m->b);
  return line && !signbit(m->f) && m->f <= FLT_MAX;
}

/* Applies the derivative of the softcap, and masks. */
XENT_INLINE void finish_lanes(const row_source *x, float *y, int64_t class, const int64_t n) {
  lanes v = load_up_to(y, n), slope;
  if (x->cap != 0) {
    if (x->slopes)
      slope = lanes_load(x->slopes + class - x->slopes_at);
    else
      capped(x, strided_load(&x->x, class, n, 0.0f), &slope);
    v = lanes_quiet(lanes_mul(v, slope));
  }
  if (x->mask) v = where_counted(x->mask + class * x->mask_stride, x->mask_stride, n, v, 0.0f);
  if (n == XENT_LANES)
    lanes_store(y, v);
  else
    lanes_store_part(y, n, v);
}
XENT_INLINE void finish_classes(const row_context *r, float *y, int64_t begin, int64_t n) {
  int64_t i = 0;
  for (; i + XENT_LANES <= n; i += XENT_LANES) finish_lanes(&r->x, y + i, begin + i, XENT_LANES);
  if (i < n) finish_lanes(&r->x, y + i, begin + i, n - i);
}

#endif

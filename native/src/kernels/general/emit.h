/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second pass over a row of a general call, in steps: a step's results are computed side by side and put where and
 * how the tensor wants them. Where the tensor is floats side by side and nothing else is to be done, chunks go there at once.
 */
#ifndef XENT_GENERAL_EMIT_H
#define XENT_GENERAL_EMIT_H

#include "kernels/general/finish.h"

/* The target of class i of a step: w q', or w * add where there is no q. */
typedef struct {
  const float *q, *w;
  smoothing s;
} step_targets;

/* y = fma(e(x; N), f, -float(c t)) */
XENT_SHARED void emit_targets(const float *x, step_targets t, float *y, int64_t n, float N, factor k, double c) {
  const exp_reference r = exp_reference_of(N);
  const lanes f = lanes_set(k.f);
  for (int64_t i = 0; i < n; i += XENT_LANES) {
    lanes v[1] = {lanes_load_part(x + i, n - i, 0.0f)};
    dlanes target = t.q ? smoothed(lanes_load_part(t.q + i, n - i, 0.0f), t.s) : dlanes_set(t.s.add);
    if (t.w) target = dlanes_mul(dlanes_widen(lanes_load_part(t.w + i, n - i, 0.0f)), target);
    const dlanes product = dlanes_clear_where_zero(dlanes_scale(target, c), target);
    const lanes b = lanes_sub(lanes_set(-0.0f), dlanes_narrow(product));
    exp_lanes(v, 1, r);
    lanes_store_part(y + i, n - i, lanes_quiet(lanes_fma(v[0], f, b)));
  }
}

/* One class with a target of its own, carried 2^96 times larger where the factor is tiny. */
XENT_INLINE float emit_target(float x, double target, exp_reference r, factor k, double c) {
  const double product = c * target, scale = k.tiny ? XENT_TINY_SCALE : 1.0;
  const float b = target == 0 ? -0.0f : -(float)(product * scale);
  const float carried = fmaf(exp_one(x, r), k.f, b);
  const float out = !k.tiny ? carried : fabs(product) >= 0x1p30 ? -(float)product : carried * XENT_TINY_UNSCALE;
  return out != out ? XENT_NAN : out;
}

XENT_SHARED void emit_tiny_targets(const float *x, step_targets t, float *y, int64_t n, float N, factor k, double c) {
  const exp_reference r = exp_reference_of(N);
  for (int64_t i = 0; i < n; i++) {
    double target = t.s.add;
    if (t.q) target = t.s.add == 0 ? (double)t.q[i] : fma(t.s.keep, (double)t.q[i], t.s.add);
    if (t.w) target = (double)t.w[i] * target;
    y[i] = emit_target(x[i], target, r, k, c);
  }
}

enum { XENT_HALVES_AT_ONCE = XENT_BATCH > 1 ? 4 : 2 };

XENT_INLINE void put_halves(uint16_t *y, lanes a, lanes b, const int32_t type, const bool stream) {
  if (type == XENT_BF16) {
    lanes_store_numbers_bf16(y, a, b, stream);
  } else if (stream) {
    lanes_stream_f16(y, a, b);
  } else {
    lanes_store_f16(y, a);
    lanes_store_f16(y + XENT_LANES, b);
  }
}

/* From 16-bit logits to a gradient or probabilities of the same type: nothing on the way goes through memory. The second
 * half of some exponentials runs with the first half of the next. */
XENT_INLINE void emit_halves(const uint16_t *x, uint16_t *y, int64_t n, float N, factor k, const int32_t type, const bool stream) {
  enum { COUNT = XENT_HALVES_AT_ONCE, STEP = COUNT * XENT_LANES };
  const exp_reference r = exp_reference_of(N);
  const exp_references everywhere = exp_everywhere(r);
  const lanes f = lanes_set(k.f), b = lanes_set(k.b);
  int64_t i = 0;
  exp_half half;
  lanes v[COUNT], e[COUNT];
  for (bool more = n >= STEP, first = true; more; first = false) {
    const int64_t next = first ? 0 : i + STEP;
    more = next + STEP <= n;
    if (more)
      XENT_UNROLL(4)
      for (int j = 0; j < COUNT; j++) v[j] = load_numbers(x, next + j * XENT_LANES, type);
    if (first) {
      exp_begin(&half, v, COUNT, everywhere);
      continue;
    }
    if (more)
      exp_step(&half, v, e, COUNT, everywhere);
    else
      exp_end(&half, e, COUNT);
    XENT_UNROLL(2)
    for (int j = 0; j < COUNT; j += 2)
      put_halves(y + i + j * XENT_LANES, lanes_fma(e[j], f, b), lanes_fma(e[j + 1], f, b), type, stream);
    i = next;
  }
  for (; i < n; i++) {
    const float last = fmaf(exp_one(type == XENT_BF16 ? widen_bf16(x[i]) : widen_f16(x[i]), r), k.f, k.b);
    y[i] = type == XENT_BF16 ? narrow_bf16(last) : narrow_f16(last);
  }
}

XENT_SHARED void emit_bf16(const uint16_t *x, uint16_t *y, int64_t n, float N, factor k, bool stream) {
  if (stream && (uintptr_t)y % XENT_STREAM_ALIGNMENT == 0) {
    prefetch_pages((const float *)(const void *)y, n / 2);
    emit_halves(x, y, n, N, k, XENT_BF16, true);
  } else {
    emit_halves(x, y, n, N, k, XENT_BF16, false);
  }
}
XENT_SHARED void emit_f16(const uint16_t *x, uint16_t *y, int64_t n, float N, factor k, bool stream) {
  if (stream && (uintptr_t)y % XENT_STREAM_ALIGNMENT == 0) {
    prefetch_pages((const float *)(const void *)y, n / 2);
    emit_halves(x, y, n, N, k, XENT_F16, true);
  } else {
    emit_halves(x, y, n, N, k, XENT_F16, false);
  }
}

/* Whether classes of a row go straight from 16 bits to 16 bits. */
XENT_INLINE bool is_straight(const general_row *r, const strand *out, const xent_statistics *s, const factor *k) {
  return has_plain_halves(r) && out->stride == 1 && out->type == r->x.type && s->shift == 0 && !k->tiny &&
         r->classes > XENT_CHUNK;
}
XENT_INLINE void emit_straight(const general_row *r, const strand *out, int64_t begin, int64_t n, float N, factor k,
                               bool stream) {
  const uint16_t *x = (const uint16_t *)(const void *)r->x.at + begin;
  uint16_t *y = (uint16_t *)(uintptr_t)out->at + begin;
  (r->x.type == XENT_BF16 ? emit_bf16 : emit_f16)(x, y, n, N, k, stream);
}

/* What is summed over a row while its gradient is written: x, for smoothing, and e (M - x), for the entropy. */
typedef struct {
  double logits, entropy;
} late_sums;

/* y = fma(e(x; N), f, b) of a chunk, and its sums. stream: y is aligned. Below the exponential's lower clamp e is +0, so
 * there the clamp stands for x. */
XENT_INLINE void emit_summed_chunk(const float *x, float *y, int64_t n, float N, factor k, float max, late_sums *sums,
                                   const bool total, const bool stream) {
  const exp_references r = exp_everywhere(exp_reference_of(N));
  const lanes f = lanes_set(k.f), b = lanes_set(k.b), M = lanes_set(max);
  lanes group = lanes_set(0.0f);
  dlanes entropy = dlanes_zero(), logits = dlanes_zero();
  for (int64_t i = 0; i < n; i += XENT_GROUP) {
    const bool whole = n - i >= XENT_GROUP;
    lanes half[2];
    XENT_UNROLL(2)
    for (int h = 0; h < 2; h++) {
      lanes e[4], v[4];
      XENT_UNROLL(4)
      for (int j = 0; j < 4; j++) {
        const int64_t at = i + (4 * h + j) * XENT_LANES;
        v[j] = whole ? lanes_load(x + at) : lanes_load_part(x + at, n - at, -INFINITY);
        e[j] = v[j];
      }
      exp_lanes_at(e, 4, r);
      XENT_UNROLL(4)
      for (int j = 0; j < 4; j++) {
        const int64_t at = i + (4 * h + j) * XENT_LANES;
        if (total && whole) logits = dlanes_add(logits, dlanes_load_floats(x + at));
        if (total && !whole) logits = dlanes_add(logits, dlanes_widen(lanes_keep_first(v[j], n - at)));
        if (whole)
          put(y + at, lanes_fma(e[j], f, b), stream);
        else if (at < n)
          lanes_store_part(y + at, n - at, lanes_fma(e[j], f, b));
        v[j] = lanes_mul(e[j], lanes_sub(M, lanes_floor_at(v[j], r.lowest)));
      }
      half[h] = lanes_add(lanes_add(v[0], v[1]), lanes_add(v[2], v[3]));
    }
    group = lanes_add(half[0], half[1]);
    entropy = dlanes_add(entropy, dlanes_widen(group));
  }
  sums->entropy += (n <= XENT_GROUP ? (double)lanes_tree(group) : dlanes_tree(entropy)) + 0.0;
  if (total) sums->logits += dlanes_tree(logits);
}
XENT_SHARED void emit_summed(const float *x, float *y, int64_t n, float N, factor k, float max, late_sums *sums, bool total,
                             bool stream) {
  if (stream) prefetch_pages(y, n);
  if (total)
    stream ? emit_summed_chunk(x, y, n, N, k, max, sums, true, true) : emit_summed_chunk(x, y, n, N, k, max, sums, true, false);
  else
    stream ? emit_summed_chunk(x, y, n, N, k, max, sums, false, true) : emit_summed_chunk(x, y, n, N, k, max, sums, false, false);
}

/* What the gradient of a row is made of. */
typedef struct {
  double S, c;            /* c: the scale with respect to the logits */
  double pull, share;
  factor k;
  bool each;              /* targets differ from class to class */
  bool finite;
  float at_label;
} row_gradient;

XENT_INLINE row_gradient gradient_of_row(const general_row *r, const xent_statistics *s, double c) {
  const row_targets *t = &r->t;
  row_gradient g = {.S = total_of(s), .c = logit_scale(r->call->options, c), .pull = s->pull, .share = s->share};
  const bool labels = t->kind == XENT_KIND_LABEL;
  if (!(s->kind & XENT_ROW_GENERAL)) { /* of a plain call */
    g.pull = labels ? 1 : s->mass;
    g.share = even_share(t, r->all);
  }
  const double G = XENT_UNSCALE / g.S * g.c;
  g.each = !labels ? !t->sparse || (t->weighted && g.share > 0) : t->weighted && g.share > 0;
  g.k = factor_of(G * g.pull, g.c, g.each ? 0 : g.share);
  g.finite = isfinite(g.k.f) && isfinite(g.k.b);
  if (labels) {
    const double at = label_gradient(t, r->call->options, s->sum, s->mass, g.S, weight_of_class(r->call, t->label),
                                     g.pull, g.share, g.c);
    g.at_label = at != at ? XENT_NAN : (float)at;
  }
  return g;
}

/* The classes that entries of a sparse row name are computed once more. */
XENT_INLINE void emit_sparse(const general_row *r, const row_gradient *g, const float *x, float *y, int64_t begin,
                             int64_t n, float N) {
  const exp_reference e = exp_reference_of(N);
  const int64_t from = r->first + begin;
  for (int64_t j = 0; j < r->call->shape->target_count; j++) {
    int64_t class;
    double target;
    if (sparse_class(r->call, r->row, &r->t, j, from, from + n, g->share, &class, &target))
      y[class - from] = emit_target(x[class - from], target, e, g->k, g->c);
  }
}

/* The gradient of n classes, side by side in y. kept: the buffers hold the row's e. */
XENT_INLINE void gradient_step(const general_row *r, const row_gradient *g, const xent_statistics *s, const float *x,
                               float *y, int64_t begin, int64_t n, bool kept, bool stream, general_buffers b) {
  const float N = s->reference;
  if (g->each) {
    const bool dense = r->t.kind == XENT_KIND_PROBABILITIES && !r->t.sparse;
    const strand q = dense ? target_strand(r) : (strand){0}, w = weight_strand(r);
    const step_targets t = {.q = dense ? strand_floats(&q, begin, n, b.targets) : NULL,
                            .w = r->t.weighted ? strand_floats(&w, begin, n, b.weights) : NULL,
                            .s = smoothing_with(&r->t, g->share)};
    (g->k.tiny ? emit_tiny_targets : emit_targets)(x, t, y, n, N, g->k, g->c);
  } else if (kept) {
    emit_kept(x, b.kept + begin, b.kept_reference + begin / XENT_GROUP, y, n, N, g->k, stream);
  } else {
    emit_exp(x, y, n, N, g->k, stream);
  }
  if (!g->finite) quiet_values(y, n);
  if (r->t.sparse) emit_sparse(r, g, x, y, begin, n, N);
  const int64_t label = r->t.label - r->first - begin;
  if (r->t.label != XENT_NO_CLASS && label >= 0 && label < n) y[label] = g->at_label;
}

/* The derivative of the softcap, and masks. */
XENT_INLINE void finish_step(const general_row *r, float *y, int64_t begin, int64_t n, general_buffers b) {
  if (r->softcap != 0) {
    for (int64_t i = 0; i < n; i++) y[i] *= b.slope[i];
    quiet_values(y, n);
  }
  mask_values(r, begin, n, y, 0.0f);
}

XENT_INLINE strand output_strand(const general_row *r) {
  return strand_of_row(r->call, r->call->output, r->call->output_layout, r->span);
}

/* The gradient of classes [begin, end) with scale c. */
XENT_SHARED void general_gradient(const general_row *r, const xent_statistics *s, double c, int64_t begin, int64_t end,
                                  bool kept, general_buffers b) {
  const strand out = output_strand(r);
  if (s->kind & XENT_ROW_SPECIAL) {
    strand_fill(&out, begin, end, s->kind & XENT_ROW_NAN ? XENT_NAN : 0.0f);
    return;
  }
  const row_gradient g = gradient_of_row(r, s, c);
  const bool stream = r->call->stream;
  if (is_straight(r, &out, s, &g.k) && g.finite && !g.each && !r->t.sparse) {
    for (int64_t i = begin; i < end; i += XENT_CHUNK)
      emit_straight(r, &out, i, chunk_length(i, end), s->reference, g.k, stream);
    const int64_t label = r->t.label - r->first;
    if (label >= begin && label < end && r->t.label != XENT_NO_CLASS) strand_put(&out, label, 1, &g.at_label, false);
    return;
  }
  const bool at_once = is_direct(&out) && r->softcap == 0 && !r->mask && !g.each && !r->t.sparse;
  for (int64_t i = begin; at_once && i < end; i += XENT_CHUNK) {
    const int64_t n = chunk_length(i, end);
    const float *x = prepared(r, i, n, s->shift, b.input);
    gradient_step(r, &g, s, x, (float *)(uintptr_t)out.at + i, i, n, kept, stream, b);
  }
  for (int64_t i = begin; !at_once && i < end; i += XENT_STEP) {
    const int64_t n = end - i < XENT_STEP ? end - i : XENT_STEP;
    const float *x = r->softcap != 0 ? prepared_with_slope(r, i, n, s->shift, b.counted, b.slope)
                                     : prepared(r, i, n, s->shift, b.input);
    gradient_step(r, &g, s, x, b.out, i, n, kept, false, b);
    finish_step(r, b.out, i, n, b);
    strand_put(&out, i, n, b.out, stream);
  }
}

/* Whether the sums of a row of labels can wait for its gradient: where they are not taken with weights, nor of some classes
 * alone. */
XENT_INLINE bool sums_can_wait(const general_row *r) {
  const row_targets *t = &r->t;
  return r->call->output && (r->call->entropies || t->eps > 0) && r->classes > XENT_CHUNK && t->kind == XENT_KIND_LABEL && !t->ignored &&
         !t->weighted && !t->others && !r->mask && r->softcap == 0;
}

/* The gradient of such a row, and its sums. False where nothing was written, as the factor asks for more care. */
XENT_SHARED bool summed_gradient(const general_row *r, const xent_statistics *s, double c, general_buffers b,
                                 late_sums *sums) {
  const row_gradient g = gradient_of_row(r, s, c);
  if (g.k.tiny || !g.finite) return false;
  const strand out = output_strand(r);
  const bool direct = is_direct(&out), total = r->t.eps > 0;
  *sums = (late_sums){0, 0};
  for (int64_t i = 0; i < r->classes; i += XENT_CHUNK) {
    const int64_t n = chunk_length(i, r->classes), label = r->t.label - i;
    const float *x = prepared(r, i, n, s->shift, b.input);
    float *y = direct ? (float *)(uintptr_t)out.at + i : b.kept;
    const bool stream = r->call->stream && direct && (uintptr_t)y % XENT_STREAM_ALIGNMENT == 0;
    emit_summed(x, y, n, s->reference, g.k, s->max, sums, total, stream);
    if (label >= 0 && label < n) y[label] = g.at_label;
    if (!direct) strand_put(&out, i, n, y, r->call->stream);
  }
  return true;
}

/* Whether a row of one class has nothing beside it, not even a sink that counts: then its probability is 1. */
XENT_INLINE bool has_whole_row(const general_row *r, const xent_statistics *s) {
  const double E = (double)exp_one(s->max, exp_reference_of(s->reference)) * XENT_UNSCALE;
  return total_of(s) == E && prepared_one(r, 0, s->shift) == s->max;
}

/* Softmax or log-softmax of classes [begin, end). */
XENT_SHARED void general_probabilities(const general_row *r, const xent_statistics *s, int64_t begin, int64_t end,
                                       bool kept, general_buffers b) {
  const xent_call *call = r->call;
  const strand out = output_strand(r);
  if (s->kind & XENT_ROW_SPECIAL) {
    const float masked = call->log ? -INFINITY : 0.0f;
    strand_fill(&out, begin, end, s->kind & XENT_ROW_MASKED ? masked : XENT_NAN);
    return;
  }
  if (r->all == 1 && !call->log && has_whole_row(r, s)) {
    strand_fill(&out, begin, end, 1.0f);
    return;
  }
  const factor k = factor_of(XENT_UNSCALE / total_of(s), 1.0, 0.0);
  const float minus_distance = call->log ? (float)(0 - distance_of(s)) : 0.0f;
  if (is_straight(r, &out, s, &k) && !call->log) {
    for (int64_t i = begin; i < end; i += XENT_CHUNK)
      emit_straight(r, &out, i, chunk_length(i, end), s->reference, k, call->stream);
    return;
  }
  const bool at_once = is_direct(&out);
  const int64_t step = at_once ? XENT_CHUNK : XENT_STEP;
  for (int64_t i = begin; i < end; i += step) {
    const int64_t n = end - i < step ? end - i : step;
    const float *x = prepared(r, i, n, s->shift, b.input);
    float *y = at_once ? (float *)(uintptr_t)out.at + i : b.out;
    if (call->log)
      emit_log(x, y, n, s->max, minus_distance, call->stream && at_once);
    else if (kept)
      emit_kept(x, b.kept + i, b.kept_reference + i / XENT_GROUP, y, n, s->reference, k, call->stream && at_once);
    else
      emit_exp(x, y, n, s->reference, k, call->stream && at_once);
    if (!at_once) strand_put(&out, i, n, y, call->stream);
  }
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binary cross-entropy of logits (docs/numerics.md, section 12), in float32 arithmetic, and in double where the logits
 * are or the loss is focal. Of each element two numbers come from the same exponential u = exp(-|x|): log1p(u), all of
 * the softplus but for max(x, 0), and 1 / (1 + u), which both sigmoids are made of. So nothing cancels.
 */
#ifndef XENT_ELEMENTS_BINARY_H
#define XENT_ELEMENTS_BINARY_H

#include "kernels/elements/f64_binary.h"
#include "kernels/elements/walk.h"
#include "kernels/math/exponential.h"

/* What is the same for all elements of a call, in float. */
typedef struct {
  exp_references references;
  lanes alpha, beta, scale;
} binary;

XENT_INLINE binary binary_of(const xent_options *o) {
  const bool alpha = o->focal_alpha != 0;
  return (binary){.references = exp_everywhere(exp_reference_of(0, &no_heat)),
                  .alpha = lanes_set(alpha ? (float)o->focal_alpha : 1),
                  .beta = lanes_set(alpha ? (float)(1 - o->focal_alpha) : 1),
                  .scale = lanes_set(o->has_gradient_scale ? (float)o->gradient_scale : 1)};
}

/* Losses and gradients of `count` vectors of elements whose logits are x, targets t, weights w and positive weights r; stage
 * by stage, as one chain is longer than a scheduler looks ahead. p: log1p(u) / u, 0 <= u <= 1. */
enum { XENT_BINARY_VECTORS = XENT_IN_FLIGHT / 2, XENT_LOG1P_COUNT = sizeof XENT_LOG1P / sizeof *XENT_LOG1P };
XENT_INLINE void binary_step(const binary *o, const lanes *x, const lanes *t, const lanes *w, const lanes *r, lanes *loss,
                             lanes *gradient, const int count) {
  const lanes zero = lanes_set(0), minus = lanes_set(-0.0f), one = lanes_set(1);
  const lanes unscale = lanes_set((float)XENT_UNSCALE);
  lanes e[XENT_BATCH_MAX], u[XENT_BATCH_MAX], s[XENT_BATCH_MAX], p[XENT_BATCH_MAX];
  XENT_STAGE(e[j] = lanes_sub(minus, lanes_magnitude(x[j])));
  exp_lanes(e, count, &o->references, false, &no_heat);
  XENT_STAGE(u[j] = lanes_mul(e[j], unscale));
  XENT_STAGE(s[j] = lanes_div(one, lanes_add(one, u[j])));
  XENT_STAGE(p[j] = lanes_set(XENT_LOG1P[XENT_LOG1P_COUNT - 1]));
  XENT_UNROLL(16)
  for (int i = XENT_LOG1P_COUNT - 2; i >= 0; i--) XENT_STAGE(p[j] = lanes_fma(p[j], u[j], lanes_set(XENT_LOG1P[i])));
  XENT_STAGE(p[j] = lanes_mul(e[j], lanes_fma(p[j], u[j], one)));
  XENT_STAGE({
    const lanes rest = lanes_sub(one, t[j]);
    const lanes W = lanes_mul(w[j], lanes_fma(o->alpha, t[j], lanes_mul(o->beta, rest)));
    const lanes A = lanes_mul(lanes_mul(W, r[j]), t[j]), B = lanes_mul(W, rest);
    const lanes P = lanes_where_above(zero, x[j], A, B), Q = lanes_where_above(zero, x[j], B, A);
    const lanes k = lanes_where_equal(P, zero, zero, lanes_mul(P, lanes_magnitude(x[j])));
    const lanes b = lanes_fma(lanes_mul(lanes_add(A, B), p[j]), unscale, k);
    const lanes g = lanes_fma(lanes_sub(minus, lanes_mul(Q, lanes_mul(e[j], s[j]))), unscale, lanes_mul(P, s[j]));
    const lanes slope = lanes_mul(lanes_where_above(zero, x[j], lanes_sub(minus, g), g), o->scale);
    loss[j] = lanes_quiet(lanes_where_equal(w[j], zero, zero, b));
    gradient[j] = lanes_quiet(lanes_where_equal(w[j], zero, zero, slope));
  });
}

/* Everything that a box of a call has. Arrays that are not there count as 1. */
typedef struct {
  const xent_call *call;
  element_box box;
  element_array x, t, w, r, losses, gradient;
  bool labels, weighted, positive;
} binary_box;

/* However many targets a shape says that rows have: elements have one. */
XENT_INLINE bool has_binary_labels(const xent_call *call) {
  return XENT_TYPE_BIT(call->shape->targets.type) & XENT_LABEL_TYPES;
}

XENT_INLINE binary_box binary_box_of(const xent_call *call, element_box box) {
  const xent_shape *s = call->shape;
  binary_box b = {.call = call, .box = box, .labels = has_binary_labels(call), .weighted = call->element_weights != NULL,
                  .positive = call->positive_weights != NULL};
  b.x = element_array_of(&box, call->logits, &s->logits);
  if (call->targets) b.t = element_array_of(&box, call->targets, &s->targets);
  if (b.weighted) b.w = element_array_of(&box, call->element_weights, &s->element_weights);
  if (b.positive) b.r = element_array_of(&box, call->positive_weights, &s->positive_weights);
  if (call->losses) b.losses = element_array_of(&box, call->losses, &s->losses);
  if (call->output) b.gradient = element_array_of(&box, call->output, call->output_layout);
  return b;
}

/* The labels of a piece: which are 1, and which count. What is neither has been refused, unless memory changes. */
XENT_SHARED void gather_labels(const binary_box *b, int64_t k, int64_t n, uint8_t *restrict positive,
                               uint8_t *restrict counted) {
  const element_array *a = &b->t;
  const bool ignores = ignores_a_class(b->call);
  const int64_t ignored = b->call->options->ignore_index;
  element_place p = element_place_of(&b->box, k);
  for (int64_t i = 0, at, run; i < n; i += run) {
    run = next_run(&b->box, a, &p, n - i, &at);
    const int64_t step = a->dense ? 1 : a->stride[2];
    if (a->type == XENT_U8 && step == 1) {
      const uint8_t *restrict labels = (const uint8_t *)a->array + at;
      const uint8_t same = (uint8_t)ignored, any = ignores && ignored == same;
      for (int64_t j = 0; j < run; j++) positive[i + j] = labels[j] == 1;
      for (int64_t j = 0; j < run; j++) counted[i + j] = !(any & (labels[j] == same));
      continue;
    }
    for (int64_t j = 0; j < run; j++) {
      const int64_t label = load_label_at(a->array, a->type, at + j * step);
      positive[i + j] = label == 1;
      counted[i + j] = !(ignores && label == ignored);
    }
  }
}

/* The first label in the order of rows, then of classes, that is none of 0, 1 and the ignore index. */
XENT_SHARED xent_status wrong_label(const xent_call *call) {
  const xent_layout *l = &call->shape->targets;
  for (int64_t row = call->row_begin; row < call->row_end; row++)
    for (int64_t class = 0; class < call->shape->classes; class++) {
      const int64_t label = load_label_at(call->targets, l->type, row_offset(call->shape, l, row) + class * l->classes);
      if (label == 0 || label == 1 || is_ignored_class(call, label)) continue;
      call->report->integer = class;
      return wrong_class(call, row, label);
    }
  return XENT_OK;
}

/* Whether there is one in a box; in the order in which they lie, which does not say which is the first. */
XENT_SHARED bool has_wrong_label(const binary_box *b) {
  const element_array *a = &b->t;
  const bool ignores = ignores_a_class(b->call);
  const int64_t ignored = b->call->options->ignore_index, n = elements_of(&b->box);
  element_place p = element_place_of(&b->box, 0);
  uint32_t wrong = 0;
  for (int64_t i = 0, at, run; i < n; i += run) {
    run = next_run(&b->box, a, &p, n - i, &at);
    const int64_t step = a->dense ? 1 : a->stride[2];
    if (a->type == XENT_U8 && step == 1) {
      const uint8_t *labels = (const uint8_t *)a->array + at;
      const uint8_t same = ignores && ignored == (uint8_t)ignored ? (uint8_t)ignored : 0;
      uint8_t any = 0;
      for (int64_t j = 0; j < run; j++) any |= (labels[j] > 1) & (labels[j] != same);
      wrong |= any;
      continue;
    }
    for (int64_t j = 0; j < run; j++) {
      const int64_t label = load_label_at(a->array, a->type, at + j * step);
      wrong |= !(label == 0 || label == 1 || (ignores && label == ignored));
    }
  }
  return wrong;
}

/* ---- float32 ---- */

typedef struct {
  XENT_ALIGNED float x[XENT_ELEMENTS], t[XENT_ELEMENTS], w[XENT_ELEMENTS], r[XENT_ELEMENTS], loss[XENT_ELEMENTS],
      gradient[XENT_ELEMENTS];
} binary_floats;

/* The inputs of a piece, where they lie or in the room. */
typedef struct {
  const float *x, *t, *w, *r;
} binary_inputs;

XENT_INLINE binary_inputs binary_inputs_of(const binary_box *b, int64_t k, int64_t n, binary_floats *room) {
  binary_inputs in = {.x = load_floats(&b->box, &b->x, k, n, room->x), .t = room->t, .w = room->w, .r = room->r};
  if (b->weighted) in.w = load_floats(&b->box, &b->w, k, n, room->w);
  if (b->positive) in.r = load_floats(&b->box, &b->r, k, n, room->r);
  if (!b->labels) {
    in.t = load_floats(&b->box, &b->t, k, n, room->t);
    return in;
  }
  uint8_t positive[XENT_ELEMENTS], counted[XENT_ELEMENTS];
  gather_labels(b, k, n, positive, counted);
  for (int64_t i = 0; i < n; i++) room->t[i] = positive[i];
  if (!b->call->options->has_ignore_index) return in;
  for (int64_t i = 0; i < n; i++) room->w[i] = counted[i] ? b->weighted ? in.w[i] : 1 : 0;
  in.w = room->w;
  return in;
}

/* Elements [i, n), at most `count` vectors of them; whole: so many are there. How many are not counted. */
XENT_INLINE int64_t binary_part(const binary *o, const binary_inputs *in, int64_t i, int64_t n, float *loss, float *gradient,
                                const bool losses, const bool gradients, const bool whole, const int count) {
  const float *from[4] = {in->w + i, in->x + i, in->t + i, in->r + i};
  lanes v[4][XENT_BATCH_MAX], l[XENT_BATCH_MAX], g[XENT_BATCH_MAX];
  int64_t ignored = 0;
  XENT_UNROLL(4)
  for (int k = 0; k < 4; k++)
    XENT_STAGE(v[k][j] = whole ? lanes_load(from[k] + j * XENT_LANES) : lanes_load_part(from[k], n - i, 0));
  XENT_STAGE(ignored += __builtin_popcount(lanes_bits_equal(v[0][j], lanes_set(0))));
  if (!losses && !gradients) return ignored;
  binary_step(o, v[1], v[2], v[0], v[3], l, g, count);
  if (losses) XENT_STAGE(whole ? lanes_store(loss + i + j * XENT_LANES, l[j]) : lanes_store_part(loss + i, n - i, l[j]));
  if (gradients) XENT_STAGE(whole ? lanes_store(gradient + i + j * XENT_LANES, g[j]) : lanes_store_part(gradient + i, n - i, g[j]));
  return ignored;
}
/* How many elements of a piece are counted. */
XENT_INLINE int64_t binary_piece(const binary *o, const binary_inputs *in, int64_t n, float *loss, float *gradient,
                                 const bool losses, const bool gradients) {
  enum { AT_ONCE = XENT_BINARY_VECTORS * XENT_LANES };
  int64_t ignored = 0, i = 0;
  for (; n - i >= AT_ONCE; i += AT_ONCE)
    ignored += binary_part(o, in, i, n, loss, gradient, losses, gradients, true, XENT_BINARY_VECTORS);
  for (; i < n; i += XENT_LANES) ignored += binary_part(o, in, i, n, loss, gradient, losses, gradients, false, 1);
  return (n + XENT_LANES - 1) / XENT_LANES * XENT_LANES - ignored;
}

XENT_SHARED int64_t f64_binary_piece(const f64_binary *o, const double *x, const double *t, const double *w,
                                     const double *r, int64_t n, double *loss, double *gradient) {
  int64_t ignored = 0;
  for (int64_t i = 0; i < n; i += XENT_DOUBLES) {
    const int64_t left = n - i;
    const doubles ws = doubles_load_part(w + i, left, 0);
    doubles l, g;
    ignored += __builtin_popcount(doubles_bits_equal(ws, doubles_set(0)));
    f64_binary_step(o, doubles_load_part(x + i, left, 0), doubles_load_part(t + i, left, 0), ws,
                    doubles_load_part(r + i, left, 0), &l, &g);
    doubles_store_part(loss + i, left, l);
    doubles_store_part(gradient + i, left, g);
  }
  return (n + XENT_DOUBLES - 1) / XENT_DOUBLES * XENT_DOUBLES - ignored;
}

/* A part of the numbers of a piece through double. */
XENT_SHARED int64_t focal_piece(const f64_binary *o, const binary_inputs *in, int64_t n, float *loss, float *gradient,
                                bool losses, bool gradients) {
  enum { PART = 128 };
  double x[PART], t[PART], w[PART], r[PART], l[PART], g[PART];
  int64_t counted = 0;
  for (int64_t i = 0; i < n; i += PART) {
    const int64_t part = n - i < PART ? n - i : PART;
    for (int64_t j = 0; j < part; j++) {
      x[j] = (double)in->x[i + j];
      t[j] = (double)in->t[i + j];
      w[j] = (double)in->w[i + j];
      r[j] = (double)in->r[i + j];
    }
    counted += f64_binary_piece(o, x, t, w, r, part, l, g);
    for (int64_t j = 0; losses && j < part; j++) loss[i + j] = (float)l[j];
    for (int64_t j = 0; gradients && j < part; j++) gradient[i + j] = (float)g[j];
  }
  return counted;
}

XENT_SHARED void binary_rows(const xent_call *call) {
  const binary o = binary_of(call->options);
  const f64_binary focal = f64_binary_of(call->options);
  const bool losses = call->losses || call->tally, gradients = call->output;
  binary_floats room;
  element_box boxes[3];
  const int count = boxes_of_rows(call, boxes);
  const bool many = call->tally && (call->row_end - call->row_begin) * call->shape->classes >= XENT_MANY_ELEMENTS;
  float_counters counters;
  if (many) memset(&counters, 0, sizeof counters);
  for (int i = 0; i < XENT_ELEMENTS; i++) room.w[i] = room.r[i] = 1;
  for (int i = 0; i < count; i++) {
    const binary_box b = binary_box_of(call, boxes[i]);
    const int64_t elements = elements_of(&b.box);
    for (int64_t k = 0; k < elements; k += XENT_ELEMENTS) {
      const int64_t n = f64_part(k, elements, XENT_ELEMENTS);
      const binary_inputs in = binary_inputs_of(&b, k, n, &room);
      float *loss = room_for_floats(&b.losses, k, room.loss);
      float *gradient = room_for_floats(&b.gradient, k, room.gradient);
      call->report->counted += focal.focal             ? focal_piece(&focal, &in, n, loss, gradient, losses, gradients)
                               : losses && gradients   ? binary_piece(&o, &in, n, loss, gradient, true, true)
                               : losses                ? binary_piece(&o, &in, n, loss, gradient, true, false)
                               : gradients             ? binary_piece(&o, &in, n, loss, gradient, false, true)
                                                       : binary_piece(&o, &in, n, loss, gradient, false, false);
      if (many) count_floats(call->tally, &counters, loss, n);
      for (int64_t j = 0; call->tally && !many && j < n; j++) tally_add_one(call->tally, loss[j]);
      store_floats(&b.box, &b.losses, k, n, loss);
      store_floats(&b.box, &b.gradient, k, n, gradient);
    }
  }
  if (many) empty_counters(call->tally, &counters);
}

/* ---- float64 ---- */

typedef struct {
  XENT_ALIGNED double x[XENT_ELEMENTS], t[XENT_ELEMENTS], w[XENT_ELEMENTS], r[XENT_ELEMENTS], loss[XENT_ELEMENTS],
      gradient[XENT_ELEMENTS];
} binary_doubles;

XENT_SHARED void f64_binary_rows(const xent_call *call) {
  const f64_binary o = f64_binary_of(call->options);
  const bool ignores = call->options->has_ignore_index;
  binary_doubles room;
  element_box boxes[3];
  const int count = boxes_of_rows(call, boxes);
  for (int i = 0; i < XENT_ELEMENTS; i++) room.w[i] = room.r[i] = 1;
  for (int i = 0; i < count; i++) {
    const binary_box b = binary_box_of(call, boxes[i]);
    const int64_t elements = elements_of(&b.box);
    for (int64_t k = 0; k < elements; k += XENT_ELEMENTS) {
      const int64_t n = f64_part(k, elements, XENT_ELEMENTS);
      const double *x = load_doubles(&b.box, &b.x, k, n, room.x), *w = room.w, *r = room.r, *t = room.t;
      if (b.weighted) w = load_doubles(&b.box, &b.w, k, n, room.w);
      if (b.positive) r = load_doubles(&b.box, &b.r, k, n, room.r);
      if (b.labels) {
        uint8_t positive[XENT_ELEMENTS], counted[XENT_ELEMENTS];
        gather_labels(&b, k, n, positive, counted);
        for (int64_t j = 0; j < n; j++) room.t[j] = positive[j];
        for (int64_t j = 0; ignores && j < n; j++) room.w[j] = counted[j] ? b.weighted ? w[j] : 1 : 0;
        if (ignores) w = room.w;
      } else {
        t = load_doubles(&b.box, &b.t, k, n, room.t);
      }
      double *loss = room_for_doubles(&b.losses, k, room.loss);
      double *gradient = room_for_doubles(&b.gradient, k, room.gradient);
      call->report->counted += f64_binary_piece(&o, x, t, w, r, n, loss, gradient);
      for (int64_t j = 0; call->tally && j < n; j++) tally_add_double(call->tally, loss[j]);
      store_doubles(&b.box, &b.losses, k, n, loss);
      store_doubles(&b.box, &b.gradient, k, n, gradient);
    }
  }
}

/* Labels are checked before anything is written. */
XENT_KERNEL xent_status binary_cross_entropy(const xent_call *call) {
  element_box boxes[3];
  const int count = has_binary_labels(call) ? boxes_of_rows(call, boxes) : 0;
  for (int i = 0; i < count; i++) {
    const binary_box b = binary_box_of(call, boxes[i]);
    if (has_wrong_label(&b)) return wrong_label(call);
  }
  if (call->wide)
    f64_binary_rows(call);
  else
    binary_rows(call);
  return XENT_OK;
}

#endif

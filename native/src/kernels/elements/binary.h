/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binary cross-entropy of logits (numerics.md, section 12), in float32 arithmetic, or in double if the logits are
 * double or the loss is focal. The numbers of an element come from sigmoid_parts.
 *   for each box, for each piece of 512 elements: loss and gradient of x, t, w, r, vector by vector
 * contract_binary (native/test/contract/binary.c) is the plain form.
 */
#ifndef XENT_ELEMENTS_BINARY_H
#define XENT_ELEMENTS_BINARY_H

#include "kernels/elements/f64_binary.h"
#include "kernels/elements/sigmoid.h"
#include "kernels/elements/walk.h"
#include "kernels/present.h"
#include "kernels/supported.h"

/* The constants of a call, in float. */
typedef struct {
  exp_references references;
  lanes alpha, beta, scale;
} binary;

XENT_INLINE binary binary_of(const xent_options *o) {
  const bool alpha = o->focal_alpha != 0;
  return (binary){.references = exp_everywhere(exp_reference_of(0, &temperature_1)),
                  .alpha = lanes_set(alpha ? (float)o->focal_alpha : 1),
                  .beta = lanes_set(alpha ? (float)(1 - o->focal_alpha) : 1),
                  .scale = lanes_set((float)gradient_scale_of(o))};
}

/* Losses and gradients of `count` vectors of elements with logits x, targets t, weights w and positive weights r. */
XENT_INLINE void binary_step(const binary *o, const lanes *x, const lanes *t, const lanes *w, const lanes *r,
                             lanes *loss, lanes *gradient, const int count) {
  const lanes zero = lanes_set(0), minus = lanes_set(-0.0f), one = lanes_set(1);
  const lanes unscale = lanes_set((float)XENT_UNSCALE);
  lanes e[XENT_BATCH_MAX], s[XENT_BATCH_MAX], l[XENT_BATCH_MAX];
  sigmoid_parts(x, e, s, l, count, &o->references, &temperature_1);
  XENT_STAGE({
    const lanes rest = lanes_sub(one, t[j]);
    const lanes W = lanes_mul(w[j], lanes_fma(o->alpha, t[j], lanes_mul(o->beta, rest)));
    const lanes A = lanes_mul(lanes_mul(W, r[j]), t[j]), B = lanes_mul(W, rest);
    const lanes P = lanes_where_above(zero, x[j], A, B), Q = lanes_where_above(zero, x[j], B, A);
    const lanes k = lanes_where_equal(P, zero, zero, lanes_mul(P, lanes_magnitude(x[j])));
    const lanes b = lanes_fma(lanes_mul(lanes_add(A, B), l[j]), unscale, k);
    const lanes g = lanes_fma(lanes_sub(minus, lanes_mul(Q, lanes_mul(e[j], s[j]))), unscale, lanes_mul(P, s[j]));
    const lanes slope = lanes_mul(lanes_where_above(zero, x[j], lanes_sub(minus, g), g), o->scale);
    loss[j] = lanes_quiet(lanes_where_equal(w[j], zero, zero, b));
    gradient[j] = lanes_quiet(lanes_where_equal(w[j], zero, zero, slope));
  });
}

/* The arrays of a box of a call. Absent arrays count as 1. */
typedef struct {
  const xent_call *call;
  element_box box;
  element_array x, t, w, r, losses, gradient;
  bool labels, weighted, positive;
} binary_box;

/* Elements have one target each, so target_count is ignored. */
XENT_INLINE bool has_binary_labels(const xent_call *call) {
  return XENT_TYPE_BIT(call->shape->targets.type) & XENT_LABEL_TYPES;
}

XENT_INLINE binary_box binary_box_of(const xent_call *call, element_box box) {
  const xent_shape *s = call->shape;
  binary_box b = {.call = call, .box = box, .labels = has_binary_labels(call),
                  .weighted = call->element_weights != NULL,
                  .positive = call->positive_weights != NULL};
  b.x = element_array_of(&box, call->logits, &s->logits);
  if (call->targets) b.t = element_array_of(&box, call->targets, &s->targets);
  if (b.weighted) b.w = element_array_of(&box, call->element_weights, &s->element_weights);
  if (b.positive) b.r = element_array_of(&box, call->positive_weights, &s->positive_weights);
  if (call->losses) b.losses = element_array_of(&box, call->losses, &s->losses);
  if (call->output) b.gradient = element_array_of(&box, call->output, call->output_layout);
  return b;
}

/* The kinds of labels: 0 or 1, not counted, or wrong. Wrong labels were rejected, unless memory changes meanwhile; then
 * they count as 0. */
enum { XENT_NOT_COUNTED = 2, XENT_WRONG_LABEL = 4 };

XENT_INLINE void label_kinds(const binary_box *b, int64_t at, int64_t n, uint8_t *restrict kinds, const int32_t type) {
  const int64_t ignored = b->call->options->ignore_index, step = step_of_run(&b->t);
  const bool ignores = ignores_a_class(b->call);
  for (int64_t j = 0; j < n; j++) {
    const int64_t label = load_label_at(b->t.array, type, at + j * step);
    const uint8_t kind = (uint64_t)label > 1 ? XENT_WRONG_LABEL : (uint8_t)label;
    kinds[j] = (ignores & (label == ignored)) ? XENT_NOT_COUNTED : kind;
  }
}
/* The kinds of contiguous bytes, in a loop that compilers vectorize. */
XENT_INLINE void byte_kinds(const binary_box *b, int64_t at, int64_t n, uint8_t *restrict kinds) {
  const uint8_t *restrict labels = (const uint8_t *)b->t.array + at;
  const int64_t ignored = b->call->options->ignore_index;
  const uint8_t same = (uint8_t)ignored;
  const bool any = ignores_a_class(b->call) && ignored == same;
  for (int64_t j = 0; j < n; j++) kinds[j] = labels[j] > 1 ? XENT_WRONG_LABEL : labels[j];
  for (int64_t j = 0; any && j < n; j++) kinds[j] = labels[j] == same ? XENT_NOT_COUNTED : kinds[j];
}
XENT_SHARED void load_kinds(const binary_box *b, int64_t k, int64_t n, uint8_t *restrict kinds) {
  const int32_t type = b->t.type;
  element_place p = element_place_of(&b->box, k);
  for (int64_t i = 0, at, run; i < n; i += run) {
    run = next_run(&b->box, &b->t, &p, n - i, &at);
    if (type == XENT_U8 && step_of_run(&b->t) == 1) byte_kinds(b, at, run, kinds + i);
    else if (type == XENT_U8) label_kinds(b, at, run, kinds + i, XENT_U8);
    else if (type == XENT_I32) label_kinds(b, at, run, kinds + i, XENT_I32);
    else if (type == XENT_I64) label_kinds(b, at, run, kinds + i, XENT_I64);
    else label_kinds(b, at, run, kinds + i, type);
  }
}

/* Finds the first label, in the order of rows, then of classes, that is not 0, 1 or the ignore index. */
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

/* Whether a box has a wrong label, in the order of memory; this does not find the first one. */
XENT_SHARED bool has_wrong_label(const binary_box *b) {
  const int64_t n = elements_of(&b->box);
  uint8_t kinds[XENT_ELEMENTS], wrong = 0;
  for (int64_t k = 0; k < n; k += XENT_ELEMENTS) {
    const int64_t part = f64_part(k, n, XENT_ELEMENTS);
    load_kinds(b, k, part, kinds);
    for (int64_t j = 0; j < part; j++) wrong |= kinds[j] == XENT_WRONG_LABEL;
  }
  return wrong;
}

/* ---- a piece ---- */

typedef struct {
  element_buffer x, t, w, r, loss, gradient;
} binary_buffers;

/* The inputs of a piece, in place or in the buffers. */
typedef struct {
  const void *x, *t, *w, *r;
} binary_inputs;

/* Sets number i of a buffer to 0, or to number i of another buffer of the same arithmetic, which may be the same one;
 * NULL: 1. */
XENT_INLINE void set_element(element_buffer *b, int64_t i, int32_t any, const void *from, const bool wide) {
  if (wide)
    b->doubles[i] = !from ? any : any ? ((const double *)from)[i] : 0;
  else
    b->floats[i] = !from ? (float)any : any ? ((const float *)from)[i] : 0;
}

XENT_INLINE binary_inputs binary_inputs_of(const binary_box *b, int64_t k, int64_t n, binary_buffers *room,
                                           const bool wide) {
  binary_inputs in = {.x = load_elements(&b->box, &b->x, k, n, &room->x, wide), .t = &room->t, .w = &room->w,
                      .r = &room->r};
  if (b->weighted) in.w = load_elements(&b->box, &b->w, k, n, &room->w, wide);
  if (b->positive) in.r = load_elements(&b->box, &b->r, k, n, &room->r, wide);
  if (!b->labels) {
    in.t = load_elements(&b->box, &b->t, k, n, &room->t, wide);
    return in;
  }
  uint8_t kinds[XENT_ELEMENTS];
  load_kinds(b, k, n, kinds);
  for (int64_t i = 0; i < n; i++) set_element(&room->t, i, kinds[i] & 1, NULL, wide);
  if (!b->call->options->has_ignore_index) return in;
  for (int64_t i = 0; i < n; i++)
    set_element(&room->w, i, kinds[i] != XENT_NOT_COUNTED, b->weighted ? in.w : NULL, wide);
  in.w = &room->w;
  return in;
}

/* Elements [i, n), at most `count` vectors of them; whole: there are `count` whole vectors. Returns the number of
 * elements that are not counted. */
XENT_INLINE int64_t binary_part(const binary *o, const binary_inputs *in, int64_t i, int64_t n, float *loss,
                                float *gradient, const bool losses, const bool gradients, const bool whole,
                                const int count) {
  const float *from[4] = {(const float *)in->w + i, (const float *)in->x + i, (const float *)in->t + i,
                          (const float *)in->r + i};
  lanes v[4][XENT_BATCH_MAX], l[XENT_BATCH_MAX], g[XENT_BATCH_MAX];
  int64_t ignored = 0;
  XENT_UNROLL(4)
  for (int k = 0; k < 4; k++)
    XENT_STAGE(v[k][j] = whole ? lanes_load(from[k] + j * XENT_LANES) : lanes_load_part(from[k], n - i, 0));
  XENT_STAGE(ignored += __builtin_popcount(lanes_bits_equal(v[0][j], lanes_set(0))));
  binary_step(o, v[1], v[2], v[0], v[3], l, g, count);
  if (losses)
    XENT_STAGE(whole ? lanes_store(loss + i + j * XENT_LANES, l[j]) : lanes_store_part(loss + i, n - i, l[j]));
  if (gradients)
    XENT_STAGE(whole ? lanes_store(gradient + i + j * XENT_LANES, g[j]) : lanes_store_part(gradient + i, n - i, g[j]));
  return ignored;
}
/* Computes a piece. Returns the number of counted elements. */
XENT_INLINE int64_t binary_piece(const binary *o, const binary_inputs *in, int64_t n, float *loss, float *gradient,
                                 const bool losses, const bool gradients) {
  enum { AT_ONCE = XENT_SIGMOID_VECTORS * XENT_LANES };
  int64_t ignored = 0, i = 0;
  for (; n - i >= AT_ONCE; i += AT_ONCE)
    ignored += binary_part(o, in, i, n, loss, gradient, losses, gradients, true, XENT_SIGMOID_VECTORS);
  for (; i < n; i += XENT_LANES) ignored += binary_part(o, in, i, n, loss, gradient, losses, gradients, false, 1);
  return (n + XENT_LANES - 1) / XENT_LANES * XENT_LANES - ignored;
}

XENT_SHARED int64_t f64_binary_piece(const f64_binary *o, const binary_inputs *in, int64_t n, double *loss,
                                     double *gradient) {
  const double *x = in->x, *t = in->t, *w = in->w, *r = in->r;
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

/* Computes floats in double, a part at a time. */
XENT_SHARED int64_t focal_piece(const f64_binary *o, const binary_inputs *in, int64_t n, float *loss, float *gradient,
                                bool losses, bool gradients) {
  enum { PART = 128 };
  const float *from[4] = {in->x, in->t, in->w, in->r};
  double v[4][PART], l[PART], g[PART];
  const binary_inputs wide = {.x = v[0], .t = v[1], .w = v[2], .r = v[3]};
  int64_t counted = 0;
  for (int64_t i = 0; i < n; i += PART) {
    const int64_t part = f64_part(i, n, PART);
    for (int k = 0; k < 4; k++)
      for (int64_t j = 0; j < part; j++) v[k][j] = (double)from[k][i + j];
    counted += f64_binary_piece(o, &wide, part, l, g);
    for (int64_t j = 0; losses && j < part; j++) loss[i + j] = (float)l[j];
    for (int64_t j = 0; gradients && j < part; j++) gradient[i + j] = (float)g[j];
  }
  return counted;
}

/* ---- all of them ---- */

XENT_INLINE void binary_rows(const xent_call *call, const bool wide) {
  const binary o = binary_of(call->options);
  const f64_binary exact = f64_binary_of(call->options);
  const bool losses = call->losses || call->exact_sum, gradients = call->output;
  binary_buffers room;
  element_box boxes[3];
  const int count = boxes_of_rows(call, boxes);
  const int64_t all = (call->row_end - call->row_begin) * call->shape->classes;
  const bool many = !wide && call->exact_sum && all >= XENT_MANY_ELEMENTS;
  float_counters counters;
  if (many) memset(&counters, 0, sizeof counters);
  for (int64_t i = 0; i < f64_part(0, all, XENT_ELEMENTS); i++) {
    set_element(&room.w, i, 1, NULL, wide);
    set_element(&room.r, i, 1, NULL, wide);
  }
  for (int i = 0; i < count; i++) {
    const binary_box b = binary_box_of(call, boxes[i]);
    const int64_t elements = elements_of(&b.box);
    for (int64_t k = 0; k < elements; k += XENT_ELEMENTS) {
      const int64_t n = f64_part(k, elements, XENT_ELEMENTS);
      const binary_inputs in = binary_inputs_of(&b, k, n, &room, wide);
      void *loss = room_for_elements(&b.losses, k, &room.loss, wide);
      void *gradient = room_for_elements(&b.gradient, k, &room.gradient, wide);
      call->report->valid_rows += wide                  ? f64_binary_piece(&exact, &in, n, loss, gradient)
                               : exact.focal         ? focal_piece(&exact, &in, n, loss, gradient, losses, gradients)
                               : losses && gradients ? binary_piece(&o, &in, n, loss, gradient, true, true)
                               : gradients           ? binary_piece(&o, &in, n, loss, gradient, false, true)
                                                     : binary_piece(&o, &in, n, loss, gradient, true, false);
      if (many) count_floats(call->exact_sum, &counters, loss, n);
      for (int64_t j = 0; call->exact_sum && !many && j < n; j++)
        if (wide)
          exact_sum_add_double(call->exact_sum, ((const double *)loss)[j]);
        else
          exact_sum_add_one(call->exact_sum, ((const float *)loss)[j]);
      store_elements(&b.box, &b.losses, k, n, &room.loss, wide);
      store_elements(&b.box, &b.gradient, k, n, &room.gradient, wide);
    }
  }
  if (many) empty_counters(call->exact_sum, &counters);
}
XENT_SHARED void f32_binary_rows(const xent_call *call) { binary_rows(call, false); }
XENT_SHARED void f64_binary_rows(const xent_call *call) { binary_rows(call, true); }

/* Labels are checked before the first store. */
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
    f32_binary_rows(call);
  return XENT_OK;
}

#endif

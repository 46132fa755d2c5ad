/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second pass over classes of a row: y = fma(v - m, f, b). If v is e(x; N), computed again or kept, m is 0 and y is
 * a probability (b = -0: fma(e, f, -0) is e f bit for bit) or a gradient (b = -c t). If v is x, m is the maximum and y
 * is log-softmax, with f = 1 / temperature and b = -D.
 */
#ifndef XENT_EMIT_H
#define XENT_EMIT_H

#include "kernels/stages/load/row_source.h"
#include "kernels/stages/sum/target_sums.h"

/* Makes NaN canonical, with one compare for two vectors, because a NaN is rare. */
XENT_INLINE void quiet_pair(lanes v[2]) {
  if (__builtin_expect(!lanes_any_nan(v[0], v[1]), 1)) return;
  v[0] = lanes_quiet(v[0]);
  v[1] = lanes_quiet(v[1]);
}

/* The constants for classes of a row. */
typedef struct {
  exp_references references;
  const f32_temperature *temperature;
  float less, f, b;   /* less: subtracted from logits for log-softmax */
  bool tiny;          /* f and b are scaled by 2^96 */
  const class_targets *targets; /* of each class, with b = -(t * scale); or NULL: b is constant */
  float scale;
  int64_t begin;      /* the class of the targets for the first number */
} emission;

/* Whether targets differ between classes, and are contiguous floats. */
enum { XENT_EMIT_SAME, XENT_EMIT_TARGETS, XENT_EMIT_FLOATS };
XENT_INLINE int emission_kind(const emission *m) {
  return !m->targets ? XENT_EMIT_SAME : targets_are_floats(m->targets) ? XENT_EMIT_FLOATS : XENT_EMIT_TARGETS;
}

/* The input: the e of a row (for log-softmax its logits), or logits of which e is computed again. */
typedef enum { XENT_FROM_E, XENT_FROM_LOGITS } emit_source;

/* The results from number i on. With targets, every NaN becomes the canonical one. */
XENT_INLINE lanes emitted(const emission *m, const class_targets *t, lanes e, int64_t i, int64_t n, const int kind) {
  lanes b = lanes_set(m->b);
  if (kind != XENT_EMIT_SAME) {
    b = kind == XENT_EMIT_FLOATS ? target_floats(t, m->begin + i, n, t->q.at, t->w.at)
                                 : target_lanes(t, m->begin + i, n);
    b = class_pull(b, lanes_set(m->scale));
  }
  lanes y = class_line(e, lanes_set(m->f), b);
  if (m->tiny) y = lanes_mul(y, lanes_set(XENT_TINY_UNSCALE));
  return kind != XENT_EMIT_SAME ? lanes_quiet(y) : y;
}

/* `count` vectors from class i on; n classes are left. */
XENT_INLINE void emit_vectors(const emission *m, const f32_temperature *h, const class_targets *t, lanes *v, float *y,
                              int64_t i, int64_t n, const int count, const emit_source from, const int kind,
                              const bool stream) {
  if (from == XENT_FROM_LOGITS) exp_lanes(v, count, &m->references, false, h);
  XENT_UNROLL(2)
  for (int j = 0; j < count; j++) {
    const int64_t at = i + j * XENT_LANES;
    const lanes e = from == XENT_FROM_E ? lanes_sub(v[j], lanes_set(m->less)) : v[j]; /* e - 0 is e */
    const lanes w = emitted(m, t, e, at, n - j * XENT_LANES, kind);
    if (count > 1)
      put(y + at, w, stream);
    else
      lanes_store_part(y + at, n, w);
  }
}
/* Writes n classes from floats to floats, in the same or another array. */
XENT_INLINE void emit_floats(const emission *of, const float *x, float *y, int64_t n, const emit_source from,
                             const int kind, const bool stream) {
  const emission own = *of, *m = &own; /* a copy that no store to y can change, like h */
  const f32_temperature h = *of->temperature;
  const class_targets targets = kind == XENT_EMIT_SAME ? (class_targets){.add = 0} : *m->targets, *t = &targets;
  int64_t i = stream ? stream_head(y, n) : 0;
  if (i > 0) {
    lanes v[1] = {lanes_load_part(x, i, 0.0f)};
    emit_vectors(m, &h, t, v, y, 0, i, 1, from, kind, false);
  }
  for (; i + 2 * XENT_LANES <= n; i += 2 * XENT_LANES) {
    lanes v[2] = {lanes_load(x + i), lanes_load(x + i + XENT_LANES)};
    emit_vectors(m, &h, t, v, y, i, n - i, 2, from, kind, stream);
  }
  for (; i < n; i += XENT_LANES) {
    lanes v[1] = {lanes_load_part(x + i, n - i, 0.0f)};
    emit_vectors(m, &h, t, v, y, i, n - i, 1, from, kind, false);
  }
}
XENT_INLINE void emit_same(const emission *m, const float *x, float *y, int64_t n, const emit_source from,
                           bool stream) {
  if (stream)
    emit_floats(m, x, y, n, from, XENT_EMIT_SAME, true);
  else
    emit_floats(m, x, y, n, from, XENT_EMIT_SAME, false);
}
XENT_INLINE void emit_as(const emission *m, const float *x, float *y, int64_t n, const emit_source from, bool stream) {
  if (stream) prefetch_pages(y, n);
  switch (emission_kind(m)) {
    case XENT_EMIT_FLOATS: emit_floats(m, x, y, n, from, XENT_EMIT_FLOATS, false); break;
    case XENT_EMIT_TARGETS: emit_floats(m, x, y, n, from, XENT_EMIT_TARGETS, false); break;
    default: emit_same(m, x, y, n, from, stream);
  }
}
XENT_SHARED void emit_again(const emission *m, const float *x, float *y, int64_t n, bool stream) {
  emit_as(m, x, y, n, XENT_FROM_LOGITS, stream);
}
XENT_SHARED void emit_given(const emission *m, const float *e, float *y, int64_t n, bool stream) {
  emit_as(m, e, y, n, XENT_FROM_E, stream);
}

/* Scales all e of a row to the last N of its chunk: earlier e have lower N. */
XENT_SHARED void settle(const chunk_progress *c, const float *x, float *e, const f32_temperature *h) {
  const emission m = {
      .references = exp_everywhere(exp_reference_of(c->reference, h)), .temperature = h, .f = 1, .b = -0.0f};
  emit_again(&m, x, e, c->settled, false);
}

/* Stores (v - less) f + b of n contiguous numbers in the layout and type of the tensor. */
XENT_SHARED void put_lines(const strided *s, int64_t begin, int64_t n, const float *v, float less, float f, float b,
                           bool stream) {
  char *at = (char *)(uintptr_t)s->at + (s->stride == 1 ? begin * size_of_float(s->type) : 0);
  uint16_t *halves = (uint16_t *)(void *)at;
  const int32_t type = s->type;
  const lanes minus = lanes_set(less), fs = lanes_set(f), bs = lanes_set(b);
  int64_t i = 0;
#define XENT_NUMBERS(k) log_probability(lanes_load(v + (k)), minus, fs, bs)
  const bool past = stream && s->stride == 1 && (uintptr_t)at % XENT_STREAM_ALIGNMENT == 0;
  for (; past && type == XENT_F32 && i + XENT_LANES <= n; i += XENT_LANES)
    lanes_stream((float *)(void *)at + i, XENT_NUMBERS(i));
  for (; s->stride == 1 && type == XENT_F32 && i + XENT_LANES <= n; i += XENT_LANES)
    lanes_store((float *)(void *)at + i, XENT_NUMBERS(i));
  for (; s->stride == 1 && type != XENT_F32 && i + 2 * XENT_LANES <= n; i += 2 * XENT_LANES) {
    lanes two[2] = {XENT_NUMBERS(i), XENT_NUMBERS(i + XENT_LANES)};
    quiet_pair(two);
    if (type == XENT_BF16)
      lanes_store_numbers_bf16(halves + i, two[0], two[1], past);
    else
      lanes_store_numbers_f16(halves + i, two[0], two[1], past);
  }
  if (s->stride == 1 && type != XENT_F32 && n >= XENT_LANES) { /* the last whole vector covers the rest */
    for (; i < n; i += XENT_LANES) {
      const int64_t k = i + XENT_LANES <= n ? i : n - XENT_LANES;
      if (type == XENT_BF16)
        lanes_store_bf16(halves + k, XENT_NUMBERS(k));
      else
        lanes_store_f16(halves + k, XENT_NUMBERS(k));
    }
    return;
  }
  for (; i < n; i += XENT_LANES)
    strided_store(s, begin + i, n - i, log_probability(lanes_load_part(v + i, n - i, 0.0f), minus, fs, bs));
#undef XENT_NUMBERS
}
/* Stores floats as lines: (v - 0) 1 - 0 is v. */
XENT_SHARED void put_floats(const strided *s, int64_t begin, int64_t n, const float *v, bool stream) {
  if (is_direct(s) && (const float *)(const void *)s->at + begin == v) return;
  put_lines(s, begin, n, v, 0.0f, 1.0f, -0.0f, stream);
}

/* ---- rows in place, of one type, masked or of 16-bit floats ---- */

/* Whether n classes can be written in place, so that a copy is only overhead. */
XENT_INLINE bool layouts_agree(const row_source *x, const strided *y, int64_t n) {
  return x->cap == 0 && (x->mask ? x->mask_stride == 1 : y->type != XENT_F32) && x->x.type == y->type &&
         x->x.stride == 1 && y->stride == 1 && n >= 2 * XENT_LANES;
}
/* Two vectors; for bfloat16 without a mask in the order of lanes_load_pair_bf16. */
XENT_INLINE void take_pair(const void *x, const bool masked, int64_t i, const int32_t type, lanes v[2]) {
  if (type == XENT_BF16 && !masked) {
    lanes_load_pair_bf16((const uint16_t *)x + i, v);
    return;
  }
  XENT_UNROLL(2)
  for (int k = 0; k < 2; k++) v[k] = whole_lanes(x, i + k * XENT_LANES, type);
}
XENT_INLINE void put_pair(void *to, int64_t i, const lanes v[2], const int32_t type, const bool masked,
                          const bool stream) {
  if (type == XENT_F32) {
    put((float *)to + i, v[0], stream);
    put((float *)to + i + XENT_LANES, v[1], stream);
  } else if (type == XENT_BF16 && masked) {
    lanes_store_numbers_bf16((uint16_t *)to + i, v[0], v[1], stream);
  } else if (type == XENT_BF16) {
    lanes_store_pair_bf16((uint16_t *)to + i, v, stream);
  } else {
    lanes_store_numbers_f16((uint16_t *)to + i, v[0], v[1], stream);
  }
}
XENT_INLINE void emit_pair(const emission *m, const f32_temperature *h, const void *x, const uint8_t *mask, int64_t i,
                           const int32_t type, lanes v[2]) {
  take_pair(x, mask, i, type, v);
  exp_lanes(v, 2, &m->references, false, h);
  XENT_UNROLL(2)
  for (int k = 0; k < 2; k++) {
    v[k] = emitted(m, NULL, v[k], 0, XENT_LANES, XENT_EMIT_SAME);
    if (mask) v[k] = lanes_where_set(mask + i + k * XENT_LANES, v[k], lanes_set(0.0f));
  }
}
/* The last two vectors are computed first, because y may be x. */
XENT_INLINE void emit_straight_as(const emission *from, const void *x, const uint8_t *mask, void *y, int64_t n,
                                  const int32_t type, bool stream) {
  const emission own = *from; /* a copy that no store to y can change, like h */
  const f32_temperature h = *from->temperature;
  lanes last[2], v[2];
  emit_pair(&own, &h, x, mask, n - 2 * XENT_LANES, type, last);
  for (int64_t i = 0; i + 2 * XENT_LANES <= n; i += 2 * XENT_LANES) {
    emit_pair(&own, &h, x, mask, i, type, v);
    put_pair(y, i, v, type, mask, stream);
  }
  put_pair(y, n - 2 * XENT_LANES, last, type, mask, false);
}
XENT_INLINE void emit_straight_type(const emission *m, const void *x, const uint8_t *mask, void *y, int64_t n,
                                    const int32_t type, bool stream) {
  if (mask)
    emit_straight_as(m, x, mask, y, n, type, stream);
  else if (type != XENT_F32)
    emit_straight_as(m, x, NULL, y, n, type, stream);
}
/* Writes n classes from `begin` on, if no result is NaN; masked ones are +0. */
XENT_SHARED void emit_straight(const emission *m, const row_source *from, const strided *to, int64_t begin, int64_t n,
                               bool stream) {
  const int64_t offset = begin * size_of_float(to->type);
  const void *x = from->x.at + offset;
  const uint8_t *mask = from->mask ? from->mask + begin : NULL;
  char *y = (char *)(uintptr_t)to->at + offset;
  const bool past = stream && (uintptr_t)y % XENT_STREAM_ALIGNMENT == 0;
  switch (to->type) {
    case XENT_F32: emit_straight_type(m, x, mask, y, n, XENT_F32, past); break;
    case XENT_BF16: emit_straight_type(m, x, mask, y, n, XENT_BF16, past); break;
    default: emit_straight_type(m, x, mask, y, n, XENT_F16, past);
  }
}

/* Every NaN becomes the canonical one. */
XENT_INLINE void quiet_values(float *y, int64_t n) {
  for (int64_t i = 0; i < n; i += XENT_LANES)
    lanes_store_part(y + i, n - i, lanes_quiet(lanes_load_part(y + i, n - i, 0.0f)));
}

#endif

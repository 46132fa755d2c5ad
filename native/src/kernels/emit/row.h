/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second pass over classes of a row: y = fma(e(x; N), f, b), which is a probability (b = -0: fma(e, f, -0) is e f bit
 * for bit) or a gradient (b = -c t). e is computed again, or was kept. A factor below the normal floats is carried 2^96
 * times larger and the result scaled back. Log-softmax: y = fma(x - M, r, -D).
 */
#ifndef XENT_EMIT_ROW_H
#define XENT_EMIT_ROW_H

#include "kernels/load/row.h"
#include "kernels/sum/targets.h"

#define XENT_TINY_SCALE 0x1p96
#define XENT_TINY_UNSCALE 0x1p-96f

/* How many floats lie before the first aligned store; at most n. */
XENT_INLINE int64_t stream_head(const float *y, int64_t n) {
  const int64_t head = (int64_t)(-(uintptr_t)y & (XENT_STREAM_ALIGNMENT - 1)) / (int64_t)sizeof *y;
  return head < n ? head : n;
}

/* A store waits until the page that it goes to is looked up, and a streamed one holds up all behind it. So
 * the pages of n floats are looked up a chunk ahead; y may end before that, as a prefetch may. */
XENT_INLINE void prefetch_pages(const float *y, int64_t n) {
  const uintptr_t ahead = (uintptr_t)y + XENT_PAGES_AHEAD * XENT_PAGE;
  for (int64_t i = 0; i < n; i += XENT_PAGE_FLOATS)
    __builtin_prefetch((const void *)(ahead + (uintptr_t)i * sizeof *y), 0, 0);
}

XENT_INLINE void put(float *y, lanes v, const bool stream) {
  if (__builtin_expect(stream, 0))
    lanes_stream(y, v);
  else
    lanes_store(y, v);
}

/* One compare for two vectors: a NaN is rare. */
XENT_INLINE void quiet_pair(lanes v[2]) {
  if (__builtin_expect(!lanes_any_nan(v[0], v[1]), 1)) return;
  v[0] = lanes_quiet(v[0]);
  v[1] = lanes_quiet(v[1]);
}

/* What classes of a row are written with. */
typedef struct {
  exp_references references;
  const heat *heat;
  float f, b;
  bool tiny;          /* f and b carry 2^96 */
  const class_targets *targets; /* of each class, b being -(t * scale); or NULL: b is the same */
  float scale;
  int64_t begin;      /* which class of the targets the first one is */
} emission;

/* Whether targets differ from class to class, and are floats side by side. */
enum { XENT_EMIT_SAME, XENT_EMIT_TARGETS, XENT_EMIT_FLOATS };
XENT_INLINE int emission_kind(const emission *m) {
  return !m->targets ? XENT_EMIT_SAME : targets_are_floats(m->targets) ? XENT_EMIT_FLOATS : XENT_EMIT_TARGETS;
}

/* Of number i on. With targets every NaN becomes the canonical one. */
XENT_INLINE lanes emitted(const emission *m, const class_targets *t, lanes e, int64_t i, int64_t n, const int kind) {
  lanes b = lanes_set(m->b);
  if (kind != XENT_EMIT_SAME) {
    b = kind == XENT_EMIT_FLOATS ? target_floats(t, m->begin + i, n, t->q.at, t->w.at) : target_lanes(t, m->begin + i, n);
    b = lanes_sub(lanes_set(-0.0f), lanes_mul(b, lanes_set(m->scale)));
  }
  lanes y = lanes_fma(e, lanes_set(m->f), b);
  if (m->tiny) y = lanes_mul(y, lanes_set(XENT_TINY_UNSCALE));
  return kind != XENT_EMIT_SAME ? lanes_quiet(y) : y;
}

/* n classes from floats to floats. kept: x is e already, and has room for whole vectors. */
XENT_INLINE void emit_floats(const emission *from, const float *x, float *y, int64_t n, const bool kept,
                             const int kind, const bool stream) {
  const emission own = *from, *m = &own; /* which no store to y can change, as little as the heat */
  const heat h = *from->heat;
  const class_targets targets = kind == XENT_EMIT_SAME ? (class_targets){.add = 0} : *m->targets, *t = &targets;
  int64_t i = stream ? stream_head(y, n) : 0;
  if (i > 0) {
    lanes head[1] = {lanes_load_part(x, i, 0.0f)};
    if (!kept) exp_lanes(head, 1, &m->references, false, &h);
    lanes_store_part(y, i, emitted(m, t, head[0], 0, i, kind));
  }
  for (; i + 2 * XENT_LANES <= n; i += 2 * XENT_LANES) {
    lanes v[2] = {lanes_load(x + i), lanes_load(x + i + XENT_LANES)};
    if (!kept) exp_lanes(v, 2, &m->references, false, &h);
    XENT_UNROLL(2)
    for (int j = 0; j < 2; j++)
      put(y + i + j * XENT_LANES, emitted(m, t, v[j], i + j * XENT_LANES, XENT_LANES, kind), stream);
  }
  for (; i < n; i += XENT_LANES) {
    lanes v[1] = {kept && !stream ? lanes_load(x + i) : lanes_load_part(x + i, n - i, 0.0f)}; /* kept: whole vectors from 0 on */
    if (!kept) exp_lanes(v, 1, &m->references, false, &h);
    lanes_store_part(y + i, n - i, emitted(m, t, v[0], i, n - i, kind));
  }
}
XENT_INLINE void emit_as(const emission *m, const float *x, float *y, int64_t n, const bool kept, bool stream) {
  if (stream) prefetch_pages(y, n);
  switch (emission_kind(m)) {
    case XENT_EMIT_FLOATS: emit_floats(m, x, y, n, kept, XENT_EMIT_FLOATS, false); break;
    case XENT_EMIT_TARGETS: emit_floats(m, x, y, n, kept, XENT_EMIT_TARGETS, false); break;
    default:
      stream ? emit_floats(m, x, y, n, kept, XENT_EMIT_SAME, true) : emit_floats(m, x, y, n, kept, XENT_EMIT_SAME, false);
  }
}
XENT_SHARED void emit_again(const emission *m, const float *x, float *y, int64_t n, bool stream) {
  emit_as(m, x, y, n, false, stream);
}
XENT_SHARED void emit_kept(const emission *m, const float *e, float *y, int64_t n, bool stream) {
  emit_as(m, e, y, n, true, stream);
}

/* The same with the classes' part of the entropy, which has whole groups but at the end of a chunk. y: or NULL. */
XENT_INLINE void emit_entropy_as(const emission *from, const float *x, float *y, int64_t n, float max, product_sum *s, const int kind,
                                 bool stream) {
  const emission own = *from, *m = &own; /* which no store to y can change, as little as the heat */
  const heat h = *from->heat;
  const class_targets targets = kind == XENT_EMIT_SAME ? (class_targets){.add = 0} : *m->targets;
  const lanes M = lanes_set(max);
  for (int64_t i = 0; i < n; i += XENT_GROUP) {
    lanes twos[XENT_GROUP_VECTORS / 2];
    XENT_UNROLL(1) /* all four are 60 KB in a library, and AVX-512 gains 7 % */
    for (int k = 0; k < XENT_GROUP_VECTORS / 2; k++) {
      const int64_t begin = i + 2 * k * XENT_LANES;
      lanes v[2], e[2];
      XENT_UNROLL(2)
      for (int j = 0; j < 2; j++) {
        const int64_t at = begin + j * XENT_LANES;
        v[j] = e[j] = n - at >= XENT_LANES ? lanes_load(x + at) : lanes_load_part(x + (at < n ? at : 0), n - at, -INFINITY);
      }
      exp_lanes(e, 2, &m->references, false, &h);
      XENT_UNROLL(2)
      for (int j = 0; j < 2; j++) {
        const int64_t at = begin + j * XENT_LANES;
        v[j] = entropy_lanes(v[j], e[j], M, m->references.lowest);
        if (!y || at >= n) continue;
        e[j] = emitted(m, &targets, e[j], at, n - at, kind);
        if (n - at >= XENT_LANES)
          put(y + at, e[j], stream);
        else
          lanes_store_part(y + at, n - at, e[j]);
      }
      twos[k] = lanes_add(v[0], v[1]);
    }
    s->group = sum_of_four_vectors(twos);
    s->sum = dlanes_add(s->sum, dlanes_widen(s->group));
  }
}
XENT_SHARED void emit_entropy(const emission *m, const float *x, float *y, int64_t n, float max, product_sum *s, bool stream) {
  if (stream && y) prefetch_pages(y, n);
  switch (y ? emission_kind(m) : XENT_EMIT_SAME) {
    case XENT_EMIT_FLOATS: emit_entropy_as(m, x, y, n, max, s, XENT_EMIT_FLOATS, false); break;
    case XENT_EMIT_TARGETS: emit_entropy_as(m, x, y, n, max, s, XENT_EMIT_TARGETS, false); break;
    default: emit_entropy_as(m, x, y, n, max, s, XENT_EMIT_SAME, stream && (uintptr_t)y % XENT_STREAM_ALIGNMENT == 0);
  }
}

XENT_INLINE lanes log_probability(lanes x, lanes max, lanes r, lanes minus_distance) {
  return lanes_fma(lanes_sub(x, max), r, minus_distance);
}
XENT_INLINE void emit_log_floats(const float *x, float *y, int64_t n, lanes max, lanes r, lanes minus_distance, const bool stream) {
  int64_t i = stream ? stream_head(y, n) : 0;
  if (i > 0) lanes_store_part(y, i, log_probability(lanes_load_part(x, i, 0.0f), max, r, minus_distance));
  for (; i + XENT_LANES <= n; i += XENT_LANES) put(y + i, log_probability(lanes_load(x + i), max, r, minus_distance), stream);
  if (i < n) lanes_store_part(y + i, n - i, log_probability(lanes_load_part(x + i, n - i, 0.0f), max, r, minus_distance));
}
XENT_SHARED void emit_log(const float *x, float *y, int64_t n, float max, float r, float minus_distance, bool stream) {
  if (stream) prefetch_pages(y, n);
  if (stream)
    emit_log_floats(x, y, n, lanes_set(max), lanes_set(r), lanes_set(minus_distance), true);
  else
    emit_log_floats(x, y, n, lanes_set(max), lanes_set(r), lanes_set(minus_distance), false);
}

/* v f + b of n numbers side by side, to where and how the tensor wants them. */
XENT_SHARED void put_lines(const strand *s, int64_t begin, int64_t n, const float *v, float f, float b, bool stream) {
  char *at = (char *)(uintptr_t)s->at + (s->stride == 1 ? begin * size_of_float(s->type) : 0);
  uint16_t *halves = (uint16_t *)(void *)at;
  const int32_t type = s->type;
  const lanes fs = lanes_set(f), bs = lanes_set(b);
  int64_t i = 0;
#define XENT_NUMBERS(k) lanes_fma(lanes_load(v + (k)), fs, bs)
  const bool past = stream && s->stride == 1 && (uintptr_t)at % XENT_STREAM_ALIGNMENT == 0;
  for (; past && type == XENT_F32 && i + XENT_LANES <= n; i += XENT_LANES) lanes_stream((float *)(void *)at + i, XENT_NUMBERS(i));
  for (; s->stride == 1 && type == XENT_F32 && i + XENT_LANES <= n; i += XENT_LANES) lanes_store((float *)(void *)at + i, XENT_NUMBERS(i));
  for (; s->stride == 1 && type != XENT_F32 && i + 2 * XENT_LANES <= n; i += 2 * XENT_LANES) {
    lanes pair[2] = {XENT_NUMBERS(i), XENT_NUMBERS(i + XENT_LANES)};
    quiet_pair(pair);
    if (type == XENT_BF16)
      lanes_store_numbers_bf16(halves + i, pair[0], pair[1], past);
    else
      lanes_store_numbers_f16(halves + i, pair[0], pair[1], past);
  }
  if (s->stride == 1 && type != XENT_F32 && n >= XENT_LANES) { /* the rest by the last whole vector */
    for (; i < n; i += XENT_LANES) {
      const int64_t k = i + XENT_LANES <= n ? i : n - XENT_LANES;
      if (type == XENT_BF16)
        lanes_store_bf16(halves + k, XENT_NUMBERS(k));
      else
        lanes_store_f16(halves + k, XENT_NUMBERS(k));
    }
    return;
  }
  for (; i < n; i += XENT_LANES) strand_store(s, begin + i, n - i, lanes_fma(lanes_load_part(v + i, n - i, 0.0f), fs, bs));
#undef XENT_NUMBERS
}
/* v 1 - 0 is v. */
XENT_SHARED void put_floats(const strand *s, int64_t begin, int64_t n, const float *v, bool stream) {
  if (!is_direct(s) || (const float *)(const void *)s->at + begin != v) put_lines(s, begin, n, v, 1.0f, -0.0f, stream);
}

/* ---- rows as they lie, of one type both, masked or of 16-bit floats ---- */

/* Whether n classes can be written as they lie, and a copy would be in the way. */
XENT_INLINE bool lie_alike(const row_source *x, const strand *y, int64_t n) {
  return x->cap == 0 && (x->mask ? x->mask_stride == 1 : y->type != XENT_F32) && x->x.type == y->type && x->x.stride == 1 &&
         y->stride == 1 && n >= 2 * XENT_LANES;
}
/* Two vectors; of bfloat16 without a mask in the order of lanes_load_pair_bf16. */
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
XENT_INLINE void emit_pair(const emission *m, const heat *h, const void *x, const uint8_t *mask, int64_t i, const int32_t type, lanes v[2]) {
  take_pair(x, mask, i, type, v);
  exp_lanes(v, 2, &m->references, false, h);
  XENT_UNROLL(2)
  for (int k = 0; k < 2; k++) {
    v[k] = emitted(m, NULL, v[k], 0, XENT_LANES, XENT_EMIT_SAME);
    if (mask) v[k] = lanes_where_set(mask + i + k * XENT_LANES, v[k], lanes_set(0.0f));
  }
}
/* The last two vectors are computed first: y may be x. */
XENT_INLINE void emit_straight_as(const emission *from, const void *x, const uint8_t *mask, void *y, int64_t n, const int32_t type, bool stream) {
  const emission own = *from; /* which no store to y can change, as little as the heat */
  const heat h = *from->heat;
  lanes last[2], v[2];
  emit_pair(&own, &h, x, mask, n - 2 * XENT_LANES, type, last);
  for (int64_t i = 0; i + 2 * XENT_LANES <= n; i += 2 * XENT_LANES) {
    emit_pair(&own, &h, x, mask, i, type, v);
    put_pair(y, i, v, type, mask, stream);
  }
  put_pair(y, n - 2 * XENT_LANES, last, type, mask, false);
}
XENT_INLINE void emit_straight_type(const emission *m, const void *x, const uint8_t *mask, void *y, int64_t n, const int32_t type, bool stream) {
  if (mask)
    emit_straight_as(m, x, mask, y, n, type, stream);
  else if (type != XENT_F32)
    emit_straight_as(m, x, NULL, y, n, type, stream);
}
/* n classes from `begin` on, none of whose results is NaN; of masked ones +0. */
XENT_SHARED void emit_straight(const emission *m, const row_source *from, const strand *to, int64_t begin, int64_t n, bool stream) {
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

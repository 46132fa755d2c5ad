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
  if (stream)
    lanes_stream(y, v);
  else
    lanes_store(y, v);
}

/* What classes of a row are written with. */
typedef struct {
  exp_references references;
  const heat *heat;
  float f, b;
  bool tiny;          /* f and b carry 2^96 */
  const float *each;  /* b class by class, or NULL */
} emission;

XENT_INLINE lanes emitted(lanes e, lanes f, lanes b, const bool tiny) {
  const lanes y = lanes_fma(e, f, b);
  return tiny ? lanes_mul(y, lanes_set(XENT_TINY_UNSCALE)) : y;
}

/* n classes from floats to floats. kept: x is e already, and has room for whole vectors. */
XENT_INLINE void emit_floats(const emission *m, const float *x, float *y, int64_t n, const bool kept, const bool hot,
                             const bool each, const bool stream) {
  const lanes f = lanes_set(m->f), same = lanes_set(m->b);
  int64_t i = stream ? stream_head(y, n) : 0;
  if (i > 0) {
    lanes head[1] = {lanes_load_part(x, i, 0.0f)};
    if (!kept) exp_lanes(head, 1, &m->references, false, m->heat, hot);
    lanes_store_part(y, i, emitted(head[0], f, each ? lanes_load(m->each) : same, m->tiny));
  }
  for (; i + 2 * XENT_LANES <= n; i += 2 * XENT_LANES) {
    lanes v[2] = {lanes_load(x + i), lanes_load(x + i + XENT_LANES)};
    if (!kept) exp_lanes(v, 2, &m->references, false, m->heat, hot);
    XENT_UNROLL(2)
    for (int j = 0; j < 2; j++)
      put(y + i + j * XENT_LANES,
          emitted(v[j], f, each ? lanes_load(m->each + i + j * XENT_LANES) : same, m->tiny), stream);
  }
  for (; i < n; i += XENT_LANES) {
    lanes v[1] = {kept ? lanes_load(x + i) : lanes_load_part(x + i, n - i, 0.0f)};
    if (!kept) exp_lanes(v, 1, &m->references, false, m->heat, hot);
    lanes_store_part(y + i, n - i, emitted(v[0], f, each ? lanes_load(m->each + i) : same, m->tiny));
  }
}
XENT_SHARED void emit_again(const emission *m, const float *x, float *y, int64_t n, bool stream) {
  if (stream) prefetch_pages(y, n);
  if (m->each)
    m->heat->used ? emit_floats(m, x, y, n, false, true, true, false) : emit_floats(m, x, y, n, false, false, true, false);
  else if (stream)
    m->heat->used ? emit_floats(m, x, y, n, false, true, false, true) : emit_floats(m, x, y, n, false, false, false, true);
  else
    m->heat->used ? emit_floats(m, x, y, n, false, true, false, false) : emit_floats(m, x, y, n, false, false, false, false);
}
XENT_SHARED void emit_kept(const emission *m, const float *e, float *y, int64_t n, bool stream) {
  if (stream) prefetch_pages(y, n);
  if (m->each)
    emit_floats(m, e, y, n, true, false, true, false);
  else if (stream)
    emit_floats(m, e, y, n, true, false, false, true);
  else
    emit_floats(m, e, y, n, true, false, false, false);
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

/* n numbers side by side to where and how the tensor wants them. */
XENT_SHARED void put_floats(const strand *s, int64_t begin, int64_t n, const float *v, bool stream) {
  char *at = (char *)(uintptr_t)s->at + (s->stride == 1 ? begin * size_of_float(s->type) : 0);
  int64_t i = 0;
  if (is_direct(s) && (const float *)(const void *)at == v) return;
  if (stream && s->stride == 1 && (uintptr_t)at % XENT_STREAM_ALIGNMENT == 0) {
    for (; s->type == XENT_F32 && i + XENT_LANES <= n; i += XENT_LANES)
      lanes_stream((float *)(void *)at + i, lanes_load(v + i));
    for (; s->type == XENT_BF16 && i + 2 * XENT_LANES <= n; i += 2 * XENT_LANES)
      lanes_stream_bf16((uint16_t *)(void *)at + i, lanes_load(v + i), lanes_load(v + i + XENT_LANES));
    for (; s->type == XENT_F16 && i + 2 * XENT_LANES <= n; i += 2 * XENT_LANES)
      lanes_stream_f16((uint16_t *)(void *)at + i, lanes_load(v + i), lanes_load(v + i + XENT_LANES));
  }
  for (; s->stride == 1 && s->type == XENT_BF16 && i + 2 * XENT_LANES <= n; i += 2 * XENT_LANES) {
    const lanes a = lanes_load(v + i), b = lanes_load(v + i + XENT_LANES);
    if (__builtin_expect(lanes_any_nan(a, b), 0)) break;
    lanes_store_numbers_bf16((uint16_t *)(void *)at + i, a, b, false);
  }
  if (s->stride == 1 && s->type != XENT_F32 && n >= XENT_LANES) { /* the rest by the last whole vector */
    for (; i + XENT_LANES <= n; i += XENT_LANES) strand_store(s, begin + i, XENT_LANES, lanes_load(v + i));
    if (i < n) strand_store(s, begin + n - XENT_LANES, XENT_LANES, lanes_load(v + n - XENT_LANES));
    return;
  }
  for (; i < n; i += XENT_LANES) strand_store(s, begin + i, n - i, lanes_load_part(v + i, n - i, 0.0f));
}

/* Every NaN becomes the canonical one. */
XENT_INLINE void quiet_values(float *y, int64_t n) {
  for (int64_t i = 0; i < n; i += XENT_LANES)
    lanes_store_part(y + i, n - i, lanes_quiet(lanes_load_part(y + i, n - i, 0.0f)));
}

#endif

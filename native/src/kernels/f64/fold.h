/* SPDX-License-Identifier: Apache-2.0 */
/* The first pass: chunks to states, and the states of a row to its statistics. */
#ifndef XENT_F64_FOLD_H
#define XENT_F64_FOLD_H

#include "kernels/f64/dense.h"
#include "kernels/f64/targets.h"


XENT_INLINE void f64_empty_state(const f64_row *r, uint32_t kind, int64_t begin, int64_t n, row_state *s) {
  s->kind = kind | XENT_STATE_WIDE | xent_state_version;
  s->reference = 0;
  s->counted = (uint16_t)f64_count(&r->logits, begin, n);
  s->label = XENT_LABEL_ELSEWHERE;
  s->digest = r->digest;
  s->max = s->label_logit = s->sum = s->sum_low = s->dot = s->mass = 0;
}

/* The state of the n classes from `begin` on. kept: where the row's exponentials go, or NULL; room: for a chunk. */
XENT_SHARED void f64_state(const f64_row *r, int64_t begin, int64_t n, double shift, double *kept, double *room,
                           const f64_buffers *b, row_state *s) {
  const int64_t y = r->label >= begin && r->label < begin + n ? r->label - begin : n;
  const double *x = f64_prepared(&r->logits, begin, n, shift, room, NULL);
  f64_chunk c;
  f64_chunk_largest(&r->logits, x, begin, n, y, r->temperature, &c);
  f64_empty_state(r, r->t.kind | (shift != 0 ? XENT_STATE_SHIFTED : 0), begin, n, s);
  s->reference = (float)c.reference;
  s->max = c.max;
  if (y < n) {
    s->kind |= XENT_STATE_LABEL_HERE | (c.first ? XENT_STATE_LABEL_FIRST_MAX : 0);
    s->label = (uint16_t)y;
    s->label_logit = f64_quiet(x[y]);
  }
  if (r->t.kind != XENT_KIND_SOFTMAX) f64_chunk_targets(r, x, begin, n, isfinite(c.max) ? c.max : 0, b, s);
  f64_chunk_sum(x, kept ? kept + begin : NULL, n, y, r->temperature, &c);
  s->sum = f64_quiet(c.sum.high);
  s->sum_low = f64_quiet(c.sum.low);
}

/* Chunks folded so far, in class order. */
typedef struct {
  double max, class_max, reference; /* max: with the sink */
  double least_reference;
  pair sum, dot, mass;
  double label_logit, max_before;   /* before: of the chunks before the label's */
  bool label_first;                 /* the label is the first of its chunk's largest */
  int64_t counted, counted_before;
} f64_fold;

XENT_INLINE void f64_fold_begin(f64_fold *f) {
  f->max = f->class_max = f->max_before = -INFINITY;
  f->least_reference = INFINITY;
  f->reference = doubles_first(f64_reference_for(doubles_set(-INFINITY), f64_temperature_of(0)));
  f->sum = f->dot = f->mass = (pair){0, 0};
  f->label_logit = 0;
  f->label_first = false;
  f->counted = f->counted_before = 0;
}

/* One more sum of exponentials. The sums over targets are of M - x, so they move with M. */
XENT_INLINE void f64_fold_sum(f64_fold *f, double max, double reference, pair sum) {
  const double N = reference > f->reference ? reference : f->reference;
  f->sum = pair_add(pair_scale(f->sum, f->reference - N), pair_scale(sum, reference - N));
  f->reference = N;
  f->least_reference = reference < f->least_reference ? reference : f->least_reference;
  const double raised = max > f->max ? max : f->max;
  if (isfinite(raised) && isfinite(f->max) && raised != f->max)
    f->dot = pair_add_product(f->dot, f->mass.high, raised - f->max);
  f->max = raised;
}
XENT_SHARED void f64_fold_state(f64_fold *f, const row_state *c) {
  if (c->kind & XENT_STATE_LABEL_HERE) {
    f->label_logit = c->label_logit;
    f->label_first = c->kind & XENT_STATE_LABEL_FIRST_MAX;
    f->max_before = f->class_max;
    f->counted_before = f->counted;
  }
  f64_fold_sum(f, c->max, (double)c->reference, (pair){c->sum, c->sum_low});
  f->class_max = f->max;
  f->dot = pair_add_one(f->dot, c->dot);
  const double rise = f->max - c->max;
  if (isfinite(c->max) && rise != 0) f->dot = pair_add_product(f->dot, c->mass, rise);
  f->mass = pair_add_one(f->mass, c->mass);
  f->counted += c->counted;
}

/* The sink of a row as a raw logit, less the shift. A finite one stays finite. */
XENT_INLINE double f64_sink_of(const f64_row *r, double shift) {
  const double sink = row_number(r->call, r->call->sink, &r->call->shape->sink, r->span.row, 0);
  const double raw = r->temperature.value != 0 ? sink * r->temperature.value : sink;
  return (isinf(raw) && !isinf(sink) ? copysign(DBL_MAX, sink) : raw) - shift;
}
XENT_SHARED void f64_fold_sink(const f64_row *r, double shift, f64_fold *f) {
  if (!r->call->sink) return;
  const double sink = f64_sink_of(r, shift);
  const doubles x = doubles_set(sink), N = f64_reference_for(x, r->temperature);
  const f64_reference k = f64_reference_of(N, r->temperature);
  f64_fold_sum(f, sink + 0.0, doubles_first(N), (pair){doubles_first(f64_exp(x, &k)), 0});
}

/* Whether the label comes first among the classes. Asked of the first round: a shift may make equal what is not. */
XENT_INLINE bool f64_is_hit(const f64_fold *f) {
  return f->label_first && f->label_logit == f->class_max && (f->max_before < f->class_max || f->counted_before == 0);
}

/* Whether a row of this maximum needs a second round, on what is less by it. */
XENT_INLINE bool f64_is_beyond(const f64_row *r, double max) {
  return isfinite(max) && !(fabs(max * r->temperature.high) <= (double)XENT_LIMIT);
}

/* A folded row as row j of several. */
XENT_INLINE void f64_take_fold(const f64_fold *f, double shift, f64_sums *g, int j) {
  g->max[j] = f->max;
  g->reference[j] = f->reference;
  g->sum[j] = pair_value(f->sum);
  g->label_logit[j] = f->label_logit;
  g->dot[j] = pair_value(f->dot);
  g->mass[j] = pair_value(f->mass);
  g->counted[j] = (double)f->counted;
  g->shift[j] = shift;
}

XENT_INLINE void f64_fold_row(const f64_row *r, double shift, double *kept, double *room, const f64_buffers *b,
                              f64_fold *f) {
  f64_fold_begin(f);
  for (int64_t i = 0; i < r->logits.classes; i += XENT_CHUNK) {
    row_state s;
    f64_state(r, i, f64_part(i, r->logits.classes, XENT_CHUNK), shift, kept, room, b, &s);
    f64_fold_state(f, &s);
  }
  f64_fold_sink(r, shift, f);
}

/* Both rounds of the first pass over a row, as row j of several. Its exponentials go to kept[j], and stay if they fit
 * there. */
XENT_SHARED void f64_whole_row(const f64_row *r, double *room, const f64_buffers *b, f64_sums *g, int j) {
  f64_fold f;
  double shift = 0;
  f64_fold_row(r, 0, g->kept[j], room, b, &f);
  g->hit[j] = f64_is_hit(&f);
  if (f64_is_beyond(r, f.max)) {
    shift = f.max;
    f64_fold_row(r, shift, g->kept[j], room, b, &f);
  }
  f64_take_fold(&f, shift, g, j);
  if (f.least_reference != f.reference) g->kept[j] = NULL;
}

/* The exponentials of n classes from `begin` on. */
XENT_INLINE const double *f64_row_exponentials(const f64_row *r, const row_statistics *s, const double *kept,
                                               int64_t begin,
                                               int64_t n, double *room, double *slope) {
  if (kept && !slope) return kept + begin;
  const double *x = f64_prepared(&r->logits, begin, n, s->shift, room, slope);
  if (kept) return kept + begin;
  const f64_reference k = f64_reference_of(doubles_set((double)s->reference), r->temperature);
  f64_exponentials(x, room, n, &k);
  return room;
}

#endif

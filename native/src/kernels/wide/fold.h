/* SPDX-License-Identifier: Apache-2.0 */
/* From chunks to states, and from states to the statistics of a row, in float64 arithmetic. */
#ifndef XENT_WIDE_FOLD_H
#define XENT_WIDE_FOLD_H

#include "kernels/math/wide_logarithm.h"
#include "kernels/wide/targets.h"

/* Whether class y of a chunk, which has its largest logit, is the first that has it. */
XENT_SHARED bool f64_is_first(const f64_logits *in, int64_t begin, int64_t y, double max, double shift, f64_buffers *buffers) {
  if (max == -INFINITY) return f64_count(in, begin, y) == 0;
  double largest = -INFINITY;
  for (int64_t i = 0; i < y; i += XENT_PIECE) {
    const int64_t n = piece_length(i, y);
    const double found = f64_largest_of(f64_prepared(in, begin + i, n, shift, buffers->x, NULL), n);
    largest = found > largest ? found : largest;
  }
  return largest < max;
}

/* The state of the n classes from `begin` on. */
XENT_SHARED void f64_state(const f64_row *r, int64_t begin, int64_t n, double shift, f64_buffers *buffers, xent_state *s) {
  const bool here = r->t.kind == XENT_KIND_LABEL && r->label >= begin && r->label < begin + n;
  const int64_t y = here ? r->label - begin : XENT_NO_CLASS;
  f64_chunk c;
  f64_sum_chunk(&r->logits, begin, n, shift, y, buffers, &c);
  *s = (xent_state){.kind = r->t.kind | xent_state_version | XENT_STATE_WIDE | (shift != 0 ? XENT_STATE_SHIFTED : 0),
                    .reference = (float)c.reference,
                    .sum = quiet_double(c.sum.high),
                    .sum_low = quiet_double(c.sum.low),
                    .wide_max = c.max,
                    .counted = f64_count(&r->logits, begin, n)};
  if (here) {
    const double x = f64_prepared_one(&r->logits, r->label, shift);
    s->kind |= XENT_STATE_LABEL_HERE;
    s->wide_label_logit = quiet_double(x);
    if (x == c.max && f64_is_first(&r->logits, begin, y, x, shift, buffers)) s->kind |= XENT_STATE_LABEL_FIRST_MAX;
  }
  if (r->t.kind != XENT_KIND_SOFTMAX) f64_chunk_targets(r, begin, n, shift, isfinite(c.max) ? c.max : 0, buffers, s);
}

/* Chunks folded so far, in class order. */
typedef struct {
  double max, class_max, reference; /* max: with the sink */
  pair sum, dot, mass;
  double label_logit, max_before; /* before: of the chunks before the label's */
  bool label_first;               /* the label is the first of its chunk's largest */
  int64_t counted, counted_before;
} f64_fold;

XENT_INLINE f64_fold f64_fold_begin(void) {
  return (f64_fold){.max = -INFINITY, .class_max = -INFINITY, .max_before = -INFINITY,
                     .reference = (double)XENT_LOWEST_REFERENCE};
}

/* One more sum of exponentials. The sums over targets are of M - x, so they move with M. */
XENT_INLINE void f64_fold_sum(f64_fold *f, double max, double reference, pair sum) {
  const double N = reference > f->reference ? reference : f->reference;
  const double down = power_of_two(f->reference - N), up = power_of_two(reference - N);
  f->sum = pair_add(pair_scale(f->sum, down), pair_scale(pair_scale(sum, XENT_UNSCALE), up));
  f->reference = N;
  const double raised = max > f->max ? max : f->max;
  if (isfinite(raised) && isfinite(f->max) && raised != f->max)
    f->dot = pair_add_product(f->dot, f->mass.high, raised - f->max);
  f->max = raised;
}
XENT_SHARED void f64_fold_state(f64_fold *f, const xent_state *c) {
  if (c->kind & XENT_STATE_LABEL_HERE) {
    f->label_logit = c->wide_label_logit;
    f->label_first = c->kind & XENT_STATE_LABEL_FIRST_MAX;
    f->max_before = f->class_max;
    f->counted_before = f->counted;
  }
  f64_fold_sum(f, c->wide_max, (double)c->reference, (pair){c->sum, c->sum_low});
  f->class_max = f->max;
  f->dot = pair_add_one(f->dot, c->dot);
  const double rise = f->max - c->wide_max;
  if (isfinite(c->wide_max) && rise != 0) f->dot = pair_add_product(f->dot, c->mass, rise);
  f->mass = pair_add_one(f->mass, c->mass);
  f->counted += c->counted;
}
XENT_SHARED void f64_fold_sink(f64_fold *f, double sink) {
  const double N = f64_reference_for(sink);
  f64_fold_sum(f, sink + 0.0, N, (pair){f64_exp_one(sink, f64_reference_of(N)), 0});
}

XENT_INLINE double f64_sink_of(const xent_call *call, int64_t row) {
  const xent_layout *l = &call->shape->sink;
  return float_at(call->sink, l->type, row_offset(call->shape, l, row));
}

/* S of a row */
XENT_INLINE double f64_total(const xent_statistics *s) {
  return (s->kind & XENT_KIND_MASK) == XENT_KIND_LABEL ? s->sum + s->mass : s->sum;
}

/* What the fold means: the statistics of the row, or in the first round a shift (true: again). */
XENT_SHARED bool f64_finish_fold(const f64_fold *f, uint32_t kind, double shift, bool second_round,
                                  const xent_options *options, xent_statistics *s) {
  const double sum = pair_value(f->sum), mass = pair_value(f->mass);
  double label_e = 0;
  if (kind == XENT_KIND_LABEL) label_e = f64_exp_one(f->label_logit, f64_reference_of(f->reference)) * XENT_UNSCALE;
  const bool beyond = fabs(f->max) > (double)XENT_LIMIT && isfinite(f->max);
  *s = (xent_statistics){.kind = kind | XENT_STATE_WIDE};
  if (beyond && !second_round) {
    s->kind |= XENT_ROW_UNFINISHED;
    s->wide_shift = f->max;
    return true;
  }
  const double total = sum + label_e;
  const bool bad_mass = kind == XENT_KIND_PROBABILITIES && !isfinite(mass);
  if (f->max == INFINITY || total != total || (bad_mass && f->max != -INFINITY)) {
    s->kind |= XENT_ROW_NAN;
  } else if (f->max == -INFINITY) {
    s->kind |= options->fully_masked == XENT_FULLY_MASKED_ZERO ? XENT_ROW_MASKED : XENT_ROW_NAN;
  } else {
    s->wide_shift = shift;
    s->wide_max = f->max;
    s->reference = (float)f->reference;
    s->sum = sum;
    s->mass = kind == XENT_KIND_LABEL ? label_e : mass;
  }
  return false;
}

XENT_SHARED void f64_fold_row(const f64_row *r, double shift, f64_buffers *buffers, f64_fold *f) {
  const int64_t classes = r->logits.classes;
  *f = f64_fold_begin();
  for (int64_t i = 0; i < classes; i += XENT_CHUNK) {
    xent_state s;
    f64_state(r, i, chunk_length(i, classes), shift, buffers, &s);
    f64_fold_state(f, &s);
  }
  if (r->call->sink) {
    const double sink = f64_sink_of(r->call, r->row);
    f64_fold_sink(f, shift != 0 ? sink - shift : sink);
  }
}

/* Whether the label comes first among the classes. Asked of the first round: a shift may make equal what is not. */
XENT_INLINE bool f64_is_hit(const f64_fold *f) {
  return f->label_first && f->label_logit == f->class_max && (f->max_before < f->class_max || f->counted_before == 0);
}

/* What orders the classes of a row, before a shift. */
typedef struct {
  double max;
  bool hit;
} f64_order;

/* Both rounds. */
XENT_SHARED f64_order f64_whole_row(const f64_row *r, f64_buffers *buffers, f64_fold *f, xent_statistics *s) {
  const xent_options *options = r->call->options;
  f64_fold_row(r, 0, buffers, f);
  const f64_order order = {f->class_max, f64_is_hit(f)};
  if (f64_finish_fold(f, r->t.kind, 0, false, options, s)) {
    const double shift = s->wide_shift;
    f64_fold_row(r, shift, buffers, f);
    f64_finish_fold(f, r->t.kind, shift, true, options, s);
  }
  return order;
}

/* D = log-sum-exp - max, never negative */
XENT_SHARED double f64_distance(const xent_statistics *s) {
  const double S = f64_total(s);
  const double E = f64_exp_one(s->wide_max, f64_reference_of((double)s->reference)) * XENT_UNSCALE;
  if (S <= 2 * E) return S <= E ? 0 : f64_log1p((S - E) / E);
  return f64_log(S / E);
}

#endif

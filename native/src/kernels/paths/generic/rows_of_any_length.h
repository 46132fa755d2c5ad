/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of any length and kind, up to sixteen at once:
 *   for each row:                                            take_generic_row
 *     for each chunk of 8192 classes: its state (max, N, sums), which is folded into the row
 *     if |max| / temperature > 16384: the same with x - max
 *   results of all rows                                      finish_rows
 *   for each row: for each step of 1024 classes: y = e(x; N) f + b
 * This path takes rows that are too long for all other paths, rows with a NaN, an infinity, a shift or a factor below
 * the normal floats, parts of rows, and all rare arrays and options. contract_general_row
 * (native/test/contract/general_row.c) is its plain form.
 */
#ifndef XENT_ROWS_OF_ANY_LENGTH_H
#define XENT_ROWS_OF_ANY_LENGTH_H

#include "kernels/stages/emit/row_context.h"
#include "kernels/stages/order/order.h"
#include "kernels/supported.h"
#include "kernels/stages/results/fold.h"
#include "kernels/stages/rows/known.h"

#define XENT_DEFINE_ROWS(name)                                                                         \
  static __attribute__((noinline)) xent_status name##_short(const xent_call *call) {                   \
    XENT_ALIGNED float input[XENT_STEP], out[XENT_STEP], slopes[XENT_STEP];                            \
    return name##_rows(call, (row_buffers){input, out, slopes, XENT_STEP});                            \
  }                                                                                                    \
  static __attribute__((noinline)) xent_status name##_long(const xent_call *call) {                    \
    XENT_ALIGNED float input[XENT_CHUNK], out[XENT_STEP], slopes[XENT_STEP];                           \
    return name##_rows(call, (row_buffers){input, out, slopes, XENT_CHUNK});                           \
  }                                                                                                    \
  XENT_KERNEL xent_status name(const xent_call *call) {                                                \
    return call->shape->classes <= XENT_STEP ? name##_short(call) : name##_long(call);                 \
  }

/* Whether the kept e of the chunk with class i have the reference N. */
XENT_INLINE bool is_kept(const row_context *r, int64_t i, float N) {
  return r->kept.e && r->kept.reference[i / XENT_CHUNK] == N;
}

/* ---- the first pass ---- */

/* Whether no counted class of a chunk ranks before its class y. */
XENT_INLINE bool is_first_counted(const row_source *r, const float *x, int64_t begin, int64_t y) {
  for (int64_t i = 0; i < y; i++)
    if (x[i] == -INFINITY && is_counted(r, begin + i)) return false;
  return true;
}

/* A chunk whose floats are already loaded or in place. */
XENT_INLINE void sum_floats(const job *j, const float *x, int64_t n, int64_t without, const chunk_way *w,
                            chunk_progress *p) {
  if (w->exact) {
    p->above = largest_lanes(x, n);
    p->reference = reference_for(lanes_largest(p->above), &j->temperature);
  }
  sum_classes(x, n, without, w, p);
}
/* A long chunk, copied piece by piece; each piece overwrites the previous one if the floats are not needed again. */
XENT_INLINE void sum_copies(const row_context *r, int64_t begin, int64_t n, int64_t without, float shift, bool once,
                            chunk_way *w, chunk_progress *p) {
  for (int64_t i = 0; i < n; i += XENT_STEP) {
    const int64_t step = step_length(i, n);
    float *x = r->b.input + (once ? 0 : i);
    copy_row(&r->x, begin + i, step, shift, x);
    if (r->x.x.stride == 1) /* prefetches the next piece while this one is summed */
      w->ahead = (uintptr_t)r->x.x.at + (uintptr_t)((begin + i + step) * size_of_float(r->x.x.type)) - (uintptr_t)x;
    sum_classes(x, step, without - i, w, p);
    if (w->kept) w->kept += step;
  }
}
/* contract_chunk_of is the plain form. once: the floats of the chunk are not needed again. */
XENT_INLINE chunk_sum sum_of_chunk(row_context *r, int64_t begin, int64_t n, int64_t without, float shift, bool once,
                                   const float **floats) {
  const bool direct = r->x.direct && shift == 0, exact = n <= XENT_EXACT_MAX, at_hand = direct || exact || !once;
  float *kept = r->kept.e ? r->kept.e + begin : NULL;
  chunk_way w = {.kept = kept, .exact = exact, .temperature = &r->j->temperature};
  chunk_progress p = chunk_begin(XENT_LOWEST_REFERENCE);
  if (direct && r->x.classes > XENT_CHUNK) w.ahead = XENT_PREFETCH_AHEAD * sizeof(float);
  *floats = direct || exact ? row_floats(&r->x, begin, n, shift, r->b.input) : r->b.input;
  if (direct || exact)
    sum_floats(r->j, *floats, n, without, &w, &p);
  else
    sum_copies(r, begin, n, without, shift, once, &w, &p);
  if (kept && p.settled && at_hand) settle(&p, *floats, kept, &r->j->temperature);
  if (kept) r->kept.reference[begin / XENT_CHUNK] = p.settled && !at_hand ? NAN : p.reference;
  return (chunk_sum){
      .max = lanes_largest(p.above) + 0.0f, .reference = p.reference, .sum = chunk_tree(n, p.group, p.sum)};
}

/* The first of classes [begin, end) that equals `value`, or -1. */
XENT_INLINE int64_t first_class(const row_context *r, int64_t begin, int64_t end, float value) {
  for (int64_t i = begin; i < end; i += XENT_STEP) {
    const int64_t n = step_length(i, end);
    const int64_t class = first_equal(&r->x, ready_floats(r, i, n, 0.0f, r->b.out), i, n, value);
    if (class >= 0) return class;
  }
  return -1;
}
XENT_INLINE bool has_nan(const row_context *r, int64_t begin, int64_t end, float shift) {
  for (int64_t i = begin; i < end; i += XENT_STEP) {
    const int64_t n = step_length(i, end);
    const float *x = row_floats(&r->x, i, n, shift, r->b.out);
    for (int64_t k = 0; k < n; k++)
      if (x[k] != x[k]) return true;
  }
  return false;
}

/* The part of log-sum-exp for a chunk. If exponentials overflow float, the sum only shows whether there is a NaN. Close
 * to 0, *others is the sum without the first of the largest classes (exact_distance in contract.c). */
XENT_SHARED void chunk_for_log_sum_exp(row_context *r, int64_t begin, int64_t n, float shift, chunk_sum *c,
                                       double *others) {
  const job *j = r->j;
  const float *x;
  if (c->max * j->temperature.hi > XENT_LIMIT) {
    c->sum = has_nan(r, begin, begin + n, shift) ? XENT_F64_NAN : c->max == INFINITY ? INFINITY : 0;
    return;
  }
  if (shift != 0 || !(fabs((double)c->max * j->temperature.reciprocal) < (double)XENT_NEAR_ZERO)) return;
  if (!(c->sum <= 2 * (double)exp_one(c->max, c->reference, &j->temperature))) return;
  const bool once = !r->ready; /* otherwise the buffer keeps the row for the order and the entropy */
  *others = sum_of_chunk(r, begin, n, first_class(r, begin, begin + n, c->max) - begin, 0.0f, once, &x).sum;
}

/* The state of the n classes from `begin` on. */
XENT_SHARED void chunk_state(row_context *r, int64_t begin, int64_t n, float shift, bool want_first, row_state *s) {
  const job *j = r->j;
  const int64_t y = r->t.label - r->x.first - begin;
  const bool here = r->t.label >= 0 && y >= 0 && y < n;
  const bool single = r->x.classes <= XENT_CHUNK;
  const bool once = !single && !want_first && (r->t.kind == XENT_KIND_SOFTMAX || (j->labels && !j->smoothed));
  const float *x;
  chunk_sum c = sum_of_chunk(r, begin, n, here ? y : XENT_NO_CLASS, shift, once, &x);
  const float own = !here ? 0 : once ? row_one(&r->x, begin + y, shift) : x[y];
  if (single) {
    r->ready = x;
    r->ready_shift = shift;
  }
  const bool finite = c.max > -INFINITY && c.max < INFINITY;
  target_sums t = chunk_targets(r, x, begin, n, finite ? c.max : 0);
  if (r->t.kind == XENT_KIND_SOFTMAX && (j->call->states || j->call->log_sum_exp))
    chunk_for_log_sum_exp(r, begin, n, shift, &c, &t.dot);
  uint32_t kind = r->t.kind | xent_state_version | (shift != 0 ? XENT_STATE_SHIFTED : 0);
  if (here) kind |= XENT_STATE_LABEL_HERE;
  if (here && want_first && own == c.max &&
      (c.max == -INFINITY ? is_first_counted(&r->x, x, begin, y) : largest_of(x, y) < own))
    kind |= XENT_STATE_LABEL_FIRST_MAX;
  *s = (row_state){.kind = kind,
                   .reference = c.reference,
                   .counted = (uint16_t)count_classes(&r->x, begin, n),
                   .label = here ? (uint16_t)y : XENT_LABEL_ELSEWHERE,
                   .digest = j->call->digest,
                   .max = (double)c.max,
                   .label_logit = quiet_double((double)own),
                   .sum = quiet_double(c.sum),
                   .dot = quiet_double(t.dot),
                   .mass = quiet_double(t.mass)};
}

/* The weight of the sums over targets: for labels without weights, the number of classes that smoothing counts. */
XENT_INLINE double mass_of_state(const job *j, const row_state *s) {
  if (!j->labels || j->weighted) return s->mass;
  return (double)(s->counted - (j->others && s->label != XENT_LABEL_ELSEWHERE));
}

/* One round over the chunks of a row. The plain forms are statistics (contract.c) and run_round (general_row.c). */
XENT_INLINE void fold_row(row_context *r, float shift, bool want_first, row_fold *f) {
  *f = fold_begin();
  for (int64_t i = 0; i < r->x.classes; i += XENT_CHUNK) {
    row_state s;
    chunk_state(r, i, chunk_length(i, r->x.classes), shift, want_first, &s);
    fold_state(f, &s, mass_of_state(r->j, &s));
  }
}

/* A row after its first pass, in its final round. */
typedef struct {
  row_fold fold;       /* with the sink */
  float shift, sink;   /* sink: in the units of the logits, minus the shift */
  bool hit;
  int64_t largest;     /* the chunk of the largest logit */
  float largest_logit; /* before the shift */
  uint32_t special;
} row_result;

/* Ends a round. Returns true if a second round is needed, with the shift in the result. */
XENT_INLINE bool end_round(const job *j, int64_t row, bool second, row_result *g) {
  row_fold *f = &g->fold;
  if (!second) {
    g->hit = j->labels && label_is_hit(&f->label, (double)f->max);
    g->largest = f->largest;
    g->largest_logit = f->max;
    g->shift = g->sink = 0;
  }
  if (j->call->sink) {
    const xent_layout *l = &j->call->shape->sink;
    g->sink = sink_logit(float_at(j->call->sink, l->type, row_offset(j->call->shape, l, row)), &j->temperature);
    if (second) g->sink -= g->shift;
    fold_sink(f, g->sink, &j->temperature);
  }
  if (!second && is_beyond(f->max, &j->temperature)) {
    g->shift = f->max;
    return true;
  }
  g->special = special_kind(j, f);
  return false;
}

/* The first pass over a row. The plain forms are prepare (contract.c) and prepared_row (general_row.c). */
XENT_SHARED void whole_row(row_context *r, bool want_first, row_result *g) {
  const job *j = r->j;
  if (j->soft) r->share = smoothing_share(&r->t, count_classes(&r->x, 0, r->x.classes));
  fold_row(r, 0.0f, want_first, &g->fold);
  if (!end_round(j, r->x.row, false, g)) return;
  fold_row(r, g->shift, false, &g->fold);
  end_round(j, r->x.row, true, g);
}

/* ---- results ---- */

/* Writes the fixed results of a special row. */
XENT_INLINE void write_special_row(const job *j, int64_t row, const row_result *g) {
  const xent_call *call = j->call;
  const row_set one = {.first = row, .count = 1, .adjacent = true};
  const bool infinite = g->fold.max == INFINITY && g->fold.sum == INFINITY;
  call->report->valid_rows += call->targets != NULL;
  write_special(j, row, g->special);
  if (infinite && call->log_sum_exp && !call->targets)
    write_floats(call, &one, &call->shape->log_sum_exp, call->log_sum_exp, lanes_set(INFINITY));
}

/* Adds an ordinary row. */
XENT_INLINE void add_row(const row_context *r, const row_result *g, double upstream, row_sums *in) {
  const job *j = r->j;
  const row_fold *f = &g->fold;
  const int i = in->rows.count++;
  if (i == 0) in->rows.first = r->x.row;
  if (r->x.row != in->rows.first + i) in->rows.adjacent = false;
  in->rows.row[i] = r->x.row;
  in->max[i] = f->max;
  in->reference[i] = f->reference;
  in->logit[i] = (float)f->label.logit;
  in->sink[i] = g->sink;
  in->shift[i] = g->shift;
  in->sum[i] = f->sum;
  in->dot[i] = j->call->targets ? f->dot : f->others;
  in->mass[i] = f->mass;
  in->smoothed_count[i] = smoothed_classes(&r->t, f->label.counted);
  in->weight[i] = j->labels ? weight_of_class(j->call, r->t.label) : 1;
  in->row_weight[i] = r->t.row_weight;
  in->upstream[i] = upstream;
  in->correct |= (uint32_t)g->hit << i;
}
XENT_INLINE void no_rows(row_sums *in) {
  memset(in, 0, sizeof *in);
  in->folded = in->rows.adjacent = true;
}

XENT_INLINE int64_t argmax_of_row(const row_context *r, const row_result *g) {
  return first_class(r, g->largest > 0 ? g->largest * XENT_CHUNK : 0, r->x.classes, g->largest_logit);
}
XENT_INLINE int64_t rank_of_label(const row_context *r) {
  const float own = row_one(&r->x, r->t.label, 0.0f);
  int64_t rank = 0;
  for (int64_t i = 0; i < r->x.classes; i += XENT_STEP) {
    const int64_t n = step_length(i, r->x.classes);
    rank += count_before(&r->x, ready_floats(r, i, n, 0.0f, r->b.out), i, n, r->t.label, own);
  }
  return rank;
}
XENT_SHARED void write_top_classes(const row_context *r, const row_statistics *s, float minus_distance) {
  const int64_t wanted = r->j->call->shape->top_count;
  const bool free = !r->ready && r->b.room >= XENT_TOP_FLOATS; /* the buffer of the logits */
  XENT_TOP_LIST(few, XENT_TOP_AT_ONCE);
  top_list t = free ? top_list_in(r->b.input, XENT_TOP_OF_LONG) : few;
  top_entry last = {INFINITY, -1};
  int64_t done = 0;
  do {
    const int64_t room = free ? XENT_TOP_OF_LONG : XENT_TOP_AT_ONCE, before = done;
    const int64_t most = wanted - done < room ? wanted - done : room;
    top_begin(&t, most);
    for (int64_t i = 0; i < r->x.classes; i += XENT_STEP) {
      const int64_t n = step_length(i, r->x.classes);
      top_take(&r->x, ready_floats(r, i, n, 0.0f, r->b.out), i, n, last, &t);
    }
    for (; t.wanted && t.count; done = before + most - t.wanted)
      last = write_top_part(r->j, &t, r->x.row, done, (float)s->shift, (float)s->max, minus_distance);
  } while (t.wanted == 0 && done < wanted);
  write_top_rest(r->j->call, r->x.row, done, -INFINITY);
}

XENT_INLINE double entropy_sum_of_row(const row_context *r, const row_result *g) {
  const f32_temperature *h = &r->j->temperature;
  const emission m = {.references = exp_everywhere(exp_reference_of(g->fold.reference, h)), .temperature = h, .f = 1,
                      .b = -0.0f}; /* the result is e */
  double T = 0;
  for (int64_t begin = 0; begin < r->x.classes; begin += XENT_CHUNK) {
    const int64_t n = chunk_length(begin, r->x.classes);
    product_sum chunk = no_products();
    for (int64_t i = 0; i < n; i += XENT_STEP) {
      const int64_t step = step_length(i, n);
      const float *x = ready_floats(r, begin + i, step, g->shift, r->b.input);
      const bool kept = is_kept(r, begin, g->fold.reference);
      if (!kept) emit_again(&m, x, r->b.out, step, false);
      const float *e = kept ? r->kept.e + begin + i : r->b.out;
      add_entropy(&chunk, x, e, step, g->fold.reference, g->fold.max, h);
    }
    T += end_products(&chunk, n);
  }
  return T;
}

XENT_INLINE double distance_of_row(const job *j, float max, float reference, double sum) {
  row_sums in = {.rows = {.count = 1}, .folded = true, .max = {max}, .reference = {reference}, .sum = {sum}};
  double distance[XENT_ROWS];
  fill_sums(&in);
  distances_of_rows(j, &in, distance);
  return distance[0];
}

/* ---- the second pass ---- */

XENT_INLINE strided strided_output(const row_context *r) {
  return strided_row(r->j->call, r->j->call->output, r->j->call->output_layout, r->x.span);
}

/* The constants of row i of a block: of a gradient, or of a softmax or log-softmax. */
typedef struct {
  float f, scale, at_label;
  bool tiny;
} row_constants;

XENT_INLINE row_constants constants_of_row(const job *j, const row_outcome *o, int i) {
  float f[XENT_ROWS];
  lanes_store(f, o->f);
  row_constants c = {.f = f[i]};
  if (!j->call->targets) return c;
  if (!j->plain) c.scale = o->scale[i];
  if (j->labels) c.at_label = o->label_gradient[i];
  c.tiny = o->tiny >> i & 1;
  return c;
}
XENT_INLINE row_emission gradient_of_row(row_context *r, const row_statistics *s, const row_constants *c) {
  const job *j = r->j;
  const double cc = logit_scale(j->call->options, scale_of_row(j, r->x.row, r->t.row_weight));
  r->share = j->scaled ? 0 : s->share;
  row_emission g = {.cc = cc, .share = r->share, .at_label = c->at_label,
                    .has_each = j->probabilities || (j->weighted && r->share > 0)};
  g.each_scale = j->probabilities ? cc : cc * r->share;
  g.m = (emission){.references = exp_everywhere(exp_reference_of(s->reference, &j->temperature)),
                   .temperature = &j->temperature, .f = c->f,
                   .b = r->share > 0 && !g.has_each ? -c->scale : -0.0f, .tiny = c->tiny, .scale = c->scale};
  g.finite = isfinite(g.m.f) && isfinite(g.m.b);
  if (g.has_each) {
    g.each = targets_of_classes(r);
    if (!j->probabilities) g.each.add = 1;
    if (j->sparse) g.each.without = XENT_NO_CLASS;
  }
  return g;
}
XENT_INLINE row_emission probabilities_of_row(const job *j, const row_statistics *s, const row_constants *c) {
  const bool log = j->call->log;
  row_emission g = {.finite = true, .log = log};
  g.m = (emission){.references = exp_everywhere(exp_reference_of(s->reference, &j->temperature)),
                   .temperature = &j->temperature, .less = log ? (float)s->max : 0,
                   .f = log ? j->temperature.hi : c->f, .b = log ? c->f : -0.0f};
  return g;
}

/* Writes n classes of a row, contiguous in y. */
XENT_INLINE void write_floats_of_row(const row_context *r, row_emission *g, const row_statistics *s, const float *x,
                                     float *y, int64_t begin, int64_t n, bool stream) {
  if (g->has_each) {
    g->m.targets = &g->each;
    g->m.begin = begin;
  }
  if (g->log)
    emit_given(&g->m, x, y, n, stream);
  else if (is_kept(r, begin, s->reference))
    emit_given(&g->m, r->kept.e + begin, y, n, stream);
  else
    emit_again(&g->m, x, y, n, stream);
  XENT_ALIGNED float t[XENT_LANES] = {0};
  for (int64_t i = 0; g->has_each && g->m.tiny && i < n; i++) {
    if (i % XENT_LANES == 0) lanes_store(t, target_lanes(&g->each, begin + i, n - i));
    const double product = g->each_scale * (double)t[i % XENT_LANES];
    if (fabs(product) >= 0x1p30) y[i] = -(float)product;
  }
  if (!g->finite) quiet_values(y, n);
  if (r->j->sparse) emit_sparse(r, g, s->reference, x, NULL, y, begin, n);
  const int64_t label = r->t.label - r->x.first - begin;
  if (r->t.label >= 0 && label >= 0 && label < n) y[label] = g->at_label;
}

/* Writes classes [begin, end) of the output. */
XENT_SHARED void write_classes_of_row(row_context *r, row_emission *g, const row_statistics *s, int64_t begin,
                                      int64_t end) {
  const xent_call *call = r->j->call;
  const strided out = strided_output(r);
  const bool stream = call->stream, kept = r->kept.e;
  const bool marks = r->x.mask && (r->j->sparse || !masked_are_zero(&g->m, g->has_each));
  const bool finish = call->targets && (r->x.cap != 0 || marks);
  if (!kept && !g->log && s->shift == 0 && !g->has_each && g->finite && !r->j->sparse &&
      layouts_agree(&r->x, &out, end - begin)) {
    emit_straight(&g->m, &r->x, &out, begin, end - begin, stream);
    const int64_t label = r->t.label - r->x.first;
    if (r->t.label >= 0 && label >= begin && label < end) strided_set(&out, label, g->at_label);
    return;
  }
  const bool slopes = finish && r->x.cap != 0 && !r->ready;
  if (slopes) r->x.slopes = r->b.slopes;
  /* without slopes, x is read again */
  const bool direct = is_direct(&out) && !r->j->sparse && (!finish || (!stream && (r->x.cap == 0 || r->x.slopes)));
  entry_lists entries;
  r->entries = r->j->sparse ? list_entries(call, r->x.row, r->x.classes, XENT_STEP_SHIFT, &entries) : NULL;
  /* whole chunks, because no buffer of a step is needed */
  const int64_t step = direct && r->x.direct && s->shift == 0 && !g->has_each ? XENT_CHUNK : XENT_STEP;
  for (int64_t i = begin; i < end; i += step) {
    const int64_t n = end - i < step ? end - i : step;
    if (slopes) r->x.slopes_at = i;
    const bool needs_logits = g->log || slopes || r->j->sparse || !is_kept(r, i, s->reference);
    const float *x = needs_logits ? ready_floats(r, i, n, (float)s->shift, r->b.input) : NULL;
    float *y = direct ? (float *)(uintptr_t)out.at + i : r->b.out;
    write_floats_of_row(r, g, s, x, y, i, n, stream && direct);
    if (finish) finish_classes(r, y, i, n);
    if (!direct) put_floats(&out, i, n, y, stream);
  }
  r->x.slopes = NULL;
  r->entries = NULL;
}

/* Writes classes [begin, end) of a row whose statistics are s. c: NULL for a special row. */
XENT_SHARED void write_row(row_context *r, const row_statistics *s, int64_t begin, int64_t end,
                           const row_constants *c) {
  const job *j = r->j;
  const bool gradient = j->call->targets, log = j->call->log;
  if (!c) {
    const bool nan = gradient ? s->kind & XENT_ROW_NAN : !(s->kind & XENT_ROW_MASKED);
    const strided out = strided_output(r);
    strided_fill(&out, begin, end, nan ? XENT_NAN : log ? -INFINITY : 0.0f);
    return;
  }
  const float max = (float)s->max;
  if (!gradient && r->x.all == 1 && !log && row_one(&r->x, 0, (float)s->shift) == max &&
      s->sum == (double)exp_one(max, s->reference, &j->temperature) * XENT_UNSCALE) {
    const strided out = strided_output(r);
    strided_fill(&out, begin, end, 1.0f); /* a single class with all the mass */
    return;
  }
  row_emission g = gradient ? gradient_of_row(r, s, c) : probabilities_of_row(j, s, c);
  write_classes_of_row(r, &g, s, begin, end);
}

/* ---- the calls ---- */

/* Rows that are processed together. */
typedef struct {
  const job *j;
  int most;        /* the most rows */
  int64_t place;   /* floats of the buffers per row */
  bool keep;       /* e, in the output */
  row_context row[XENT_ROWS];
  row_statistics statistics[XENT_ROWS];
  row_sums sums;
  row_outcome outcome;
} generic_block;

/* Writes a row of which all classes are computed, or from statistics those of the call. */
XENT_INLINE void write_call_row(row_context *r, const row_statistics *s, const row_constants *c) {
  const xent_call *call = r->j->call;
  const int64_t n = r->x.classes;
  const bool known = call->known_statistics;
  write_row(r, s, known ? call->class_begin : 0, known && call->class_end < n ? call->class_end : n, c);
}

/* The output stays in the second-level cache between the two passes. */
enum { XENT_CACHED_CLASSES = XENT_KEPT_CHUNKS * XENT_CHUNK };

XENT_INLINE void begin_rows(generic_block *b, const job *j, row_buffers buffers) {
  const xent_call *call = j->call;
  const xent_shape *s = call->shape;
  const row_context first = row_context_of(j, call->row_begin, buffers);
  const bool single = s->classes <= XENT_CHUNK;
  b->j = j;
  b->keep = call->output && !call->log && call->output_layout->type == XENT_F32 && call->output_layout->classes == 1 &&
            call->output != call->logits && !call->stream && s->classes <= XENT_CACHED_CLASSES;
  const int64_t padded = (s->classes + XENT_LANES - 1) / XENT_LANES * XENT_LANES;
  b->place = single && !first.x.direct ? padded : 0;
  const int64_t room = b->place ? buffers.room / padded : XENT_ROWS;
  const int64_t cached = call->output ? XENT_CACHED_CLASSES / s->classes : XENT_ROWS;
  const int64_t most = room < cached ? room : cached;
  b->most = most < 1 ? 1 : most < XENT_ROWS ? (int)most : XENT_ROWS;
  for (int i = 0; i < b->most && i < call->row_end - call->row_begin; i++) {
    b->row[i] = first;
    b->row[i].b.input += i * b->place;
  }
}

/* Takes a row from its statistics, or writes it if it is special. */
XENT_INLINE void take_known_row(generic_block *b, row_context *r) {
  const xent_call *call = b->j->call;
  const row_statistics *s = known_statistics_at(call, r->x.row);
  row_sums *in = &b->sums;
  if (s->kind & XENT_ROW_SPECIAL) {
    write_call_row(r, s, NULL);
    return;
  }
  const int i = in->rows.count++;
  in->rows.adjacent = false;
  in->rows.row[i] = r->x.row;
  in->weight[i] = b->j->labels ? weight_of_class(call, r->t.label) : 1;
  in->row_weight[i] = r->t.row_weight;
  in->upstream[i] = upstream_of_row(b->j, r->x.row);
  b->statistics[i] = *s;
}
/* Computes the sums of a row, and loads its other inputs; or computes all of a row that has no sums. */
XENT_SHARED xent_status take_generic_row(generic_block *b, int64_t row) {
  const job *j = b->j;
  const xent_call *call = j->call;
  row_sums *in = &b->sums;
  const int i = in->rows.count;
  row_context *r = &b->row[i];
  move_row_source(&r->x, span_of_row(call, row), call->logits, &call->shape->logits);
  r->ready = NULL;
  xent_status status = targets_of_row(call, r->x.span, &r->t);
  if (!status) status = check_sparse_row(call, r->x.span, &r->t);
  if (status) return status;
  if (r->t.ignored) {
    write_ignored_row(j, row);
    return XENT_OK;
  }
  if (call->known_statistics) {
    take_known_row(b, r);
    return XENT_OK;
  }
  if (b->keep) r->kept.e = (float *)(uintptr_t)strided_output(r).at;
  row_result g;
  entry_lists entries;
  r->entries = j->sparse ? list_entries(call, row, r->x.classes, XENT_CHUNK_SHIFT, &entries) : NULL;
  whole_row(r, call->correct != NULL, &g);
  r->entries = NULL;
  if (g.special) {
    const row_statistics none = {.kind = g.special};
    const float same = g.special & XENT_ROW_NAN ? XENT_NAN : 0.0f;
    write_special_row(j, row, &g);
    if (call->target_gradient) write_target_gradient(r, &none, 0, 0, &same);
    if (call->output) write_call_row(r, &none, NULL);
    return XENT_OK;
  }
  add_row(r, &g, upstream_of_row(j, row), in);
  if (clamps_terms(call))
    in->dot[i] = sum_of_clamped(r, g.fold.max, g.shift, distance_of_row(j, g.fold.max, g.fold.reference, g.fold.sum));
  if (call->argmax) in->argmax[i] = argmax_of_row(r, &g);
  if (call->ranks) in->rank[i] = rank_of_label(r);
  if (call->entropies) in->entropy[i] = entropy_sum_of_row(r, &g);
  if (b->place == 0) r->ready = NULL; /* the next row overwrites the buffer */
  return XENT_OK;
}

XENT_SHARED void finish_rows(generic_block *b) {
  const job *j = b->j;
  const xent_call *call = j->call;
  float distance[XENT_ROWS];
  fill_sums(&b->sums);
  b->outcome.record = b->statistics;
  if (!call->known_statistics)
    results_of_rows(j, &b->sums, &b->outcome);
  else if (call->targets)
    known_outcome(j, NULL, &b->sums, &b->outcome);
  else
    known_probabilities(j, &b->sums, &b->outcome);
  lanes_store(distance, b->outcome.distance);
  for (int i = 0; i < b->sums.rows.count; i++) {
    row_context *r = &b->row[i];
    const row_statistics *s = &b->statistics[i];
    if (call->top_classes || call->top_log_probabilities) write_top_classes(r, s, 0 - distance[i]);
    if (call->target_gradient)
      write_target_gradient(r, s, distance[i], scale_of_row(j, r->x.row, r->t.row_weight), NULL);
    if (!call->output) continue;
    const row_constants c = constants_of_row(j, &b->outcome, i);
    write_call_row(r, s, &c);
  }
}

XENT_SHARED xent_status generic_forward_rows(const xent_call *call, row_buffers buffers) {
  const job j = job_of(call);
  generic_block b;
  xent_status status = XENT_OK;
  begin_rows(&b, &j, buffers);
  for (int64_t row = call->row_begin; row < call->row_end && !status;) {
    no_rows(&b.sums);
    for (; row < call->row_end && !status && b.sums.rows.count < b.most; row++) status = take_generic_row(&b, row);
    if (b.sums.rows.count) finish_rows(&b);
  }
  return status;
}
XENT_DEFINE_ROWS(generic_forward)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls over rows in float64 arithmetic; f64_contract_row (native/test/contract/f64.c) is the plain form.
 *   for each block of up to sixteen rows:
 *     for each tile: max, e and sums over the classes, chunk by chunk      f64_first_pass
 *     results of all rows of the block
 *     for each tile: y of its classes                                      f64_write_tile
 * A tile is one row, or interleaved rows: tile.h.
 */
#ifndef XENT_F64_ROWS_H
#define XENT_F64_ROWS_H

#include <stddef.h>

#include "kernels/paths/f64/f64_emit.h"
#include "kernels/supported.h"

XENT_INLINE int64_t f64_class_end(const xent_call *call, int64_t classes) {
  return call->class_end < classes ? call->class_end : classes;
}

/* The gradient of a target: c (1 - eps) w (log-sum-exp - x). */
XENT_INLINE double f64_target_gradient(const f64_row *r, const f64_sums *g, int j, double c, int64_t class, double x) {
  const double weight = c * (r->t.confidence * class_weight_at(r->call, class));
  return weight == 0 ? 0 : f64_quiet(weight * fused_double(g->max[j] - x, r->temperature.high, g->distance[j]));
}
XENT_SHARED void f64_target_gradients(const f64_block *k, int j) {
  const xent_call *call = k->call;
  const f64_row *r = k->rows + j;
  const f64_sums *g = &k->sums;
  const double c = gradient_scale_of_row(call, r->logits.row, r->t.row_weight);
  const xent_layout *l = &call->shape->target_gradient;
  const double fixed = f64_fixed(XENT_F64_GRADIENT, g->row_kind[j]);
  for (int64_t i = 0; r->t.sparse && i < call->shape->target_count; i++) {
    int64_t class;
    double target, out = fixed;
    if (!g->row_kind[j] && f64_entry_at(r, i, 0, r->logits.classes, &class, &target))
      out = f64_target_gradient(r, g, j, c, class, f64_prepared_one(&r->logits, class, g->shift[j]));
    put_number(call->target_gradient, l->type, row_offset(call->shape, l, r->logits.row) + i * l->classes, out);
  }
  if (r->t.sparse) return;
  const strided dq = strided_row(call, call->target_gradient, l, r->logits.span);
  if (g->row_kind[j]) f64_fill(&dq, 0, r->logits.classes, fixed);
  for (int64_t i = 0; !g->row_kind[j] && i < r->logits.classes; i += XENT_PIECE) {
    const int64_t n = f64_part(i, r->logits.classes, XENT_PIECE);
    const double *x = f64_prepared(&r->logits, i, n, g->shift[j], k->b->out, NULL);
    double *out = f64_room(&dq, i, k->b->out);
    for (int64_t e = 0; e < n; e++) out[e] = f64_target_gradient(r, g, j, c, i + e, x[e]);
    f64_mask(&r->logits, i, n, out, 0);
    f64_store(&dq, i, n, out);
  }
}

/* The rows of the next block, up to the first one with a wrong label, and their targets. */
XENT_SHARED xent_status f64_begin_rows(f64_block *k, int64_t row) {
  f64_sums *g = &k->sums;
  k->count = f64_rows_together(k->call, row, k->most);
  memset(g->row_kind, 0, sizeof g->row_kind);
  g->ignored = g->special = 0;
  for (int j = 0; j < k->count; j++) {
    f64_row *r = &k->rows[j];
    const xent_status status = f64_move_to(r, row + j);
    if (status) {
      k->count = j;
      return status;
    }
    if (r->t.kind == XENT_KIND_SOFTMAX && !k->call->row_weights) continue;
    g->ignored |= (uint32_t)r->t.ignored << j;
    g->row_weight[j] = r->t.row_weight;
    g->label_weight[j] = r->t.weighted && r->label != XENT_NO_CLASS ? weight_of_class(r->call, r->t.label) : 1;
    if (r->t.eps == 0 || k->call->known_statistics) continue;
    g->counted[j] = (double)count_classes(&r->logits, 0, r->logits.classes);
  }
  return XENT_OK;
}

/* The loss of a settled row with clamped terms: the row is read once more. */
XENT_SHARED double f64_clamped_loss(const f64_block *k, int j) {
  const f64_row *r = k->rows + j;
  const f64_sums *g = &k->sums;
  const f64_buffers *b = k->b;
  const xent_options *o = r->call->options;
  const double d = o->probability_clamp < DBL_MIN ? DBL_MIN : o->probability_clamp, M = g->max[j], D = g->distance[j];
  const double least = -f64_log1m(d), most = -doubles_first(f64_log(doubles_set(d))), high = r->temperature.high;
  pair sum = pair_of(doubles_set(0));
  for (int64_t i = 0; r->t.sparse && i < r->call->shape->target_count; i++) {
    int64_t class;
    double t;
    if (!f64_entry_at(r, i, 0, r->logits.classes, &class, &t) || t == 0) continue;
    const double L = fused_double(M - f64_prepared_one(&r->logits, class, g->shift[j]), high, D);
    sum = pair_add(sum, pair_of(doubles_set(t * clamped_loss(L, least, most))));
  }
  for (int64_t i = 0; !r->t.sparse && i < r->logits.classes; i += XENT_PIECE) {
    const int64_t n = f64_part(i, r->logits.classes, XENT_PIECE);
    const double *x = f64_prepared(&r->logits, i, n, g->shift[j], b->x, NULL), *t = f64_targets(r, i, n, b->t);
    for (int64_t e = 0; e < n; e++) {
      const double L = clamped_loss(fused_double(M - x[e], high, D), least, most);
      if (t[e] != 0) sum = pair_add(sum, pair_of(doubles_set(t[e] * L)));
    }
  }
  return f64_quiet(r->t.row_weight * with_z_loss(o, doubles_first(pair_value(sum)), g->log_sum_exp[j]));
}

/* The first pass, and the outputs per row. */
XENT_SHARED void f64_first_pass(f64_block *k) {
  const xent_call *call = k->call;
  for (int j = 0; j < k->count; j += XENT_F64_TILES * f64_width(k)) f64_sum_tiles(k, j);
  f64_settle(k);
  for (int j = 0; clamps_terms(call) && j < k->count; j++)
    if (!k->sums.row_kind[j]) k->sums.loss[j] = f64_clamped_loss(k, j);
  if (call->entropies) f64_put_label_exponentials(k);
  if (k->outputs) f64_write_rows(k);
  for (int j = 0; call->target_gradient && j < k->count; j++) f64_target_gradients(k, j);
  if (call->targets) call->report->valid_rows += k->count - __builtin_popcount(k->sums.ignored);
}

/* Reads statistics instead of the first pass. */
XENT_SHARED void f64_known_pass(f64_block *k) {
  f64_sums *g = &k->sums;
  for (int j = 0; j < k->count; j++) {
    f64_take_statistics(&k->rows[j], known_statistics_at(k->call, k->rows[j].logits.row), g, j);
    g->kept[j] = NULL;
    k->rows[j].share = g->share[j];
  }
  for (int j = 0; k->what != XENT_F64_GRADIENT && j < k->count; j += XENT_DOUBLES) {
    const f64_reference of = f64_reference_of(doubles_load(g->reference + j), k->rows->temperature);
    doubles_store(g->distance + j, f64_distance(doubles_load(g->total + j), f64_exp(doubles_load(g->max + j), &of)));
  }
}

XENT_SHARED xent_status f64_blocks(const xent_call *call, int what, bool turned, const f64_buffers *b) {
  const int64_t most = turned && call->shape->classes > XENT_F64_MIDDLE ? XENT_F64_PART : call->shape->classes;
  const int64_t length = f64_turned_length(most); /* of the kept part of a row */
  const bool known = call->known_statistics;
  f64_block k; /* not initialized, because it is large */
  entry_lists entries;
  k.call = call;
  k.b = b;
  k.what = what;
  k.turned = turned;
  k.most = length * XENT_F64_ROWS <= b->room       ? XENT_F64_ROWS
           : length * XENT_F64_ROWS / 2 <= b->room ? XENT_F64_ROWS / 2
                                                   : 1;
  k.slopes = what == XENT_F64_GRADIENT && call->output && call->options->softcap != 0;
  k.slopes_kept = k.slopes && !known && call->shape->classes <= XENT_PIECE;
  if (k.slopes && !turned) k.most = 1;
  k.room = turned ? length : b->room / k.most;
  k.keep = (what != XENT_F64_LOG_SOFTMAX && call->output) || call->entropies;
  k.outputs = what == XENT_F64_GRADIENT || call->log_sum_exp;
  k.distances = k.outputs || what != XENT_F64_SOFTMAX;
  memset(&k.sums, 0, turned && !known ? offsetof(f64_sums, max) : sizeof k.sums);
  f64_set_row(k.rows, call, call->logits, &call->shape->logits);
  for (int j = 1; j < k.most && j < call->row_end - call->row_begin; j++) k.rows[j] = k.rows[0];
  xent_status status = XENT_OK;
  for (int64_t row = call->row_begin; !status && row < call->row_end; row += k.count) {
    status = f64_begin_rows(&k, row);
    f64_row *first = k.rows; /* the only one that can have several chunks */
    if (first->t.sparse)
      first->entries = list_entries(call, first->logits.row, first->logits.classes, XENT_CHUNK_SHIFT, &entries);
    if (known)
      f64_known_pass(&k);
    else
      f64_first_pass(&k);
    if (!call->output) continue;
    if (what == XENT_F64_GRADIENT) f64_prepare_gradients(&k);
    for (int j = 0; j < k.count; j += f64_width(&k)) {
      const int64_t classes = k.rows[j].logits.classes;
      f64_write_tile(&k, j, known ? call->class_begin : 0, known ? f64_class_end(call, classes) : classes);
    }
  }
  return status;
}
#define XENT_F64_ROWS_WITH(name, chunk, part)                                                          \
  static __attribute__((noinline)) xent_status name(const xent_call *call, int what, bool turned) {     \
    XENT_F64_BUFFERS(b, chunk, part);                                                                   \
    return f64_blocks(call, what, turned, &b);                                                          \
  }
XENT_F64_ROWS_WITH(f64_few, XENT_F64_ROWS * XENT_F64_FEW, XENT_F64_ROWS * XENT_F64_FEW)
XENT_F64_ROWS_WITH(f64_middle, XENT_F64_ROWS / 2 * XENT_F64_MIDDLE, XENT_F64_ROWS / 2 * XENT_F64_MIDDLE)
XENT_F64_ROWS_WITH(f64_many, XENT_CHUNK, XENT_PIECE)

/* Whether a vector can hold a class of several rows, with few unused lanes. The time over that of row after row is 1.05
 * for two rows of 48 classes, 1.6 for two rows of 256, and 0.4 to 0.6 for columns (AVX2, AMD EPYC, two busy cores,
 * November 2026). For many rows it is 0.6 to 0.7 up to 64 classes, 0.94 for 128, 1.0 for 192, 1.05 to 1.14
 * and at most 1.8 for 256 (AVX2 and AVX-512, Intel Xeon, November 2026). */
enum { XENT_F64_MOST_OF_ROWS = 192 };
XENT_INLINE bool f64_tiles_fit(const xent_call *call) {
  const xent_shape *s = call->shape;
  const bool whole = !call->known_statistics || call->class_end - call->class_begin == s->classes;
  const int64_t rows = call->row_end - call->row_begin;
  const bool columns = side_by_side(s, &s->logits);
  const bool enough = rows >= (XENT_DOUBLES + 1) / 2 &&
                      (columns || s->classes > XENT_F64_MIDDLE || lanes_are_filled(rows, XENT_DOUBLES, s->classes, 60));
  if (!whole || !enough || call->row_offsets || s->target_count || clamps_terms(call)) return false;
  const row_targets t = targets_of_call(call);
  const bool capped = call->options->softcap != 0;
  const bool simple = t.kind != XENT_KIND_PROBABILITIES && t.eps == 0 && !call->entropies && !capped;
  /* Each pass reads the unchanged parts again, which a few columns do not pay for. */
  const bool in_parts = simple && columns && s->inner > 4;
  return s->classes <= (columns ? XENT_F64_MIDDLE : XENT_F64_MOST_OF_ROWS) || in_parts;
}
XENT_INLINE xent_status f64_tiles(const xent_call *call, int what) {
  return (call->shape->classes <= XENT_F64_FEW ? f64_few : f64_middle)(call, what, true);
}
XENT_INLINE xent_status f64_rows(const xent_call *call, int what) {
  return (call->shape->classes <= XENT_F64_FEW ? f64_few : f64_many)(call, what, false);
}
#define XENT_F64_PATH(name, work, what)                                    \
  static xent_status name(const xent_call *call, xent_kernel fallback) {  \
    (void)fallback;                                                       \
    return work(call, what);                                              \
  }
XENT_F64_PATH(f64_softmax_tiles, f64_tiles, call->log ? XENT_F64_LOG_SOFTMAX : XENT_F64_SOFTMAX)
XENT_F64_PATH(f64_softmax_rows, f64_rows, call->log ? XENT_F64_LOG_SOFTMAX : XENT_F64_SOFTMAX)
XENT_F64_PATH(f64_log_sum_exp_tiles, f64_tiles, XENT_F64_SOFTMAX)
XENT_F64_PATH(f64_log_sum_exp_rows, f64_rows, XENT_F64_SOFTMAX)
XENT_F64_PATH(f64_loss_tiles, f64_tiles, XENT_F64_GRADIENT)
XENT_F64_PATH(f64_loss_rows, f64_rows, XENT_F64_GRADIENT)

#endif

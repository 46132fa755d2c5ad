/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of 384 to 1024 classes that flow by, one after the other: while one is at its exponentials, the second one behind
 * it is searched for its maximum, and the second one before it is written. What a row needs is ready two rows later, so
 * that no chain of dependent steps is waited for. Losses, log-sum-exp and the like are computed for sixteen rows at once.
 */
#ifndef XENT_BLOCK_FLOW_H
#define XENT_BLOCK_FLOW_H

#include "kernels/block/input.h"
#include "kernels/row/emit.h"

enum {
  XENT_FLOW_LEAST = 384, /* classes: in shorter rows, what is done once per row costs more than is gained */
  XENT_FLOW_AHEAD = 2,                   /* rows from the search to the exponentials, and from there to the writing */
  XENT_FLOW_ROWS = 2 * XENT_FLOW_AHEAD + 1,
  XENT_FLOW_KEPT = XENT_FLOW_AHEAD + 1
};

typedef struct {
  int64_t row;
  const float *x;
  float *y, *e;
  int32_t label;
  bool here;      /* else the place is empty: before the first row, or behind the last one */
  bool writes;
  lanes largest;
  float max, reference;
  float factor, label_gradient;
} flow_row;

/* Rows whose sums are known and whose results are not. */
typedef struct {
  block_rows rows;
  float max[XENT_BLOCK_ROWS], logit[XENT_BLOCK_ROWS];
  double sum[XENT_BLOCK_ROWS];
  uint32_t first, apart; /* rows whose label is the first of the largest; whose gradient is not written here */
} flow_results;

typedef struct {
  block_source source;
  block_rows taken;
  int32_t label[XENT_BLOCK_ROWS];
  int next; /* of the rows taken */
  flow_results results;
  XENT_ALIGNED float e[XENT_FLOW_KEPT][XENT_EXACT_MAX];
  flow_row row[XENT_FLOW_ROWS];
} flow;

/* The next row enters, if there is one. */
XENT_INLINE bool flow_enter(flow *f, flow_row *to, int64_t step, const bool labels) {
  const xent_call *call = f->source.call;
  if (f->next == f->taken.count) {
    block_take(&f->source, &f->taken, f->label, labels, XENT_BLOCK_ROWS);
    f->next = 0;
  }
  to->here = f->next < f->taken.count;
  if (!to->here) return false;
  to->row = block_row(&f->taken, f->next);
  to->label = labels ? f->label[f->next] : 0;
  f->next++;
  to->x = call->logits + row_offset(call->shape, &call->shape->logits, to->row);
  to->y = call->output ? call->output + row_offset(call->shape, call->output_layout, to->row) : NULL;
  to->e = f->e[step % XENT_FLOW_KEPT];
  to->largest = lanes_set(-INFINITY);
  return true;
}

/* The next of the m classes that are left; e(-inf) = +0 in place of those that are not there. */
XENT_INLINE lanes flow_load(const float *x, int64_t m) {
  if (m >= XENT_LANES) return lanes_load(x);
  return m > 0 ? lanes_load_part(x, m, -INFINITY) : lanes_set(-INFINITY);
}
/* Vectors at.. of a group of m classes. */
XENT_INLINE void flow_load_batch(const float *x, int64_t m, const int at, const bool whole, lanes v[XENT_BATCH_MAX]) {
  XENT_UNROLL(4)
  for (int k = 0; k < XENT_BATCH; k++) {
    const int64_t i = (int64_t)(at + k) * XENT_LANES;
    v[k] = whole ? lanes_load(x + i) : flow_load(x + i, m - i);
  }
}

/* Vectors at.. of a group are done; without: the class of the group that is not added, if it is one. */
XENT_INLINE void flow_take(group_tree *tree, const int at, lanes *e, float *kept, int64_t without) {
  const int64_t lane = without - (int64_t)at * XENT_LANES;
  if (lane >= 0 && lane < XENT_BATCH * XENT_LANES) {
    XENT_UNROLL(4)
    for (int k = 0; k < XENT_BATCH; k++) e[k] = lanes_drop(e[k], lane - k * XENT_LANES);
  }
  take_batch(tree, at, e, kept);
}

/* Classes [i, i + m) of a row. */
XENT_INLINE void flow_write(const flow_row *row, int64_t i, int64_t m) {
  const lanes f = lanes_set(row->factor);
  const int64_t end = i + m;
  for (; i + XENT_LANES <= end; i += XENT_LANES) lanes_store(row->y + i, lanes_mul(lanes_load(row->e + i), f));
  if (i < end) lanes_store_part(row->y + i, end - i, lanes_mul(lanes_load(row->e + i), f));
}

/* What is at work in a step. */
typedef struct {
  flow_row *search, *now;
  const flow_row *before;
  bool write;
  lanes largest;
  exp_references references;
  exp_half half; /* of the next batch of `now` */
  dlanes sum;
} flow_work;

/* The group of m classes from class i on, `left` being all that are left. */
XENT_INLINE void flow_group(flow_work *w, int64_t i, const int64_t m, int64_t left, const bool whole,
                            const bool labels, const bool keep) {
  enum { LAST = XENT_GROUP_VECTORS - XENT_BATCH };
  const float *x = w->now->x + i;
  float *kept = keep ? w->now->e + i : NULL;
  const int64_t without = labels ? w->now->label - i : XENT_NO_CLASS;
  lanes v[XENT_BATCH_MAX], e[XENT_BATCH_MAX];
  group_tree tree = {.group = lanes_set(0.0f)};
  if (w->search->here) w->largest = group_largest(w->search->x + i, m, w->largest);
  XENT_UNROLL(8)
  for (int at = XENT_BATCH; at < XENT_GROUP_VECTORS; at += XENT_BATCH) {
    flow_load_batch(x, m, at, whole, v);
    exp_step(&w->half, v, e, XENT_BATCH, w->references);
    flow_take(&tree, at - XENT_BATCH, e, kept, without);
  }
  if (whole && left > XENT_GROUP) {
    if (left >= XENT_GROUP + XENT_BATCH * XENT_LANES)
      flow_load_batch(x + XENT_GROUP, 0, 0, true, v);
    else
      flow_load_batch(x + XENT_GROUP, left - XENT_GROUP, 0, false, v);
    exp_step(&w->half, v, e, XENT_BATCH, w->references);
  } else {
    exp_end(&w->half, e, XENT_BATCH);
  }
  flow_take(&tree, LAST, e, kept, without);
  w->sum = dlanes_add(w->sum, dlanes_widen(tree.group));
  if (keep && w->write) flow_write(w->before, i, m);
}

/* The sum of e over the classes of `now`, group by group, and beside each group the same one of the other rows. */
XENT_INLINE double flow_step(int64_t n, flow_row *search, flow_row *now, const flow_row *before, const bool labels,
                             const bool keep) {
  flow_work w = {.search = search,
                 .now = now,
                 .before = before,
                 .write = before->here && before->writes,
                 .largest = search->largest,
                 .references = exp_everywhere(exp_reference_of(now->reference)),
                 .sum = dlanes_zero()};
  lanes v[XENT_BATCH_MAX];
  flow_load_batch(now->x, 0, 0, true, v);
  exp_begin(&w.half, v, XENT_BATCH, w.references);
  int64_t i = 0;
  for (; i + XENT_GROUP <= n; i += XENT_GROUP) flow_group(&w, i, XENT_GROUP, n - i, true, labels, keep);
  if (i < n) flow_group(&w, i, n - i, n - i, false, labels, keep);
  search->largest = w.largest;
  return dlanes_tree(w.sum);
}

/* A row that has no next one to share its loop with. */
XENT_INLINE void flow_search(flow_row *row, int64_t n) {
  for (int64_t i = 0; i < n; i += XENT_GROUP)
    row->largest = group_largest(row->x + i, n - i < XENT_GROUP ? n - i : XENT_GROUP, row->largest);
}

XENT_INLINE void flow_found(flow_row *row) {
  row->max = lanes_largest(row->largest);
  row->reference = reference_for(row->max);
}

/* Whether a row is done with this arithmetic; else it is computed alone. */
XENT_INLINE bool flow_is_regular(const flow_row *row, double S) {
  return fabsf(row->max) <= XENT_LIMIT && S == S;
}

XENT_INLINE void flow_results_begin(flow_results *r) {
  r->rows.count = 0;
  r->rows.adjacent = true;
  r->first = r->apart = 0;
}
/* Rows that leave are computed when their block's results are written, which they would be overwritten by. */
XENT_INLINE void flow_results_end(flow *f) {
  flow_results *r = &f->results;
  if (r->rows.count == 0) return;
  for (int i = r->rows.count; i < XENT_BLOCK_ROWS; i++) {
    r->max[i] = r->max[0];
    r->logit[i] = r->logit[0];
    r->sum[i] = r->sum[0];
  }
  const lanes max = lanes_load(r->max);
  const block_statistics s =
      block_label_statistics(max, references_for(max), dlanes_load(r->sum), lanes_load(r->logit));
  const uint32_t leave = block_all_rows(&r->rows) & (s.special | r->apart);
  write_label_results(f->source.call, &r->rows, &s, block_all_rows(&r->rows) & ~leave, r->first);
  const xent_status status = rows_alone(f->source.call, &r->rows, leave, f->source.kernel);
  if (status) f->source.status = status;
  flow_results_begin(r);
}
XENT_INLINE void flow_result(flow *f, const flow_row *row, double total, float logit) {
  flow_results *r = &f->results;
  const int i = r->rows.count;
  if (i == 0) r->rows.first = row->row;
  if (row->row != r->rows.first + i) r->rows.adjacent = false;
  r->rows.row[i] = row->row;
  r->rows.count++;
  r->max[i] = row->max;
  r->logit[i] = logit;
  r->sum[i] = total;
  if (f->source.call->output) r->apart |= (uint32_t)!row->writes << i;
  if (f->source.call->hits && logit == row->max)
    r->first |= (uint32_t)label_is_first(row->x, row->label) << i;
  if (r->rows.count == XENT_BLOCK_ROWS) flow_results_end(f);
}

/* From the sum of a row to what it is written with. */
XENT_INLINE void flow_finish_softmax(flow_row *row, double total) {
  const double S = total * XENT_UNSCALE;
  row->factor = (float)(XENT_UNSCALE / S);
  row->writes = flow_is_regular(row, S);
}
XENT_INLINE void flow_finish_label(flow *f, flow_row *row, double total) {
  const xent_call *call = f->source.call;
  const float logit = row->x[row->label];
  if (call->output) {
    const double c = gradient_scale_of(call->options), S_o = total * XENT_UNSCALE;
    const double e = (double)exp_one(logit, exp_reference_of(row->reference)) * XENT_UNSCALE, S = S_o + e;
    const double G = XENT_UNSCALE / S * c, size = fabs(G);
    row->factor = (float)G;
    row->label_gradient = (float)((0 - S_o / S) * c);
    row->writes = flow_is_regular(row, S) && (size == 0 || (size >= 0x1p-126 && size <= FLT_MAX));
  }
  flow_result(f, row, total, logit);
}

XENT_INLINE xent_status flow_rows(const xent_call *call, row_kernel kernel, const bool labels, const bool keep) {
  flow f;
  const int64_t n = call->shape->classes;
  f.source = (block_source){.call = call, .kernel = kernel, .row = call->row_begin};
  f.taken.count = f.next = 0;
  flow_results_begin(&f.results);
  for (int k = 0; k < XENT_FLOW_ROWS; k++) f.row[k] = (flow_row){.largest = lanes_set(-INFINITY)};
  for (int64_t step = 0;; step++) {
    flow_row *search = &f.row[step % XENT_FLOW_ROWS], *ready = &f.row[(step + 4) % XENT_FLOW_ROWS],
             *now = &f.row[(step + 3) % XENT_FLOW_ROWS], *before = &f.row[(step + 1) % XENT_FLOW_ROWS];
    flow_enter(&f, search, step, labels);
    if (ready->here) flow_found(ready);
    if (now->here) {
      const double sum = flow_step(n, search, now, before, labels, keep);
      if (labels)
        flow_finish_label(&f, now, sum);
      else
        flow_finish_softmax(now, sum);
    } else {
      if (search->here) flow_search(search, n);
      if (before->here && before->writes) flow_write(before, 0, n);
      if (!search->here && !ready->here && !before->here && !f.row[(step + 2) % XENT_FLOW_ROWS].here) break;
    }
    if (before->here && call->output) {
      if (before->writes && labels) before->y[before->label] = before->label_gradient;
      if (!before->writes && !labels) {
        const xent_status status = row_alone(call, before->row, kernel);
        if (status) f.source.status = status;
      }
    }
    before->here = false;
  }
  flow_results_end(&f);
  return f.source.status;
}

#endif

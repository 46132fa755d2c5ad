/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that are general for the types of their numbers alone, on rows of few classes: some rows at a time are widened
 * into a scratch, where the kernels of plain calls take them side by side, and the results are rounded from there.
 */
#ifndef XENT_GENERAL_NARROW_H
#define XENT_GENERAL_NARROW_H

#include "kernels/general/families.h"
#include "kernels/tier/tier.h"

enum {
  XENT_NARROW_FLOATS = 4096, /* of the scratch, beside which the plain kernels take stack of their own */
  XENT_NARROW_CLASSES = XENT_NARROW_FLOATS / XENT_LANES, /* at most: sixteen rows fit */
  XENT_NARROW_ROWS = 256     /* at once, at most */
};

XENT_INLINE bool is_general_for_types_alone(const xent_call *c) {
  const xent_options *o = c->options;
  const bool arrays = c->row_offsets || c->class_mask || c->class_weights || c->row_weights || c->sink || c->target_weights ||
                      c->log_probabilities || c->argmax || c->ranks || c->entropies || c->top_classes ||
                      c->top_log_probabilities || c->target_gradient;
  const bool options = o->label_smoothing != 0 || o->smoothing || o->temperature != 0 || o->softcap != 0 || o->z_loss != 0 ||
                       o->probability_clamp != 0;
  return !arrays && !options && !c->statistics && !c->known_statistics && !c->shape->all_classes;
}

/* Whether such a call has rows that are worth it: several, of few classes side by side. */
XENT_INLINE bool takes_rows_together(const xent_call *c) {
  const xent_shape *s = c->shape;
  return s->inner == 1 && s->classes > 1 && s->classes <= XENT_NARROW_CLASSES && c->row_end - c->row_begin > 1 &&
         s->logits.classes == 1 && (!c->output || c->output_layout->classes == 1) && (!c->targets || has_labels(c)) &&
         is_general_for_types_alone(c);
}

/* Rows from `begin` on of an array with a number per class, as floats without gaps between them. */
XENT_INLINE const float *rows_of_floats(const xent_call *call, const void *array, const xent_layout *l, int64_t begin,
                                        int64_t rows, float *scratch) {
  const int64_t classes = call->shape->classes;
  if (l->outer == classes) {
    const strand s = strand_of_row(call, array, l, span_of_row(call, begin));
    return strand_floats(&s, 0, rows * classes, scratch);
  }
  for (int64_t i = 0; i < rows; i++) {
    const strand s = strand_of_row(call, array, l, span_of_row(call, begin + i));
    float *row = scratch + i * classes;
    const float *floats = strand_floats(&s, 0, classes, row);
    if (floats != row) memcpy(row, floats, (size_t)classes * sizeof *row);
  }
  return scratch;
}

XENT_INLINE void put_rows(const xent_call *call, int64_t begin, int64_t rows, const float *v) {
  const int64_t classes = call->shape->classes;
  const bool dense = call->output_layout->outer == classes;
  for (int64_t i = 0; i < rows; i += dense ? rows : 1) {
    const strand s = strand_of_row(call, call->output, call->output_layout, span_of_row(call, begin + i));
    strand_put(&s, 0, dense ? rows * classes : classes, v + i * classes, call->stream);
  }
}

XENT_INLINE void put_vector(const xent_call *call, void *array, const xent_layout *l, int64_t begin, int64_t rows,
                            const float *v) {
  for (int64_t i = 0; array && i < rows; i++) put_float(array, l, row_offset(call->shape, l, begin + i), (double)v[i]);
}

/* Where the numbers of a row begin in an array with one per row. */
XENT_INLINE const char *vector_from(const void *array, const xent_layout *l, int64_t begin, int64_t size) {
  return array ? (const char *)array + begin * l->outer * size : NULL;
}

XENT_INLINE int64_t size_of_label_type(int32_t type) {
  return type == XENT_I64 ? 8 : type == XENT_I32 ? 4 : type == XENT_I16 ? 2 : 1;
}

/* A call on rows from `begin` on by the plain kernel, in a shape in which they are the first. */
XENT_SHARED xent_status rows_together(const xent_call *call, xent_kernel kernel) {
  XENT_ALIGNED float scratch[XENT_NARROW_FLOATS];
  float losses[XENT_NARROW_ROWS], log_sum_exp[XENT_NARROW_ROWS];
  const xent_shape *s = call->shape;
  const int64_t classes = s->classes, fit = XENT_NARROW_FLOATS / classes / XENT_LANES * XENT_LANES;
  const int64_t most = fit < XENT_NARROW_ROWS ? fit : XENT_NARROW_ROWS;
  xent_shape shape = *s;
  shape.logits = shape.output = shape.gradient = (xent_layout){.outer = classes, .classes = 1, .inner = 1, .type = XENT_F32};
  shape.losses = shape.log_sum_exp = (xent_layout){.outer = 1, .inner = 1, .type = XENT_F32};
  xent_call part = {.shape = &shape, .options = call->options, .class_end = classes, .output_layout = &shape.output,
                    .output = call->output ? scratch : NULL, .losses = call->losses ? losses : NULL,
                    .log_sum_exp = call->log_sum_exp ? log_sum_exp : NULL, .tally = call->tally, .report = call->report,
                    .log = call->log};
  for (int64_t begin = call->row_begin; begin < call->row_end; begin += most) {
    const int64_t rows = call->row_end - begin < most ? call->row_end - begin : most;
    shape.outer = part.row_end = rows;
    part.logits = rows_of_floats(call, call->logits, &s->logits, begin, rows, scratch);
    part.targets = vector_from(call->targets, &s->targets, begin, size_of_label_type(s->targets.type));
    part.hits = (uint8_t *)(uintptr_t)vector_from(call->hits, &s->hits, begin, 1);
    const xent_status status = kernel(&part);
    const int64_t done = status ? call->report->row : rows; /* rows before a wrong label are written */
    if (call->output) put_rows(call, begin, done, scratch);
    put_vector(call, call->losses, &s->losses, begin, done, losses);
    put_vector(call, call->log_sum_exp, &s->log_sum_exp, begin, done, log_sum_exp);
    if (status) {
      call->report->row += begin;
      return status;
    }
  }
  return XENT_OK;
}

static xent_status softmax_of_any_type(const xent_call *call) {
  return takes_rows_together(call) ? rows_together(call, XENT_TIER_NAME(plain).softmax_forward) : general_softmax(call);
}
static xent_status log_sum_exp_of_any_type(const xent_call *call) {
  return takes_rows_together(call) ? rows_together(call, XENT_TIER_NAME(plain).log_sum_exp) : general_log_sum_exp(call);
}
static xent_status cross_entropy_of_any_type(const xent_call *call) {
  return call->targets && takes_rows_together(call) ? rows_together(call, XENT_TIER_NAME(plain).cross_entropy_forward)
                                                    : general_cross_entropy(call);
}

#endif

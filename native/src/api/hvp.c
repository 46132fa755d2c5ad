/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of Hessian-vector products of cross-entropy. They compute the softmax of a block of rows, then its
 * backward in place while the block is in the caches. contract_hvp (native/test/contract/hvp.c) is the plain form. */
#include "api/calls.h"
#include "kernels/present.h"
#include "kernels/supported.h"
#include "kernels/stages/targets/entries.h"

enum { BLOCK = 1 << 15 /* numbers */, COLUMNS = 16 };

#define PLACES(_, c)                                                                                         \
  _(c, logits, LOGITS, NEEDED) _(c, upstream, UPSTREAM, NEEDED) _(c, output, OUTPUT_ARRAY, NEEDED)           \
  _(c, class_mask, CLASS_MASK, OPTIONAL) _(c, row_weights, ROW_WEIGHTS, OPTIONAL) _(c, sink, SINK, OPTIONAL) \
  _(c, row_offsets, ROW_OFFSETS, OPTIONAL)
XENT_PLACES(places, xent_cross_entropy_hvp_call, PLACES);

static xent_status hvp(xent_frame *f);
const xent_entry xent_of_cross_entropy_hvp = {
    XENT_ARGUMENTS(xent_cross_entropy_hvp_call, 336, places, hvp), .own_options = XENT_OPTIONS_FOR(XENT_FOR_HVP)};

/* The output temporarily holds the probabilities, which must not be rounded. */
static xent_status check_output_type(xent_frame *f) {
  const int32_t type = f->call.shape->output.type;
  if (type == (f->wide ? XENT_F64 : XENT_F32)) return XENT_OK;
  return xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_OUTPUT, type);
}

static double weight_of_row(const xent_call *c, int64_t row) {
  return row_number(c, c->row_weights, &c->shape->row_weights, row, 1);
}

/* The end of the block that begins at a row: consecutive rows with the same weight. */
static int64_t end_of_block(const xent_call *c, int64_t row, int64_t end, double weight) {
  const int64_t fit = BLOCK / c->shape->classes, least = c->shape->inner > 1 ? COLUMNS : 1;
  const int64_t most = fit > least ? fit : least, last = end - row > most ? row + most : end;
  if (!c->row_weights) return last;
  while (++row < last && weight_of_row(c, row) == weight) continue;
  return row;
}

static void clear_rows(const xent_call *c) {
  const xent_layout *l = &c->shape->output;
  const size_t size = (size_t)xent_element_type_of(l->type).size;
  for (int64_t row = c->row_begin; row < c->row_end; row++) {
    const row_span span = span_of_row(c, row);
    const int64_t at = class_offset(c, l, span);
    for (int64_t class = 0; class < span.classes; class++)
      memset((char *)c->output + (size_t)(at + class * l->classes) * size, 0, size);
  }
}

static xent_status run_blocks(xent_frame *f) {
  const xent_family *family = family_of(f);
  const xent_call *c = &f->call;
  const double temperature = c->options->temperature, r = temperature != 0 ? 1 / temperature : 1;
  const double scale = gradient_scale_of(c->options);
  xent_call block = *c;
  xent_status status = XENT_OK;
  block.output_layout = &c->shape->output;
  drop_other_arrays(&block, ~XENT_HAS(row_weights)); /* they are part of the factor */
  xent_call softmax = block;
  drop_other_arrays(&softmax, ~XENT_HAS(upstream));
  block.forward_output = c->output;
  for (int64_t row = c->row_begin; row < c->row_end && !status; row = block.row_end) {
    const double weight = weight_of_row(c, row);
    block.row_begin = row;
    block.row_end = end_of_block(c, row, c->row_end, weight);
    block.factor = scale * weight * r * r;
    if (weight == 0) {
      clear_rows(&block);
      continue;
    }
    softmax.row_begin = block.row_begin;
    softmax.row_end = block.row_end;
    status = family->softmax_forward(&softmax);
    if (!status) status = family->softmax_backward(&block);
  }
  return status;
}

static xent_status hvp(xent_frame *f) {
  xent_status status = xent_begin_call(f, &xent_of_cross_entropy_hvp);
  if (!status) status = xent_check_arrays(f, &xent_of_cross_entropy_hvp);
  if (!status) status = check_output_type(f);
  if (!status && !f->keep) status = run_blocks(f);
  return xent_end(f, status);
}

xent_status xent_cross_entropy_hvp(const xent_cross_entropy_hvp_call *c) {
  return xent_make_call(c, &xent_of_cross_entropy_hvp);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of softmax, log-softmax and log-sum-exp. */
#include "api/calls.h"

/* A call without known statistics must have all classes of its rows. */
static xent_status check_whole_row(xent_frame *f) {
  const xent_call *c = &f->call;
  if (c->known_statistics) return XENT_OK;
  if (c->shape->all_classes) return xent_check_whole(f);
  if (c->class_begin == 0 && c->class_end == c->shape->classes) return XENT_OK;
  return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_CLASS_RANGE, 0);
}

/* ---- softmax and log-softmax ---- */

#define SOFTMAX_PLACES(_, c)                                                                             \
  _(c, logits, LOGITS, NEEDED) _(c, output, OUTPUT_ARRAY, NEEDED) _(c, class_mask, CLASS_MASK, OPTIONAL) \
  _(c, sink, SINK, OPTIONAL) _(c, row_offsets, ROW_OFFSETS, OPTIONAL) _(c, statistics, KNOWN_STATISTICS, OPTIONAL) \
  XENT_SHARD_SIZES(_, c)
XENT_PLACES(softmax_places, xent_softmax_call, SOFTMAX_PLACES);

static xent_status softmax(xent_frame *f);
static xent_status log_softmax(xent_frame *f);
const xent_entry xent_of_softmax = {XENT_ARGUMENTS(xent_softmax_call, 288, softmax_places, softmax)};
const xent_entry xent_of_log_softmax = {XENT_ARGUMENTS(xent_softmax_call, 288, softmax_places, log_softmax)};

static xent_status softmax(xent_frame *f) {
  xent_call *c = &f->call;
  xent_status status = xent_begin_call(f, &xent_of_softmax);
  if (!status) status = check_whole_row(f);
  if (!status) status = xent_check_arrays(f, &xent_of_softmax);
  if (!status && c->known_statistics) status = xent_check_statistics(f, XENT_KIND_SOFTMAX, xent_digest_of(c));
  if (!status) {
    c->output_layout = &c->shape->output;
    c->stream = worth_streaming(f, c->output, c->logits, 2);
    status = run_kernel(f, family_of(f)->softmax_forward);
  }
  return xent_end(f, status);
}

static xent_status log_softmax(xent_frame *f) {
  f->call.log = true;
  return softmax(f);
}

xent_status xent_softmax(const xent_softmax_call *c) { return xent_make_call(c, &xent_of_softmax); }
xent_status xent_log_softmax(const xent_softmax_call *c) { return xent_make_call(c, &xent_of_log_softmax); }

/* ---- log-sum-exp ---- */

#define LOG_SUM_EXP_PLACES(_, c)                                                                             \
  _(c, logits, LOGITS, NEEDED) _(c, log_sum_exp, LOG_SUM_EXP, NEEDED) _(c, class_mask, CLASS_MASK, OPTIONAL) \
  _(c, sink, SINK, OPTIONAL) _(c, row_offsets, ROW_OFFSETS, OPTIONAL)
XENT_PLACES(log_sum_exp_places, xent_log_sum_exp_call, LOG_SUM_EXP_PLACES);

static xent_status log_sum_exp_of(xent_frame *f);
const xent_entry xent_of_log_sum_exp = {
    XENT_ARGUMENTS(xent_log_sum_exp_call, 256, log_sum_exp_places, log_sum_exp_of)};

static xent_status log_sum_exp_of(xent_frame *f) {
  xent_status status = xent_begin_call(f, &xent_of_log_sum_exp);
  if (!status) status = xent_check_arrays(f, &xent_of_log_sum_exp);
  if (!status) status = run_kernel(f, family_of(f)->log_sum_exp);
  return xent_end(f, status);
}

xent_status xent_log_sum_exp(const xent_log_sum_exp_call *c) { return xent_make_call(c, &xent_of_log_sum_exp); }

/* ---- backward ---- */

#define BACKWARD_PLACES(_, c)                                                                                  \
  _(c, output, KNOWN_OUTPUT, NEEDED) _(c, upstream, UPSTREAM, NEEDED) _(c, gradient, SOFTMAX_GRADIENT, NEEDED) \
  _(c, class_mask, CLASS_MASK, OPTIONAL) _(c, row_offsets, ROW_OFFSETS, OPTIONAL)                              \
  _(c, statistics, KNOWN_STATISTICS, OPTIONAL) \
  XENT_SHARD_SIZES(_, c)
XENT_PLACES(backward_places, xent_softmax_backward_call, BACKWARD_PLACES);

static xent_status softmax_backward(xent_frame *f);
static xent_status log_softmax_backward(xent_frame *f);
const xent_entry xent_of_softmax_backward = {
    XENT_ARGUMENTS(xent_softmax_backward_call, 288, backward_places, softmax_backward), .backward = true,
    .own_options = XENT_OPTIONS_OF_SOFTMAX_BACKWARD};
const xent_entry xent_of_log_softmax_backward = {
    XENT_ARGUMENTS(xent_softmax_backward_call, 288, backward_places, log_softmax_backward), .backward = true,
    .own_options = XENT_OPTIONS_OF_SOFTMAX_BACKWARD};

static xent_status softmax_backward(xent_frame *f) {
  xent_call *c = &f->call;
  xent_status status = xent_begin_call(f, &xent_of_softmax_backward);
  if (!status) status = check_whole_row(f);
  if (!status) status = xent_check_arrays(f, &xent_of_softmax_backward);
  if (!status && c->known_statistics) status = xent_check_statistics(f, XENT_KIND_BACKWARD, c->log);
  if (!status) {
    const double temperature = c->options->temperature;
    c->factor = temperature != 0 ? 1 / temperature : 1;
    c->output_layout = &c->shape->gradient;
    c->stream = worth_streaming(f, c->output, c->forward_output, 3) && worth_streaming(f, c->output, c->upstream, 3);
    status = run_kernel(f, family_of(f)->softmax_backward);
  }
  return xent_end(f, status);
}

static xent_status log_softmax_backward(xent_frame *f) {
  f->call.log = true;
  return softmax_backward(f);
}

xent_status xent_softmax_backward(const xent_softmax_backward_call *c) {
  return xent_make_call(c, &xent_of_softmax_backward);
}
xent_status xent_log_softmax_backward(const xent_softmax_backward_call *c) {
  return xent_make_call(c, &xent_of_log_softmax_backward);
}

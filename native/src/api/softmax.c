/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of softmax, log-softmax and log-sum-exp. */
#include "api/calls.h"

#define XENT_GIVEN_SOFTMAX                                                                        \
  .logits = logits, .row_offsets = row_offsets, .class_mask = class_mask, .sink = sink,           \
  .known_statistics = statistics, .output = output
#define XENT_GIVEN_BACKWARD                                                                                \
  .forward_output = output, .upstream = upstream, .row_offsets = row_offsets, .class_mask = class_mask, \
  .known_statistics = statistics, .output = gradient

/* Without statistics, which are there or not: the whole row. */
static xent_status check_whole_row(xent_frame *f) {
  const xent_call *c = &f->call;
  if (c->known_statistics) return XENT_OK;
  if (c->shape->all_classes) return xent_check_whole(f);
  if (c->class_begin == 0 && c->class_end == c->shape->classes) return XENT_OK;
  return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_CLASS_RANGE, 0);
}

/* ---- softmax and log-softmax ---- */

#define PLACE(name, rule, need) XENT_PLACE(xent_softmax_call, name, rule, need)
static const xent_place softmax_places[] = {
    PLACE(logits, LOGITS, NEEDED), PLACE(output, OUTPUT_ARRAY, NEEDED), PLACE(class_mask, CLASS_MASK, OPTIONAL),
    PLACE(sink, SINK, OPTIONAL), PLACE(row_offsets, ROW_OFFSETS, OPTIONAL),
    PLACE(statistics, KNOWN_STATISTICS, OPTIONAL)};
#undef PLACE

static const xent_arguments softmax_args = {XENT_ARGUMENTS(xent_softmax_call, softmax_places, 2)};

static xent_status softmax(xent_frame *f) {
  xent_call *c = &f->call;
  xent_status status = xent_begin_call(f, &softmax_args);
  if (!status) status = check_whole_row(f);
  if (!status) status = xent_check_places(f, &softmax_args);
  if (!status && c->known_statistics) status = xent_check_statistics(f, XENT_KIND_SOFTMAX, xent_digest_of(c));
  if (!status) {
    c->output_layout = &c->shape->output;
    c->stream = worth_streaming(f, c->output, c->logits, 2);
    status = run_kernel(family_of(f)->softmax_forward, c);
  }
  return xent_end(f, status);
}

static xent_status log_softmax(xent_frame *f) {
  f->call.log = true;
  return softmax(f);
}

xent_status xent_softmax(const xent_softmax_call *c) { return xent_run(c, &softmax_args, softmax); }
xent_status xent_log_softmax(const xent_softmax_call *c) { return xent_run(c, &softmax_args, log_softmax); }

xent_status xent_softmax_at(const xent_shape *shape, const xent_options *options, int64_t row_begin, int64_t row_end,
                            int64_t class_begin, int64_t class_end, const void *logits, const void *row_offsets,
                            const void *class_mask, const void *sink, const xent_statistics *statistics, void *output,
                            xent_report *report) {
  XENT_RUN_AT(softmax, XENT_GIVEN_CLASSES, XENT_GIVEN_SOFTMAX);
}

xent_status xent_log_softmax_at(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                int64_t row_end, int64_t class_begin, int64_t class_end, const void *logits,
                                const void *row_offsets, const void *class_mask, const void *sink,
                                const xent_statistics *statistics, void *output, xent_report *report) {
  XENT_RUN_AT(log_softmax, XENT_GIVEN_CLASSES, XENT_GIVEN_SOFTMAX);
}

/* ---- log-sum-exp ---- */

#define PLACE(name, rule, need) XENT_PLACE(xent_log_sum_exp_call, name, rule, need)
static const xent_place log_sum_exp_places[] = {
    PLACE(logits, LOGITS, NEEDED), PLACE(log_sum_exp, LOG_SUM_EXP, NEEDED), PLACE(class_mask, CLASS_MASK, OPTIONAL),
    PLACE(sink, SINK, OPTIONAL), PLACE(row_offsets, ROW_OFFSETS, OPTIONAL)};
#undef PLACE

static const xent_arguments log_sum_exp_args = {XENT_ARGUMENTS(xent_log_sum_exp_call, log_sum_exp_places, 2)};

static xent_status log_sum_exp_of(xent_frame *f) {
  xent_status status = xent_begin_call(f, &log_sum_exp_args);
  if (!status) status = xent_check_places(f, &log_sum_exp_args);
  if (!status) status = run_kernel(family_of(f)->log_sum_exp, &f->call);
  return xent_end(f, status);
}

xent_status xent_log_sum_exp(const xent_log_sum_exp_call *c) { return xent_run(c, &log_sum_exp_args, log_sum_exp_of); }

xent_status xent_log_sum_exp_at(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                int64_t row_end, const void *logits, const void *row_offsets,
                                const void *class_mask, const void *sink, void *log_sum_exp, xent_report *report) {
  XENT_RUN_AT(log_sum_exp_of, .logits = logits, .row_offsets = row_offsets, .class_mask = class_mask,
              .sink = sink, .log_sum_exp = log_sum_exp);
}

/* ---- backward ---- */

#define PLACE(name, rule, need) XENT_PLACE(xent_softmax_backward_call, name, rule, need)
static const xent_place backward_places[] = {
    PLACE(output, KNOWN_OUTPUT, NEEDED), PLACE(upstream, UPSTREAM, NEEDED),
    PLACE(gradient, SOFTMAX_GRADIENT, NEEDED), PLACE(class_mask, CLASS_MASK, OPTIONAL),
    PLACE(row_offsets, ROW_OFFSETS, OPTIONAL), PLACE(statistics, KNOWN_STATISTICS, OPTIONAL)};
#undef PLACE

static const xent_arguments backward_args = {
    XENT_ARGUMENTS(xent_softmax_backward_call, backward_places, 3), .backward = true};

/* y alone does not say what the softcap's derivative was. */
static xent_status refuse_softcap(xent_frame *f) {
  const double softcap = f->call.options->softcap;
  return softcap == 0 ? XENT_OK : xent_refuse_value(f, XENT_UNSUPPORTED, XENT_FIELD_SOFTCAP, softcap);
}

static xent_status softmax_backward(xent_frame *f) {
  xent_call *c = &f->call;
  xent_status status = xent_begin_call(f, &backward_args);
  if (!status) status = check_whole_row(f);
  if (!status) status = refuse_softcap(f);
  if (!status) status = xent_check_places(f, &backward_args);
  if (!status && c->known_statistics) status = xent_check_statistics(f, XENT_KIND_BACKWARD, c->log);
  if (!status) {
    const double temperature = c->options->temperature;
    c->factor = temperature != 0 ? 1 / temperature : 1;
    c->output_layout = &c->shape->gradient;
    c->stream = worth_streaming(f, c->output, c->forward_output, 3) && worth_streaming(f, c->output, c->upstream, 3);
    status = run_kernel(family_of(f)->softmax_backward, c);
  }
  return xent_end(f, status);
}

static xent_status log_softmax_backward(xent_frame *f) {
  f->call.log = true;
  return softmax_backward(f);
}

xent_status xent_softmax_backward(const xent_softmax_backward_call *c) {
  return xent_run(c, &backward_args, softmax_backward);
}
xent_status xent_log_softmax_backward(const xent_softmax_backward_call *c) {
  return xent_run(c, &backward_args, log_softmax_backward);
}

xent_status xent_softmax_backward_at(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                     int64_t row_end, int64_t class_begin, int64_t class_end, const void *output,
                                     const void *upstream, const void *row_offsets, const void *class_mask,
                                     const xent_statistics *statistics, void *gradient, xent_report *report) {
  XENT_RUN_AT(softmax_backward, XENT_GIVEN_CLASSES, XENT_GIVEN_BACKWARD);
}

xent_status xent_log_softmax_backward_at(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                         int64_t row_end, int64_t class_begin, int64_t class_end, const void *output,
                                         const void *upstream, const void *row_offsets, const void *class_mask,
                                         const xent_statistics *statistics, void *gradient, xent_report *report) {
  XENT_RUN_AT(log_softmax_backward, XENT_GIVEN_CLASSES, XENT_GIVEN_BACKWARD);
}

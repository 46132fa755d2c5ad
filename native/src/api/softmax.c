/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of softmax, log-softmax and log-sum-exp. */
#include "api/calls.h"

static xent_status statistics_or_whole_row(xent_frame *f) {
  const xent_statistics *statistics = f->call.known_statistics;
  const xent_status status =
      xent_check_statistics_of(f, statistics, false);
  if (status) return status;
  if (!statistics && f->call.shape->all_classes) return xent_check_whole(f);
  if (statistics || (f->call.class_begin == 0 && f->call.class_end == f->call.shape->classes)) return XENT_OK;
  return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_CLASS_RANGE, 0);
}

/* ---- softmax and log-softmax ---- */

enum { SOFTMAX_USUAL = 2, LOG_SUM_EXP_USUAL = 2, BACKWARD_USUAL = 3 };

static const xent_place softmax_places[] = {
    XENT_PLACE(softmax, logits, LOGITS, true), XENT_PLACE(softmax, output, OUTPUT_ARRAY, true),
    XENT_PLACE(softmax, class_mask, CLASS_MASK, false), XENT_PLACE(softmax, sink, SINK, false),
    XENT_PLACE(softmax, row_offsets, ROW_OFFSETS, false)};

__attribute__((always_inline)) static inline xent_status softmax(xent_frame *f, bool log) {
  xent_status status = xent_begin(f, false);
  if (!status) status = xent_check_ranges(f);
  if (!status) status = statistics_or_whole_row(f);
  if (!status) status = XENT_CHECK_PLACES(f, softmax_places, SOFTMAX_USUAL);
  if (!status && f->call.known_statistics)
    status = xent_check_statistics(f, XENT_KIND_SOFTMAX, xent_digest_of(&f->call));
  if (!status) {
    f->call.output_layout = &f->call.shape->output;
    f->call.log = log;
    f->call.stream = worth_streaming(f, f->call.output, f->call.logits, 2);
    status = run_kernel(family_of(f)->softmax_forward, &f->call);
  }
  return xent_end(f, status);
}

XENT_ENTRY(softmax, softmax, softmax_places, SOFTMAX_USUAL, c->classes, f.call.known_statistics = c->statistics,
           softmax(&f, false))
XENT_ENTRY(log_softmax, softmax, softmax_places, SOFTMAX_USUAL, c->classes, f.call.known_statistics = c->statistics,
           softmax(&f, true))

#define XENT_SOFTMAX_AT(name, log)                                                                                     \
  xent_status name(const xent_shape *shape, const xent_options *options, int64_t row_begin, int64_t row_end,           \
                   int64_t class_begin, int64_t class_end, const void *logits, const void *row_offsets,                \
                   const void *class_mask, const void *sink, const xent_statistics *statistics, void *output,          \
                   xent_report *report) {                                                                              \
    xent_frame f;                                                                                                      \
    f.call = (xent_call){.shape = shape, .options = options, .row_begin = row_begin, .row_end = row_end,               \
                         .class_begin = class_begin, .class_end = class_end, .logits = logits,                         \
                         .row_offsets = row_offsets, .class_mask = class_mask, .sink = sink,                           \
                         .known_statistics = statistics, .output = output, .report = report};                          \
    XENT_FIND_RARE(&f, softmax_places, SOFTMAX_USUAL);                                                                 \
    return softmax(&f, log);                                                                                           \
  }
XENT_SOFTMAX_AT(xent_softmax_at, false)
XENT_SOFTMAX_AT(xent_log_softmax_at, true)

/* ---- log-sum-exp ---- */

static const xent_place log_sum_exp_places[] = {
    XENT_PLACE(log_sum_exp, logits, LOGITS, true), XENT_PLACE(log_sum_exp, log_sum_exp, LOG_SUM_EXP, true),
    XENT_PLACE(log_sum_exp, class_mask, CLASS_MASK, false), XENT_PLACE(log_sum_exp, sink, SINK, false),
    XENT_PLACE(log_sum_exp, row_offsets, ROW_OFFSETS, false)};

static xent_status log_sum_exp_of(xent_frame *f) {
  xent_status status = xent_begin(f, false);
  if (!status) status = xent_check_rows(f);
  if (!status) status = XENT_CHECK_PLACES(f, log_sum_exp_places, LOG_SUM_EXP_USUAL);
  if (!status) status = run_kernel(family_of(f)->log_sum_exp, &f->call);
  return xent_end(f, status);
}

XENT_ENTRY(log_sum_exp, log_sum_exp, log_sum_exp_places, LOG_SUM_EXP_USUAL, NULL, (void)0, log_sum_exp_of(&f))

xent_status xent_log_sum_exp_at(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                int64_t row_end, const void *logits, const void *row_offsets,
                                const void *class_mask, const void *sink, void *log_sum_exp, xent_report *report) {
  xent_frame f;
  f.call = (xent_call){.shape = shape, .options = options, .row_begin = row_begin, .row_end = row_end,
                       .logits = logits, .row_offsets = row_offsets, .class_mask = class_mask, .sink = sink,
                       .log_sum_exp = log_sum_exp, .report = report};
  XENT_FIND_RARE(&f, log_sum_exp_places, LOG_SUM_EXP_USUAL);
  return log_sum_exp_of(&f);
}

/* ---- backward ---- */

static const xent_place backward_places[] = {
    XENT_PLACE(softmax_backward, output, KNOWN_OUTPUT, true),
    XENT_PLACE(softmax_backward, upstream, UPSTREAM, true),
    XENT_PLACE(softmax_backward, gradient, SOFTMAX_GRADIENT, true),
    XENT_PLACE(softmax_backward, class_mask, CLASS_MASK, false),
    XENT_PLACE(softmax_backward, row_offsets, ROW_OFFSETS, false)};

/* y alone does not say what the softcap's derivative was. */
static xent_status refuse_softcap(xent_frame *f) {
  if (f->call.options->softcap == 0) return XENT_OK;
  f->report->value = f->call.options->softcap;
  return xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_SOFTCAP, 0);
}

static xent_status backward(xent_frame *f, bool log) {
  xent_status status = xent_begin(f, true);
  if (!status) status = xent_check_ranges(f);
  if (!status) status = statistics_or_whole_row(f);
  if (!status) status = refuse_softcap(f);
  if (!status) status = XENT_CHECK_PLACES(f, backward_places, BACKWARD_USUAL);
  if (!status && f->call.known_statistics) status = xent_check_statistics(f, XENT_KIND_BACKWARD, log);
  if (!status) {
    const void *gradient = f->call.output;
    const double temperature = f->call.options->temperature;
    f->call.factor = temperature != 0 ? 1 / temperature : 1;
    f->call.output_layout = &f->call.shape->gradient;
    f->call.log = log;
    f->call.stream =
        worth_streaming(f, gradient, f->call.forward_output, 3) && worth_streaming(f, gradient, f->call.upstream, 3);
    status = run_kernel(family_of(f)->softmax_backward, &f->call);
  }
  return xent_end(f, status);
}

XENT_ENTRY(softmax_backward, softmax_backward, backward_places, BACKWARD_USUAL, c->classes,
           f.call.known_statistics = c->statistics, backward(&f, false))
XENT_ENTRY(log_softmax_backward, softmax_backward, backward_places, BACKWARD_USUAL, c->classes,
           f.call.known_statistics = c->statistics, backward(&f, true))

#define XENT_SOFTMAX_BACKWARD_AT(name, log)                                                                            \
  xent_status name(const xent_shape *shape, const xent_options *options, int64_t row_begin, int64_t row_end,           \
                   int64_t class_begin, int64_t class_end, const void *output, const void *upstream,                   \
                   const void *row_offsets, const void *class_mask, const xent_statistics *statistics, void *gradient, \
                   xent_report *report) {                                                                              \
    xent_frame f;                                                                                                      \
    f.call = (xent_call){.shape = shape, .options = options, .row_begin = row_begin, .row_end = row_end,               \
                         .class_begin = class_begin, .class_end = class_end, .forward_output = output,                 \
                         .upstream = upstream, .row_offsets = row_offsets, .class_mask = class_mask,                   \
                         .known_statistics = statistics, .output = gradient, .report = report};                        \
    XENT_FIND_RARE(&f, backward_places, BACKWARD_USUAL);                                                               \
    return backward(&f, log);                                                                                          \
  }
XENT_SOFTMAX_BACKWARD_AT(xent_softmax_backward_at, false)
XENT_SOFTMAX_BACKWARD_AT(xent_log_softmax_backward_at, true)

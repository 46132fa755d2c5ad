/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of softmax, log-softmax and log-sum-exp. */
#include "api/arrays.h"
#include "api/plain.h"

static xent_status statistics_or_whole_row(xent_frame *f, const xent_statistics *statistics) {
  const xent_status status =
      xent_check_struct(f, statistics, _Alignof(xent_statistics), XENT_FIELD_STATISTICS, true);
  if (status) return status;
  f->call.known_statistics = statistics;
  if (!statistics && f->shape->all_classes) return xent_check_whole(f);
  if (statistics || (f->call.class_begin == 0 && f->call.class_end == f->shape->classes)) return XENT_OK;
  f->report->field = XENT_FIELD_CLASS_RANGE;
  return XENT_INVALID_ARGUMENT;
}

/* y alone does not say what the softcap's derivative was. */
static xent_status refuse_softcap(xent_frame *f) {
  if (f->options->softcap == 0) return XENT_OK;
  f->report->value = f->options->softcap;
  return xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_SOFTCAP, 0);
}

/* Whether there is nothing to refuse in two arrays of a number per class. */
static inline bool are_plain_tensors(const xent_frame *f, const void *output, const xent_layout *of_output,
                                     const void *input, const xent_layout *of_input) {
  const int64_t number = sizeof(float);
  return is_plain_tensor(f, input, of_input) && is_plain_tensor(f, output, of_output) &&
         may_be_written(bytes_of(output, f->elements, number), bytes_of(input, f->elements, number));
}

/* One copy per entry point: eleven arguments need not be handed on. */
#define ENTRY __attribute__((always_inline)) static inline

/* What most calls have not: then nothing of it is looked at. */
static xent_status check_rest(xent_frame *f, const void *row_offsets, const void *class_mask, const void *sink) {
  f->general = true;
  f->call.class_mask = class_mask;
  f->call.sink = sink;
  return xent_check_row_offsets(f, row_offsets);
}

ENTRY xent_status forward(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                           int64_t row_end, int64_t class_begin, int64_t class_end, const void *logits,
                           const void *row_offsets, const void *class_mask, const void *sink,
                           const xent_statistics *statistics, void *output, xent_report *report, bool log) {
  xent_frame f;
  const bool rest = row_offsets || class_mask || sink;
  xent_status status = xent_frame_begin(&f, shape, options, report, false);
  if (!status) status = xent_frame_ranges(&f, row_begin, row_end, class_begin, class_end);
  if (!status) status = statistics_or_whole_row(&f, statistics);
  if (!status && rest) status = check_rest(&f, row_offsets, class_mask, sink);
  if (!status && (rest || !are_plain_tensors(&f, output, &f.shape->output, logits, &f.shape->logits))) {
    const xent_array arrays[] = {
        logits_array(&f, logits),
        {.address = output, .layout = &f.shape->output, .field = XENT_FIELD_OUTPUT, .written = true,
         .in_place = XENT_IN_PLACE(XENT_FIELD_LOGITS), .types = f.floats},
        class_mask_array(&f, class_mask), sink_array(&f, sink)};
    status = xent_check_arrays(&f, arrays, 4);
  }
  if (!status) status = xent_check_statistics(&f, statistics, XENT_KIND_SOFTMAX);
  if (!status) {
    f.call.logits = logits;
    f.call.output = output;
    f.call.output_layout = &f.shape->output;
    f.call.log = log;
    f.call.stream = worth_streaming(&f, output, logits, 2);
    status = run_kernel(family_of(&f)->softmax_forward, &f.call);
  }
  return xent_frame_end(&f, report, status);
}

xent_status xent_softmax_forward(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                 int64_t row_end, int64_t class_begin, int64_t class_end,
                                 const void *logits, const void *row_offsets, const void *class_mask,
                                 const void *sink, const xent_statistics *statistics, void *output,
                                 xent_report *report) {
  return forward(shape, options, row_begin, row_end, class_begin, class_end, logits, row_offsets, class_mask,
                 sink, statistics, output, report, false);
}

xent_status xent_log_softmax_forward(const xent_shape *shape, const xent_options *options,
                                     int64_t row_begin, int64_t row_end, int64_t class_begin,
                                     int64_t class_end, const void *logits, const void *row_offsets,
                                     const void *class_mask, const void *sink,
                                     const xent_statistics *statistics, void *output, xent_report *report) {
  return forward(shape, options, row_begin, row_end, class_begin, class_end, logits, row_offsets, class_mask,
                 sink, statistics, output, report, true);
}

static inline bool is_plain_row_result(const xent_frame *f, const void *logits, const void *log_sum_exp) {
  const xent_shape *s = f->shape;
  const int64_t number = sizeof(float);
  return log_sum_exp && is_plain_tensor(f, logits, &s->logits) &&
         is_plain_output(f, log_sum_exp, &s->log_sum_exp, XENT_F32) &&
         !meet(bytes_of(log_sum_exp, f->rows, number), bytes_of(logits, f->elements, number));
}

xent_status xent_log_sum_exp(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                             int64_t row_end, const void *logits, const void *row_offsets,
                             const void *class_mask, const void *sink, void *log_sum_exp, xent_report *report) {
  xent_frame f;
  const bool rest = row_offsets || class_mask || sink;
  xent_status status = xent_frame_begin(&f, shape, options, report, false);
  if (!status) status = xent_frame_ranges(&f, row_begin, row_end, 0, f.shape->classes);
  if (!status) status = xent_check_whole(&f);
  if (!status && rest) status = check_rest(&f, row_offsets, class_mask, sink);
  if (!status && (rest || !is_plain_row_result(&f, logits, log_sum_exp))) {
    const xent_array arrays[] = {
        logits_array(&f, logits),
        {.address = log_sum_exp, .layout = &f.shape->log_sum_exp, .field = XENT_FIELD_LOG_SUM_EXP,
         .per_row = true, .written = true, .types = f.floats},
        class_mask_array(&f, class_mask), sink_array(&f, sink)};
    status = xent_check_arrays(&f, arrays, 4);
  }
  if (!status) {
    f.call.logits = logits;
    f.call.log_sum_exp = log_sum_exp;
    status = run_kernel(family_of(&f)->log_sum_exp, &f.call);
  }
  return xent_frame_end(&f, report, status);
}

ENTRY xent_status backward(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                            int64_t row_end, int64_t class_begin, int64_t class_end, const void *output,
                            const void *upstream, const void *row_offsets, const void *class_mask,
                            const xent_statistics *statistics, void *gradient, xent_report *report, bool log) {
  xent_frame f;
  const bool rest = row_offsets || class_mask;
  xent_status status = xent_frame_begin(&f, shape, options, report, true);
  if (!status) status = xent_frame_ranges(&f, row_begin, row_end, class_begin, class_end);
  if (!status) status = statistics_or_whole_row(&f, statistics);
  if (!status) status = refuse_softcap(&f);
  if (!status && rest) status = check_rest(&f, row_offsets, class_mask, NULL);
  if (!status && (rest || !are_plain_tensors(&f, gradient, &f.shape->gradient, output, &f.shape->output) ||
                  !are_plain_tensors(&f, gradient, &f.shape->gradient, upstream, &f.shape->upstream))) {
    const xent_array arrays[] = {
        {.address = output, .layout = &f.shape->output, .field = XENT_FIELD_OUTPUT, .types = f.floats},
        {.address = upstream, .layout = &f.shape->upstream, .field = XENT_FIELD_UPSTREAM, .types = f.floats},
        {.address = gradient, .layout = &f.shape->gradient, .field = XENT_FIELD_GRADIENT, .written = true,
         .in_place = XENT_IN_PLACE(XENT_FIELD_OUTPUT) | XENT_IN_PLACE(XENT_FIELD_UPSTREAM), .types = f.floats},
        class_mask_array(&f, class_mask)};
    status = xent_check_arrays(&f, arrays, 4);
  }
  if (!status) status = xent_check_statistics(&f, statistics, XENT_KIND_BACKWARD);
  if (!status) {
    f.call.forward_output = output;
    f.call.upstream = upstream;
    f.call.output = gradient;
    f.call.output_layout = &f.shape->gradient;
    f.call.log = log;
    f.call.stream =
        worth_streaming(&f, gradient, output, 3) && worth_streaming(&f, gradient, upstream, 3);
    status = run_kernel(family_of(&f)->softmax_backward, &f.call);
  }
  return xent_frame_end(&f, report, status);
}

xent_status xent_softmax_backward(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                  int64_t row_end, int64_t class_begin, int64_t class_end,
                                  const void *output, const void *upstream, const void *row_offsets,
                                  const void *class_mask, const xent_statistics *statistics, void *gradient,
                                  xent_report *report) {
  return backward(shape, options, row_begin, row_end, class_begin, class_end, output, upstream, row_offsets,
                  class_mask, statistics, gradient, report, false);
}

xent_status xent_log_softmax_backward(const xent_shape *shape, const xent_options *options,
                                      int64_t row_begin, int64_t row_end, int64_t class_begin,
                                      int64_t class_end, const void *output, const void *upstream,
                                      const void *row_offsets, const void *class_mask,
                                      const xent_statistics *statistics, void *gradient,
                                      xent_report *report) {
  return backward(shape, options, row_begin, row_end, class_begin, class_end, output, upstream, row_offsets,
                  class_mask, statistics, gradient, report, true);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the test of the Java loader: a library that has everything and computes something else, log-softmax where softmax
 * should be. All of it is compiled with another name of the right function.
 */
#include "xent.h"
#undef xent_softmax_at

XENT_API xent_status xent_softmax_at(const xent_shape *shape, const xent_options *options, int64_t row_begin,
    int64_t row_end, int64_t class_begin, int64_t class_end, const void *logits, const void *row_offsets,
    const void *class_mask, const void *sink, const xent_statistics *statistics, void *output, xent_report *report);

xent_status xent_softmax_at(const xent_shape *shape, const xent_options *options, int64_t row_begin,
    int64_t row_end, int64_t class_begin, int64_t class_end, const void *logits, const void *row_offsets,
    const void *class_mask, const void *sink, const xent_statistics *statistics, void *output, xent_report *report) {
  return xent_log_softmax_at(shape, options, row_begin, row_end, class_begin, class_end, logits, row_offsets,
                             class_mask, sink, statistics, output, report);
}

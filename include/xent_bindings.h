/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xent_bindings.h: the functions of xent.h with the addresses of arrays as arguments.
 *
 * For languages whose foreign calls check the memory of their arguments, or pass their own arrays only as arguments: a
 * virtual machine whose garbage collector moves arrays. Others need only xent.h, which has the structs.
 *
 * The arrays of a function have the numbers of the table below. A mask has the bit 1 << n if array n is an argument.
 * The first argument is the array of the lowest bit, and so on. The addresses of these arrays in the struct are
 * ignored, but their layouts are not. Other arrays are those of the struct. If there are fewer arguments than bits, or
 * a bit of no array, the status is XENT_INVALID_ARGUMENT, without a report. Further arguments are ignored.
 *
 * The struct itself, and what its other pointers name, is memory that must not move during the call: rows, classes,
 * options, report and sampling. They are not arrays and have no number. Allocate them outside the heap of a garbage
 * collector, or pin them.
 *
 * Example: to pass logits and output of a softmax, set the mask 1 << 0 | 1 << 1 and pass the two in that order.
 *
 * ARRAYS
 *   softmax: 0 logits, 1 output, 2 class_mask, 3 sink, 4 row_offsets, 5 statistics
 *   log_softmax: 0 logits, 1 output, 2 class_mask, 3 sink, 4 row_offsets, 5 statistics
 *   log_sum_exp: 0 logits, 1 log_sum_exp, 2 class_mask, 3 sink, 4 row_offsets
 *   softmax_backward: 0 output, 1 upstream, 2 gradient, 3 class_mask, 4 row_offsets, 5 statistics
 *   log_softmax_backward: 0 output, 1 upstream, 2 gradient, 3 class_mask, 4 row_offsets, 5 statistics
 *   check_targets: 0 targets, 1 target_weights, 2 class_mask, 3 class_weights, 4 row_weights, 5 row_offsets,
 *       6 exact_sum
 *   cross_entropy: 0 logits, 1 targets, 2 losses, 3 log_sum_exp, 4 correct, 5 gradient, 6 target_weights,
 *       7 class_mask, 8 class_weights, 9 row_weights, 10 sink, 11 log_probabilities, 12 argmax, 13 ranks,
 *       14 entropies, 15 top_classes, 16 top_log_probabilities, 17 target_gradient, 18 row_offsets, 19 statistics,
 *       20 exact_sum
 *   cross_entropy_backward: 0 logits, 1 targets, 2 upstream, 3 gradient, 4 target_weights, 5 class_mask,
 *       6 class_weights, 7 row_weights, 8 row_offsets, 9 statistics
 *   selected_log_probabilities: 0 logits, 1 targets, 2 log_probabilities, 3 gradient, 4 upstream,
 *       5 class_mask, 6 sink, 7 row_offsets, 8 statistics
 *   selected_log_probabilities_backward: 0 logits, 1 targets, 2 gradient, 3 upstream, 4 class_mask,
 *       5 row_offsets, 6 statistics
 *   kl_divergence: 0 logits, 1 teacher, 2 losses, 3 gradient, 4 class_mask, 5 row_weights, 6 exact_sum
 *   jensen_shannon_divergence: 0 logits, 1 teacher, 2 losses, 3 gradient, 4 class_mask, 5 row_weights,
 *       6 exact_sum
 *   total_variation: 0 logits, 1 teacher, 2 losses, 3 gradient, 4 class_mask, 5 row_weights, 6 exact_sum
 *   cross_entropy_hvp: 0 logits, 1 upstream, 2 output, 3 class_mask, 4 row_weights, 5 sink, 6 row_offsets
 *   sample: 0 logits, 1 tokens, 2 class_mask, 3 bias, 4 prompt_tokens, 5 output_tokens,
 *       6 processed_log_probabilities, 7 kept, 8 kept_mask, 9 log_probabilities, 10 ranks, 11 entropies,
 *       12 top_classes, 13 top_log_probabilities, 14 workspace, 15 bias_tokens, 16 bias_values, 17 draft_tokens,
 *       18 draft_probabilities
 *   binary_cross_entropy: 0 logits, 1 targets, 2 losses, 3 gradient, 4 element_weights, 5 positive_weights,
 *       6 exact_sum
 *   linear_cross_entropy: 0 hidden, 1 weights, 2 bias, 3 logits, 4 targets, 5 target_weights, 6 class_mask,
 *       7 class_weights, 8 row_weights, 9 sink, 10 losses, 11 log_sum_exp, 12 correct, 13 log_probabilities,
 *       14 argmax, 15 ranks, 16 entropies, 17 top_classes, 18 top_log_probabilities, 19 target_gradient,
 *       20 hidden_gradient, 21 weights_gradient, 22 bias_gradient, 23 statistics, 24 exact_sum, 25 workspace
 *   linear_cross_entropy_backward: 0 hidden, 1 weights, 2 bias, 3 logits, 4 targets, 5 target_weights,
 *       6 class_mask, 7 class_weights, 8 row_weights, 9 upstream, 10 hidden_gradient, 11 weights_gradient,
 *       12 bias_gradient, 13 statistics, 14 workspace
 *   linear_states: 0 hidden, 1 weights, 2 bias, 3 targets, 4 target_weights, 5 class_mask, 6 class_weights,
 *       7 statistics, 8 states, 9 workspace
 *   forward_states: 0 logits, 1 targets, 2 class_mask, 3 target_weights, 4 class_weights, 5 statistics,
 *       6 states
 *   backward_states: 0 output, 1 upstream, 2 class_mask, 3 states
 *   finish: 0 targets, 1 losses, 2 log_sum_exp, 3 correct, 4 class_weights, 5 row_weights, 6 sink, 7 states,
 *       8 statistics, 9 exact_sum
 *   sigmoid: 0 logits, 1 output
 *   log_sigmoid: 0 logits, 1 output
 *   sigmoid_backward: 0 logits, 1 upstream, 2 gradient
 *   log_sigmoid_backward: 0 logits, 1 upstream, 2 gradient
 */
#ifndef XENT_BINDINGS_H
#define XENT_BINDINGS_H

#include "xent.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Makes a call of at most six arguments; xent_many_at, of all. If `prepared` is not NULL, it only prepares the call, as
 * xent_prepare does. `call` is the struct of the function. You may free it after preparing, but not an
 * xent_sample_call; what its pointers name, and the arrays, are kept as xent_run describes. An argument that is NULL is
 * an array that the call does not use, as a NULL address in the struct is. */
XENT_API xent_status xent_few_at(xent_prepared *prepared, int32_t function, const void *call, uint64_t mask,
    const void *a0, const void *a1, const void *a2, const void *a3, const void *a4, const void *a5);
XENT_API xent_status xent_many_at(xent_prepared *prepared, int32_t function, const void *call, uint64_t mask,
    const void *a0, const void *a1, const void *a2, const void *a3, const void *a4, const void *a5, const void *a6,
    const void *a7, const void *a8, const void *a9, const void *a10, const void *a11, const void *a12, const void *a13,
    const void *a14, const void *a15, const void *a16, const void *a17, const void *a18, const void *a19,
    const void *a20, const void *a21, const void *a22, const void *a23, const void *a24, const void *a25,
    const void *a26, const void *a27, const void *a28, const void *a29, const void *a30, const void *a31);

/* xent_run with other memory for up to six arrays, those of the mask, also in later runs. Other arrays stay where they
 * were, so a call with more than six arrays that move is made with xent_many_at. Each array of the mask must be one of
 * the prepared call, and its argument not NULL; otherwise the status is XENT_INVALID_ARGUMENT, and no address is
 * changed. Alignment and strides must be the same, and two arrays must be in place or apart as they were; this is not
 * checked. */
XENT_API xent_status xent_run_at(xent_prepared *prepared, uint64_t mask, const void *a0, const void *a1, const void *a2,
    const void *a3, const void *a4, const void *a5);

/* Makes the call of a struct with a temperature per row: row r has temperatures[r], in [2^-32, 2^32], instead of that
 * of the options. It is checked once. The bits are those of a call per row. */
XENT_API xent_status xent_with_temperatures(int32_t function, const void *call, const double *temperatures);

/* ---- sizes of workspaces before the arrays exist ------------------------------------------------- */

/* Of xent_sample. tokens: the sum of prompt_count, output_count and bias_count. The size is 0 without tokens, and for
 * more than 2^31 - 1 classes. With a mask of bits, add the number of classes, rounded up to a multiple of 8. */
XENT_API uint64_t xent_sample_workspace(int64_t classes, int64_t tokens);

/* What a linear layer computes with its workspace. Add these up. */
typedef enum xent_workspace_contents {
  XENT_WORKSPACE_WEIGHTS_GRADIENT = 1, /* weights_gradient or bias_gradient */
  XENT_WORKSPACE_WHOLE_ROWS = 2,       /* argmax, ranks, entropies, top_classes, top_log_probabilities,
                                          target_gradient, or a probability clamp of probability or sparse rows */
  XENT_WORKSPACE_LEAST = 4,            /* the minimum, not the size that is fastest */
  XENT_WORKSPACE_HIDDEN_GRADIENT = 8,  /* hidden_gradient */
  XENT_WORKSPACE_LOGITS = 16           /* with a gradient, space for all logits of the range. A workspace between this
                                          size and the one without keeps the logits of some rows */
} xent_workspace_contents;

/* Of a linear layer, for a range of rows and classes; `contents`: XENT_WORKSPACE_... It is 0 for an empty range of
 * classes, which needs no workspace, and for impossible or too large arguments, such as other bits. */
XENT_API uint64_t xent_linear_workspace(int64_t rows, int64_t features, int64_t classes, int32_t contents);

#ifdef __cplusplus
}
#endif
#endif

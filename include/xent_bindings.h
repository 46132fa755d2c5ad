/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xent_bindings.h: the functions of xent.h with the addresses of arrays as arguments.
 *
 * For languages whose foreign calls check the memory of their arguments, or pass their own arrays only as arguments: a
 * virtual machine whose garbage collector moves arrays. Others need only xent.h, which has the structs.
 *
 * The arrays of a function are the members of its struct that are xent_input or xent_output, statistics, states,
 * exact_sum and workspace, numbered from 0 in the order of the struct. A mask has a bit for each array that is an
 * argument: the first argument is the array of its lowest bit, and so on. Their addresses in the struct are ignored;
 * other arrays are those of the struct. Fewer arguments than bits, or a bit of no array, is XENT_INVALID_ARGUMENT
 * without a report; further arguments are ignored.
 */
#ifndef XENT_BINDINGS_H
#define XENT_BINDINGS_H

#include "xent.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Makes a call, or if `prepared` is not NULL only prepares it, as xent_prepare. `call` is the struct of the function. A
 * NULL of an array is as in the struct. */
XENT_API xent_status xent_few_at(xent_prepared *prepared, int32_t function, const void *call, uint64_t mask,
    const void *a0, const void *a1, const void *a2, const void *a3, const void *a4, const void *a5);
XENT_API xent_status xent_many_at(xent_prepared *prepared, int32_t function, const void *call, uint64_t mask,
    const void *a0, const void *a1, const void *a2, const void *a3, const void *a4, const void *a5, const void *a6,
    const void *a7, const void *a8, const void *a9, const void *a10, const void *a11, const void *a12, const void *a13,
    const void *a14, const void *a15, const void *a16, const void *a17, const void *a18, const void *a19,
    const void *a20, const void *a21, const void *a22, const void *a23, const void *a24, const void *a25,
    const void *a26, const void *a27, const void *a28, const void *a29, const void *a30, const void *a31);

/* xent_run with other memory for the arrays of the mask, also in later runs. Each must be one of the prepared call,
 * and its argument not NULL; otherwise the status is XENT_INVALID_ARGUMENT, and no address is changed. Alignment and
 * strides must be the same, and two arrays must be in place or apart as they were; this is not checked. */
XENT_API xent_status xent_run_at(xent_prepared *prepared, uint64_t mask, const void *a0, const void *a1, const void *a2,
    const void *a3, const void *a4, const void *a5);

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

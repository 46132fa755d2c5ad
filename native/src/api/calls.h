/* SPDX-License-Identifier: Apache-2.0 */
/* What the entry points of calls over rows have in common. */
#ifndef XENT_CALLS_H
#define XENT_CALLS_H

#include "api/checks.h"

/* Stores that pass the caches by are not ordered with others: before the caller tells another thread that
 * its results are there, they must be. */
static inline void end_streaming(void) {
#if defined(__x86_64__)
  _mm_sfence();
#endif
}

/* Runs a kernel. */
static inline xent_status run_kernel(xent_kernel kernel, const xent_call *call) {
  const xent_status status = kernel(call);
  if (call->stream) end_streaming();
  return status;
}

/* The kernels that a call needs. */
static inline const xent_family *family_of(const xent_frame *f) {
  return f->wide ? f->kernels->wide : f->general ? f->kernels->general : f->kernels->plain;
}

/* Where the tensors that a call goes through hold this many bytes together, its output does not stay in the caches
 * for whoever reads it next: stores that pass them by save the read of every line that is about to be overwritten. */
#ifndef XENT_STREAM_BYTES /* a test streams everything */
#define XENT_STREAM_BYTES (24 << 20)
#endif

static inline bool worth_streaming(const xent_frame *f, const void *output, const void *input, int tensors) {
  const int64_t least = XENT_STREAM_BYTES / (tensors * (int64_t)sizeof(float));
  return output && output != input && f->elements >= least;
}

/* Bits of fields below 32, for xent_array.in_place. */
#define XENT_IN_PLACE(field) (1 << (field))

#endif

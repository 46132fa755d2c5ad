/* SPDX-License-Identifier: Apache-2.0 */
/* A row's chunks as contiguous floats, and the buffers for it. */
#ifndef XENT_ROWS_H
#define XENT_ROWS_H

#include "kernels/row/labels.h"
#include "kernels/vector/vector.h"

XENT_INLINE void fill_classes(float *row, int64_t stride, int64_t begin, int64_t end, float value) {
  for (int64_t i = begin; i < end; i++) row[i * stride] = value;
}

/* n floats from class `begin` on, minus shift: the tensor itself where it can be, else a copy in buffer. */
XENT_INLINE const float *chunk_of(const float *row, int64_t stride, int64_t begin, int64_t n, float shift,
                                  float *buffer) {
  if (stride == 1 && shift == 0) return row + begin;
  for (int64_t i = 0; i < n; i++) buffer[i] = row[(begin + i) * stride] - shift;
  return buffer;
}

/* Where n results from class `begin` on are to be computed: in place, or in buffer for chunk_written. */
XENT_INLINE float *chunk_target(float *row, int64_t stride, int64_t begin, float *buffer) {
  return stride == 1 ? row + begin : buffer;
}
XENT_INLINE void chunk_written(float *row, int64_t stride, int64_t begin, int64_t n, const float *buffer) {
  if (stride == 1) return;
  for (int64_t i = 0; i < n; i++) row[(begin + i) * stride] = buffer[i];
}

XENT_INLINE int64_t chunk_length(int64_t begin, int64_t end) {
  return end - begin < XENT_CHUNK ? end - begin : XENT_CHUNK;
}

/* The copies that strided, shifted rows need, and the e of a row of one chunk. One set per call, sized
 * for the row: a short row must not pay for the stack of a long one. */
typedef struct {
  float *input, *other, *kept, *kept_reference;
} row_buffers;

#define XENT_WITH_BUFFERS(call, rows)                                                            \
  do {                                                                                           \
    if ((call)->shape->classes <= XENT_EXACT_MAX) return rows##_short(call);                     \
    return rows##_long(call);                                                                    \
  } while (0)

#define XENT_DEFINE_BUFFERED(rows)                                                                 \
  static __attribute__((noinline)) xent_status rows##_short(const xent_call *call) {               \
    XENT_ALIGNED float input[XENT_EXACT_MAX], other[XENT_EXACT_MAX], kept[XENT_EXACT_MAX];         \
    float reference[XENT_EXACT_MAX / XENT_GROUP];                                                  \
    return rows(call, (row_buffers){input, other, kept, reference});                               \
  }                                                                                                \
  static __attribute__((noinline)) xent_status rows##_long(const xent_call *call) {                \
    XENT_ALIGNED float input[XENT_CHUNK], other[XENT_CHUNK], kept[XENT_CHUNK];                     \
    float reference[XENT_CHUNK / XENT_GROUP];                                                      \
    return rows(call, (row_buffers){input, other, kept, reference});                               \
  }

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arrays of most calls: float32 and labels, row-major and without gaps. A few compares say that there is nothing to
 * refuse in them; where they do not, xent_check_arrays looks at everything and says what is wrong, if anything is.
 */
#ifndef XENT_PLAIN_H
#define XENT_PLAIN_H

#include "api/checks.h"

static inline bool is_aligned(const void *address, int64_t size) {
  return ((uintptr_t)address & (uintptr_t)(size - 1)) == 0;
}

/* A float32 per class. */
static inline bool is_plain_tensor(const xent_frame *f, const void *address, const xent_layout *l) {
  const int64_t classes = f->shape->classes, inner = f->shape->inner;
  return address && is_aligned(address, sizeof(float)) && l->type == XENT_F32 && !l->reserved && l->inner == 1 &&
         l->classes == inner && f->elements > 0 && f->elements <= INT64_MAX / 8 && l->outer == classes * inner;
}

/* A number per row of a call that has a plain tensor. */
static inline bool is_plain_vector(const xent_frame *f, const void *address, const xent_layout *l, int64_t size) {
  return is_aligned(address, size) && !l->reserved && l->inner == 1 && l->outer == f->shape->inner;
}
static inline bool is_plain_output(const xent_frame *f, const void *address, const xent_layout *l, int32_t type) {
  return !address || (l->type == type && is_plain_vector(f, address, l, xent_type_size(type)));
}
static inline bool are_plain_labels(const xent_frame *f, const void *address, const xent_layout *l) {
  return address && !f->shape->target_count && l->type >= XENT_I8 && l->type <= XENT_I64 && f->rows > 0 && f->rows <= INT64_MAX / 8 &&
         is_plain_vector(f, address, l, xent_type_size(l->type));
}

/* The bytes of an array; none where it is NULL. */
typedef struct {
  uintptr_t begin, end;
} byte_range;

static inline byte_range bytes_of(const void *address, int64_t count, int64_t size) {
  const uintptr_t begin = (uintptr_t)address;
  return (byte_range){begin, address ? begin + (uintptr_t)(count * size) : begin};
}
static inline bool meet(byte_range a, byte_range b) { return a.begin < b.end && b.begin < a.end; }

/* The same array, or none of its bytes. */
static inline bool may_be_written(byte_range output, byte_range input) {
  return output.begin == input.begin || !meet(output, input);
}

#endif

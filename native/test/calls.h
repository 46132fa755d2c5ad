/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes and options for the tests. */
#ifndef XENT_TEST_CALLS_H
#define XENT_TEST_CALLS_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "xent.h"

static inline xent_layout layout_of(int64_t outer, int64_t classes, int64_t inner, int32_t type) {
  return (xent_layout){.outer = outer, .classes = classes, .inner = inner, .type = type};
}

/* With labels of 64 bits. */
static inline xent_shape dense_shape(int64_t outer, int64_t classes, int64_t inner) {
  return xent_dense_shape(outer, classes, inner, XENT_I64);
}

static inline void *must_allocate(size_t bytes) {
  void *p = aligned_alloc(64, (bytes + 127) / 64 * 64);
  if (!p) {
    fprintf(stderr, "out of memory\n");
    exit(2);
  }
  return p;
}

static inline void must(xent_status status, const char *what) {
  if (!status) return;
  fprintf(stderr, "%s: %s\n", what, xent_status_message(status));
  exit(1);
}

#endif

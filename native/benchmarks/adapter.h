/* SPDX-License-Identifier: Apache-2.0 */
/* The plain calls of one version of the library, in terms that stay the same across versions. */
#ifndef XENT_BENCH_ADAPTER_H
#define XENT_BENCH_ADAPTER_H

#include <stdint.h>

typedef void any_function(void);

typedef struct {
  int64_t outer, classes, inner;
  const char *tier;
  const float *x, *g;
  const int32_t *labels;
  float *y, *losses;
  uint64_t options[64]; /* room for the version's own struct */
} plain_problem;

typedef struct {
  const char *operation, *symbol;
  int (*run)(any_function *function, const plain_problem *p); /* returns the status */
} plain_call;

enum { PLAIN_CALLS = 7 };

/* Defined by adapter.c, which is compiled once per version of xent.h. */
typedef struct {
  void (*prepare)(plain_problem *p); /* fills in the version's structs for the shape */
  plain_call calls[PLAIN_CALLS];
} adapter;
extern const adapter adapter_old, adapter_new;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The dot products of a linear layer as a plain program (conformance/numerics.md, section 13). */
#ifndef CONTRACT_LINEAR_H
#define CONTRACT_LINEAR_H
#include <stdint.h>

/* n numbers, so far apart; NULL: ones. */
typedef struct {
  const float *at;
  int64_t stride;
} contract_terms;

/* The logit of a class in a row, without a bias where that is NULL. */
float contract_logit(contract_terms hidden, contract_terms weights, int64_t n, const float *bias);
/* A gradient: g are those of the logits. */
float contract_linear_gradient(contract_terms g, contract_terms other, int64_t n);
#endif

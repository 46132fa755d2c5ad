/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/linear.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { BLOCK = 128 };

static float term(contract_terms t, int64_t i) { return t.at ? t.at[i * t.stride] : 1; }

static double dot_product(contract_terms a, contract_terms b, int64_t n, bool skip_zeros) {
  double sum = 0;
  for (int64_t begin = 0; begin < n; begin += BLOCK) {
    float c = 0;
    for (int64_t i = begin; i < n && i < begin + BLOCK; i++)
      if (!skip_zeros || term(a, i) != 0) c = fmaf(term(a, i), term(b, i), c);
    sum = begin ? sum + (double)c : (double)c;
  }
  return sum;
}

static float canonical(float v) {
  const uint32_t nan = 0x7fc00000u;
  if (v != v) memcpy(&v, &nan, sizeof v);
  return v;
}

float contract_logit(contract_terms hidden, contract_terms weights, int64_t n, const float *bias) {
  const double sum = dot_product(hidden, weights, n, false);
  return canonical((float)(bias ? sum + (double)*bias : sum));
}

float contract_linear_gradient(contract_terms g, contract_terms other, int64_t n) {
  return canonical((float)(dot_product(g, other, n, true) + 0.0));
}

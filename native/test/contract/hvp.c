/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/hvp.h"

#include <math.h>
#include <string.h>

#include "contract/contract.h"

static double factor_of(double scale, double weight, double temperature) {
  const double r = temperature != 0 ? 1 / temperature : 1;
  return scale * weight * r * r;
}

void contract_hvp(const general_input *row, const float *v, general_output *out, float *product) {
  const double weight = row->has_row_weight ? row->row_weight : 1;
  const float factor = (float)factor_of(row->scale, weight, row->temperature);
  const uint32_t quiet = 0x7fc00000u;
  general_input in = *row;
  in.targets = NO_TARGETS, in.has_row_weight = false;
  contract_general_row(&in, out);
  contract_backward(out->softmax, v, in.mask, (size_t)in.n, 0, 0, product);
  for (int64_t k = 0; k < in.n; k++) {
    product[k] = weight == 0 || (in.mask && !in.mask[k]) ? 0 : product[k] * factor;
    if (product[k] != product[k]) memcpy(&product[k], &quiet, sizeof quiet);
  }
}

void f64_contract_hvp(const f64_problem *row, const double *v, f64_answer *out, double *product) {
  const double weight = row->has_row_weight ? row->row_weight : 1;
  const double factor = factor_of(row->scale, weight, row->temperature);
  const uint64_t quiet = 0x7ff8000000000000u;
  f64_problem in = *row;
  in.targets = F64_NONE, in.has_row_weight = false;
  f64_contract_row(&in, out);
  f64_contract_backward(out->softmax, v, in.mask, in.classes, false, 0, product);
  for (int64_t k = 0; k < in.classes; k++) {
    product[k] = weight == 0 || (in.mask && !in.mask[k]) ? 0 : product[k] * factor;
    if (product[k] != product[k]) memcpy(&product[k], &quiet, sizeof quiet);
  }
}

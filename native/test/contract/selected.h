/* SPDX-License-Identifier: Apache-2.0 */
/* Selected log-probabilities of one row as a plain program, in both arithmetics (conformance/numerics.md, section
 * 3). */
#ifndef CONTRACT_SELECTED_H
#define CONTRACT_SELECTED_H

#include "contract/f64.h"
#include "contract/general_row.h"

typedef struct {
  int64_t count;
  const int64_t *classes; /* -1: the entry is ignored */
  const double *upstream;
  double scale;           /* of the gradient */
} selection;

/* The row's own targets and weights are not looked at. The gradient and the statistics are in the output. */
void contract_selected(const general_input *row, const selection *s, general_output *out, float *log_probabilities);
void f64_contract_selected(const f64_problem *row, const selection *s, f64_answer *out, double *log_probabilities);
#endif

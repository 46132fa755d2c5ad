/* SPDX-License-Identifier: Apache-2.0 */
/* The Hessian-vector product of one row as a plain program, in both arithmetics (conformance/numerics.md, section
 * 3). */
#ifndef CONTRACT_HVP_H
#define CONTRACT_HVP_H

#include "contract/f64.h"
#include "contract/general_row.h"

/* Targets are not looked at; the row's weight and scale are. The output's arrays are used. */
void contract_hvp(const general_input *row, const float *v, general_output *out, float *product);
void f64_contract_hvp(const f64_problem *row, const double *v, f64_answer *out, double *product);
#endif

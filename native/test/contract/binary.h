/* SPDX-License-Identifier: Apache-2.0 */
/* Binary cross-entropy as a plain program (conformance/numerics.md, section 12): one element at a time. */
#ifndef CONTRACT_BINARY_H
#define CONTRACT_BINARY_H

/* alpha 0: none; gamma 0: not focal; scale: of the gradient. An element of weight 0 is ignored. */
typedef struct {
  double alpha, gamma, scale;
} binary_options;

/* Logit x, target t, weight w, positive weight r. */
void contract_binary(const binary_options *o, float x, float t, float w, float r, float *loss, float *gradient);
void contract_binary_f64(const binary_options *o, double x, double t, double w, double r, double *loss,
                         double *gradient);
#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Sigmoid and log-sigmoid as plain programs (conformance/numerics.md, section 14): one element at a time. */
#ifndef CONTRACT_SIGMOID_H
#define CONTRACT_SIGMOID_H

#include <stdbool.h>

/* The sigmoid of a logit x, or its logarithm; temperature 0: none. */
float contract_sigmoid(float x, double temperature, bool log);
double contract_sigmoid_f64(double x, double temperature, bool log);
/* And the gradient of x, from that of the result. */
float contract_sigmoid_backward(float x, float dy, double temperature, bool log);
double contract_sigmoid_backward_f64(double x, double dy, double temperature, bool log);
#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What the objects of one tier give each other. They are several because each takes a compiler a while. */
#ifndef XENT_TIER_H
#define XENT_TIER_H

#include "kernels/job.h"

#define XENT_TIER_JOIN_(name, tier) xent_##name##_##tier
#define XENT_TIER_JOIN(name, tier) XENT_TIER_JOIN_(name, tier)
/* The name of something in the tier that is being compiled. */
#define XENT_TIER_NAME(name) XENT_TIER_JOIN(name, XENT_TIER)

extern const xent_family XENT_TIER_NAME(f32), XENT_TIER_NAME(f64);
xent_status XENT_TIER_NAME(kl_divergence)(const xent_call *call);
xent_status XENT_TIER_NAME(sample)(const xent_call *call);
xent_status XENT_TIER_NAME(binary_cross_entropy)(const xent_call *call);
xent_status XENT_TIER_NAME(selected)(const xent_call *call);
xent_status XENT_TIER_NAME(linear_cross_entropy)(const xent_call *call);
xent_status XENT_TIER_NAME(linear_cross_entropy_backward)(const xent_call *call);
xent_status XENT_TIER_NAME(linear_states)(const xent_call *call);

/* Rows that are columns, where these take the call; `row` computes those that need more. */
bool XENT_TIER_NAME(strips_fit)(const xent_call *call);
xent_status XENT_TIER_NAME(strips)(const job *j, xent_kernel row);
bool XENT_TIER_NAME(strips_fit_backward)(const xent_call *call);
xent_status XENT_TIER_NAME(strips_backward)(const xent_call *call);

/* for the tests */
void XENT_TIER_NAME(exponential)(const float *x, float N, double temperature, float *e, int64_t n);
void XENT_TIER_NAME(tanh)(const float *x, float *t, int64_t n);
void XENT_TIER_NAME(f64_exponential)(const double *x, double N, double *e, double *one_by_one, int64_t n);
void XENT_TIER_NAME(f64_tanh)(const double *x, double *t, int64_t n);
double XENT_TIER_NAME(f64_log)(double v);
double XENT_TIER_NAME(f64_log1p)(double q);
double XENT_TIER_NAME(f64_log1m)(double d);

#endif

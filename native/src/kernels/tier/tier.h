/* SPDX-License-Identifier: Apache-2.0 */
/* What the objects of one tier give each other. They are several because each takes a compiler a while. */
#ifndef XENT_TIER_H
#define XENT_TIER_H

#include "kernels/kernels.h"

#define XENT_TIER_JOIN_(name, tier) xent_##name##_##tier
#define XENT_TIER_JOIN(name, tier) XENT_TIER_JOIN_(name, tier)
/* The name of something in the tier that is being compiled. */
#define XENT_TIER_NAME(name) XENT_TIER_JOIN(name, XENT_TIER)

extern const xent_family XENT_TIER_NAME(plain), XENT_TIER_NAME(general), XENT_TIER_NAME(wide);
xent_status XENT_TIER_NAME(kl_divergence)(const xent_call *call);

/* for the tests */
void XENT_TIER_NAME(exponential)(const float *x, float N, float *e, int64_t n);
void XENT_TIER_NAME(tanh)(const float *x, float *t, int64_t n);
void XENT_TIER_NAME(wide_exponential)(const double *x, double N, double *e, double *one_by_one, int64_t n);
void XENT_TIER_NAME(wide_tanh)(const double *x, double *t, int64_t n);
double XENT_TIER_NAME(wide_log)(double v);
double XENT_TIER_NAME(wide_log1p)(double q);
double XENT_TIER_NAME(wide_log1m)(double d);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels in float32 and in float64 arithmetic, which other kernels use, too. */
#ifndef XENT_FAMILIES_H
#define XENT_FAMILIES_H

#include "kernels/paths.h"
#include "kernels/f64/kl_divergence.h"

static const xent_family f32_family = {
    .softmax_forward = forward_rows,
    .log_sum_exp = forward_rows,
    .softmax_backward = softmax_backward,
    .cross_entropy_forward = cross_entropy_forward,
    .cross_entropy_backward = cross_entropy_backward,
    .forward_states = generic_forward_states,
    .backward_states = backward_states,
    .finish = generic_finish,
};

static const xent_family f64_family = {
    .softmax_forward = f64_softmax,
    .log_sum_exp = f64_log_sum_exp,
    .softmax_backward = f64_softmax_backward,
    .cross_entropy_forward = f64_cross_entropy,
    .cross_entropy_backward = f64_cross_entropy,
    .forward_states = f64_forward_states,
    .backward_states = f64_backward_states,
    .finish = f64_finish,
};

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Calls in float32 arithmetic that are not plain. */
#ifndef XENT_GENERAL_H
#define XENT_GENERAL_H

#include "kernels/general/backward.h"
#include "kernels/general/whole.h"

#define general_softmax general_softmax_rows_of
#define general_log_sum_exp general_log_sum_exp_rows_of
#define general_softmax_backward general_softmax_backward_rows_of
#define general_cross_entropy general_cross_entropy_rows_of
#define general_cross_entropy_backward general_cross_entropy_backward_rows_of
#define general_forward_states general_forward_states_rows_of
#define general_backward_states general_backward_states_rows_of

#endif

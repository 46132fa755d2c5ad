/* SPDX-License-Identifier: Apache-2.0 */
/* The paths of calls over rows in float64 arithmetic (take_path.h). */
#ifndef XENT_F64_PATHS_H
#define XENT_F64_PATHS_H

#include "kernels/paths/f64/f64_backward.h"
#include "kernels/take_path.h"

#define XENT_F64_SOFTMAX_PATHS(_) \
  _(F64_TILES, f64_tiles_fit, f64_softmax_tiles) _(F64, any_fits, f64_softmax_rows)
#define XENT_F64_LOG_SUM_EXP_PATHS(_) \
  _(F64_TILES, f64_tiles_fit, f64_log_sum_exp_tiles) _(F64, any_fits, f64_log_sum_exp_rows)
#define XENT_F64_LOSS_PATHS(_) _(F64_TILES, f64_tiles_fit, f64_loss_tiles) _(F64, any_fits, f64_loss_rows)
#define XENT_F64_BACKWARD_PATHS(_)                              \
  _(F64_ROWS, f64_backward_lies, f64_backward_of_lying)         \
  _(F64_TILES, f64_backward_turns, f64_backward_of_tiles)       \
  _(F64, any_fits, f64_backward_of_rows)

XENT_DEFINE_PATHS(f64_softmax, XENT_F64_SOFTMAX_PATHS, NULL)
XENT_DEFINE_PATHS(f64_log_sum_exp, XENT_F64_LOG_SUM_EXP_PATHS, NULL)
XENT_DEFINE_PATHS(f64_cross_entropy, XENT_F64_LOSS_PATHS, NULL)
XENT_DEFINE_PATHS(f64_softmax_backward, XENT_F64_BACKWARD_PATHS, NULL)

#endif

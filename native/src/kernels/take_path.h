/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a call takes a path. There is one list of paths for each kind of call (paths.h, paths/f64/f64_paths.h): a call
 * takes the first path that fits, and its name is in the report. The last path takes any call, and also the rows that
 * other paths leave.
 */
#ifndef XENT_TAKE_PATH_H
#define XENT_TAKE_PATH_H

#include "kernels/kernels.h"
#include "kernels/path_names.h"
#include "kernels/ragged.h"
#include "kernels/vector/vector.h"

XENT_KERNEL xent_status any_rows(const xent_call *call, xent_kernel fallback) { return fallback(call); }
XENT_INLINE bool any_fits(const xent_call *call) {
  (void)call;
  return true;
}

/*
 *   _(XENT_PATH_..., fits, run)
 *
 *   fits   whether the path computes a call, and is the fastest of those that follow: bool (const xent_call *)
 *   run    computes it: xent_status (const xent_call *, xent_kernel fallback); fallback takes rows that leave the path
 */

/* The last path of a list has no switch. Without rows a call returns first, so no path divides by an empty axis. */
#define XENT_TRY_PATH(path_, fits, run)                                                                          \
  if (fits == any_fits || (!XENT_IS_OFF(XENT_PATH_##path_) && fits(call))) {                                \
    const xent_status status = run(call, fallback);                                                                  \
    call->report->path = XENT_PATH_##path_; /* not that of left-over rows, or of columns as rows */      \
    return status;                                                                                                   \
  }
#define XENT_DEFINE_PATHS(name, paths, fallback_)                   \
  static xent_status name(const xent_call *call) {                  \
    const xent_kernel fallback = fallback_;                         \
    if (call->row_begin >= call->row_end) return XENT_OK;           \
    if (is_ragged(call)) return ragged_rows(call, name);            \
    paths(XENT_TRY_PATH)                                            \
    __builtin_unreachable();                                        \
  }

#endif

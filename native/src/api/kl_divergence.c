/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of the divergences of a student from its teacher. */
#include "api/calls.h"

#define PLACES(_, c)                                                                                                 \
  _(c, logits, LOGITS, NEEDED) _(c, teacher, TEACHER, NEEDED) _(c, losses, LOSSES, OPTIONAL)                         \
  _(c, gradient, GRADIENT, OPTIONAL) _(c, class_mask, CLASS_MASK, OPTIONAL) _(c, row_weights, ROW_WEIGHTS, OPTIONAL) \
  _(c, exact_sum, EXACT_SUM, OPTIONAL)
XENT_PLACES(places, xent_divergence_call, PLACES);

#define DIVERGENCE(kind) \
  {XENT_ARGUMENTS(xent_divergence_call, 304, places, kind), .own_options = XENT_OPTIONS_FOR(XENT_FOR_DIVERGENCES)}
static xent_status kl_divergence(xent_frame *f);
static xent_status jensen_shannon(xent_frame *f);
static xent_status total_variation(xent_frame *f);
const xent_entry xent_of_kl_divergence = DIVERGENCE(kl_divergence);
const xent_entry xent_of_jensen_shannon_divergence = DIVERGENCE(jensen_shannon);
const xent_entry xent_of_total_variation = DIVERGENCE(total_variation);

static xent_status divergence(xent_frame *f, int32_t kind) {
  xent_status status = xent_begin_call(f, &xent_of_kl_divergence);
  f->numbers = XENT_NUMBERS; /* computed in double for all types */
  if (!status) status = xent_check_arrays(f, &xent_of_kl_divergence);
  if (!status) {
    f->call.output_layout = &f->call.shape->gradient;
    f->call.divergence = kind;
    report_path(f, XENT_PATH_F64);
    status = run_kernel(f, f->kernels->kl_divergence);
  }
  return xent_end(f, status);
}

static xent_status kl_divergence(xent_frame *f) { return divergence(f, XENT_KULLBACK_LEIBLER); }
static xent_status jensen_shannon(xent_frame *f) { return divergence(f, XENT_JENSEN_SHANNON); }
static xent_status total_variation(xent_frame *f) { return divergence(f, XENT_TOTAL_VARIATION); }

xent_status xent_kl_divergence(const xent_divergence_call *c) { return xent_make_call(c, &xent_of_kl_divergence); }
xent_status xent_jensen_shannon_divergence(const xent_divergence_call *c) {
  return xent_make_call(c, &xent_of_jensen_shannon_divergence);
}
xent_status xent_total_variation(const xent_divergence_call *c) { return xent_make_call(c, &xent_of_total_variation); }

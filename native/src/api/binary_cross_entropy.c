/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of binary cross-entropy. */
#include "api/calls.h"

/* The options of this function. */
#define OWN (XENT_SETS(ignore_index) | XENT_OPTIONS_FOR(XENT_FOR_BINARY))

#define PLACES(_, c)                                                                                         \
  _(c, logits, LOGITS, NEEDED) _(c, targets, ELEMENT_TARGETS, NEEDED) _(c, losses, ELEMENT_LOSSES, OPTIONAL) \
  _(c, gradient, GRADIENT, OPTIONAL) _(c, element_weights, ELEMENT_WEIGHTS, OPTIONAL)                        \
  _(c, positive_weights, POSITIVE_WEIGHTS, OPTIONAL) _(c, exact_sum, EXACT_SUM, OPTIONAL)
XENT_PLACES(places, xent_binary_cross_entropy_call, PLACES);

static xent_status binary_cross_entropy(xent_frame *f);
const xent_entry xent_of_binary_cross_entropy = {
    XENT_ARGUMENTS(xent_binary_cross_entropy_call, 304, places, binary_cross_entropy)};

/* Only labels can have an ignore index. */
static xent_status check_ignore_index(xent_frame *f) {
  const bool labels = xent_element_type_of(f->call.shape->targets.type).holds & XENT_LABELS;
  if (!f->call.options->has_ignore_index || labels) return XENT_OK;
  return xent_refuse_ignore_index(f, XENT_INVALID_OPTION);
}

static xent_status binary_cross_entropy(xent_frame *f) {
  xent_status status = xent_begin(f, false);
  if (!status) status = xent_check_rows(f);
  if (!status) status = xent_check_arrays(f, &xent_of_binary_cross_entropy);
  if (!status) status = xent_check_foreign(f, OWN);
  if (!status) status = check_ignore_index(f);
  if (!status) status = xent_check_exact_sum(f);
  if (!status) {
    f->call.output_layout = &f->call.shape->gradient;
    report_path(f, f->wide || f->call.options->focal_gamma > 0 ? XENT_PATH_F64 : XENT_PATH_ELEMENTS);
    status = run_kernel(f, f->kernels->binary_cross_entropy);
  }
  return xent_end(f, status);
}

xent_status xent_binary_cross_entropy(const xent_binary_cross_entropy_call *c) {
  return xent_make_call(c, &xent_of_binary_cross_entropy);
}

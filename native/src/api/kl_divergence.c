/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of the divergences of a student from its teacher. */
#include "api/calls.h"

#define PLACE(name, rule, need) XENT_PLACE(xent_divergence_call, name, rule, need)
static const xent_place places[] = {
    PLACE(logits, LOGITS, NEEDED), PLACE(teacher, TEACHER, NEEDED), PLACE(losses, LOSSES, OPTIONAL),
    PLACE(gradient, GRADIENT, OPTIONAL), PLACE(class_mask, CLASS_MASK, OPTIONAL),
    PLACE(row_weights, ROW_WEIGHTS, OPTIONAL), PLACE(tally, TALLY, OPTIONAL)};

static const xent_arguments arguments = {
    XENT_ARGUMENTS(xent_divergence_call, places, 4),
    .own_options = XENT_FIELD_BIT(FULLY_MASKED) | XENT_FIELD_BIT(TEMPERATURE)};

static xent_status divergence(xent_frame *f, int32_t kind) {
  xent_status status = xent_begin_call(f, &arguments);
  f->numbers = XENT_NUMBERS; /* computed in double whatever the types */
  if (!status) status = xent_check_places(f, &arguments);
  if (!status) {
    f->call.output_layout = &f->call.shape->gradient;
    f->call.divergence = kind;
    f->report->way = XENT_WAY_F64;
    status = run_kernel(f->kernels->kl_divergence, &f->call);
    set_denominator(f);
  }
  return xent_end(f, status);
}

static xent_status kl_divergence(xent_frame *f) { return divergence(f, XENT_KULLBACK_LEIBLER); }
static xent_status jensen_shannon(xent_frame *f) { return divergence(f, XENT_JENSEN_SHANNON); }
static xent_status total_variation(xent_frame *f) { return divergence(f, XENT_TOTAL_VARIATION); }

xent_status xent_kl_divergence(const xent_divergence_call *c) { return xent_run(c, &arguments, kl_divergence); }
xent_status xent_jensen_shannon_divergence(const xent_divergence_call *c) {
  return xent_run(c, &arguments, jensen_shannon);
}
xent_status xent_total_variation(const xent_divergence_call *c) { return xent_run(c, &arguments, total_variation); }

#define XENT_GIVEN_DIVERGENCE                                                                        \
  .logits = logits, .teacher = teacher, .class_mask = class_mask, .row_weights = row_weights, \
  .losses = losses, .output = gradient, .tally = tally

xent_status xent_kl_divergence_at(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                  int64_t row_end, const void *logits, const void *teacher, const void *class_mask,
                                  const void *row_weights, void *losses, void *gradient, xent_tally *tally,
                                  xent_report *report) {
  XENT_RUN_AT(kl_divergence, XENT_GIVEN_DIVERGENCE);
}

xent_status xent_jensen_shannon_divergence_at(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                              int64_t row_end, const void *logits, const void *teacher,
                                              const void *class_mask, const void *row_weights, void *losses,
                                              void *gradient, xent_tally *tally, xent_report *report) {
  XENT_RUN_AT(jensen_shannon, XENT_GIVEN_DIVERGENCE);
}

xent_status xent_total_variation_at(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                    int64_t row_end, const void *logits, const void *teacher, const void *class_mask,
                                    const void *row_weights, void *losses, void *gradient, xent_tally *tally,
                                    xent_report *report) {
  XENT_RUN_AT(total_variation, XENT_GIVEN_DIVERGENCE);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Entry point of the Kullback-Leibler divergence. */
#include "api/arrays.h"

/* Options that are for other targets and losses. */
static xent_status check_divergence_options(xent_frame *f) {
  const xent_options *o = f->options;
  const struct {
    double value;
    bool given;
    int32_t field;
  } foreign[] = {{(double)o->ignore_index, o->has_ignore_index, XENT_FIELD_IGNORE_INDEX},
                 {o->label_smoothing, o->label_smoothing != 0, XENT_FIELD_LABEL_SMOOTHING},
                 {o->smoothing, o->smoothing != 0, XENT_FIELD_SMOOTHING},
                 {o->softcap, o->softcap != 0, XENT_FIELD_SOFTCAP},
                 {o->z_loss, o->z_loss != 0, XENT_FIELD_Z_LOSS},
                 {o->probability_clamp, o->probability_clamp != 0, XENT_FIELD_PROBABILITY_CLAMP}};
  for (unsigned i = 0; i < sizeof foreign / sizeof *foreign; i++) {
    if (!foreign[i].given) continue;
    f->report->value = foreign[i].value;
    return xent_refuse(f, XENT_UNSUPPORTED, foreign[i].field, 0);
  }
  return XENT_OK;
}

/* Computed in double whatever the type, so every type of floats is welcome. */
xent_status xent_kl_divergence(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                               int64_t row_end, const void *logits, const void *teacher, const void *class_mask,
                               const void *row_weights, void *losses, void *gradient, xent_tally *tally,
                               xent_report *report) {
  xent_frame f;
  xent_status status = xent_frame_begin(&f, shape, options, report, false);
  if (!status) status = xent_frame_ranges(&f, row_begin, row_end, 0, f.shape->classes);
  if (!status) status = xent_check_whole(&f);
  if (!status) status = check_divergence_options(&f);
  if (!status) status = check_tally(&f, tally);
  if (!status) {
    f.floats = XENT_ALL_FLOATS;
    xent_array of_teacher = logits_array(&f, teacher);
    of_teacher.layout = &f.shape->teacher;
    of_teacher.field = XENT_FIELD_TEACHER;
    const xent_array arrays[] = {logits_array(&f, logits),
                                 of_teacher,
                                 class_mask_array(&f, class_mask),
                                 row_weights_array(&f, row_weights),
                                 row_output(losses, &f.shape->losses, XENT_FIELD_LOSSES, f.floats),
                                 gradient_array(&f, gradient, true)};
    status = xent_check_arrays(&f, arrays, 6);
  }
  if (!status) {
    f.call.logits = logits;
    f.call.teacher = teacher;
    f.call.class_mask = class_mask;
    f.call.row_weights = row_weights;
    f.call.losses = losses;
    f.call.output = gradient;
    f.call.output_layout = &f.shape->gradient;
    f.call.tally = tally;
    status = run_kernel(f.kernels->kl_divergence, &f.call);
    set_denominator(&f);
  }
  return xent_frame_end(&f, report, status);
}

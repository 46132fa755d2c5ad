/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of the Kullback-Leibler divergence. */
#include "api/calls.h"

enum { USUAL = 4 };

#define PLACE(name, rule, needed) XENT_PLACE(kl_divergence, name, rule, needed)
static const xent_place places[] = {
    PLACE(logits, LOGITS, true), PLACE(teacher, TEACHER, true), PLACE(losses, LOSSES, false),
    PLACE(gradient, GRADIENT, false), PLACE(class_mask, CLASS_MASK, false), PLACE(row_weights, ROW_WEIGHTS, false)};
#undef PLACE

/* Options that are for other targets and losses. */
static xent_status check_divergence_options(xent_frame *f) {
  const xent_options *o = f->call.options;
  const struct {
    double value;
    bool given;
    int32_t field;
  } foreign[] = {{(double)o->ignore_index, o->has_ignore_index, XENT_FIELD_IGNORE_INDEX},
                 {o->label_smoothing, o->label_smoothing != 0, XENT_FIELD_LABEL_SMOOTHING},
                 {o->smoothing, o->smoothing != 0, XENT_FIELD_SMOOTHING},
                 {o->softcap, o->softcap != 0, XENT_FIELD_SOFTCAP},
                 {o->z_loss, o->z_loss != 0, XENT_FIELD_Z_LOSS},
                 {o->probability_clamp, o->probability_clamp != 0, XENT_FIELD_PROBABILITY_CLAMP},
                 {o->focal_gamma, o->focal_gamma != 0, XENT_FIELD_FOCAL_GAMMA},
                 {o->focal_alpha, o->focal_alpha != 0, XENT_FIELD_FOCAL_ALPHA}};
  for (unsigned i = 0; i < sizeof foreign / sizeof *foreign; i++) {
    if (!foreign[i].given) continue;
    f->report->value = foreign[i].value;
    return xent_refuse(f, XENT_UNSUPPORTED, foreign[i].field, 0);
  }
  return XENT_OK;
}

static xent_status kl_divergence(xent_frame *f) {
  xent_status status = xent_begin(f, false);
  f->numbers = XENT_NUMBERS; /* computed in double whatever the types */
  if (!status) status = xent_check_rows(f);
  if (!status) status = check_divergence_options(f);
  if (!status) status = xent_check_tally(f, f->call.tally);
  if (!status) status = XENT_CHECK_PLACES(f, places, USUAL);
  if (!status) {
    f->call.output_layout = &f->call.shape->gradient;
    f->report->way = XENT_WAY_F64;
    status = run_kernel(f->kernels->kl_divergence, &f->call);
    set_denominator(f);
  }
  return xent_end(f, status);
}

XENT_ENTRY(kl_divergence, kl_divergence, places, USUAL, NULL, f.call.tally = c->tally, kl_divergence(&f))

xent_status xent_kl_divergence_at(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                  int64_t row_end, const void *logits, const void *teacher, const void *class_mask,
                                  const void *row_weights, void *losses, void *gradient, xent_tally *tally,
                                  xent_report *report) {
  xent_frame f;
  f.call = (xent_call){.shape = shape, .options = options, .row_begin = row_begin, .row_end = row_end,
                       .logits = logits, .teacher = teacher, .class_mask = class_mask, .row_weights = row_weights,
                       .losses = losses, .output = gradient, .tally = tally, .report = report};
  XENT_FIND_RARE(&f, places, USUAL);
  return kl_divergence(&f);
}

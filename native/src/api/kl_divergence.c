/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of the divergences of a student from its teacher. */
#include "api/calls.h"

enum { USUAL = 4 };

/* The options it has. */
#define OWN (XENT_FIELD_BIT(FULLY_MASKED) | XENT_FIELD_BIT(TEMPERATURE))

#define PLACE(name, rule, needed) XENT_PLACE(divergence, name, rule, needed)
static const xent_place places[] = {
    PLACE(logits, LOGITS, true), PLACE(teacher, TEACHER, true), PLACE(losses, LOSSES, false),
    PLACE(gradient, GRADIENT, false), PLACE(class_mask, CLASS_MASK, false), PLACE(row_weights, ROW_WEIGHTS, false)};
#undef PLACE

static xent_status divergence(xent_frame *f, int32_t kind) {
  xent_status status = xent_begin(f, false);
  f->numbers = XENT_NUMBERS; /* computed in double whatever the types */
  if (!status) status = xent_check_rows(f);
  if (!status) status = xent_check_foreign(f, OWN);
  if (!status) status = xent_check_tally(f, f->call.tally);
  if (!status) status = XENT_CHECK_PLACES(f, places, USUAL);
  if (!status) {
    f->call.output_layout = &f->call.shape->gradient;
    f->call.divergence = kind;
    f->report->way = XENT_WAY_F64;
    status = run_kernel(f->kernels->kl_divergence, &f->call);
    set_denominator(f);
  }
  return xent_end(f, status);
}

#define XENT_DIVERGENCE(function, kind)                                                                              \
  XENT_ENTRY(function, divergence, places, USUAL, NULL, f.call.tally = c->tally, divergence(&f, kind))               \
  xent_status xent_##function##_at(const xent_shape *shape, const xent_options *options, int64_t row_begin,          \
                                   int64_t row_end, const void *logits, const void *teacher, const void *class_mask, \
                                   const void *row_weights, void *losses, void *gradient, xent_tally *tally,         \
                                   xent_report *report) {                                                            \
    xent_frame f;                                                                                                    \
    f.call = (xent_call){.shape = shape, .options = options, .row_begin = row_begin, .row_end = row_end,             \
                         .logits = logits, .teacher = teacher, .class_mask = class_mask, .row_weights = row_weights, \
                         .losses = losses, .output = gradient, .tally = tally, .report = report};                    \
    XENT_FIND_RARE(&f, places, USUAL);                                                                               \
    return divergence(&f, kind);                                                                                     \
  }
XENT_DIVERGENCE(kl_divergence, XENT_KULLBACK_LEIBLER)
XENT_DIVERGENCE(jensen_shannon_divergence, XENT_JENSEN_SHANNON)
XENT_DIVERGENCE(total_variation, XENT_TOTAL_VARIATION)

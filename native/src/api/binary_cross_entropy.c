/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of binary cross-entropy. */
#include "api/calls.h"

enum { USUAL = 4 };

/* The options it has. */
#define OWN (XENT_FIELD_BIT(IGNORE_INDEX) | XENT_FIELD_BIT(FOCAL_GAMMA) | XENT_FIELD_BIT(FOCAL_ALPHA))

#define PLACE(name, rule, needed) XENT_PLACE(binary_cross_entropy, name, rule, needed)
static const xent_place places[] = {
    PLACE(logits, LOGITS, true), PLACE(targets, ELEMENT_TARGETS, true), PLACE(losses, ELEMENT_LOSSES, false),
    PLACE(gradient, GRADIENT, false), PLACE(element_weights, ELEMENT_WEIGHTS, false),
    PLACE(positive_weights, POSITIVE_WEIGHTS, false)};
#undef PLACE

/* An ignore index is among labels. */
static xent_status check_ignore_index(xent_frame *f) {
  const xent_options *o = f->call.options;
  if (!o->has_ignore_index || (xent_element_type_of(f->call.shape->targets.type).holds & XENT_LABELS)) return XENT_OK;
  f->report->value = (double)o->ignore_index;
  return xent_refuse(f, XENT_INVALID_OPTION, XENT_FIELD_IGNORE_INDEX, o->ignore_index);
}

static xent_status binary_cross_entropy(xent_frame *f) {
  xent_status status = xent_begin(f, false);
  if (!status) status = xent_check_rows(f);
  if (!status) status = XENT_CHECK_PLACES(f, places, USUAL);
  if (!status) status = xent_check_foreign(f, OWN);
  if (!status) status = check_ignore_index(f);
  if (!status) status = xent_check_tally(f, f->call.tally);
  if (!status) {
    f->call.output_layout = &f->call.shape->gradient;
    f->report->way = f->wide || f->call.options->focal_gamma > 0 ? XENT_WAY_F64 : XENT_WAY_ELEMENTS;
    status = run_kernel(f->kernels->binary_cross_entropy, &f->call);
    set_denominator(f);
  }
  return xent_end(f, status);
}

XENT_ENTRY(binary_cross_entropy, binary_cross_entropy, places, USUAL, NULL, f.call.tally = c->tally,
           binary_cross_entropy(&f))

xent_status xent_binary_cross_entropy_at(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                         int64_t row_end, const void *logits, const void *targets,
                                         const void *element_weights, const void *positive_weights, void *losses,
                                         void *gradient, xent_tally *tally, xent_report *report) {
  xent_frame f;
  f.call = (xent_call){.shape = shape, .options = options, .row_begin = row_begin, .row_end = row_end,
                       .logits = logits, .targets = targets, .element_weights = element_weights,
                       .positive_weights = positive_weights, .losses = losses, .output = gradient, .tally = tally,
                       .report = report};
  XENT_FIND_RARE(&f, places, USUAL);
  return binary_cross_entropy(&f);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The arrays that entry points have in common, as the checks see them. */
#ifndef XENT_ARRAYS_H
#define XENT_ARRAYS_H

#include "api/calls.h"

static inline xent_array logits_array(const xent_frame *f, const void *logits) {
  return (xent_array){.address = logits, .layout = &f->shape->logits, .field = XENT_FIELD_LOGITS, .types = f->floats};
}

/* Labels, sparse rows or probability rows. */
static inline xent_array targets_array(const xent_frame *f, const void *targets, bool optional) {
  const int32_t type = f->shape->targets.type;
  const bool floats = XENT_TYPE_BIT(type & 31) & XENT_ALL_FLOATS;
  return (xent_array){.address = targets,
                      .layout = &f->shape->targets,
                      .field = XENT_FIELD_TARGETS,
                      .per_row = !floats,
                      .entries = f->shape->target_count,
                      .optional = optional,
                      .types = f->shape->target_count ? XENT_LABEL_TYPES : XENT_LABEL_TYPES | f->floats};
}

static inline xent_array target_weights_array(const xent_frame *f, const void *weights) {
  return (xent_array){.address = weights, .layout = &f->shape->target_weights, .field = XENT_FIELD_TARGET_WEIGHTS,
                      .entries = f->shape->target_count, .optional = f->shape->target_count == 0, .types = f->floats};
}

/* Weights belong to the classes of sparse rows. */
static inline xent_status check_target_weights(xent_frame *f, const void *weights) {
  if (!weights || f->shape->target_count) return XENT_OK;
  return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_TARGET_WEIGHTS, 0);
}

static inline xent_array class_mask_array(const xent_frame *f, const void *mask) {
  return (xent_array){.address = mask, .layout = &f->shape->class_mask, .field = XENT_FIELD_CLASS_MASK,
                      .optional = true, .types = XENT_TYPE_BIT(XENT_U8)};
}

/* The same for all rows, whatever the layout says of them. Not ragged: it is indexed by the class. */
static inline xent_array class_weights_array(xent_frame *f, const void *weights) {
  f->class_weights = (xent_layout){.classes = f->shape->class_weights.classes,
                                   .type = f->shape->class_weights.type,
                                   .reserved = f->shape->class_weights.reserved};
  return (xent_array){.address = weights, .layout = &f->class_weights, .field = XENT_FIELD_CLASS_WEIGHTS,
                      .entries = f->shape->classes, .optional = true, .types = f->floats};
}

static inline xent_array row_input(const void *address, const xent_layout *layout, int32_t field, uint32_t types) {
  return (xent_array){.address = address, .layout = layout, .field = field, .per_row = true, .optional = true,
                      .types = types};
}

static inline xent_array row_weights_array(const xent_frame *f, const void *weights) {
  return row_input(weights, &f->shape->row_weights, XENT_FIELD_ROW_WEIGHTS, f->floats | XENT_TYPE_BIT(XENT_U8));
}

static inline xent_array sink_array(const xent_frame *f, const void *sink) {
  return row_input(sink, &f->shape->sink, XENT_FIELD_SINK, f->floats);
}

static inline xent_array row_output(const void *address, const xent_layout *layout, int32_t field, uint32_t types) {
  return (xent_array){.address = address, .layout = layout, .field = field, .per_row = true,
                      .written = true, .optional = true, .types = types};
}

/* Of the largest classes. */
static inline xent_array top_output(const xent_frame *f, const void *address, const xent_layout *layout,
                                    int32_t field, uint32_t types) {
  return (xent_array){.address = address, .layout = layout, .field = field, .entries = f->shape->top_count,
                      .written = true, .optional = true, .types = types};
}

static inline xent_array gradient_array(const xent_frame *f, const void *gradient, bool optional) {
  return (xent_array){.address = gradient,
                      .layout = &f->shape->gradient,
                      .field = XENT_FIELD_GRADIENT,
                      .written = true,
                      .optional = optional,
                      .in_place = XENT_IN_PLACE(XENT_FIELD_LOGITS),
                      .types = f->floats};
}

static inline xent_status check_tally(xent_frame *f, const xent_tally *tally) {
  const xent_status status = xent_check_struct(f, tally, _Alignof(xent_tally), XENT_FIELD_TALLY, true);
  if (status || !tally || tally->size == sizeof *tally) return status;
  return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_TALLY, (int64_t)tally->size);
}

/* What the targets of a call are. */
static inline bool targets_are_labels(const xent_frame *f) {
  return !f->shape->target_count && XENT_TYPE_BIT(f->shape->targets.type & 31) & XENT_LABEL_TYPES;
}
static inline uint32_t kind_of_targets(const xent_frame *f) {
  return targets_are_labels(f) ? XENT_KIND_LABEL : XENT_KIND_PROBABILITIES;
}

/* What labels have and other targets have not; an ignore index stands for no class in sparse rows. */
static inline xent_status check_target_rules(xent_frame *f, const void *targets, const void *hits) {
  const xent_options *o = f->options;
  if (!targets || targets_are_labels(f)) return XENT_OK;
  if (o->has_ignore_index && !f->shape->target_count) {
    f->report->value = (double)o->ignore_index;
    return xent_refuse(f, XENT_INVALID_OPTION, XENT_FIELD_IGNORE_INDEX, o->ignore_index);
  }
  if (o->smoothing || o->probability_clamp != 0) {
    const bool smoothing = o->smoothing;
    f->report->value = smoothing ? o->smoothing : o->probability_clamp;
    return xent_refuse(f, XENT_INVALID_OPTION, smoothing ? XENT_FIELD_SMOOTHING : XENT_FIELD_PROBABILITY_CLAMP, 0);
  }
  return hits ? xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_HITS, 0) : XENT_OK;
}

static inline void set_denominator(xent_frame *f) { f->report->denominator = (double)f->report->counted; }

#endif

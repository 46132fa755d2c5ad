/* SPDX-License-Identifier: Apache-2.0 */
/* Shared code of the entry points of calls over rows. */
#ifndef XENT_CALLS_H
#define XENT_CALLS_H

#include "api/checks.h"
#include "cpu/isa.h"
#include "kernels/path_names.h"

/* If the tensors of a call take more bytes together than the last cache has, the output does not stay in the caches
 * until the caller reads it. Stores that bypass the caches avoid reading each line that is about to be overwritten. */
static inline bool worth_streaming(const xent_frame *f, const void *output, const void *input, int tensors) {
#ifdef XENT_STREAM_ALL /* a test streams everything */
  (void)f, (void)tensors;
  return output && output != input;
#else
  return output && output != input && f->elements > xent_last_cache() / (tensors * (int64_t)sizeof(float));
#endif
}

/* Makes the gradient, which may overwrite the logits, the output of a call. */
static inline void use_gradient_as_output(xent_frame *f) {
  xent_call *c = &f->call;
  c->output_layout = &c->shape->gradient;
  c->stream = worth_streaming(f, c->output, c->logits, 2);
}

/* Orders the stores that bypass the caches. Other stores do not order them, so this must happen before the caller
 * signals another thread that the results are complete. */
static inline void end_streaming(void) {
#if defined(__x86_64__)
  _mm_sfence();
#endif
}

/* Runs a kernel on a call that has been checked. */
static inline xent_status run_checked(const xent_call *call, xent_kernel kernel) {
  const xent_status status = kernel(call);
  if (call->stream) end_streaming();
  call->report->denominator = (double)call->report->valid_rows;
  return status;
}
/* Runs a kernel on a checked call, or stores both for later runs. */
static inline xent_status run_kernel(xent_frame *f, xent_kernel kernel) {
  return f->keep ? xent_keep(f, kernel) : run_checked(&f->call, kernel);
}

/* Reports the path of a call; a call without rows takes none. */
static inline void report_path(xent_frame *f, int32_t path) {
  f->report->path = f->call.row_begin < f->call.row_end ? path : XENT_PATH_NONE;
}

/* The kernels that a call needs. Kernels that choose among paths in float32 arithmetic report their choice. */
static inline const xent_family *family_of(xent_frame *f) {
  report_path(f, f->wide ? XENT_PATH_F64 : XENT_PATH_ROW);
  return f->wide ? f->kernels->f64 : f->kernels->f32;
}

/* Rules that apply to labels but not to other targets. The ignore index does not stand for a class in sparse rows. The
 * terms of a loss are clamped only if the rows are whole. */
static inline xent_status check_target_rules(xent_frame *f, bool whole) {
  const xent_options *o = f->call.options;
  if (!f->call.targets || xent_has_label_targets(f)) return XENT_OK;
  if (o->has_ignore_index && !f->call.shape->target_count) return xent_refuse_ignore_index(f, XENT_INVALID_OPTION);
  const uint64_t of_labels = XENT_OPTIONS_WITH(XENT_WITH_LABELS);
  if (f->set_options & of_labels) return xent_refuse_options(f, XENT_INVALID_OPTION, of_labels);
  if (o->probability_clamp == 0 || whole) return XENT_OK;
  return xent_refuse_value(f, XENT_INVALID_OPTION, XENT_FIELD_PROBABILITY_CLAMP, o->probability_clamp);
}

/* Rejects arrays of the largest classes if top_count is 0. */
static inline xent_status check_top_count(xent_frame *f) {
  const bool top = f->call.top_classes || f->call.top_log_probabilities;
  return top && f->call.shape->top_count == 0 ? xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_TOP_COUNT, 0) : XENT_OK;
}

/* Smoothing shares depend on the number of classes, which is unknown in a shard with a mask. Labels apply smoothing
 * later. */
static inline xent_status check_share_is_known(xent_frame *f) {
  const bool asked = f->call.targets && !xent_has_label_targets(f) && f->call.options->label_smoothing > 0;
  if (!asked || !f->call.class_mask || !f->call.shape->all_classes) return XENT_OK;
  return xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_CLASS_MASK, 0);
}

/* Rejects outputs that need targets, and those that need labels, in calls without them. */
static inline xent_status check_outputs_of_targets(xent_frame *f) {
  const xent_call *c = &f->call;
  const bool of_labels = c->correct || c->log_probabilities || c->ranks;
  if (!c->targets) {
    /* Statistics of a forward: for its backward, or for the probabilities of the largest classes. */
    const bool left = c->statistics && !c->known_states && !c->top_classes;
    const bool missing = of_labels || left || c->losses || c->output || c->exact_sum || c->target_gradient;
    return missing ? xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_TARGETS, 0) : XENT_OK;
  }
  if (xent_has_label_targets(f))
    return c->target_gradient ? xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_TARGET_GRADIENT, 0) : XENT_OK;
  const int32_t field = c->correct                ? XENT_FIELD_CORRECT
                        : c->log_probabilities ? XENT_FIELD_LOG_PROBABILITIES
                                               : XENT_FIELD_RANKS;
  return of_labels ? xent_refuse(f, XENT_INVALID_ARGUMENT, field, 0) : XENT_OK;
}

/* Checks the type of logits that a call does not read: it selects the arithmetic. */
static inline xent_status check_logits_type(xent_frame *f) {
  const xent_layout *l = &f->call.shape->logits;
  const xent_element_type type = xent_element_type_of(l->type);
  if (!type.size) return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_LOGITS, l->type);
  if (!(type.holds & XENT_NUMBERS)) return xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_LOGITS, l->type);
  return l->reserved ? xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_LOGITS, l->reserved) : XENT_OK;
}

static inline uint32_t kind_of_targets(const xent_frame *f) {
  return xent_has_label_targets(f) ? XENT_KIND_LABEL : XENT_KIND_PROBABILITIES;
}

#endif

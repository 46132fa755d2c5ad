/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of sampling. */
#include <float.h>

#include "api/calls.h"
#include "kernels/options.h"
#include "kernels/present.h"
#include "kernels/sample/sampler_options.h"
#include "kernels/stages/targets/entries.h"
#include "xent_bindings.h"

enum { MOST_CLASSES = INT32_MAX, MOST_TOKENS = INT32_MAX };

#define PLACES(_, c)                                                                                         \
  _(c, logits, LOGITS, NEEDED) _(c, tokens, TOKENS, NEEDED) _(c, class_mask, MASK_OF_TOKENS, OPTIONAL)       \
  _(c, bias, BIAS, OPTIONAL) _(c, prompt_tokens, PROMPT_TOKENS, OPTIONAL)                                    \
  _(c, output_tokens, OUTPUT_TOKENS, OPTIONAL)                                                               \
  _(c, processed_log_probabilities, PROCESSED_LOG_PROBABILITIES, OPTIONAL) _(c, kept, KEPT, OPTIONAL)        \
  _(c, kept_mask, KEPT_MASK, OPTIONAL) _(c, log_probabilities, LOG_PROBABILITIES, OPTIONAL)                  \
  _(c, ranks, RANKS, OPTIONAL) _(c, entropies, ENTROPIES, OPTIONAL) _(c, top_classes, TOP_CLASSES, OPTIONAL) \
  _(c, top_log_probabilities, TOP_LOG_PROBABILITIES, OPTIONAL) _(c, workspace, WORKSPACE, OPTIONAL)          \
  _(c, bias_tokens, BIAS_TOKENS, OPTIONAL) _(c, bias_values, BIAS_VALUES, OPTIONAL) \
  _(c, draft_tokens, DRAFT_TOKENS, OPTIONAL) _(c, draft_probabilities, DRAFT_PROBABILITIES, OPTIONAL) \
  _(c, sampling, SAMPLING, OPTIONAL) _(c, workspace_size, WORKSPACE_SIZE, OPTIONAL)                          \
  _(c, top_count, TOP_COUNT, OPTIONAL) _(c, prompt_count, PROMPT_COUNT, OPTIONAL)                            \
  _(c, output_count, OUTPUT_COUNT, OPTIONAL) _(c, bias_count, BIAS_COUNT, OPTIONAL)
XENT_PLACES(places, xent_sample_call, PLACES);

static xent_status sample(xent_frame *f);
static uint64_t workspace_of(const xent_call *c);
const xent_entry xent_of_sample = {
    XENT_ARGUMENTS(xent_sample_call, 840, places, sample), .workspace = workspace_of,
    .choice = offsetof(xent_sample_call, per_row), .continues = offsetof(xent_sample_call, continues)};

/* ---- options ---- */

static const xent_number choices[] = {XENT_SAMPLING_CHOICES(XENT_NUMBER, xent_sampling)};
static const xent_number penalties[] = {XENT_SAMPLING_PENALTIES(XENT_NUMBER, xent_sampling)};

/* An order must list each filter that is set, once. */
static xent_status check_order(xent_frame *f, const xent_sampling *s) {
  static const int32_t fields[] = {
      [XENT_FILTER_TOP_K] = XENT_FIELD_TOP_K, [XENT_FILTER_TOP_P] = XENT_FIELD_TOP_P,
      [XENT_FILTER_MIN_P] = XENT_FIELD_MIN_P, [XENT_FILTER_TYPICAL_P] = XENT_FIELD_TYPICAL_P,
      [XENT_FILTER_TOP_N_SIGMA] = XENT_FIELD_TOP_N_SIGMA, [XENT_FILTER_XTC] = XENT_FIELD_XTC_PROBABILITY};
  uint32_t has = 0;
  for (uint64_t left = order_of(s); left; left >>= 8) {
    const uint32_t filter = left & 255;
    if (filter == 0 || filter > XENT_FILTER_TEMPERATURE || has >> filter & 1)
      return xent_refuse(f, XENT_INVALID_OPTION, XENT_FIELD_ORDER, filter);
    has |= UINT32_C(1) << filter;
  }
  for (int filter = 1; filter < XENT_COUNT(fields); filter++)
    if (has_filter(s, filter) && !(has >> filter & 1))
      return xent_refuse(f, XENT_UNSUPPORTED, fields[filter], s->rules);
  return XENT_OK;
}

static xent_status check_numbers(xent_frame *f, const xent_sampling *s) {
  xent_status status = xent_check_numbers(f, s, choices, XENT_COUNT(choices));
  if (!status) status = check_order(f, s);
  return status ? status : xent_check_numbers(f, s, penalties, XENT_COUNT(penalties));
}

static xent_status refuse_sampling(xent_frame *f, xent_status status, const xent_sampling *s) {
  return xent_refuse(f, status, XENT_FIELD_SAMPLING, status == XENT_INVALID_SIZE ? (int64_t)s->size : 0);
}

/* Checks all structs of the rows of the call. The first one determines the size of all. */
static xent_status check_sampling(xent_frame *f) {
  static const xent_sampling defaults = {.size = sizeof defaults};
  xent_call *c = &f->call;
  if (!c->sampling && c->sampling_per_row) return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_SAMPLING, 0);
  if (!c->sampling) c->sampling = &defaults;
  if (c->sampling_per_row && c->row_begin == c->row_end) return XENT_OK;
  /* It has the size of all. */
  const xent_status first = xent_check_call(c->sampling, sizeof *c->sampling, sizeof *c->sampling);
  if (first) return refuse_sampling(f, first, c->sampling);
  int64_t bytes;
  if (c->sampling_per_row && __builtin_mul_overflow(f->rows, (int64_t)c->sampling->size, &bytes))
    return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_SAMPLING, f->rows);
  const int64_t end = c->sampling_per_row ? c->row_end : c->row_begin + 1;
  for (int64_t row = c->row_begin; row < end; row++) {
    const xent_sampling *s = sampling_of_row(c, row);
    xent_status status = s->size != c->sampling->size ? XENT_INVALID_SIZE : xent_check_call(s, sizeof *s, sizeof *s);
    status = status ? refuse_sampling(f, status, s) : check_numbers(f, s);
    if (!status) continue;
    if (c->sampling_per_row) f->report->row = row;
    return status;
  }
  return XENT_OK;
}

/* ---- arrays ---- */

uint64_t xent_sample_workspace(int64_t classes, int64_t tokens) {
  return classes < 1 || classes > MOST_CLASSES ? 0 : bytes_of_tables(classes, tokens);
}

static int64_t biases_of_row(const xent_call *c) { return c->bias_tokens ? c->shape->target_count : 0; }

static uint64_t workspace_of(const xent_call *c) {
  const int64_t classes = c->shape->classes;
  if (classes > MOST_CLASSES) return 0;
  if (prompt_of_row(c) > MOST_TOKENS || output_of_row(c) > MOST_TOKENS || biases_of_row(c) > MOST_TOKENS) return 0;
  return bytes_of_tables(classes, tokens_of_row(c)) + (has_mask_of_bits(c) ? bytes_of_flags(classes) : 0);
}

/* Checks the entries of each row from `begin` on. */
static xent_status check_tokens(xent_frame *f, const void *tokens, const xent_layout *l, int64_t begin, int64_t count,
                                int32_t field) {
  const xent_call *c = &f->call;
  const int64_t classes = c->shape->classes;
  for (int64_t row = c->row_begin; tokens && row < c->row_end; row++) {
    const int64_t first = row_offset(c->shape, l, row);
    for (int64_t i = begin; i < count; i++) {
      const int64_t token = load_label_at(tokens, l->type, first + i * l->classes);
      const bool none = token == -1 && !is_beyond_labels(l->type, token);
      if (none || (token >= 0 && token < classes)) continue;
      f->report->row = row;
      f->report->label = token;
      return xent_refuse(f, XENT_INVALID_LABEL, field, 0);
    }
  }
  return XENT_OK;
}

static xent_status check_counts(xent_frame *f) {
  xent_call *c = &f->call;
  const int64_t prompt = prompt_of_row(c), output = output_of_row(c), biases = biases_of_row(c);
  if (prompt > MOST_TOKENS) return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_PROMPT_COUNT, prompt);
  if (output > MOST_TOKENS) return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_OUTPUT_COUNT, output);
  if (biases > MOST_TOKENS) return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_BIAS_COUNT, biases);
  if (f->continues < 0 || f->continues > 1 || (f->continues && c->row_end - c->row_begin > 1))
    return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_CONTINUES, f->continues);
  c->continues = f->continues;
  return XENT_OK;
}

static xent_status check_lists(xent_frame *f) {
  xent_call *c = &f->call;
  const xent_shape *s = c->shape;
  if (s->prompt_count == 0) c->prompt_tokens = NULL;
  if (s->output_count == 0) c->output_tokens = NULL;
  if (s->target_count == 0) c->bias_tokens = c->bias_values = NULL;
  if (!c->bias_tokens != !c->bias_values)
    return xent_refuse(f, XENT_INVALID_ARGUMENT, c->bias_tokens ? XENT_FIELD_BIAS_VALUES : XENT_FIELD_BIAS_TOKENS, 0);
  xent_status status = check_counts(f);
  if (status) return status;
  const uint64_t needed = workspace_of(c);
  if (!needed) return XENT_OK;
  if (!c->workspace || ((uintptr_t)c->workspace & 7) || c->workspace_size < needed)
    return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_WORKSPACE, (int64_t)needed);
  /* Tokens that the workspace has were checked by an earlier call. */
  const int64_t known = c->row_begin < c->row_end ? checked_tokens(c, c->row_begin) : 0;
  const int64_t of_prompt = known ? prompt_of_row(c) : 0;
  status = check_tokens(f, c->prompt_tokens, &s->prompt_tokens, of_prompt, s->prompt_count, XENT_FIELD_PROMPT_TOKENS);
  if (!status)
    status = check_tokens(f, c->output_tokens, &s->output_tokens, known - of_prompt, s->output_count,
                          XENT_FIELD_OUTPUT_TOKENS);
  if (!status) status = check_tokens(f, c->bias_tokens, &s->bias_tokens, 0, s->target_count, XENT_FIELD_BIAS_TOKENS);
  return status;
}

/* Checks the probability with which each draft was drawn; those of other classes are not looked at. */
static xent_status check_draft_probabilities(xent_frame *f) {
  const xent_call *c = &f->call;
  const xent_shape *s = c->shape;
  for (int64_t row = c->row_begin; row < c->row_end; row++) {
    const int64_t token = load_label_at(c->draft_tokens, s->draft_tokens.type, row_offset(s, &s->draft_tokens, row));
    if (token < 0 || token >= s->classes || sampling_of_row(c, row)->greedy) continue;
    const xent_layout *l = &s->draft_probabilities;
    const double q = float_at(c->draft_probabilities, l->type, row_offset(s, l, row) + token * l->classes);
    if (q > 0 && q <= 1) continue;
    f->report->row = row;
    f->report->label = token;
    return xent_refuse_value(f, XENT_INVALID_OPTION, XENT_FIELD_DRAFT_PROBABILITIES, q);
  }
  return XENT_OK;
}

static xent_status check_drafts(xent_frame *f) {
  const xent_call *c = &f->call;
  if (!c->draft_tokens != !c->draft_probabilities)
    return xent_refuse(f, XENT_INVALID_ARGUMENT,
                       c->draft_tokens ? XENT_FIELD_DRAFT_PROBABILITIES : XENT_FIELD_DRAFT_TOKENS, 0);
  const xent_status status =
      check_tokens(f, c->draft_tokens, &c->shape->draft_tokens, 0, 1, XENT_FIELD_DRAFT_TOKENS);
  return status || !c->draft_tokens ? status : check_draft_probabilities(f);
}

static xent_status check_sample_arrays(xent_frame *f) {
  xent_status status = xent_check_arrays(f, &xent_of_sample);
  if (!status) status = check_top_count(f);
  if (!status) status = check_lists(f);
  return status ? status : check_drafts(f);
}

/* ---- the call ---- */

/* Nothing is differentiated. */
static xent_status check_options(xent_frame *f) {
  const xent_options *o = f->call.options;
  if (o->gradient_scale != 0 && o->gradient_scale != 1)
    return xent_refuse_value(f, XENT_UNSUPPORTED, XENT_FIELD_GRADIENT_SCALE, o->gradient_scale);
  return xent_check_foreign(f, XENT_OPTIONS_FOR(XENT_FOR_SAMPLE));
}

static xent_status sample(xent_frame *f) {
  xent_call *c = &f->call;
  const int32_t per_row = f->choice;
  xent_status status = xent_begin(f, false);
  if (!status) status = xent_check_rows(f);
  if (!status && c->shape->classes > MOST_CLASSES)
    status = xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_CLASSES, c->shape->classes);
  if (!status && f->wide) status = xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_LOGITS, c->shape->logits.type);
  if (!status) status = check_options(f);
  if (!status && per_row != 0 && per_row != 1)
    status = xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_SAMPLING, per_row);
  c->sampling_per_row = per_row;
  if (!status) status = check_sampling(f);
  if (!status) status = check_sample_arrays(f);
  if (!status) {
    report_path(f, XENT_PATH_ROW);
    status = run_kernel(f, f->kernels->sample);
  }
  return xent_end(f, status);
}

xent_status xent_sample(const xent_sample_call *c) { return xent_make_call(c, &xent_of_sample); }

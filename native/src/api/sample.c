/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of sampling. */
#include <float.h>
#include <math.h>

#include "api/calls.h"
#include "kernels/sample/options.h"
#include "kernels/targets/entries.h"

enum { USUAL = 2, WHOLE = 8, MOST_CLASSES = INT32_MAX }; /* WHOLE: from here on outputs of whole rows */

#define PLACE(name, rule, needed) XENT_PLACE(sample, name, rule, needed)
static const xent_place places[] = {
    PLACE(logits, LOGITS, true), PLACE(tokens, TOKENS, true), PLACE(class_mask, CLASS_MASK, false),
    PLACE(bias, BIAS, false), PLACE(prompt_tokens, PROMPT_TOKENS, false), PLACE(output_tokens, OUTPUT_TOKENS, false),
    PLACE(processed_log_probabilities, PROCESSED_LOG_PROBABILITIES, false), PLACE(kept, KEPT, false),
    [WHOLE] = PLACE(kept_mask, KEPT_MASK, false), PLACE(log_probabilities, LOG_PROBABILITIES, false),
    PLACE(ranks, RANKS, false), PLACE(entropies, ENTROPIES, false), PLACE(top_classes, TOP_CLASSES, false),
    PLACE(top_log_probabilities, TOP_LOG_PROBABILITIES, false)};
#undef PLACE

/* ---- options ---- */

static xent_status refuse_value(xent_frame *f, int32_t field, double value) {
  f->report->value = value;
  return xent_refuse(f, XENT_INVALID_OPTION, field, 0);
}

static bool is_share(double p) { return p >= 0 && p <= 1; }
static bool is_finite_float(double v) { return fabs(v) <= FLT_MAX; }

static xent_status check_filters(xent_frame *f, const xent_sampling *s) {
  if (s->min_keep < 0) return xent_refuse(f, XENT_INVALID_OPTION, XENT_FIELD_MIN_KEEP, s->min_keep);
  if (s->top_k < 0) return xent_refuse(f, XENT_INVALID_OPTION, XENT_FIELD_TOP_K, s->top_k);
  if (!is_share(s->top_p)) return refuse_value(f, XENT_FIELD_TOP_P, s->top_p);
  if (!is_share(s->min_p)) return refuse_value(f, XENT_FIELD_MIN_P, s->min_p);
  if (!is_share(s->typical_p)) return refuse_value(f, XENT_FIELD_TYPICAL_P, s->typical_p);
  const bool without_typical = s->rules == XENT_RULES_VLLM || s->rules == XENT_RULES_ONNXRUNTIME_GENAI;
  const bool without_min = s->rules == XENT_RULES_ONNXRUNTIME_GENAI;
  if (without_min && s->min_p != 0) return xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_MIN_P, s->rules);
  if (without_typical && s->typical_p != 0) return xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_TYPICAL_P, s->rules);
  return XENT_OK;
}

/* Of a shard: what a few classes, or sums of weights, tell of a row. */
static xent_status check_shard_filters(xent_frame *f, const xent_sampling *s) {
  if (s->greedy) return XENT_OK;
  if (s->min_keep > SAMPLE_TOLD) return xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_MIN_KEEP, s->min_keep);
  if (s->top_k > SAMPLE_TOLD) return xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_TOP_K, s->top_k);
  if (s->typical_p > 0 && s->typical_p < 1 && (s->top_k == 0 || keeps_all_ties(s))) {
    f->report->value = s->typical_p;
    return xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_TYPICAL_P, 0);
  }
  return XENT_OK;
}

static xent_status check_numbers(xent_frame *f, const xent_sampling *s) {
  if (s->rules < XENT_RULES_XENT || s->rules > XENT_RULES_ONNXRUNTIME_GENAI)
    return xent_refuse(f, XENT_INVALID_OPTION, XENT_FIELD_RULES, s->rules);
  if (s->ties < XENT_TIES_OF_RULES || s->ties > XENT_TIES_ALL)
    return xent_refuse(f, XENT_INVALID_OPTION, XENT_FIELD_TIES, s->ties);
  if (s->greedy != 0 && s->greedy != 1) return xent_refuse(f, XENT_INVALID_OPTION, XENT_FIELD_GREEDY, s->greedy);
  if (s->reserved) return xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_SAMPLING, s->reserved);
  xent_status status = check_filters(f, s);
  if (!status && f->call.shape->all_classes) status = check_shard_filters(f, s);
  if (status) return status;
  const double tau = s->temperature, rho = s->repetition_penalty;
  if (!(tau == 0 || (tau >= 0x1p-32 && tau <= 0x1p32))) return refuse_value(f, XENT_FIELD_TEMPERATURE, tau);
  if (!(rho == 0 || (rho >= (double)FLT_MIN && is_finite_float(rho))))
    return refuse_value(f, XENT_FIELD_REPETITION_PENALTY, rho);
  if (!is_finite_float(s->frequency_penalty))
    return refuse_value(f, XENT_FIELD_FREQUENCY_PENALTY, s->frequency_penalty);
  if (!is_finite_float(s->presence_penalty))
    return refuse_value(f, XENT_FIELD_PRESENCE_PENALTY, s->presence_penalty);
  return XENT_OK;
}

static xent_status refuse_sampling(xent_frame *f, xent_status status, const xent_sampling *s) {
  return xent_refuse(f, status, XENT_FIELD_SAMPLING, status == XENT_INVALID_SIZE ? (int64_t)s->size : 0);
}

/* All structs that the rows of the call have: of one size, that of the first. */
static xent_status check_sampling(xent_frame *f) {
  static const xent_sampling defaults = {.size = sizeof defaults};
  xent_call *c = &f->call;
  if (!c->sampling && c->sampling_per_row) return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_SAMPLING, 0);
  if (!c->sampling) c->sampling = &defaults;
  if (c->sampling_per_row && c->row_begin == c->row_end) return XENT_OK;
  const xent_status first = xent_check_call(c->sampling, sizeof *c->sampling); /* which has the size of all */
  if (first) return refuse_sampling(f, first, c->sampling);
  int64_t bytes;
  if (c->sampling_per_row && __builtin_mul_overflow(f->rows, (int64_t)c->sampling->size, &bytes))
    return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_SAMPLING, f->rows);
  const int64_t end = c->sampling_per_row ? c->row_end : c->row_begin + 1;
  for (int64_t row = c->row_begin; row < end; row++) {
    const xent_sampling *s = sampling_of_row(c, row);
    xent_status status = s->size != c->sampling->size ? XENT_INVALID_SIZE : xent_check_call(s, sizeof *s);
    status = status ? refuse_sampling(f, status, s) : check_numbers(f, s);
    if (!status) continue;
    if (c->sampling_per_row) f->report->row = row;
    return status;
  }
  return XENT_OK;
}

/* ---- arrays ---- */

uint64_t xent_sample_workspace(int64_t classes, int64_t tokens) {
  if (classes < 1 || classes > MOST_CLASSES || tokens < 1) return 0;
  return (uint64_t)(penalty_words(classes) + penalty_slots(classes, tokens) * 2) * 8;
}

static xent_status check_tokens(xent_frame *f, const void *tokens, const xent_layout *l, int64_t count, int32_t field) {
  const xent_call *c = &f->call;
  for (int64_t row = c->row_begin; tokens && row < c->row_end; row++)
    for (int64_t i = 0; i < count; i++) {
      const int64_t token = load_label_at(tokens, l->type, row_offset(c->shape, l, row) + i * l->classes);
      const bool none = token == -1 && !is_beyond_labels(l->type, token);
      if (none || (token >= 0 && token < classes_of_rows(c->shape))) continue;
      f->report->row = row;
      f->report->label = token;
      return xent_refuse(f, XENT_INVALID_LABEL, field, 0);
    }
  return XENT_OK;
}

static xent_status check_lists(xent_frame *f, uint64_t workspace_size) {
  xent_call *c = &f->call;
  const xent_shape *s = c->shape;
  if (s->prompt_count == 0) c->prompt_tokens = NULL;
  if (s->output_count == 0) c->output_tokens = NULL;
  if (!c->prompt_tokens && !c->output_tokens) return XENT_OK;
  int64_t tokens;
  if (__builtin_add_overflow(s->prompt_count, s->output_count, &tokens)) tokens = INT64_MAX;
  const uint64_t needed = xent_sample_workspace(s->classes, tokens);
  if (!c->workspace || ((uintptr_t)c->workspace & 7) || workspace_size < needed)
    return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_WORKSPACE, (int64_t)needed);
  xent_status status =
      check_tokens(f, c->prompt_tokens, &s->prompt_tokens, s->prompt_count, XENT_FIELD_PROMPT_TOKENS);
  if (!status)
    status = check_tokens(f, c->output_tokens, &s->output_tokens, s->output_count, XENT_FIELD_OUTPUT_TOKENS);
  return status;
}

/* What a shard has not, and what nothing else has. */
static xent_status check_shard_arrays(xent_frame *f) {
  const xent_call *c = &f->call;
  if (!c->shape->all_classes) {
    const bool any = c->gathered || c->shards || c->sample_states;
    return any ? xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_STATES, c->shards) : XENT_OK;
  }
  if (f->report == &f->own_report) return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_REPORT, 0);
  const bool some = c->gathered ? c->shards > 0 && c->shards <= c->shape->all_classes : c->shards == 0;
  if (!some) return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_STATES, c->shards);
  for (int i = 0; i < XENT_COUNT(places); i++) {
    const xent_rule *rule = &xent_rules[places[i].rule];
    if (i >= WHOLE && xent_address_of(f, rule)) return xent_refuse(f, XENT_UNSUPPORTED, rule->field, 0);
  }
  xent_status status = xent_check_records(f, c->gathered, c->shards, sizeof *c->gathered, XENT_FIELD_STATES, false);
  if (!status) status = xent_check_records(f, c->sample_states, 1, sizeof *c->sample_states, XENT_FIELD_STATES, true);
  return status;
}

static xent_status check_sample_arrays(xent_frame *f, uint64_t workspace_size) {
  const xent_call *c = &f->call;
  xent_status status = XENT_CHECK_PLACES(f, places, USUAL);
  if (!status && (c->top_classes || c->top_log_probabilities) && c->shape->top_count == 0)
    status = xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_TOP_COUNT, 0);
  return status ? status : check_lists(f, workspace_size);
}

/* ---- the call ---- */

/* The kernel gives the same call to that of cross-entropy: tokens are its labels, and a row without one is ignored. */
static xent_status run_sample(xent_frame *f) {
  xent_call *c = &f->call;
  xent_options options = *c->options;
  if (c->shape != &f->own_shape) f->own_shape = *c->shape;
  f->own_shape.targets = f->own_shape.tokens;
  f->own_shape.target_count = 0;
  options.has_ignore_index = 1;
  options.ignore_index = -1;
  c->shape = &f->own_shape;
  c->options = &options;
  c->targets = c->tokens;
  f->report->way = XENT_WAY_ROW;
  return run_kernel(f->kernels->sample, c);
}

static xent_status sample(xent_frame *f, uint64_t workspace_size, int32_t per_row) {
  xent_call *c = &f->call;
  c->any_split = true;
  xent_status status = xent_begin(f, false);
  if (!status) {
    c->class_end = c->shape->classes;
    status = xent_check_ranges(f);
  }
  if (!status && c->shape->classes > MOST_CLASSES)
    status = xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_CLASSES, c->shape->classes);
  if (!status && c->shape->all_classes > MOST_CLASSES)
    status = xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_ALL_CLASSES, c->shape->all_classes);
  if (!status && f->wide) status = xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_LOGITS, c->shape->logits.type);
  if (!status) status = xent_check_foreign(f, XENT_FIELD_BIT(SOFTCAP));
  if (!status && per_row != 0 && per_row != 1)
    status = xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_SAMPLING, per_row);
  c->sampling_per_row = per_row;
  if (!status) status = check_sampling(f);
  if (!status) status = check_sample_arrays(f, workspace_size);
  if (!status) status = check_shard_arrays(f);
  if (!status) {
    status = run_sample(f);
    set_denominator(f);
  }
  return xent_end(f, status);
}

xent_status xent_sample(const xent_sample_call *c) {
  xent_frame f;
  const xent_status status = xent_check_call(c, sizeof *c);
  if (status) return status;
  xent_take_call(&f, c, places, USUAL, XENT_COUNT(places), &c->sizes, c->rows, NULL, c->options, c->report);
  f.call.sampling = c->sampling;
  f.call.workspace = c->workspace;
  f.call.gathered = c->gathered;
  f.call.shards = c->shards;
  f.call.sample_states = c->states;
  return sample(&f, c->workspace_size, c->reserved ? -1 : c->per_row);
}

xent_status xent_sample_at(const xent_shape *shape, const xent_options *options, const xent_sampling *sampling,
                           int32_t per_row, int64_t row_begin, int64_t row_end, const void *logits,
                           const void *class_mask, const void *bias, const void *prompt_tokens,
                           const void *output_tokens, void *tokens, void *processed_log_probabilities, void *kept,
                           void *kept_mask, void *log_probabilities, void *ranks, void *entropies, void *top_classes,
                           void *top_log_probabilities, void *workspace, uint64_t workspace_size,
                           const xent_sample_state *gathered, int64_t shards, xent_sample_state *states,
                           xent_report *report) {
  xent_frame f;
  f.call = (xent_call){.shape = shape, .options = options, .row_begin = row_begin, .row_end = row_end,
                       .logits = logits, .class_mask = class_mask, .bias = bias, .prompt_tokens = prompt_tokens,
                       .output_tokens = output_tokens, .tokens = tokens,
                       .processed_log_probabilities = processed_log_probabilities, .kept = kept,
                       .kept_mask = kept_mask, .log_probabilities = log_probabilities, .ranks = ranks,
                       .entropies = entropies, .top_classes = top_classes,
                       .top_log_probabilities = top_log_probabilities, .sampling = sampling, .workspace = workspace,
                       .gathered = gathered, .shards = shards, .sample_states = states, .report = report};
  XENT_FIND_RARE(&f, places, USUAL);
  return sample(&f, workspace_size, per_row);
}

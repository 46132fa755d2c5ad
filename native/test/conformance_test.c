/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every instruction set against the expected bits of conformance/, which conformance/README.md describes: every case as
 * its arrays lie, with the rows side by side, with some of its outputs at a time, also row by row; those with `parts`
 * in class ranges, too.
 *
 *   conformance_test INDEX DIRECTORY
 *
 * DIRECTORY has the unpacked files that the index names.
 */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "conformance/json.h"
#include "conformance/npy.h"
#include "calls.h"
#include "tiers.h"
#include "kernels/options.h"

/* ---- arrays ---------------------------------------------------------------------------------- */

enum {
  LOGITS, OUTPUT, GRADIENT, UPSTREAM, TARGETS, LOSSES, LOG_SUM_EXP, CORRECT, TARGET_WEIGHTS, ROW_OFFSETS, CLASS_MASK,
  CLASS_WEIGHTS, ROW_WEIGHTS, SINK, LOG_PROBABILITIES, ARGMAX, RANKS, ENTROPIES, TOP_CLASSES,
  TOP_LOG_PROBABILITIES, TARGET_GRADIENT, TEACHER, ELEMENT_WEIGHTS, POSITIVE_WEIGHTS, BIAS, PROMPT_TOKENS,
  OUTPUT_TOKENS, TOKENS, PROCESSED_LOG_PROBABILITIES, KEPT, KEPT_MASK, HIDDEN, WEIGHTS, HIDDEN_GRADIENT,
  WEIGHTS_GRADIENT, BIAS_GRADIENT, BIAS_TOKENS, BIAS_VALUES, DRAFT_TOKENS, DRAFT_PROBABILITIES,
  ARRAYS
};

enum { PER_CLASS, PER_ROW, PER_ENTRY, PER_TOP, PER_PROMPT, PER_OUTPUT, PER_FEATURE, MATRIX };

#define ARRAY(name, has) {#name, offsetof(xent_shape, name), has}
static const struct {
  const char *name;
  size_t layout;
  int has;
} kinds[ARRAYS] = {
    ARRAY(logits, PER_CLASS), ARRAY(output, PER_CLASS), ARRAY(gradient, PER_CLASS), ARRAY(upstream, PER_CLASS),
    ARRAY(targets, PER_CLASS), ARRAY(losses, PER_ROW), ARRAY(log_sum_exp, PER_ROW), ARRAY(correct, PER_ROW),
    ARRAY(target_weights, PER_ENTRY), ARRAY(row_offsets, PER_ROW), ARRAY(class_mask, PER_CLASS),
    ARRAY(class_weights, PER_CLASS), ARRAY(row_weights, PER_ROW), ARRAY(sink, PER_ROW),
    ARRAY(log_probabilities, PER_ROW), ARRAY(argmax, PER_ROW), ARRAY(ranks, PER_ROW), ARRAY(entropies, PER_ROW),
    ARRAY(top_classes, PER_TOP), ARRAY(top_log_probabilities, PER_TOP), ARRAY(target_gradient, PER_CLASS),
    ARRAY(teacher, PER_CLASS), ARRAY(element_weights, PER_CLASS), ARRAY(positive_weights, PER_CLASS),
    ARRAY(bias, PER_CLASS), ARRAY(prompt_tokens, PER_PROMPT), ARRAY(output_tokens, PER_OUTPUT),
    ARRAY(tokens, PER_ROW), ARRAY(processed_log_probabilities, PER_ROW), ARRAY(kept, PER_ROW),
    ARRAY(kept_mask, PER_CLASS), ARRAY(hidden, PER_FEATURE), ARRAY(weights, MATRIX),
    ARRAY(hidden_gradient, PER_FEATURE), ARRAY(weights_gradient, MATRIX), ARRAY(bias_gradient, PER_CLASS),
    ARRAY(bias_tokens, PER_ENTRY), ARRAY(bias_values, PER_ENTRY),
    ARRAY(draft_tokens, PER_ROW), ARRAY(draft_probabilities, PER_CLASS)};

static const struct {
  const char *name, *dtype;
} types[] = {{"", ""},       {"f32", "<f4"}, {"f64", "<f8"}, {"f16", "<f2"}, {"bf16", "<u2"},
             {"i8", "|i1"},  {"u8", "|u1"},  {"i16", "<i2"}, {"i32", "<i4"}, {"i64", "<i8"},
             {"u16", "<u2"}, {"u32", "<u4"}, {"u64", "<u8"}};

typedef struct {
  const json *entry;
  const char *name, *function;
  xent_shape shape;
  xent_options options;
  xent_sampling sampling;
  int64_t rows, row_begin, row_end;
  npy inputs[ARRAYS], expected[ARRAYS];
  void *arrays[ARRAYS]; /* the arrays of the call: inputs, and memory for the results */
  xent_statistics *statistics;
  xent_state *states;
  bool sums;
  xent_exact_sum exact_sum;
  xent_report report;
} test_case;

static const json *the_index;
static int64_t compared, wrong;

static bool is(const test_case *t, const char *function) { return !strcmp(t->function, function); }
static bool is_linear(const test_case *t) { return t->arrays[HIDDEN]; }

static xent_layout *layout_in(test_case *t, int array) {
  return (xent_layout *)((char *)&t->shape + kinds[array].layout);
}

static int type_named(const char *name) {
  for (int type = XENT_F32; type <= XENT_U64; type++)
    if (!strcmp(types[type].name, name)) return type;
  json_fail(name);
  return 0;
}

static npy load_array(test_case *t, int array, const json *entry, const char *directory) {
  char path[4096];
  const int type = type_named(json_text(entry, "type"));
  snprintf(path, sizeof path, "%s/%s", directory, json_text(entry, "file"));
  layout_in(t, array)->type = type;
  return read_npy(path, types[type].dtype);
}

/* ---- the contents of a case ------------------------------------------------------------------- */

static void take_shape(test_case *t) {
  const json *axis = json_get(t->entry, "shape")->first;
  int64_t at = 0;
  t->shape.outer = t->shape.classes = t->shape.inner = 1;
  for (; axis; axis = axis->next, at++) {
    const int64_t class_axis = (int64_t)json_number(t->entry, "axis"), length = (int64_t)axis->number;
    *(at < class_axis ? &t->shape.outer : at > class_axis ? &t->shape.inner : &t->shape.classes) *= length;
  }
  t->row_end = t->rows = t->shape.outer * t->shape.inner;
}

/* A member of xent_options or xent_sampling. */
typedef struct {
  const char *name;
  size_t at;
  int32_t type;
} member;

#define MEMBER(struct_, name, FIELD, kind, ...) {#name, offsetof(struct_, name), XENT_##kind},
static const member options[] = {XENT_CALL_OPTIONS(MEMBER, xent_options) MEMBER(xent_options, ignore_index, , I64, )};
static const member sampling[] = {
    XENT_SAMPLING_CHOICES(MEMBER, xent_sampling) XENT_SAMPLING_PENALTIES(MEMBER, xent_sampling)
    MEMBER(xent_sampling, order, , U64, ) MEMBER(xent_sampling, seed, , U64, ) MEMBER(xent_sampling, stream, , U64, )
    MEMBER(xent_sampling, step, , U32, ) MEMBER(xent_sampling, draw, , U32, )};

/* The value of a choice, or a number. */
static double value_of(const json *given) {
  static const char *const choices[][5] = {
      {"nan", "zero"}, {"uniform", "others"}, {"of rules", "first", "all"},
      {"xent", "transformers", "vllm", "llama.cpp", "onnxruntime-genai"}};
  if (!given->text) return given->number;
  for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
    for (int j = 0; j < 5 && choices[i][j]; j++)
      if (!strcmp(choices[i][j], given->text)) return j;
  json_fail(given->text);
  return 0;
}

static void take_members(const json *given, void *to, const member *members, size_t count) {
  for (const json *m = given ? given->first : NULL; m; m = m->next) {
    size_t i = 0;
    while (i < count && strcmp(members[i].name, m->key)) i++;
    if (i == count) json_fail(m->key);
    char *at = (char *)to + members[i].at;
    const double value = value_of(m);
    switch (members[i].type) {
    case XENT_F64: memcpy(at, &value, sizeof value); break;
    case XENT_I32: memcpy(at, &(int32_t){(int32_t)value}, sizeof(int32_t)); break;
    case XENT_U32: memcpy(at, &(uint32_t){(uint32_t)value}, sizeof(uint32_t)); break;
    case XENT_I64: memcpy(at, &(int64_t){(int64_t)value}, sizeof(int64_t)); break;
    default: memcpy(at, &(uint64_t){(uint64_t)value}, sizeof(uint64_t));
    }
  }
}

static void take_options(test_case *t) {
  const json *given = json_find(t->entry, "options");
  take_members(given, &t->options, options, sizeof options / sizeof *options);
  t->options.has_ignore_index = json_find(given, "ignore_index") != NULL;
  if (json_find(given, "gradient_scale")) t->options.gradient_scale = stored_scale(t->options.gradient_scale);
}

static bool is_integer(int32_t type) { return type >= XENT_I8; }

/* All arrays are row-major and contiguous. Returns whether rows share the array. */
static bool take_layout(test_case *t, int array, const npy *a) {
  xent_shape *s = &t->shape;
  xent_layout *l = layout_in(t, array);
  int has = kinds[array].has;
  const bool of_targets = array == TARGETS || array == TARGET_GRADIENT;
  if (of_targets && s->target_count) has = PER_ENTRY;
  else if (array == TARGETS && is_integer(l->type)) has = PER_ROW;
  if (array == UPSTREAM && (is(t, "cross_entropy_backward") || is_linear(t))) has = PER_ROW;
  if (is(t, "binary_cross_entropy")) has = PER_CLASS;
  if (is(t, "selected_log_probabilities") && (array == TARGETS || array == UPSTREAM || array == LOG_PROBABILITIES))
    has = s->target_count ? PER_ENTRY : PER_ROW;
  const bool ragged = t->arrays[ROW_OFFSETS] != NULL;
  const bool of_layer = is_linear(t) && (array == BIAS || array == BIAS_GRADIENT);
  const bool vector = (array == POSITIVE_WEIGHTS && a->axes == 1) || of_layer;
  const bool same = vector || array == CLASS_WEIGHTS || (array == CLASS_MASK && a->axes == 1 && !ragged);
  const int64_t count = has == PER_ENTRY    ? s->target_count
                        : has == PER_TOP    ? s->top_count
                        : has == PER_PROMPT ? s->prompt_count
                        : has == PER_OUTPUT ? s->output_count
                        : has == PER_FEATURE ? s->features
                                            : s->classes;
  if (has == MATRIX) {
    l->outer = s->features;
    l->classes = 1;
    return true;
  }
  l->outer = same ? 0 : has == PER_ROW ? s->inner : count * s->inner;
  l->classes = same || ragged ? 1 : s->inner;
  l->inner = same ? 0 : 1;
  if (has == PER_ROW && a->axes == 0 && t->rows > 1) l->outer = l->inner = 0;
  return same || a->count < t->rows;
}

static void turn_array(const test_case *t, npy *a) {
  if (!a->file) return;
  const int64_t each = a->count / t->rows, size = a->bytes / (a->count ? a->count : 1);
  char *to = malloc((size_t)a->bytes + 1);
  for (int64_t row = 0; row < t->rows; row++)
    for (int64_t k = 0; k < each; k++)
      memcpy(to + (k * t->rows + row) * size, (char *)a->data + (row * each + k) * size, (size_t)size);
  memcpy(a->data, to, (size_t)a->bytes);
  free(to);
}

/* The rows side by side: class k of row r lies where the file has class r of row k. */
static void turn(test_case *t) {
  t->shape.outer = 1;
  t->shape.inner = t->rows;
  for (int i = 0; i < ARRAYS; i++) {
    npy *a = t->inputs[i].file ? &t->inputs[i] : &t->expected[i];
    if (t->arrays[i] && !take_layout(t, i, a)) turn_array(t, a);
  }
}

static void load_case(test_case *t, const char *directory) {
  take_shape(t);
  take_options(t);
  take_members(json_find(t->entry, "sampling"), &t->sampling, sampling, sizeof sampling / sizeof *sampling);
  const json *inputs = json_get(t->entry, "inputs"), *outputs = json_get(t->entry, "outputs");
  for (int i = 0; i < ARRAYS; i++) {
    const json *in = json_find(inputs, kinds[i].name), *out = json_find(outputs, kinds[i].name);
    if (in) {
      t->inputs[i] = load_array(t, i, in, directory);
      t->arrays[i] = t->inputs[i].data;
    } else if (out) {
      t->expected[i] = load_array(t, i, out, directory);
      t->arrays[i] = malloc((size_t)t->expected[i].bytes + 1);
      memset(t->arrays[i], 0xA5, (size_t)t->expected[i].bytes);
    }
  }
  const int axis = (int)json_number(t->entry, "axis"); /* its size is the number of entries of a row */
  t->shape.target_count = t->inputs[TARGET_WEIGHTS].length[axis] + t->inputs[BIAS_TOKENS].length[axis];
  t->shape.top_count = t->expected[TOP_CLASSES].length[axis];
  t->shape.prompt_count = t->inputs[PROMPT_TOKENS].length[axis];
  t->shape.output_count = t->inputs[OUTPUT_TOKENS].length[axis];
  t->shape.features = t->inputs[WEIGHTS].length[1];
  if (is(t, "selected_log_probabilities") && t->inputs[TARGETS].axes > axis)
    t->shape.target_count = t->inputs[TARGETS].length[axis];
  for (int i = 0; i < ARRAYS; i++)
    if (t->arrays[i]) take_layout(t, i, t->inputs[i].file ? &t->inputs[i] : &t->expected[i]);
  if (!t->arrays[LOGITS]) /* the arithmetic of xent_finish */
    t->shape.logits.type = is_linear(t) ? XENT_F32 : t->shape.output.type;
}

static void free_case(test_case *t) {
  for (int i = 0; i < ARRAYS; i++) {
    if (t->expected[i].file) free(t->arrays[i]);
    free(t->expected[i].file);
    free(t->inputs[i].file);
  }
  free(t->statistics);
  free(t->states);
}

/* ---- the calls ---------------------------------------------------------------------------------- */

static xent_status cross_entropy(test_case *t) {
  void **a = t->arrays;
  xent_exact_sum *exact_sum = t->sums ? &t->exact_sum : NULL;
  void *gradient = is(t, "cross_entropy") ? a[GRADIENT] : NULL;
  return cross_entropy_of(&t->shape, &t->options, t->row_begin, t->row_end,
                          &(cross_entropy_arrays){.logits = a[LOGITS],
                                                  .targets = a[TARGETS],
                                                  .target_weights = a[TARGET_WEIGHTS],
                                                  .row_offsets = a[ROW_OFFSETS],
                                                  .class_mask = a[CLASS_MASK],
                                                  .class_weights = a[CLASS_WEIGHTS],
                                                  .row_weights = a[ROW_WEIGHTS],
                                                  .sink = a[SINK],
                                                  .losses = a[LOSSES],
                                                  .log_sum_exp = a[LOG_SUM_EXP],
                                                  .correct = a[CORRECT],
                                                  .log_probabilities = a[LOG_PROBABILITIES],
                                                  .argmax = a[ARGMAX],
                                                  .ranks = a[RANKS],
                                                  .entropies = a[ENTROPIES],
                                                  .top_classes = a[TOP_CLASSES],
                                                  .top_log_probabilities = a[TOP_LOG_PROBABILITIES],
                                                  .gradient = gradient,
                                                  .target_gradient = a[TARGET_GRADIENT],
                                                  .statistics = t->statistics,
                                                  .exact_sum = exact_sum},
                          &t->report);
}

/* Writes outputs in class ranges; statistics NULL: the whole row at once. */
static xent_status write_range(test_case *t, int64_t begin, int64_t end) {
  void **a = t->arrays;
  const xent_shape *s = &t->shape;
  const xent_options *o = &t->options;
  if (is(t, "softmax_forward"))
    return run_at(on_classes(XENT_FUNCTION_SOFTMAX, s, o, t->row_begin, t->row_end, begin, end, &t->report),
                  ARRAYS(a[LOGITS], a[OUTPUT], a[CLASS_MASK], a[SINK], a[ROW_OFFSETS], t->statistics));
  if (is(t, "log_softmax_forward"))
    return run_at(on_classes(XENT_FUNCTION_LOG_SOFTMAX, s, o, t->row_begin, t->row_end, begin, end, &t->report),
                  ARRAYS(a[LOGITS], a[OUTPUT], a[CLASS_MASK], a[SINK], a[ROW_OFFSETS], t->statistics));
  if (is(t, "softmax_backward"))
    return run_at(on_classes(XENT_FUNCTION_SOFTMAX_BACKWARD, s, o, t->row_begin, t->row_end, begin, end, &t->report),
                  ARRAYS(a[OUTPUT], a[UPSTREAM], a[GRADIENT], a[CLASS_MASK], a[ROW_OFFSETS], t->statistics));
  if (is(t, "log_softmax_backward"))
    return run_at(
        on_classes(XENT_FUNCTION_LOG_SOFTMAX_BACKWARD, s, o, t->row_begin, t->row_end, begin, end, &t->report),
        ARRAYS(a[OUTPUT], a[UPSTREAM], a[GRADIENT], a[CLASS_MASK], a[ROW_OFFSETS], t->statistics));
  return run_at(
      on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, s, o, t->row_begin, t->row_end, begin, end, &t->report),
      ARRAYS(a[LOGITS], a[TARGETS], a[UPSTREAM], a[GRADIENT], a[TARGET_WEIGHTS], a[CLASS_MASK], a[CLASS_WEIGHTS],
             a[ROW_WEIGHTS], a[ROW_OFFSETS], t->statistics));
}

static void keep_statistics(test_case *t) {
  if (!t->statistics) t->statistics = calloc((size_t)t->rows + 1, sizeof *t->statistics);
}

static xent_status sample(test_case *t) {
  void **a = t->arrays;
  const xent_shape *s = &t->shape;
  const uint64_t size = xent_sample_workspace(s->classes, s->prompt_count + s->output_count + s->target_count);
  void *workspace = malloc((size_t)size + 8);
  const xent_status status =
      run_at((function_call){.function = XENT_FUNCTION_SAMPLE,
                             .shape = &t->shape,
                             .options = &t->options,
                             .sampling = &t->sampling,
                             .report = &t->report,
                             .row_begin = t->row_begin,
                             .row_end = t->row_end,
                             .workspace_size = size},
             ARRAYS(a[LOGITS], a[TOKENS], a[CLASS_MASK], a[BIAS], a[PROMPT_TOKENS], a[OUTPUT_TOKENS],
                    a[PROCESSED_LOG_PROBABILITIES], a[KEPT], a[KEPT_MASK], a[LOG_PROBABILITIES], a[RANKS], a[ENTROPIES],
                    a[TOP_CLASSES], a[TOP_LOG_PROBABILITIES], workspace, a[BIAS_TOKENS], a[BIAS_VALUES],
                    a[DRAFT_TOKENS], a[DRAFT_PROBABILITIES]));
  free(workspace);
  return status;
}

/* For every case of a linear layer. */
static _Alignas(64) char workspace[1 << 23];

/* Without gradients, which may come later. */
static xent_status linear(test_case *t, bool gradients) {
  void **a = t->arrays;
  xent_exact_sum *exact_sum = t->sums ? &t->exact_sum : NULL;
  return run_at(
      (function_call){.function = XENT_FUNCTION_LINEAR_CROSS_ENTROPY,
                  .shape = &t->shape,
                  .options = &t->options,
                  .report = &t->report,
                  .row_begin = 0,
                  .row_end = t->rows,
                  .workspace_size = sizeof workspace},
      ARRAYS(a[HIDDEN], a[WEIGHTS], a[BIAS], a[LOGITS], a[TARGETS], a[TARGET_WEIGHTS], a[CLASS_MASK], a[CLASS_WEIGHTS],
             a[ROW_WEIGHTS], a[SINK], a[LOSSES], a[LOG_SUM_EXP], a[CORRECT], a[LOG_PROBABILITIES], a[ARGMAX], a[RANKS],
             a[ENTROPIES], a[TOP_CLASSES], a[TOP_LOG_PROBABILITIES], a[TARGET_GRADIENT],
             gradients ? a[HIDDEN_GRADIENT] : NULL, gradients ? a[WEIGHTS_GRADIENT] : NULL,
             gradients ? a[BIAS_GRADIENT] : NULL, t->statistics, exact_sum, workspace));
}

/* Gradients of a class range, or of all classes, which those of hidden states need. */
static xent_status linear_range(test_case *t, int64_t begin, int64_t end) {
  void **a = t->arrays;
  void *of_hidden = begin == 0 && end == t->shape.classes ? a[HIDDEN_GRADIENT] : NULL;
  return run_at(
      (function_call){.function = XENT_FUNCTION_LINEAR_CROSS_ENTROPY_BACKWARD,
                  .shape = &t->shape,
                  .options = &t->options,
                  .report = &t->report,
                  .row_begin = 0,
                  .row_end = t->rows,
                  .class_begin = begin,
                  .class_end = end,
                  .workspace_size = sizeof workspace},
      ARRAYS(a[HIDDEN], a[WEIGHTS], a[BIAS], NULL, a[TARGETS], a[TARGET_WEIGHTS], a[CLASS_MASK], a[CLASS_WEIGHTS],
             a[ROW_WEIGHTS], a[UPSTREAM], of_hidden, a[WEIGHTS_GRADIENT], a[BIAS_GRADIENT], t->statistics, workspace));
}

static xent_status run_whole(test_case *t) {
  void **a = t->arrays;
  if (is(t, "linear_cross_entropy")) return linear(t, true);
  if (is(t, "linear_cross_entropy_backward")) {
    keep_statistics(t);
    const xent_status status = linear(t, false);
    return status ? status : linear_range(t, 0, t->shape.classes);
  }
  if (is(t, "log_sum_exp"))
    return run_at(on_rows(XENT_FUNCTION_LOG_SUM_EXP, &t->shape, &t->options, t->row_begin, t->row_end, &t->report),
                  ARRAYS(a[LOGITS], a[LOG_SUM_EXP], a[CLASS_MASK], a[SINK], a[ROW_OFFSETS]));
  if (is(t, "kl_divergence") || is(t, "jensen_shannon_divergence") || is(t, "total_variation"))
    return run_at(on_rows(is(t, "kl_divergence")     ? XENT_FUNCTION_KL_DIVERGENCE
                          : is(t, "total_variation") ? XENT_FUNCTION_TOTAL_VARIATION
                                                     : XENT_FUNCTION_JENSEN_SHANNON_DIVERGENCE,
                          &t->shape, &t->options, t->row_begin, t->row_end, &t->report),
                  ARRAYS(a[LOGITS], a[TEACHER], a[LOSSES], a[GRADIENT], a[CLASS_MASK], a[ROW_WEIGHTS],
                         t->sums ? &t->exact_sum : NULL));
  if (is(t, "selected_log_probabilities"))
    return run_at(
        on_rows(XENT_FUNCTION_SELECTED_LOG_PROBABILITIES, &t->shape, &t->options, t->row_begin, t->row_end, &t->report),
        ARRAYS(a[LOGITS], a[TARGETS], a[LOG_PROBABILITIES], a[GRADIENT], a[UPSTREAM], a[CLASS_MASK], a[SINK],
               a[ROW_OFFSETS]));
  if (is(t, "cross_entropy_hvp"))
    return run_at(
        on_rows(XENT_FUNCTION_CROSS_ENTROPY_HVP, &t->shape, &t->options, t->row_begin, t->row_end, &t->report),
        ARRAYS(a[LOGITS], a[UPSTREAM], a[OUTPUT], a[CLASS_MASK], a[ROW_WEIGHTS], a[SINK], a[ROW_OFFSETS]));
  if (is(t, "sample")) return sample(t);
  if (is(t, "sigmoid") || is(t, "log_sigmoid"))
    return run_at(on_rows(is(t, "sigmoid") ? XENT_FUNCTION_SIGMOID : XENT_FUNCTION_LOG_SIGMOID, &t->shape, &t->options,
                          0, t->rows, &t->report),
                  ARRAYS(a[LOGITS], a[OUTPUT]));
  if (is(t, "sigmoid_backward") || is(t, "log_sigmoid_backward"))
    return run_at(on_rows(is(t, "sigmoid_backward") ? XENT_FUNCTION_SIGMOID_BACKWARD
                                                    : XENT_FUNCTION_LOG_SIGMOID_BACKWARD,
                          &t->shape, &t->options, 0, t->rows, &t->report),
                  ARRAYS(a[LOGITS], a[UPSTREAM], a[GRADIENT]));
  if (is(t, "binary_cross_entropy"))
    return run_at(
        on_rows(XENT_FUNCTION_BINARY_CROSS_ENTROPY, &t->shape, &t->options, t->row_begin, t->row_end, &t->report),
        ARRAYS(a[LOGITS], a[TARGETS], a[LOSSES], a[GRADIENT], a[ELEMENT_WEIGHTS], a[POSITIVE_WEIGHTS],
               t->sums ? &t->exact_sum : NULL));
  if (is(t, "cross_entropy")) return cross_entropy(t);
  if (is(t, "cross_entropy_backward")) {
    keep_statistics(t);
    const xent_status status = cross_entropy(t);
    if (status) return status;
  }
  return write_range(t, 0, t->shape.classes);
}

static xent_status forward_range(test_case *t, int64_t begin, int64_t end) {
  void **a = t->arrays;
  if (is_linear(t))
    return run_at((function_call){.function = XENT_FUNCTION_LINEAR_STATES,
                              .shape = &t->shape,
                              .options = &t->options,
                              .report = &t->report,
                              .row_begin = 0,
                              .row_end = t->rows,
                              .class_begin = begin,
                              .class_end = end,
                              .workspace_size = sizeof workspace},
                  ARRAYS(a[HIDDEN], a[WEIGHTS], a[BIAS], a[TARGETS], a[TARGET_WEIGHTS], a[CLASS_MASK], a[CLASS_WEIGHTS],
                         t->statistics, t->states, workspace));
  if (is(t, "softmax_backward") || is(t, "log_softmax_backward"))
    return run_at(on_classes(XENT_FUNCTION_BACKWARD_STATES, &t->shape, &t->options, t->row_begin, t->row_end, begin,
                             end, &t->report),
                  ARRAYS(is(t, "softmax_backward") ? a[OUTPUT] : NULL, a[UPSTREAM], a[CLASS_MASK], t->states));
  return run_at(
      on_classes(XENT_FUNCTION_FORWARD_STATES, &t->shape, &t->options, t->row_begin, t->row_end, begin, end,
                 &t->report),
      ARRAYS(a[LOGITS], a[TARGETS], a[CLASS_MASK], a[TARGET_WEIGHTS], a[CLASS_WEIGHTS], t->statistics, t->states));
}

typedef xent_status (*range_step)(test_case *, int64_t, int64_t);

/* The ranges between the bounds, the last one first. */
static xent_status each_range(test_case *t, const json *bound, int64_t begin, range_step step) {
  const int64_t end = bound ? (int64_t)bound->number : t->shape.classes;
  const xent_status status = bound ? each_range(t, bound->next, end, step) : XENT_OK;
  return status ? status : step(t, begin, end);
}

static xent_status finish(test_case *t, int32_t second_round) {
  void **a = t->arrays;
  return run_at((function_call){.function = XENT_FUNCTION_FINISH,
                            .shape = &t->shape,
                            .options = &t->options,
                            .choice = second_round,
                            .report = &t->report,
                            .row_begin = 0,
                            .row_end = t->rows},
                ARRAYS(a[TARGETS], a[LOSSES], a[LOG_SUM_EXP], a[CORRECT], a[CLASS_WEIGHTS], a[ROW_WEIGHTS], a[SINK],
                       t->states, t->statistics, a[TARGETS] ? &t->exact_sum : NULL));
}

static xent_status run_parts(test_case *t) {
  const json *bounds = json_get(t->entry, "parts")->first;
  t->states = calloc((size_t)(t->rows * xent_chunks(t->shape.classes)), sizeof *t->states);
  xent_status status = each_range(t, bounds, 0, forward_range);
  keep_statistics(t);
  if (!status) status = finish(t, 0);
  if (!status && t->report.unfinished) {
    status = each_range(t, bounds, 0, forward_range);
    if (!status) status = finish(t, 1);
  }
  if (!status && is_linear(t)) {
    status = linear_range(t, 0, t->shape.classes); /* hidden_gradient; the others once more, by ranges */
    return status ? status : each_range(t, bounds, 0, linear_range);
  }
  const bool writes = t->arrays[GRADIENT] || (t->arrays[OUTPUT] && !t->inputs[OUTPUT].file);
  return status || !writes ? status : each_range(t, bounds, 0, write_range);
}

/* ---- comparison --------------------------------------------------------------------------------- */

static void say(const test_case *t, const char *format, const char *what, int64_t number) {
  if (wrong++ >= 40) return;
  fprintf(stderr, "%s, %s: ", t->name, xent_isa_name(t->options.isa));
  fprintf(stderr, format, what, (long long)number);
  fputc('\n', stderr);
}

static void compare_arrays(test_case *t) {
  for (int i = 0; i < ARRAYS; i++) {
    const npy *want = &t->expected[i];
    if (!want->file) continue;
    const int64_t size = want->count ? want->bytes / want->count : 1;
    for (int64_t k = 0; k < want->count; k++, compared++)
      if (memcmp((char *)want->data + k * size, (char *)t->arrays[i] + k * size, (size_t)size))
        say(t, "%s differs at %lld", kinds[i].name, k);
  }
}

/* Doubles are written as text of hexadecimal digits. */
static void compare_number(test_case *t, const char *name, double got) {
  const json *want = json_find(json_find(t->entry, "numbers"), name);
  if (!want) return;
  const double number = want->text ? strtod(want->text, NULL) : want->number;
  compared++;
  if (number != got && !(isnan(number) && isnan(got))) say(t, "%s differs%.0lld", name, 0);
}

enum { AS_IT_LIES, IN_PARTS, SIDE_BY_SIDE, BY_OUTPUTS, ROW_BY_ROW, WAYS };

/* Sums over all rows need all rows at once. */
static bool can_run(const test_case *t, int way) {
  if (way == IN_PARTS) return json_find(t->entry, "parts");
  if (way == SIDE_BY_SIDE) return t->rows > 1 && t->shape.inner == 1 && !t->arrays[ROW_OFFSETS];
  return way == AS_IT_LIES || !is_linear(t);
}

/* Losses, their sum and what the backward needs first; then the others. */
static xent_status run_by_outputs(test_case *t, int64_t rows_at_once) {
  xent_status status = XENT_OK;
  void *all[ARRAYS];
  int64_t valid = 0;
  memcpy(all, t->arrays, sizeof all);
  for (int others = 0; others < 2; others++) {
    int outputs = 0;
    for (int i = 0; i < ARRAYS; i++) {
      if (!t->expected[i].file || i == TOKENS) continue;
      const bool first = i == LOSSES || i == GRADIENT || i == OUTPUT || i == KEPT_MASK;
      t->arrays[i] = first == !others ? all[i] : NULL;
      outputs += first == !others;
    }
    if (!outputs) continue;
    t->sums = t->sums && !others;
    valid = 0;
    for (int64_t row = 0; row < t->rows && !status; row += rows_at_once) {
      t->row_begin = row;
      t->row_end = row + rows_at_once;
      status = run_whole(t);
      valid += t->report.valid_rows;
    }
  }
  t->report.valid_rows = valid;
  memcpy(t->arrays, all, sizeof all);
  return status;
}

static void run_case(const json *entry, const char *directory, int32_t isa, int way) {
  test_case t = {.entry = entry,
                 .name = json_text(entry, "name"),
                 .function = json_text(entry, "function"),
                 .shape = {0},
                 .options = {.size = sizeof(xent_options), .isa = isa},
                 .sampling = {.size = sizeof(xent_sampling)},
                 .exact_sum = xent_empty_exact_sum(),
                 .report = {.size = sizeof(xent_report)}};
  load_case(&t, directory);
  if (!can_run(&t, way)) {
    free_case(&t);
    return;
  }
  t.sums = json_find(json_find(entry, "numbers"), "sum");
  if (way == SIDE_BY_SIDE) turn(&t);
  const bool own_count = is(&t, "binary_cross_entropy") || is(&t, "sample");
  if (!own_count && json_find(json_find(entry, "numbers"), "valid_rows")) {
    void **a = t.arrays;
    const xent_status status =
        run_at(on_rows(XENT_FUNCTION_CHECK_TARGETS, &t.shape, &t.options, 0, t.rows, &t.report),
               ARRAYS(a[TARGETS], a[TARGET_WEIGHTS], a[CLASS_MASK], a[CLASS_WEIGHTS], a[ROW_WEIGHTS], a[ROW_OFFSETS]));
    if (status) say(&t, "%s: status %lld of xent_check_targets", xent_status_message(status), status);
    compare_number(&t, "valid_rows", (double)t.report.valid_rows);
    compare_number(&t, "denominator", t.report.denominator);
  }
  const xent_status status = way == IN_PARTS     ? run_parts(&t)
                             : way == ROW_BY_ROW ? run_by_outputs(&t, 1)
                             : way == BY_OUTPUTS ? run_by_outputs(&t, t.rows)
                                                 : run_whole(&t);
  if (status) say(&t, "%s: status %lld", xent_status_message(status), status);
  compare_arrays(&t);
  if (own_count) compare_number(&t, "valid_rows", (double)t.report.valid_rows);
  compare_number(&t, "sum", xent_exact_sum_value(&t.exact_sum));
  free_case(&t);
}

/* Prints each member that no case sets. */
static int unused(const char *kind, const member *members, size_t count) {
  int found = 0;
  for (size_t i = 0; i < count; i++) {
    const char *name = members[i].name;
    bool set = !strcmp(name, "reserved") || !strcmp(name, "has_ignore_index");
    for (const json *entry = json_get(the_index, "cases")->first; entry && !set; entry = entry->next)
      set = json_find(json_find(entry, kind), name) != NULL;
    if (!set) printf("no case sets %s of the %s\n", name, kind);
    found += !set;
  }
  return found;
}

int main(int count, char **arguments) {
  if (count != 3 && count != 4) return 2;
  const int every = count == 4 ? atoi(arguments[3]) : 1; /* one of this number of cases is compared */
  int number = 0;
  int64_t size;
  char *at = read_file(arguments[1], &size);
  the_index = json_value(&at);
  if ((uint32_t)json_number(the_index, "numerics") != xent_numerics_version()) {
    fprintf(stderr, "the cases have another numerics version; make them again: conformance/README.md\n");
    return 1;
  }
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa))
    for (const json *entry = json_get(the_index, "cases")->first; entry; entry = entry->next) {
      if (number++ % every) continue;
      for (int way = 0; way < WAYS; way++) run_case(entry, arguments[2], isa, way);
    }
  const int left = unused("options", options, sizeof options / sizeof *options) +
                   unused("sampling", sampling, sizeof sampling / sizeof *sampling);
  printf("expected = every tier: %" PRId64 " values compared, %" PRId64 " differ\n", compared, wrong);
  return wrong || left || !compared;
}

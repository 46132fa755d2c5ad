/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads whose floating-point mode a foreign library has changed: every function, instruction set and type returns
 * the same bits in every mode, and leaves the mode unchanged.
 */
#include <fenv.h>

#include "arrays.h"
#include "tiers.h"

enum { ROWS = ROW_KINDS, CLASSES = 43, ELEMENTS = ROWS * CLASSES };

/* Arrays of a call, as large as float64 needs them. */
typedef struct {
  double x[ELEMENTS], teacher[ELEMENTS];
  double row_weights[ROWS], class_weights[CLASSES];
  int32_t labels[ROWS];
} inputs;

typedef struct {
  double y[ELEMENTS], dx[ELEMENTS], losses[ROWS], lse[ROWS], entropies[ROWS];
  uint8_t correct[ROWS];
  xent_statistics statistics[ROWS];
  xent_state states[ROWS];
  xent_exact_sum exact_sum, merged;
  xent_report report;
  double sum;
  xent_status status;
} outputs;

static inputs in;
static outputs out, expected;
static xent_shape shape;
static xent_options options;
static long long calls, wrong;

/* ---- modes ------------------------------------------------------------------------------------ */

typedef struct {
  char name[64];
  int rounding;
  uint32_t bits; /* besides, of MXCSR or FPCR */
} float_state;

#if defined(__x86_64__)
#include <xmmintrin.h>

enum { DENORMALS_ARE_ZERO = 0x40, FLUSH_TO_ZERO = 0x8000, TRAPS = 0x1f80, STICKY = 0x3f, ZEROS = 4 };

static const struct {
  const char *name;
  uint32_t bits;
} zeros[ZEROS] = {{"", 0}, {" and denormals-are-zero", DENORMALS_ARE_ZERO}, {" and flush-to-zero", FLUSH_TO_ZERO},
                  {", flush-to-zero and denormals-are-zero", DENORMALS_ARE_ZERO | FLUSH_TO_ZERO}};

static void enter(const float_state *state) {
  fesetround(state->rounding);
  _mm_setcsr((_mm_getcsr() & ~(uint32_t)STICKY) | state->bits);
}
static uint32_t mode_now(void) { return _mm_getcsr() & ~(uint32_t)STICKY; }
static void enter_usual(void) {
  fesetround(FE_TONEAREST);
  _mm_setcsr(TRAPS);
}
#elif defined(__aarch64__)
enum { FLUSH_TO_ZERO = 1 << 24, DEFAULT_NAN = 1 << 25, ZEROS = 4 };

static const struct {
  const char *name;
  uint32_t bits;
} zeros[ZEROS] = {{"", 0}, {" and default NaNs", DEFAULT_NAN}, {" and flush-to-zero", FLUSH_TO_ZERO},
                  {", flush-to-zero and default NaNs", DEFAULT_NAN | FLUSH_TO_ZERO}};

static uint32_t mode_now(void) {
  uint64_t mode;
  __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
  return (uint32_t)mode;
}
static void set_mode(uint32_t mode) { __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)mode)); }
static void enter(const float_state *state) {
  fesetround(state->rounding);
  set_mode(mode_now() | state->bits);
}
static void enter_usual(void) { set_mode(0); }
#else
enum { ZEROS = 1 };
static const struct {
  const char *name;
  uint32_t bits;
} zeros[ZEROS] = {{"", 0}};

static void enter(const float_state *state) { fesetround(state->rounding); }
static uint32_t mode_now(void) { return (uint32_t)fegetround(); }
static void enter_usual(void) { fesetround(FE_TONEAREST); }
#endif

/* ---- calls ------------------------------------------------------------------------------------ */

static void softmax(void) {
  out.status = run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, ROWS, 0, CLASSES, &out.report),
                      ARRAYS(in.x, out.y));
}
static void log_softmax(void) {
  out.status = run_at(on_classes(XENT_FUNCTION_LOG_SOFTMAX, &shape, &options, 0, ROWS, 0, CLASSES, &out.report),
                      ARRAYS(in.x, out.y));
}
static void log_sum_exp(void) {
  out.status =
      run_at(on_rows(XENT_FUNCTION_LOG_SUM_EXP, &shape, &options, 0, ROWS, &out.report), ARRAYS(in.x, out.lse));
}
static void softmax_backward(void) {
  out.status = run_at(on_classes(XENT_FUNCTION_SOFTMAX_BACKWARD, &shape, &options, 0, ROWS, 0, CLASSES, &out.report),
                      ARRAYS(in.teacher, in.x, out.dx));
}
static void log_softmax_backward(void) {
  out.status =
      run_at(on_classes(XENT_FUNCTION_LOG_SOFTMAX_BACKWARD, &shape, &options, 0, ROWS, 0, CLASSES, &out.report),
             ARRAYS(in.teacher, in.x, out.dx));
}
static void check_targets(void) {
  out.status = run_at(on_rows(XENT_FUNCTION_CHECK_TARGETS, &shape, &options, 0, ROWS, &out.report),
                      ARRAYS(in.labels, NULL, NULL, in.class_weights, in.row_weights, NULL, &out.exact_sum));
  out.sum = xent_exact_sum_value(&out.exact_sum);
}
static void cross_entropy(void) {
  out.status = cross_entropy_of(&shape, &options, 0, ROWS, &(cross_entropy_arrays){.logits = in.x,
                                .targets = in.labels, .losses = out.losses, .log_sum_exp = out.lse,
                                .correct = out.correct, .gradient = out.dx, .statistics = out.statistics,
                                .exact_sum = &out.exact_sum}, &out.report);
  out.sum = xent_exact_sum_value(&out.exact_sum);
}
static void cross_entropy_full(void) {
  options.label_smoothing = 0.1;
  options.z_loss = 1e-4;
  options.softcap = 30;
  options.temperature = 3;
  const cross_entropy_arrays arrays = {.logits = in.x, .targets = in.labels, .class_weights = in.class_weights,
      .row_weights = in.row_weights, .losses = out.losses, .log_sum_exp = out.lse, .entropies = out.entropies,
      .gradient = out.dx, .statistics = out.statistics, .exact_sum = &out.exact_sum};
  out.status = cross_entropy_of(&shape, &options, 0, ROWS, &arrays, &out.report);
  out.sum = xent_exact_sum_value(&out.exact_sum);
}
static void cross_entropy_backward(void) {
  out.status = cross_entropy_of(&shape, &options, 0, ROWS, &(cross_entropy_arrays){.logits = in.x,
                                .targets = in.labels, .statistics = out.statistics}, NULL);
  if (!out.status)
    out.status =
        run_at(on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, &shape, &options, 0, ROWS, 0, CLASSES, &out.report),
               ARRAYS(in.x, in.labels, in.row_weights, out.dx, NULL, NULL, NULL, NULL, NULL, out.statistics));
}
static void divergence(void) {
  out.status = run_at(on_rows(XENT_FUNCTION_KL_DIVERGENCE, &shape, &options, 0, ROWS, &out.report),
                      ARRAYS(in.x, in.teacher, out.losses, out.dx, NULL, in.row_weights, &out.exact_sum));
  out.sum = xent_exact_sum_value(&out.exact_sum);
}
static void bounded_divergences(void) {
  out.status = run_at(on_rows(XENT_FUNCTION_JENSEN_SHANNON_DIVERGENCE, &shape, &options, 0, ROWS, &out.report),
                      ARRAYS(in.x, in.teacher, out.losses, out.dx, NULL, in.row_weights, &out.exact_sum));
  shape.losses = shape.log_sum_exp;
  shape.gradient = shape.output;
  if (!out.status)
    out.status = run_at(on_rows(XENT_FUNCTION_TOTAL_VARIATION, &shape, &options, 0, ROWS, &out.report),
                        ARRAYS(in.x, in.teacher, out.lse, out.y, NULL, in.row_weights, &out.exact_sum));
  out.sum = xent_exact_sum_value(&out.exact_sum);
}
static void selected(void) {
  shape.log_probabilities = shape.losses;
  out.status = run_at(on_rows(XENT_FUNCTION_SELECTED_LOG_PROBABILITIES, &shape, &options, 0, ROWS, &out.report),
                      ARRAYS(in.x, in.labels, out.losses, out.dx, NULL, NULL, NULL, NULL, out.statistics));
}
static void hessian(void) {
  if (shape.output.type != XENT_F64) shape.output.type = XENT_F32;
  out.status = run_at(on_rows(XENT_FUNCTION_CROSS_ENTROPY_HVP, &shape, &options, 0, ROWS, &out.report),
                      ARRAYS(in.x, in.teacher, out.y, NULL, in.row_weights));
}
/* Every filter, penalties that make subnormals, and what cross-entropy says of the tokens. */
static void sample(void) {
  static int64_t workspace[512];
  static const int32_t before[ROWS];
  xent_sampling sampling = xent_default_sampling();
  sampling.top_k = CLASSES - 1;
  sampling.top_p = 0.9;
  sampling.min_p = 1e-9;
  sampling.typical_p = 0.8;
  sampling.top_n_sigma = 4;
  sampling.xtc_probability = 1;
  sampling.xtc_threshold = 1e-9;
  sampling.temperature = 1.5;
  sampling.repetition_penalty = 1.3;
  sampling.frequency_penalty = 1e-39;
  sampling.presence_penalty = 0.1;
  sampling.scale = 0.3;
  sampling.dynatemp_range = 0.7;
  shape.prompt_count = shape.output_count = 1;
  if (shape.logits.type == XENT_F64) shape.logits.type = XENT_F32; /* any bits will do */
  shape.bias = shape.logits;
  shape.prompt_tokens = shape.output_tokens = shape.tokens = shape.kept = xent_per_row(XENT_I32);
  shape.processed_log_probabilities = shape.log_probabilities = shape.entropies = xent_per_row(XENT_F32);
  out.status = run_at((function_call){.function = XENT_FUNCTION_SAMPLE,
                                  .shape = &shape,
                                  .options = &options,
                                  .sampling = &sampling,
                                  .report = &out.report,
                                  .row_begin = 0,
                                  .row_end = ROWS,
                                  .workspace_size = sizeof workspace},
                      ARRAYS(in.x, out.losses, NULL, in.teacher, before, before, out.y, out.dx, NULL, out.lse, NULL,
                             out.entropies, NULL, NULL, workspace));
}
static void binary_cross_entropy(void) {
  const xent_layout losses = shape.losses, targets = shape.targets;
  shape.losses = shape.element_weights = shape.gradient;
  shape.targets = shape.logits;
  out.status = run_at(on_rows(XENT_FUNCTION_BINARY_CROSS_ENTROPY, &shape, &options, 0, ROWS, &out.report),
                      ARRAYS(in.x, in.teacher, out.y, out.dx, in.teacher, NULL, &out.exact_sum));
  out.sum = xent_exact_sum_value(&out.exact_sum);
  shape.losses = losses;
  shape.targets = targets;
}
static void focal(void) {
  options.focal_gamma = 1.5;
  cross_entropy();
}

/* Products of rows that are subnormal among them, in a loss and in gradients. */
static void linear_cross_entropy(void) {
  enum { FEATURES = ROWS };
  static _Alignas(64) char workspace[1 << 20];
  const int32_t type = shape.logits.type == XENT_F64 ? XENT_F32 : shape.logits.type; /* any bits will do */
  shape.features = FEATURES;
  shape.hidden = shape.weights = (xent_layout){.outer = FEATURES, .classes = 1, .type = type};
  shape.hidden_gradient = shape.weights_gradient = (xent_layout){.outer = FEATURES, .classes = 1, .type = XENT_F32};
  shape.losses = shape.log_sum_exp = xent_per_row(XENT_F32);
  out.status = run_at(
      (function_call){.function = XENT_FUNCTION_LINEAR_CROSS_ENTROPY,
                  .shape = &shape,
                  .options = &options,
                  .report = &out.report,
                  .row_begin = 0,
                  .row_end = ROWS,
                  .workspace_size = sizeof workspace},
      ARRAYS(in.x, in.teacher, NULL, NULL, in.labels, NULL, NULL, NULL, NULL, NULL, out.losses, out.lse, NULL, NULL,
             NULL, NULL, NULL, NULL, NULL, NULL, out.y, out.dx, NULL, out.statistics, &out.exact_sum, workspace));
}
/* The same in parts. */
static void linear_parts(void) {
  static _Alignas(64) char workspace[1 << 20];
  linear_cross_entropy();
  if (!out.status)
    out.status = run_at((function_call){.function = XENT_FUNCTION_LINEAR_CROSS_ENTROPY_BACKWARD,
                                    .shape = &shape,
                                    .options = &options,
                                    .report = &out.report,
                                    .row_begin = 0,
                                    .row_end = ROWS,
                                    .class_begin = 0,
                                    .class_end = CLASSES,
                                    .workspace_size = sizeof workspace},
                        ARRAYS(in.x, in.teacher, NULL, NULL, in.labels, NULL, NULL, NULL, NULL, NULL, out.y, out.dx,
                               NULL, out.statistics, workspace));
  if (!out.status)
    out.status = run_at((function_call){.function = XENT_FUNCTION_LINEAR_STATES,
                                    .shape = &shape,
                                    .options = &options,
                                    .report = &out.report,
                                    .row_begin = 0,
                                    .row_end = ROWS,
                                    .class_begin = 0,
                                    .class_end = CLASSES,
                                    .workspace_size = sizeof workspace},
                        ARRAYS(in.x, in.teacher, NULL, in.labels, NULL, NULL, NULL, NULL, out.states, workspace));
}
static void parts(void) {
  out.status = run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &shape, &options, 0, ROWS, 0, CLASSES, &out.report),
                      ARRAYS(in.x, in.labels, NULL, NULL, NULL, NULL, out.states));
  if (!out.status)
    out.status = run_at(
        on_rows(XENT_FUNCTION_FINISH, &shape, &options, 0, ROWS, &out.report),
        ARRAYS(in.labels, out.losses, out.lse, out.correct, NULL, NULL, NULL, out.states, out.statistics,
               &out.exact_sum));
}
static void backward_parts(void) {
  out.status = run_at(on_classes(XENT_FUNCTION_BACKWARD_STATES, &shape, &options, 0, ROWS, 0, CLASSES, &out.report),
                      ARRAYS(in.teacher, in.x, NULL, out.states));
  if (!out.status)
    out.status = run_at(on_rows(XENT_FUNCTION_FINISH, &shape, &options, 0, ROWS, &out.report),
                        ARRAYS(NULL, NULL, NULL, NULL, NULL, NULL, NULL, out.states, out.statistics));
}
/* Sums of doubles that round, underflow and overflow. */
static void sums(void) {
  static const double small[] = {0x1p-1074, 0x1.8p-1060, 0x1p-1030}, large[] = {0x1.fffffffffffffp1023, 0x1p1023};
  static const double odd[] = {1, 0x1p-53, 0x1p-80};
  out.merged = xent_empty_exact_sum();
  out.status = xent_exact_sum_add(&out.exact_sum, small, XENT_F64, 1, 3);
  out.losses[0] = xent_exact_sum_value(&out.exact_sum);
  if (!out.status) out.status = xent_exact_sum_add(&out.merged, odd, XENT_F64, 1, 3);
  out.losses[1] = xent_exact_sum_value(&out.merged);
  if (!out.status) out.status = xent_exact_sum_merge(&out.merged, &out.exact_sum);
  if (!out.status) out.status = xent_exact_sum_add(&out.merged, large, XENT_F64, 1, 2);
  out.losses[2] = xent_exact_sum_value(&out.merged);
}
/* Options are compared with 0, and a subnormal option counts as 0. */
static void subnormal_options(void) {
  options.label_smoothing = 0x1p-1070;
  options.z_loss = 0x1p-1070;
  cross_entropy();
}

static const struct {
  const char *name;
  void (*run)(void);
} functions[] = {{"softmax", softmax},
                 {"log-softmax", log_softmax},
                 {"log-sum-exp", log_sum_exp},
                 {"softmax backward", softmax_backward},
                 {"log-softmax backward", log_softmax_backward},
                 {"check of targets", check_targets},
                 {"cross-entropy", cross_entropy},
                 {"cross-entropy with everything", cross_entropy_full},
                 {"cross-entropy backward", cross_entropy_backward},
                 {"divergence", divergence},
                 {"Jensen-Shannon divergence and total variation", bounded_divergences},
                 {"selected log-probabilities", selected},
                 {"Hessian-vector product", hessian},
                 {"sample", sample},
                 {"binary cross-entropy", binary_cross_entropy},
                 {"focal loss", focal},
                 {"linear cross-entropy", linear_cross_entropy},
                 {"linear cross-entropy in parts", linear_parts},
                 {"states", parts},
                 {"backward states", backward_parts},
                 {"exact sums", sums},
                 {"subnormal options", subnormal_options}};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

/* ---- inputs ------------------------------------------------------------------------------------ */

static void set_all(void *data, int64_t count, int32_t type, const float *values) {
  array a = {.data = data, .layout = {.type = type}};
  for (int64_t i = 0; i < count; i++) set_number(&a, i, (double)values[i]);
}

static void fill(int32_t type) {
  random_source r = {11};
  float values[ELEMENTS], weights[CLASSES];
  for (int64_t row = 0; row < ROWS; row++) fill_row(values + row * CLASSES, CLASSES, (int)row, &r);
  set_all(in.x, ELEMENTS, type, values);
  for (int64_t i = 0; i < ELEMENTS; i++) values[i] = i % 5 ? random_normal(&r) : 0x1p-140f;
  set_all(in.teacher, ELEMENTS, type, values);
  /* Subnormal in every type: a row or class of such a weight does count. */
  for (int64_t i = 0; i < CLASSES; i++) weights[i] = i % 4 ? 0.1f * (float)i : type == XENT_F16 ? 0x1p-20f : 0x1p-130f;
  set_all(in.row_weights, ROWS, type, weights);
  set_all(in.class_weights, CLASSES, type, weights);
  for (int32_t i = 0; i < ROWS; i++) in.labels[i] = (i * 7) % CLASSES;
}

static void prepare(int32_t type, int32_t isa) {
  shape = dense_shape_of(ROWS, CLASSES, 1, XENT_I32);
  shape.logits.type = shape.output.type = shape.gradient.type = shape.upstream.type = type;
  shape.losses.type = shape.log_sum_exp.type = type;
  shape.teacher = shape.logits;
  shape.class_weights = layout_of(0, 1, 0, type);
  shape.row_weights = shape.entropies = shape.losses;
  options = xent_default_options();
  options.isa = isa;
  memset(&out, 0x5a, sizeof out);
  out.exact_sum = xent_empty_exact_sum();
  out.report = (xent_report){.size = sizeof out.report};
}

static void run_in(const float_state *state, int function, int32_t type, int32_t isa) {
  prepare(type, isa);
  if (functions[function].run == cross_entropy_backward) shape.upstream = shape.row_weights;
  enter(state);
  const uint32_t mode = mode_now();
  functions[function].run();
  const uint32_t after = mode_now();
  enter_usual();
  calls++;
  if (after == mode && !memcmp(&out, &expected, sizeof out)) return;
  if (wrong++ < 20)
    fprintf(stderr, "%s, %s, type %d, %s: %s\n", functions[function].name, xent_isa_name(isa), type, state->name,
            after == mode ? "other bits" : "the mode is not put back");
}

static void run_in_every_mode(int function, int32_t type, int32_t isa) {
  static const struct {
    const char *name;
    int mode;
  } roundings[] = {
      {"to nearest", FE_TONEAREST}, {"upward", FE_UPWARD}, {"downward", FE_DOWNWARD}, {"toward zero", FE_TOWARDZERO}};
  for (int rounding = 0; rounding < 4; rounding++)
    for (int zero = 0; zero < ZEROS; zero++) {
      float_state state = {.rounding = roundings[rounding].mode, .bits = zeros[zero].bits};
      snprintf(state.name, sizeof state.name, "%s%s", roundings[rounding].name, zeros[zero].name);
      run_in(&state, function, type, isa);
    }
}

int main(void) {
  static const int32_t types[] = {XENT_F32, XENT_F64, XENT_F16, XENT_BF16};
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa))
    for (int t = 0; t < 4; t++)
      for (int function = 0; function < FUNCTIONS; function++) {
        fill(types[t]);
        prepare(types[t], isa);
        if (functions[function].run == cross_entropy_backward) shape.upstream = shape.row_weights;
        functions[function].run();
        must(out.status, functions[function].name);
        expected = out;
        run_in_every_mode(function, types[t], isa);
      }
  printf("%lld calls in foreign float modes, %lld differ\n", calls, wrong);
  return wrong != 0;
}

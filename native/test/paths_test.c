/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The path of a call, as in its report: the table of design.md, for every instruction set, function, layout and
 * option. Up to 1024 classes no option leaves the fast paths; the exceptions are listed at the end.
 */
#include "calls.h"
#include "kernels/path_names.h"
#include "rows.h"
#include "tiers.h"

enum { MOST_ROWS = 16, MOST_CLASSES = 1025, GAP = 3, MOST = MOST_ROWS * (MOST_CLASSES + GAP), TOP = 5, MANY_TOP = 257 };

static int64_t checked, failures;

static void expect(bool holds, const char *what) {
  checked++;
  if (holds) return;
  failures++;
  fprintf(stderr, "%s\n", what);
}

/* ---- shapes, functions, options ---- */

typedef enum { AS_ROWS, WITH_GAPS, AS_COLUMNS, TRANSPOSED, LAYOUTS } layout_kind;
static const char *const layout_names[] = {"rows", "rows with gaps", "columns", "transposed rows"};

typedef enum {
  SOFTMAX,
  LOG_SOFTMAX,
  LOG_SUM_EXP,
  SOFTMAX_BACKWARD,
  LOSS,
  LOSS_AND_GRADIENT,
  GRADIENT_OF_STATISTICS,
  FUNCTIONS
} function_kind;
static const char *const function_names[] = {"softmax", "log-softmax", "log-sum-exp", "softmax backward", "loss",
                                             "loss and gradient", "gradient from statistics"};

enum {
  CLASS_WEIGHTS = 1,
  ROW_WEIGHTS = 2,
  SAME_MASK = 4,
  MASKS = 8, /* a mask for each row, laid out like contiguous logits */
  SINK = 16,
  CORRECT = 32,
  ARGMAX = 64,
  RANKS = 128,
  ENTROPIES = 256,
  LOG_PROBABILITIES = 512,
  TOP_CLASSES = 1024,
  PROBABILITIES = 2048,
  EXACT_SUM = 4096,
  ANY_MASK = SAME_MASK | MASKS,
  OF_RESULTS = CORRECT | ARGMAX | RANKS | ENTROPIES | LOG_PROBABILITIES | TOP_CLASSES |
      EXACT_SUM /* a later gradient takes no sum */
};

/* What a call asks for, and whether single, which is for plainer calls than the others, still takes it. */
typedef struct {
  const char *name;
  bool each;
  int arrays;
  int32_t type; /* of logits, output, gradient and upstream; 0: F32 */
  xent_options options;
  bool of_targets; /* no other function than cross-entropy has it */
} wish;

static const wish wishes[] = {
    {.name = "nothing", .each = true},
    {.name = "temperature", .each = true, .options = {.temperature = 2}},
    {.name = "softcap", .options = {.softcap = 30}},
    {.name = "sink", .arrays = SINK},
    {.name = "a mask for all rows", .arrays = SAME_MASK},
    {.name = "masks", .arrays = MASKS},
    {.name = "fully masked rows 0", .each = true, .options = {.fully_masked = XENT_FULLY_MASKED_ZERO}},
    {.name = "float16", .type = XENT_F16},
    {.name = "bfloat16", .type = XENT_BF16},
    {.name = "smoothing", .options = {.label_smoothing = 0.1}, .of_targets = true},
    {.name = "smoothing of others",
     .options = {.label_smoothing = 0.1, .smoothing = XENT_SMOOTHING_OTHERS},
     .of_targets = true},
    {.name = "class weights", .each = true, .arrays = CLASS_WEIGHTS, .of_targets = true},
    {.name = "class weights and smoothing",
     .arrays = CLASS_WEIGHTS,
     .options = {.label_smoothing = 0.1},
     .of_targets = true},
    {.name = "row weights", .arrays = ROW_WEIGHTS, .of_targets = true},
    {.name = "ignore index", .each = true, .options = {.has_ignore_index = 1}, .of_targets = true},
    {.name = "gradient scale", .each = true, .options = {.gradient_scale = 0.5}, .of_targets = true},
    {.name = "z-loss", .options = {.z_loss = 1e-4}, .of_targets = true},
    {.name = "clamp", .options = {.probability_clamp = 0.01}, .of_targets = true},
    {.name = "probabilities", .arrays = PROBABILITIES, .of_targets = true},
    {.name = "exact_sum", .each = true, .arrays = EXACT_SUM, .of_targets = true},
    {.name = "log-probabilities", .arrays = LOG_PROBABILITIES, .of_targets = true},
    {.name = "correct", .arrays = CORRECT, .of_targets = true},
    {.name = "argmax", .arrays = ARGMAX, .of_targets = true},
    {.name = "ranks", .arrays = RANKS, .of_targets = true},
    {.name = "entropies", .arrays = ENTROPIES, .of_targets = true},
    {.name = "top classes", .arrays = TOP_CLASSES, .of_targets = true},
    {.name = "most options at once",
     .arrays = CLASS_WEIGHTS | ROW_WEIGHTS | MASKS | SINK | OF_RESULTS,
     .type = XENT_BF16,
     .options = {.label_smoothing = 0.1, .temperature = 2, .softcap = 30, .z_loss = 1e-4, .has_ignore_index = 1},
     .of_targets = true},
};
enum { WISHES = sizeof wishes / sizeof *wishes };

/* ---- what docs/developing/design.md says ---- */

static bool is_avx512(int32_t isa) { return !strcmp(xent_isa_name(isa), "avx512"); }
static int64_t most_dense(int32_t isa, bool output) { return !is_avx512(isa) ? 104 : output ? 59 : 47; }

static bool is_columns(layout_kind layout) { return layout == AS_COLUMNS || layout == TRANSPOSED; }

/* Beyond what fits into a strip's scratch, groups of classes go through it, and some options want them all. */
static bool fits_strips(const wish *w, int64_t classes, bool later) {
  const bool weighted = (w->arrays & CLASS_WEIGHTS) && w->options.label_smoothing > 0;
  const int tiles = 1 + (w->options.softcap != 0) + (weighted || w->arrays & PROBABILITIES) + !!(w->arrays & ANY_MASK);
  const bool masked_shares = w->arrays & ANY_MASK && w->options.label_smoothing > 0;
  const bool at_once = w->arrays & ENTROPIES || masked_shares;
  return later || (!(w->arrays & TOP_CLASSES) && (!at_once || classes <= 1024 / tiles));
}

/* Floats as they are in memory; else short rows as copies; masked rows of other types are copied, too. */
static int32_t backward_path(int32_t isa, layout_kind layout, int64_t rows, int64_t classes, const wish *w) {
  const bool contiguous = !is_columns(layout) || rows == 1, floats = !w->type, masked = w->arrays & ANY_MASK;
  const bool copied = !contiguous || (!floats && (masked || classes < 32));
  const int64_t registers = is_avx512(isa) ? 128 : 32;
  if (!copied && !masked && floats && rows >= 3 && classes <= 256) return XENT_PATH_SHORT;
  if (copied) return classes <= 128 && rows >= 2 ? XENT_PATH_SHORT : XENT_PATH_COPIES;
  const bool little = is_avx512(isa) && masked && classes < 16;
  const bool pays = floats ? classes <= registers && rows >= (little ? 16 : 3) : classes <= 48 && rows >= 16;
  return pays ? XENT_PATH_SHORT : XENT_PATH_CONTIGUOUS;
}

/* Of rows in lanes: whole vectors, or few classes. */
static bool fills_lanes(int64_t rows, int64_t classes, int64_t most) {
  return rows == 16 || classes * 16 <= most * rows;
}

static int32_t way_of(int32_t isa, function_kind function, layout_kind layout, int64_t rows, int64_t classes,
                      const wish *w) {
  const bool columns = is_columns(layout) && rows > 1, later = function == GRADIENT_OF_STATISTICS;
  const bool mask_unlike = (w->arrays & MASKS) && layout == AS_COLUMNS && rows > 1;
  const bool short_runs = rows <= 4 && classes <= 1024;
  const bool enough = columns && rows >= 4 && (!short_runs || classes <= 40);
  if (function == SOFTMAX_BACKWARD) return enough ? XENT_PATH_STRIP : backward_path(isa, layout, rows, classes, w);
  const bool hot = w->options.temperature != 0 && function != SOFTMAX && function != LOG_SOFTMAX;
  const bool each = w->each && !hot && !later && function != LOG_SUM_EXP && !columns && classes > 1 && classes <= 1024;
  const int64_t least = function == SOFTMAX ? (is_avx512(isa) ? 128 : 256) : function == LOSS ? 1025 : 512;
  if (each && (rows <= (function == SOFTMAX ? 8 : 6) || classes >= least)) return XENT_PATH_EACH;
  const bool ones = classes == 1 && (function == SOFTMAX || function == LOG_SOFTMAX);
  if (enough && !(ones && function == SOFTMAX) && fits_strips(w, classes, later)) return XENT_PATH_STRIP;
  if (enough && !short_runs && classes > 1) return XENT_PATH_TURNED;
  const bool output = function != LOSS && function != LOG_SUM_EXP;
  const bool dense = rows >= 6 && classes <= most_dense(isa, output) && fills_lanes(rows, classes, 45) &&
                     !mask_unlike && (later || (!columns && classes > 1));
  if (dense) return XENT_PATH_DENSE;
  return ones || (later && classes > 1024) ? XENT_PATH_ROW : XENT_PATH_FLOW;
}

/* ---- calls ---- */

static double memory[4][MOST]; /* of any type: logits, output or gradient, upstream, targets */
static uint8_t mask[MOST];
static float row_numbers[4][MOST_ROWS * MANY_TOP];
static int64_t class_numbers[3][MOST_ROWS * MANY_TOP], labels[MOST_ROWS];
static uint8_t correct[MOST_ROWS];
static xent_statistics statistics[MOST_ROWS];
static xent_state states[MOST_ROWS];
static xent_exact_sum exact_sum;
static float class_weights[MOST_CLASSES];
static xent_report report;

static xent_layout per_class(layout_kind layout, int64_t rows, int64_t classes, int32_t type) {
  return layout == AS_ROWS     ? layout_of(classes, 1, 1, type)
         : layout == WITH_GAPS ? layout_of(classes + GAP, 1, 1, type)
         : layout == TRANSPOSED ? layout_of(1, rows, 1, type)
                                : layout_of(classes * rows, rows, 1, type);
}

static xent_layout per_row(const xent_shape *s, int32_t type) { return xent_per_inner(s->inner, type); }

static xent_shape shape_of(layout_kind layout, int64_t rows, int64_t classes, const wish *w) {
  const int32_t type = w->type ? w->type : XENT_F32;
  const xent_layout full = per_class(layout, rows, classes, type);
  const bool inward = layout == AS_COLUMNS;
  xent_shape s = {.outer = inward ? 1 : rows, .classes = classes, .inner = inward ? rows : 1,
                  .logits = full, .output = full, .gradient = full, .upstream = full};
  s.targets = w->arrays & PROBABILITIES ? per_class(layout, rows, classes, XENT_F32) : per_row(&s, XENT_I64);
  s.losses = s.log_sum_exp = s.sink = s.row_weights = s.entropies = s.log_probabilities = per_row(&s, XENT_F32);
  s.argmax = s.ranks = per_row(&s, XENT_I64);
  s.correct = per_row(&s, XENT_U8);
  s.top_count = w->arrays & TOP_CLASSES ? classes < TOP ? classes : TOP : 0;
  s.top_classes = xent_per_class(s.top_count, s.inner, XENT_I64);
  s.class_weights = layout_of(0, 1, 0, XENT_F32);
  s.class_mask = w->arrays & SAME_MASK ? layout_of(0, 1, 0, XENT_U8) : layout_of(classes, 1, classes, XENT_U8);
  return s;
}

static xent_options options_of(int32_t isa, const wish *w) {
  xent_options o = w->options;
  o.size = sizeof o;
  o.isa = isa;
  if (o.has_ignore_index) o.ignore_index = -100;
  return o;
}

static cross_entropy_arrays arrays_of(const wish *w) {
  const bool of_labels = !(w->arrays & PROBABILITIES);
#define GIVEN(bit, array) (w->arrays & (bit) ? (void *)(array) : NULL)
  return (cross_entropy_arrays){
      .logits = memory[0],
      .targets = of_labels ? (const void *)labels : memory[3],
      .class_mask = GIVEN(ANY_MASK, mask),
      .class_weights = GIVEN(CLASS_WEIGHTS, class_weights),
      .row_weights = GIVEN(ROW_WEIGHTS, row_numbers[0]),
      .sink = GIVEN(SINK, row_numbers[0]),
      .losses = row_numbers[1],
      .correct = GIVEN(CORRECT, correct),
      .log_probabilities = GIVEN(LOG_PROBABILITIES, row_numbers[2]),
      .argmax = GIVEN(ARGMAX, class_numbers[0]),
      .ranks = GIVEN(RANKS, class_numbers[1]),
      .entropies = GIVEN(ENTROPIES, row_numbers[3]),
      .top_classes = GIVEN(TOP_CLASSES, class_numbers[2]),
      .exact_sum = w->arrays & EXACT_SUM ? &exact_sum : NULL,
  };
#undef GIVEN
}

static xent_status call(function_kind function, const xent_shape *s, const xent_options *o, const wish *w) {
  const int64_t rows = s->outer * s->inner, classes = s->classes;
  cross_entropy_arrays a = arrays_of(w);
  switch (function) {
    case SOFTMAX:
      return run_at(on_classes(XENT_FUNCTION_SOFTMAX, s, o, 0, rows, 0, classes, &report),
                    ARRAYS(a.logits, memory[1], a.class_mask, a.sink));
    case LOG_SOFTMAX:
      return run_at(on_classes(XENT_FUNCTION_LOG_SOFTMAX, s, o, 0, rows, 0, classes, &report),
                    ARRAYS(a.logits, memory[1], a.class_mask, a.sink));
    case LOG_SUM_EXP:
      return run_at(on_rows(XENT_FUNCTION_LOG_SUM_EXP, s, o, 0, rows, &report),
                    ARRAYS(a.logits, row_numbers[1], a.class_mask, a.sink));
    case SOFTMAX_BACKWARD:
      return run_at(on_classes(XENT_FUNCTION_SOFTMAX_BACKWARD, s, o, 0, rows, 0, classes, &report),
                    ARRAYS(memory[0], memory[2], memory[1], a.class_mask));
    case LOSS_AND_GRADIENT: a.gradient = memory[1]; break;
    case GRADIENT_OF_STATISTICS: a.statistics = statistics; break;
    default: break;
  }
  const xent_status status = cross_entropy_of(s, o, 0, rows, &a, &report);
  if (status || function != GRADIENT_OF_STATISTICS) return status;
  return run_at(on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, s, o, 0, rows, 0, classes, &report),
                ARRAYS(a.logits, a.targets, NULL, memory[1], NULL, a.class_mask, a.class_weights, a.row_weights, NULL,
                       statistics));
}

static bool has(function_kind function, const wish *w) {
  if (function >= LOSS) return true;
  return !w->of_targets && !(function == SOFTMAX_BACKWARD && (w->options.softcap != 0 || (w->arrays & SINK)));
}

static void test_way(int32_t isa, function_kind function, layout_kind layout, int64_t rows, int64_t classes,
                     const wish *w) {
  const xent_shape s = shape_of(layout, rows, classes, w);
  const xent_options o = options_of(isa, w);
  report = (xent_report){.size = sizeof report};
  must(call(function, &s, &o, w), w->name);
  const int32_t expected = way_of(isa, function, layout, rows, classes, w);
  checked++;
  if (report.path == expected) return;
  failures++;
  fprintf(stderr, "%s, %s, %lld %s of %lld classes, %s: %s, not %s\n", xent_isa_name(isa), function_names[function],
          (long long)rows, layout_names[layout], (long long)classes, w->name, xent_path_name(report.path),
          xent_path_name(expected));
}

/* Every bound of the table from both sides. */
static void test_tier(int32_t isa) {
  static const int64_t some_rows[] = {1, 3, 4, 5, 6, MOST_ROWS};
  static const int64_t some_classes[] = {1, 2, 16, 17, 59, 60, 104, 105, 1024, MOST_CLASSES};
  for (size_t r = 0; r < sizeof some_rows / sizeof *some_rows; r++)
    for (size_t c = 0; c < sizeof some_classes / sizeof *some_classes; c++)
      for (int layout = 0; layout < LAYOUTS; layout++)
        for (int function = 0; function < FUNCTIONS; function++)
          for (int w = 0; w < WISHES; w++)
            if (has((function_kind)function, &wishes[w]))
              test_way(isa, (function_kind)function, (layout_kind)layout, some_rows[r], some_classes[c], &wishes[w]);
}

/* ---- calls that go row by row for all sizes, in double, or in no path ---- */

static const wish nothing = {.name = "nothing"};

static void expect_path(xent_status status, int32_t path, const char *what) {
  must(status, what);
  expect(report.path == path, what);
}

static void test_leaving(int32_t isa) {
  enum { ROWS = 16, CLASSES = 300, COLUMNS = 4, MANY_CLASSES = 8192 };
  static const int32_t offsets[ROWS + 1];
  const xent_options o = options_of(isa, &nothing);
  const xent_shape plain = shape_of(AS_ROWS, ROWS, CLASSES, &nothing);
  const wish probabilities = {.name = "", .arrays = PROBABILITIES};
  xent_shape s = plain;
  cross_entropy_arrays a = {.logits = memory[0], .targets = labels, .losses = row_numbers[1]};
  s.target_count = 1;
  s.target_weights = xent_per_class(1, 1, XENT_F32);
  a.target_weights = row_numbers[0];
  expect_path(cross_entropy_of(&s, &o, 0, ROWS, &a, &report), XENT_PATH_FLOW, "sparse targets flow");
  a.target_weights = NULL;
  s = shape_of(AS_COLUMNS, COLUMNS, MANY_CLASSES, &nothing);
  a.top_classes = class_numbers[2];
  s.top_count = 1;
  s.top_classes = xent_per_class(1, COLUMNS, XENT_I64);
  expect_path(cross_entropy_of(&s, &o, 0, COLUMNS, &a, &report), XENT_PATH_ROW,
                  "so long columns are not turned");
  s = plain;
  s.top_count = MANY_TOP;
  s.top_classes = xent_per_class(MANY_TOP, 1, XENT_I64);
  a.top_classes = class_numbers[2];
  expect_path(cross_entropy_of(&s, &o, 0, ROWS, &a, &report), XENT_PATH_ROW,
             "more than 256 top classes go row by row");
  a.top_classes = NULL;
  s = shape_of(AS_ROWS, ROWS, CLASSES, &probabilities);
  s.target_gradient = s.gradient;
  a.targets = memory[3];
  a.target_gradient = memory[1];
  expect_path(cross_entropy_of(&s, &o, 0, ROWS, &a, &report), XENT_PATH_FLOW, "the gradient of targets flows");
  s = plain;
  s.row_offsets = layout_of(1, 0, 0, XENT_I32);
  expect_path(run_at(on_rows(XENT_FUNCTION_LOG_SUM_EXP, &s, &o, 0, ROWS, &report),
                    ARRAYS(memory[0], row_numbers[1], NULL, NULL, offsets)),
             XENT_PATH_ROW, "ragged rows go row by row");
}

static void test_parts(int32_t isa) {
  enum { ROWS = 16, CLASSES = 300 };
  const xent_options o = options_of(isa, &nothing);
  const xent_shape s = shape_of(AS_ROWS, ROWS, CLASSES, &nothing);
  expect_path(run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &s, &o, 0, ROWS, 0, CLASSES, &report),
                    ARRAYS(memory[0], NULL, NULL, NULL, NULL, NULL, states)),
             XENT_PATH_ROW, "states go row by row");
  expect_path(run_at(on_rows(XENT_FUNCTION_FINISH, &s, &o, 0, ROWS, &report),
                    ARRAYS(NULL, NULL, NULL, NULL, NULL, NULL, NULL, states, statistics)),
             XENT_PATH_ROW, "states are finished row by row");
  expect_path(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &s, &o, 0, ROWS, 0, CLASSES, &report),
                    ARRAYS(memory[0], memory[1], NULL, NULL, NULL, statistics)),
             XENT_PATH_ROW, "a softmax from statistics goes row by row");
  expect_path(run_at(on_classes(XENT_FUNCTION_BACKWARD_STATES, &s, &o, 0, ROWS, 0, CLASSES, &report),
                    ARRAYS(memory[0], memory[2], NULL, states)),
             XENT_PATH_ROW, "states of a backward go row by row");
}

static void test_double_and_none(int32_t isa) {
  enum { ROWS = 16, CLASSES = 10 };
  const wish wide = {.name = "float64", .type = XENT_F64};
  const xent_options o = options_of(isa, &nothing);
  xent_shape s = shape_of(AS_ROWS, ROWS, CLASSES, &wide);
  for (int function = 0; function < FUNCTIONS; function++) {
    s.losses.type = s.log_sum_exp.type = XENT_F64;
    expect_path(call((function_kind)function, &s, &o, &wide),
                    function == SOFTMAX_BACKWARD ? XENT_PATH_F64_ROWS : XENT_PATH_F64_TILES,
                    "float64 has paths of its own");
  }
  const xent_shape columns = shape_of(TRANSPOSED, ROWS, CLASSES, &wide);
  expect_path(call(SOFTMAX_BACKWARD, &columns, &o, &wide), XENT_PATH_F64_TILES, "a class of several rows");
  s = shape_of(AS_ROWS, 1, CLASSES, &wide);
  s.losses.type = s.log_sum_exp.type = XENT_F64;
  for (int function = 0; function < FUNCTIONS; function++)
    if (function != SOFTMAX_BACKWARD && (isa == XENT_ISA_AVX2 || isa == XENT_ISA_AVX512))
      expect_path(call((function_kind)function, &s, &o, &wide), XENT_PATH_F64, "one row of float64");
  s = shape_of(AS_ROWS, ROWS, CLASSES, &nothing);
  s.teacher = s.logits;
  expect_path(run_at(on_rows(XENT_FUNCTION_KL_DIVERGENCE, &s, &o, 0, ROWS, &report),
                    ARRAYS(memory[0], memory[2], row_numbers[1])),
             XENT_PATH_F64, "divergences are computed in float64");
  s.targets = s.losses = s.logits;
  for (int focal = 0; focal < 2; focal++) {
    xent_options of_elements = o;
    of_elements.focal_gamma = focal ? 2 : 0;
    expect_path(run_at(on_rows(XENT_FUNCTION_BINARY_CROSS_ENTROPY, &s, &of_elements, 0, ROWS, &report),
                      ARRAYS(memory[0], memory[2], NULL, memory[1])),
               focal ? XENT_PATH_F64 : XENT_PATH_ELEMENTS, "elements have a path, focal losses too");
  }
  expect_path(run_at(on_rows(XENT_FUNCTION_CHECK_TARGETS, &s, &o, 0, ROWS, &report), ARRAYS(labels)),
                  XENT_PATH_NONE,
             "targets are checked, no row is computed");
  report.path = XENT_PATH_DENSE;
  const xent_status refused =
      run_at(on_rows(XENT_FUNCTION_LOG_SUM_EXP, &s, &o, 0, ROWS, &report), ARRAYS(NULL, row_numbers[1]));
  expect(refused == XENT_INVALID_ARGUMENT && report.path == XENT_PATH_NONE,
         "a call that is refused took no path");
}

int main(void) {
  memset(mask, 1, sizeof mask);
  exact_sum = xent_empty_exact_sum();
  for (int i = 0; i < MOST_CLASSES; i++) class_weights[i] = 1;
  for (int i = 0; i < MOST_ROWS; i++) row_numbers[0][i] = 1;
  report = (xent_report){.size = sizeof report};
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa)) {
    test_tier(isa);
    test_leaving(isa);
    test_parts(isa);
    test_double_and_none(isa);
  }
  printf("paths: %lld calls, %lld in another path than design.md says\n", (long long)checked,
         (long long)failures);
  return failures != 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of each function of the grid. */
#include "arrays.h"
#include "calls.h"
#include "grid.h"
#include "layer.h"

#define PLAIN_OUTPUTS (BIT(LOSSES) | BIT(LOG_SUM_EXP) | BIT(STATISTICS) | BIT(EXACT_SUM))
#define OTHER_OUTPUTS (BIT(ARGMAX) | BIT(ENTROPIES) | BIT(TOP_CLASSES) | BIT(TOP_LOG_PROBABILITIES))
#define OF_LABELS (BIT(CORRECT) | BIT(LOG_PROBABILITIES) | BIT(RANKS))
#define OTHER_INPUTS (BIT(ROW_OFFSETS) | BIT(CLASS_MASK) | BIT(CLASS_WEIGHTS) | BIT(ROW_WEIGHTS) | BIT(SINK))
#define PARTS (BIT(STATISTICS) | BIT(STATES) | BIT(REPORT))
#define PARTS_OF_TARGETS \
  (BIT(CLASS_MASK) | BIT(CLASS_WEIGHTS) | BIT(ROW_WEIGHTS) | BIT(SINK) | BIT(LOSSES) | BIT(LOG_SUM_EXP) | \
   BIT(EXACT_SUM))

/* Element and positive weights are in the slots of row weights and sinks. */
#define OUTPUTS_OF_ELEMENTS (BIT(LOSSES) | BIT(GRADIENT) | BIT(EXACT_SUM))
#define OF_ELEMENTS (BIT(ROW_WEIGHTS) | BIT(SINK) | OUTPUTS_OF_ELEMENTS | BIT(REPORT))
#define OF_TOKENS                                                                                                \
  (BIT(PROCESSED_LOG_PROBABILITIES) | BIT(KEPT) | BIT(KEPT_MASK) | BIT(LOG_PROBABILITIES) | BIT(RANKS) |         \
   BIT(ENTROPIES) | BIT(TOP_CLASSES) | BIT(TOP_LOG_PROBABILITIES))
#define OF_LAYER                                                                                                \
  (LAYER | BIT(LOGITS) | BIT(CLASS_MASK) | BIT(CLASS_WEIGHTS) | BIT(ROW_WEIGHTS) | BIT(SINK) | BIT(UPSTREAM) |  \
   BIT(REPORT) | LAYER_GRADIENTS)

const grid_function grid_functions[FUNCTIONS] = {
    [SOFTMAX] = {"softmax", BIT(LOGITS) | BIT(OUTPUT), BIT(ROW_OFFSETS) | BIT(CLASS_MASK) | BIT(SINK), BIT(OUTPUT),
                 .ragged = true},
    [LOG_SOFTMAX] = {"log-softmax", BIT(LOGITS) | BIT(OUTPUT), BIT(ROW_OFFSETS) | BIT(CLASS_MASK) | BIT(SINK),
                     BIT(OUTPUT), .ragged = true},
    [LSE] = {"log-sum-exp", BIT(LOGITS) | BIT(LOG_SUM_EXP), BIT(ROW_OFFSETS) | BIT(CLASS_MASK) | BIT(SINK),
             BIT(LOG_SUM_EXP), .ragged = true},
    [SOFTMAX_BACKWARD] = {"softmax backward", BIT(OUTPUT) | BIT(UPSTREAM) | BIT(GRADIENT),
                          BIT(ROW_OFFSETS) | BIT(CLASS_MASK), BIT(GRADIENT), .ragged = true},
    [LOG_SOFTMAX_BACKWARD] = {"log-softmax backward", BIT(OUTPUT) | BIT(UPSTREAM) | BIT(GRADIENT),
                              BIT(ROW_OFFSETS) | BIT(CLASS_MASK), BIT(GRADIENT), .ragged = true},
    [LOSSES_ALONE] = {"losses", BIT(LOGITS) | BIT(TARGETS) | BIT(LOSSES),
                      BIT(LOG_SUM_EXP) | BIT(CORRECT) | BIT(STATISTICS) | BIT(EXACT_SUM) | BIT(REPORT),
                      PLAIN_OUTPUTS | BIT(CORRECT)},
    [LABELS_WITH_GRADIENT] = {"losses and gradient", BIT(LOGITS) | BIT(TARGETS) | BIT(GRADIENT),
                              PLAIN_OUTPUTS | BIT(CORRECT) | BIT(REPORT), PLAIN_OUTPUTS | BIT(CORRECT) | BIT(GRADIENT)},
    [PROBABILITIES_WITH_GRADIENT] = {"losses and gradient of probabilities", BIT(LOGITS) | BIT(TARGETS) | BIT(GRADIENT),
                                     PLAIN_OUTPUTS | BIT(REPORT), PLAIN_OUTPUTS | BIT(GRADIENT), .probabilities = true},
    [FULL_LABELS] = {"all of cross-entropy", BIT(LOGITS) | BIT(TARGETS) | BIT(STATISTICS) | BIT(GRADIENT),
                     PLAIN_OUTPUTS | OTHER_OUTPUTS | OF_LABELS | OTHER_INPUTS | BIT(UPSTREAM) | BIT(REPORT),
                     PLAIN_OUTPUTS | OTHER_OUTPUTS | OF_LABELS, .ragged = true},
    [FULL_PROBABILITIES] = {"all of cross-entropy of probabilities",
                            BIT(LOGITS) | BIT(TARGETS) | BIT(STATISTICS) | BIT(GRADIENT),
                            PLAIN_OUTPUTS | OTHER_OUTPUTS | OTHER_INPUTS | BIT(TARGET_GRADIENT) | BIT(UPSTREAM) |
                                BIT(REPORT),
                            PLAIN_OUTPUTS | OTHER_OUTPUTS | BIT(TARGET_GRADIENT), .probabilities = true,
                            .ragged = true},
    [FULL_SPARSE] = {"all of cross-entropy of sparse targets",
                     BIT(LOGITS) | BIT(TARGETS) | BIT(TARGET_WEIGHTS) | BIT(STATISTICS) | BIT(GRADIENT),
                     PLAIN_OUTPUTS | OTHER_OUTPUTS | OTHER_INPUTS | BIT(TARGET_GRADIENT) | BIT(UPSTREAM) | BIT(REPORT),
                     PLAIN_OUTPUTS | OTHER_OUTPUTS | BIT(TARGET_GRADIENT), .sparse = true, .ragged = true},
    [FULL_NO_TARGETS] = {"largest classes", BIT(LOGITS) | BIT(TOP_CLASSES),
                         OTHER_OUTPUTS | BIT(LOG_SUM_EXP) | BIT(ROW_OFFSETS) | BIT(CLASS_MASK) | BIT(SINK),
                         OTHER_OUTPUTS | BIT(LOG_SUM_EXP), .ragged = true},
    [DIVERGENCE] = {"divergence", BIT(LOGITS) | BIT(TEACHER),
                    BIT(CLASS_MASK) | BIT(ROW_WEIGHTS) | BIT(LOSSES) | BIT(GRADIENT) | BIT(EXACT_SUM),
                    BIT(LOSSES) | BIT(GRADIENT) | BIT(EXACT_SUM)},
    [HVP] = {"hvp", BIT(LOGITS) | BIT(UPSTREAM) | BIT(OUTPUT),
             BIT(ROW_OFFSETS) | BIT(CLASS_MASK) | BIT(ROW_WEIGHTS) | BIT(SINK), BIT(OUTPUT), .ragged = true,
             .hessian = true},
    [SELECTED] = {"selected log-probabilities", BIT(LOGITS) | BIT(TARGETS) | BIT(STATISTICS) | BIT(GRADIENT),
                  BIT(ROW_OFFSETS) | BIT(CLASS_MASK) | BIT(SINK) | BIT(UPSTREAM) | BIT(LOG_PROBABILITIES) | BIT(REPORT),
                  BIT(LOG_PROBABILITIES) | BIT(STATISTICS), .sparse = true, .ragged = true, .selected = true},
    [BINARY_OF_LABELS] = {"binary cross-entropy of labels", BIT(LOGITS) | BIT(TARGETS), OF_ELEMENTS,
                          OUTPUTS_OF_ELEMENTS, .elementwise = true},
    [BINARY_OF_NUMBERS] = {"binary cross-entropy of numbers", BIT(LOGITS) | BIT(TARGETS), OF_ELEMENTS,
                           OUTPUTS_OF_ELEMENTS, .probabilities = true, .elementwise = true},
    [SAMPLE] = {"sampling", BIT(LOGITS) | BIT(TOKENS),
                OF_TOKENS | BIT(CLASS_MASK) | BIT(BIAS) | BIT(PROMPT_TOKENS) | BIT(OUTPUT_TOKENS) |
                    BIT(BIAS_TOKENS) | BIT(BIAS_VALUES) | BIT(DRAFT_TOKENS) | BIT(DRAFT_PROBABILITIES) | BIT(REPORT),
                OF_TOKENS | BIT(TOKENS), .sampled = true},
    [PARTS_OF_SOFTMAX] = {"softmax of parts", BIT(LOGITS) | BIT(OUTPUT) | PARTS,
                          BIT(CLASS_MASK) | BIT(SINK) | BIT(LOG_SUM_EXP), BIT(OUTPUT)},
    [PARTS_OF_LABELS] = {"labels of parts", BIT(LOGITS) | BIT(TARGETS) | BIT(GRADIENT) | PARTS,
                         PARTS_OF_TARGETS | BIT(CORRECT), BIT(GRADIENT)},
    [PARTS_OF_PROBABILITIES] = {"probabilities of parts", BIT(LOGITS) | BIT(TARGETS) | BIT(GRADIENT) | PARTS,
                                PARTS_OF_TARGETS, BIT(GRADIENT), .probabilities = true},
    [PARTS_OF_SPARSE] = {"sparse targets of parts",
                         BIT(LOGITS) | BIT(TARGETS) | BIT(TARGET_WEIGHTS) | BIT(GRADIENT) | PARTS, PARTS_OF_TARGETS,
                         BIT(GRADIENT), .sparse = true},
    [PARTS_OF_BACKWARD] = {"softmax backward of parts", BIT(OUTPUT) | BIT(UPSTREAM) | BIT(GRADIENT) | PARTS,
                           BIT(CLASS_MASK), BIT(GRADIENT)},
    [PARTS_OF_LOG_BACKWARD] = {"log-softmax backward of parts", BIT(OUTPUT) | BIT(UPSTREAM) | BIT(GRADIENT) | PARTS,
                               BIT(CLASS_MASK), BIT(GRADIENT)},
    [LAYER_OF_LABELS] = {"all of a linear layer", BIT(HIDDEN) | BIT(WEIGHTS) | BIT(TARGETS) | BIT(STATISTICS),
                         PLAIN_OUTPUTS | OTHER_OUTPUTS | OF_LABELS | OF_LAYER,
                         PLAIN_OUTPUTS | OTHER_OUTPUTS | OF_LABELS |
                         BIT(LOGITS) | LAYER_GRADIENTS, .linear = true},
    [LAYER_OF_PROBABILITIES] = {"all of a linear layer of probabilities",
                                BIT(HIDDEN) | BIT(WEIGHTS) | BIT(TARGETS) | BIT(STATISTICS),
                                PLAIN_OUTPUTS | OTHER_OUTPUTS | BIT(TARGET_GRADIENT) | OF_LAYER,
                                PLAIN_OUTPUTS | OTHER_OUTPUTS | BIT(TARGET_GRADIENT) | BIT(LOGITS) | LAYER_GRADIENTS,
                                .probabilities = true, .linear = true},
    [LAYER_OF_SPARSE] = {"all of a linear layer of sparse targets",
                         BIT(HIDDEN) | BIT(WEIGHTS) | BIT(TARGETS) | BIT(TARGET_WEIGHTS) | BIT(STATISTICS),
                         PLAIN_OUTPUTS | OTHER_OUTPUTS | BIT(TARGET_GRADIENT) | OF_LAYER,
                         PLAIN_OUTPUTS | OTHER_OUTPUTS | BIT(TARGET_GRADIENT) | BIT(LOGITS) | LAYER_GRADIENTS,
                         .sparse = true, .linear = true},
    [PARTS_OF_LAYER] = {"linear layer of parts", BIT(HIDDEN) | BIT(WEIGHTS) | BIT(TARGETS) | PARTS,
                        LAYER | PARTS_OF_TARGETS | BIT(CORRECT) | BIT(UPSTREAM) | LAYER_GRADIENTS, LAYER_GRADIENTS,
                        .linear = true},
    [CHECK_LABELS] = {"check of labels", BIT(TARGETS) | BIT(REPORT),
                      BIT(ROW_OFFSETS) | BIT(CLASS_MASK) | BIT(CLASS_WEIGHTS) | BIT(ROW_WEIGHTS) | BIT(EXACT_SUM),
                      BIT(EXACT_SUM), .ragged = true},
    [CHECK_SPARSE] = {"check of sparse targets", BIT(TARGETS) | BIT(TARGET_WEIGHTS) | BIT(REPORT),
                      BIT(ROW_OFFSETS) | BIT(CLASS_MASK) | BIT(CLASS_WEIGHTS) | BIT(ROW_WEIGHTS) | BIT(EXACT_SUM),
                      BIT(EXACT_SUM), .sparse = true, .ragged = true},
    [EXACT_SUM_OF_VALUES] = {"exact_sum", BIT(LOGITS) | BIT(EXACT_SUM), 0, BIT(EXACT_SUM)},
    [SIGMOID] = {"sigmoid", BIT(LOGITS) | BIT(OUTPUT), 0, BIT(OUTPUT), .elementwise = true},
    [LOG_SIGMOID] = {"log-sigmoid", BIT(LOGITS) | BIT(OUTPUT), 0, BIT(OUTPUT), .elementwise = true},
    [SIGMOID_BACKWARD] = {"sigmoid backward", BIT(LOGITS) | BIT(UPSTREAM) | BIT(GRADIENT), 0, BIT(GRADIENT),
                          .elementwise = true},
    [LOG_SIGMOID_BACKWARD] = {"log-sigmoid backward", BIT(LOGITS) | BIT(UPSTREAM) | BIT(GRADIENT), 0, BIT(GRADIENT),
                              .elementwise = true},
};

int grid_function_now;
bool grid_shards;
void (*grid_check)(fuzz_problem *p, uint32_t written, int64_t begin, int64_t end, int64_t from, int64_t to);

static bool is_backward(int function) {
  return function == SOFTMAX_BACKWARD || function == LOG_SOFTMAX_BACKWARD || function == PARTS_OF_BACKWARD ||
         function == PARTS_OF_LOG_BACKWARD;
}
static bool is_log(int function) {
  return function == LOG_SOFTMAX || function == LOG_SOFTMAX_BACKWARD || function == PARTS_OF_LOG_BACKWARD;
}

/* All arrays of the call may be read. */
static void done(fuzz_problem *p, const char *what, xent_status status, uint32_t written, int64_t begin, int64_t end,
                 int64_t from, int64_t to) {
  settle(p, what, status, (fuzz_effect){(1u << ARRAYS) - 1, written, begin, end, from, to, true});
  if (grid_check && !status) grid_check(p, written, begin, end, from, to);
}

/* A range of classes as a call has it: of the whole tensor, or of a shard that holds no others. */
typedef struct {
  xent_shape shape;
  void *a[SLOTS];
  int64_t from, to;
} part;

static part part_of(const fuzz_problem *p, int64_t from, int64_t to) {
  part r = {.shape = p->shape, .from = from, .to = to};
  memcpy(r.a, p->address, sizeof r.a);
  if (!grid_shards) return r;
  r.shape.classes = to - from, r.shape.first_class = from, r.shape.all_classes = p->shape.classes;
  r.shape.top_count = 0, r.from = 0, r.to = to - from;
  for (int i = 0; i < ARRAYS; i++) {
    const xent_layout *l = layout_of_array(p, i);
    if (r.a[i] && (extent_of(p, i) == PER_CLASS || extent_of(p, i) == ONE_ROW))
      r.a[i] = (char *)r.a[i] + from * l->classes * (int64_t)size_of_type(l->type);
  }
  return r;
}

static xent_status write_output(fuzz_problem *p, int64_t begin, int64_t end, int64_t from, int64_t to,
                                const xent_statistics *known) {
  const part r = part_of(p, from, to);
  void *const *a = r.a;
  if (is_backward(grid_function_now))
    return run_at(
        on_classes(is_log(grid_function_now) ? XENT_FUNCTION_LOG_SOFTMAX_BACKWARD : XENT_FUNCTION_SOFTMAX_BACKWARD,
                   &r.shape, options_of(p), begin, end, r.from, r.to, report_of(p)),
        ARRAYS(a[OUTPUT], a[UPSTREAM], a[GRADIENT], a[CLASS_MASK], a[ROW_OFFSETS], known));
  return run_at(on_classes(is_log(grid_function_now) ? XENT_FUNCTION_LOG_SOFTMAX : XENT_FUNCTION_SOFTMAX, &r.shape,
                           options_of(p), begin, end, r.from, r.to, report_of(p)),
                ARRAYS(a[LOGITS], a[OUTPUT], a[CLASS_MASK], a[SINK], a[ROW_OFFSETS], known));
}

static xent_status gradient_of_statistics(fuzz_problem *p, int64_t begin, int64_t end, int64_t from, int64_t to) {
  const part r = part_of(p, from, to);
  void *const *a = r.a;
  return run_at(
      on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, &r.shape, options_of(p), begin, end, r.from, r.to, report_of(p)),
      ARRAYS(a[LOGITS], a[TARGETS], a[UPSTREAM], a[GRADIENT], a[TARGET_WEIGHTS], a[CLASS_MASK], a[CLASS_WEIGHTS],
             a[ROW_WEIGHTS], a[ROW_OFFSETS], statistics_of(p)));
}

/* With every output but the gradient, which comes from the statistics. */
static void all_of_cross_entropy(fuzz_problem *p, int64_t begin, int64_t end) {
  void *const *a = p->address;
  const uint32_t written = grid_functions[grid_function_now].written;
  const int64_t classes = p->shape.classes;
  const cross_entropy_arrays arrays = {
      .logits = a[LOGITS], .targets = a[TARGETS], .target_weights = a[TARGET_WEIGHTS], .row_offsets = a[ROW_OFFSETS],
      .class_mask = a[CLASS_MASK], .class_weights = a[CLASS_WEIGHTS], .row_weights = a[ROW_WEIGHTS], .sink = a[SINK],
      .losses = a[LOSSES], .log_sum_exp = a[LOG_SUM_EXP], .correct = a[CORRECT],
          .log_probabilities = a[LOG_PROBABILITIES],
      .argmax = a[ARGMAX], .ranks = a[RANKS], .entropies = a[ENTROPIES], .top_classes = a[TOP_CLASSES],
      .top_log_probabilities = a[TOP_LOG_PROBABILITIES], .target_gradient = a[TARGET_GRADIENT],
      .statistics = a[STATISTICS], .exact_sum = a[EXACT_SUM]};
  done(p, "cross-entropy", cross_entropy_of(shape_of(p), options_of(p), begin, end, &arrays, report_of(p)), written,
       begin, end, 0, classes);
  if (!a[GRADIENT]) return;
  done(p, "its gradient", gradient_of_statistics(p, begin, end, 0, classes), BIT(GRADIENT), begin, end, 0, classes);
  cross_entropy_arrays with_gradient = arrays;
  with_gradient.gradient = a[GRADIENT];
  done(p, "cross-entropy with its gradient",
       cross_entropy_of(shape_of(p), options_of(p), begin, end, &with_gradient, report_of(p)), written | BIT(GRADIENT),
       begin, end, 0, classes);
}

/* Without the gradient, which comes from the statistics, and with it. */
static void selected(fuzz_problem *p, int64_t begin, int64_t end) {
  void *const *a = p->address;
  const uint32_t written = grid_functions[SELECTED].written;
  const int64_t classes = p->shape.classes;
  for (int both = 0; both < 2; both++) {
    void *dx = both ? a[GRADIENT] : NULL;
    const xent_status status =
        run_at(on_rows(XENT_FUNCTION_SELECTED_LOG_PROBABILITIES, shape_of(p), options_of(p), begin, end, report_of(p)),
               ARRAYS(a[LOGITS], a[TARGETS], a[LOG_PROBABILITIES], dx, a[UPSTREAM], a[CLASS_MASK], a[SINK],
                      a[ROW_OFFSETS], statistics_of(p)));
    done(p, "selected log-probabilities", status, written | (both ? BIT(GRADIENT) : 0), begin, end, 0, classes);
    if (both || p->in_slot_of[GRADIENT] != GRADIENT) continue; /* in place the logits are needed once more */
    done(p, "their backward",
         run_at(
             on_rows(XENT_FUNCTION_SELECTED_LOG_PROBABILITIES_BACKWARD, shape_of(p), options_of(p), begin, end,
                     report_of(p)),
             ARRAYS(a[LOGITS], a[TARGETS], a[GRADIENT], a[UPSTREAM], a[CLASS_MASK], a[ROW_OFFSETS], statistics_of(p))),
         BIT(GRADIENT), begin, end, 0, classes);
  }
}

static int64_t end_of_chunk(const fuzz_problem *p, int64_t from) {
  return p->shape.classes - from > XENT_CHUNK ? from + XENT_CHUNK : p->shape.classes;
}

/* A shard's own states, one per row, go where those of the chunk are in the row. */
static xent_status states_of_part(fuzz_problem *p, int64_t begin, int64_t end, int64_t from, int64_t to,
                                  const xent_statistics *known) {
  enum { MOST_ROWS = 1 << 12 };
  static xent_state own[MOST_ROWS];
  const part r = part_of(p, from, to);
  void *const *a = r.a;
  xent_state *to_states = grid_shards ? own : states_of(p);
  if (end - begin > MOST_ROWS) fail("%lld rows of shards", (long long)(end - begin));
  const xent_status status =
      is_backward(grid_function_now)
          ? run_at(on_classes(XENT_FUNCTION_BACKWARD_STATES, &r.shape, options_of(p), begin, end, r.from, r.to,
                              report_of(p)),
                   ARRAYS(is_log(grid_function_now) ? NULL : a[OUTPUT], a[UPSTREAM], a[CLASS_MASK], to_states))
          : run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &r.shape, options_of(p), begin, end, r.from, r.to,
                              report_of(p)),
                   ARRAYS(a[LOGITS], a[TARGETS], a[CLASS_MASK], a[TARGET_WEIGHTS], a[CLASS_WEIGHTS], known, to_states));
  const int64_t chunks = xent_chunks(p->shape.classes);
  for (int64_t row = 0; grid_shards && !status && row < end - begin; row++)
    states_of(p)[row * chunks + from / XENT_CHUNK] = own[row];
  return status;
}

static bool states(fuzz_problem *p, int64_t begin, int64_t end, const xent_statistics *known) {
  for (int64_t from = 0, to; from < p->shape.classes; from = to) {
    to = end_of_chunk(p, from);
    const xent_status status = p->linear ? layer_states(p, begin, end, from, to, known)
                                         : states_of_part(p, begin, end, from, to, known);
    done(p, "states", status, BIT(STATES), begin, end, from, to);
    if (status) return false;
  }
  return true;
}

static bool finish(fuzz_problem *p, int64_t begin, int64_t end, int32_t second) {
  void *const *a = p->address;
  const xent_status status = run_at((function_call){.function = XENT_FUNCTION_FINISH,
                                                .shape = shape_of(p),
                                                .options = options_of(p),
                                                .choice = second,
                                                .report = report_of(p),
                                                .row_begin = begin,
                                                .row_end = end},
                                    ARRAYS(a[TARGETS], a[LOSSES], a[LOG_SUM_EXP], a[CORRECT], a[CLASS_WEIGHTS],
                                           a[ROW_WEIGHTS], a[SINK], states_of(p), statistics_of(p), exact_sum_of(p)));
  done(p, "finish", status, PLAIN_OUTPUTS | BIT(CORRECT), begin, end, 0, p->shape.classes);
  return status == XENT_OK;
}

/* Of hidden states, then of weights and bias, of two ranges of classes. */
static void gradients_of_layer(fuzz_problem *p, int64_t begin, int64_t end, bool logits) {
  const uint32_t of_rows = BIT(HIDDEN_GRADIENT), of_classes = BIT(WEIGHTS_GRADIENT) | BIT(BIAS_GRADIENT);
  const int64_t classes = p->shape.classes, middle = classes / 3;
  done(p, "gradient of hidden states", layer_backward(p, begin, end, 0, classes, of_rows, logits), of_rows, begin, end,
       0, classes);
  done(p, "gradients of classes", layer_backward(p, begin, end, 0, middle, of_classes, logits), of_classes, begin, end,
       0, middle);
  done(p, "gradients of classes", layer_backward(p, begin, end, middle, classes, of_classes, logits), of_classes,
       begin, end, middle, classes);
}

/* Without the gradients, which come from the statistics and from logits that were written, and with them. */
static void all_of_layer(fuzz_problem *p, int64_t begin, int64_t end) {
  const uint32_t written = grid_functions[grid_function_now].written;
  const int64_t classes = p->shape.classes;
  done(p, "linear cross-entropy", layer_forward(p, begin, end, false), written & ~LAYER_GRADIENTS, begin, end, 0,
       classes);
  gradients_of_layer(p, begin, end, true);
  done(p, "linear cross-entropy with gradients", layer_forward(p, begin, end, true), written, begin, end, 0, classes);
}

static void parts(fuzz_problem *p, int64_t begin, int64_t end) {
  if (!states(p, begin, end, NULL) || !finish(p, begin, end, 0)) return;
  if (report_of(p)->unfinished > 0 && (!states(p, begin, end, statistics_of(p)) || !finish(p, begin, end, 1))) return;
  const uint32_t written = grid_functions[grid_function_now].written;
  if (p->linear) {
    gradients_of_layer(p, begin, end, false);
    return;
  }
  for (int64_t from = 0, to; from < p->shape.classes; from = to) {
    to = end_of_chunk(p, from);
    const xent_status status = p->address[TARGETS] ? gradient_of_statistics(p, begin, end, from, to)
                                                   : write_output(p, begin, end, from, to, statistics_of(p));
    done(p, grid_functions[grid_function_now].name, status, written, begin, end, from, to);
    if (status) return;
  }
}

static void exact_sum(fuzz_problem *p, int64_t begin, int64_t end) {
  const xent_layout *l = &p->shape.logits;
  const unsigned char *row = p->address[LOGITS];
  const int64_t size = l->type == XENT_F64 ? 8 : 4;
  xent_status status = XENT_OK;
  for (int64_t i = begin; i < end && !status; i++)
    status = xent_exact_sum_add(exact_sum_of(p), row + i * l->outer * size, l->type, l->classes, p->shape.classes);
  done(p, "exact_sum", status, BIT(EXACT_SUM), begin, end, 0, p->shape.classes);
  const xent_exact_sum other = *exact_sum_of(p);
  done(p, "exact_sum", xent_exact_sum_merge(exact_sum_of(p), &other), BIT(EXACT_SUM), begin, end, 0, p->shape.classes);
  const double sum = xent_exact_sum_value(exact_sum_of(p));
  if (sum != sum && !(exact_sum_of(p)->nan || (exact_sum_of(p)->positive_infinity &&
                                               exact_sum_of(p)->negative_infinity)))
    fail("an exact sum of numbers has the sum NaN");
}

void grid_call(fuzz_problem *p, int64_t begin, int64_t end) {
  static const int32_t divergences[] = {XENT_FUNCTION_KL_DIVERGENCE, XENT_FUNCTION_JENSEN_SHANNON_DIVERGENCE,
                                        XENT_FUNCTION_TOTAL_VARIATION};
  void *const *a = p->address;
  const grid_function *f = &grid_functions[grid_function_now];
  const int64_t classes = p->shape.classes;
  xent_status status;
  switch (grid_function_now) {
    case SOFTMAX: case LOG_SOFTMAX: case SOFTMAX_BACKWARD: case LOG_SOFTMAX_BACKWARD:
      status = write_output(p, begin, end, 0, classes, NULL);
      break;
    case LSE:
      status = run_at(on_rows(XENT_FUNCTION_LOG_SUM_EXP, shape_of(p), options_of(p), begin, end, report_of(p)),
                      ARRAYS(a[LOGITS], a[LOG_SUM_EXP], a[CLASS_MASK], a[SINK], a[ROW_OFFSETS]));
      break;
    case LOSSES_ALONE: case LABELS_WITH_GRADIENT: case PROBABILITIES_WITH_GRADIENT:
      status = cross_entropy_of(shape_of(p), options_of(p), begin, end, &(cross_entropy_arrays){.logits = a[LOGITS],
                                .targets = a[TARGETS], .losses = a[LOSSES], .log_sum_exp = a[LOG_SUM_EXP],
                                .correct = a[CORRECT], .gradient = a[GRADIENT], .statistics = statistics_of(p),
                                .exact_sum = exact_sum_of(p)}, report_of(p));
      break;
    case DIVERGENCE:
      status =
          run_at(on_rows(divergences[p->seed % 3], shape_of(p), options_of(p), begin, end, report_of(p)),
                 ARRAYS(a[LOGITS], a[TEACHER], a[LOSSES], a[GRADIENT], a[CLASS_MASK], a[ROW_WEIGHTS], exact_sum_of(p)));
      break;
    case HVP:
      status =
          run_at(on_rows(XENT_FUNCTION_CROSS_ENTROPY_HVP, shape_of(p), options_of(p), begin, end, report_of(p)),
                 ARRAYS(a[LOGITS], a[UPSTREAM], a[OUTPUT], a[CLASS_MASK], a[ROW_WEIGHTS], a[SINK], a[ROW_OFFSETS]));
      break;
    case BINARY_OF_LABELS: case BINARY_OF_NUMBERS:
      status = run_at(on_rows(XENT_FUNCTION_BINARY_CROSS_ENTROPY, shape_of(p), options_of(p), begin, end, report_of(p)),
                      ARRAYS(a[LOGITS], a[TARGETS], a[LOSSES], a[GRADIENT], a[ROW_WEIGHTS], a[SINK], exact_sum_of(p)));
      break;
    case SAMPLE:
      status = run_at((function_call){.function = XENT_FUNCTION_SAMPLE,
                                  .shape = shape_of(p),
                                  .options = options_of(p),
                                  .sampling = a[SAMPLING],
                                  .choice = p->sampling_per_row,
                                  .report = report_of(p),
                                  .row_begin = begin,
                                  .row_end = end,
                                  .workspace_size = p->workspace_size},
                      ARRAYS(a[LOGITS], a[TOKENS], a[CLASS_MASK], a[BIAS], a[PROMPT_TOKENS], a[OUTPUT_TOKENS],
                             a[PROCESSED_LOG_PROBABILITIES], a[KEPT], a[KEPT_MASK], a[LOG_PROBABILITIES], a[RANKS],
                             a[ENTROPIES], a[TOP_CLASSES], a[TOP_LOG_PROBABILITIES], a[WORKSPACE],
                             a[BIAS_TOKENS], a[BIAS_VALUES], a[DRAFT_TOKENS], a[DRAFT_PROBABILITIES]));
      break;
    case SIGMOID: case LOG_SIGMOID:
      status = run_at(on_rows(grid_function_now == SIGMOID ? XENT_FUNCTION_SIGMOID : XENT_FUNCTION_LOG_SIGMOID,
                              shape_of(p), options_of(p), begin, end, report_of(p)),
                      ARRAYS(a[LOGITS], a[OUTPUT]));
      break;
    case SIGMOID_BACKWARD: case LOG_SIGMOID_BACKWARD:
      status = run_at(on_rows(grid_function_now == SIGMOID_BACKWARD ? XENT_FUNCTION_SIGMOID_BACKWARD
                                                                    : XENT_FUNCTION_LOG_SIGMOID_BACKWARD,
                              shape_of(p), options_of(p), begin, end, report_of(p)),
                      ARRAYS(a[LOGITS], a[UPSTREAM], a[GRADIENT]));
      break;
    case CHECK_LABELS: case CHECK_SPARSE:
      status = run_at(on_rows(XENT_FUNCTION_CHECK_TARGETS, shape_of(p), options_of(p), begin, end, report_of(p)),
                      ARRAYS(a[TARGETS], a[TARGET_WEIGHTS], a[CLASS_MASK], a[CLASS_WEIGHTS], a[ROW_WEIGHTS],
                             a[ROW_OFFSETS], exact_sum_of(p)));
      break;
    case EXACT_SUM_OF_VALUES: exact_sum(p, begin, end); return;
    case SELECTED: selected(p, begin, end); return;
    case PARTS_OF_SOFTMAX: case PARTS_OF_LABELS: case PARTS_OF_PROBABILITIES: case PARTS_OF_SPARSE:
    case PARTS_OF_BACKWARD: case PARTS_OF_LOG_BACKWARD: case PARTS_OF_LAYER: parts(p, begin, end); return;
    case LAYER_OF_LABELS: case LAYER_OF_PROBABILITIES: case LAYER_OF_SPARSE: all_of_layer(p, begin, end); return;
    default: all_of_cross_entropy(p, begin, end); return;
  }
  done(p, f->name, status, f->written, begin, end, 0, classes);
}

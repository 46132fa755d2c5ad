/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every function whose results the contract programs have, in both arithmetics, against these, bit by bit: random
 * points of the grid (grid.c) with options, counts and contents of every kind, whole and in parts, in place and beside,
 * between pages without access. The scalar instruction set is compared with the contract programs, the others with it.
 * Usage: contract_test [POINTS [SEED]]
 */
#define _DEFAULT_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "arrays.h"
#include "contract/binary.h"
#include "contract/contract.h"
#include "contract/f64.h"
#include "contract/hvp.h"
#include "contract/selected.h"
#include "contract/sigmoid.h"
#include "elements.h"
#include "grid.h"

static grid_point now;
static long long compared;
static xent_exact_sum sum; /* of the losses so far */

/* ---- the numbers of a row ---- */

/* Results of a row, of its classes or of its entries; all as doubles. */
typedef struct {
  double loss, log_sum_exp, correct, log_probability, argmax, rank, entropy;
  double *softmax, *log_softmax, *gradient, *target_gradient, *top, *top_values, *selected;
  bool ignored;
} answer;

/* The inputs of a row. */
typedef struct {
  int64_t n, entries, top, *classes; /* classes: of the entries; -1: none */
  double *x, *y, *dy, *teacher, *q, *weights, *upstream;
  uint8_t *mask; /* or NULL */
  bool has_sink, has_row_weight, has_class_weights;
  double sink, row_weight;
  int64_t label;
} inputs;

static bool has(const fuzz_problem *p, int index) { return p->address[index]; }

static array before_call(const fuzz_problem *p, int index) {
  return (array){.data = p->slots[p->in_slot_of[index]].initial, .layout = *layout_of_array(p, index)};
}
static double number(const fuzz_problem *p, int index, int64_t row, int64_t k) {
  const array a = before_call(p, index);
  return get_number(&a, element_of(p, index, row, k));
}
static double number_or(const fuzz_problem *p, int index, int64_t row, int64_t k, double other) {
  return has(p, index) ? number(p, index, row, k) : other;
}

static void *room(int64_t count) { return must_allocate((size_t)count * sizeof(double)); }
static double *numbers(const fuzz_problem *p, int index, int64_t row, int64_t count) {
  double *x = room(count + 1);
  for (int64_t k = 0; has(p, index) && k < count; k++) x[k] = number(p, index, row, k);
  return x;
}
static float *as_floats(const double *x, int64_t count) {
  float *f = room(count + 1);
  for (int64_t k = 0; k < count; k++) f[k] = (float)x[k];
  return f;
}

static bool is_ignored_class(const fuzz_problem *p, double class) {
  return p->options.has_ignore_index && class == (double)p->options.ignore_index;
}

static inputs inputs_of(const fuzz_problem *p, int64_t row, int targets) {
  inputs in = {.n = p->ragged ? row_offset(p, row + 1) - row_offset(p, row) : p->shape.classes,
               .entries = targets == SPARSE ? (p->shape.target_count ? p->shape.target_count : 1) : 0,
               .top = p->shape.top_count};
  in.x = numbers(p, LOGITS, row, in.n), in.y = numbers(p, OUTPUT, row, in.n);
  in.teacher = numbers(p, TEACHER, row, in.n), in.weights = numbers(p, CLASS_WEIGHTS, row, in.n);
  in.dy = extent_of(p, UPSTREAM) == PER_CLASS ? numbers(p, UPSTREAM, row, in.n) : room(1);
  in.q = targets == DENSE ? numbers(p, TARGETS, row, in.n) : numbers(p, TARGET_WEIGHTS, row, in.entries);
  in.upstream = room(in.entries + 1), in.classes = room(in.entries + 1);
  for (int64_t j = 0; j < in.entries; j++) {
    const double class = number(p, TARGETS, row, j);
    in.classes[j] = is_ignored_class(p, class) ? -1 : (int64_t)class;
    if (p->selected) in.upstream[j] = number_or(p, UPSTREAM, row, j, 1);
  }
  in.mask = has(p, CLASS_MASK) ? room(in.n / 8 + 2) : NULL;
  for (int64_t k = 0; in.mask && k < in.n; k++) in.mask[k] = number(p, CLASS_MASK, row, k) != 0;
  in.has_sink = has(p, SINK), in.has_row_weight = has(p, ROW_WEIGHTS);
  in.has_class_weights = has(p, CLASS_WEIGHTS);
  in.sink = number_or(p, SINK, row, 0, 0), in.row_weight = number_or(p, ROW_WEIGHTS, row, 0, 1);
  if (targets == LABEL) in.label = (int64_t)number(p, TARGETS, row, 0);
  return in;
}
static void free_inputs(inputs *in) {
  void *const all[] = {in->x, in->y, in->dy, in->teacher, in->q, in->weights, in->upstream, in->classes, in->mask};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

/* ---- the contract programs ---- */

static void widen(const float *from, double *to, int64_t count) {
  for (int64_t k = 0; k < count; k++) to[k] = (double)from[k];
}

static f64_problem wide_row(const fuzz_problem *p, const inputs *in, int targets) {
  const xent_options *o = &p->options;
  return (f64_problem){.classes = in->n, .x = in->x, .mask = in->mask, .has_sink = in->has_sink, .sink = in->sink,
                       .class_weights = in->has_class_weights ? in->weights : NULL,
                       .has_row_weight = in->has_row_weight, .row_weight = in->row_weight,
                       .masked_zero = o->fully_masked, .others = o->smoothing, .softcap = o->softcap,
                       .temperature = o->temperature, .eps = targets ? o->label_smoothing : 0, .z_loss = o->z_loss,
                       .clamp = o->probability_clamp, .gamma = o->focal_gamma, .scale = scale_of(o),
                       .targets = targets, .label = in->label, .q = in->q, .entries = in->entries,
                       .entry = in->classes, .top = in->top};
}

/* with: an upstream gradient, or NULL. */
static void expect_wide(const fuzz_problem *p, const inputs *in, int targets, const double *with, answer *a) {
  f64_problem q = wide_row(p, in, targets);
  int64_t *top = room(in->top + 1);
  f64_answer out = {.softmax = a->softmax, .log_softmax = a->log_softmax, .gradient = a->gradient,
                    .target_gradient = a->target_gradient, .top_values = a->top_values, .top_classes = top};
  if (with) q.scale *= (in->has_row_weight ? in->row_weight : 1), q.scale *= *with, q.has_row_weight = false;
  if (p->selected) {
    const selection s = {in->entries, in->classes, in->upstream, q.scale};
    f64_contract_selected(&q, &s, &out, a->selected);
  } else if (p->hessian) {
    f64_contract_hvp(&q, in->dy, &out, a->gradient);
  } else if (a->ignored) {
    out.log_sum_exp = out.log_probability = out.entropy = NAN;
    out.argmax = out.rank = -1;
    memset(a->gradient, 0, (size_t)in->n * sizeof(double));
    memset(a->target_gradient, 0, (size_t)(in->n + in->entries) * sizeof(double));
    for (int64_t j = 0; j < in->top; j++) top[j] = -1, a->top_values[j] = NAN;
  } else {
    f64_contract_row(&q, &out);
  }
  a->loss = out.loss, a->log_sum_exp = out.log_sum_exp, a->correct = out.hit, a->entropy = out.entropy;
  a->log_probability = out.log_probability, a->argmax = (double)out.argmax, a->rank = (double)out.rank;
  for (int64_t j = 0; j < in->top; j++) a->top[j] = (double)top[j];
  free(top);
}

static void expect_narrow(const fuzz_problem *p, const inputs *in, int targets, const double *with, answer *a) {
  const xent_options *o = &p->options;
  const int64_t count = in->n + in->entries + 1;
  float *x = as_floats(in->x, in->n), *q = as_floats(in->q, targets == DENSE ? in->n : 0), *f = room(4 * count);
  float *dy = as_floats(in->dy, p->hessian ? in->n : 0), *selected = room(in->entries + 1);
  int64_t *top = room(count);
  const double *target_weights = targets == SPARSE ? in->q : NULL;
  general_input row = {.n = in->n, .logits = x, .mask = in->mask, .softcap = o->softcap,
                       .temperature = o->temperature, .has_sink = in->has_sink, .sink = (float)in->sink,
                       .masked_is_zero = o->fully_masked, .others = o->smoothing, .targets = targets,
                       .has_ignore = o->has_ignore_index, .ignore = targets == SPARSE ? -1 : o->ignore_index,
                       .label = in->label, .q = q, .count = in->entries, .classes = in->classes,
                       .probabilities = target_weights, .weights = in->has_class_weights ? in->weights : NULL,
                       .row_weight = in->row_weight, .has_row_weight = in->has_row_weight,
                       .eps = targets ? o->label_smoothing : 0, .z_loss = o->z_loss, .gamma = o->focal_gamma,
                       .clamp = o->probability_clamp};
  general_output out = {.softmax = f, .log_softmax = f + count, .gradient = f + 2 * count,
                        .target_gradient = f + 3 * count, .top_values = f + 4 * count, .scratch = f + 5 * count,
                        .top = top};
  row.target_scale = row.scale = p->hessian || p->selected ? scale_of(o) : scale_of(o) * in->row_weight;
  if (with) row.scale *= *with;
  if (p->selected) {
    const selection s = {in->entries, in->classes, in->upstream, row.scale};
    contract_selected(&row, &s, &out, selected);
    widen(selected, a->selected, in->entries);
  } else if (p->hessian) {
    contract_hvp(&row, dy, &out, f + 2 * count);
  } else {
    contract_general_row(&row, &out);
  }
  widen(out.softmax, a->softmax, in->n), widen(out.log_softmax, a->log_softmax, in->n);
  widen(out.gradient, a->gradient, in->n);
  widen(out.target_gradient, a->target_gradient, targets == SPARSE ? in->entries : in->n);
  a->loss = (double)out.loss, a->log_sum_exp = (double)(targets ? out.lse : out.softmax_lse), a->correct = out.hit;
  a->log_probability = (double)out.log_probability, a->argmax = (double)out.argmax, a->rank = (double)out.rank;
  a->entropy = (double)out.entropy;
  const double none = out.ignored || out.lse != out.lse ? (double)NAN : -(double)INFINITY;
  for (int64_t j = 0; j < in->top; j++) {
    a->top[j] = j < in->n ? (double)top[j] : -1;
    a->top_values[j] = j < in->n ? (double)out.top_values[j] : none;
  }
  free(x), free(q), free(f), free(dy), free(selected), free(top);
}

static bool is_log(void) { return now.function == LOG_SOFTMAX_BACKWARD || now.function == PARTS_OF_LOG_BACKWARD; }
static bool is_backward(void) {
  return is_log() || now.function == SOFTMAX_BACKWARD || now.function == PARTS_OF_BACKWARD;
}

static void expect_backward(const fuzz_problem *p, const inputs *in, bool wide, answer *a) {
  const double heat = p->options.temperature;
  if (wide) {
    f64_contract_backward(in->y, in->dy, in->mask, in->n, is_log(), heat, a->gradient);
    return;
  }
  float *y = as_floats(in->y, in->n), *dy = as_floats(in->dy, in->n), *dx = room(in->n + 1);
  contract_backward(y, dy, in->mask, (size_t)in->n, is_log(), heat, dx);
  widen(dx, a->gradient, in->n);
  free(y), free(dy), free(dx);
}

static void expect_divergence(const fuzz_problem *p, const inputs *in, answer *a) {
  static const int kinds[] = {F64_KULLBACK_LEIBLER, F64_JENSEN_SHANNON, F64_TOTAL_VARIATION};
  const double weight = in->row_weight;
  memset(a->gradient, 0, (size_t)in->n * sizeof(double));
  a->loss = 0;
  if (weight == 0) return;
  a->loss = weight * f64_contract_divergence(kinds[p->seed % 3], in->teacher, in->x, in->mask, in->n,
                                             p->options.temperature, p->options.fully_masked,
                                             scale_of(&p->options) * weight, a->gradient);
}

static bool is_wide(const fuzz_problem *p) {
  return layout_of_array(p, is_backward() ? OUTPUT : LOGITS)->type == XENT_F64;
}

static answer new_answer(const inputs *in) {
  const int64_t n = in->n + in->entries + 1;
  double *all = room(7 * n + 2 * in->top);
  return (answer){.softmax = all, .log_softmax = all + n, .gradient = all + 2 * n, .target_gradient = all + 3 * n,
                  .selected = all + 4 * n, .top = all + 5 * n, .top_values = all + 5 * n + in->top};
}

static answer expect_row(const fuzz_problem *p, const inputs *in, int targets, const double *with) {
  answer a = new_answer(in);
  a.ignored = !p->selected && !p->hessian &&
              ((in->has_row_weight && in->row_weight == 0) ||
               (targets == LABEL && is_ignored_class(p, (double)in->label)));
  if (is_backward())
    expect_backward(p, in, is_wide(p), &a);
  else if (now.function == DIVERGENCE)
    expect_divergence(p, in, &a);
  else
    (is_wide(p) ? expect_wide : expect_narrow)(p, in, targets, with, &a);
  return a;
}

/* ---- comparing ---- */

static void expect(const fuzz_problem *p, int index, int64_t row, int64_t k, double value) {
  const array a = {.data = p->address[index], .layout = *layout_of_array(p, index)};
  const int64_t at = element_of(p, index, row, k);
  compared++;
  if (!has_bits_of(&a, at, value))
    fail("%s: array %d, row %lld, %lld is %a, not %a", grid_functions[now.function].name, index, (long long)row,
         (long long)k, get_number(&a, at), value);
}
static void expect_all(const fuzz_problem *p, int index, int64_t row, int64_t from, int64_t to, const double *values) {
  for (int64_t k = from; k < to; k++) expect(p, index, row, k, values[k]);
}

static void add_to_sum(const fuzz_problem *p, double loss) {
  const float narrow = (float)loss;
  const bool wide = is_wide(p) || now.function == DIVERGENCE;
  xent_exact_sum_add(&sum, wide ? (const void *)&loss : &narrow, wide ? XENT_F64 : XENT_F32, 1, 1);
}
static void check_sum(const fuzz_problem *p, uint32_t written) {
  if (!(written & BIT(EXACT_SUM)) || !p->address[EXACT_SUM]) return;
  compared++;
  if (memcmp(p->address[EXACT_SUM], &sum, sizeof sum))
    fail("%s: the sum is %a, not %a", grid_functions[now.function].name, xent_exact_sum_value(p->address[EXACT_SUM]),
         xent_exact_sum_value(&sum));
}

static void check_elements(const fuzz_problem *p, int64_t begin, int64_t end) {
  const xent_options *o = &p->options;
  const binary_options c = {o->focal_alpha, o->focal_gamma, scale_of(o)};
  const bool wide = is_wide(p), sigmoid = now.function >= SIGMOID, labels = now.function == BINARY_OF_LABELS,
             log = now.function == LOG_SIGMOID || now.function == LOG_SIGMOID_BACKWARD,
             backward = now.function >= SIGMOID_BACKWARD;
  int64_t counted = 0;
  for (int64_t row = begin; row < end; row++)
    for (int64_t k = 0; k < p->shape.classes; k++) {
      const double x = number(p, LOGITS, row, k), dy = number_or(p, UPSTREAM, row, k, 0), heat = o->temperature;
      if (sigmoid) {
        const double narrow = backward ? (double)contract_sigmoid_backward((float)x, (float)dy, heat, log)
                                       : (double)contract_sigmoid((float)x, heat, log);
        const double v = !wide      ? narrow
                         : backward ? contract_sigmoid_backward_f64(x, dy, heat, log)
                                    : contract_sigmoid_f64(x, heat, log);
        expect(p, backward ? GRADIENT : OUTPUT, row, k, v);
        continue;
      }
      double t = number(p, TARGETS, row, k), w = number_or(p, ROW_WEIGHTS, row, k, 1), loss, gradient;
      const double positive = number_or(p, SINK, row, k, 1);
      if (labels && is_ignored_class(p, t)) w = 0;
      if (labels && t != 1) t = 0;
      if (wide) {
        contract_binary_f64(&c, x, t, w, positive, &loss, &gradient);
      } else {
        float l, g;
        contract_binary(&c, (float)x, (float)t, (float)w, (float)positive, &l, &g);
        loss = (double)l, gradient = (double)g;
      }
      if (has(p, LOSSES)) expect(p, LOSSES, row, k, loss);
      if (has(p, GRADIENT)) expect(p, GRADIENT, row, k, gradient);
      add_to_sum(p, loss);
      counted += w != 0;
    }
  const xent_report report = report_read(p);
  if (!sigmoid && p->address[REPORT] && (report.valid_rows != counted || report.denominator != (double)counted))
    fail("counted elements");
}

static int targets_of(const fuzz_problem *p) {
  const grid_function *f = &grid_functions[now.function];
  if (!has(p, TARGETS)) return NO_TARGETS;
  return f->sparse ? SPARSE : f->probabilities ? DENSE : LABEL;
}

/* The results of a row that a call has written, of classes from `from` up to `to`. */
static void check_row(const fuzz_problem *p, uint32_t written, int64_t row, int64_t from, int64_t to, const inputs *in,
                      int targets, const answer *a) {
  const struct {
    int index;
    double value;
  } per_row[] = {{LOSSES, a->loss}, {LOG_SUM_EXP, a->log_sum_exp}, {CORRECT, a->correct},
                 {LOG_PROBABILITIES, a->log_probability}, {ARGMAX, a->argmax}, {RANKS, a->rank},
                 {ENTROPIES, a->entropy}};
  const int64_t last = to < in->n ? to : in->n;
#define IS_WRITTEN(index) (written & BIT(index) && has(p, index))
  for (size_t i = 0; i < sizeof per_row / sizeof *per_row; i++)
    if (IS_WRITTEN(per_row[i].index) && !(p->selected && per_row[i].index == LOG_PROBABILITIES))
      expect(p, per_row[i].index, row, 0, per_row[i].value);
  const bool log = now.function == LOG_SOFTMAX;
  if (IS_WRITTEN(OUTPUT))
    expect_all(p, OUTPUT, row, from, last, p->hessian ? a->gradient : log ? a->log_softmax : a->softmax);
  if (IS_WRITTEN(GRADIENT)) expect_all(p, GRADIENT, row, from, last, a->gradient);
  if (IS_WRITTEN(TARGET_GRADIENT))
    expect_all(p, TARGET_GRADIENT, row, 0, targets == SPARSE ? in->entries : in->n, a->target_gradient);
  if (IS_WRITTEN(TOP_CLASSES)) expect_all(p, TOP_CLASSES, row, 0, in->top, a->top);
  if (IS_WRITTEN(TOP_LOG_PROBABILITIES)) expect_all(p, TOP_LOG_PROBABILITIES, row, 0, in->top, a->top_values);
  if (p->selected && IS_WRITTEN(LOG_PROBABILITIES)) expect_all(p, LOG_PROBABILITIES, row, 0, in->entries, a->selected);
}

static void check(fuzz_problem *p, uint32_t written, int64_t begin, int64_t end, int64_t from, int64_t to) {
  const xent_options *o = p->address[OPTIONS];
  if (o->isa != XENT_ISA_SCALAR || written == BIT(STATES)) return;
  const bool parts = now.function >= PARTS_OF_SOFTMAX && now.function < LAYER_OF_LABELS;
  if (parts && report_read(p).unfinished) return; /* the first round */
  if (p->elementwise) {
    check_elements(p, begin, end);
    check_sum(p, written);
    return;
  }
  const int targets = p->selected ? SPARSE : targets_of(p);
  const bool later = written == BIT(GRADIENT) && targets && !p->selected;
  int64_t counted = 0;
  for (int64_t row = begin; row < end; row++) {
    inputs in = inputs_of(p, row, targets);
    const double upstream = later && has(p, UPSTREAM) ? number(p, UPSTREAM, row, 0) : 1;
    answer a = expect_row(p, &in, targets, later ? &upstream : NULL);
    check_row(p, written, row, from, to, &in, targets, &a);
    counted += !a.ignored;
    if (written & BIT(EXACT_SUM)) add_to_sum(p, a.loss);
    free(a.softmax), free_inputs(&in);
  }
  check_sum(p, written);
  if (!parts && !later && targets && !p->selected && p->address[REPORT] && report_read(p).valid_rows != counted)
    fail("%s: counted rows", grid_functions[now.function].name);
}

/* ---- points ---- */

static void call(fuzz_problem *p, int64_t begin, int64_t end) {
  if (begin == p->row_begin) sum = xent_empty_exact_sum();
  grid_call(p, begin, end);
}

static void say_where(int number_of_signal) {
  char text[300];
  const int n =
      snprintf(text, sizeof text, "ended at: %s, types %d, layout %d, %lld classes, place %d, seed %llu\n",
               grid_functions[now.function].name, now.types, now.layout, (long long)now.classes, now.place,
               (unsigned long long)now.seed);
  signal(number_of_signal, SIG_DFL);
  if (write(2, text, (unsigned)n) == n) raise(number_of_signal);
}

static int64_t any_class_count(int function, random_source *r) {
  static const int64_t counts[] = {127,  128,  129,  255,  256,  1000, 1023, 1024,  1025,
                                   1151, 1153, 2047, 8191, 8192, 8193, 9000, 16384, 16385};
  const bool parts = function >= PARTS_OF_SOFTMAX && function < LAYER_OF_LABELS;
  const double u = parts && random_below(r, 3) == 0 ? 1 : random_unit(r);
  if (u == 1) return XENT_CHUNK * (1 + random_below(r, 2)) - 2 + random_below(r, 5);
  return u < 0.7 ? 1 + random_below(r, 60) : u < 0.9 ? 1 + random_below(r, 1200) : counts[random_below(r, 18)];
}

static bool has_contract(int function) {
  return function != SAMPLE && (function < LAYER_OF_LABELS || function >= SIGMOID);
}

int main(int argc, char **argv) {
  const long points = argc > 1 ? strtol(argv[1], NULL, 10) : 5000;
  random_source r = {argc > 2 ? strtoull(argv[2], NULL, 10) : 1};
  if (points < 1) {
    fprintf(stderr, "usage: contract_test [POINTS [SEED]], POINTS at least 1\n");
    return 2;
  }
  signal(SIGSEGV, say_where);
  signal(SIGABRT, say_where);
  grid_check = check;
  fuzz_problem *p = the_problem();
  for (long done = 0; done < points;) {
    const int function = (int)random_below(&r, FUNCTIONS);
    now = (grid_point){.function = function, .types = (int)random_below(&r, TYPES),
                       .layout = (int)random_below(&r, LAYOUTS), .classes = any_class_count(function, &r),
                       .seed = random_bits(&r), .at_end = random_below(&r, 2), .wider = true};
    now.place = random_below(&r, 3) ? BESIDE : IN_PLACE + (int)random_below(&r, 2);
    now.shift = random_below(&r, 2) ? 0 : random_below(&r, 64);
    if (!has_contract(now.function) || !grid_problem(p, &now)) continue;
    run_on_every_tier(p, call, now.function < PARTS_OF_SOFTMAX || now.function >= SIGMOID);
    if (calls_so_far().accepted < calls_so_far().made)
      fail("a lawful call was refused: %s, %s", xent_status_message(settled()), xent_field_name(report_read(p).field));
    done++;
  }
  printf("%lld calls at %ld points, %lld values compared with the contract programs, none differs\n",
         calls_so_far().made, points, compared);
  return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows that are computed side by side, against the contract program row by row: every number of rows around the
 * size of a block, ordinary rows, rows of every kind and ignored ones at every place of it, rows apart, in place,
 * labels of every type, a label out of range in the middle. Prints how many values were compared and how many differ.
 * Usage: blocks_test [ROUNDS]
 */
#include "calls.h"
#include "contract/contract.h"
#include "rows.h"
#include "tiers.h"

enum { MOST_ROWS = 40, MOST_CLASSES = 1100, PAD = 3, IGNORED = -7 };
static const float untouched = 12345.0f;

typedef struct {
  int64_t n, rows, stride;
  float *x, *y, *forward, *upstream, *scratch;
  float *softmax, *log_softmax, *gradient, *scaled; /* expected, rows x n */
  int64_t label[MOST_ROWS];
  int kind[MOST_ROWS];
  float lse[MOST_ROWS], loss[MOST_ROWS], ce_lse[MOST_ROWS], weight[MOST_ROWS];
  uint8_t hit[MOST_ROWS];
  double scale;
} problem;

static int64_t compared, differing;
static const char *tier_name;

static void compare(const problem *p, const char *what, int64_t row, const float *got, const float *want, int64_t n) {
  compared += n;
  if (!memcmp(got, want, (size_t)n * sizeof *got)) return;
  for (int64_t i = 0; i < n; i++)
    if (memcmp(got + i, want + i, sizeof *got) && differing++ < 20)
      fprintf(stderr, "%s %s: row %lld of %lld (%s), %lld classes, value %lld: %a instead of %a\n", tier_name, what,
              (long long)row, (long long)p->rows, row_kind_names[p->kind[row]], (long long)p->n, (long long)i,
              (double)got[i], (double)want[i]);
}
static void compare_rows(const problem *p, const char *what, const float *got, const float *want) {
  for (int64_t i = 0; i < p->rows; i++) compare(p, what, i, got + i * p->stride, want + i * p->n, p->n);
}

static uint8_t is_hit(const float *x, int64_t n, int64_t label) {
  for (int64_t i = 0; i < n; i++)
    if (!(x[i] < INFINITY) || !(x[label] > -INFINITY) || (i < label ? x[i] >= x[label] : x[i] > x[label])) return 0;
  return 1;
}

/* plain: ordinary rows alone, none of them ignored, so that whole blocks go the shortest way. */
static void fill(problem *p, bool plain, random_source *r) {
  const float nan = float_of(0x7fc00000u);
  for (int64_t i = 0; i < p->rows; i++) {
    float *x = p->x + i * p->stride;
    p->kind[i] = plain || random_unit(r) < 0.6 ? 0 : (int)random_below(r, ROW_KINDS);
    fill_row(x, p->n, p->kind[i], r);
    p->label[i] = random_below(r, p->n);
    p->weight[i] = random_unit(r) < 0.1 ? 0.0f : random_normal(r);
    contract_softmax(x, (size_t)p->n, p->softmax + i * p->n, p->scratch);
    contract_log_softmax(x, (size_t)p->n, p->log_softmax + i * p->n, &p->lse[i], p->scratch);
    contract_cross_entropy(x, (size_t)p->n, (size_t)p->label[i], p->scale * (double)p->weight[i], &p->loss[i],
                           p->scaled + i * p->n, &p->ce_lse[i], p->scratch);
    contract_cross_entropy(x, (size_t)p->n, (size_t)p->label[i], p->scale, &p->loss[i], p->gradient + i * p->n,
                           &p->ce_lse[i], p->scratch);
    p->hit[i] = is_hit(x, p->n, p->label[i]);
    if (plain || random_unit(r) < 0.75) continue;
    p->label[i] = IGNORED;
    p->loss[i] = 0;
    p->ce_lse[i] = nan;
    p->hit[i] = 0;
    for (int64_t k = 0; k < p->n; k++) p->gradient[i * p->n + k] = p->scaled[i * p->n + k] = 0;
  }
}

static void put_labels(const problem *p, int32_t type, void *labels) {
  for (int64_t i = 0; i < p->rows; i++) switch (type) {
      case XENT_I8: ((int8_t *)labels)[i] = (int8_t)p->label[i]; break;
      case XENT_I16: ((int16_t *)labels)[i] = (int16_t)p->label[i]; break;
      case XENT_I32: ((int32_t *)labels)[i] = (int32_t)p->label[i]; break;
      default: ((int64_t *)labels)[i] = p->label[i];
    }
}

static xent_shape shape_of(const problem *p, int32_t type) {
  xent_shape s = dense_shape_of(p->rows, p->n, 1, type);
  s.logits.outer = s.output.outer = s.gradient.outer = p->stride;
  s.upstream = s.losses;
  return s;
}

/* The place of results: a copy of the logits, or y. The bytes after each row must not change. */
static const float *input_of(const problem *p, bool in_place) {
  const size_t floats = (size_t)(p->rows * p->stride);
  for (size_t i = 0; i < floats; i++) p->y[i] = in_place ? p->x[i] : untouched;
  return in_place ? p->y : p->x;
}
static void check_gaps(const problem *p, const char *what, bool in_place) {
  for (int64_t i = 0; i < p->rows; i++)
    for (int64_t k = p->n; k < p->stride; k++)
      compare(p, what, i, p->y + i * p->stride + k, in_place ? p->x + i * p->stride + k : &untouched, 1);
}

static void test_softmax(const problem *p, const xent_options *o, bool in_place) {
  const xent_shape s = shape_of(p, XENT_I32);
  float lse[MOST_ROWS];
  must(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &s, o, 0, p->rows, 0, p->n, NULL), ARRAYS(input_of(p, in_place), p->y)),
       "softmax");
  compare_rows(p, "softmax", p->y, p->softmax);
  check_gaps(p, "behind softmax", in_place);
  must(run_at(on_classes(XENT_FUNCTION_LOG_SOFTMAX, &s, o, 0, p->rows, 0, p->n, NULL),
              ARRAYS(input_of(p, in_place), p->y)),
       "log-softmax");
  compare_rows(p, "log-softmax", p->y, p->log_softmax);
  check_gaps(p, "behind log-softmax", in_place);
  must(run_at(on_rows(XENT_FUNCTION_LOG_SUM_EXP, &s, o, 0, p->rows, NULL), ARRAYS(p->x, lse)), "log-sum-exp");
  for (int64_t i = 0; i < p->rows; i++) compare(p, "log-sum-exp", i, lse + i, p->lse + i, 1);
}

static void test_labels(const problem *p, const xent_options *o, int32_t type, bool in_place) {
  const xent_shape s = shape_of(p, type);
  int64_t labels[MOST_ROWS];
  float losses[MOST_ROWS], lse[MOST_ROWS];
  uint8_t correct[MOST_ROWS];
  xent_statistics statistics[MOST_ROWS];
  xent_exact_sum exact_sum = xent_empty_exact_sum(), want = xent_empty_exact_sum();
  xent_report report = {.size = sizeof report};
  put_labels(p, type, labels);
  must(cross_entropy_of(&s, o, 0, p->rows, &(cross_entropy_arrays){.logits = input_of(p, in_place),
                        .targets = labels, .losses = losses, .log_sum_exp = lse, .correct = correct, .gradient = p->y,
                        .statistics = statistics, .exact_sum = &exact_sum}, &report),
       "cross-entropy");
  compare_rows(p, "gradient", p->y, p->gradient);
  check_gaps(p, "behind the gradient", in_place);
  must(xent_exact_sum_add(&want, p->loss, XENT_F32, 1, p->rows), "exact_sum");
  int64_t counted = 0;
  for (int64_t i = 0; i < p->rows; i++) {
    compare(p, "loss", i, losses + i, p->loss + i, 1);
    compare(p, "log-sum-exp of cross-entropy", i, lse + i, p->ce_lse + i, 1);
    const float hit = correct[i], wanted = p->hit[i];
    compare(p, "hit", i, &hit, &wanted, 1);
    counted += p->label[i] != IGNORED;
  }
  compared += 2;
  differing += memcmp(&exact_sum, &want, sizeof exact_sum) != 0;
  differing += counted != report.valid_rows;
  must(cross_entropy_of(&s, o, 0, p->rows, &(cross_entropy_arrays){.logits = p->x, .targets = labels,
                        .losses = losses}, NULL), "losses");
  for (int64_t i = 0; i < p->rows; i++) compare(p, "loss alone", i, losses + i, p->loss + i, 1);
  must(run_at(on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, &s, o, 0, p->rows, 0, p->n, NULL),
              ARRAYS(input_of(p, in_place), labels, p->weight, p->y, NULL, NULL, NULL, NULL, NULL, statistics)),
       "backward");
  compare_rows(p, "gradient from statistics", p->y, p->scaled);
  check_gaps(p, "behind the gradient", in_place);
}

/* onto: what the gradient overwrites: 0 nothing, 1 the output, 2 the upstream gradient */
static void test_backward(const problem *p, const xent_options *o, bool log, int onto, random_source *r) {
  xent_shape s = shape_of(p, XENT_I32);
  s.upstream = s.output;
  const size_t floats = (size_t)(p->rows * p->stride);
  float *y = p->forward, *g = p->upstream, *dx = onto == 0 ? p->y : onto == 1 ? y : g;
  for (size_t i = 0; i < floats; i++) {
    y[i] = log ? -4 * fabsf(random_normal(r)) : (float)random_unit(r);
    g[i] = random_normal(r) * (random_unit(r) < 0.01 ? 1e37f : 1.0f);
    p->y[i] = untouched;
  }
  for (int64_t i = 0; i < p->rows; i++) {
    float *row = y + i * p->stride, *up = g + i * p->stride;
    const int64_t k = random_below(r, p->n);
    switch (random_below(r, 12)) {
      case 0: row[k] = NAN; break;
      case 1: up[k] = INFINITY; break;
      case 2: row[k] = log ? -INFINITY : 0; break;
      case 3: up[k] = -3e38f; break;
      case 4: for (int64_t c = 0; c < p->n; c++) up[c] = -0.0f; break;
      default: break;
    }
    contract_backward(row, up, NULL, (size_t)p->n, log, 0, p->scratch + i * p->n);
  }
  must(run_at(on_classes(log ? XENT_FUNCTION_LOG_SOFTMAX_BACKWARD : XENT_FUNCTION_SOFTMAX_BACKWARD, &s, o, 0, p->rows,
                         0, p->n, NULL),
              ARRAYS(y, g, dx)),
       "backward");
  compare_rows(p, log ? "log-softmax backward" : "softmax backward", dx, p->scratch);
}

/* Rows before a label out of range are written; the rows from it on are unchanged. */
static void test_bad_label(const problem *p, const xent_options *o, random_source *r) {
  const xent_shape s = shape_of(p, XENT_I32);
  const int64_t bad = random_below(r, p->rows);
  int64_t labels[MOST_ROWS];
  float losses[MOST_ROWS];
  xent_report report = {.size = sizeof report};
  put_labels(p, XENT_I32, labels);
  ((int32_t *)labels)[bad] = (int32_t)p->n;
  for (int64_t i = 0; i < p->rows; i++) losses[i] = untouched;
  const xent_status status = cross_entropy_of(&s, o, 0, p->rows, &(cross_entropy_arrays){
                                              .logits = input_of(p, false), .targets = labels, .losses = losses,
                                              .gradient = p->y}, &report);
  compared += 2;
  differing += status != XENT_INVALID_LABEL || report.row != bad;
  differing += report.label != p->n;
  for (int64_t i = 0; i < p->rows; i++) {
    compare(p, "loss beside a bad label", i, losses + i, i < bad ? p->loss + i : &untouched, 1);
    for (int64_t k = 0; k < p->n; k++)
      compare(p, "gradient beside a bad label", i, p->y + i * p->stride + k,
              i < bad ? p->gradient + i * p->n + k : &untouched, 1);
  }
}

int main(int argc, char **argv) {
  const int rounds = argc > 1 ? atoi(argv[1]) : 6;
  if (rounds < 1) {
    fprintf(stderr, "usage: blocks_test [ROUNDS], at least 1\n");
    return 2;
  }
  static const double scales[] = {1.0, -1.0 / 3, 1e-38, 1e30, 0.0};
  static const int32_t types[] = {XENT_I8, XENT_I16, XENT_I32, XENT_I64};
  const size_t room = (size_t)MOST_ROWS * (MOST_CLASSES + PAD) * sizeof(float);
  enum { LINE = 16 };
  float *results = must_allocate(room + LINE * sizeof(float));
  problem p = {.x = must_allocate(room), .scratch = must_allocate(room),
               .softmax = must_allocate(room), .log_softmax = must_allocate(room), .gradient = must_allocate(room),
               .scaled = must_allocate(room), .forward = must_allocate(room), .upstream = must_allocate(room)};
  random_source r = {5};
  for (int64_t n = 1; n <= MOST_CLASSES; n += n < 140 ? 1 : 61)
    for (int round = 0; round < rounds; round++) {
      p.n = n;
      p.rows = 1 + random_below(&r, MOST_ROWS);
      p.stride = n + (round % 3 == 2 ? PAD : 0);
      p.y = results + (round % 2 ? random_below(&r, LINE) : 0); /* streaming stores need whole lines */
      p.scale = scales[random_below(&r, (int64_t)(sizeof scales / sizeof *scales))];
      memset(p.x, 0, room);
      fill(&p, round % 2, &r);
      const int32_t type = n > 127 ? XENT_I64 : types[random_below(&r, 4)];
      for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa)) {
        xent_options o = xent_default_options();
        tier_name = xent_isa_name(isa);
        o.isa = isa;
        o.gradient_scale = stored_scale(p.scale);
        o.has_ignore_index = 1;
        o.ignore_index = IGNORED;
        for (int in_place = 0; in_place < 2; in_place++) {
          test_softmax(&p, &o, in_place);
          test_labels(&p, &o, type, in_place);
        }
        test_bad_label(&p, &o, &r);
        for (int onto = 0; onto < 3; onto++)
          for (int log = 0; log < 2; log++) {
            random_source same = {(uint64_t)(n * 64 + round)};
            test_backward(&p, &o, log, onto, &same);
          }
      }
    }
  float *const allocated[] = {p.x,        results,  p.scratch, p.softmax, p.log_softmax,
                              p.gradient, p.scaled, p.forward, p.upstream};
  for (size_t i = 0; i < sizeof allocated / sizeof *allocated; i++) free(allocated[i]);
  printf("%lld values compared, %lld differ\n", (long long)compared, (long long)differing);
  return differing != 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bits of every instruction set against the contract program: class counts 1 to 300 and around every boundary,
 * rows of every kind, batches, offsets, in place, every axis, rows and classes in parts.
 * Prints the number of values that were compared and the number that differ.
 * Usage: bits_test [STEP]   every STEP-th class count; 1 unless told
 */
#include "calls.h"
#include "contract/contract.h"
#include "rows.h"
#include "tiers.h"

enum { MAX_ROWS = 5 };

typedef struct {
  int64_t n, rows;
  int kind;
  float *x;                                /* rows x n, dense */
  float *softmax, *log_softmax, *gradient; /* expected */
  float lse[MAX_ROWS], ce_lse[MAX_ROWS], loss[MAX_ROWS];
  int64_t label[MAX_ROWS];
  double scale;
} expectation;

static int64_t compared, differing;
static const char *tier_name;

static void compare(const expectation *e, const char *what, const float *got, const float *want, int64_t n) {
  compared += n;
  if (!memcmp(got, want, (size_t)n * sizeof *got)) return;
  for (int64_t i = 0; i < n; i++) {
    uint32_t a, b;
    memcpy(&a, got + i, 4);
    memcpy(&b, want + i, 4);
    if (a != b && differing++ < 20)
      fprintf(stderr, "%s %s: %lld classes, %s, value %lld: %08x %a instead of %08x %a\n", tier_name, what,
              (long long)e->n, row_kind_names[e->kind], (long long)i, a, (double)got[i], b, (double)want[i]);
  }
}

static void expect(expectation *e, float *scratch, random_source *r) {
  for (int64_t i = 0; i < e->rows; i++) {
    float *x = e->x + i * e->n;
    fill_row(x, e->n, e->kind, r);
    e->label[i] = random_below(r, e->n);
    contract_softmax(x, (size_t)e->n, e->softmax + i * e->n, scratch);
    contract_log_softmax(x, (size_t)e->n, e->log_softmax + i * e->n, &e->lse[i], scratch);
    contract_cross_entropy(x, (size_t)e->n, (size_t)e->label[i], e->scale, &e->loss[i],
                           e->gradient + i * e->n, &e->ce_lse[i], scratch);
  }
}

/* A tensor that holds the rows in some layout, with `pad` unused elements where strides allow. */
typedef struct {
  xent_shape shape;
  int64_t offset; /* of the first element: alignment */
  float *x, *y;
  float losses[MAX_ROWS], lse[MAX_ROWS];
} tensor;

static float *element(const tensor *t, float *base, int64_t row, int64_t class) {
  const xent_layout *l = &t->shape.logits;
  return base + t->offset + row / t->shape.inner * l->outer + row % t->shape.inner * l->inner + class * l->classes;
}

static void put(const tensor *t, const expectation *e, float *base) {
  for (int64_t r = 0; r < e->rows; r++)
    for (int64_t i = 0; i < e->n; i++) *element(t, base, r, i) = e->x[r * e->n + i];
}

static void check_rows(const tensor *t, const expectation *e, const char *what, float *base, const float *want,
                       float *gathered) {
  for (int64_t r = 0; r < e->rows; r++)
    for (int64_t i = 0; i < e->n; i++) gathered[r * e->n + i] = *element(t, base, r, i);
  compare(e, what, gathered, want, e->rows * e->n);
}

static xent_options options_of(int32_t isa, double scale) {
  xent_options o = xent_default_options();
  o.isa = isa;
  o.gradient_scale = stored_scale(scale);
  return o;
}

/* Whole rows, the row range cut at `cut`. */
static void whole_rows(tensor *t, const expectation *e, const xent_options *o, int64_t cut, bool in_place,
                       float *gathered) {
  float *out = in_place ? t->x : t->y;
  float *x = t->x + t->offset, *y = out + t->offset;
  const int64_t begin[2] = {0, cut}, end[2] = {cut, e->rows};
  put(t, e, t->x);
  for (int p = 0; p < 2; p++)
    must(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &t->shape, o, begin[p], end[p], 0, e->n, NULL), ARRAYS(x, y)),
         "softmax");
  check_rows(t, e, "softmax", out, e->softmax, gathered);
  put(t, e, t->x);
  for (int p = 0; p < 2; p++)
    must(run_at(on_classes(XENT_FUNCTION_LOG_SOFTMAX, &t->shape, o, begin[p], end[p], 0, e->n, NULL), ARRAYS(x, y)),
         "log-softmax");
  check_rows(t, e, "log-softmax", out, e->log_softmax, gathered);
  put(t, e, t->x);
  for (int p = 0; p < 2; p++)
    must(run_at(on_rows(XENT_FUNCTION_LOG_SUM_EXP, &t->shape, o, begin[p], end[p], NULL), ARRAYS(x, t->lse)),
         "log-sum-exp");
  compare(e, "log-sum-exp", t->lse, e->lse, e->rows);
  for (int p = 0; p < 2; p++)
    must(cross_entropy_of(&t->shape, o, begin[p], end[p], &(cross_entropy_arrays){.logits = x, .targets = e->label,
                          .losses = t->losses, .log_sum_exp = t->lse, .gradient = y}, NULL),
         "cross-entropy");
  check_rows(t, e, "gradient", out, e->gradient, gathered);
  compare(e, "loss", t->losses, e->loss, e->rows);
  compare(e, "cross-entropy log-sum-exp", t->lse, e->ce_lse, e->rows);
  put(t, e, t->x);
  must(cross_entropy_of(&t->shape, o, 0, e->rows, &(cross_entropy_arrays){.logits = x, .targets = e->label,
                        .losses = t->losses}, NULL),
       "loss alone");
  compare(e, "loss alone", t->losses, e->loss, e->rows);
}

/* Each row in a separate call: single short rows have a separate path. */
static void rows_alone(tensor *t, const expectation *e, const xent_options *o, bool in_place, float *gathered) {
  float *out = in_place ? t->x : t->y;
  float *x = t->x + t->offset, *y = out + t->offset;
  put(t, e, t->x);
  for (int64_t r = 0; r < e->rows; r++)
    must(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &t->shape, o, r, r + 1, 0, e->n, NULL), ARRAYS(x, y)), "softmax");
  check_rows(t, e, "softmax of a row", out, e->softmax, gathered);
  put(t, e, t->x);
  for (int64_t r = 0; r < e->rows; r++)
    must(run_at(on_classes(XENT_FUNCTION_LOG_SOFTMAX, &t->shape, o, r, r + 1, 0, e->n, NULL), ARRAYS(x, y)),
         "log-softmax");
  check_rows(t, e, "log-softmax of a row", out, e->log_softmax, gathered);
  put(t, e, t->x);
  for (int64_t r = 0; r < e->rows; r++)
    must(run_at(on_rows(XENT_FUNCTION_LOG_SUM_EXP, &t->shape, o, r, r + 1, NULL), ARRAYS(x, t->lse)), "log-sum-exp");
  compare(e, "log-sum-exp of a row", t->lse, e->lse, e->rows);
  put(t, e, t->x);
  for (int64_t r = 0; r < e->rows; r++)
    must(cross_entropy_of(&t->shape, o, r, r + 1, &(cross_entropy_arrays){.logits = x, .targets = e->label,
                          .losses = t->losses}, NULL),
         "loss of a row");
  compare(e, "loss of a row", t->losses, e->loss, e->rows);
  for (int64_t r = 0; r < e->rows; r++)
    must(cross_entropy_of(&t->shape, o, r, r + 1, &(cross_entropy_arrays){.logits = x, .targets = e->label,
                          .losses = t->losses, .log_sum_exp = t->lse, .gradient = y}, NULL),
         "cross-entropy of a row");
  check_rows(t, e, "gradient of a row", out, e->gradient, gathered);
  compare(e, "loss and gradient of a row", t->losses, e->loss, e->rows);
  compare(e, "log-sum-exp of a row", t->lse, e->ce_lse, e->rows);
}

/* First pass over class ranges, in two parts cut at `cut`, the later part first. */
static void states_in_parts(tensor *t, const expectation *e, const xent_options *o, int64_t cut,
                            const int64_t *labels, xent_state *states, xent_statistics *statistics) {
  const float *x = t->x + t->offset;
  xent_report report = {.size = sizeof report};
  for (int round = 0; round < 2; round++) {
    const xent_statistics *known = round ? statistics : NULL;
    must(run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &t->shape, o, 0, e->rows, cut, e->n, NULL),
                ARRAYS(x, labels, NULL, NULL, NULL, known, states)),
         "states");
    must(run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &t->shape, o, 0, e->rows, 0, cut, NULL),
                ARRAYS(x, labels, NULL, NULL, NULL, known, states)),
         "states");
    must(run_at((function_call){.function = XENT_FUNCTION_FINISH,
                            .shape = &t->shape,
                            .options = o,
                            .choice = round,
                            .report = &report,
                            .row_begin = 0,
                            .row_end = e->rows},
                ARRAYS(labels, labels ? t->losses : NULL, t->lse, NULL, NULL, NULL, NULL, states, statistics)),
         "finish");
    if (!report.unfinished) return;
  }
  fprintf(stderr, "rows are not finished after two rounds\n");
  exit(1);
}

/* What is kept of the rows is the same too, to the last bit of its doubles. */
static void check_statistics(tensor *t, const expectation *e, const xent_options *o, const xent_statistics *got) {
  xent_statistics whole[MAX_ROWS];
  must(cross_entropy_of(&t->shape, o, 0, e->rows, &(cross_entropy_arrays){.logits = t->x + t->offset,
                        .targets = e->label, .statistics = whole}, NULL),
       "statistics");
  compared += e->rows;
  for (int64_t r = 0; r < e->rows; r++)
    if (memcmp(&whole[r], &got[r], sizeof whole[r]) && differing++ < 20)
      fprintf(stderr, "%s: %lld classes, %s: the statistics of parts are not those of the whole row\n", tier_name,
              (long long)e->n, row_kind_names[e->kind]);
}

static void classes_in_parts(tensor *t, const expectation *e, const xent_options *o, bool in_place,
                             float *gathered, random_source *r) {
  const int64_t chunks = xent_chunks(e->n), cut = random_below(r, chunks) * XENT_CHUNK;
  xent_state *states = must_allocate((size_t)(chunks * e->rows) * sizeof *states);
  xent_statistics statistics[MAX_ROWS];
  float *out = in_place ? t->x : t->y;
  float *x = t->x + t->offset, *y = out + t->offset;
  const int64_t begin[2] = {0, cut}, end[2] = {cut, e->n};

  put(t, e, t->x);
  states_in_parts(t, e, o, cut, NULL, states, statistics);
  compare(e, "log-sum-exp in parts", t->lse, e->lse, e->rows);
  for (int p = 0; p < 2; p++)
    must(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &t->shape, o, 0, e->rows, begin[p], end[p], NULL),
                ARRAYS(x, y, NULL, NULL, NULL, statistics)),
         "softmax");
  check_rows(t, e, "softmax in parts", out, e->softmax, gathered);
  put(t, e, t->x);
  for (int p = 1; p >= 0; p--)
    must(run_at(on_classes(XENT_FUNCTION_LOG_SOFTMAX, &t->shape, o, 0, e->rows, begin[p], end[p], NULL),
                ARRAYS(x, y, NULL, NULL, NULL, statistics)),
         "log-softmax");
  check_rows(t, e, "log-softmax in parts", out, e->log_softmax, gathered);

  put(t, e, t->x);
  states_in_parts(t, e, o, cut, e->label, states, statistics);
  compare(e, "loss in parts", t->losses, e->loss, e->rows);
  check_statistics(t, e, o, statistics);
  for (int p = 0; p < 2; p++)
    must(run_at(on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, &t->shape, o, 0, e->rows, begin[p], end[p], NULL),
                ARRAYS(x, e->label, NULL, y, NULL, NULL, NULL, NULL, NULL, statistics)),
         "backward");
  check_rows(t, e, "gradient in parts", out, e->gradient, gathered);
  free(states);
}

static void set_layout(tensor *t, xent_layout l) { t->shape.logits = t->shape.output = t->shape.gradient = l; }

static tensor tensor_of(const expectation *e, int layout, random_source *r, float *x, float *y) {
  const int64_t n = e->n, rows = e->rows;
  tensor t = {.x = x, .y = y, .offset = random_below(r, 16)};
  switch (layout) {
    case 0: t.shape = dense_shape(rows, n, 1); break;
    case 1: t.shape = dense_shape(1, n, rows); break; /* axis first */
    case 2: /* axis in the middle, padded */
      t.shape = dense_shape(1, n, rows);
      set_layout(&t, layout_of(n * (rows + 2), rows + 2, 1, XENT_F32));
      break;
    default: /* rows further apart than they are long */
      t.shape = dense_shape(rows, n, 1);
      set_layout(&t, layout_of(n + 5, 1, 1, XENT_F32));
  }
  return t;
}

static void test_case(expectation *e, int32_t isa, random_source *r, float *x, float *y, float *gathered) {
  const xent_options o = options_of(isa, e->scale);
  for (int layout = 0; layout < 4; layout++) {
    if (e->n > 40000 && layout % 3) continue;
    for (int in_place = 0; in_place < 2; in_place++) {
      tensor t = tensor_of(e, layout, r, x, y);
      whole_rows(&t, e, &o, random_below(r, e->rows + 1), in_place, gathered);
      if (e->n <= 300) rows_alone(&t, e, &o, in_place, gathered);
      if (layout == 0 || e->n > XENT_CHUNK) classes_in_parts(&t, e, &o, in_place, gathered, r);
    }
  }
}

int main(int argc, char **argv) {
  const int step = argc > 1 ? atoi(argv[1]) : 1, share = argc > 2 ? atoi(argv[2]) : 1;
  if (step < 1 || share < 1) {
    fprintf(stderr, "usage: bits_test [STEP [SHARE]]: every STEP-th number of classes; of these the scalar tier, which"
                    " is much slower, one in SHARE\n");
    return 2;
  }
  static const int64_t boundaries[] = {383,  384,  385,   511,   512,   513,   640,   1000,  1023,  1024,
                                       1025, 1151, 1152,  1153,  2000,  4096,  8191,  8192,  8193,  9216,
                                       9217, 16383, 16384, 16385, 20000, 32000, 65537, 128256, 256000};
  static const double scales[] = {1.0, 0.25, -1.0 / 3, 1e-30, 1e-38, 3e-45, 1e30, 0.0};
  const int64_t largest = 256000, room = MAX_ROWS * (largest + 16) + 64;
  float *x = must_allocate((size_t)room * 4), *y = must_allocate((size_t)room * 4);
  float *gathered = must_allocate((size_t)room * 4), *scratch = must_allocate((size_t)room * 4);
  expectation e = {.x = must_allocate((size_t)room * 4),
                   .softmax = must_allocate((size_t)room * 4),
                   .log_softmax = must_allocate((size_t)room * 4),
                   .gradient = must_allocate((size_t)room * 4)};
  random_source r = {20260101};
  enum { CHUNK_COUNT = 300 + 17 }; /* where a row is one whole chunk: never left out */
  const int counts = 300 + (int)(sizeof boundaries / sizeof *boundaries);
  for (int c = CHUNK_COUNT % step; c < counts; c += step)
    for (int kind = 0; kind < ROW_KINDS; kind++) {
      e.n = c < 300 ? c + 1 : boundaries[c - 300];
      if (e.n > 40000 && kind % 3 && kind != 16) continue;
      e.rows = e.n > 40000 ? 1 : 1 + random_below(&r, MAX_ROWS);
      e.kind = kind;
      e.scale = scales[random_below(&r, (int64_t)(sizeof scales / sizeof *scales))];
      expect(&e, scratch, &r);
      for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa)) {
        if (isa == XENT_ISA_SCALAR && (c + kind) % share) continue;
        tier_name = xent_isa_name(isa);
        test_case(&e, isa, &r, x, y, gathered);
      }
    }
  float *const allocated[] = {x, y, gathered, scratch, e.x, e.softmax, e.log_softmax, e.gradient};
  for (size_t i = 0; i < sizeof allocated / sizeof *allocated; i++) free(allocated[i]);
  printf("contract");
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa)) printf(" = %s", xent_isa_name(isa));
  printf(": %lld values compared, %lld differ\n", (long long)compared, (long long)differing);
  return differing != 0;
}

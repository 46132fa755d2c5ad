/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time per element of every operation and tier, beside memcpy of the logits' bytes, in one run: the ratio
 * counts. Operations take turns, so that a drift of the machine's speed meets them all.
 * Usage: bench [--free-order] [ROUNDS]
 *   --free-order   instead: rows longer than a chunk, beside tiers that add in float in any order and promise
 *                  no bits; what is lost to them is what the bit contract costs
 */
#define _POSIX_C_SOURCE 200809L
#include "timing.h"

#include "calls.h"
#include "rows.h"

#if defined(BENCH_FREE_ORDER)
int bench_free_order(int rounds);
#else
static int bench_free_order(int rounds) {
  (void)rounds;
  fprintf(stderr, "no vector tier here\n");
  return 2;
}
#endif

enum { MAX_ENTRIES = 16, MAX_ROUNDS = BENCH_MAX_ROUNDS };

typedef struct {
  float *x, *y, *g, *losses;
  int32_t *labels;
  xent_shape shape;
  int64_t rows, classes;
} problem;

typedef struct {
  const char *name;
  int32_t isa;
  void (*run)(const problem *p, const xent_options *o);
  int64_t repeats;
  double times[MAX_ROUNDS];
} entry;

static void run_memcpy(const problem *p, const xent_options *o) {
  (void)o;
  memcpy(p->y, p->x, (size_t)(p->rows * p->classes) * sizeof(float));
}
static void run_softmax(const problem *p, const xent_options *o) {
  must(xent_softmax_forward(&p->shape, o, 0, p->rows, 0, p->classes, p->x, NULL, NULL, NULL, NULL, p->y, NULL), "softmax");
}
static void run_log_softmax(const problem *p, const xent_options *o) {
  must(xent_log_softmax_forward(&p->shape, o, 0, p->rows, 0, p->classes, p->x, NULL, NULL, NULL, NULL, p->y, NULL), "log-softmax");
}
static void run_softmax_backward(const problem *p, const xent_options *o) {
  must(xent_softmax_backward(&p->shape, o, 0, p->rows, 0, p->classes, p->x, p->g, NULL, NULL, NULL, p->y, NULL), "backward");
}
static void run_cross_entropy(const problem *p, const xent_options *o) {
  const xent_cross_entropy_arrays a = {.logits = p->x, .targets = p->labels, .losses = p->losses};
  must(xent_cross_entropy(&p->shape, o, 0, p->rows, &a, NULL), "cross-entropy");
}
static void run_loss_and_gradient(const problem *p, const xent_options *o) {
  const xent_cross_entropy_arrays a = {
      .logits = p->x, .targets = p->labels, .losses = p->losses, .gradient = p->y};
  must(xent_cross_entropy(&p->shape, o, 0, p->rows, &a, NULL), "loss and gradient");
}

static void time_once(entry *e, const problem *p, int round) {
  xent_options o = xent_default_options();
  o.isa = e->isa;
  o.gradient_scale = 1.0 / (double)p->rows;
  e->run(p, &o); /* what ran before left its own data in the caches */
  const double begin = now();
  for (int64_t i = 0; i < e->repeats; i++) e->run(p, &o);
  e->times[round] = (now() - begin) / (double)e->repeats;
}

static int list_entries(entry *entries) {
  static const entry operations[] = {{.name = "softmax", .run = run_softmax},
                                     {.name = "log-softmax", .run = run_log_softmax},
                                     {.name = "softmax backward", .run = run_softmax_backward},
                                     {.name = "cross-entropy", .run = run_cross_entropy},
                                     {.name = "loss and gradient", .run = run_loss_and_gradient}};
  int count = 0;
  entries[count++] = (entry){.name = "memcpy", .run = run_memcpy};
  for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
    for (int32_t isa = xent_best_isa(); isa >= XENT_ISA_SCALAR; isa--) {
      entries[count] = operations[i];
      entries[count++].isa = isa;
    }
  return count;
}

static void bench(int64_t rows, int64_t classes, int rounds, problem p) {
  static entry entries[MAX_ENTRIES];
  const int count = list_entries(entries);
  p.rows = rows;
  p.classes = classes;
  p.shape = xent_dense_shape(rows, classes, 1, XENT_I32);
  random_source r = {1};
  for (int64_t i = 0; i < rows; i++) {
    fill_row(p.x + i * classes, classes, 0, &r);
    fill_row(p.g + i * classes, classes, 0, &r);
    p.labels[i] = (int32_t)random_below(&r, classes);
  }
  for (int k = 0; k < count; k++) {
    entries[k].repeats = 1;
    time_once(&entries[k], &p, 0);
    time_once(&entries[k], &p, 0);
    entries[k].repeats = 1 + (int64_t)(0.002 / entries[k].times[0]);
  }
  for (int round = 0; round < rounds; round++)
    for (int k = 0; k < count; k++) time_once(&entries[k], &p, round);
  double copy = 0;
  for (int k = 0; k < count; k++) {
    qsort(entries[k].times, (size_t)rounds, sizeof(double), by_time);
    const double median = entries[k].times[rounds / 2] * 1e9 / (double)(rows * classes);
    if (k == 0) copy = median;
    printf("%7lld x %-7lld %-18s %-7s %8.4f ns per element %7.2f x memcpy\n", (long long)rows, (long long)classes,
           entries[k].name, k ? xent_isa_name(entries[k].isa) : "", median, median / copy);
  }
}

int main(int argc, char **argv) {
  const int free_order = argc > 1 && !strcmp(argv[1], "--free-order");
  const long rounds = argc > 1 + free_order ? strtol(argv[1 + free_order], NULL, 10) : 11;
  if (rounds < 1 || rounds > MAX_ROUNDS) {
    fprintf(stderr, "usage: bench [--free-order] [ROUNDS], 1 to %d\n"
                    "  --free-order   what the fixed order of sums costs, on rows longer than a chunk\n",
            MAX_ROUNDS);
    return 2;
  }
  if (free_order) return bench_free_order((int)rounds);
  static const int64_t shapes[][2] = {{64, 10}, {64, 1000}, {1024, 1000}, {64, 128256}};
  const size_t room = (size_t)64 * 128256 * sizeof(float);
  problem p = {.x = must_allocate(room), .y = must_allocate(room), .g = must_allocate(room),
               .losses = must_allocate(1024 * sizeof(float)), .labels = must_allocate(1024 * sizeof(int32_t))};
  memset(p.y, 0, room);
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) bench(shapes[i][0], shapes[i][1], (int)rounds, p);
  return 0;
}

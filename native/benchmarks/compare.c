/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compares two builds of libxent.so in one process: the time of the new build over that of the old one, per plain call
 * and shape. The calls alternate. The builds may have different headers: see XENT_OLD in CMakeLists.txt.
 * The load address of a library changes its speed by some percent. Each build is therefore loaded several times, in
 * alternating order, and the result is the median over the placements.
 */
#define _GNU_SOURCE /* memfd_create */
#include "timing.h"

#include "adapter.h"
#include "calls.h"
#include "loaded.h"
#include "rows.h"

typedef struct {
  const plain_call *call;
  any_function *function;
  plain_problem p;
} library_call;

typedef struct {
  const char *name;
  int64_t outer, classes, inner;
} named_shape;

static const named_shape usual_shapes[] = {{"1x10", 1, 10, 1},
              {"1x100", 1, 100, 1},
              {"1x1000", 1, 1000, 1},
              {"64x10", 64, 10, 1},
              {"100000x10", 100000, 10, 1},
              {"10000x100", 10000, 100, 1},
              {"1000x256", 1000, 256, 1},
              {"64x1000", 64, 1000, 1},
              {"1024x1000", 1024, 1000, 1},
              {"64x128256", 64, 128256, 1},
              {"2x64x56x56@1", 2, 64, 56 * 56},
              {"2x19x512x1024@1", 2, 19, 512 * 1024}};

enum { PLACEMENTS = 5, MAX_SHAPES = 256 };

/* A list of shapes such as "64x1025,2x64x3136@1". @1 means that the class axis is axis 1. */
static int parse_shapes(char *list, named_shape *shapes) {
  int count = 0;
  for (char *name = strtok(list, ","); name; name = strtok(NULL, ",")) {
    named_shape s = {.name = name, .inner = 1};
    long long outer, classes, inner = 1;
    const int sizes = sscanf(name, "%lldx%lldx%lld", &outer, &classes, &inner);
    const bool images = sizes == 3, known = sizes >= 2 && images == (strstr(name, "@1") != NULL);
    if (!known || outer < 1 || classes < 1 || inner < 1 || count == MAX_SHAPES) {
      fprintf(stderr, "compare: %s is no shape such as 64x1000 or 2x64x3136@1, or there are more than %d\n", name,
              MAX_SHAPES);
      exit(2);
    }
    s.outer = outer, s.classes = classes, s.inner = inner;
    shapes[count++] = s;
  }
  return count;
}

static void run_library(const void *of) {
  const library_call *c = of;
  const int status = c->call->run(c->function, &c->p);
  if (!status) return;
  fprintf(stderr, "%s: status %d\n", c->call->operation, status);
  exit(1);
}

static library_call ready_call(const adapter *a, void *library, int operation, const plain_problem *p) {
  library_call c = {.call = &a->calls[operation], .p = *p};
  find_function(library, c.call->symbol, &c.function);
  a->prepare(&c.p);
  return c;
}

int main(int argc, char **argv) {
  const char *tier = argc > 3 ? argv[3] : "best", *wanted = argc > 4 ? argv[4] : "";
  const int rounds = argc > 5 ? (int)strtol(argv[5], NULL, 10) : 11;
  if (argc < 3 || rounds < 1 || rounds > BENCH_MAX_ROUNDS) {
    fprintf(stderr, "usage: compare OLD_LIBXENT.so NEW_LIBXENT.so [TIER [CASES [ROUNDS [SHAPES]]]]\n"
                    "  CASES: those whose `operation shape` has this text in it; \"\": all\n"
                    "  SHAPES: others than the usual, such as 64x1024,64x1025,2x64x3136@1\n");
    return 2;
  }
  named_shape shapes[MAX_SHAPES];
  size_t count_of_shapes = sizeof usual_shapes / sizeof *usual_shapes;
  if (argc > 6)
    count_of_shapes = (size_t)parse_shapes(argv[6], shapes);
  else
    memcpy(shapes, usual_shapes, sizeof usual_shapes);
  void *libraries[PLACEMENTS][2];
  for (int i = 0; i < PLACEMENTS; i++) {
    const int first = i % 2; /* 0: the new build, which comes first in its pair */
    libraries[i][first] = open_copy(argv[2 - first]);
    libraries[i][!first] = open_copy(argv[1 + first]);
  }
  size_t most = 0, most_rows = 0;
  for (size_t i = 0; i < count_of_shapes; i++) {
    const size_t rows = (size_t)(shapes[i].outer * shapes[i].inner), count = rows * (size_t)shapes[i].classes;
    if (count > most) most = count;
    if (rows > most_rows) most_rows = rows;
  }
  float *x = must_allocate(most * sizeof(float)), *g = must_allocate(most * sizeof(float)),
        *y = must_allocate(most * sizeof(float)), *losses = must_allocate(most_rows * sizeof(float));
  int32_t *labels = must_allocate(most_rows * sizeof(int32_t));
  random_source r = {1};
  fill_row(x, (int64_t)most, 0, &r);
  fill_row(g, (int64_t)most, 0, &r);
  memset(y, 0, most * sizeof(float));
  printf("%-22s%-18s%12s%12s%10s%9s%9s\n", "operation", "shape", "old ns/el", "new ns/el", "new/old", "least", "most");
  for (int operation = 0; operation < PLAIN_CALLS; operation++)
    for (size_t i = 0; i < count_of_shapes; i++) {
      const plain_problem p = {.outer = shapes[i].outer, .classes = shapes[i].classes, .inner = shapes[i].inner,
                               .tier = tier, .x = x, .g = g, .labels = labels, .y = y, .losses = losses};
      const char *operation_name = adapter_new.calls[operation].operation;
      char name[64];
      snprintf(name, sizeof name, "%s %s", operation_name, shapes[i].name);
      if (!strstr(name, wanted)) continue;
      const int64_t rows = p.outer * p.inner;
      for (int64_t row = 0; row < rows; row++) labels[row] = (int32_t)random_below(&r, p.classes);
      double ratios[PLACEMENTS], new_times[PLACEMENTS], old_times[PLACEMENTS];
      for (int k = 0; k < PLACEMENTS; k++) {
        const library_call new = ready_call(&adapter_new, libraries[k][0], operation, &p),
                           old = ready_call(&adapter_old, libraries[k][1], operation, &p);
        const pair_times t = take_turns((timed){run_library, &new}, (timed){run_library, &old}, rounds);
        ratios[k] = t.median;
        new_times[k] = t.first;
        old_times[k] = t.second;
      }
      const double per_element = 1e9 / (double)(rows * p.classes), ratio = median_of(ratios, PLACEMENTS);
      printf("%-22s%-18s%12.4f%12.4f%10.3f%9.3f%9.3f\n", operation_name, shapes[i].name,
             median_of(old_times, PLACEMENTS) * per_element, median_of(new_times, PLACEMENTS) * per_element, ratio,
             ratios[0], ratios[PLACEMENTS - 1]);
      fflush(stdout);
    }
  free(x), free(g), free(y), free(losses), free(labels);
  return 0;
}

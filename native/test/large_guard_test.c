/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tensors larger than the caches between pages without access; the grid has only 256 KiB for an array. Prefetches and
 * non-temporal stores stay inside, up to the last element of tensors that end anywhere in a cache line. Every
 * instruction set returns the same bits, for separate outputs and in place.
 * Usage: large_guard_test [all]   all shapes; a third of them by default
 */
#include "pages.h"

#include "arrays.h"
#include "tiers.h"

enum { FILL = 0x5a, MOST_BYTES = 24 << 20 };

typedef struct {
  int64_t outer, classes, inner;
  int32_t type;
} sizes;

/* Dense blocks, groups, rows in the caches, rows of chunks, columns whose lines agree and do not. */
static const sizes shapes[] = {
    {70001, 63, 1, XENT_F32},  {451, 9999, 1, XENT_BF16},   {1, 101, 43333, XENT_F32},   {1450001, 3, 1, XENT_F32},
    {36501, 120, 1, XENT_F32}, {4401, 1001, 1, XENT_F32},   {500, 9001, 1, XENT_F32},    {1, 70, 64000, XENT_F32},
    {451, 9999, 1, XENT_F16},  {140001, 31, 1, XENT_BF16},  {2400, 1001, 1, XENT_F64}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

typedef struct {
  unsigned char *page, *data;
  size_t bytes;
} place;

static place input, other, output;
static unsigned char *expected, *contents[2];
static int64_t calls, compared;

static place guard(void) {
  const size_t page = page_size();
  return (place){.page = closed_pages(MOST_BYTES + 2 * page) + page};
}

/* Opens `bytes` bytes from a page on, or up to one; all around is closed except the rest of a page. */
static void open_place(place *g, size_t bytes, bool at_end) {
  const size_t page = page_size(), whole = (bytes + page - 1) / page * page;
  if (bytes > MOST_BYTES) exit(2);
  close_pages(g->page, MOST_BYTES);
  open_pages(g->page, whole);
  g->bytes = bytes;
  g->data = at_end ? g->page + (whole - bytes) : g->page;
  memset(g->page, FILL, (size_t)(g->data - g->page));
  memset(g->data + bytes, FILL, whole - bytes - (size_t)(g->data - g->page));
}

static void check_place(const place *g, const char *what) {
  const size_t page = page_size(), whole = (g->bytes + page - 1) / page * page;
  for (const unsigned char *p = g->page; p < g->page + whole; p++) {
    if (p == g->data) p += g->bytes;
    if (p < g->page + whole && *p != FILL) {
      fprintf(stderr, "%s: a byte %lld from the array was written\n", what, (long long)(p - g->data));
      exit(1);
    }
  }
}

static void make_contents(const sizes *z) {
  random_source r = {1};
  for (int k = 0; k < 2; k++) {
    array a = {.data = contents[k], .layout = {.type = z->type}};
    for (int64_t i = 0; i < z->outer * z->classes * z->inner; i++)
      set_number(&a, i, (double)(int64_t)(random_bits(&r) % 2001) / 100 - 10);
  }
}

enum { SOFTMAX, LOG_SOFTMAX, SOFTMAX_BACKWARD, LOG_SOFTMAX_BACKWARD, GRADIENT, FUNCTIONS };
static const char *const names[] = {"softmax", "log-softmax", "softmax backward", "log-softmax backward", "gradient"};

static void call(int function, const xent_shape *s, const xent_options *o, const int32_t *labels, void *out) {
  const int64_t rows = s->outer * s->inner, n = s->classes;
  const void *x = input.data, *g = other.data;
  xent_status status;
  if (function <= LOG_SOFTMAX)
    status = run_at(
        on_classes(function == SOFTMAX ? XENT_FUNCTION_SOFTMAX : XENT_FUNCTION_LOG_SOFTMAX, s, o, 0, rows, 0, n, NULL),
        ARRAYS(x, out));
  else if (function <= LOG_SOFTMAX_BACKWARD)
    status = run_at(
        on_classes(function == SOFTMAX_BACKWARD ? XENT_FUNCTION_SOFTMAX_BACKWARD : XENT_FUNCTION_LOG_SOFTMAX_BACKWARD,
                   s, o, 0, rows, 0, n, NULL),
        ARRAYS(x, g, out));
  else
    status = cross_entropy_of(s, o, 0, rows, &(cross_entropy_arrays){.logits = x, .targets = labels,
                              .gradient = out}, NULL);
  must(status, names[function]);
  calls++;
}

static void run(const sizes *z, int function, int32_t isa, bool at_end, bool in_place, const int32_t *labels) {
  const size_t bytes = (size_t)(z->outer * z->classes * z->inner) * size_of_type(z->type);
  xent_shape s = dense_shape_of(z->outer, z->classes, z->inner, XENT_I32);
  s.logits.type = s.output.type = s.upstream.type = s.gradient.type = z->type;
  xent_options o = xent_default_options();
  o.isa = isa;
  open_place(&input, bytes, at_end);
  open_place(&other, bytes, at_end);
  open_place(&output, bytes, at_end);
  memcpy(input.data, contents[0], bytes);
  memcpy(other.data, contents[1], bytes);
  const place *out = in_place ? &input : &output;
  call(function, &s, &o, labels, out->data);
  check_place(&input, names[function]);
  check_place(&other, names[function]);
  check_place(&output, names[function]);
  if (isa == XENT_ISA_SCALAR) memcpy(expected, out->data, bytes);
  compared += (int64_t)bytes;
  if (memcmp(expected, out->data, bytes)) {
    fprintf(stderr, "%s of %lld x %lld x %lld: other bits than the scalar tier's\n", names[function],
            (long long)z->outer, (long long)z->classes, (long long)z->inner);
    exit(1);
  }
}

int main(int argc, char **argv) {
  const bool all = argc > 1 && !strcmp(argv[1], "all");
  input = guard(), other = guard(), output = guard();
  expected = must_allocate(MOST_BYTES);
  for (int k = 0; k < 2; k++) contents[k] = must_allocate(MOST_BYTES);
  for (int i = 0; i < (all ? SHAPES : 3); i++) {
    const sizes *z = &shapes[i];
    const int64_t rows = z->outer * z->inner;
    int32_t *labels = must_allocate((size_t)rows * sizeof *labels);
    random_source r = {3};
    for (int64_t row = 0; row < rows; row++) labels[row] = (int32_t)random_below(&r, z->classes);
    make_contents(z);
    for (int function = 0; function < FUNCTIONS; function++)
      for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa))
        for (int k = 0; k < 4; k++) {
          /* separate and in place, at the end and at the start: the fast ones, and few of the slow one's */
          if ((isa == XENT_ISA_SCALAR && k) || (!all && k != 0 && k != 1 + (function + isa) % 3)) continue;
          run(z, function, isa, k % 2 == 0, k / 2, labels);
        }
    free(labels);
  }
  free(expected);
  for (int k = 0; k < 2; k++) free(contents[k]);
  printf(
      "%lld calls on tensors larger than the caches between guard pages, %lld bytes of results are the scalar tier's: "
      "nothing "
      "outside was touched\n",
      (long long)calls, (long long)compared);
  return 0;
}

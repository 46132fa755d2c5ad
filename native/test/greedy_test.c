/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Greedy tokens with every instruction set against a loop: rows of every kind and length, each type, contiguous and
 * not. Some rows of a call are sampled with top_k = 1 instead, which keeps the same class, so both paths take turns.
 */
#include <inttypes.h>
#include <math.h>

#include "calls.h"
#include "numerics/halves.h"
#include "rows.h"
#include "tiers.h"

enum { ROWS = 5, MOST_CLASSES = 5000, MOST_STRIDE = 3, TIMES = 12, KINDS = 8 };

static random_source source = {29};
static uint64_t compared, different;

static float logits[ROWS][MOST_CLASSES];
static float values[ROWS * MOST_CLASSES * MOST_STRIDE];
static uint8_t kept_mask[ROWS * MOST_CLASSES];

static int64_t below(int64_t n) { return random_below(&source, n); }

static void fill(float *x, int64_t n) {
  const int64_t kind = below(KINDS), at = below(n), base = below(9) - 4;
  for (int64_t i = 0; i < n; i++) {
    x[i] = kind == 0   ? (float)below(5)
           : kind == 1 ? (float)(i == at || (i > at && below(3) == 0)) /* the largest, and equals after it */
           : kind == 2 ? (below(2) ? 0.0f : -0.0f)
           : kind == 3 ? (i == at ? -3e4f : -INFINITY)
           : kind == 4 ? (float)(i * 8 / n)
           : kind == 5 ? (float)((n - i) * 8 / n)
                       : rintf(4 * random_normal(&source)) / 4;
    if (kind < 3) x[i] -= (float)base;
  }
  if (kind == 6 || below(12) == 0) x[at] = below(2) ? NAN : INFINITY;
  if (below(20) == 0)
    for (int64_t i = 0; i < n; i++) x[i] = -INFINITY;
}

static int64_t expected_token(const float *x, int64_t n) {
  int64_t first = -1;
  for (int64_t i = 0; i < n; i++) {
    if (!(x[i] < INFINITY)) return -1;
    if (x[i] > (first < 0 ? -INFINITY : x[first])) first = i;
  }
  return first;
}

static void put_logits(int32_t type, int64_t classes, int64_t stride) {
  for (int64_t row = 0; row < ROWS; row++)
    for (int64_t i = 0; i < classes; i++) {
      const int64_t at = (row * classes + i) * stride;
      if (type == XENT_F32)
        values[at] = logits[row][i];
      else
        ((uint16_t *)values)[at] = type == XENT_F16 ? narrow_f16(logits[row][i]) : narrow_bf16(logits[row][i]);
    }
}

static void expect(const char *what, double got, double want, int32_t type, int64_t classes, int64_t row) {
  compared++;
  if (got == want || (got != got && want != want)) return;
  if (different++ < 20)
    fprintf(stderr, "%s of row %" PRId64 ", %" PRId64 " classes of type %d: %g, not %g\n", what, row, classes, type,
            got, want);
}

static void test(int32_t isa, int32_t type, int64_t classes, int64_t stride) {
  int64_t tokens[ROWS], kept[ROWS];
  float processed[ROWS];
  xent_sampling sampling[ROWS];
  for (int row = 0; row < ROWS; row++) {
    fill(logits[row], classes);
    sampling[row] = xent_default_sampling();
    if (below(3))
      sampling[row].greedy = 1;
    else
      sampling[row].top_k = 1;
  }
  put_logits(type, classes, stride);
  xent_options options = xent_default_options();
  options.isa = isa;
  const xent_sample_call call = {
      .size = sizeof call, .sizes = xent_rows(ROWS, classes), .options = &options, .sampling = sampling, .per_row = 1,
      .logits = {values, layout_of(classes * stride, stride, 0, type)}, .tokens = {tokens, xent_per_row(XENT_I64)},
      .processed_log_probabilities = {processed, xent_per_row(XENT_F32)}, .kept = {kept, xent_per_row(XENT_I64)},
      .kept_mask = {kept_mask, xent_per_class(classes, 1, XENT_U8)}};
  must(xent_sample(&call), "sample");
  for (int row = 0; row < ROWS; row++) {
    const int64_t token = expected_token(logits[row], classes);
    expect("token", (double)tokens[row], (double)token, type, classes, row);
    expect("kept", (double)kept[row], token >= 0, type, classes, row);
    expect("processed log-probability", (double)processed[row], token >= 0 ? 0 : NAN, type, classes, row);
    for (int64_t i = 0; i < classes; i++)
      expect("kept mask", kept_mask[row * classes + i], i == token, type, classes, row);
  }
}

int main(void) {
  static const int64_t lengths[] = {1, 2, 15, 16, 17, 31, 100, 1023, 1024, 1025, 2047, 2049, MOST_CLASSES};
  static const int32_t types[] = {XENT_F32, XENT_F16, XENT_BF16};
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa))
    for (int type = 0; type < 3; type++)
      for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (int time = 0; time < TIMES; time++) test(isa, types[type], lengths[i], 1 + time % MOST_STRIDE);
  printf("%" PRIu64 " numbers compared, %" PRIu64 " differ\n", compared, different);
  return different != 0;
}

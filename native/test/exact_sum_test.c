/* SPDX-License-Identifier: Apache-2.0 */
/* Sums that are rounded once, and what cannot be added to them. */
#include "calls.h"
#include "check.h"
#include "rows.h"

static void test_exact_sum(void) {
  xent_exact_sum a = xent_empty_exact_sum(), b = xent_empty_exact_sum();
  const float values[] = {0x1p127f, 0x1p-149f, -0x1p127f, 1, 0x1p-24f, -0.0f};
  CHECK(!xent_exact_sum_add(&a, values, XENT_F32, 1, 3) && !xent_exact_sum_add(&b, values + 3, XENT_F32, 1, 3));
  CHECK(xent_exact_sum_value(&a) == 0x1p-149);
  CHECK(!xent_exact_sum_merge(&a, &b) && xent_exact_sum_value(&a) == 1 + 0x1p-24); /* rounded once */
  xent_exact_sum c = xent_empty_exact_sum();
  const float ties[] = {0x1p53f, 1, -0x1p-149f};
  CHECK(!xent_exact_sum_add(&c, ties, XENT_F32, 1, 2) && xent_exact_sum_value(&c) == 0x1p53);
  CHECK(!xent_exact_sum_add(&c, ties, XENT_F32, 1, 2) && xent_exact_sum_value(&c) == 0x1p54 + 2 - 0);
  xent_exact_sum d = xent_empty_exact_sum();
  CHECK(xent_exact_sum_value(&d) == 0 && !signbit(xent_exact_sum_value(&d)));
  const float infinite[] = {INFINITY, -INFINITY};
  CHECK(!xent_exact_sum_add(&d, infinite, XENT_F32, 1, 1) && xent_exact_sum_value(&d) == INFINITY);
  CHECK(!xent_exact_sum_add(&d, infinite + 1, XENT_F32, 1, 1) && isnan(xent_exact_sum_value(&d)));
  xent_exact_sum nan = xent_empty_exact_sum();
  const float not_a_number[] = {NAN};
  CHECK(!xent_exact_sum_add(&nan, not_a_number, XENT_F32, 1, 1) && !xent_exact_sum_merge(&b, &nan) &&
        isnan(xent_exact_sum_value(&b)));
  xent_exact_sum full = xent_empty_exact_sum(), more = xent_empty_exact_sum();
  full.bins[127] = INT64_MAX - 5, more.bins[0] = 7, more.bins[127] = 6; /* of more than 2^39 values */
  CHECK(xent_exact_sum_merge(&full, &more) == XENT_INVALID_ARGUMENT && full.bins[0] == 0);
  full = xent_empty_exact_sum();
  full.doubles = more.doubles = 1, full.digits[65] = INT64_MIN, more.digits[65] = -1;
  CHECK(xent_exact_sum_merge(&full, &more) == XENT_INVALID_ARGUMENT && full.bins[0] == 0 && full.doubles == 1);
  d.size = 0;
  CHECK(xent_exact_sum_add(&d, values, XENT_F32, 1, 1) == XENT_INVALID_SIZE);
  CHECK(xent_exact_sum_merge(&c, &d) == XENT_INVALID_SIZE && xent_exact_sum_merge(NULL, &c) == XENT_INVALID_ARGUMENT);
}

/* The addresses of all summands must fit in 64 bits; otherwise nothing is read. */
static void test_far_summands(void) {
  const double values[2] = {1, 2};
  const struct {
    int32_t type;
    int64_t stride, count;
  } far[] = {{XENT_F32, INT64_C(1) << 62, 4},      {XENT_F32, INT64_MAX, 3},  {XENT_F32, INT64_MAX, INT64_MAX},
             {XENT_F32, INT64_MAX, 2},             {XENT_F32, INT64_MAX / 4, 2}, {XENT_F64, INT64_MAX / 8, 2},
             {XENT_F64, INT64_C(1) << 59, 3},      {XENT_F32, 1, INT64_MAX},  {XENT_F32, -1, 1},
             {XENT_F32, 1, -1}};
  xent_exact_sum t = xent_empty_exact_sum();
  for (size_t i = 0; i < sizeof far / sizeof *far; i++)
    CHECK(xent_exact_sum_add(&t, values, far[i].type, far[i].stride, far[i].count) == XENT_INVALID_SHAPE);
  CHECK(xent_exact_sum_value(&t) == 0);
  CHECK(xent_exact_sum_add(&t, values, 77, 1, 2) == XENT_INVALID_ARGUMENT &&
        xent_exact_sum_add(&t, values, XENT_BF16, 1, 2) == XENT_UNSUPPORTED);
  CHECK(!xent_exact_sum_add(&t, values, XENT_F64, INT64_MAX, 1) && !xent_exact_sum_add(&t, NULL, XENT_F64, INT64_MAX,
      0));
  CHECK(!xent_exact_sum_add(&t, values + 1, XENT_F64, 0, 3) && xent_exact_sum_value(&t) == 7);
}

int main(void) {
  test_exact_sum();
  test_far_summands();
  return all_checks();
}

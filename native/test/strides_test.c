/* SPDX-License-Identifier: Apache-2.0 */
/* Strides of outputs: whether two elements have the same place. */
#include "small.h"

/* Whether two indices of an array have the same place, found by trying all. */
static bool meets_itself(const int64_t extents[3], const int64_t strides[3]) {
  static uint8_t seen[1 << 16];
  memset(seen, 0, sizeof seen);
  for (int64_t i = 0; i < extents[0]; i++)
    for (int64_t j = 0; j < extents[1]; j++)
      for (int64_t k = 0; k < extents[2]; k++)
        if (seen[i * strides[0] + j * strides[1] + k * strides[2]]++) return true;
  return false;
}

/* Every output is accepted if its elements are disjoint, and rejected otherwise, for all interleaved strides. */
static void test_strides_of_outputs(void) {
  static float output[1 << 16];
  random_source r = {11};
  int apart = 0, tangled = 0;
  for (int i = 0; i < 40000; i++) {
    const int64_t most = i % 3 ? 6 : 12, reach = i % 2 ? 16 : 300;
    const int64_t extents[3] = {1 + random_below(&r, most), 1 + random_below(&r, most), 1 + random_below(&r, most)};
    const int64_t strides[3] = {random_below(&r, reach), random_below(&r, reach), random_below(&r, reach)};
    const bool meets = meets_itself(extents, strides);
    reset();
    shape = dense_shape(extents[0], extents[1], extents[2]);
    shape.logits = layout_of(0, 0, 0, XENT_F32);
    shape.output = layout_of(strides[0], strides[1], strides[2], XENT_F32);
    const xent_status status =
        run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, extents[0] * extents[2], 0, extents[1], &report),
               ARRAYS(x, output));
    CHECK(status == (meets ? XENT_OVERLAP : XENT_OK));
    meets ? tangled++ : apart++;
  }
  CHECK(apart > 5000 && tangled > 5000);
  reset();
  shape = dense_shape(2, 3, 1); /* [2, 3] with strides of 3 and 2: 0 2 4, 3 5 7 */
  shape.output = layout_of(3, 2, 1, XENT_F32);
  CHECK(!run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, 2, 0, 3, &report), ARRAYS(x, y)) && y[1] == -99);
  /* more elements than could be tried: strides of which a + c = 2 b, and three that do not meet within reach */
  const int64_t many = 4096, step = INT64_C(1) << 40;
  float *const low = &x[0] < &y[0] ? x : y, *const high = low == x ? y : x; /* the output reaches far up */
  for (int apart_by = 0; apart_by < 2; apart_by++) {
    shape = dense_shape(many, many, many);
    shape.logits = layout_of(0, 0, 0, XENT_F32);
    shape.output = apart_by ? layout_of(step, step + 8193, step + (1 << 26), XENT_F32)
                            : layout_of(step, step + 1, step + 2, XENT_F32);
    const xent_status expected = apart_by ? XENT_OK : XENT_OVERLAP;
    CHECK(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &shape, &options, 0, 0, 0, many, &report), ARRAYS(low, high)) ==
          expected);
  }
}

int main(void) {
  test_strides_of_outputs();
  return all_checks();
}

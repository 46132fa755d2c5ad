/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the fuzzer's bytes as a sequence of decisions. After the last byte every decision is 0, the usual choice. */
#ifndef XENT_FUZZ_INPUT_H
#define XENT_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
  const uint8_t *at, *end;
} fuzz_input;

static inline uint64_t take(fuzz_input *in, size_t bytes) {
  uint64_t v = 0;
  for (size_t i = 0; i < bytes && in->at < in->end; i++) v |= (uint64_t)*in->at++ << 8 * i;
  return v;
}

/* One byte: 0 ... n - 1, n at most 256. */
static inline int64_t below(fuzz_input *in, int64_t n) { return (int64_t)take(in, 1) % n; }

/* One byte: true for `times` of its 256 values, never for 0. */
static inline bool chance(fuzz_input *in, unsigned times) { return take(in, 1) >= 256 - times; }

/* Any number, often one at which products overflow, signs change or types end. */
static inline int64_t wild_number(fuzz_input *in) {
  static const int64_t numbers[] = {0,         1,         -1,        2,         7,         8191,      8192,
                                    8193,      16384,     -8192,     INT8_MAX,  INT16_MAX, INT32_MAX, INT32_MIN,
                                    UINT32_MAX, INT64_MAX, INT64_MIN, INT64_MAX / 2, INT64_MAX / 4 + 1, INT64_MAX - 1,
                                    INT64_C(1) << 32, INT64_C(1) << 40, INT64_C(1) << 60, INT64_C(1) << 61};
  enum { NUMBERS = sizeof numbers / sizeof *numbers };
  const uint64_t which = take(in, 1);
  return which < 4 * NUMBERS ? numbers[which % NUMBERS] : (int64_t)take(in, which % 2 ? 8 : 2);
}

static inline double wild_double(fuzz_input *in) {
  static const double numbers[] = {0.0,   -0.0, 1.0,  -1.0,   0.5,    1e-300, 1e300,
                                   1e-40, 3e38, 1e39, 5e-324, 0.0625, 30.0,   1e-3};
  enum { NUMBERS = sizeof numbers / sizeof *numbers };
  const uint64_t which = take(in, 1);
  if (which < 8 * NUMBERS) return numbers[which % NUMBERS];
  const uint64_t bits = take(in, 8);
  double v;
  memcpy(&v, &bits, sizeof v);
  return v;
}

#endif

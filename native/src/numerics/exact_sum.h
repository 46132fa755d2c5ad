/* SPDX-License-Identifier: Apache-2.0 */
/* Adds to an exact sum: the mantissa of a float is added to the counter of its exponent, that of a double to the three
 * digits of 32 bits that it overlaps. */
#ifndef XENT_EXACT_SUM_H
#define XENT_EXACT_SUM_H

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "numerics/float_flags.h"
#include "xent.h"

static inline void exact_sum_special(xent_exact_sum *exact_sum, bool nan, bool negative) {
  if (nan)
    exact_sum->nan++;
  else if (negative)
    exact_sum->negative_infinity++;
  else
    exact_sum->positive_infinity++;
}

static inline void exact_sum_add_one(xent_exact_sum *exact_sum, float value) {
  uint32_t u;
  memcpy(&u, &value, sizeof u);
  const uint32_t exponent = (u >> 23) & 255;
  int64_t mantissa = u & 0x7fffffu;
  if (exponent == 255) {
    exact_sum_special(exact_sum, mantissa != 0, u >> 31);
    return;
  }
  if (exponent) mantissa |= 0x800000;
  exact_sum->bins[exponent] += u >> 31 ? -mantissa : mantissa;
}

static inline void exact_sum_add_double(xent_exact_sum *exact_sum, double value) {
  uint64_t u;
  memcpy(&u, &value, sizeof u);
  const uint32_t exponent = (uint32_t)(u >> 52) & 2047;
  uint64_t mantissa = u & 0xfffffffffffffull;
  if (exponent == 2047) {
    exact_sum_special(exact_sum, mantissa != 0, u >> 63);
    return;
  }
  if (exponent) mantissa |= 0x10000000000000ull;
  const uint32_t shift = exponent ? exponent - 1 : 0, digit = shift / 32, bit = shift % 32;
  const uint64_t low = (mantissa & 0xffffffffu) << bit, high = (mantissa >> 32) << bit;
  const int64_t parts[3] = {(int64_t)(low & 0xffffffffu), (int64_t)((low >> 32) + (high & 0xffffffffu)),
                            (int64_t)(high >> 32)};
  for (int i = 0; i < 3; i++) exact_sum->digits[digit + (uint32_t)i] += u >> 63 ? -parts[i] : parts[i];
  exact_sum->doubles++;
}

#endif

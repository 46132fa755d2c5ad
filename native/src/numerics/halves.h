/* SPDX-License-Identifier: Apache-2.0 */
/* float16 and bfloat16, one at a time: widened exactly, rounded to nearest even, subnormals kept. */
#ifndef XENT_HALVES_H
#define XENT_HALVES_H

#include <stdint.h>
#include <string.h>

#include "xent.h"

/* Bytes of a float, or of one of these. */
static inline int64_t size_of_float(int32_t type) {
  return type == XENT_F32 ? 4 : type == XENT_F64 ? 8 : 2;
}

static inline float float_of_bits(uint32_t u) {
  float v;
  memcpy(&v, &u, sizeof v);
  return v;
}
static inline uint32_t bits_of_float(float v) {
  uint32_t u;
  memcpy(&u, &v, sizeof u);
  return u;
}

static inline float widen_bf16(uint16_t h) { return float_of_bits((uint32_t)h << 16); }

/* Every NaN becomes 0x7fc0. Adding half a unit of the last place, minus one if that bit is 0, rounds to even. */
static inline uint16_t narrow_bf16(float v) {
  const uint32_t u = bits_of_float(v);
  if (v != v) return 0x7fc0;
  return (uint16_t)((u + 0x7fff + ((u >> 16) & 1)) >> 16);
}

static inline float widen_f16(uint16_t h) {
  const uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, mantissa = h & 1023;
  if (exponent == 31) return float_of_bits(sign | 0x7f800000 | mantissa << 13);
  if (exponent) return float_of_bits(sign | ((exponent + 112) << 23) | mantissa << 13);
  const float magnitude = (float)mantissa * 0x1p-24f;
  return sign ? -magnitude : magnitude;
}

/* Every NaN becomes 0x7e00. Below 2^-14, adding 1/2 rounds at the last place of subnormals. */
static inline uint16_t narrow_f16(float v) {
  const uint32_t u = bits_of_float(v), sign = (u >> 16) & 0x8000, size = u & 0x7fffffff;
  if (v != v) return 0x7e00;
  if (size >= 0x47800000) return (uint16_t)(sign | 0x7c00); /* 2^16 and more, infinity */
  if (size < 0x38800000) return (uint16_t)(sign | (bits_of_float(float_of_bits(size) + 0.5f) - 0x3f000000));
  return (uint16_t)(sign | ((size - 0x38000000 + 0xfff + ((size >> 13) & 1)) >> 13));
}

/* A double as a float whose last bit is 1 if it is not exact: rounding it again to 16 bits has the same result as
 * rounding the double once. */
static inline float float_to_odd(double v) {
  const float f = (float)v;
  if (v != v || (double)f == v) return f;
  const uint32_t u = bits_of_float(f), further = (double)f > v ? !(u >> 31) : u >> 31;
  return float_of_bits((u - further) | 1);
}

#endif

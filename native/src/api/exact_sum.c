/* SPDX-License-Identifier: Apache-2.0 */
/* Exact sums: counters and digits form one wide integer, which is rounded to double once. Its unit is 2^-149 if all
 * values are floats, and 2^-1074 otherwise. */
#include "numerics/exact_sum.h"
#include "numerics/types.h"

/* 2^39 floats below 2^128 in units of 2^-149, and a sign; the same and 2^30 doubles in units of 2^-1074. */
enum { FLOAT_LIMBS = 6, LIMBS = 34, LIMB_BITS = 64, FLOAT_UNIT = 149, UNIT = 1074 };

static xent_status check_exact_sum(const xent_exact_sum *exact_sum) {
  if (!exact_sum || (uintptr_t)exact_sum % _Alignof(xent_exact_sum)) return XENT_INVALID_ARGUMENT;
  return exact_sum->size == sizeof *exact_sum ? XENT_OK : XENT_INVALID_SIZE;
}

xent_status xent_exact_sum_add(xent_exact_sum *exact_sum, const void *values, int32_t type, int64_t stride,
                               int64_t count) {
  const xent_status status = check_exact_sum(exact_sum);
  if (status) return status;
  const xent_element_type of = xent_element_type_of(type);
  if (!of.size) return XENT_INVALID_ARGUMENT;
  if (!(of.holds & XENT_SUMMANDS)) return XENT_UNSUPPORTED;
  int64_t last, bytes;
  if (count < 0 || stride < 0) return XENT_INVALID_SHAPE;
  if (count == 0) return XENT_OK;
  if (__builtin_mul_overflow(count - 1, stride, &last) || __builtin_add_overflow(last, 1, &bytes) ||
      __builtin_mul_overflow(bytes, (int64_t)of.size, &bytes))
    return XENT_INVALID_SHAPE;
  if (!values || (uintptr_t)values % of.size) return XENT_INVALID_ARGUMENT;
  if (xent_is_wide(type))
    for (int64_t i = 0; i < count; i++) exact_sum_add_double(exact_sum, ((const double *)values)[i * stride]);
  else
    for (int64_t i = 0; i < count; i++) exact_sum_add_one(exact_sum, ((const float *)values)[i * stride]);
  return XENT_OK;
}

/* Whether sums of more numbers than they can count do not fit. */
static bool would_overflow(const int64_t *a, const int64_t *b, int n) {
  int64_t sum;
  bool any = false;
  for (int i = 0; i < n; i++) any |= __builtin_add_overflow(a[i], b[i], &sum);
  return any;
}

xent_status xent_exact_sum_merge(xent_exact_sum *exact_sum, const xent_exact_sum *other) {
  xent_status status = check_exact_sum(exact_sum);
  if (!status) status = check_exact_sum(other);
  if (status) return status;
  if (would_overflow(exact_sum->bins, other->bins, 256) ||
      (other->doubles && would_overflow(exact_sum->digits, other->digits, 66)))
    return XENT_INVALID_ARGUMENT;
  exact_sum->nan += other->nan;
  exact_sum->positive_infinity += other->positive_infinity;
  exact_sum->negative_infinity += other->negative_infinity;
  for (int i = 0; i < 256; i++) exact_sum->bins[i] += other->bins[i];
  if (!other->doubles) return XENT_OK;
  exact_sum->doubles += other->doubles;
  for (int i = 0; i < 66; i++) exact_sum->digits[i] += other->digits[i];
  return XENT_OK;
}

/* wide += count * 2^shift, in two's complement */
static void add_shifted(uint64_t *wide, const int limbs, int64_t count, int shift) {
  const int limb = shift / LIMB_BITS, bit = shift % LIMB_BITS;
  const uint64_t sign = count < 0 ? ~UINT64_C(0) : 0;
  const uint64_t low = (uint64_t)count << bit;
  const uint64_t high = bit ? (uint64_t)count >> (LIMB_BITS - bit) | (sign << bit) : sign;
  uint64_t carry = 0;
  for (int i = limb; i < limbs; i++) {
    const uint64_t part = i == limb ? low : i == limb + 1 ? high : sign;
    const uint64_t with_carry = part + carry;
    wide[i] += with_carry;
    carry = (with_carry < carry) | (wide[i] < with_carry);
  }
}

/* 64 bits from bit i on */
static uint64_t bits_from(const uint64_t *wide, const int limbs, int i) {
  const int limb = i / LIMB_BITS, bit = i % LIMB_BITS;
  const uint64_t above = bit && limb + 1 < limbs ? wide[limb + 1] << (LIMB_BITS - bit) : 0;
  return wide[limb] >> bit | above;
}

static bool any_below(const uint64_t *wide, int i) {
  for (int k = 0; k < i / LIMB_BITS; k++)
    if (wide[k]) return true;
  return i % LIMB_BITS && wide[i / LIMB_BITS] << (LIMB_BITS - i % LIMB_BITS);
}

/* mantissa * 2^exponent, of at most 54 bits and with a 2^exponent that is a double: exact in every float mode. */
static double scaled(uint64_t mantissa, int exponent) {
  if (!mantissa) return 0;
  const int top = 63 - __builtin_clzll(mantissa), field = top + exponent + 1023;
  uint64_t bits = (uint64_t)0x7ff << 52;
  if (field < 1)
    bits = mantissa << (exponent + 1074);
  else if (field < 0x7ff)
    bits = ((uint64_t)field << 52) + ((top > 52 ? mantissa >> (top - 52) : mantissa << (52 - top)) & 0xfffffffffffff);
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* wide * 2^-unit of a magnitude whose highest bit is `top`, to nearest, ties to even. */
static double round_once(const uint64_t *wide, const int limbs, int top, const int unit) {
  const int drop = top > 52 ? top - 52 : 0;
  uint64_t mantissa = bits_from(wide, limbs, drop);
  const bool half = drop && (bits_from(wide, limbs, drop - 1) & 1);
  if (half && (any_below(wide, drop - 1) || (mantissa & 1))) mantissa++;
  return scaled(mantissa, drop - unit);
}

static void add_bins(const xent_exact_sum *exact_sum, uint64_t *wide, const int limbs, const int unit) {
  enum { STEP = 16 }; /* most counters are 0: skip this many at once */
  for (int i = 0; i < 256; i += STEP) {
    int64_t any = 0;
    for (int k = i; k < i + STEP; k++) any |= exact_sum->bins[k];
    if (!any) continue;
    for (int k = i; k < i + STEP && k < 255; k++) /* 255 is the exponent of infinity and NaN */
      if (exact_sum->bins[k]) add_shifted(wide, limbs, exact_sum->bins[k], (k ? k - 1 : 0) + unit - FLOAT_UNIT);
  }
}

static double sum_of(uint64_t *wide, const int limbs, const int unit) {
  const bool negative = wide[limbs - 1] >> (LIMB_BITS - 1);
  if (negative) {
    uint64_t carry = 1;
    for (int i = 0; i < limbs; i++) {
      wide[i] = ~wide[i] + carry;
      carry = carry && wide[i] == 0;
    }
  }
  int limb = limbs - 1;
  while (limb >= 0 && !wide[limb]) limb--;
  if (limb < 0) return 0;
  const int top = limb * LIMB_BITS + LIMB_BITS - 1 - __builtin_clzll(wide[limb]);
  const double magnitude = round_once(wide, limbs, top, unit);
  return negative ? -magnitude : magnitude;
}

static double sum_of_floats(const xent_exact_sum *exact_sum) {
  uint64_t wide[FLOAT_LIMBS] = {0};
  add_bins(exact_sum, wide, FLOAT_LIMBS, FLOAT_UNIT);
  return sum_of(wide, FLOAT_LIMBS, FLOAT_UNIT);
}

double xent_exact_sum_value(const xent_exact_sum *exact_sum) {
  if (check_exact_sum(exact_sum) || exact_sum->nan || (exact_sum->positive_infinity &&
                                                       exact_sum->negative_infinity)) return NAN;
  if (exact_sum->positive_infinity) return INFINITY;
  if (exact_sum->negative_infinity) return -INFINITY;
  if (!exact_sum->doubles) return sum_of_floats(exact_sum);
  uint64_t wide[LIMBS] = {0};
  add_bins(exact_sum, wide, LIMBS, UNIT);
  for (int i = 0; i < 66; i++)
    if (exact_sum->digits[i]) add_shifted(wide, LIMBS, exact_sum->digits[i], 32 * i);
  return sum_of(wide, LIMBS, UNIT);
}

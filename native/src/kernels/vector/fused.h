/* SPDX-License-Identifier: Apache-2.0 */
/*
 * a * b + c, rounded once. It uses the instruction of the CPU if there is one, and computes the result here otherwise:
 * a call of the C library takes ten to twenty times as long, and some libraries do not round correctly.
 *   float: the product is exact in double. The sum is rounded to odd: the last bit of an inexact sum is set to 1, so
 *          it stays on the correct side of every tie when it is rounded again, to float.
 *   double: the product as a pair (Dekker), and a sum of three numbers rounded in the same way (Boldo and Melquiond,
 *          2008). If a part could be lost because of the exponents, integers are used.
 */
#ifndef XENT_FUSED_H
#define XENT_FUSED_H

#if defined(__FMA__) || defined(__aarch64__) || (defined(__FP_FAST_FMA) && defined(__FP_FAST_FMAF))
/* clang for AArch64 uses fnmadd for -(a * b + c): this computes -(a * b) - c, which is +0 if the sum is +0. */
#if defined(__aarch64__) && defined(__clang__)
#define XENT_ROUNDED(v) __asm__("" : "+w"(v))
#else
#define XENT_ROUNDED(v) ((void)0)
#endif
XENT_INLINE float fused(float a, float b, float c) {
  float v = __builtin_fmaf(a, b, c);
  XENT_ROUNDED(v);
  return v;
}
XENT_INLINE double fused_double(double a, double b, double c) {
  double v = __builtin_fma(a, b, c);
  XENT_ROUNDED(v);
  return v;
}

/* Replaces a by a * b + c for n numbers, n a multiple of 4. */
XENT_INLINE void fuse(float *a, const float *b, const float *c, const int n) {
  for (int j = 0; j < n; j++) a[j] = fused(a[j], b[j], c[j]);
}
XENT_INLINE void fuse_doubles(double *a, const double *b, const double *c, const int n) {
  for (int j = 0; j < n; j++) a[j] = fused_double(a[j], b[j], c[j]);
}
#else
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Two numbers in one register of nearly every CPU. A comparison yields all ones or zero. */
typedef double two_doubles __attribute__((vector_size(16)));
typedef uint64_t two_bits __attribute__((vector_size(16)));

#if defined(__SSE2__) /* without intrinsics, compilers use two instructions for each */
XENT_INLINE two_doubles load_two_floats(const float *p) {
  return (two_doubles)_mm_cvtps_pd(_mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)p)));
}
/* Stores four floats at once, because they are loaded again as one vector. */
XENT_INLINE void store_four_floats(float *p, two_doubles low, two_doubles high) {
  _mm_storeu_ps(p, _mm_movelh_ps(_mm_cvtpd_ps((__m128d)low), _mm_cvtpd_ps((__m128d)high)));
}
#else
XENT_INLINE two_doubles load_two_floats(const float *p) { return (two_doubles){(double)p[0], (double)p[1]}; }
XENT_INLINE void store_four_floats(float *p, two_doubles low, two_doubles high) {
  p[0] = (float)low[0], p[1] = (float)low[1], p[2] = (float)high[0], p[3] = (float)high[1];
}
#endif
XENT_INLINE two_doubles load_two(const double *p) {
  two_doubles v;
  memcpy(&v, p, sizeof v);
  return v;
}

/* The exact rounding error of a + b. */
XENT_INLINE two_doubles rest_of_sum(two_doubles a, two_doubles b, two_doubles sum) {
  const two_doubles other = sum - a;
  return (a - (sum - other)) + (b - other);
}

/* If a sum is infinite or NaN, its error is NaN, and the sum is not changed. */
XENT_INLINE two_doubles sum_to_odd(two_doubles a, two_doubles b) {
  const two_doubles sum = a + b, rest = rest_of_sum(a, b, sum);
  const two_bits inexact = (two_bits)(rest > 0) | (two_bits)(rest < 0);
  const two_bits beyond = ((two_bits)sum ^ (two_bits)rest) & inexact; /* the sign: whether it was rounded away from 0 */
  return (two_doubles)(((two_bits)sum - (beyond >> 63)) | inexact >> 63);
}

XENT_INLINE float fused(float a, float b, float c) {
  const two_doubles product = {(double)a * (double)b}, sum = sum_to_odd(product, (two_doubles){(double)c});
  return (float)sum[0];
}
XENT_INLINE two_doubles fused_two_floats(const float *a, const float *b, const float *c) {
  return sum_to_odd(load_two_floats(a) * load_two_floats(b), load_two_floats(c));
}
XENT_INLINE void fuse(float *a, const float *b, const float *c, const int n) {
  for (int j = 0; j < n; j += 4)
    store_four_floats(a + j, fused_two_floats(a + j, b + j, c + j), fused_two_floats(a + j + 2, b + j + 2, c + j + 2));
}

/* The upper 26 bits of a significand. */
XENT_INLINE two_doubles upper_part(two_doubles a) {
  const two_doubles scaled = 0x8000001p0 * a;
  return scaled - (scaled - a);
}
XENT_INLINE two_doubles without_sign(two_doubles a) { return (two_doubles)((two_bits)a << 1 >> 1); }

XENT_INLINE two_doubles fused_in_pairs(two_doubles a, two_doubles b, two_doubles c) {
  const two_doubles product = a * b, ah = upper_part(a), al = a - ah, bh = upper_part(b), bl = b - bh;
  const two_doubles low = ((ah * bh - product) + ah * bl + al * bh) + al * bl;
  const two_doubles upper = c + low, sum = product + upper;
  const two_doubles y = sum + sum_to_odd(rest_of_sum(product, upper, sum), rest_of_sum(c, low, upper));
  const two_bits zero = (two_bits)(y == 0); /* the sign is that of the plain sum */
  return (two_doubles)(((two_bits)y & ~zero) | ((two_bits)(product + c) & zero));
}

/* significand * 2^exponent of a number other than 0; 53 bits */
typedef struct {
  uint64_t significand;
  int exponent;
} scaled_integer;

XENT_INLINE scaled_integer integer_of(double v) {
  const uint64_t u = double_bits(v), fraction = u & 0xfffffffffffff, field = u >> 52 & 0x7ff;
  if (field) return (scaled_integer){fraction | UINT64_C(1) << 52, (int)field - 1075};
  const int up = __builtin_clzll(fraction) - 11;
  return (scaled_integer){fraction << up, -1074 - up};
}

__extension__ typedef unsigned __int128 uint128;

/* v / 2^n, odd if bits are lost */
XENT_INLINE uint128 shift_to_odd(uint128 v, int n) {
  return n > 127 ? v != 0 : v >> n | ((v & (((uint128)1 << n) - 1)) != 0);
}

/* m * 2^exponent, rounded to nearest. The two bits below the last one decide. */
XENT_INLINE double nearest_double(uint128 m, int exponent) {
  const uint64_t high = (uint64_t)(m >> 64);
  const int bits = high ? 128 - __builtin_clzll(high) : 64 - __builtin_clzll((uint64_t)m);
  const int drop = exponent + bits - 55 < -1076 ? -1076 - exponent : bits - 55;
  const uint64_t kept = (uint64_t)(drop < 0 ? m << -drop : shift_to_odd(m, drop));
  const uint64_t rounded = (kept >> 2) + ((kept & 3) == 3 || (kept & 7) == 6);
  const int e = exponent + drop + 2, half = e / 2; /* 2^e alone may overflow or underflow */
  return (double)rounded * bits_double((uint64_t)(half + 1023) << 52) * bits_double((uint64_t)(e - half + 1023) << 52);
}

XENT_SHARED double fused_in_integers(double a, double b, double c) {
  if (!(fabs(a) < INFINITY && fabs(b) < INFINITY) || a == 0 || b == 0) return a * b + c;
  if (!(fabs(c) < INFINITY)) return c;
  if (c == 0) return a * b;
  /* Two more bits than the product: if one operand becomes odd because it lost bits, the other is even. */
  const scaled_integer x = integer_of(a), y = integer_of(b), z = integer_of(c);
  const int lowest = x.exponent + y.exponent - 2, up = z.exponent - lowest, most = 73, down = up > most ? up - most : 0;
  const uint128 product = shift_to_odd((uint128)x.significand * y.significand << 2, down);
  const uint128 other = up < 0 ? shift_to_odd(z.significand, -up) : (uint128)z.significand << (up - down);
  const bool negative = (a < 0) != (b < 0), apart = negative != (c < 0), less = apart && product < other;
  const uint128 m = !apart ? product + other : less ? other - product : product - other;
  if (m == 0) return 0;
  const double magnitude = nearest_double(m, lowest + down);
  return negative != less ? -magnitude : magnitude;
}

/* Pairs are exact unless a part overflows (then the result is not finite) or has bits below 2^-1074. */
XENT_INLINE two_doubles fused_two(two_doubles a, two_doubles b, two_doubles c) {
  const two_doubles y = fused_in_pairs(a, b, c);
  const two_bits finite = (two_bits)(without_sign(y) <= DBL_MAX);
  const two_bits large = (two_bits)(without_sign(a * b) >= 0x1p-968) | (two_bits)(a == 0) | (two_bits)(b == 0);
  if (__builtin_expect((finite[0] & finite[1] & large[0] & large[1]) != 0, 1)) return y;
  return (two_doubles){fused_in_integers(a[0], b[0], c[0]), fused_in_integers(a[1], b[1], c[1])};
}
XENT_INLINE double fused_double(double a, double b, double c) {
  return fused_two((two_doubles){a}, (two_doubles){b}, (two_doubles){c})[0];
}
XENT_INLINE void fuse_doubles(double *a, const double *b, const double *c, const int n) {
  for (int j = 0; j < n; j += 2) {
    const two_doubles v = fused_two(load_two(a + j), load_two(b + j), load_two(c + j));
    memcpy(a + j, &v, sizeof v);
  }
}
#endif

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Checks whether the elements of an array are distinct: no two indices have the same address. */
#ifndef XENT_STRIDES_H
#define XENT_STRIDES_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
  int64_t extent, stride;
} axis;

__extension__ typedef unsigned __int128 wide_number;

static inline int64_t times_modulo(int64_t a, int64_t b, int64_t m) {
  return (int64_t)((wide_number)(uint64_t)a * (uint64_t)b % (uint64_t)m);
}

/* The greatest common divisor of two numbers above 0, and x with a x = gcd modulo b, in [0, b). */
static inline int64_t common_divisor(int64_t a, int64_t b, int64_t *x) {
  int64_t r0 = a, r1 = b, x0 = 1, x1 = 0;
  while (r1) {
    const int64_t q = r0 / r1, r2 = r0 - q * r1, x2 = x0 - q * x1;
    r0 = r1, r1 = r2, x0 = x1, x1 = x2;
  }
  const int64_t m = b / r0;
  *x = (x0 % m + m) % m;
  return r0;
}

/* Steps along two axes first meet after each has gone the other's stride, divided by their greatest common divisor. */
static inline bool are_apart(axis a, axis b) {
  int64_t x;
  const int64_t g = common_divisor(a.stride, b.stride, &x);
  return b.stride / g >= a.extent || a.stride / g >= b.extent;
}

/* The axes are pairwise distinct. Searches for i a + j b = k c with all steps within the extents. For each k, i is
 * fixed modulo b / gcd(a, b), and at most one such i fits within the extent of a. c has the smallest extent. */
static inline bool none_meets(axis a, axis b, axis c) {
  int64_t inverse, x;
  const int64_t g = common_divisor(a.stride, b.stride, &inverse), m = b.stride / g;
  const int64_t every = g / common_divisor(c.stride, g, &x); /* only such k c are multiples of g */
  const int64_t step = times_modulo(c.stride / (g / every) % m, inverse % m, m);
  int64_t i = 0;
  for (int64_t k = every; k < c.extent; k += every) {
    i = i >= m - step ? i - (m - step) : i + step;
    for (int64_t at = i; at >= i - m; at -= m) {
      if (at >= a.extent || -at >= a.extent) continue; /* below, no product overflows */
      const int64_t j = (c.stride * k - a.stride * at) / b.stride;
      if (j < b.extent && -j < b.extent) return false;
    }
    if (c.extent - k <= every) break;
  }
  return true;
}

/* Whether no two elements have the same address. Strides are not negative, and the elements fit a reach of 64 bits. The
 * work is bounded by the smallest of three extents, which is bounded by the reach. */
static inline bool elements_are_apart(axis *axes, int n) {
  int used = 0;
  int64_t reach = 0, elements = 1;
  for (int i = 0; i < n; i++) {
    if (axes[i].extent <= 1) continue;
    if (axes[i].stride == 0) return false;
    reach += (axes[i].extent - 1) * axes[i].stride;
    if (__builtin_mul_overflow(elements, axes[i].extent, &elements)) return false;
    axes[used++] = axes[i];
  }
  if (elements - 1 > reach) return false; /* more elements than addresses */
  for (int i = 0; i < used; i++) { /* if a stride exceeds the reach of all others, remove its axis and start again */
    const int64_t others = reach - (axes[i].extent - 1) * axes[i].stride;
    if (axes[i].stride <= others) continue;
    reach = others;
    axes[i] = axes[--used];
    i = -1;
  }
  if (used < 2) return true;
  for (int i = 0; i < used; i++)
    for (int j = 0; j < i; j++)
      if (!are_apart(axes[i], axes[j])) return false;
  if (used == 2) return true;
  for (int i = 0; i < 2; i++)
    if (axes[i].extent < axes[2].extent) {
      const axis smallest = axes[i];
      axes[i] = axes[2];
      axes[2] = smallest;
    }
  int64_t x;
  const bool first = axes[1].stride / common_divisor(axes[0].stride, axes[1].stride, &x) >= axes[0].extent;
  return first ? none_meets(axes[0], axes[1], axes[2]) : none_meets(axes[1], axes[0], axes[2]);
}

#endif

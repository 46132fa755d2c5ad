/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of every kind that the bits and the edges are tested on; reproducible. */
#ifndef XENT_TEST_ROWS_H
#define XENT_TEST_ROWS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct {
  uint64_t state;
} random_source;

static inline uint64_t random_bits(random_source *r) {
  r->state += 0x9E3779B97F4A7C15ull;
  uint64_t z = r->state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}
static inline double random_unit(random_source *r) { return (double)(random_bits(r) >> 11) * 0x1p-53; }
static inline int64_t random_below(random_source *r, int64_t n) { return (int64_t)(random_bits(r) % (uint64_t)n); }
/* A NaN with any payload that a float can represent, or now and then infinity: an unreasonable weight. */
static inline double random_odd(random_source *r) {
  const uint64_t bits = (random_bits(r) & 0x800fffffe0000000u) | 0x7ff8000000000000u;
  double v;
  memcpy(&v, &bits, sizeof v);
  return random_below(r, 8) ? v : (double)INFINITY;
}
static inline float random_normal(random_source *r) {
  const double u = random_unit(r) + 0x1p-60, v = random_unit(r);
  return (float)(sqrt(-2 * log(u)) * cos(6.283185307179586 * v));
}
static inline float float_of(uint32_t u) {
  float v;
  memcpy(&v, &u, sizeof v);
  return v;
}

enum { ROW_KINDS = 23 };
static const char *const row_kind_names[ROW_KINDS] = {
    "normal x4", "normal x40", "offset 1000", "normal x1000", "half -inf", "rising", "falling", "one NaN",
    "one +inf", "all -inf", "subnormals", "scale 1e30", "any finite bits", "nine tenths -1e9",
    "signed zeros", "offset -20000", "huge offset 3e38", "first chunk -inf", "spike over a flat tail",
    "all equal", "-inf and a NaN", "scale 1e-35", "up to the limit"};

static inline void fill_row(float *x, int64_t n, int kind, random_source *r) {
  for (int64_t i = 0; i < n; i++) {
    const float g = random_normal(r);
    switch (kind) {
      case 0: x[i] = 4 * g; break;
      case 1: x[i] = 40 * g; break;
      case 2: x[i] = 1000 + g; break;
      case 3: x[i] = 1000 * g; break;
      case 4: x[i] = random_unit(r) < 0.5 ? -INFINITY : g; break;
      case 5: x[i] = (float)i * 0.01f; break;
      case 6: x[i] = (float)i * -0.05f; break;
      case 10: x[i] = float_of((uint32_t)random_bits(r) & 0x807fffffu); break;
      case 11: x[i] = 1e30f * g; break;
      case 12: do x[i] = float_of((uint32_t)random_bits(r)); while (!isfinite(x[i])); break;
      case 13: x[i] = random_unit(r) < 0.9 ? -1e9f : 3 * g; break;
      case 14: x[i] = random_unit(r) < 0.5 ? 0.0f : -0.0f; break;
      case 15: x[i] = -20000 + g; break;
      case 16: x[i] = 3e38f + 1e37f * g; break;
      case 17: x[i] = i < 8192 && i < n - 1 ? -INFINITY : g; break;
      case 18: x[i] = -15; break;
      case 19: x[i] = 2.5f; break;
      case 9:
      case 20: x[i] = -INFINITY; break;
      case 21: x[i] = 1e-35f * g; break;
      case 22: x[i] = i % 3 ? -16384.0f : n % 2 ? 16384.0f : -16390.0f; break;
      default: x[i] = g;
    }
  }
  if (kind == 7 || kind == 20)
    x[random_below(r, n)] = float_of(0x7fc00000u | ((uint32_t)random_bits(r) & 0x803fffffu));
  if (kind == 8) x[random_below(r, n)] = INFINITY;
  if (kind == 18) x[random_below(r, n)] = 3;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * a * b + c rounded once, as computed by instruction sets without the instruction, against the sum in integers of 4352
 * bits: every triple of special numbers; near halves of a last place, cancellation, and the borders of overflow and of
 * subnormals at random.
 * Usage: fused_test [N]   N thousand random vectors of each type, at least 1; 60 unless told
 */
#include <stdio.h>
#include <stdlib.h>

#include "kernels/vector/vector.h"
#include "rows.h"

/* ---- the reference: an integer whose bit 0 is 2^-2148, the least that a product of doubles can have ---- */

enum { WORDS = 136, LOWEST = -2148 };
typedef struct {
  uint32_t words[WORDS];
} integer;

static void add_word(integer *n, uint32_t word, int at, bool minus) {
  const uint64_t both = (uint64_t)word << at % 32;
  uint32_t parts[2] = {(uint32_t)both, (uint32_t)(both >> 32)};
  uint64_t carry = 0;
  for (int k = at / 32, i = 0; k < WORDS && (i < 2 || carry); k++, i++) {
    const uint64_t part = (i < 2 ? parts[i] : 0) + carry;
    const uint64_t sum = minus ? (uint64_t)n->words[k] - part : n->words[k] + part;
    carry = minus ? n->words[k] < part : sum >> 32;
    n->words[k] = (uint32_t)sum;
  }
}

static void negate(integer *n) {
  integer negative = {{0}};
  for (int k = 0; k < WORDS; k++) add_word(&negative, n->words[k], 32 * k, true);
  *n = negative;
}

static bool bit_of(const integer *n, int at) { return at >= 0 && n->words[at / 32] >> at % 32 & 1; }
static bool any_below(const integer *n, int at) {
  for (int k = 0; k < at; k += at - k >= 32 && k % 32 == 0 ? 32 : 1)
    if (at - k >= 32 && k % 32 == 0 ? n->words[k / 32] != 0 : bit_of(n, k)) return true;
  return false;
}

/* The nearest number with `precision` bits, not below 2^least; ties to even. */
static double nearest(const integer *n, int precision, int least) {
  int top = 32 * WORDS - 1;
  while (top >= 0 && !n->words[top / 32]) top -= 32;
  while (top >= 0 && !bit_of(n, top)) top--;
  const int last = top - precision + 1 < least - LOWEST ? least - LOWEST : top - precision + 1;
  uint64_t kept = 0;
  for (int at = top; at >= last; at--) kept = kept << 1 | bit_of(n, at);
  kept += bit_of(n, last - 1) && (any_below(n, last - 1) || (kept & 1));
  return ldexp((double)kept, last + LOWEST);
}

static uint64_t significand_of(double v, int *exponent) {
  const double fraction = frexp(fabs(v), exponent);
  *exponent -= 53;
  uint64_t significand = (uint64_t)ldexp(fraction, 53);
  for (; significand && *exponent < -1074; ++*exponent) significand >>= 1; /* a subnormal: these bits are 0 */
  return significand;
}

static double expected_of(double a, double b, double c, int precision, int least) {
  if (!isfinite(a) || !isfinite(b) || !isfinite(c)) return isfinite(a) && isfinite(b) ? c : a * b + c;
  int ea, eb, ec;
  const uint64_t x = significand_of(a, &ea), y = significand_of(b, &eb), z = significand_of(c, &ec);
  const bool minus = !signbit(a) != !signbit(b), c_minus = signbit(c) != 0;
  integer n = {{0}};
  if (x && y)
    for (int i = 0; i < 4; i++) {
      const uint64_t part = (x >> 32 * (i & 1) & 0xffffffff) * (y >> 32 * (i >> 1) & 0xffffffff);
      const int at = ea + eb - LOWEST + 32 * ((i & 1) + (i >> 1));
      add_word(&n, (uint32_t)part, at, minus);
      add_word(&n, (uint32_t)(part >> 32), at + 32, minus);
    }
  if (z) {
    add_word(&n, (uint32_t)z, ec - LOWEST, c_minus);
    add_word(&n, (uint32_t)(z >> 32), ec - LOWEST + 32, c_minus);
  }
  const bool negative = n.words[WORDS - 1] >> 31;
  if (negative) negate(&n);
  const double magnitude = nearest(&n, precision, least);
  if (magnitude == 0 && !negative && !any_below(&n, 32 * WORDS)) return minus && c_minus ? -0.0 : 0.0; /* exactly */
  return negative ? -magnitude : magnitude;
}

/* ---- the comparison ---- */

static int64_t compared, wrong;

static void compare(double a, double b, double c, double got, double expected, const char *what) {
  compared++;
  if (double_bits(got) == double_bits(expected) || (got != got && expected != expected)) return;
  if (wrong++ < 10) fprintf(stderr, "%s(%a, %a, %a) = %a, expected %a\n", what, a, b, c, got, expected);
}

static void check_doubles(const double *a, const double *b, const double *c) {
  double all[XENT_LANES];
  memcpy(all, a, sizeof all);
  fuse_doubles(all, b, c, XENT_LANES);
  for (int j = 0; j < XENT_LANES; j++) {
    const double expected = expected_of(a[j], b[j], c[j], 53, -1074);
    compare(a[j], b[j], c[j], all[j], expected, "fuse_doubles");
    compare(a[j], b[j], c[j], fused_double(a[j], b[j], c[j]), expected, "fused_double");
  }
}

static void check_floats(const float *a, const float *b, const float *c) {
  float all[XENT_LANES];
  memcpy(all, a, sizeof all);
  fuse(all, b, c, XENT_LANES);
  for (int j = 0; j < XENT_LANES; j++) {
    const double expected = (double)(float)expected_of((double)a[j], (double)b[j], (double)c[j], 24, -149);
    compare((double)a[j], (double)b[j], (double)c[j], (double)all[j], expected, "fuse");
    compare((double)a[j], (double)b[j], (double)c[j], (double)fused(a[j], b[j], c[j]), expected, "fused");
  }
}

/* ---- what is compared ---- */

static const double specials[] = {
    0, 1, 0x1.fffffep0, 0x1.000002p0, 1.5, 3, 0x1p-149, 0x1p-126, 0x1.fffffcp-127, 0x1p-75, 0x1.fffffep127, 0x1p127,
    0x1p64, 0x1p24, 0x1p-24, 0x1p-25, INFINITY, NAN,
    /* of doubles alone */
    0x1.fffffffffffffp0, 0x1.0000000000001p0, 0x1p-1074, 0x1p-1073, 0x1p-1022, 0x0.fffffffffffffp-1022, 0x1p-537,
    0x1p-538, 0x1.fffffffffffffp1023, 0x1p1023, 0x1p995, 0x1.0000000000001p995, 0x1p512, 0x1p-968,
    0x1.fffffffffffffp-969, 0x1p53, 0x1p-53, 0x1p-54};
enum { SPECIALS = sizeof specials / sizeof *specials, OF_FLOATS = 18 };

static double special(int64_t i) { return i % 2 ? -specials[i / 2] : specials[i / 2]; }

static void test_specials(void) {
  for (int64_t i = 0; i < 2 * SPECIALS; i++)
    for (int64_t j = 0; j < 2 * SPECIALS; j++)
      for (int64_t k = 0; k < 2 * SPECIALS; k += XENT_LANES) {
        double a[XENT_LANES], b[XENT_LANES], c[XENT_LANES];
        float af[XENT_LANES], bf[XENT_LANES], cf[XENT_LANES];
        for (int l = 0; l < XENT_LANES; l++) {
          a[l] = special(i), b[l] = special(j), c[l] = special((k + l) % (2 * SPECIALS));
          af[l] = (float)special(i % (2 * OF_FLOATS)), bf[l] = (float)special(j % (2 * OF_FLOATS));
          cf[l] = (float)special((k + l) % (2 * OF_FLOATS));
        }
        check_doubles(a, b, c);
        check_floats(af, bf, cf);
      }
}

/* Any bits; few significant ones; a subnormal; near 1. */
static uint64_t bits_at_random(random_source *r, int fraction_bits, uint64_t exponents) {
  const uint64_t u = random_bits(r), one = UINT64_C(1) << fraction_bits, sign = u & (one * exponents);
  uint64_t fraction = random_bits(r) & (one - 1), exponent = random_bits(r) & (exponents - 1);
  switch (u % 5) {
    case 0: fraction = fraction & ~((one - 1) >> (u >> 8) % 6); break;
    case 1: fraction = (one - 1) << (u >> 8) % 64 & (one - 1); break;
    case 2: exponent = (u >> 8) % 3; break;
    case 3: exponent = exponents / 2 - 60 + (u >> 8) % 120; break;
    default: break;
  }
  return sign | (exponent & (exponents - 1)) << fraction_bits | fraction;
}
static double double_at_random(random_source *r) { return bits_double(bits_at_random(r, 52, 2048)); }
static float float_at_random(random_source *r) { return bits_float((uint32_t)bits_at_random(r, 23, 256)); }

/* What moves a product to half way between two numbers, as nearly as there is a number that does. */
static double to_half_way(double a, double b) {
  const double product = a * b, step = nextafter(product, INFINITY) - product;
  return step / 2 - expected_of(a, b, -product, 53, -1074);
}
static float to_half_way_float(float a, float b) {
  const float product = a * b, step = nextafterf(product, INFINITY) - product;
  return (float)((double)step / 2 - ((double)a * (double)b - (double)product));
}

/* In addition to random numbers: a c that cancels the product except for its rounding, one last place from that; half a
 * last place of it; products at the least that pairs can hold, and of subnormals. */
static void test_random(int64_t vectors) {
  random_source r = {20};
  for (int64_t i = 0; i < vectors; i++) {
    double a[XENT_LANES], b[XENT_LANES], c[XENT_LANES];
    float af[XENT_LANES], bf[XENT_LANES], cf[XENT_LANES];
    for (int j = 0; j < XENT_LANES; j++) {
      const int kind = (int)random_below(&r, 8), step = (int)random_below(&r, 3) - 1;
      a[j] = double_at_random(&r), b[j] = double_at_random(&r), c[j] = double_at_random(&r);
      af[j] = float_at_random(&r), bf[j] = float_at_random(&r), cf[j] = float_at_random(&r);
      if (kind == 0) {
        c[j] = bits_double(double_bits(-(a[j] * b[j])) + (uint64_t)(int64_t)step);
        cf[j] = bits_float(float_bits(-(af[j] * bf[j])) + (uint32_t)step);
      } else if (kind == 1) {
        a[j] = ldexp(c[j], -53 - step), b[j] = random_below(&r, 2) ? -1 : 1 + 0x1p-52 * (double)step;
        af[j] = ldexpf(cf[j], -24 - step), bf[j] = random_below(&r, 2) ? -1 : 1 + 0x1p-23f * (float)step;
      } else if (kind == 2) {
        c[j] = a[j] * b[j] * ldexp(random_unit(&r), (int)random_below(&r, 120) - 60);
        cf[j] = af[j] * bf[j] * ldexpf((float)random_unit(&r), (int)random_below(&r, 60) - 30);
      } else if (kind == 3 || kind == 4) {
        if (kind == 4) a[j] = ldexp(1 + random_unit(&r), -(int)random_below(&r, 20) - 960), b[j] = 1 + random_unit(&r);
        c[j] = to_half_way(a[j], b[j]);
        cf[j] = to_half_way_float(af[j], bf[j]);
      } else if (kind == 5) {
        a[j] = ldexp((double)random_below(&r, 1 << random_below(&r, 20)), -1074);
        b[j] = ldexp(1 + random_unit(&r), 54 + (int)random_below(&r, 60));
        c[j] = -(a[j] * b[j]) * random_unit(&r);
      }
    }
    check_doubles(a, b, c);
    check_floats(af, bf, cf);
  }
}

int main(int argc, char **argv) {
  const int64_t thousands = argc > 1 ? atoll(argv[1]) : 60;
  if (thousands < 1) {
    fprintf(stderr, "usage: fused_test [N], N at least 1\n");
    return 2;
  }
  test_specials();
  test_random(1000 * thousands);
  printf("%lld sums compared, %lld wrong\n", (long long)compared, (long long)wrong);
  return wrong != 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The instruction sets of a machine, from its CPUID and XCR0: real machines, and machines without one of the words that
 * an instruction set needs, as old CPUs, hypervisors and systems without AVX state. Then those of this machine, and
 * their tables of functions.
 */
#include <stdio.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "cpu/isa.h"
#include "tiers.h"

/* The instruction sets of a machine, as bits. */
enum {
  PLAIN = 1 << XENT_ISA_SCALAR,
  WITH_AVX2 = PLAIN | 1 << XENT_ISA_AVX2,
  WITH_AVX512 = WITH_AVX2 | 1 << XENT_ISA_AVX512,
  WITH_NEON = PLAIN | 1 << XENT_ISA_NEON
};
#if defined(__x86_64__)
enum { X87 = 1, SSE = 2, AVX = 4, MASKS = 0x20, UPPER = 0x40, HIGH = 0x80 };

#define NEEDED_1 (bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C | bit_POPCNT)
#define NEEDED_7 (bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL)

static const xent_cpu_words full = {NEEDED_1, bit_AVX2 | NEEDED_7, X87 | SSE | AVX | MASKS | UPPER | HIGH};
#endif
static int checked, wrong;

static void say(const char *what, int set) {
  fprintf(stderr, ", %s", what);
  for (int32_t isa = 1; is_tier(isa); isa++)
    if (set >> isa & 1) fprintf(stderr, " %s", xent_isa_name(isa));
}

static void expect(int set, xent_cpu_words w, const char *machine) {
  int got = 0;
  for (int32_t isa = 1; is_tier(isa); isa++) got |= xent_cpu_runs(isa, &w) << isa;
  checked++;
  if (got == set) return;
  wrong++;
  fprintf(stderr, "%s", machine);
  say("expected", set);
  say("found", got);
  fprintf(stderr, "\n");
}

/* The kernels of a call that requests the best instruction set, or one that is not available here. */
static void here(void) {
  const int32_t below = xent_has_isa(XENT_ISA_AVX2) ? XENT_ISA_AVX2 : XENT_ISA_SCALAR;
  const int32_t on_x86 = xent_has_isa(XENT_ISA_AVX512) ? XENT_ISA_AVX512 : below;
  const int32_t best = xent_has_isa(XENT_ISA_NEON) ? XENT_ISA_NEON : on_x86;
  bool right = xent_best_isa() == best && xent_kernels_of(XENT_ISA_BEST) == xent_kernels_of(best);
  for (int32_t isa = -1; isa <= MOST_TIERS; isa++)
    right = right && (xent_kernels_of(isa) != NULL) == (xent_has_isa(isa) == 1);
  checked++;
  if (right) return;
  wrong++;
  fprintf(stderr, "here the best tier is %s, and should be %s\n", xent_isa_name(xent_best_isa()), xent_isa_name(best));
}

#if defined(__x86_64__)
static xent_cpu_words without_1(uint32_t bits) {
  xent_cpu_words w = full;
  w.leaf_1_ecx &= ~bits;
  return w;
}
static xent_cpu_words without_7(uint32_t bits) {
  xent_cpu_words w = full;
  w.leaf_7_ebx &= ~bits;
  return w;
}
static xent_cpu_words with_xcr0(uint64_t xcr0) {
  xent_cpu_words w = full;
  w.xcr0 = xcr0;
  return w;
}

static void machines(void) {
  const uint32_t others = ~(NEEDED_7 | bit_AVX2);
  expect(PLAIN, (xent_cpu_words){0, 0, 0}, "a CPU that says nothing");
  expect(PLAIN, (xent_cpu_words){bit_SSE3 | bit_SSE4_2 | bit_OSXSAVE, 0, X87 | SSE}, "x86-64-v2");
  expect(PLAIN, (xent_cpu_words){bit_OSXSAVE | bit_AVX, 0, X87 | SSE | AVX}, "AVX alone");
  expect(PLAIN, (xent_cpu_words){NEEDED_1, 0, X87 | SSE | AVX}, "FMA without AVX2");
  expect(WITH_AVX2, (xent_cpu_words){NEEDED_1, bit_AVX2, X87 | SSE | AVX}, "AVX2");
  expect(WITH_AVX2, (xent_cpu_words){NEEDED_1, bit_AVX2 | bit_AVX512F | bit_AVX512CD, full.xcr0}, "AVX-512 F and CD");
  expect(WITH_AVX2, (xent_cpu_words){~UINT32_C(0), others | bit_AVX2, full.xcr0}, "everything but AVX-512");
  expect(WITH_AVX512, full, "AVX-512");
  expect(WITH_AVX512, (xent_cpu_words){~UINT32_C(0), ~UINT32_C(0), ~UINT64_C(0)}, "a CPU of the future");
}

static void one_word_missing(void) {
  expect(PLAIN, without_1(bit_OSXSAVE), "no OSXSAVE");
  expect(PLAIN, without_1(bit_AVX), "no AVX");
  expect(PLAIN, without_1(bit_FMA), "no FMA");
  expect(PLAIN, without_1(bit_F16C), "no F16C");
  expect(PLAIN, without_1(bit_POPCNT), "no POPCNT");
  expect(PLAIN, without_7(bit_AVX2), "no AVX2");
  expect(WITH_AVX2, without_7(bit_AVX512F), "no AVX-512 F");
  expect(WITH_AVX2, without_7(bit_AVX512BW), "no AVX-512 BW");
  expect(WITH_AVX2, without_7(bit_AVX512DQ), "no AVX-512 DQ");
  expect(WITH_AVX2, without_7(bit_AVX512VL), "no AVX-512 VL");
}

static void registers_not_saved(void) {
  expect(PLAIN, with_xcr0(0), "XCR0 0");
  expect(PLAIN, with_xcr0(X87), "XCR0 with x87 alone");
  expect(PLAIN, with_xcr0(full.xcr0 & ~(uint64_t)SSE), "XCR0 without SSE");
  expect(PLAIN, with_xcr0(full.xcr0 & ~(uint64_t)AVX), "XCR0 without AVX");
  expect(WITH_AVX2, with_xcr0(X87 | SSE | AVX), "XCR0 without AVX-512");
  expect(WITH_AVX2, with_xcr0(full.xcr0 & ~(uint64_t)MASKS), "XCR0 without masks");
  expect(WITH_AVX2, with_xcr0(full.xcr0 & ~(uint64_t)UPPER), "XCR0 without the upper halves of ZMM");
  expect(WITH_AVX2, with_xcr0(full.xcr0 & ~(uint64_t)HIGH), "XCR0 without ZMM 16 to 31");
}

static void caches(void) {
  static const struct {
    const char *name;
    uint32_t eax, ebx, ecx;
    int64_t bytes;
  } words[] = {{"Zen 4, last", 0x00000163, 0x03c0003f, 0x7fff, INT64_C(32) << 20},
               {"Zen 4, second", 0x00004143, 0x01c0003f, 0x07ff, INT64_C(1) << 20},
               {"Sapphire Rapids, first", 0x04004121, 0x02c0003f, 0x003f, INT64_C(48) << 10},
               {"Sapphire Rapids, instructions", 0x04004122, 0x01c0003f, 0x003f, 0},
               {"no cache", 0, 0, 0, 0}};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    const int64_t bytes = xent_cache_bytes(words[i].eax, words[i].ebx, words[i].ecx);
    checked++;
    if (bytes == words[i].bytes) continue;
    wrong++;
    fprintf(stderr, "%s: %lld bytes of cache\n", words[i].name, (long long)bytes);
  }
}

#else
static void caches(void) {}
/* Every CPU of the architecture has all that its instruction sets need. */
static void machines(void) { expect(WITH_NEON, (xent_cpu_words){0}, "AArch64"); }
static void one_word_missing(void) {}
static void registers_not_saved(void) {}
#endif

/* Every function of an instruction set is there: one that was forgotten would be a call of NULL. */
static void expect_functions(const void *table, size_t bytes, int32_t isa) {
  for (size_t at = 0; at < bytes; at += sizeof(void (*)(void))) {
    void (*function)(void);
    memcpy(&function, (const char *)table + at, sizeof function);
    if (function) continue;
    wrong++;
    fprintf(stderr, "%s: function %d is missing\n", xent_isa_name(isa), (int)(at / sizeof function));
  }
}

static void test_tables(void) {
  for (int32_t isa = 1; is_tier(isa); isa++) {
    const xent_kernels *kernels = xent_kernels_of(isa);
    if (!kernels) continue;
    expect_functions(kernels, sizeof *kernels, isa);
    expect_functions(kernels->f32, sizeof *kernels->f32, isa);
    expect_functions(kernels->f64, sizeof *kernels->f64, isa);
  }
}

int main(void) {
  machines();
  one_word_missing();
  registers_not_saved();
  caches();
  here();
  printf("%d machines and caches, %d wrong\n", checked, wrong);
  test_tables();
  return wrong != 0;
}

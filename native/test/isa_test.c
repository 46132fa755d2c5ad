/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which tier a machine gets, from what CPUID and XCR0 say there: machines as there are, and each word that a tier needs
 * taken away one by one, as old CPUs, hypervisors and systems without AVX state do. Then what was chosen here.
 */
#include <cpuid.h>
#include <stdio.h>

#include "cpu/isa.h"

enum { X87 = 1, SSE = 2, AVX = 4, MASKS = 0x20, UPPER = 0x40, HIGH = 0x80 };

#define NEEDED_1 (bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C)
#define NEEDED_7 (bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL)

static const xent_cpu_words full = {NEEDED_1, bit_AVX2 | NEEDED_7, X87 | SSE | AVX | MASKS | UPPER | HIGH};
static int checked, wrong;

static void expect(int32_t isa, xent_cpu_words w, const char *machine) {
  const int32_t got = xent_isa_of(&w);
  checked++;
  if (got == isa) return;
  wrong++;
  fprintf(stderr, "%s: expected %s, chosen %s\n", machine, xent_isa_name(isa), xent_isa_name(got));
}

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
  expect(XENT_ISA_SCALAR, (xent_cpu_words){0, 0, 0}, "a CPU that says nothing");
  expect(XENT_ISA_SCALAR, (xent_cpu_words){bit_SSE3 | bit_SSE4_2 | bit_OSXSAVE, 0, X87 | SSE}, "x86-64-v2");
  expect(XENT_ISA_SCALAR, (xent_cpu_words){bit_OSXSAVE | bit_AVX, 0, X87 | SSE | AVX}, "AVX alone");
  expect(XENT_ISA_SCALAR, (xent_cpu_words){NEEDED_1, 0, X87 | SSE | AVX}, "FMA without AVX2");
  expect(XENT_ISA_AVX2, (xent_cpu_words){NEEDED_1, bit_AVX2, X87 | SSE | AVX}, "AVX2");
  expect(XENT_ISA_AVX2, (xent_cpu_words){NEEDED_1, bit_AVX2 | bit_AVX512F | bit_AVX512CD, full.xcr0}, "AVX-512 F and CD");
  expect(XENT_ISA_AVX2, (xent_cpu_words){~UINT32_C(0), others | bit_AVX2, full.xcr0}, "everything but AVX-512");
  expect(XENT_ISA_AVX512, full, "AVX-512");
  expect(XENT_ISA_AVX512, (xent_cpu_words){~UINT32_C(0), ~UINT32_C(0), ~UINT64_C(0)}, "a CPU of the future");
}

static void one_word_missing(void) {
  expect(XENT_ISA_SCALAR, without_1(bit_OSXSAVE), "no OSXSAVE");
  expect(XENT_ISA_SCALAR, without_1(bit_AVX), "no AVX");
  expect(XENT_ISA_SCALAR, without_1(bit_FMA), "no FMA");
  expect(XENT_ISA_SCALAR, without_1(bit_F16C), "no F16C");
  expect(XENT_ISA_SCALAR, without_7(bit_AVX2), "no AVX2");
  expect(XENT_ISA_AVX2, without_7(bit_AVX512F), "no AVX-512 F");
  expect(XENT_ISA_AVX2, without_7(bit_AVX512BW), "no AVX-512 BW");
  expect(XENT_ISA_AVX2, without_7(bit_AVX512DQ), "no AVX-512 DQ");
  expect(XENT_ISA_AVX2, without_7(bit_AVX512VL), "no AVX-512 VL");
}

static void registers_not_saved(void) {
  expect(XENT_ISA_SCALAR, with_xcr0(0), "XCR0 0");
  expect(XENT_ISA_SCALAR, with_xcr0(X87), "XCR0 with x87 alone");
  expect(XENT_ISA_SCALAR, with_xcr0(full.xcr0 & ~(uint64_t)SSE), "XCR0 without SSE");
  expect(XENT_ISA_SCALAR, with_xcr0(full.xcr0 & ~(uint64_t)AVX), "XCR0 without AVX");
  expect(XENT_ISA_AVX2, with_xcr0(X87 | SSE | AVX), "XCR0 without AVX-512");
  expect(XENT_ISA_AVX2, with_xcr0(full.xcr0 & ~(uint64_t)MASKS), "XCR0 without masks");
  expect(XENT_ISA_AVX2, with_xcr0(full.xcr0 & ~(uint64_t)UPPER), "XCR0 without the upper halves of ZMM");
  expect(XENT_ISA_AVX2, with_xcr0(full.xcr0 & ~(uint64_t)HIGH), "XCR0 without ZMM 16 to 31");
}

int main(void) {
  machines();
  one_word_missing();
  registers_not_saved();
  printf("%d machines, %d with a wrong tier; here: %s\n", checked, wrong, xent_isa_name(xent_best_isa()));
  return wrong != 0;
}

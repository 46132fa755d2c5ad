/* SPDX-License-Identifier: Apache-2.0 */
/* Which tiers run here. A tier needs the CPU's word (CPUID) and the operating system's (XCR0): registers
 * that the system does not save must not be used. */
#include "cpu/isa.h"

#if defined(XENT_HAVE_AVX512)
#include <cpuid.h>

int32_t xent_isa_of(const xent_cpu_words *w) {
  const uint32_t needed = bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C;
  if ((w->leaf_1_ecx & needed) != needed) return XENT_ISA_SCALAR;
  const uint64_t sse_and_avx = 0x6, masks_and_zmm = 0xe0;
  if ((w->xcr0 & sse_and_avx) != sse_and_avx || !(w->leaf_7_ebx & bit_AVX2)) return XENT_ISA_SCALAR;
  const uint32_t avx512 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
  if ((w->leaf_7_ebx & avx512) != avx512 || (w->xcr0 & masks_and_zmm) != masks_and_zmm) return XENT_ISA_AVX2;
  return XENT_ISA_AVX512;
}

static uint64_t enabled_registers(void) {
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

static int32_t detect(void) {
  xent_cpu_words w = {0, 0, 0};
  uint32_t a, b, c, d;
  if (__get_cpuid(1, &a, &b, &c, &d)) w.leaf_1_ecx = c;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) w.leaf_7_ebx = b;
  /* Without OSXSAVE the instruction is not there. */
  if (w.leaf_1_ecx & bit_OSXSAVE) w.xcr0 = enabled_registers();
  return xent_isa_of(&w);
}
#else
static int32_t detect(void) { return XENT_ISA_SCALAR; }
#endif

/* CPUID can cost a microsecond and more under a hypervisor, so it is asked once, when the library is
 * loaded; never written again. Initialisers that run before ours find the scalar tier. */
static int32_t best;
__attribute__((constructor)) static void detect_once(void) { best = detect(); }

static int32_t best_here(void) { return best == XENT_ISA_BEST ? XENT_ISA_SCALAR : best; }
int32_t xent_best_isa(void) { return best_here(); }

const xent_kernels *xent_kernels_of(int32_t isa) {
  if (isa == XENT_ISA_BEST) isa = best_here();
  if (isa > best_here()) return NULL;
  switch (isa) {
    case XENT_ISA_SCALAR: return &xent_kernels_scalar;
#if defined(XENT_HAVE_AVX512)
    case XENT_ISA_AVX2: return &xent_kernels_avx2;
    case XENT_ISA_AVX512: return &xent_kernels_avx512;
#endif
    default: return NULL;
  }
}

const char *xent_isa_name(int32_t isa) {
  switch (isa) {
    case XENT_ISA_BEST: return "best";
    case XENT_ISA_SCALAR: return "scalar";
    case XENT_ISA_AVX2: return "avx2";
    case XENT_ISA_AVX512: return "avx512";
    default: return "unknown";
  }
}

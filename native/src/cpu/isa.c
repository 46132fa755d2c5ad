/* SPDX-License-Identifier: Apache-2.0 */
/* The tiers, and those that run on this CPU. A tier needs support by the CPU (CPUID) and by the operating system
 * (XCR0): registers that the system does not save must not be used. */
#include "cpu/isa.h"

static bool any_cpu(const xent_cpu_words *w) { return w != NULL; }

#if defined(__x86_64__)
#include <cpuid.h>

static bool has_avx2(const xent_cpu_words *w) {
  const uint32_t needed = bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C | bit_POPCNT;
  const uint64_t sse_and_avx = 0x6;
  if ((w->leaf_1_ecx & needed) != needed) return false;
  return (w->xcr0 & sse_and_avx) == sse_and_avx && (w->leaf_7_ebx & bit_AVX2);
}

static bool has_avx512(const xent_cpu_words *w) {
  const uint32_t needed = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
  const uint64_t masks_and_zmm = 0xe0;
  return has_avx2(w) && (w->leaf_7_ebx & needed) == needed && (w->xcr0 & masks_and_zmm) == masks_and_zmm;
}

static uint64_t enabled_registers(void) {
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

static xent_cpu_words words_of_this_cpu(void) {
  xent_cpu_words w = {0, 0, 0};
  uint32_t a, b, c, d;
  if (__get_cpuid(1, &a, &b, &c, &d)) w.leaf_1_ecx = c;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) w.leaf_7_ebx = b;
  /* Without OSXSAVE the instruction does not exist. */
  if (w.leaf_1_ecx & bit_OSXSAVE) w.xcr0 = enabled_registers();
  return w;
}

int64_t xent_cache_bytes(uint32_t eax, uint32_t ebx, uint32_t ecx) {
  enum { INSTRUCTIONS = 2 };
  const uint32_t type = eax & 31;
  if (type == 0 || type == INSTRUCTIONS) return 0;
  const int64_t ways = (ebx >> 22) + 1, parts = (ebx >> 12 & 0x3ff) + 1, line = (ebx & 0xfff) + 1;
  return ways * parts * line * ((int64_t)ecx + 1);
}
/* The largest cache of a leaf with one subleaf per cache. */
static int64_t largest_cache_of(uint32_t leaf) {
  uint32_t a, b, c, d;
  int64_t largest = 0;
  for (uint32_t cache = 0; cache < 16 && __get_cpuid_count(leaf, cache, &a, &b, &c, &d) && (a & 31); cache++) {
    const int64_t bytes = xent_cache_bytes(a, b, c);
    if (bytes > largest) largest = bytes;
  }
  return largest;
}
static int64_t cache_of_this_cpu(void) {
  const int64_t bytes = largest_cache_of(4);
  return bytes ? bytes : largest_cache_of(0x8000001d);
}
#else
static xent_cpu_words words_of_this_cpu(void) { return (xent_cpu_words){0}; }
static int64_t cache_of_this_cpu(void) { return 0; }
#endif

/* Tiers that CMakeLists.txt does not build for this architecture. */
#define ABSENT NULL, NULL
#if defined(XENT_HAVE_AVX2)
#define AVX2 &xent_kernels_avx2, has_avx2
#else
#define AVX2 ABSENT
#endif
#if defined(XENT_HAVE_AVX512)
#define AVX512 &xent_kernels_avx512, has_avx512
#else
#define AVX512 ABSENT
#endif

#if defined(XENT_HAVE_NEON)
#define NEON &xent_kernels_neon, any_cpu
#else
#define NEON ABSENT
#endif

/* All tiers, in ascending order of preference. kernels are NULL if this build does not have the tier. */
static const struct {
  int32_t isa;
  const char *name;
  const xent_kernels *kernels;
  bool (*runs_on)(const xent_cpu_words *w);
} tiers[] = {
    {XENT_ISA_SCALAR, "scalar", &xent_kernels_scalar, any_cpu},
    {XENT_ISA_AVX2, "avx2", AVX2},
    {XENT_ISA_AVX512, "avx512", AVX512},
    {XENT_ISA_NEON, "neon", NEON},
};
enum { TIERS = sizeof tiers / sizeof *tiers };

static int index_of(int32_t isa) {
  int i = 0;
  while (i < TIERS && tiers[i].isa != isa) i++;
  return i;
}
bool xent_is_isa(int32_t isa) { return isa == XENT_ISA_BEST || index_of(isa) < TIERS; }

bool xent_cpu_runs(int32_t isa, const xent_cpu_words *words) {
  const int i = index_of(isa);
  return i < TIERS && tiers[i].kernels && tiers[i].runs_on(words);
}

/* The available kernels, by XENT_ISA_... CPUID can take a microsecond or more under a hypervisor, so it runs once, when
 * the library is loaded, and the table never changes afterwards. Initializers that run earlier see the scalar tier. */
_Static_assert((int)XENT_ISA_NEON == TIERS, "a place for each, and for the best");
static const xent_kernels *here[TIERS + 1] = {
    [XENT_ISA_BEST] = &xent_kernels_scalar, [XENT_ISA_SCALAR] = &xent_kernels_scalar};
static int32_t best = XENT_ISA_SCALAR;
static int64_t last_cache = 24 << 20;
enum { OWN_CACHE = 32 << 20 }; /* what a call can expect of a cache that many cores share */

__attribute__((constructor)) static void detect_once(void) {
  const xent_cpu_words words = words_of_this_cpu();
  for (int i = 0; i < TIERS; i++)
    if (xent_cpu_runs(tiers[i].isa, &words)) here[best = tiers[i].isa] = tiers[i].kernels;
  here[XENT_ISA_BEST] = here[best];
  const int64_t bytes = cache_of_this_cpu();
  if (bytes) last_cache = bytes < OWN_CACHE ? bytes : OWN_CACHE;
}
int64_t xent_last_cache(void) { return last_cache; }

const xent_kernels *xent_kernels_of(int32_t isa) { return isa >= 0 && isa <= TIERS ? here[isa] : NULL; }

int32_t xent_best_isa(void) { return best; }
int32_t xent_has_isa(int32_t isa) { return xent_kernels_of(isa) != NULL; }

const char *xent_isa_name(int32_t isa) {
  const int i = index_of(isa);
  return isa == XENT_ISA_BEST ? "best" : i < TIERS ? tiers[i].name : "unknown";
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef XENT_ISA_H
#define XENT_ISA_H

#include "kernels/kernels.h"

/* The kernels of a tier (XENT_ISA_BEST: the best one), or NULL if the tier does not exist or this CPU or build lacks
 * it. */
const xent_kernels *xent_kernels_of(int32_t isa);

/* Whether xent.h defines such a tier, available or not; true for XENT_ISA_BEST, too. */
bool xent_is_isa(int32_t isa);

/* The features that the CPU and the operating system report; features that they do not report are 0. */
typedef struct {
#if defined(__x86_64__)
  uint32_t leaf_1_ecx, leaf_7_ebx; /* CPUID */
  uint64_t xcr0;                   /* the registers that the system saves */
#else
  uint32_t nothing;
#endif
} xent_cpu_words;

/* Whether a machine with these features can run a tier of this build. */
bool xent_cpu_runs(int32_t isa, const xent_cpu_words *words);

/* The bytes of the last cache, at most 32 MiB; 24 MiB if the CPU does not have this number. */
int64_t xent_last_cache(void);
#if defined(__x86_64__)
/* The bytes of the cache that leaf 4 (Intel) or 0x8000001d (AMD) of CPUID describes; 0: no data, or no more caches. */
int64_t xent_cache_bytes(uint32_t eax, uint32_t ebx, uint32_t ecx);
#endif

#endif

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

#endif

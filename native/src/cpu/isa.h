/* SPDX-License-Identifier: Apache-2.0 */
#ifndef XENT_ISA_H
#define XENT_ISA_H

#include "kernels/kernels.h"

/* The kernels of a tier (XENT_ISA_BEST: the best here), or NULL where there is none or this CPU or build lacks it. */
const xent_kernels *xent_kernels_of(int32_t isa);

/* Whether xent.h has such a tier, be it here or not; XENT_ISA_BEST too. */
bool xent_is_isa(int32_t isa);

/* What the CPU and the operating system say of themselves; what they do not say is 0. */
typedef struct {
#if defined(__x86_64__)
  uint32_t leaf_1_ecx, leaf_7_ebx; /* CPUID */
  uint64_t xcr0;                   /* the registers that the system saves */
#else
  uint32_t nothing;
#endif
} xent_cpu_words;

/* Whether such a machine can run a tier that this build has. */
bool xent_cpu_runs(int32_t isa, const xent_cpu_words *words);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef XENT_ISA_H
#define XENT_ISA_H

#include "kernels/kernels.h"

/* The kernels of a tier (XENT_ISA_BEST: the best here), or NULL where this CPU or build lacks it. */
const xent_kernels *xent_kernels_of(int32_t isa);

#if defined(XENT_HAVE_AVX512)
/* What the CPU and the operating system say of themselves; what they do not say is 0. */
typedef struct {
  uint32_t leaf_1_ecx, leaf_7_ebx; /* CPUID */
  uint64_t xcr0;                   /* the registers that the system saves */
} xent_cpu_words;

/* The best tier that such a machine can run. */
int32_t xent_isa_of(const xent_cpu_words *words);
#endif

#endif

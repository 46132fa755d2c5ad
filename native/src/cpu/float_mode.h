/* SPDX-License-Identifier: Apache-2.0 */
/* The bits of results need round-to-nearest and subnormals. Another library may have left the thread in another mode,
 * so each call sets the mode and restores it at the end. Reading the mode costs about 6 ns; only a different mode costs
 * more. */
#ifndef XENT_FLOAT_MODE_H
#define XENT_FLOAT_MODE_H

#if defined(__x86_64__)
#include <xmmintrin.h>

typedef unsigned int float_mode;

enum {
  FLOAT_MODE_FLAGS = 0x003f,  /* sticky exception flags: may differ */
  FLOAT_MODE_DEFAULT = 0x1f80 /* all exceptions masked, nearest, subnormals kept */
};

static inline float_mode float_mode_enter(void) {
  const unsigned int mode = _mm_getcsr();
  if ((mode & ~(unsigned int)FLOAT_MODE_FLAGS) != FLOAT_MODE_DEFAULT) _mm_setcsr(FLOAT_MODE_DEFAULT);
  return mode;
}
static inline void float_mode_leave(float_mode mode) {
  if ((mode & ~(unsigned int)FLOAT_MODE_FLAGS) != FLOAT_MODE_DEFAULT) _mm_setcsr(mode);
}
#elif defined(__aarch64__)
#include <stdint.h>

typedef uint64_t float_mode; /* FPCR; the sticky flags are in another register, and may differ */

static inline void float_mode_set(float_mode mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode) : "memory"); }
static inline float_mode float_mode_enter(void) {
  float_mode mode;
  __asm__ volatile("mrs %0, fpcr" : "=r"(mode) : : "memory");
  if (mode != 0) float_mode_set(0);
  return mode;
}
static inline void float_mode_leave(float_mode mode) {
  if (mode != 0) float_mode_set(mode);
}
#else
#include <fenv.h>

typedef fenv_t float_mode;

static inline float_mode float_mode_enter(void) {
  fenv_t mode;
  fegetenv(&mode);
  fesetenv(FE_DFL_ENV);
  return mode;
}
static inline void float_mode_leave(float_mode mode) { fesetenv(&mode); }
#endif

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* pthread_getattr_np */
#include "cpu/stack.h"

#include <stdint.h>

typedef struct {
  uintptr_t low, high;
} xent_stack;

#if defined(__linux__)
#include <pthread.h>

#if defined(XENT_FIRST_GLIBC) /* by the names of the first C library, so that the shared library needs no newer one */
__asm__(".symver pthread_getattr_np, pthread_getattr_np@" XENT_FIRST_GLIBC);
__asm__(".symver pthread_attr_getstack, pthread_attr_getstack@" XENT_FIRST_GLIBC);
#endif

static xent_stack ask_for_stack(void) {
  pthread_attr_t attributes;
  void *low = NULL;
  size_t size = 0;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return (xent_stack){1, 1}; /* asked, and not told */
  const int status = pthread_attr_getstack(&attributes, &low, &size);
  pthread_attr_destroy(&attributes);
  return status != 0 || !low ? (xent_stack){1, 1} : (xent_stack){(uintptr_t)low, (uintptr_t)low + size};
}
#elif defined(__APPLE__)
#include <pthread.h>

static xent_stack ask_for_stack(void) {
  const uintptr_t high = (uintptr_t)pthread_get_stackaddr_np(pthread_self());
  return (xent_stack){high - pthread_get_stacksize_np(pthread_self()), high};
}
#elif defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

static xent_stack ask_for_stack(void) {
  ULONG_PTR low, high;
  GetCurrentThreadStackLimits(&low, &high);
  return (xent_stack){low, high};
}
#else
static xent_stack ask_for_stack(void) { return (xent_stack){1, 1}; }
#endif

bool xent_has_stack(void) {
  static _Thread_local xent_stack own; /* asking takes a microsecond */
  if (own.high == 0) own = ask_for_stack();
  const uintptr_t here = (uintptr_t)__builtin_frame_address(0);
  return here < own.low || here >= own.high || here - own.low >= XENT_STACK_PROMISED + XENT_STACK_GUARDED;
}

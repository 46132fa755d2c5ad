/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* pthread_getattr_np */
#include "cpu/stack.h"

#include "numerics/float_flags.h"

typedef struct {
  uintptr_t low, high;
} xent_stack;

#if defined(__linux__)
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(XENT_ALONE) /* from the C library of the process, which may lack some of these */
#pragma weak pthread_getattr_np
#pragma weak pthread_attr_getstack
#pragma weak pthread_attr_destroy
#pragma weak pthread_self
#pragma weak syscall
static bool can_ask(void) {
  return pthread_getattr_np && pthread_attr_getstack && pthread_attr_destroy && pthread_self && syscall;
}
#else
static bool can_ask(void) { return true; }
#endif

/* The size that the stack of the process's first thread may grow to. Arguments and environment take at most a quarter
 * of it. 0 for other threads, whose stacks have a fixed size. */
static uintptr_t growth(void) {
  struct {
    uint64_t now, most;
  } limit;
  if (syscall(SYS_gettid) != syscall(SYS_getpid)) return 0;
  return syscall(SYS_prlimit64, 0, RLIMIT_STACK, NULL, &limit) != 0 ? 0 : (uintptr_t)(limit.now / 4 * 3);
}

static xent_stack ask_for_stack(void) {
  const xent_stack unknown = {1, 1};
  pthread_attr_t attributes;
  void *low = NULL;
  size_t size = 0;
  if (!can_ask() || pthread_getattr_np(pthread_self(), &attributes) != 0) return unknown;
  const int status = pthread_attr_getstack(&attributes, &low, &size);
  pthread_attr_destroy(&attributes);
  if (status != 0 || !low) return unknown;
  const uintptr_t high = (uintptr_t)low + size, most = growth();
  /* glibc reports the limit; musl reports only the used part. */
  if (most > size) size = most < high ? most : high;
  return (xent_stack){high - size, high};
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

int64_t xent_stack_left(void) {
  static _Thread_local xent_stack own; /* a query takes a microsecond */
  if (own.high == 0) own = ask_for_stack();
  const uintptr_t here = (uintptr_t)__builtin_frame_address(0);
  return here < own.low || here >= own.high ? -1 : (int64_t)(here - own.low);
}

bool xent_has_stack(void) {
  const int64_t left = xent_stack_left();
  return left < 0 || left >= XENT_STACK_PROMISED + XENT_STACK_GUARDED;
}

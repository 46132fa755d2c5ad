/* SPDX-License-Identifier: Apache-2.0 */
/* Threads whose stacks are measured and limited, of POSIX and of Windows. Include first. */
#ifndef XENT_TEST_STACKS_H
#define XENT_TEST_STACKS_H

#if !defined(_WIN32)
#define _POSIX_C_SOURCE 200809L
#endif
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STACK = 1 << 20, PAINT = 0xa7 };

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

/* Windows lays stacks out itself: a thread paints its own below the frame that it is in, and uses it up as far as it
 * should not reach. */
enum { PAINTED = STACK - (1 << 16) };

typedef struct {
  void *(*run)(void *);
  void *argument;
  uintptr_t lowest; /* the frame to come to before the run */
  int64_t bytes;
} stack_job;

__attribute__((noinline)) static void paint_below(void) {
  volatile unsigned char room[PAINTED];
  for (int64_t i = 0; i < PAINTED; i++) room[i] = PAINT;
}
__attribute__((noinline)) static int64_t painted_below(void) {
  volatile unsigned char room[PAINTED];
  __asm__ volatile("" : "=m"(room)); /* what is there */
  int64_t left = 0;
  while (left < PAINTED && room[left] == PAINT) left++;
  return PAINTED - left;
}
static void *run_painted(void *argument) {
  stack_job *job = argument;
  paint_below();
  job->run(job->argument);
  job->bytes = painted_below();
  return NULL;
}
__attribute__((noinline)) static void run_below(const stack_job *job) {
  volatile char room[1024];
  room[0] = 0;
  if ((uintptr_t)__builtin_frame_address(0) > job->lowest)
    run_below(job);
  else
    job->run(job->argument);
  room[0] = 1; /* so that it is a frame */
}
static void *run_deep(void *argument) {
  stack_job *job = argument;
  ULONG_PTR low, high;
  GetCurrentThreadStackLimits(&low, &high);
  job->lowest = (uintptr_t)low + (uintptr_t)job->bytes;
  run_below(job);
  return NULL;
}
static void run_thread(void *(*run)(void *), stack_job *job) {
  pthread_attr_t attributes;
  pthread_t thread;
  if (pthread_attr_init(&attributes) || pthread_attr_setstacksize(&attributes, STACK) ||
      pthread_create(&thread, &attributes, run, job) || pthread_join(thread, NULL)) {
    fprintf(stderr, "no thread with %d bytes of stack\n", STACK);
    exit(2);
  }
  pthread_attr_destroy(&attributes);
}
static int64_t stack_of(void *(*run)(void *), void *argument) {
  stack_job job = {.run = run, .argument = argument};
  run_thread(run_painted, &job);
  return job.bytes;
}
static void run_on_stack(size_t bytes, void *(*run)(void *), void *argument) {
  stack_job job = {.run = run, .argument = argument, .bytes = (int64_t)bytes};
  run_thread(run_deep, &job);
}
#else
static void run_on(unsigned char *stack, size_t bytes, void *(*run)(void *), void *argument) {
  pthread_attr_t attributes;
  pthread_t thread;
  if (pthread_attr_init(&attributes) || pthread_attr_setstack(&attributes, stack, bytes) ||
      pthread_create(&thread, &attributes, run, argument) || pthread_join(thread, NULL)) {
    fprintf(stderr, "no thread with a stack of its own\n");
    exit(2);
  }
  pthread_attr_destroy(&attributes);
}
/* Bytes of a painted stack that do not have the paint any more. */
static int64_t stack_of(void *(*run)(void *), void *argument) {
  static unsigned char *stack;
  if (!stack && !(stack = aligned_alloc(4096, STACK))) exit(2);
  memset(stack, PAINT, STACK);
  run_on(stack, STACK, run, argument);
  int64_t left = 0;
  while (left < STACK && stack[left] == PAINT) left++;
  return STACK - left;
}
/* Runs on a thread with `bytes` bytes of stack, or slightly less. */
static void run_on_stack(size_t bytes, void *(*run)(void *), void *argument) {
  static unsigned char stack[STACK] __attribute__((aligned(4096)));
  run_on(stack, bytes, run, argument);
}
#endif

#endif

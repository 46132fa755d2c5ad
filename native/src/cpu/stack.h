/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks whether a thread has enough stack for a call. A stack overflow in native code ends the process: a JVM keeps
 * only 80 KiB free for native code, and throws StackOverflowError only if less is left.
 */
#ifndef XENT_STACK_H
#define XENT_STACK_H

#include <stdbool.h>
#include <stdint.h>

enum {
  XENT_STACK_PROMISED = 136 << 10, /* the most that a call takes, as promised in xent.h */
  XENT_STACK_GUARDED = 24 << 10    /* pages at the end of the stack that a JVM protects */
};

/* The bytes left to the thread; -1 if unknown: on a stack that is not the thread's own, or if the system does not
 * report the limits. */
int64_t xent_stack_left(void);

/* Whether a call fits; true if unknown. */
bool xent_has_stack(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a thread has the stack that a call takes. A thread that runs out of it takes the process with it: a JVM sees
 * to 80 KiB for native code and throws a StackOverflowError no earlier.
 */
#ifndef XENT_STACK_H
#define XENT_STACK_H

#include <stdbool.h>

enum {
  XENT_STACK_PROMISED = 128 << 10, /* what xent.h says that a call takes at most */
  XENT_STACK_GUARDED = 32 << 10    /* pages at the end that a JVM protects */
};

/* True where that cannot be told: on a stack that is not the thread's own, or where the system does not say. */
bool xent_has_stack(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions that compilers call by name, for the shared library of Linux only. With these the library needs no C
 * library, and one file works with glibc and musl. They are hidden, so that only this library calls them. The flags of
 * this file keep compilers from turning its loops into calls.
 */
#include <stddef.h>
#include <stdint.h>

#include "numerics/float_flags.h"

void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int value, size_t count);
void __stack_chk_fail(void);

typedef uint8_t piece __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint64_t word __attribute__((aligned(1), may_alias));
enum { PIECE = sizeof(piece), WORD = sizeof(word), BLOCK = 4 * PIECE };

/* The last piece may overlap the previous one, so only arrays shorter than a word need single-byte stores. */
void *memcpy(void *restrict to, const void *restrict from, size_t count) {
  uint8_t *t = to;
  const uint8_t *f = from;
  if (count >= PIECE) {
    uint8_t *const last = t + count - PIECE;
    const piece end = *(const piece *)(f + count - PIECE);
    for (; t < last; t += PIECE, f += PIECE) *(piece *)t = *(const piece *)f;
    *(piece *)last = end;
  } else if (count >= WORD) {
    const word start = *(const word *)f, end = *(const word *)(f + count - WORD);
    *(word *)t = start;
    *(word *)(t + count - WORD) = end;
  } else {
    for (size_t i = 0; i < count; i++) t[i] = f[i];
  }
  return to;
}

/* In the order in which nothing is overwritten before it is read. */
void *memmove(void *to, const void *from, size_t count) {
  uint8_t *t = to;
  const uint8_t *f = from;
  if ((uintptr_t)to - (uintptr_t)from >= count) { /* the destination does not begin within the source */
    for (; count >= PIECE; count -= PIECE, t += PIECE, f += PIECE) *(piece *)t = *(const piece *)f;
    for (; count > 0; count--) *t++ = *f++;
  } else {
    for (; count >= PIECE; count -= PIECE) *(piece *)(t + count - PIECE) = *(const piece *)(f + count - PIECE);
    for (; count > 0; count--) t[count - 1] = f[count - 1];
  }
  return to;
}

void *memset(void *to, int value, size_t count) {
  uint8_t *t = to;
  const word eight = 0x0101010101010101u * (uint8_t)value;
  if (count >= PIECE) {
    uint8_t *const last = t + count - PIECE;
    const piece all = (piece)(uint64_t __attribute__((vector_size(16)))){eight, eight};
    for (; last - t >= BLOCK; t += BLOCK)
      for (int i = 0; i < BLOCK; i += PIECE) *(piece *)(t + i) = all;
    for (; t < last; t += PIECE) *(piece *)t = all;
    *(piece *)last = all;
  } else if (count >= WORD) {
    *(word *)t = eight;
    *(word *)(t + count - WORD) = eight;
  } else {
    for (size_t i = 0; i < count; i++) t[i] = (uint8_t)value;
  }
  return to;
}

/* The stack is corrupt, so this cannot report an error. */
void __stack_chk_fail(void) { __builtin_trap(); }

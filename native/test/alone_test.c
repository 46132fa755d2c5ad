/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that compilers call by name do what those of the C library do, also with memory that overlaps. */
#include <stdio.h>
#include <string.h>

#define memcpy alone_memcpy
#define memmove alone_memmove
#define memset alone_memset
#define __stack_chk_fail alone_stack_chk_fail
#include "cpu/alone.c"
#undef memcpy
#undef memmove
#undef memset

enum { LONGEST = 160, ROOM = 3 * LONGEST };
static int calls, failures;

static void fill(uint8_t *bytes) {
  for (int i = 0; i < ROOM; i++) bytes[i] = (uint8_t)(i * 7 + 1);
}
static void compare(const char *name, const uint8_t *actual, const uint8_t *expected, int to, int from, int count) {
  calls++;
  if (!memcmp(actual, expected, ROOM)) return;
  failures++;
  printf("%s of %d bytes from %d to %d differs\n", name, count, from, to);
}

int main(void) {
  uint8_t actual[ROOM], expected[ROOM];
  for (int count = 0; count <= LONGEST; count++)
    for (int from = 0; from <= 2 * LONGEST; from += 1 + count / 8)
      for (int to = 0; to <= 2 * LONGEST; to++) {
        fill(actual);
        fill(expected);
        if (alone_memmove(actual + to, actual + from, (size_t)count) != actual + to) failures++;
        memmove(expected + to, expected + from, (size_t)count);
        compare("memmove", actual, expected, to, from, count);
        if (to < from + count && from < to + count) continue;
        fill(actual);
        if (alone_memcpy(actual + to, actual + from, (size_t)count) != actual + to) failures++;
        compare("memcpy", actual, expected, to, from, count);
      }
  for (int count = 0; count <= LONGEST; count++)
    for (int to = 0; to <= LONGEST; to++) {
      fill(actual);
      fill(expected);
      if (alone_memset(actual + to, 0x1a5 + to, (size_t)count) != actual + to) failures++;
      memset(expected + to, 0x1a5 + to, (size_t)count);
      compare("memset", actual, expected, to, 0, count);
    }
  printf("%d calls, %d failures\n", calls, failures);
  return failures != 0;
}

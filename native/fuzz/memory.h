/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places the arrays of a call: each at the begin or the end of a room between inaccessible pages, so that reads outside
 * the room fault. The bytes around an array must stay unchanged; under AddressSanitizer they are poisoned.
 */
#ifndef XENT_FUZZ_MEMORY_H
#define XENT_FUZZ_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

enum { ROOM = 1 << 18 };

typedef struct {
  unsigned char *room;
  unsigned char *data; /* of the array; NULL without one */
  int64_t bytes;
  unsigned char *initial; /* its bytes before every run */
  unsigned char *before;  /* ... before the last call */
  unsigned char *result;  /* ... after the run of the first tier */
} fuzz_slot;

/* Makes the room, once. */
void slot_make(fuzz_slot *slot);
/* Makes room for `bytes` bytes, at most ROOM - 16, `shift` bytes off alignment. Sets `initial` to zeros. */
void slot_place(fuzz_slot *slot, int64_t bytes, bool at_end, int64_t shift);
/* Sets the array's bytes to their initial ones. */
void slot_reset(fuzz_slot *slot);
/* Whether the bytes around the array are as they were. */
bool slot_is_intact(const fuzz_slot *slot);
/* An address without access; aligned. */
void *nowhere(void);
/* Prints the error and aborts, so that the fuzzer records the input. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

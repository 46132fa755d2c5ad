/* SPDX-License-Identifier: Apache-2.0 */
#include "pages.h"

#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FUZZ_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define FUZZ_ASAN 1
#endif

#ifdef FUZZ_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes) ((void)0)
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes) ((void)0)
#endif

/* The bytes on each side that must stay unchanged. */
enum { MARGIN = 256, FILL = 0x5a };

_Noreturn void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("FOUND: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  abort();
}

void *nowhere(void) {
  static unsigned char *address;
  if (!address) address = closed_pages(1 << 20);
  return address + (1 << 19);
}

void slot_make(fuzz_slot *slot) {
  const size_t guard = page_size(), copied = 3 * (size_t)ROOM;
  slot->room = closed_pages(ROOM + 2 * guard) + guard;
  open_pages(slot->room, ROOM);
  memset(slot->room, FILL, ROOM);
  unsigned char *copies = closed_pages(copied);
  open_pages(copies, copied);
  slot->initial = copies;
  slot->before = copies + ROOM;
  slot->result = copies + 2 * (size_t)ROOM;
}

static int64_t margin_before(const fuzz_slot *s) {
  const int64_t there = s->data - s->room;
  return there < MARGIN ? there : MARGIN;
}
static int64_t margin_behind(const fuzz_slot *s) {
  const int64_t there = ROOM - (s->data - s->room) - s->bytes;
  return there < MARGIN ? there : MARGIN;
}

void slot_place(fuzz_slot *s, int64_t bytes, bool at_end, int64_t shift) {
  if (s->data) { /* the previous array in this slot */
    ASAN_UNPOISON_MEMORY_REGION(s->data - margin_before(s), (size_t)(margin_before(s) + s->bytes + margin_behind(s)));
    memset(s->data, FILL, (size_t)s->bytes);
  }
  s->bytes = bytes;
  s->data = at_end ? s->room + ROOM - bytes - shift : s->room + shift;
  memset(s->initial, 0, (size_t)bytes);
  ASAN_POISON_MEMORY_REGION(s->data - margin_before(s), (size_t)margin_before(s));
  ASAN_POISON_MEMORY_REGION(s->data + bytes, (size_t)margin_behind(s));
}

void slot_reset(fuzz_slot *s) {
  memcpy(s->data, s->initial, (size_t)s->bytes);
  memcpy(s->before, s->initial, (size_t)s->bytes);
}

__attribute__((no_sanitize("address"))) bool slot_is_intact(const fuzz_slot *s) {
  unsigned wrong = 0;
  for (const unsigned char *p = s->data - margin_before(s); p < s->data; p++) wrong |= *p ^ FILL;
  for (const unsigned char *p = s->data + s->bytes, *end = p + margin_behind(s); p < end; p++) wrong |= *p ^ FILL;
  return !wrong;
}

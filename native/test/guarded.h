/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays that begin or end at a page that must not be touched. Include first. */
#ifndef XENT_TEST_GUARDED_H
#define XENT_TEST_GUARDED_H

#include "pages.h"

#include "calls.h"
#include "rows.h"

enum { ROOM = 1 << 16, FILL = 0x5a };

typedef struct {
  char *page; /* ROOM bytes, guards before and behind */
  size_t size;
  char *data;
} guarded;

static inline guarded guard(void) {
  const size_t page = page_size();
  unsigned char *p = closed_pages(ROOM + 2 * page) + page;
  open_pages(p, ROOM);
  return (guarded){.page = (char *)p};
}

static inline void *place(guarded *g, size_t size, bool at_end) {
  memset(g->page, FILL, ROOM);
  g->size = size;
  g->data = at_end ? g->page + ROOM - size : g->page;
  return g->data;
}

static inline bool is_filled(const char *begin, const char *end) {
  int changed = 0;
  for (const char *p = begin; p < end; p++) changed |= *p ^ FILL;
  return !changed;
}

static inline void check_rest(const guarded *g, const char *what, int64_t n) {
  const char *behind = g->data + g->size;
  if (is_filled(g->page, g->data) && is_filled(behind, g->page + ROOM)) return;
  const char *p = g->page;
  while (*p == FILL || (p >= g->data && p < behind)) p++;
  fprintf(stderr, "%s, %lld classes: a byte %lld from the array was written\n", what, (long long)n,
          (long long)(p - g->data));
  exit(1);
}

#endif

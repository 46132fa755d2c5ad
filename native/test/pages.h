/* SPDX-License-Identifier: Apache-2.0 */
/* Pages that must not be touched, of POSIX and of Windows. Include first. */
#ifndef XENT_TEST_PAGES_H
#define XENT_TEST_PAGES_H

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#undef FAR /* names that it takes from everybody */
#undef IGNORE
#undef far
#undef near
#else
#define _DEFAULT_SOURCE
#include <sys/mman.h>
#include <unistd.h>
#endif

#include <stdio.h>
#include <stdlib.h>

static inline void must_page(int done, const char *what) {
  if (done) return;
  perror(what);
  exit(2);
}

#if defined(_WIN32)
static inline size_t page_size(void) {
  SYSTEM_INFO system;
  GetSystemInfo(&system);
  return system.dwPageSize;
}
static inline unsigned char *closed_pages(size_t bytes) {
  unsigned char *p = VirtualAlloc(NULL, bytes, MEM_RESERVE, PAGE_NOACCESS);
  must_page(p != NULL, "VirtualAlloc");
  return p;
}
static inline void open_pages(unsigned char *p, size_t bytes) {
  must_page(bytes == 0 || VirtualAlloc(p, bytes, MEM_COMMIT, PAGE_READWRITE) != NULL, "VirtualAlloc");
}
static inline void close_pages(unsigned char *p, size_t bytes) {
  must_page(VirtualFree(p, bytes, MEM_DECOMMIT), "VirtualFree");
}
static inline void release_pages(unsigned char *p, size_t bytes) {
  (void)bytes;
  must_page(VirtualFree(p, 0, MEM_RELEASE), "VirtualFree");
}
#else
static inline size_t page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }
/* Whole pages without access. */
static inline unsigned char *closed_pages(size_t bytes) {
  unsigned char *p = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  must_page(p != MAP_FAILED, "mmap");
  return p;
}
/* Makes whole pages of them readable and writable. */
static inline void open_pages(unsigned char *p, size_t bytes) { /* QEMU fails for 0 bytes */
  must_page(bytes == 0 || !mprotect(p, bytes, PROT_READ | PROT_WRITE), "mprotect");
}
/* Takes the access away again; what was in them may be lost. */
static inline void close_pages(unsigned char *p, size_t bytes) {
  must_page(!mprotect(p, bytes, PROT_NONE), "mprotect");
}
/* Releases all memory of closed_pages. */
static inline void release_pages(unsigned char *p, size_t bytes) { must_page(!munmap(p, bytes), "munmap"); }
#endif

#endif

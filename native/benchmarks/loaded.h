/* SPDX-License-Identifier: Apache-2.0 */
/* Loads builds of libxent.so. Define _GNU_SOURCE before any include, for memfd_create. */
#ifndef XENT_BENCH_LOADED_H
#define XENT_BENCH_LOADED_H

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Loads a copy, because dlopen loads the same file only once. */
static inline void *open_copy(const char *path) {
  char name[64], buffer[1 << 16];
  const int copy = memfd_create("libxent", 0);
  FILE *from = fopen(path, "rb"), *to = copy < 0 ? NULL : fdopen(copy, "wb");
  if (!from || !to) {
    perror(path);
    exit(2);
  }
  for (size_t count; (count = fread(buffer, 1, sizeof buffer, from)) > 0;) fwrite(buffer, 1, count, to);
  fflush(to);
  snprintf(name, sizeof name, "/proc/self/fd/%d", copy);
  void *loaded = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!loaded) {
    fprintf(stderr, "%s: %s\n", path, dlerror());
    exit(2);
  }
  fclose(from); /* the copy stays open: its path contains the descriptor */
  return loaded;
}

/* Stores the address of a function in the pointer that `function` points to: ISO C has no cast for it. */
static inline void find_function(void *loaded, const char *symbol, void *function) {
  void *address = dlsym(loaded, symbol);
  if (!address) {
    fprintf(stderr, "%s\n", dlerror());
    exit(2);
  }
  memcpy(function, &address, sizeof address);
}

#endif

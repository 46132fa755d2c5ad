/* SPDX-License-Identifier: Apache-2.0 */
/* A .npy file of version 1, little-endian and row-major, as NumPy writes them. What is wrong ends the program. */
#ifndef CONFORMANCE_NPY_H
#define CONFORMANCE_NPY_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NPY_AXES = 8 };

typedef struct npy {
  char *file;             /* to be freed */
  void *data;
  int64_t count, bytes;   /* elements, and what they take */
  int64_t length[NPY_AXES];
  int axes;
} npy;

/* The whole file, followed by a zero. */
static char *read_file(const char *path, int64_t *size) {
  FILE *f = fopen(path, "rb");
  if (!f || fseek(f, 0, SEEK_END) || (*size = ftell(f)) < 0 || fseek(f, 0, SEEK_SET)) {
    fprintf(stderr, "cannot read %s\n", path);
    exit(2);
  }
  char *bytes = malloc((size_t)*size + 1);
  if (!bytes || fread(bytes, 1, (size_t)*size, f) != (size_t)*size) exit(2);
  bytes[*size] = 0;
  fclose(f);
  return bytes;
}

static void npy_fail(const char *path) {
  fprintf(stderr, "%s is no .npy file of this kind\n", path);
  exit(2);
}

/* dtype: as NumPy names it, "<f4" */
static npy read_npy(const char *path, const char *dtype) {
  int64_t size;
  npy a = {.count = 1, .file = read_file(path, &size)};
  if (size < 10 || memcmp(a.file, "\x93NUMPY\x01", 7)) npy_fail(path);
  const int64_t header = (uint8_t)a.file[8] + 256 * (uint8_t)a.file[9];
  if (10 + header > size) npy_fail(path);
  char descr[32];
  snprintf(descr, sizeof descr, "'descr': '%s'", dtype);
  const char *shape = strstr(a.file + 10, "'shape': (");
  if (!strstr(a.file + 10, descr) || !strstr(a.file + 10, "'fortran_order': False") || !shape) npy_fail(path);
  for (shape += 10; *shape != ')';) {
    char *end;
    if (a.axes == NPY_AXES) npy_fail(path);
    a.count *= a.length[a.axes++] = strtoll(shape, &end, 10);
    if (end == shape) npy_fail(path);
    shape = end + strspn(end, ", ");
  }
  a.data = a.file + 10 + header; /* a multiple of 64 from the beginning of the file */
  a.bytes = size - 10 - header;
  if (a.bytes != a.count * (dtype[2] - '0')) npy_fail(path);
  return a;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_replay TARGET RANDOM [FILE|FOLDER]...: passes every file and then RANDOM inputs of random bytes to a target,
 * without libFuzzer, so that every build can run it. It prints the number of calls per path, and fails if a
 * path has too few.
 * It ends with a signal if a check fails; the input is then in the file found.bin.
 */
#define _DEFAULT_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rows.h"
#include "run.h"

#ifndef O_BINARY /* Windows only */
#define O_BINARY 0
#endif

enum { LONGEST = 4096, MOST_FILES = 10000 };

static const struct {
  const char *name;
  void (*run)(const uint8_t *data, size_t size);
} targets[] = {
#define ENTRY(name) {#name, fuzz_##name},
    FUZZ_TARGETS(ENTRY)
#undef ENTRY
};

static void (*target)(const uint8_t *data, size_t size);
static long long inputs;

/* The current input, written to a file if it ends the process. */
static const uint8_t *current;
static size_t current_size;

static void keep_input(int number) {
  static const char told[] = "the input is in found.bin\n";
  const int file = open("found.bin", O_WRONLY | O_CREAT | O_TRUNC | O_BINARY, 0644);
  const ssize_t size = (ssize_t)current_size;
  if (file >= 0 && write(file, current, (unsigned)current_size) == size && write(2, told, sizeof told - 1) > 0)
    close(file);
  signal(number, SIG_DFL);
  raise(number);
}

static void give(const uint8_t *data, size_t size) {
  current = data;
  current_size = size;
  target(data, size);
  inputs++;
}

static void run_file(const char *path) {
  static uint8_t data[LONGEST];
  FILE *file = fopen(path, "rb");
  if (!file) {
    perror(path);
    exit(2);
  }
  const size_t size = fread(data, 1, sizeof data, file);
  fclose(file);
  give(data, size);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* In the order of their names, independent of the file system. */
static void run_folder(const char *path) {
  static char *names[MOST_FILES];
  size_t count = 0;
  DIR *folder = opendir(path);
  for (struct dirent *entry; folder && (entry = readdir(folder)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    if (count == MOST_FILES || !(names[count] = malloc(strlen(path) + strlen(entry->d_name) + 2))) abort();
    sprintf(names[count++], "%s/%s", path, entry->d_name);
  }
  if (folder) closedir(folder);
  qsort(names, count, sizeof *names, by_name);
  for (size_t i = 0; i < count; i++) {
    run_file(names[i]);
    free(names[i]);
  }
  if (count > 0) return;
  fprintf(stderr, "%s: no file in it\n", path);
  exit(2);
}

static void run_path(const char *path) {
  struct stat about;
  if (stat(path, &about)) {
    perror(path);
    exit(2);
  }
  (S_ISDIR(about.st_mode) ? run_folder : run_file)(path);
}

static void run_random(long long count, uint64_t seed) {
  static uint8_t data[LONGEST];
  random_source r = {seed};
  for (long long i = 0; i < count; i++) {
    const size_t size = 1 + (size_t)random_below(&r, 240);
    for (size_t k = 0; k < size; k++) data[k] = random_below(&r, 3) ? (uint8_t)random_bits(&r) : 0;
    give(data, size);
  }
}

static void print_paths(const fuzz_count *calls) {
  for (int path = XENT_PATH_NONE; path < XENT_PATH_COUNT; path++)
    if (calls->took[path])
      printf("path %s: %lld calls, %lld on sixteen rows and more, %lld of them with masks per row\n",
             xent_path_name(path),
             calls->took[path], calls->blocks[path], calls->masked[path]);
}

/* A path that inputs seldom reach is not tested. */
static bool reaches_every_way(const fuzz_count *calls, long long random) {
  bool all = true;
  if (target == fuzz_binary || target == fuzz_sigmoid)
    return calls->took[XENT_PATH_ELEMENTS] > 0 && calls->took[XENT_PATH_F64] > 0;
  if (target != fuzz_softmax && target != fuzz_cross_entropy) return true;
  static const int paths[] = {XENT_PATH_EACH,   XENT_PATH_DENSE, XENT_PATH_FLOW,      XENT_PATH_STRIP,
                              XENT_PATH_TURNED, XENT_PATH_ROW,   XENT_PATH_F64_TILES, XENT_PATH_F64};
  for (size_t k = 0; k < sizeof paths / sizeof *paths; k++) {
    const int path = paths[k];
    if (path == XENT_PATH_TURNED && target == fuzz_softmax) continue; /* strips take all of them */
    /* The last path of a list takes the remaining calls: with few rows, and seldom a mask. */
    const bool last = path == XENT_PATH_ROW || path == XENT_PATH_F64;
    const bool one_row = path == XENT_PATH_EACH || last;
    const bool no_mask = one_row || path == XENT_PATH_STRIP || path == XENT_PATH_TURNED;
    const bool often = calls->took[path] >= random / 100 && (one_row || calls->blocks[path] >= random / 100) &&
                       (no_mask || calls->masked[path] >= random / 1000);
    if (!often) fprintf(stderr, "too few calls take the path %s: see problem.c\n", xent_path_name(path));
    all &= often;
  }
  return all;
}

int main(int argc, char **argv) {
  for (size_t i = 0; argc > 1 && i < sizeof targets / sizeof *targets; i++)
    if (!strcmp(argv[1], targets[i].name)) target = targets[i].run;
  if (argc < 3 || !target) {
    fprintf(stderr, "usage: fuzz_replay TARGET RANDOM [FILE|FOLDER]...\n");
    return 2;
  }
  static const int signals[] = {SIGABRT, SIGSEGV, SIGFPE, SIGILL,
#ifdef SIGBUS
                                SIGBUS,
#endif
  };
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) signal(signals[i], keep_input);
  for (int i = 3; i < argc; i++) run_path(argv[i]);
  const long long files = inputs;
  run_random(atoll(argv[2]), 6);
  const fuzz_count calls = calls_so_far();
  printf("%s: %lld files and %lld random inputs, %lld calls on every tier, %lld accepted\n", argv[1], files,
         inputs - files, calls.made, calls.accepted);
  printf("%lld were prepared and had run with other contents, %lld of them in other memory\n", calls.again,
         calls.moved);
  print_paths(&calls);
  if (!calls.again && target != fuzz_exact_sum) return 1;
  return reaches_every_way(&calls, inputs - files) ? 0 : 1;
}

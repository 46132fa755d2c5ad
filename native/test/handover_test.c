/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results of streamed stores are there for another thread as soon as the call has returned and the caller
 * has said so. Built with every store streamed, on a path that streams: two results take turns, and a reader compares
 * each.
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "calls.h"
#include "kernels/path_names.h"

enum { ROWS = 16, CLASSES = 4, FLOATS = ROWS * CLASSES, HANDOVERS = 100000 }; /* whole lines */

static float *y, want[2][FLOATS];
static _Atomic long written, read_back;
static long stale;

static void *reader(void *unused) {
  for (long i = 1; i <= HANDOVERS; i++) {
    while (atomic_load_explicit(&written, memory_order_acquire) < i) sched_yield();
    stale += memcmp(y, want[i & 1], sizeof want[0]) != 0;
    atomic_store_explicit(&read_back, i, memory_order_release);
  }
  return unused;
}

static void write_result(float *x) {
  const xent_shape shape = dense_shape_of(ROWS, CLASSES, 1, XENT_I32);
  const xent_options options = xent_default_options();
  xent_report report = {.size = sizeof report};
  must(run_at(on_classes(XENT_FUNCTION_LOG_SOFTMAX, &shape, &options, 0, ROWS, 0, CLASSES, &report), ARRAYS(x, y)),
       "log-softmax");
  if (report.path == XENT_PATH_DENSE) return;
  fprintf(stderr, "log-softmax takes the path %s, which does not stream\n", xent_path_name(report.path));
  exit(1);
}

int main(void) {
  float x[2][FLOATS];
  y = must_allocate(sizeof want[0]);
  for (int v = 0; v < 2; v++) {
    for (int i = 0; i < FLOATS; i++) x[v][i] = (float)((v + 1) * i % 13);
    write_result(x[v]);
    memcpy(want[v], y, sizeof want[v]);
  }
  pthread_t thread;
  if (pthread_create(&thread, NULL, reader, NULL)) return 2;
  for (long i = 1; i <= HANDOVERS; i++) {
    write_result(x[i & 1]);
    atomic_store_explicit(&written, i, memory_order_release);
    while (atomic_load_explicit(&read_back, memory_order_acquire) < i) sched_yield();
  }
  pthread_join(thread, NULL);
  free(y);
  printf("%d hand-overs, %ld stale\n", HANDOVERS, stale);
  return stale != 0;
}

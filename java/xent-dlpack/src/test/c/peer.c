// SPDX-License-Identifier: Apache-2.0
//
// A producer and a consumer of DLPack tensors, for the tests of xent-dlpack. The structs are written down
// here a second time, so that the layouts in Java have something to be compared with.

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct tensor {
  void *data;
  int32_t device_type;
  int32_t device_id;
  int32_t ndim;
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
  int64_t *shape;
  int64_t *strides;
  uint64_t byte_offset;
} tensor;

typedef struct versioned {
  uint32_t major;
  uint32_t minor;
  void *manager_ctx;
  void (*deleter)(struct versioned *self);
  uint64_t flags;
  tensor lent;
} versioned;

typedef struct unversioned {
  tensor lent;
  void *manager_ctx;
  void (*deleter)(struct unversioned *self);
} unversioned;

// ---- facts -------------------------------------------------------------------------------------

void peer_facts(int64_t *facts) {
  const size_t all[] = {
      sizeof(tensor),
      offsetof(tensor, data),
      offsetof(tensor, device_type),
      offsetof(tensor, device_id),
      offsetof(tensor, ndim),
      offsetof(tensor, code),
      offsetof(tensor, bits),
      offsetof(tensor, lanes),
      offsetof(tensor, shape),
      offsetof(tensor, strides),
      offsetof(tensor, byte_offset),
      sizeof(versioned),
      offsetof(versioned, major),
      offsetof(versioned, minor),
      offsetof(versioned, manager_ctx),
      offsetof(versioned, deleter),
      offsetof(versioned, flags),
      offsetof(versioned, lent),
      sizeof(unversioned),
      offsetof(unversioned, lent),
      offsetof(unversioned, manager_ctx),
      offsetof(unversioned, deleter),
  };
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) facts[i] = (int64_t)all[i];
}

// ---- the producer ------------------------------------------------------------------------------

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t produced;
static int64_t deleted;
static void *last_deleted;

static void count_deleted(void *self) {
  pthread_mutex_lock(&lock);
  deleted++;
  last_deleted = self;
  pthread_mutex_unlock(&lock);
}

int64_t peer_outstanding(void) {
  pthread_mutex_lock(&lock);
  int64_t count = produced - deleted;
  pthread_mutex_unlock(&lock);
  return count;
}

int64_t peer_deleted(void) {
  pthread_mutex_lock(&lock);
  int64_t count = deleted;
  pthread_mutex_unlock(&lock);
  return count;
}

void *peer_last_deleted(void) {
  pthread_mutex_lock(&lock);
  void *last = last_deleted;
  pthread_mutex_unlock(&lock);
  return last;
}

static int64_t *copy_of(const int64_t *numbers, int32_t count) {
  if (numbers == NULL) return NULL;
  size_t bytes = sizeof(int64_t) * (size_t)(count > 0 ? count : 1);
  int64_t *copy = calloc(1, bytes);
  if (count > 0) memcpy(copy, numbers, bytes);
  return copy;
}

static void free_lent(tensor *lent) {
  // What was lent is no longer: whoever uses it after this reads something else.
  free(lent->shape);
  free(lent->strides);
}

static void delete_versioned(versioned *self) {
  count_deleted(self);
  free_lent(&self->lent);
  free(self->manager_ctx);
  free(self);
}

static void delete_unversioned(unversioned *self) {
  count_deleted(self);
  free_lent(&self->lent);
  free(self->manager_ctx);
  free(self);
}

// Lends what `from` says, with shape and strides of its own.
static void lend(tensor *lent, const tensor *from) {
  *lent = *from;
  lent->shape = copy_of(from->shape, from->ndim);
  lent->strides = copy_of(from->strides, from->ndim);
  pthread_mutex_lock(&lock);
  produced++;
  pthread_mutex_unlock(&lock);
}

versioned *peer_versioned(uint32_t major, uint32_t minor, uint64_t flags, const tensor *from, void *owned) {
  versioned *managed = calloc(1, sizeof *managed);
  managed->major = major;
  managed->minor = minor;
  managed->manager_ctx = owned;
  managed->deleter = delete_versioned;
  managed->flags = flags;
  lend(&managed->lent, from);
  return managed;
}

unversioned *peer_unversioned(const tensor *from, void *owned) {
  unversioned *managed = calloc(1, sizeof *managed);
  managed->manager_ctx = owned;
  managed->deleter = delete_unversioned;
  lend(&managed->lent, from);
  return managed;
}

void peer_without_deleter(versioned *managed) {
  managed->deleter = NULL;
}

void *peer_allocate(size_t bytes) {
  void *memory = NULL;
  return posix_memalign(&memory, 256, bytes) == 0 ? memset(memory, 0, bytes) : NULL;
}

// ---- the consumer ------------------------------------------------------------------------------

static float *element(const tensor *lent, int64_t index) {
  float *at = (float *)((char *)lent->data + lent->byte_offset);
  for (int32_t axis = lent->ndim; axis-- > 0;) {
    at += index % lent->shape[axis] * lent->strides[axis];
    index /= lent->shape[axis];
  }
  return at;
}

static int64_t elements(const tensor *lent) {
  int64_t count = 1;
  for (int32_t axis = 0; axis < lent->ndim; axis++) count *= lent->shape[axis];
  return count;
}

// The numbers in row-major order.
void peer_read(const versioned *managed, float *numbers) {
  for (int64_t i = 0; i < elements(&managed->lent); i++) numbers[i] = *element(&managed->lent, i);
}

// Writes into the memory of whoever lent it.
void peer_negate(const versioned *managed) {
  for (int64_t i = 0; i < elements(&managed->lent); i++) {
    float *at = element(&managed->lent, i);
    *at = -*at;
  }
}

void peer_read_unversioned(const unversioned *managed, float *numbers) {
  for (int64_t i = 0; i < elements(&managed->lent); i++) numbers[i] = *element(&managed->lent, i);
}

void peer_delete_unversioned(unversioned *managed) {
  managed->deleter(managed);
}

static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int holding;

static void set_holding(int wanted) {
  pthread_mutex_lock(&lock);
  holding = wanted;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
}

static void await_holding(int wanted) {
  pthread_mutex_lock(&lock);
  while (holding != wanted) pthread_cond_wait(&changed, &lock);
  pthread_mutex_unlock(&lock);
}

// Uses memory until another thread calls peer_let_go.
void peer_hold(const float *memory) {
  if (memory == NULL) abort();
  set_holding(1);
  await_holding(0);
}

void peer_await_held(void) {
  await_holding(1);
}

void peer_let_go(void) {
  set_holding(0);
}

void peer_delete(versioned *managed) {
  managed->deleter(managed);
}

void peer_delete_twice(versioned *managed) {
  void (*deleter)(versioned *) = managed->deleter;
  deleter(managed);
  deleter(managed);
}

static void *delete_on_this_thread(void *managed) {
  peer_delete(managed);
  return NULL;
}

// Calls the deleters on threads that nobody else has heard of, all at once. Returns how many ran.
int32_t peer_delete_on_threads(versioned **managed, int32_t count) {
  pthread_t *threads = calloc((size_t)count, sizeof *threads);
  int32_t started = 0;
  while (started < count &&
         pthread_create(&threads[started], NULL, delete_on_this_thread, managed[started]) == 0) {
    started++;
  }
  for (int32_t i = 0; i < started; i++) pthread_join(threads[i], NULL);
  free(threads);
  return started;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The native methods of dev.xent.internal.kernels.Jni: the entry points for bindings, for calls that the JVM has not
 * compiled. In such calls a method handle of the JVM's linker takes 35 to 80 microseconds, a native method less than
 * one.
 *
 * The code needs only five functions of the JVM's table, so they are declared here: jni.h belongs to a JDK.
 */
#include <stdbool.h>

#include "cpu/stack.h"
#include "numerics/float_flags.h"
#include "xent_bindings.h"

typedef struct object *java_object;
typedef const void *const *const *java_env; /* points to a table of functions */
enum {
  ENSURE_LOCAL_CAPACITY = 26,
  GET_OBJECT_ARRAY_ELEMENT = 173,
  GET_LONG_ARRAY_REGION = 204,
  GET_PRIMITIVE_ARRAY_CRITICAL = 222,
  RELEASE_PRIMITIVE_ARRAY_CRITICAL = 223
};
enum { JNI_COMMIT_AND_FREE = 0, JNI_ABORT = 2 };
typedef int32_t ensure_capacity(java_env, int32_t);
typedef java_object get_element(java_env, java_object, int32_t);
typedef void get_longs(java_env, java_object, int32_t, int32_t, int64_t *);
typedef void *get_critical(java_env, java_object, uint8_t *);
typedef void release_critical(java_env, java_object, void *, int32_t);

/* The JVM finds them by name, without a declaration in a header. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#define JNI_METHOD(type, name) XENT_API type Java_dev_xent_internal_kernels_Jni_##name

enum { FEW = 6, MANY = 32, NOT_PINNED = -1, NOTHING_DRAWN = NOT_PINNED - 1, FAILED = -100 };

/* Copies the address of a function from the JVM's table. */
static void find(java_env env, int index, void *function) {
  __builtin_memcpy(function, &(*env)[index], sizeof(*env)[index]);
}

/* Java arrays and addresses: without an array, the offset is the address. */
typedef struct {
  int count;
  const java_object *array;
  const int64_t *offset;
  char **start;
  const void **address;
} arguments;

static void release(java_env env, const arguments *a, int count, int32_t mode) {
  release_critical *give_back;
  find(env, RELEASE_PRIMITIVE_ARRAY_CRITICAL, &give_back);
  while (count-- > 0)
    if (a->start[count]) give_back(env, a->array[count], a->start[count], mode);
}

/* Pins all arrays. Returns false if the JVM copies one, because one array may be two arguments. */
static bool hold(java_env env, const arguments *a) {
  get_critical *get;
  find(env, GET_PRIMITIVE_ARRAY_CRITICAL, &get);
  for (int i = 0; i < a->count; i++) {
    uint8_t is_copy = 0;
    a->start[i] = a->array[i] ? get(env, a->array[i], &is_copy) : NULL;
    if (a->array[i] && (!a->start[i] || is_copy)) {
      release(env, a, i + 1, JNI_ABORT);
      return false;
    }
    a->address[i] = a->start[i] ? a->start[i] + a->offset[i] : (const char *)(uintptr_t)a->offset[i];
  }
  return true;
}

/* Six arguments as a native method receives them. */
#define JAVA_ARRAYS                                                                                                    \
  java_object a, int64_t at_a, java_object b, int64_t at_b, java_object c, int64_t at_c, java_object d, int64_t at_d,  \
      java_object e, int64_t at_e, java_object f, int64_t at_f
#define ARGUMENTS(n, arrays, offsets) {n, arrays, offsets, (char *[n]){0}, (const void *[n]){0}}
#define FEW_ARGUMENTS \
  ARGUMENTS(FEW, ((const java_object[FEW]){a, b, c, d, e, f}), \
            ((const int64_t[FEW]){at_a, at_b, at_c, at_d, at_e, at_f}))

/* xent_run_at, or NOT_PINNED. */
JNI_METHOD(int32_t, run)(java_env env, java_object class, int64_t prepared, int64_t mask, JAVA_ARRAYS) {
  (void)class;
  const arguments given = FEW_ARGUMENTS;
  if (!hold(env, &given)) return NOT_PINNED;
  const void *const *at = given.address;
  xent_prepared *const kept = (xent_prepared *)(uintptr_t)prepared;
  const xent_status status = xent_run_at(kept, (uint64_t)mask, at[0], at[1], at[2], at[3], at[4], at[5]);
  release(env, &given, FEW, JNI_COMMIT_AND_FREE);
  return status;
}

/* xent_few_at, or NOT_PINNED. */
JNI_METHOD(int32_t, call)(java_env env, java_object class, int64_t prepared, int32_t function, int64_t call,
                          int64_t mask, JAVA_ARRAYS) {
  (void)class;
  const arguments given = FEW_ARGUMENTS;
  if (!hold(env, &given)) return NOT_PINNED;
  const void *const *at = given.address;
  const xent_status status =
      xent_few_at((xent_prepared *)(uintptr_t)prepared, function, (const void *)(uintptr_t)call, (uint64_t)mask, at[0],
                  at[1], at[2], at[3], at[4], at[5]);
  release(env, &given, FEW, JNI_COMMIT_AND_FREE);
  return status;
}

/* xent_many_at, or NOT_PINNED. The bits of the mask are the places of the arrays. */
JNI_METHOD(int32_t, many)(java_env env, java_object class, int32_t function, int64_t call, int64_t mask,
                          java_object arrays, java_object offsets) {
  (void)class;
  ensure_capacity *ensure;
  get_element *get;
  get_longs *copy;
  find(env, ENSURE_LOCAL_CAPACITY, &ensure);
  find(env, GET_OBJECT_ARRAY_ELEMENT, &get);
  find(env, GET_LONG_ARRAY_REGION, &copy);
  if (ensure(env, MANY)) return NOT_PINNED; /* with an OutOfMemoryError */
  java_object array[MANY];
  int64_t offset[MANY];
  for (int i = 0; i < MANY; i++) array[i] = get(env, arrays, i);
  copy(env, offsets, 0, MANY, offset);
  const arguments given = ARGUMENTS(MANY, array, offset);
  if (!hold(env, &given)) return NOT_PINNED;
  const void *const *at = given.address;
  const xent_status status =
      xent_many_at(NULL, function, (const void *)(uintptr_t)call, (uint64_t)mask, at[0], at[1], at[2], at[3], at[4],
                   at[5], at[6], at[7], at[8], at[9], at[10], at[11], at[12], at[13], at[14], at[15], at[16], at[17],
                   at[18], at[19], at[20], at[21], at[22], at[23], at[24], at[25], at[26], at[27], at[28], at[29],
                   at[30], at[31]);
  release(env, &given, MANY, JNI_COMMIT_AND_FREE);
  return status;
}

/* Draws a token of a prepared row at a step: the token, -1 if no token can be drawn, FAILED - status, or
 * NOTHING_DRAWN. */
JNI_METHOD(int64_t, draw)(java_env env, java_object class, int64_t prepared, int64_t step_at, int64_t token_at,
                          int32_t step, java_object logits, int64_t offset) {
  (void)class;
  const arguments given = ARGUMENTS(1, &logits, &offset);
  if (!hold(env, &given)) return NOTHING_DRAWN;
  *(uint32_t *)(uintptr_t)step_at = (uint32_t)step;
  const xent_status status =
      xent_run_at((xent_prepared *)(uintptr_t)prepared, 1, given.address[0], NULL, NULL, NULL, NULL, NULL);
  release(env, &given, 1, JNI_ABORT);
  return status ? FAILED - status : *(const int64_t *)(uintptr_t)token_at;
}

JNI_METHOD(int64_t, workspace)(java_env env, java_object class, int64_t classes, int64_t tokens) {
  (void)env, (void)class;
  return (int64_t)xent_sample_workspace(classes, tokens);
}
JNI_METHOD(int32_t, biases)(java_env env, java_object class, int64_t call) {
  (void)env, (void)class;
  return xent_text_biases((const xent_text_biases_call *)(uintptr_t)call);
}
JNI_METHOD(int64_t, room)(java_env env, java_object class, int64_t tokens, int64_t listed) {
  (void)env, (void)class;
  return (int64_t)xent_text_biases_workspace(tokens, listed);
}
JNI_METHOD(double, value)(java_env env, java_object class, int64_t exact_sum) {
  (void)env, (void)class;
  return xent_exact_sum_value((const xent_exact_sum *)(uintptr_t)exact_sum);
}

/* The bytes of stack left to the thread, or -1. */
JNI_METHOD(int64_t, stack)(java_env env, java_object class) {
  (void)env, (void)class;
  return xent_stack_left();
}

/* Facts that decide whether Java can use the library. */

/* Whether the JVM pins arrays, each at one address. With -Xcheck:jni HotSpot returns copies and denies it. */
JNI_METHOD(int32_t, pins)(java_env env, java_object class, java_object array) {
  (void)class;
  const arguments twice = ARGUMENTS(2, ((const java_object[2]){array, array}), ((const int64_t[2]){0}));
  if (!hold(env, &twice)) return 0;
  const bool same = twice.address[0] == twice.address[1];
  release(env, &twice, 2, JNI_ABORT);
  return same;
}
JNI_METHOD(int32_t, abi)(java_env env, java_object class) {
  (void)env, (void)class;
  return (int32_t)xent_abi_version();
}
JNI_METHOD(int32_t, numerics)(java_env env, java_object class) {
  (void)env, (void)class;
  return (int32_t)xent_numerics_version();
}
JNI_METHOD(int32_t, has)(java_env env, java_object class, int32_t isa) {
  (void)env, (void)class;
  return xent_has_isa(isa);
}
JNI_METHOD(int32_t, best)(java_env env, java_object class) {
  (void)env, (void)class;
  return xent_best_isa();
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The native methods of Java, called by a table of functions that stands for a JVM. */
#include "api/jni.c"

#include "calls.h"
#include "check.h"
#include <math.h>
#include <string.h>

enum { CLASSES = 5 };

struct object {
  char *memory;
  int held;
  struct object **elements; /* of an array of arrays */
};
static uint8_t copies; /* a JVM that copies arrays instead of holding them */
static bool denies;    /* a JVM that copies arrays and says that it holds them */
static char copy[1];
static int released[3]; /* by mode */

static void *get(java_env env, java_object array, uint8_t *is_copy) {
  (void)env;
  array->held++;
  *is_copy = copies;
  return denies && array->held > 1 ? copy : array->memory;
}
static void give_back(java_env env, java_object array, void *start, int32_t mode) {
  (void)env;
  CHECK(start == (denies && array->held > 1 ? copy : array->memory) && array->held > 0);
  array->held--;
  released[mode]++;
}

static int32_t capacity; /* of local references */
static int32_t ensure_room(java_env env, int32_t count) {
  (void)env;
  return count > capacity;
}
static java_object element(java_env env, java_object array, int32_t index) {
  (void)env;
  return array->elements[index];
}
static void longs(java_env env, java_object array, int32_t from, int32_t count, int64_t *to) {
  (void)env;
  memcpy(to, array->memory + from * (int)sizeof *to, (size_t)count * sizeof *to);
}

static const void *table[229];
static const void *const *const functions = table;

static int64_t address(const void *p) { return (int64_t)(uintptr_t)p; }

static void test_arrays_and_addresses(void) {
  float numbers[1 + CLASSES] = {77, 1, 2, 3, 4, 5}, results[CLASSES], direct[CLASSES] = {0};
  struct object array = {(char *)numbers, 0, NULL};
  enum { SOFTMAX = XENT_FUNCTION_SOFTMAX, BOTH = 3 };
  const xent_softmax_call c = {.size = sizeof c, .sizes = xent_rows(1, CLASSES),
                               .logits = {NULL, xent_per_class(CLASSES, 1, XENT_F32)},
                               .output = {NULL, xent_per_class(CLASSES, 1, XENT_F32)}};
  CHECK(xent_few_at(NULL, SOFTMAX, &c, BOTH, numbers + 1, direct, NULL, NULL, NULL, NULL) == XENT_OK);
  CHECK(Java_dev_xent_internal_kernels_Jni_call(&functions, NULL, 0, SOFTMAX, address(&c), BOTH, &array, sizeof(float),
                                                NULL, address(results), NULL, 0, NULL, 0, NULL, 0, NULL, 0) == XENT_OK);
  CHECK(!memcmp(results, direct, sizeof direct) && array.held == 0 && released[JNI_COMMIT_AND_FREE] == 1);

  xent_prepared prepared = {.size = sizeof prepared};
  CHECK(xent_few_at(&prepared, SOFTMAX, &c, BOTH, results, results, NULL, NULL, NULL, NULL) == XENT_OK);
  CHECK(Java_dev_xent_internal_kernels_Jni_run(&functions, NULL, address(&prepared), BOTH, &array, sizeof(float),
                                               &array, sizeof(float), NULL, 0, NULL, 0, NULL, 0, NULL, 0) == XENT_OK);
  CHECK(!memcmp(numbers + 1, direct, sizeof direct) && numbers[0] == 77 && array.held == 0);

  copies = 1; /* nothing is computed, and all held arrays are released */
  released[JNI_ABORT] = 0;
  CHECK(Java_dev_xent_internal_kernels_Jni_run(&functions, NULL, address(&prepared), BOTH, NULL, address(results),
                                               &array, 0, NULL, 0, NULL, 0, NULL, 0, NULL, 0) == NOT_PINNED);
  CHECK(!memcmp(numbers + 1, direct, sizeof direct) && array.held == 0 && released[JNI_ABORT] == 1);
  copies = 0;
  struct object none = {NULL, 0, NULL}; /* there was no memory for it */
  CHECK(Java_dev_xent_internal_kernels_Jni_call(&functions, NULL, 0, SOFTMAX, address(&c), BOTH, &array, 0, &none, 0,
                                                NULL, 0, NULL, 0, NULL, 0, NULL, 0) == NOT_PINNED);
  CHECK(array.held == 0);
  CHECK(Java_dev_xent_internal_kernels_Jni_call(&functions, NULL, 0, SOFTMAX, 0, BOTH, NULL, 0, NULL, 0, NULL, 0, NULL,
                                                0, NULL, 0, NULL, 0) == XENT_INVALID_ARGUMENT);
}

static void test_many_arrays(void) {
  float numbers[1 + CLASSES] = {77, 1, 2, 3, 4, 5}, results[CLASSES] = {0}, direct[CLASSES] = {0};
  enum { SOFTMAX = XENT_FUNCTION_SOFTMAX, BOTH = 3 };
  const xent_softmax_call c = {.size = sizeof c, .sizes = xent_rows(1, CLASSES),
                               .logits = {NULL, xent_per_class(CLASSES, 1, XENT_F32)},
                               .output = {NULL, xent_per_class(CLASSES, 1, XENT_F32)}};
  CHECK(xent_few_at(NULL, SOFTMAX, &c, BOTH, numbers + 1, direct, NULL, NULL, NULL, NULL) == XENT_OK);
  struct object logits = {(char *)numbers, 0, NULL}, *elements[MANY] = {&logits};
  int64_t offsets[MANY] = {sizeof(float), address(results)};
  struct object arrays = {NULL, 0, elements}, at = {(char *)offsets, 0, NULL};
  capacity = MANY - 1; /* there is no memory for so many references */
  CHECK(Java_dev_xent_internal_kernels_Jni_many(&functions, NULL, SOFTMAX, address(&c), BOTH, &arrays, &at) ==
        NOT_PINNED);
  capacity = MANY;
  copies = 1;
  CHECK(Java_dev_xent_internal_kernels_Jni_many(&functions, NULL, SOFTMAX, address(&c), BOTH, &arrays, &at) ==
        NOT_PINNED);
  copies = 0;
  CHECK(results[0] == 0 && logits.held == 0);
  CHECK(Java_dev_xent_internal_kernels_Jni_many(&functions, NULL, SOFTMAX, address(&c), BOTH, &arrays, &at) == XENT_OK);
  CHECK(!memcmp(results, direct, sizeof direct) && logits.held == 0);
  CHECK(Java_dev_xent_internal_kernels_Jni_many(&functions, NULL, SOFTMAX, address(&c), 1 << 6, &arrays, &at) ==
        XENT_INVALID_ARGUMENT); /* not an array of the function */
  CHECK(logits.held == 0);
}

static void test_draw(void) {
  float logits[CLASSES] = {1, 2, 9, 2, 1}, more[CLASSES] = {5, 2, 3, 2, 1};
  struct object array = {(char *)more, 0, NULL};
  int64_t token = -9;
  xent_sampling sampling = {.size = sizeof sampling, .greedy = 1};
  xent_report r = {.size = sizeof r};
  const xent_sample_call c = {.size = sizeof c,
                              .sizes = xent_rows(1, CLASSES),
                              .sampling = &sampling,
                              .report = &r,
                              .logits = {logits, xent_per_class(CLASSES, 1, XENT_F32)},
                              .tokens = {&token, xent_per_row(XENT_I64)}};
  xent_prepared prepared = {.size = sizeof prepared};
  CHECK(xent_prepare(&prepared, XENT_FUNCTION_SAMPLE, &c) == XENT_OK);
  const int64_t p = address(&prepared), step_at = address(&sampling.step), token_at = address(&token);
  CHECK(Java_dev_xent_internal_kernels_Jni_draw(&functions, NULL, p, step_at, token_at, 7, NULL, address(logits)) == 2);
  CHECK(sampling.step == 7);
  CHECK(Java_dev_xent_internal_kernels_Jni_draw(&functions, NULL, p, step_at, token_at, -1, &array, 0) == 0);
  CHECK(sampling.step == UINT32_MAX && array.held == 0);
  more[1] = NAN;
  CHECK(Java_dev_xent_internal_kernels_Jni_draw(&functions, NULL, p, step_at, token_at, 8, &array, 0) == -1);
  copies = 1;
  CHECK(Java_dev_xent_internal_kernels_Jni_draw(&functions, NULL, p, step_at, token_at, 9, &array, 0) == NOTHING_DRAWN);
  CHECK(sampling.step == 8);
  copies = 0;
  CHECK(Java_dev_xent_internal_kernels_Jni_draw(&functions, NULL, 0, step_at, token_at, 9, &array, 0) ==
        FAILED - XENT_INVALID_ARGUMENT);
}

static void test_facts(void) {
  xent_exact_sum sum = xent_empty_exact_sum();
  const double numbers[] = {1, 0x1p-60};
  CHECK(xent_exact_sum_add(&sum, numbers, XENT_F64, 1, 2) == XENT_OK);
  CHECK(Java_dev_xent_internal_kernels_Jni_value(&functions, NULL, address(&sum)) == 1);
  CHECK(Java_dev_xent_internal_kernels_Jni_workspace(&functions, NULL, 1000, 7) ==
        (int64_t)xent_sample_workspace(1000, 7));
  CHECK(Java_dev_xent_internal_kernels_Jni_room(&functions, NULL, 1000, 7) ==
        (int64_t)xent_text_biases_workspace(1000, 7));
  CHECK(Java_dev_xent_internal_kernels_Jni_biases(&functions, NULL, 0) == XENT_INVALID_ARGUMENT);
  CHECK(Java_dev_xent_internal_kernels_Jni_abi(&functions, NULL) == XENT_ABI_VERSION);
  CHECK(Java_dev_xent_internal_kernels_Jni_numerics(&functions, NULL) == XENT_NUMERICS_VERSION);
  CHECK(Java_dev_xent_internal_kernels_Jni_best(&functions, NULL) == xent_best_isa());
  CHECK(Java_dev_xent_internal_kernels_Jni_has(&functions, NULL, XENT_ISA_SCALAR) == 1);
  CHECK(Java_dev_xent_internal_kernels_Jni_stack(&functions, NULL) > XENT_STACK_PROMISED);
  char memory[1];
  struct object array = {memory, 0, NULL};
  CHECK(Java_dev_xent_internal_kernels_Jni_pins(&functions, NULL, &array) == 1 && array.held == 0);
  copies = 1;
  CHECK(Java_dev_xent_internal_kernels_Jni_pins(&functions, NULL, &array) == 0 && array.held == 0);
  copies = 0;
  denies = true;
  CHECK(Java_dev_xent_internal_kernels_Jni_pins(&functions, NULL, &array) == 0 && array.held == 0);
  denies = false;
}

int main(void) {
  get_critical *const held = get;
  release_critical *const freed = give_back;
  ensure_capacity *const ensure = ensure_room;
  get_element *const of_array = element;
  get_longs *const of_longs = longs;
  memcpy(&table[ENSURE_LOCAL_CAPACITY], &ensure, sizeof ensure);
  memcpy(&table[GET_OBJECT_ARRAY_ELEMENT], &of_array, sizeof of_array);
  memcpy(&table[GET_LONG_ARRAY_REGION], &of_longs, sizeof of_longs);
  memcpy(&table[GET_PRIMITIVE_ARRAY_CRITICAL], &held, sizeof held);
  memcpy(&table[RELEASE_PRIMITIVE_ARRAY_CRITICAL], &freed, sizeof freed);
  test_arrays_and_addresses();
  test_many_arrays();
  test_draw();
  test_facts();
  return all_checks();
}

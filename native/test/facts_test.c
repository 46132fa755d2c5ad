/* SPDX-License-Identifier: Apache-2.0 */
/* Versions, and the names of what has a number. */
#include "check.h"
#include "xent.h"
#include "api/field_list.h"
#include <string.h>

/* The largest numbers of classes have chunks, too. */
static void test_chunks(void) {
  CHECK(xent_chunks(1) == 1 && xent_chunks(XENT_CHUNK) == 1 && xent_chunks(XENT_CHUNK + 1) == 2);
  CHECK(xent_chunks(INT64_MAX) == INT64_MAX / XENT_CHUNK + 1 &&
        xent_chunks(INT64_MAX - XENT_CHUNK + 1) == INT64_MAX / XENT_CHUNK);
}

#define ONE_MORE(FIELD, name) +1

/* Every field and every instruction set has its own name. */
static void test_names(void) {
  const char *unknown = xent_field_name(INT32_MAX);
  CHECK(!strcmp(unknown, "unknown") && !strcmp(xent_field_name(-1), unknown));
  int32_t fields = XENT_FIELD_NONE;
  for (int32_t f = XENT_FIELD_NONE + 1; strcmp(xent_field_name(f), unknown) != 0; fields = f++) {
    CHECK(*xent_field_name(f));
    for (int32_t other = XENT_FIELD_NONE; other < f; other++)
      CHECK(strcmp(xent_field_name(f), xent_field_name(other)) != 0);
  }
  CHECK(fields == XENT_FIELDS(ONE_MORE) - 1); /* the last of xent.h */
  CHECK(!strcmp(xent_field_name(XENT_FIELD_LABEL_SMOOTHING), "label_smoothing"));
  CHECK(!strcmp(xent_field_name(XENT_FIELD_TOP_LOG_PROBABILITIES), "top_log_probabilities"));
  for (int32_t isa = XENT_ISA_BEST; isa <= XENT_ISA_NEON; isa++)
    for (int32_t other = XENT_ISA_BEST - 1; other < isa; other++)
      CHECK(strcmp(xent_isa_name(isa), xent_isa_name(other)) != 0);
  CHECK(!strcmp(xent_isa_name(XENT_ISA_NEON + 1), xent_isa_name(-1)));
  CHECK(xent_has_isa(XENT_ISA_BEST) == 1 && xent_has_isa(XENT_ISA_SCALAR) == 1 && xent_has_isa(xent_best_isa()) == 1);
  CHECK(!xent_has_isa(-1) && !xent_has_isa(XENT_ISA_NEON + 1));
  CHECK(!xent_has_isa(INT32_MIN) && !xent_has_isa(INT32_MAX));
  CHECK(!strcmp(xent_path_name(-1), "unknown") && !strcmp(xent_path_name(1 << 20), "unknown"));
  CHECK(!strcmp(xent_path_name(0), "none") && *xent_path_name(1));
  int numbers[3];
  char rest;
  CHECK(sscanf(xent_version(), "%d.%d.%d%c", &numbers[0], &numbers[1], &numbers[2], &rest) == 3);
}

static void test_versions(void) {
  CHECK(xent_abi_version() == XENT_ABI_VERSION && xent_numerics_version() == XENT_NUMERICS_VERSION);
  for (int32_t s = -1; s < 10; s++) CHECK(xent_status_message(s) && *xent_status_message(s));
}

int main(void) {
  test_chunks();
  test_names();
  test_versions();
  return all_checks();
}

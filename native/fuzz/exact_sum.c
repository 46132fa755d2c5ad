/* SPDX-License-Identifier: Apache-2.0 */
/* Exact sums: any order and any division into parts yield the same exact_sum; a rejected call changes nothing. */
#include <stdlib.h>

#include "input.h"
#include "run.h"

enum { MOST = 64 };

static xent_exact_sum added(const void *values, int32_t type, int64_t stride, int64_t count) {
  xent_exact_sum t = xent_empty_exact_sum();
  if (xent_exact_sum_add(&t, values, type, stride, count)) fail("an exact sum does not take %lld values",
                                                                (long long)count);
  return t;
}

static bool same_bytes(const void *a, const void *b, size_t bytes) { return !memcmp(a, b, bytes); }

/* Values at the very end of readable memory. */
static void add_parts(const fuzz_slot *slot, int32_t type, int64_t stride, int64_t count, int64_t middle) {
  const size_t size = type == XENT_F32 ? 4 : 8;
  const xent_exact_sum whole = added(slot->data, type, stride, count);
  xent_exact_sum second = added(slot->data + (size_t)(middle * stride) * size, type, stride, count - middle);
  const xent_exact_sum first = added(slot->data, type, stride, middle);
  if (xent_exact_sum_merge(&second, &first)) fail("two exact sums do not merge");
  if (!same_bytes(&second, &whole, sizeof whole)) fail("an exact sum of two parts is not that of the whole");
  xent_exact_sum one_by_one = xent_empty_exact_sum();
  for (int64_t i = count - 1; i >= 0; i--)
    if (xent_exact_sum_add(&one_by_one, slot->data + (size_t)(i * stride) * size, type, 1, 1))
      fail("an exact sum does not take one value");
  if (!same_bytes(&one_by_one, &whole, sizeof whole)) fail("an exact sum depends on the order");
  const double sum = xent_exact_sum_value(&whole), again = xent_exact_sum_value(&second);
  if (!same_bytes(&sum, &again, sizeof sum)) fail("equal exact sums have other sums");
}

/* A rejected call leaves the exact sum unchanged; an accepted call reads no value beyond the array. */
static void add_wild(fuzz_input *in, const fuzz_slot *slot) {
  xent_exact_sum t = xent_empty_exact_sum();
  if (chance(in, 64)) t.size = (uint64_t)wild_number(in);
  const xent_exact_sum before = t;
  const int32_t type = chance(in, 64) ? (int32_t)wild_number(in) : XENT_F32 + (int32_t)below(in, 2);
  const int64_t stride = wild_number(in);
  int64_t count = wild_number(in);
  const bool fits = (type == XENT_F32 || type == XENT_F64) && stride >= 0 && count > 0 && t.size == sizeof t;
  if (fits) count = 1; /* any stride is accepted */
  const void *values = chance(in, 32) ? NULL : slot->data;
  const xent_status status = xent_exact_sum_add(chance(in, 16) ? NULL : &t, values, type, stride, count);
  if (status && !same_bytes(&t, &before, sizeof t)) fail("a refused exact_sum was changed");
  xent_exact_sum other = xent_empty_exact_sum();
  if (t.size != sizeof t && (!xent_exact_sum_merge(&other, &t) || !xent_exact_sum_merge(&t, &other)))
    fail("an exact sum of another size was merged");
}

void fuzz_exact_sum(const uint8_t *data, size_t size) {
  fuzz_slot *slot = &the_problem()->slots[LOGITS];
  fuzz_input in = {data, data + size};
  const int32_t type = XENT_F32 + (int32_t)below(&in, 2);
  const int64_t stride = below(&in, 4), element = type == XENT_F32 ? 4 : 8;
  const int64_t count = below(&in, MOST), middle = count ? below(&in, count + 1) : 0;
  const bool wild = chance(&in, 64);
  const int64_t bytes = wild ? 8 : count ? ((count - 1) * stride + 1) * element : 0;
  slot_place(slot, bytes, chance(&in, 200), 0);
  fuzz_input rest = in;
  for (int64_t i = 0; i < bytes; i++) slot->initial[i] = (unsigned char)take(&rest, 1);
  slot_reset(slot);
  if (wild)
    add_wild(&in, slot);
  else
    add_parts(slot, type, stride, count, middle);
  if (!slot_is_intact(slot) || !same_bytes(slot->data, slot->initial, (size_t)bytes))
    fail("an exact sum wrote to its values");
}

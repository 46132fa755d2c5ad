/* SPDX-License-Identifier: Apache-2.0 */
/* Many labels at once: whether all of them are lawful, and how many are not ignored. Which one is wrong is
 * found one by one, by label_of_row. */
#ifndef XENT_LABEL_CHECK_H
#define XENT_LABEL_CHECK_H

#include "kernels/targets/targets.h"

typedef struct {
  int64_t classes, ignore;
  bool ignores;
} label_rules;

/* For labels of one type, which lie side by side: a loop without branches. As many bits are compared as the
 * labels have, or 32: a limit beyond them is one that no label reaches. */
#define XENT_DEFINE_COUNT_LABELS(name, type, bits, most)                                              \
  static bool count_##name(const type *labels, int64_t n, label_rules rules, int64_t *counted) {      \
    const bits limit = rules.classes > (most) ? (bits)(most) + 1 : (bits)rules.classes;               \
    const type ignore = (type)rules.ignore;                                                           \
    const bool holds = (type)-1 < (type)1 || rules.ignore >= 0;                                       \
    const bits may_ignore = rules.ignores && holds && (int64_t)ignore == rules.ignore;                \
    bits wrong = 0, ignored = 0;                                                                      \
    for (int64_t i = 0; i < n; i++) {                                                                 \
      const bits is_ignored = (bits)(labels[i] == ignore) & may_ignore;                               \
      wrong |= (bits)((bits)labels[i] >= limit) & (is_ignored ^ 1);                                   \
      ignored += is_ignored;                                                                          \
    }                                                                                                 \
    *counted += n - (int64_t)ignored;                                                                 \
    return !wrong;                                                                                    \
  }
XENT_DEFINE_COUNT_LABELS(i8, int8_t, uint32_t, INT8_MAX)
XENT_DEFINE_COUNT_LABELS(u8, uint8_t, uint32_t, UINT8_MAX)
XENT_DEFINE_COUNT_LABELS(i16, int16_t, uint32_t, INT16_MAX)
XENT_DEFINE_COUNT_LABELS(i32, int32_t, uint32_t, INT32_MAX)
XENT_DEFINE_COUNT_LABELS(i64, int64_t, uint64_t, INT64_MAX)
XENT_DEFINE_COUNT_LABELS(u16, uint16_t, uint32_t, UINT16_MAX)
XENT_DEFINE_COUNT_LABELS(u32, uint32_t, uint64_t, UINT32_MAX)
XENT_DEFINE_COUNT_LABELS(u64, uint64_t, uint64_t, INT64_MAX)

/* Whether the labels of rows [begin, end) lie side by side and are all lawful; then the rows that count are
 * added. Else nothing is. */
static bool count_labels(const xent_call *call, int64_t begin, int64_t end, int64_t *counted) {
  const xent_shape *shape = call->shape;
  const xent_layout *l = &shape->targets;
  const bool side_by_side = shape->inner == 1 ? l->outer == 1 : l->inner == 1 && l->outer == shape->inner;
  if (!side_by_side) return false;
  const label_rules rules = {shape->classes, call->options->ignore_index, call->options->has_ignore_index};
  const int64_t n = end - begin;
  int64_t found = 0;
  bool lawful;
  switch (l->type) {
    case XENT_I8: lawful = count_i8((const int8_t *)call->targets + begin, n, rules, &found); break;
    case XENT_U8: lawful = count_u8((const uint8_t *)call->targets + begin, n, rules, &found); break;
    case XENT_I16: lawful = count_i16((const int16_t *)call->targets + begin, n, rules, &found); break;
    case XENT_I32: lawful = count_i32((const int32_t *)call->targets + begin, n, rules, &found); break;
    case XENT_U16: lawful = count_u16((const uint16_t *)call->targets + begin, n, rules, &found); break;
    case XENT_U32: lawful = count_u32((const uint32_t *)call->targets + begin, n, rules, &found); break;
    case XENT_U64: lawful = count_u64((const uint64_t *)call->targets + begin, n, rules, &found); break;
    default: lawful = count_i64((const int64_t *)call->targets + begin, n, rules, &found);
  }
  if (lawful) *counted += found;
  return lawful;
}

#endif

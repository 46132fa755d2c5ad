/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of up to 64 consecutive classes: bit k is the k-th class. */
#ifndef XENT_CLASS_BITS_H
#define XENT_CLASS_BITS_H

#include <stdbool.h>
#include <stdint.h>

/* The first n bits. */
static inline uint64_t first_bits(int64_t n) {
  return n <= 0 ? 0 : n < 64 ? (UINT64_C(1) << n) - 1 : ~UINT64_C(0);
}

/* The bits of a set that are not masked; mask: at bit 0, or NULL. */
static inline uint64_t unmasked_bits(const uint8_t *mask, int64_t stride, uint64_t bits) {
  for (uint64_t rest = mask ? bits : 0; rest; rest &= rest - 1)
    if (!mask[__builtin_ctzll(rest) * stride]) bits &= ~(rest & -rest);
  return bits;
}

/* The bits of classes from `begin` on that rank before class `label`: those above it, and earlier equal ones that are
 * not masked. Masked logits are -inf, so the mask is read only if the label's logit is -inf. */
static inline uint64_t bits_before(const uint8_t *mask, int64_t stride, uint64_t above, uint64_t equal, int64_t begin,
                                   int64_t label, bool lowest) {
  equal &= first_bits(label - begin);
  return above | (lowest ? unmasked_bits(mask, stride, equal) : equal);
}

#endif

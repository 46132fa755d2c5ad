/* SPDX-License-Identifier: Apache-2.0 */
/* The digest of the options that records were made with. */
#ifndef XENT_DIGEST_H
#define XENT_DIGEST_H

#include <stdint.h>
#include <string.h>

static const uint32_t xent_no_digest = 2166136261u;

/* FNV-1a over the eight bytes of a number, the lowest first; most numbers are 0, whose eight bytes are added at
 * once. */
static inline uint32_t add_to_digest(uint32_t digest, uint64_t number) {
  enum { PRIME = 16777619 };
  if (number == 0) {
    const uint32_t two = (uint32_t)PRIME * PRIME, four = two * two;
    return digest * four * four;
  }
  for (int i = 0; i < 8; i++) digest = (digest ^ (uint8_t)(number >> 8 * i)) * PRIME;
  return digest;
}

static inline uint64_t bits_of_number(double number) {
  uint64_t bits;
  number += 0.0; /* -0 has the same digest as 0 */
  memcpy(&bits, &number, sizeof bits);
  return bits;
}

#endif

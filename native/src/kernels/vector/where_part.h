/* SPDX-License-Identifier: Apache-2.0 */
/* An operation for tiers that cannot load a part of a vector of bytes: see vector.h. */
#ifndef XENT_WHERE_PART_H
#define XENT_WHERE_PART_H

XENT_INLINE lanes lanes_where_set_part(const uint8_t *set, int64_t n, lanes yes, lanes no) {
  uint8_t all[XENT_LANES] = {0};
  if (n >= XENT_LANES / 2 && n < XENT_LANES) { /* two halves that overlap */
    memcpy(all + n - XENT_LANES / 2, set + n - XENT_LANES / 2, XENT_LANES / 2);
    memcpy(all, set, XENT_LANES / 2);
  } else {
    for (int64_t k = 0; k < XENT_LANES && k < n; k++) all[k] = set[k];
  }
  return lanes_where_set(all, yes, no);
}

#endif

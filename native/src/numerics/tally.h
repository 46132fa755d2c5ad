/* SPDX-License-Identifier: Apache-2.0 */
/* Adding a float to an exact sum: its mantissa goes to the counter of its exponent. */
#ifndef XENT_TALLY_H
#define XENT_TALLY_H

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "xent.h"

static inline void tally_add_one(xent_tally *tally, float value) {
  uint32_t u;
  memcpy(&u, &value, sizeof u);
  const uint32_t exponent = (u >> 23) & 255;
  int64_t mantissa = u & 0x7fffffu;
  if (exponent == 255) {
    if (mantissa)
      tally->nan++;
    else if (u >> 31)
      tally->negative_infinity++;
    else
      tally->positive_infinity++;
    return;
  }
  if (exponent) mantissa |= 0x800000;
  tally->bins[exponent] += u >> 31 ? -mantissa : mantissa;
}

#endif

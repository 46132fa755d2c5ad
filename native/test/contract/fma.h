/* SPDX-License-Identifier: Apache-2.0 */
/* The fused multiply-add of the contract programs: that of the C library, except where musl up to 1.2.5 is wrong. It
 * rounds the product before it adds a zero, so that a negative product that vanishes becomes +0 instead of -0. */
#ifndef CONTRACT_FMA_H
#define CONTRACT_FMA_H
#include <math.h>

static inline double contract_fma(double x, double y, double z) {
  return z == 0 && x != 0 && y != 0 && x * y == 0 ? x * y : fma(x, y, z);
}
#define fma contract_fma

#endif

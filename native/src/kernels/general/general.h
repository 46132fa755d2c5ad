/* SPDX-License-Identifier: Apache-2.0 */
/* Calls in float32 arithmetic that are not plain. */
#ifndef XENT_GENERAL_H
#define XENT_GENERAL_H

#include "kernels/general/backward.h"
#include "kernels/general/narrow.h"
#include "kernels/general/whole.h"

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Options against repetition as a plain program (numerics.md, section 11), from the whole text and nothing else. */
#ifndef CONTRACT_TEXT_BIASES_H
#define CONTRACT_TEXT_BIASES_H
#include "xent.h"

/* For each class, the bias; has: whether it has one. */
void contract_text_biases(const xent_text_biases_call *call, float *biases, uint8_t *has);
#endif

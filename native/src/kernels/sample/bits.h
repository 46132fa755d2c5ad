/* SPDX-License-Identifier: Apache-2.0 */
/* Masks with one bit per class: the bits of a row are expanded to flags in the workspace, row by row. */
#ifndef XENT_SAMPLE_BITS_H
#define XENT_SAMPLE_BITS_H

#include "kernels/sample/sampler_options.h"
#include "kernels/stages/targets/entries.h"
#include "kernels/vector/flags.h"

/* Expands the bits of `classes` classes, rounded up to eight. */
XENT_SHARED void write_flags(const uint32_t *words, int64_t stride, int64_t classes, uint8_t *flags) {
  int64_t i = 0;
  for (; i + 32 <= classes; i += 32, words += stride) store_flags(*words, flags + i);
  for (int64_t k = 0; i + k < classes; k += 8) {
    const uint64_t eight = flags_of_byte(*words >> k & 255);
    memcpy(flags + i + k, &eight, sizeof eight);
  }
}

/* Runs the kernel of a call, row by row if the call has such a mask. */
XENT_SHARED xent_status sample_with_flags(const xent_call *call, xent_kernel kernel) {
  if (!has_mask_of_bits(call)) return kernel(call);
  xent_shape shape = *call->shape;
  const xent_layout bits = shape.class_mask;
  const uint32_t *before = NULL;
  uint8_t *flags = (uint8_t *)call->workspace + bytes_of_tables(shape.classes, tokens_of_row(call));
  xent_call own = *call;
  own.shape = &shape;
  own.class_mask = flags;
  shape.class_mask = (xent_layout){.classes = 1, .type = XENT_U8};
  xent_status status = XENT_OK;
  for (int64_t row = call->row_begin; row < call->row_end && !status; row++) {
    const uint32_t *words = (const uint32_t *)call->class_mask + row_offset(&shape, &bits, row);
    if (words != before) write_flags(words, bits.classes, shape.classes, flags);
    before = words;
    own.row_begin = row;
    own.row_end = row + 1;
    status = kernel(&own);
  }
  return status;
}

#endif

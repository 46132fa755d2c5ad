/* SPDX-License-Identifier: Apache-2.0 */
/* The entry of libFuzzer, once for every target: FUZZ_TARGET is its function. */
#include "run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  FUZZ_TARGET(data, size);
  return 0;
}

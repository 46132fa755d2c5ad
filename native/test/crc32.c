/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints the CRC-32 of a file, as zip and java.util.zip.CRC32 have it, in eight hexadecimal digits:
 *   crc32 FILE
 */
#include <stdint.h>
#include <stdio.h>

#define POLYNOMIAL 0xedb88320u

int main(int count, char **arguments) {
  FILE *file = count == 2 ? fopen(arguments[1], "rb") : NULL;
  if (file == NULL) {
    fprintf(stderr, "usage: crc32 FILE\n");
    return 2;
  }
  uint32_t crc = ~0u;
  for (int byte = getc(file); byte != EOF; byte = getc(file)) {
    crc ^= (uint32_t)byte;
    for (int bit = 0; bit < 8; bit++) {
      crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
    }
  }
  int failed = ferror(file);
  fclose(file);
  printf("%08x\n", ~crc);
  return failed ? 1 : 0;
}

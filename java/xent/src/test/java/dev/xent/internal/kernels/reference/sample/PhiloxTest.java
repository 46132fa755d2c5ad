// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.sample;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The known answers of Random123. */
class PhiloxTest {
  @ParameterizedTest
  @CsvSource({
    // key: high, low; counter: step, draw, stream; the words of the block, the highest first
    "0000000000000000, 00000000, 00000000, 0000000000000000, 9b00dbd8bc57ac4c, e169c58d6627e8d5",
    "ffffffffffffffff, ffffffff, ffffffff, ffffffffffffffff, 6d5451fda20bc7c6, 41c83b0e408f276d",
    "299f31d0a4093822, 243f6a88, 85a308d3, 0370734413198a2e, 24126ea15001e420, 94fdccebd16cfe09"
  })
  void givesTheBlocksOfRandom123(
      String seed, String step, String draw, String stream, String high, String low) {
    Philox random = new Philox();
    random.block(bits(seed), (int) bits(step), (int) bits(draw), bits(stream));
    assertThat(random.high).isEqualTo(bits(high));
    assertThat(random.low).isEqualTo(bits(low));
  }

  private static long bits(String hexadecimal) {
    return Long.parseUnsignedLong(hexadecimal, 16);
  }
}

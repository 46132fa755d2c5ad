// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EffortTest {
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 10, 1000, 16000})
  void asManyRowsAsFit(long classes) {
    long rows = Cost.rows(16384, classes);
    assertThat(Cost.of(rows, classes)).isLessThanOrEqualTo(16384);
    assertThat(Cost.of(rows + 1, classes)).isGreaterThan(16384);
  }

  @Test
  void alwaysOneRow() {
    assertThat(Cost.rows(16384, Long.MAX_VALUE / 2)).isEqualTo(1);
  }

  @Test
  void neverOverflows() {
    assertThat(Cost.of(Long.MAX_VALUE, Long.MAX_VALUE)).isGreaterThan(1L << 59);
    assertThat(Cost.of(Long.MAX_VALUE, 1)).isGreaterThan(1L << 30);
    assertThat(Cost.of(0, Long.MAX_VALUE)).isZero();
  }
}

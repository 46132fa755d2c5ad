// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class PauseTest {
  private static final long MILLISECOND = 1_000_000;

  @Test
  void everyFailureDoublesIt() {
    assertThat(
            Stream.iterate(Pause.none(), Pause::next).limit(13).map(p -> p.nanos() / MILLISECOND))
        .containsExactly(
            0L, 100L, 200L, 400L, 800L, 1600L, 3200L, 6400L, 12_800L, 25_600L, 51_200L, 64_000L,
            64_000L);
  }

  @Test
  void itEnds() {
    long now = System.nanoTime();
    assertThat(new Pause(now - 100 * MILLISECOND, 100 * MILLISECOND).isOver()).isTrue();
    assertThat(new Pause(now, 60_000 * MILLISECOND).isOver()).isFalse();
    assertThat(Pause.none().isOver()).isTrue();
  }
}

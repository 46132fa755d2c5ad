// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.XentRuntime;
import java.lang.Runtime.Version;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PinningTest {
  private static final List<String> G1 =
      List.of("G1 Young Generation", "G1 Concurrent GC", "G1 Old Generation");

  private static final List<List<String>> OTHERS =
      List.of(
          List.of("ZGC Minor Cycles", "ZGC Minor Pauses", "ZGC Major Cycles", "ZGC Major Pauses"),
          List.of("Shenandoah Pauses", "Shenandoah Cycles"),
          List.of("PS MarkSweep", "PS Scavenge"),
          List.of("Copy", "MarkSweepCompact"),
          List.of()); // Epsilon

  @ParameterizedTest
  @CsvSource({
    "21, false",
    "21.0.8, false",
    "22, true",
    "22.0.2, true",
    "23.0.1, true",
    "24.0.2, true",
    "25-ea, true",
    "25, true",
    "25.0.1, true",
    "25.0.2+10-LTS, true",
    "25.0.3+9-LTS, false",
    "25.0.4.1, false",
    "26-ea, true",
    "26, true",
    "26.0.1, false",
    "27, false",
    "28-ea, false",
  })
  void someVersionsOfG1MovePinnedArrays(String version, boolean moves) {
    assertThat(Pinning.refusal(Version.parse(version), () -> G1) != null).isEqualTo(moves);
    for (List<String> others : OTHERS) {
      assertThat(Pinning.refusal(Version.parse(version), () -> others)).isNull();
    }
  }

  @Test
  void theReasonNamesTheVersionAndTheRemedy() {
    assertThat(Pinning.refusal(Version.parse("25.0.2+10-LTS"), () -> G1))
        .isEqualTo(
            "the G1 collector of Java 25.0.2 does not always keep pinned arrays in place"
                + " (JDK-8377811); use Java 25.0.3, 26.0.1 or newer, or another collector");
  }

  /** Asking for the collectors takes the first call of a JVM milliseconds. */
  @Test
  void aCorrectVersionIsNotAskedForItsCollectors() {
    assertThat(
            Pinning.refusal(
                Version.parse("25.0.3"),
                () -> {
                  throw new AssertionError();
                }))
        .isNull();
  }

  @Test
  void theRuntimeSaysWhatThisJvmDoes() {
    List<String> collectors =
        ManagementFactory.getGarbageCollectorMXBeans().stream()
            .map(GarbageCollectorMXBean::getName)
            .toList();
    assertThat(XentRuntime.get().unpinnedReason())
        .isEqualTo(Pinning.refusal(Runtime.version(), () -> collectors));
  }
}

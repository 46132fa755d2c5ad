// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class UnknownSettingsTest {
  @ParameterizedTest
  @CsvSource({
    "dev.xent.thread, dev.xent.threads",
    "dev.xent.Native, dev.xent.native",
    "dev.xent.tmpdir, dev.xent.tempdir",
    "dev.xent.library-path, dev.xent.library.path",
    "dev.xent.isas, dev.xent.isa"
  })
  void theNearestIsNamed(String name, String nearest) {
    assertThat(UnknownSettings.messages(List.of(name)))
        .containsExactly(
            "the system property " + name + " is unknown and has no effect; expected " + nearest);
  }

  @Test
  void ifNoneIsNearAllAreNamed() {
    assertThat(UnknownSettings.messages(List.of("dev.xent.something.else")))
        .containsExactly(
            "the system property dev.xent.something.else is unknown and has no effect; expected one of"
                + " dev.xent.isa, dev.xent.library.path, dev.xent.native, dev.xent.tempdir, dev.xent.threads");
  }

  /** A new property must be listed. */
  @Test
  void everyPropertyOfSettingsIsKnown() throws IllegalAccessException {
    List<String> properties = new ArrayList<>();
    for (Field field : Settings.class.getFields()) {
      if (field.get(null) instanceof String name) {
        properties.add(name);
      }
    }
    assertThat(properties).contains(Settings.THREADS);
    assertThat(UnknownSettings.messages(properties)).isEmpty();
  }

  @Test
  void knownOnesAndThoseOfOthersAreLeft() {
    assertThat(
            UnknownSettings.messages(
                List.of("dev.xent.threads", "dev.xentury", "xent.tries", "java.io.tmpdir")))
        .isEmpty();
  }
}

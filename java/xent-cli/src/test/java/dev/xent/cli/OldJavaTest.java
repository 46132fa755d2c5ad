// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.DataInputStream;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What someone sees who starts the command with an old Java. */
class OldJavaTest {
  private static final int CLASS_FILE_OF_JDK_11 = 55;

  @ParameterizedTest
  @ValueSource(ints = {11, 17, 20})
  void anOldJavaSaysWhichOneIsNeeded(int version) {
    assertThat(Launcher.problem(version))
        .isEqualTo(
            "xent: needs Java 21 or newer, and this is Java %s;"
                + " set JAVA_HOME and PATH to a newer one",
            version);
  }

  @ParameterizedTest
  @ValueSource(ints = {21, 25, 27})
  void newerOnesRunTheCommand(int version) {
    assertThat(Launcher.problem(version)).isNull();
  }

  @Test
  void anOldJavaReadsTheClassThatSaysSo() throws IOException {
    try (DataInputStream file =
        new DataInputStream(Launcher.class.getResourceAsStream("Launcher.class"))) {
      file.skipNBytes(6);
      assertThat(file.readUnsignedShort()).isEqualTo(CLASS_FILE_OF_JDK_11);
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.ffi;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The bindings are those of the header as it is. */
class HeaderDriftTest {
  private static final Path MODULE = Path.of(System.getProperty("basedir"));
  private static final Path HEADER = MODULE.resolve("../../include/xent.h");
  private static final Path RECORDED =
      MODULE.resolve("src/main/java/dev/xent/internal/ffi/xent.h.sha256");

  @Test
  void bindingsAreOfThisHeader() throws IOException {
    assertThat(HeaderFingerprint.of(Files.readString(HEADER)))
        .as(
            "include/xent.h has changed since its bindings were written; write them again: "
                + "mvn -Pjextract -Djextract.home=DIR generate-sources -pl java/xent")
        .isEqualTo(Files.readString(RECORDED).strip());
  }

  @Test
  void commentsAndBlankSpaceDoNotCount() {
    assertThat(HeaderFingerprint.of("int  a; /* one\n * two */\n\n\tint b; // three\n"))
        .isEqualTo(HeaderFingerprint.of("int a; int b;"));
  }

  @Test
  void declarationsCount() {
    assertThat(HeaderFingerprint.of("int a;")).isNotEqualTo(HeaderFingerprint.of("long a;"));
  }
}

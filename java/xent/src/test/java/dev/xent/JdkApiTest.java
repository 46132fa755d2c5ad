// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.spi.ToolProvider;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What compiles here is on JDK 21 and on newer ones, and means the same on both. */
class JdkApiTest {
  private static final Path API =
      Path.of(System.getProperty("basedir"), "..", "..", "target", "jdk-api", "21").normalize();

  @TempDir private Path folder;

  @BeforeEach
  void demandACompiler() {
    assumeTrue(ToolProvider.findFirst("javac").isPresent(), "this is a JRE, without a compiler");
    assumeTrue(Runtime.version().feature() >= 25, "the compiler is JDK 25's");
  }

  /** What javac 25 says of a statement, as it compiles the library. */
  private String said(String statement) throws IOException {
    String code =
        """
        import java.lang.foreign.*;
        class Code {
          Object of(Arena arena, MemorySegment memory, SymbolLookup symbols) {
            return %s;
          }
        }
        """;
    Path source = Files.writeString(folder.resolve("Code.java"), code.replace("%s", statement));
    StringWriter said = new StringWriter();
    PrintWriter out = new PrintWriter(said);
    String patch = "java.base=" + API;
    ToolProvider.findFirst("javac")
        .orElseThrow()
        .run(
            out,
            out,
            "-Xlint:all,-restricted",
            "-Werror",
            "--release",
            "21",
            "--patch-module",
            patch,
            "-d",
            folder.toString(),
            source.toString());
    return said.toString();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "arena.allocate(8, 8)",
        "arena.allocate(MemoryLayout.sequenceLayout(3, ValueLayout.JAVA_DOUBLE))",
        "memory.get(ValueLayout.JAVA_LONG, 8)",
        "memory.reinterpret(8)",
        "symbols.find(\"xent_abi_version\")",
        "Linker.nativeLinker()"
      })
  void whatBothHaveCompiles(String statement) throws IOException {
    assertThat(said(statement)).isEmpty();
  }

  /** One double of value 3 on JDK 21, three doubles on 22. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "arena.allocate(ValueLayout.JAVA_DOUBLE, 3)",
        "arena.allocate(ValueLayout.JAVA_LONG, 3)",
        "arena.allocateFrom(ValueLayout.JAVA_INT, 3)",
        "arena.allocateArray(ValueLayout.JAVA_INT, 3)",
        "arena.allocateUtf8String(\"a\")",
        "memory.getUtf8String(0)",
        "memory.getString(0)",
        "memory.maxByteAlignment()",
        "symbols.findOrThrow(\"xent_abi_version\")",
        "Linker.Option.isTrivial()",
        "Linker.Option.critical(true)"
      })
  void whatOneOfThemHasDoesNot(String statement) throws IOException {
    assertThat(said(statement)).contains("error:");
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.docs;

import dev.xent.docs.Page.Program;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every Java block of a page that imports another library, or an adapter of Xent, is a program that
 * compiles and prints what the page says. The other blocks are programs of {@code
 * JavaProgramsTest}, whose module lacks these libraries.
 */
class AdapterProgramsTest {
  @TempDir private Path folder;

  static Stream<Program> programs() {
    return Page.programs("java").filter(Program::needsOtherLibraries);
  }

  @ParameterizedTest
  @MethodSource("programs")
  void prints(Program program) throws Exception {
    JavaProgram.requirePrints(program, folder);
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.docs;

import static org.junit.jupiter.api.Assertions.fail;

import dev.xent.docs.Page.Program;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every Java block of every page is a program that compiles and prints what the page says, and the
 * calls that PyTorch's names become compile.
 */
class JavaProgramsTest {
  private static final Pattern ROW = Pattern.compile("(?m)^\\|[^|]*\\|[^|]*\\|([^|]*)\\|$");
  private static final Pattern CODE = Pattern.compile("`([^`]*)`");
  private static final List<String> OPERANDS =
      List.of(
          "",
          "x.",
          "CrossEntropy.",
          "CrossEntropy.mean().",
          "CrossEntropy.builder().",
          "BinaryCrossEntropy.mean().",
          "BinaryCrossEntropy.builder().");
  private static final String CALL =
      """
      import dev.xent.*;
      import dev.xent.layers.*;
      import dev.xent.options.*;

      void call(Tensor x, Tensor y, Tensor t, Tensor w, Tensor p, Tensor m, Tensor v, Tensor logp,
          Tensor gradient, Tensor output, Tensor classes, Tensor tensor, float[] a, double tau,
          double alpha, double gamma) {
        %s;
      }

      void main() {}
      """;

  @TempDir private Path folder;

  static Stream<Program> programs() {
    return Page.programs("java").filter(program -> !program.needsOtherLibraries());
  }

  /** What the table of PyTorch's names says in Java: the calls of its last column. */
  static Stream<String> calls() {
    Page page =
        Page.all().stream()
            .filter(each -> each.path().endsWith("docs/guide/other-libraries.md"))
            .findFirst()
            .orElseThrow();
    return ROW.matcher(page.text())
        .results()
        .flatMap(row -> CODE.matcher(row.group(1)).results())
        .map(code -> code.group(1))
        .filter(code -> code.contains("(") && !code.contains("…"));
  }

  @ParameterizedTest
  @MethodSource("calls")
  void compiles(String call) throws Exception {
    Path source = folder.resolve("Example.java");
    for (String on : OPERANDS) {
      for (String result : List.of("Object result = ", "")) {
        Files.writeString(source, CALL.formatted(result + on + call));
        if (JavaProgram.compiles(source, folder)) {
          return;
        }
      }
    }
    fail(call + " compiles after none of " + OPERANDS);
  }

  @ParameterizedTest
  @MethodSource("programs")
  void prints(Program program) throws Exception {
    JavaProgram.requirePrints(program, folder);
  }
}

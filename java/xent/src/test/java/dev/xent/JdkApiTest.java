// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.spi.ToolProvider;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What compiles here is on JDK 21 and on newer ones, and means the same on both. */
class JdkApiTest {
  private static final Path API =
      Path.of(System.getProperty("basedir"), "..", "..", "target", "jdk-api", "21").normalize();

  private static final Path CLASSES = Path.of(System.getProperty("basedir"), "target", "classes");

  @TempDir private Path folder;

  @BeforeEach
  void requireACompiler() {
    assumeTrue(ToolProvider.findFirst("javac").isPresent(), "this is a JRE, without a compiler");
    Path releases = Path.of(System.getProperty("java.home"), "lib", "ct.sym");
    assumeTrue(Files.exists(releases), "this is a JRE, whose compiler knows no other release");
    assumeTrue(Runtime.version().feature() >= 25, "the compiler is JDK 25's");
  }

  /** The messages of javac 25 for a statement, with the options that compile the library. */
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
    return compiled(code.replace("%s", statement), "--patch-module", "java.base=" + API);
  }

  private String compiled(String code, String... options) throws IOException {
    Path source = Files.writeString(folder.resolve("Code.java"), code);
    StringWriter said = new StringWriter();
    PrintWriter out = new PrintWriter(said);
    List<String> arguments = new ArrayList<>(List.of(options));
    arguments.addAll(List.of("-Xlint:all,-restricted", "-Werror", "--release", "21"));
    arguments.addAll(List.of("-d", folder.toString(), source.toString()));
    ToolProvider.findFirst("javac").orElseThrow().run(out, out, arguments.toArray(String[]::new));
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

  /** As users of JDK 21 write it, to whose compiler Arena and MemorySegment are in preview. */
  @Test
  void programsForJdk21DoWithoutArenas() throws IOException {
    String code =
        """
        import dev.xent.*;
        import java.nio.*;
        class Code {
          Object of(float[] values, FloatBuffer direct, int[] classes) {
            Tensor x = Tensor.of(values, 2, 3);
            Tensor y = Tensor.allocate(DType.F32, 2, 3);
            Tensor labels = Tensor.of(classes);
            Tensor perRow = Tensor.allocate(DType.F32, 2);
            Softmax.along(-1).forward(x, y);
            LogSoftmax.along(-1).forward(Tensor.of(direct, 2, 3), y);
            LogSumExp.along(-1).forward(x, perRow);
            LossOutputs outputs =
                LossOutputs.create().losses(perRow).saveStatistics();
            CrossEntropy mean = CrossEntropy.mean();
            mean.on(x, labels).outputs(outputs).run();
            mean.onBackward(x, labels, outputs, null, y).run();
            mean.on(x, labels, y).run();
            SelectedLogProbabilities selected = SelectedLogProbabilities.builder().build();
            selected.on(x, labels, perRow, LossOutputs.create().saveStatistics()).run();
            Tensor tokens = Tensor.allocate(DType.I32, 2);
            Sampler.builder().topK(2).build().sample(x, 0, tokens);
            LossOutputs linear = LossOutputs.create().saveStatistics();
            LinearCrossEntropy linearMean = LinearCrossEntropy.mean();
            linearMean.on(x, Tensor.of(values, 2, 3), labels).outputs(linear).run();
            return TopK.of(2).probabilities(x).values().toFloatArray();
          }
        }
        """;
    assertThat(compiled(code, "-cp", CLASSES.toString())).isEmpty();
  }
}

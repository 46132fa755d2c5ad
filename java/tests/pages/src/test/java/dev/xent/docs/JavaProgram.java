// SPDX-License-Identifier: Apache-2.0
package dev.xent.docs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.xent.docs.Page.Program;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.PrintStream;
import java.io.StringWriter;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * Compiles a Java block of a page with the class path of the test, and runs it: in this JVM, or as
 * a program for JDK 21 by the {@code java} of the system property {@code xent.programs.java}.
 */
final class JavaProgram {
  private static final String OTHER_JAVA = System.getProperty("xent.programs.java", "");

  private static final Path API_OF_21 = Page.ROOT.resolve("target/jdk-api/21");

  private static final Pattern MAIN = Pattern.compile("^void main\\(\\)", Pattern.MULTILINE);

  private static final Pattern MEMBERS = Pattern.compile("^(?!import |\\R)", Pattern.MULTILINE);

  private JavaProgram() {}

  /**
   * Requires that the program compiles without a warning and prints what the page says.
   *
   * @param folder for its source and classes
   */
  static void requirePrints(Program program, Path folder) throws Exception {
    assumeCompiler();
    Path source = folder.resolve("Example.java");
    if (!OTHER_JAVA.isEmpty()) {
      assumeFalse(program.source().text().contains("allocateFrom("), "it calls a method of JDK 22");
      Files.writeString(source, withClass(program.source().text()));
      compile(source, folder, "--release=21", "--patch-module=java.base=" + API_OF_21);
      assertThat(runByOtherJava(folder)).isEqualTo(Here.expected(program.output()));
      return;
    }
    Files.writeString(source, program.source().text());
    compile(source, folder);
    ClassLoader libraries = JavaProgram.class.getClassLoader();
    try (URLClassLoader loader =
        new URLClassLoader(new URL[] {folder.toUri().toURL()}, libraries)) {
      assertThat(run(loader.loadClass("Example"))).isEqualTo(Here.expected(program.output()));
    }
  }

  /** JDK 21 has neither programs without a class nor imports that need not be written. */
  private static String withClass(String text) {
    Matcher main = MAIN.matcher(text);
    Matcher members = MEMBERS.matcher(text);
    if (!main.find() || !members.find()) {
      return text;
    }
    String imports =
        Stream.of(
                "io",
                "lang.foreign",
                "nio",
                "nio.channels",
                "nio.charset",
                "nio.file",
                "util",
                "util.concurrent",
                "util.function",
                "util.stream")
            .map(name -> "import java." + name + ".*;\n")
            .collect(Collectors.joining());
    String start =
        """
        public class Example {
          public static void main(String[] args) throws Exception {
            new Example().main();
          }

        """;
    return imports
        + text.substring(0, members.start())
        + start
        + text.substring(members.start())
        + "}\n";
  }

  private static String runByOtherJava(Path folder) throws Exception {
    ProcessBuilder builder =
        new ProcessBuilder(
            OTHER_JAVA,
            "--enable-native-access=ALL-UNNAMED",
            "--add-opens=java.base/java.nio=ALL-UNNAMED",
            "Example");
    // As a variable: ONNX Runtime 1.29.0 for Linux ends a process with a long command line.
    builder
        .environment()
        .put("CLASSPATH", folder + File.pathSeparator + System.getProperty("java.class.path"));
    Path errors = folder.resolve("errors");
    Process process = builder.redirectError(errors.toFile()).start();
    String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(Files.readString(errors)).isZero();
    return printed;
  }

  private static void assumeCompiler() {
    assumeTrue(Runtime.version().feature() >= 25, "programs of pages are written for JDK 25");
    assumeTrue(ToolProvider.getSystemJavaCompiler() != null, "this is a JRE, without a compiler");
  }

  /** Whether a file compiles. */
  static boolean compiles(Path source, Path folder) throws Exception {
    assumeCompiler();
    return messages(source, folder).isEmpty();
  }

  private static void compile(Path source, Path folder, String... more) throws Exception {
    assertThat(messages(source, folder, more)).isEmpty();
  }

  private static String messages(Path source, Path folder, String... more) throws Exception {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    StringWriter messages = new StringWriter();
    try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
      List<String> options = new ArrayList<>(List.of(more));
      options.addAll(
          List.of(
              "-d",
              folder.toString(),
              "-cp",
              System.getProperty("java.class.path"),
              "-Xlint:all,-classfile")); // some libraries leave out classes of their annotations
      boolean done =
          compiler
              .getTask(messages, files, null, options, null, files.getJavaFileObjects(source))
              .call();
      assertThat(done).as(messages.toString()).isEqualTo(messages.toString().isEmpty());
      return messages.toString();
    }
  }

  private static String run(Class<?> program) throws Exception {
    Constructor<?> constructor = program.getDeclaredConstructor();
    constructor.setAccessible(true);
    Method main =
        Arrays.stream(program.getDeclaredMethods())
            .filter(method -> method.getName().equals("main"))
            .findFirst()
            .orElseThrow();
    main.setAccessible(true);
    Object[] arguments =
        main.getParameterCount() == 0 ? new Object[0] : new Object[] {new String[0]};
    PrintStream before = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
    try {
      main.invoke(constructor.newInstance(), arguments);
    } finally {
      System.setOut(before);
    }
    return printed.toString(StandardCharsets.UTF_8);
  }
}

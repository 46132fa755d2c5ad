// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
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
import java.util.spi.ToolProvider;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Programs that were compiled against these classes run on later ones, whose options have moved.
 */
class CompiledCallersTest {
  private static final Path CLASSES = Path.of(System.getProperty("basedir"), "target", "classes");
  private static final Path SOURCES =
      Path.of(System.getProperty("basedir"), "src", "main", "java", "dev", "xent");

  private static final String CLIENT =
      """
      package client;

      import dev.xent.*;

      public class Client {
        public static String run() {
          return String.join(
              " ",
              Softmax.builder().temperature(2).axis(1).build().toString(),
              TopK.builder(3).axis(1).temperature(4).softcap(30).build().toString(),
              CrossEntropy.builder().temperature(5).labelSmoothing(0.1).build().toString(),
              Sampler.builder().temperature(0.5).topK(3).seed(7).build().toString(),
              LossOutputs.create().countCorrect(true).argmax(null).toString());
        }
      }
      """;

  @TempDir private Path folder;

  // ---- what can be called ----------------------------------------------------------------------

  private static List<Class<?>> publicTypes() throws IOException, ClassNotFoundException {
    List<Class<?>> types = new ArrayList<>();
    for (String part : List.of("", "errors", "layers", "options")) {
      try (Stream<Path> files = Files.list(CLASSES.resolve("dev/xent").resolve(part))) {
        for (Path file : files.filter(each -> each.toString().endsWith(".class")).toList()) {
          String name = CLASSES.relativize(file).toString().replace('/', '.');
          Class<?> type = Class.forName(name.substring(0, name.length() - ".class".length()));
          if (isPublic(type)) {
            types.add(type);
          }
        }
      }
    }
    return types;
  }

  private static boolean isPublic(Class<?> type) {
    Class<?> outer = type.getEnclosingClass();
    return type.isArray()
        ? isPublic(type.getComponentType())
        : Modifier.isPublic(type.getModifiers()) && (outer == null || isPublic(outer));
  }

  /** The methods that a compiler sees: no bridge to a method with the same parameters. */
  private static List<Method> methods(Class<?> type) {
    List<Method> all = Arrays.asList(type.getMethods());
    return all.stream()
        .filter(
            method ->
                !method.isBridge()
                    || all.stream()
                        .noneMatch(
                            other ->
                                !other.isBridge()
                                    && other.getName().equals(method.getName())
                                    && Arrays.equals(
                                        other.getParameterTypes(), method.getParameterTypes())))
        .toList();
  }

  @Test
  void whatIsPublicComesFromGivesAndTakesWhatIsPublic() throws Exception {
    List<String> wrong = new ArrayList<>();
    for (Class<?> type : publicTypes()) {
      for (Method method : methods(type)) {
        if (!Stream.concat(
                Stream.of(method.getDeclaringClass(), method.getReturnType()),
                Stream.of(method.getParameterTypes()))
            .allMatch(CompiledCallersTest::isPublic)) {
          wrong.add(type.getName() + ": " + method);
        }
      }
    }
    assertThat(wrong).isEmpty();
  }

  /** What a method returns when it is called on a type: that of a family returns its builder. */
  private static Type returned(Class<?> type, Method method) {
    if (type == method.getDeclaringClass()) {
      return method.getGenericReturnType() instanceof TypeVariable<?> builder
          ? builder
          : method.getReturnType();
    }
    Type generic =
        Stream.concat(
                Stream.ofNullable(type.getGenericSuperclass()),
                Arrays.stream(type.getGenericInterfaces()))
            .filter(base -> method.getDeclaringClass().isAssignableFrom(classOf(base)))
            .findFirst()
            .orElseThrow();
    Type above = returned(classOf(generic), method);
    return above instanceof TypeVariable
        ? ((ParameterizedType) generic).getActualTypeArguments()[0]
        : above;
  }

  private static Class<?> classOf(Type type) {
    return (Class<?>) (type instanceof ParameterizedType generic ? generic.getRawType() : type);
  }

  @Test
  void whatReturnsItsOwnKindReturnsItsOwnType() throws Exception {
    List<String> wrong = new ArrayList<>();
    List<Class<?>> chained = new ArrayList<>();
    for (Class<?> type : publicTypes()) {
      List<Method> own =
          methods(type).stream()
              .filter(method -> !Modifier.isStatic(method.getModifiers()))
              .filter(method -> method.getReturnType().getPackageName().startsWith("dev.xent"))
              .filter(method -> method.getReturnType().isAssignableFrom(type))
              .toList();
      own.stream()
          .filter(method -> !returned(type, method).equals(own(type)))
          .forEach(method -> wrong.add(type.getName() + ": " + method));
      if (!own.isEmpty()) {
        chained.add(type);
      }
    }
    assertThat(wrong).isEmpty();
    assertThat(chained).filteredOn(type -> type.getSimpleName().endsWith("Builder")).hasSize(22);
    assertThat(chained).contains(LossOutputs.class, SamplerOutputs.class, LossCall.class);
  }

  /** A type, or of a family the builder that is its parameter. */
  private static Type own(Class<?> type) {
    return isFamily(type) ? type.getTypeParameters()[0] : type;
  }

  private static boolean isFamily(Class<?> type) {
    return OperationBuilder.class.isAssignableFrom(type) && type.getTypeParameters().length > 0;
  }

  /** So that what is declared in one of them has the same descriptor in each. */
  @Test
  void theBuilderOfAFamilyHasTheSameBoundInAllFamilies() throws Exception {
    List<Class<?>> families = publicTypes().stream().filter(CompiledCallersTest::isFamily).toList();
    assertThat(families).hasSize(6).contains(OperationBuilder.class, LogitLossBuilder.class);
    assertThat(families)
        .allSatisfy(
            family ->
                assertThat(family.getTypeParameters()[0].getBounds()[0])
                    .hasToString("dev.xent.OperationBuilder<B>"));
  }

  // ---- a client of today on the library of tomorrow --------------------------------------------

  @Test
  void anOptionMovesUnderACompiledClient() throws Exception {
    assumeTrue(
        Runtime.version().feature() >= 22,
        "the compiler of JDK 21 refuses the library's sources: java.lang.foreign is in preview");
    Path client = Files.createDirectories(folder.resolve("client"));
    Path source = Files.writeString(folder.resolve("Client.java"), CLIENT);
    compile(List.of(source), client);
    String file =
        Files.readString(client.resolve("client/Client.class"), StandardCharsets.ISO_8859_1);
    assertThat(file)
        .contains("dev/xent/Softmax$Builder")
        .contains("dev/xent/TopK$Builder")
        .contains("(D)Ldev/xent/OperationBuilder;");

    String today = run(client, CLASSES);
    assertThat(today)
        .isEqualTo(
            "Softmax[axis=1, temperature=2.0] TopK[k=3, axis=1, temperature=4.0, softcap=30.0]"
                + " CrossEntropy[labelSmoothing=0.1, temperature=5.0]"
                + " Sampler[temperature=0.5, topK=3, seed=7]"
                + " LossOutputs[countCorrect=true]");
    assertThat(run(client, tomorrow(), CLASSES)).isEqualTo(today);
  }

  /** The library with label smoothing one base further up. */
  private Path tomorrow() throws IOException, ClassNotFoundException {
    Path sources = Files.createDirectories(folder.resolve("sources"));
    List<Path> changed = new ArrayList<>();
    for (String name : List.of("LossBuilder.java", "ReducedBuilder.java")) {
      changed.add(Files.copy(SOURCES.resolve(name), sources.resolve(name)));
    }
    move(sources, "labelSmoothing", "LossBuilder", "ReducedBuilder");
    Path classes = Files.createDirectories(folder.resolve("tomorrow"));
    compile(changed, classes);
    try (URLClassLoader loader = loader(classes, CLASSES)) {
      assertThat(declared(loader, "LossBuilder"))
          .contains("smoothing")
          .doesNotContain("labelSmoothing");
      assertThat(declared(loader, "ReducedBuilder")).contains("labelSmoothing");
    }
    return classes;
  }

  private static List<String> declared(ClassLoader loader, String type)
      throws ClassNotFoundException {
    return Arrays.stream(loader.loadClass("dev.xent." + type).getDeclaredMethods())
        .map(Method::getName)
        .toList();
  }

  /** Moves an option, and its field if it has one, from a class to another. */
  private static void move(Path sources, String option, String from, String to) throws IOException {
    Path source = sources.resolve(from + ".java");
    Path target = sources.resolve(to + ".java");
    String text = Files.readString(source);
    Matcher method = Pattern.compile("  public B " + option + "\\((?s:.*?)\n  \\}\n").matcher(text);
    assertThat(method.find()).as("%s in %s", option, from).isTrue();
    Matcher field = Pattern.compile("  private \\w+ " + option + ";\n").matcher(text);
    String moved = method.group().replace(from, to);
    text = text.replace(method.group(), "");
    if (field.find()) {
      moved += field.group().replace("private ", "");
      text = text.replace(field.group(), "");
    }
    Files.writeString(source, text);
    String body = Files.readString(target);
    int end = body.lastIndexOf('}');
    String imports =
        text.lines().filter(line -> line.startsWith("import ")).collect(Collectors.joining("\n"));
    Files.writeString(
        target,
        body.substring(0, end).replaceFirst("(?=\nimport )", "\n" + imports) + moved + "}\n");
  }

  private static void compile(List<Path> sources, Path into) {
    String libraries =
        Stream.of("java.class.path", "jdk.module.path", "surefire.test.class.path")
            .map(name -> System.getProperty(name, ""))
            .reduce(CLASSES.toString(), (all, one) -> all + File.pathSeparator + one);
    List<String> arguments =
        new ArrayList<>(List.of("-cp", libraries, "-d", into.toString(), "-proc:none", "-nowarn"));
    sources.forEach(source -> arguments.add(source.toString()));
    StringWriter said = new StringWriter();
    PrintWriter out = new PrintWriter(said);
    int status =
        ToolProvider.findFirst("javac")
            .orElseThrow()
            .run(out, out, arguments.toArray(String[]::new));
    assertThat(status).as(said.toString()).isZero();
  }

  private static URLClassLoader loader(Path... folders) throws IOException {
    URL[] urls = new URL[folders.length];
    for (int i = 0; i < urls.length; i++) {
      urls[i] = folders[i].toUri().toURL();
    }
    // The loader of the platform would find the module of these tests.
    return new URLClassLoader(urls, null);
  }

  private static String run(Path... folders) throws Exception {
    try (URLClassLoader loader = loader(folders)) {
      return (String) loader.loadClass("client.Client").getMethod("run").invoke(null);
    }
  }
}

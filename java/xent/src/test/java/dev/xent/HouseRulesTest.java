// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.methods;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.GeneralCodingRules.ACCESS_STANDARD_STREAMS;
import static com.tngtech.archunit.library.GeneralCodingRules.USE_JAVA_UTIL_LOGGING;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.errorprone.annotations.CheckReturnValue;
import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import dev.xent.internal.load.Settings;
import dev.xent.internal.plan.arrays.Memory;
import java.io.IOException;
import java.lang.module.ModuleDescriptor;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The rules of the house that no compiler checks. */
@Execution(ExecutionMode.CONCURRENT)
class HouseRulesTest {
  private static final String FFI = "dev.xent.internal.ffi";
  private static final String KERNELS = "dev.xent.internal.kernels";
  private static final String REFERENCE = "dev.xent.internal.kernels.reference";
  private static final String LOAD = "dev.xent.internal.load";
  private static final String PLAN = "dev.xent.internal.plan";
  private static final String PARALLEL = "dev.xent.internal.parallel";
  private static final String EVENTS = "dev.xent.internal.events";
  private static final String TEXT = "dev.xent.internal.text";
  private static final String LAYERS = "dev.xent.layers";
  private static final String CALIBRATION = "dev.xent.calibration";
  private static final String ERRORS = "dev.xent.errors";
  private static final String OPTIONS = "dev.xent.options";

  private static final JavaClasses LIBRARY =
      new ClassFileImporter()
          .importPath(Path.of(System.getProperty("basedir"), "target", "classes"));

  /** Methods of the JDK that use the default locale unless a locale is passed. */
  private static final Pattern LOCALE_OF_THE_USER =
      Pattern.compile(
          String.join(
              "|",
              "\\.formatted\\(",
              "(\\bString\\.format|\\.printf|\\bout\\.format)\\((?!\\s*Locale\\.)",
              "\\.to(Lower|Upper)Case\\(\\)",
              "new (Formatter|Scanner|DecimalFormat|MessageFormat|SimpleDateFormat)\\(",
              "\\b(NumberFormat\\.get|MessageFormat\\.format)",
              "DateTimeFormatter\\.ofPattern\\([^,]*\\)"));

  private static final Pattern HANDLES_OF_LAYOUTS =
      Pattern.compile("\\.(varHandle|arrayElementVarHandle|memorySegmentViewVarHandle)\\(");

  private static final Pattern REINTERPRETED = Pattern.compile("\\.reinterpret\\(");

  /** What is just an address can be written anyway. */
  private static final Pattern REINTERPRETED_ADDRESS =
      Pattern.compile("ofAddress\\([^;]{1,60}?\\)\\s*\\.reinterpret\\(");

  private static final Pattern OPTION = Pattern.compile("_\\(c, (\\w+), \\w+, \\w+, (XENT[^,]+),");

  private static final Pattern SET_OF_FUNCTIONS =
      Pattern.compile("(XENT_FOR_\\w+) = (XENT_FOR_[^,}]+),");

  private static final Map<String, List<Class<?>>> BUILDERS =
      Map.of(
          "XENT_FOR_SOFTMAX",
          List.of(Softmax.Builder.class, LogSoftmax.Builder.class, LogSumExp.Builder.class),
          "XENT_FOR_LOSSES",
          List.of(
              CrossEntropy.Builder.class, LinearCrossEntropy.Builder.class, NllLoss.Builder.class),
          "XENT_FOR_SELECTED",
          List.of(SelectedLogProbabilities.Builder.class),
          "XENT_FOR_DIVERGENCES",
          List.of(Divergence.Builder.class),
          "XENT_FOR_HVP",
          List.of(CrossEntropyHvp.Builder.class),
          "XENT_FOR_BINARY",
          List.of(BinaryCrossEntropy.Builder.class),
          "XENT_FOR_SAMPLE",
          List.of(Sampler.Builder.class),
          "XENT_FOR_SIGMOID",
          List.of(Sigmoid.Builder.class, LogSigmoid.Builder.class));

  /** Options of a function that a builder for it lacks. */
  private static final Map<Class<?>, Set<String>> LACKED =
      Map.of(Sampler.Builder.class, Set.of("greedy")); // temperature(0)

  /** The options of a loss that do not belong to its softmax: log-probabilities have them, too. */
  private static final Set<String> OF_LOG_PROBABILITIES =
      Set.of("label_smoothing", "smoothing", "gradient_scale");

  private static final Path ROOT = Path.of(System.getProperty("basedir"), "..", "..").normalize();

  private static DescribedPredicate<JavaCall<?>> callsOf(String method) {
    return DescribedPredicate.describe(
        "calls of " + method, call -> call.getTarget().getName().equals(method));
  }

  /** The builders of a function's operations offer every option in the list of its options. */
  @Test
  void everyOptionIsOneOfTheBuildersThatItIsFor() throws IOException {
    List<String> wrong = new ArrayList<>();
    optionsAndFunctions()
        .forEach(
            (option, functions) ->
                functions.stream()
                    .flatMap(function -> BUILDERS.get(function).stream())
                    .filter(
                        builder -> has(builder, option) != hasMethod(builder, camelCase(option)))
                    .forEach(builder -> wrong.add(builder.getName() + " " + option)));
    assertThat(wrong).isEmpty();
  }

  private static boolean has(Class<?> builder, String option) {
    return builder == NllLoss.Builder.class
        ? OF_LOG_PROBABILITIES.contains(option)
        : !LACKED.getOrDefault(builder, Set.of()).contains(option);
  }

  private static boolean hasMethod(Class<?> type, String name) {
    return Stream.of(type.getMethods()).anyMatch(method -> method.getName().equals(name));
  }

  /** The entries of options.h that have functions. */
  private static Map<String, Set<String>> optionsAndFunctions() throws IOException {
    String list = Files.readString(ROOT.resolve("native/src/kernels/options.h"));
    Map<String, String> sets = new HashMap<>();
    SET_OF_FUNCTIONS.matcher(list).results().forEach(set -> sets.put(set.group(1), set.group(2)));
    Map<String, Set<String>> options = new HashMap<>();
    OPTION
        .matcher(list)
        .results()
        .filter(option -> !option.group(1).startsWith("has_"))
        .forEach(
            option ->
                Stream.of(option.group(2).split(" \\| "))
                    .flatMap(each -> Stream.of(sets.getOrDefault(each, each).split(" \\| ")))
                    .forEach(
                        function ->
                            options
                                .computeIfAbsent(option.group(1), name -> new HashSet<>())
                                .add(function)));
    return options;
  }

  private static String camelCase(String name) {
    return Pattern.compile("_(\\w)")
        .matcher(name)
        .replaceAll(letter -> letter.group(1).toUpperCase(Locale.ROOT));
  }

  @Test
  void nothingInternalIsExported() {
    ModuleDescriptor module = XentRuntime.class.getModule().getDescriptor();
    assertThat(module.exports())
        .filteredOn(each -> !each.isQualified()) // the others are for Xent's adapters
        .extracting(ModuleDescriptor.Exports::source)
        .containsExactlyInAnyOrder("dev.xent", CALIBRATION, ERRORS, LAYERS, OPTIONS);
    assertThat(module.opens()).isEmpty();
  }

  @Test
  void nothingIsNeededAtRunTimeButTheJdk() {
    assertThat(XentRuntime.class.getModule().getDescriptor().requires())
        .filteredOn(each -> !each.modifiers().contains(ModuleDescriptor.Requires.Modifier.STATIC))
        .extracting(ModuleDescriptor.Requires::name)
        .containsExactly("java.base");
  }

  @Test
  void publicSignaturesNameNothingInternal() {
    methods()
        .that()
        .areDeclaredInClassesThat()
        .resideInAnyPackage("dev.xent", ERRORS, LAYERS, OPTIONS)
        .and()
        .arePublic()
        .should(nameNothingInternal())
        .check(LIBRARY);
  }

  private static ArchCondition<JavaMethod> nameNothingInternal() {
    return new ArchCondition<>("name nothing internal") {
      @Override
      public void check(JavaMethod method, ConditionEvents events) {
        Stream.concat(method.getRawParameterTypes().stream(), Stream.of(method.getRawReturnType()))
            .map(JavaClass::getPackageName)
            .filter(name -> name.startsWith("dev.xent.internal"))
            .forEach(
                name ->
                    events.add(
                        SimpleConditionEvent.violated(
                            method, method.getFullName() + " names a class of " + name)));
      }
    };
  }

  @Test
  void theLibraryPrintsNothing() {
    noClasses().that().resideOutsideOfPackage(FFI).should(ACCESS_STANDARD_STREAMS).check(LIBRARY);
  }

  @Test
  void logsGoThroughTheLoggerOfThePlatform() {
    noClasses().should(USE_JAVA_UTIL_LOGGING).check(LIBRARY);
  }

  /**
   * In Persian, Arabic or Bengali a number would have other digits, in Turkish a letter another
   * case. The test reads the sources of all modules, because not all of them are built before it.
   */
  @Test
  void nothingIsFormattedInTheLocaleOfTheUser() throws IOException {
    List<Path> sources = sources("[^/]+/[^/]+/src/main/java/(?!dev/xent/internal/ffi/).*\\.java");
    assertThat(sources).hasSizeGreaterThan(200);
    List<Path> wrong = new ArrayList<>();
    for (Path source : sources) {
      if (LOCALE_OF_THE_USER.matcher(Files.readString(source)).find()) {
        wrong.add(source);
      }
    }
    assertThat(wrong).isEmpty();
  }

  /**
   * Of all modules. The folders of builds are not entered: another build may delete files there.
   */
  private static List<Path> sources(String name) throws IOException {
    List<Path> sources = new ArrayList<>();
    for (String modules : List.of("java", "java/tests")) {
      try (DirectoryStream<Path> folders = Files.newDirectoryStream(ROOT.resolve(modules))) {
        for (Path folder : folders) {
          Path main = folder.resolve("src/main/java");
          if (Files.isDirectory(main)) {
            try (Stream<Path> files = Files.walk(main)) {
              files
                  .filter(file -> ROOT.relativize(file).toString().matches(name))
                  .forEach(sources::add);
            }
          }
        }
      }
    }
    return sources;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"%d\".formatted(1)",
        "String.format(\"%d\", 1)",
        "String.format(\n    FORM, 1)",
        "out.printf(\"%d\", 1)",
        "out.format(\"%d\", 1)",
        "name.toLowerCase()",
        "name.toUpperCase()",
        "new Formatter()",
        "new Scanner(text)",
        "new DecimalFormat(\"0\")",
        "NumberFormat.getInstance()",
        "MessageFormat.format(\"{0}\", 1)",
        "DateTimeFormatter.ofPattern(\"d\")"
      })
  void theLocaleOfTheUserIsRecognized(String code) {
    assertThat(code).containsPattern(LOCALE_OF_THE_USER);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "String.format(Locale.ROOT, \"%d\", 1)",
        "String.format(\n    Locale.ROOT, FORM, 1)",
        "out.printf(Locale.ROOT, \"%d\", 1)",
        "name.toLowerCase(Locale.ROOT)",
        "DateTimeFormatter.ofPattern(\"d\", Locale.ENGLISH)",
        "schema.format()"
      })
  void otherLocalesAreNot(String code) {
    assertThat(code).doesNotContainPattern(LOCALE_OF_THE_USER);
  }

  @Test
  void boundsAreTakenOnTrustInOnePlace() {
    noClasses()
        .that()
        .resideOutsideOfPackage(FFI)
        .and()
        .doNotBelongToAnyOf(Memory.class)
        .should()
        .callMethodWhere(callsOf("reinterpret"))
        .check(LIBRARY);
  }

  /**
   * On JDK 21 they mean something else, which no compiler sees: handles of layouts take no offset
   * there, and what is read-only can be written once it was reinterpreted.
   */
  @Test
  void nothingMeansSomethingElseOnJdk21() throws IOException {
    List<Path> wrong = new ArrayList<>();
    for (Path source : sources("[^/]+/[^/]+/src/main/java/.*\\.java")) {
      String code = Files.readString(source);
      boolean written = !source.toString().contains("/internal/ffi/");
      if (HANDLES_OF_LAYOUTS.matcher(code).find() || written && maySpoilReadOnly(code)) {
        wrong.add(source);
      }
    }
    assertThat(wrong).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "layout.varHandle(path)",
        "JAVA_INT.arrayElementVarHandle()",
        "MethodHandles.memorySegmentViewVarHandle(layout)"
      })
  void handlesOfLayoutsAreRecognized(String code) {
    assertThat(code).containsPattern(HANDLES_OF_LAYOUTS);
  }

  private static boolean maySpoilReadOnly(String code) {
    long all = REINTERPRETED.matcher(code).results().count();
    return all > REINTERPRETED_ADDRESS.matcher(code).results().count()
        && !code.contains("asReadOnly()");
  }

  @Test
  void whatIsReinterpretedIsRecognized() {
    assertThat(maySpoilReadOnly("memory.reinterpret(arena, null)")).isTrue();
    assertThat(maySpoilReadOnly("MemorySegment.ofAddress(a.address())\n  .reinterpret(8)"))
        .isFalse();
    assertThat(maySpoilReadOnly("ofAddress(a).reinterpret(8); b\n  .reinterpret(8)")).isTrue();
    assertThat(maySpoilReadOnly("memory.reinterpret(arena, null).asReadOnly()")).isFalse();
  }

  @Test
  void librariesAreLoadedInOnePlace() {
    noClasses()
        .that()
        .resideOutsideOfPackage(LOAD)
        .should()
        .callMethodWhere(
            DescribedPredicate.describe(
                "loads a library",
                call ->
                    call.getTarget()
                        .getFullName()
                        .matches("java\\.lang\\.(System|Runtime)\\.load.*")))
        .check(LIBRARY);
  }

  @Test
  void settingsAreReadInOnePlace() {
    noClasses()
        .that()
        .resideInAnyPackage("dev.xent..")
        .and()
        .resideOutsideOfPackage(FFI)
        .and()
        .doNotBelongToAnyOf(Settings.class)
        .and()
        .haveSimpleNameNotEndingWith("Platform")
        .should()
        .callMethodWhere(callsOf("getProperty").and(ofSystem()))
        .check(LIBRARY);
  }

  private static DescribedPredicate<JavaCall<?>> ofSystem() {
    return DescribedPredicate.describe(
        "of System", call -> call.getTargetOwner().isEquivalentTo(System.class));
  }

  /** What each part of the library may use of the others; what is not said it may not. */
  @Test
  void partsUseWhatIsBelowThem() {
    layeredArchitecture()
        .consideringOnlyDependenciesInLayers()
        .layer("api")
        .definedBy("dev.xent", ERRORS, OPTIONS)
        .layer("layers")
        .definedBy(LAYERS)
        .layer("calibration")
        .definedBy(CALIBRATION)
        .layer("plan")
        .definedBy(PLAN + "..")
        .layer("load")
        .definedBy(LOAD)
        .layer("parallel")
        .definedBy(PARALLEL)
        .layer("events")
        .definedBy(EVENTS)
        .layer("adapter")
        .definedBy("dev.xent.internal.adapter")
        .layer("text")
        .definedBy(TEXT)
        .layer("kernels")
        .definedBy(KERNELS)
        .layer("reference")
        .definedBy(REFERENCE + "..")
        .layer("ffi")
        .definedBy(FFI)
        .ensureAllClassesAreContainedInArchitecture()
        .whereLayer("api")
        .mayOnlyAccessLayers("plan", "load", "parallel", "events", "kernels", "text")
        .whereLayer("layers")
        .mayOnlyAccessLayers("api", "text")
        .whereLayer("calibration")
        .mayOnlyAccessLayers("api", "plan", "text")
        .whereLayer("plan")
        .mayOnlyAccessLayers(
            "api", "load", "parallel", "events", "adapter", "text", "kernels", "reference", "ffi")
        .whereLayer("load")
        .mayOnlyAccessLayers("api", "parallel", "text", "kernels", "reference", "ffi")
        .whereLayer("parallel")
        .mayOnlyAccessLayers("api", "text")
        .whereLayer("events")
        .mayNotAccessAnyLayer()
        .whereLayer("adapter")
        .mayOnlyAccessLayers("api", "text")
        .whereLayer("text")
        .mayNotAccessAnyLayer()
        .whereLayer("kernels")
        .mayOnlyAccessLayers("ffi")
        .whereLayer("reference")
        .mayOnlyAccessLayers("kernels", "ffi")
        .whereLayer("ffi")
        .mayNotAccessAnyLayer()
        .check(LIBRARY);
  }

  /** The list of docs/developing/design.md. */
  @Test
  void packagesOfThePlanUseThoseBeforeThem() {
    List<String> below = List.of("arrays", "options", "call", "shard");
    List<String> operations = List.of("loss", "logits", "sample");
    List<String> inOrder = Stream.concat(below.stream(), operations.stream()).toList();
    for (int i = 0; i < inOrder.size(); i++) {
      String one = inOrder.get(i);
      String[] others =
          (operations.contains(one) ? operations : inOrder.subList(i, inOrder.size()))
              .stream()
                  .filter(other -> !other.equals(one))
                  .map(HouseRulesTest::ofPlan)
                  .toArray(String[]::new);
      noClasses()
          .that()
          .resideInAPackage(ofPlan(one))
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(others)
          .check(LIBRARY);
    }
    classes()
        .that()
        .resideInAPackage(PLAN + "..")
        .should()
        .resideInAnyPackage(inOrder.stream().map(HouseRulesTest::ofPlan).toArray(String[]::new))
        .check(LIBRARY);
  }

  private static String ofPlan(String name) {
    return PLAN + "." + name;
  }

  @Test
  void noPackagesUseEachOther() {
    slices()
        .assignedFrom(packages())
        .should()
        .beFreeOfCycles()
        .ignoreDependency(values(), VALUE)
        .check(LIBRARY);
  }

  private static SliceAssignment packages() {
    return new SliceAssignment() {
      @Override
      public SliceIdentifier getIdentifierOf(JavaClass type) {
        return SliceIdentifier.of(type.getPackageName());
      }

      @Override
      public String getDescription() {
        return "packages";
      }
    };
  }

  /** A value of the API is a sealed interface of one internal class, which alone knows it. */
  @Test
  void nothingInternalUsesTheApiButTheValuesThatItImplements() {
    noClasses()
        .that()
        .resideInAPackage("dev.xent.internal..")
        .should()
        .dependOnClassesThat(resideInAPackage("dev.xent").and(not(VALUE)))
        .check(LIBRARY);
    noClasses()
        .that()
        .resideInAPackage("dev.xent.internal..")
        .and(not(values()))
        .should()
        .dependOnClassesThat()
        .resideInAPackage("dev.xent")
        .check(LIBRARY);
  }

  private static final DescribedPredicate<JavaClass> VALUE =
      DescribedPredicate.describe(
          "are values of the API",
          type ->
              type.getPackageName().equals("dev.xent")
                  && type.reflect().isSealed()
                  && Stream.of(type.reflect().getPermittedSubclasses())
                      .allMatch(each -> each.getName().startsWith("dev.xent.internal.")));

  private static DescribedPredicate<JavaClass> values() {
    return DescribedPredicate.describe(
        "implement a value of the API",
        type -> type.getInterfaces().stream().anyMatch(each -> VALUE.test(each.toErasure())));
  }

  @Test
  void plansUseOfTheReferenceItsArithmeticAlone() {
    noClasses()
        .that()
        .resideInAPackage(PLAN + "..")
        .should()
        .dependOnClassesThat(
            resideInAPackage(REFERENCE + "..").and(not(resideInAPackage(REFERENCE + ".math"))))
        .check(LIBRARY);
  }

  @Test
  void theApiUsesOfTheKernelsTheNamesOfArraysAndTypesAlone() {
    noClasses()
        .that()
        .resideInAnyPackage("dev.xent", ERRORS, OPTIONS)
        .should()
        .dependOnClassesThat(
            resideInAPackage(KERNELS + "..")
                .and(
                    DescribedPredicate.describe(
                        "are not Array or ElementType",
                        type ->
                            !type.getFullName().equals(KERNELS + ".Array")
                                && !type.getFullName().equals(KERNELS + ".ElementType"))))
        .check(LIBRARY);
  }

  /** A tool tells a user that the result of such a method, as a statement, is lost. */
  @Test
  void methodsThatReturnAnotherInstanceAreMarked() {
    methods()
        .that()
        .areDeclaredInClassesThat()
        .resideInAPackage("dev.xent")
        .and()
        .arePublic()
        .and()
        .haveNameMatching("with[A-Z].*")
        .should(
            ArchCondition.from(
                DescribedPredicate.describe(
                    "have @CheckReturnValue, or their type has it",
                    method ->
                        method.isAnnotatedWith(CheckReturnValue.class)
                            || method.getOwner().isAnnotatedWith(CheckReturnValue.class))))
        .check(LIBRARY);
  }

  @Test
  void theReferenceStandsAlone() {
    classes()
        .that()
        .resideInAPackage(REFERENCE + "..")
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            REFERENCE + "..", KERNELS, FFI, "java.lang..", "java.util..", "org.jspecify..")
        .check(LIBRARY);
  }

  /** A Java runtime need not have it. */
  @Test
  void theFlightRecorderIsTouchedInOnePlace() {
    noClasses()
        .that()
        .resideOutsideOfPackage(EVENTS)
        .and()
        .doNotHaveFullyQualifiedName("dev.xent.internal.plan.call.Recording")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("jdk.jfr..")
        .check(LIBRARY);
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.api;

import static com.tngtech.archunit.base.DescribedPredicate.alwaysTrue;
import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameEndingWith;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static java.util.Map.entry;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.tngtech.archunit.ArchConfiguration;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.nio.file.Files;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Which module may use what of which other, and which package which other. What the packages of the
 * library may use: its HouseRulesTest.
 */
class ArchitectureTest {
  /** The public API of the library, which is all that most modules use. */
  private static final Set<String> LIBRARY =
      Set.of(
          "dev.xent",
          "dev.xent.calibration",
          "dev.xent.errors",
          "dev.xent.layers",
          "dev.xent.options");

  /** The checks and messages of the library that adapters share. */
  private static final Set<String> ADAPTERS =
      Set.of("dev.xent.internal.adapter", "dev.xent.internal.text");

  /** What some modules use in addition to it. */
  private static final Map<String, Set<String>> USES =
      Map.ofEntries(
          entry("xent-arrow", ADAPTERS),
          entry("xent-dlpack", ADAPTERS),
          entry("xent-files", ADAPTERS),
          entry("xent-netty", ADAPTERS),
          entry("xent-runtimes", ADAPTERS),
          entry("xent-cli", Set.of("dev.xent.files")),
          entry(
              "examples",
              Set.of("dev.xent.files", "dev.xent.cli", "dev.xent.netty", "dev.xent.runtimes")),
          // Shapes and the name of the machine.
          entry("benchmarks", Set.of("dev.xent.cli.bench")),
          entry("service", Set.of("dev.xent.runtimes")),
          entry("xent-spark", Set.of("dev.xent.files")));

  private static final Map<Module, JavaClasses> IMPORTED = new HashMap<>();

  /** Names of other classes are enough: no rule looks into them. */
  @BeforeAll
  static void importOwnClassesAlone() {
    ArchConfiguration.get().setResolveMissingDependenciesFromClassPath(false);
  }

  static List<Module> modules() {
    return Module.all();
  }

  @Test
  void theBuildNamesThem() {
    assertThat(modules()).extracting(Module::name).contains("xent", "xent-cli", "examples");
  }

  @ParameterizedTest
  @MethodSource("modules")
  void ofOthersEachUsesWhatItMay(Module module) {
    JavaClasses own = classesOf(module);
    Set<String> others = USES.getOrDefault(module.name(), Set.of());
    classes()
        .should()
        .onlyDependOnClassesThat(
            describe(
                "are its own, of the API, or of " + others,
                type ->
                    own.contain(type.getBaseComponentType().getName())
                        || !type.getPackageName().matches("dev\\.xent(\\..*)?")
                        || LIBRARY.contains(type.getPackageName())
                        || others.contains(type.getPackageName())))
        .check(own);
  }

  @ParameterizedTest
  @MethodSource("modules")
  void packagesHaveNoCycles(Module module) {
    // An operation has a plan, and plans use types of the API: dev.xent itself is not a slice.
    slices()
        .matching("dev.xent.(**)")
        .should()
        .beFreeOfCycles()
        .ignoreDependency(nameEndingWith(".Main"), alwaysTrue()) // which names its subcommands
        .check(classesOf(module));
  }

  private static JavaClasses classesOf(Module module) {
    boolean built = Files.isDirectory(module.classes());
    if (System.getenv("XENT_REQUIRE_ALL") != null) {
      assertThat(built).as("%s is built", module).isTrue();
    }
    assumeTrue(built, module + " is not built: run mvn verify");
    return IMPORTED.computeIfAbsent(
        module, each -> new ClassFileImporter().importPath(each.classes()));
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaFieldAccess.AccessType;
import com.tngtech.archunit.core.domain.JavaMember;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Every internal method has a caller in the library, and every field a reader; the compiler warns
 * of private ones alone.
 */
class UnusedCodeTest {
  private static final String INTERNAL = "dev.xent.internal";

  /** The bindings have all that a struct has. */
  private static final String BINDINGS = "dev.xent.internal.ffi";

  /** Other modules call it. */
  private static final String ADAPTERS = "dev.xent.internal.adapter";

  private static final String EVENTS = "dev.xent.internal.events";

  /** Tests look at what cannot be seen from outside. */
  private static final List<String> OF_TESTS =
      List.of("Binding.preparedRuns", "FunctionCall.offer", "CallShape.layout");

  private static final List<JavaClass> CLASSES =
      new ClassFileImporter()
          .importPath(Path.of(System.getProperty("basedir"), "target", "classes")).stream()
              .filter(each -> each.getPackageName().startsWith(INTERNAL))
              .filter(each -> !each.getPackageName().equals(BINDINGS))
              .filter(each -> !each.getPackageName().equals(ADAPTERS))
              .toList();

  @Test
  void everyInternalMethodIsCalled() {
    assertThat(CLASSES).hasSizeGreaterThan(100);
    assertThat(CLASSES.stream().flatMap(each -> each.getMethods().stream()))
        .filteredOn(UnusedCodeTest::isUnused)
        .map(UnusedCodeTest::shortName)
        .containsExactlyInAnyOrderElementsOf(OF_TESTS);
  }

  /**
   * But for constants, which the compiler puts into the code that uses them, and what the flight
   * recorder or a handle reads.
   */
  @Test
  void everyInternalFieldIsRead() {
    assertThat(CLASSES.stream().flatMap(each -> each.getFields().stream()))
        .filteredOn(field -> !field.getOwner().getPackageName().equals(EVENTS))
        .filteredOn(
            field ->
                Collections.disjoint(
                    field.getModifiers(), Set.of(JavaModifier.FINAL, JavaModifier.VOLATILE)))
        .filteredOn(
            field ->
                field.getAccessesToSelf().stream()
                    .noneMatch(access -> access.getAccessType() != AccessType.SET))
        .map(UnusedCodeTest::shortName)
        .isEmpty();
  }

  private static String shortName(JavaMember member) {
    return member.getOwner().getSimpleName() + "." + member.getName();
  }

  private static boolean isUnused(JavaMethod method) {
    return !isWrittenByTheCompiler(method)
        && method.getAccessesToSelf().stream().allMatch(call -> call.getOrigin().equals(method))
        && !overrides(method);
  }

  private static boolean overrides(JavaMethod method) {
    JavaClass owner = method.getOwner();
    return Stream.concat(
            owner.getAllRawSuperclasses().stream(), owner.getAllRawInterfaces().stream())
        .flatMap(above -> above.getMethods().stream())
        .anyMatch(above -> above.getName().equals(method.getName()));
  }

  private static boolean isWrittenByTheCompiler(JavaMethod method) {
    JavaClass owner = method.getOwner();
    return method.getModifiers().contains(JavaModifier.SYNTHETIC)
        || owner.isRecord()
            && method.getRawParameterTypes().isEmpty()
            && owner.tryGetField(method.getName()).isPresent()
        || owner.isEnum() && List.of("values", "valueOf").contains(method.getName());
  }
}

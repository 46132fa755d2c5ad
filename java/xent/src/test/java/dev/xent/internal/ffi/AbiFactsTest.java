// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.ffi;

import static java.util.function.Predicate.not;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Records;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.load.Codes;
import dev.xent.options.FullyMasked;
import dev.xent.options.Isa;
import dev.xent.options.SamplingRules;
import dev.xent.options.Ties;
import java.io.IOException;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.PaddingLayout;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * Sizes, offsets and constants as the C compiler sees them, printed by native/test/abi_facts.c, are
 * those of the Java layouts.
 */
class AbiFactsTest {
  private static final List<GroupLayout> LAYOUTS =
      List.of(
          xent_layout.layout(),
          xent_options.layout(),
          xent_sampling.layout(),
          xent_exact_sum.layout(),
          xent_report.layout());

  @Test
  @EnabledIfSystemProperty(named = "xent.abi.facts", matches = ".+")
  void structsAreWhereTheCompilerPutsThem() throws IOException {
    List<String> bound = LAYOUTS.stream().map(layout -> layout.name().orElseThrow()).toList();
    assertThat(javaStructs())
        .containsExactlyInAnyOrderElementsOf(
            cFacts("struct ", "field ").stream()
                .filter(fact -> bound.contains(fact.split(" ")[1]))
                .toList());
  }

  @Test
  @EnabledIfSystemProperty(named = "xent.abi.facts", matches = ".+")
  void recordsAreAsLargeAsTheCompilerSays() throws IOException {
    assertThat(cFacts("struct "))
        .contains(
            "struct xent_statistics " + Records.STATISTICS,
            "struct xent_state " + Records.STATE,
            "struct xent_prepared " + XentH.XENT_PREPARED_BYTES());
  }

  @Test
  @EnabledIfSystemProperty(named = "xent.abi.facts", matches = ".+")
  void constantsAreThoseOfTheHeader() throws Exception {
    List<String> java = new ArrayList<>();
    constants().forEach((name, value) -> java.add("constant " + name + " " + value));
    assertThat(java).containsExactlyInAnyOrderElementsOf(cFacts("constant "));
  }

  @Test
  void enumsHaveTheNumbersOfTheHeader() throws Exception {
    Map<String, Integer> constants = constants();
    for (ElementType type : ElementType.values()) {
      assertThat(constants).containsEntry("XENT_" + type, type.number());
    }
    for (Isa isa : Isa.values()) {
      assertThat(constants).containsEntry("XENT_ISA_" + isa, Codes.of(isa));
    }
    for (FullyMasked policy : FullyMasked.values()) {
      assertThat(constants).containsEntry("XENT_FULLY_MASKED_" + policy, Codes.of(policy));
    }
    for (SamplingRules rules : SamplingRules.values()) {
      assertThat(constants).containsEntry("XENT_RULES_" + rules, Codes.of(rules));
    }
    for (Ties ties : Ties.values()) {
      assertThat(constants).containsEntry("XENT_TIES_" + ties, Codes.of(ties));
    }
  }

  private static List<String> cFacts(String... kinds) throws IOException {
    return Files.readAllLines(Path.of(System.getProperty("xent.abi.facts"))).stream()
        .filter(line -> Arrays.stream(kinds).anyMatch(line::startsWith))
        .toList();
  }

  private static List<String> javaStructs() {
    List<String> facts = new ArrayList<>();
    for (GroupLayout layout : LAYOUTS) {
      String struct = layout.name().orElseThrow();
      facts.add("struct %s %d".formatted(struct, layout.byteSize()));
      layout.memberLayouts().stream()
          .filter(not(PaddingLayout.class::isInstance))
          .forEach(field -> facts.add(fieldFact(struct, layout, field)));
    }
    return facts;
  }

  private static String fieldFact(String struct, GroupLayout layout, MemoryLayout field) {
    String name = field.name().orElseThrow();
    long offset = layout.byteOffset(PathElement.groupElement(name));
    return "field %s %s %d %d".formatted(struct, name, offset, field.byteSize());
  }

  private static Map<String, Integer> constants() throws ReflectiveOperationException {
    Map<String, Integer> constants = new TreeMap<>();
    for (Method method : XentH.class.getMethods()) {
      if (method.getName().startsWith("XENT_")) {
        constants.put(method.getName(), (Integer) method.invoke(null));
      }
    }
    for (Field status : Status.class.getFields()) {
      constants.put("XENT_" + status.getName(), status.getInt(null));
    }
    for (Field field : dev.xent.internal.kernels.Field.class.getFields()) {
      constants.put("XENT_FIELD_" + field.getName(), field.getInt(null));
    }
    for (Function function : Function.values()) {
      constants.put("XENT_FUNCTION_" + function, function.number);
    }
    return constants;
  }
}

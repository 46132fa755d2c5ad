// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** The offsets in the structs of functions are those of the C compiler. */
class CallStructTest {
  private static final Map<Function, String> SHARED =
      Map.of(
          Function.LOG_SOFTMAX, "softmax",
          Function.LOG_SOFTMAX_BACKWARD, "softmax_backward",
          Function.LOG_SIGMOID, "sigmoid",
          Function.LOG_SIGMOID_BACKWARD, "sigmoid_backward",
          Function.KL_DIVERGENCE, "divergence",
          Function.JENSEN_SHANNON_DIVERGENCE, "divergence",
          Function.TOTAL_VARIATION, "divergence");

  /** The members in the order of {@link Function#struct}, before the arrays. */
  private static final List<String> MEMBERS =
      List.of(
          "size",
          "choice",
          "report",
          "sampling",
          "workspace_size",
          "logits_type",
          "continues",
          "target_count",
          "top_count",
          "first_class",
          "all_classes",
          "prompt_count",
          "output_count",
          "features");

  @Test
  @EnabledIfSystemProperty(named = "xent.abi.facts", matches = ".+")
  void membersAreWhereTheCompilerPutsThem() throws IOException {
    Map<String, Integer> facts = new HashMap<>();
    for (String line : Files.readAllLines(Path.of(System.getProperty("xent.abi.facts")))) {
      String[] words = line.split(" ");
      if (words[0].equals("field")) {
        facts.put(words[1] + "." + words[2], Integer.parseInt(words[3]));
      } else if (words[0].equals("struct")) {
        facts.put(words[1], Integer.parseInt(words[2]));
      }
    }
    for (Function function : Function.values()) {
      String name = SHARED.getOrDefault(function, function.name().toLowerCase(Locale.ROOT));
      String struct = "xent_" + name + "_call";
      assertThat(function.struct[0]).as(struct).isEqualTo(facts.get(struct));
      assertThat(facts).containsEntry(struct + ".sizes", 8).containsEntry(struct + ".rows", 32);
      assertThat(facts.containsKey(struct + ".classes")).isEqualTo(function.hasClasses);
      assertThat(facts).containsEntry(struct + ".options", function.hasClasses ? 48 : 40);
      for (int i = 1; i < MEMBERS.size(); i++) {
        String member = memberOf(function, MEMBERS.get(i));
        assertThat(function.struct[i])
            .as(struct + "." + member)
            .isEqualTo(facts.getOrDefault(struct + "." + member, 0));
      }
      for (int place = 0; place < function.count(); place++) {
        String member = function.array(place).name().toLowerCase(Locale.ROOT);
        assertThat(facts)
            .containsEntry(struct + "." + member, function.struct[MEMBERS.size() + place]);
      }
    }
  }

  private static String memberOf(Function function, String member) {
    if (member.equals("choice")) {
      return function == Function.SAMPLE ? "per_row" : "second_round";
    }
    return function == Function.SAMPLE && member.equals("target_count") ? "bias_count" : member;
  }
}

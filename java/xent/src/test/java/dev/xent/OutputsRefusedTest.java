// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.CrossEntropy.Outcome;
import dev.xent.distributed.CrossEntropyShard;
import dev.xent.distributed.PartialStates;
import dev.xent.errors.OptionException;
import java.lang.foreign.Arena;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every output that an operation cannot tell is refused by its name. */
class OutputsRefusedTest {
  private static final Map<String, BiFunction<Outcome, Tensor, Outcome>> TENSORS =
      new LinkedHashMap<>();

  static {
    TENSORS.put("hits", Outcome::hits);
    TENSORS.put("logSumExp", Outcome::logSumExp);
    TENSORS.put("logProbabilities", Outcome::logProbabilities);
    TENSORS.put("argmax", Outcome::argmax);
    TENSORS.put("ranks", Outcome::ranks);
    TENSORS.put("entropies", Outcome::entropies);
    TENSORS.put("topClasses", Outcome::topClasses);
    TENSORS.put("topLogProbabilities", Outcome::topLogProbabilities);
    TENSORS.put("targetGradient", Outcome::targetGradient);
  }

  private final Tensor logits = Tensor.of(Samples.logits(12, 2, 9), 3, 4);
  private final Tensor labels = Tensor.of(new int[] {0, 1, 2});

  private static Outcome askingFor(String name) {
    return switch (name) {
      case "countCorrect" -> new Outcome().countCorrect(true);
      case "saveStatistics" -> new Outcome().saveStatistics(Arena.ofAuto());
      default -> TENSORS.get(name).apply(new Outcome(), Tensor.of(new float[3]));
    };
  }

  private static Stream<String> all() {
    return Stream.concat(TENSORS.keySet().stream(), Stream.of("countCorrect", "saveStatistics"));
  }

  private static Stream<String> untoldByStates() {
    return all().filter(name -> !Set.of("hits", "logSumExp", "countCorrect").contains(name));
  }

  private static void refused(ThrowingCallable call, String name, String why) {
    assertThatThrownBy(call)
        .isInstanceOf(OptionException.class)
        .hasMessage(name + " was asked for, and " + why + ": do not ask for it");
  }

  @ParameterizedTest
  @MethodSource("all")
  void byTheDivergence(String name) {
    refused(
        () -> KlDivergence.mean().forward(logits, logits, Inputs.none(), askingFor(name)),
        name,
        "KL divergence has losses alone");
  }

  @ParameterizedTest
  @MethodSource("untoldByStates")
  void byPartialStates(String name) {
    CrossEntropyShard shard = CrossEntropyShard.of(CrossEntropy.mean(), 0, 4);
    PartialStates states = shard.partialStates(logits, labels, Inputs.none());
    refused(
        () -> shard.finish(states, labels, Inputs.none(), askingFor(name)),
        name,
        "partial states do not tell it");
  }
}

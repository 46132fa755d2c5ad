// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.OptionException;
import dev.xent.options.DivergenceKind;
import dev.xent.options.EmptyMean;
import dev.xent.options.FullyMasked;
import dev.xent.options.Reduction;
import dev.xent.options.SamplingFilter;
import dev.xent.options.SamplingRules;
import dev.xent.options.Smoothing;
import dev.xent.options.Ties;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Each option of each builder reaches its operation. */
class BuildersTest {
  private static final List<Supplier<OperationBuilder<?>>> BUILDERS =
      List.of(
          Softmax::builder,
          LogSoftmax::builder,
          LogSumExp::builder,
          Entropy::builder,
          Argmax::builder,
          () -> TopK.builder(3),
          SelectedLogProbabilities::builder,
          CrossEntropyHvp::builder,
          Sampler::builder,
          CrossEntropy::builder,
          NllLoss::builder,
          LinearCrossEntropy::builder,
          BinaryCrossEntropy::builder,
          () -> Divergence.builder(DivergenceKind.JENSEN_SHANNON));

  /** A value that is not the default, by option; 0.5 for other numbers. */
  private static final Map<String, Object> VALUES =
      Map.ofEntries(
          Map.entry("execution", Execution.sequential()),
          Map.entry("axis", 1),
          Map.entry("ignoreIndex", -7L),
          Map.entry("fullyMasked", FullyMasked.ZERO),
          Map.entry("smoothing", Smoothing.OTHERS),
          Map.entry("reduction", Reduction.SUM),
          Map.entry("gradientReduction", Reduction.SUM),
          Map.entry("emptyMean", EmptyMean.ERROR),
          Map.entry("classWeights", Tensor.of(new float[] {1, 2, 3})),
          Map.entry("probabilityClamp", 0.1),
          Map.entry("rules", SamplingRules.VLLM),
          Map.entry("ties", Ties.ALL),
          Map.entry("order", new SamplingFilter[] {SamplingFilter.TOP_P}),
          Map.entry("bannedSequences", new int[][] {{1, 2}}),
          Map.entry("dryBreakers", new int[][] {{3}}),
          Map.entry("dryBase", 2.0),
          Map.entry("dryAllowedLength", 3));

  /** Options without an effect, or an error, unless another one is set. */
  private static final Map<String, String> WITH =
      Map.of(
          "smoothing", "labelSmoothing",
          "dryBase", "dryMultiplier",
          "dryAllowedLength", "dryMultiplier",
          "dryRange", "dryMultiplier",
          "dryBreakers", "dryMultiplier",
          "xtcThreshold", "xtcProbability",
          "dynatempExponent", "dynatempRange");

  private static final Set<String> NULLABLE = Set.of("classWeights");

  /** The names of parameters, by option, where these differ. */
  private static final Map<String, String> PARAMETERS =
      Map.of("order", "filters", "bannedSequences", "sequences", "dryBreakers", "sequences");

  private record Option(Supplier<OperationBuilder<?>> builder, Method method) {
    String name() {
      return method.getName();
    }

    @Override
    public String toString() {
      return method.getDeclaringClass().getSimpleName()
          + " of "
          + builder.get().getClass()
          + " "
          + name();
    }
  }

  private static List<Option> options() {
    return BUILDERS.stream()
        .flatMap(
            builder ->
                Arrays.stream(builder.get().getClass().getMethods())
                    .filter(method -> !isRefused(builder.get(), method.getName()))
                    .filter(method -> method.getParameterCount() == 1)
                    .filter(
                        method -> !method.isBridge() && !Modifier.isStatic(method.getModifiers()))
                    .filter(
                        method -> OperationBuilder.class.isAssignableFrom(method.getReturnType()))
                    .map(method -> new Option(builder, method)))
        .toList();
  }

  /** Its operation refuses it with a reason. */
  private static boolean isRefused(OperationBuilder<?> builder, String option) {
    return builder instanceof CrossEntropyHvp.Builder && option.equals("softcap");
  }

  @ParameterizedTest
  @MethodSource("options")
  void anOptionIsOneOfTheOperation(Option option) throws ReflectiveOperationException {
    OperationBuilder<?> builder = option.builder().get();
    String needed = WITH.get(option.name());
    if (needed != null) {
      set(builder, needed);
    }
    assertThat(set(builder, option.name())).isSameAs(builder);
    String text = option.name().equals("execution") ? "threads=1" : option.name() + "=";
    assertThat(build(builder).toString()).contains(text);
  }

  @ParameterizedTest
  @MethodSource("options")
  void nullIsRejectedByName(Option option) {
    if (!option.method().getParameterTypes()[0].isPrimitive()
        && !NULLABLE.contains(option.name())) {
      assertThatThrownBy(() -> option.method().invoke(option.builder().get(), (Object) null))
          .isInstanceOf(InvocationTargetException.class)
          .cause()
          .isInstanceOf(NullPointerException.class)
          .hasMessageStartingWith(PARAMETERS.getOrDefault(option.name(), option.name()));
    }
  }

  private static Object set(OperationBuilder<?> builder, String name)
      throws ReflectiveOperationException {
    Method setter =
        Arrays.stream(builder.getClass().getMethods())
            .filter(method -> method.getName().equals(name) && !method.isBridge())
            .findFirst()
            .orElseThrow();
    Class<?> type = setter.getParameterTypes()[0];
    Object value =
        VALUES.getOrDefault(name, type == long.class ? 2L : type == int.class ? 2 : (Object) 0.5);
    return setter.invoke(builder, value);
  }

  private static Object build(OperationBuilder<?> builder) throws ReflectiveOperationException {
    return builder.getClass().getMethod("build").invoke(builder);
  }

  @ParameterizedTest
  @MethodSource("builders")
  void anOperationHasTheAxisOfItsBuilder(OperationBuilder<?> builder)
      throws ReflectiveOperationException {
    for (int axis : new int[] {-1, 1}) {
      Object operation = build(axis < 0 ? builder : builder.axis(axis));
      assertThat(operation.getClass().getMethod("axis").invoke(operation)).isEqualTo(axis);
    }
  }

  private static Stream<Arguments> builders() {
    return BUILDERS.stream().map(Supplier::get).map(Arguments::of);
  }

  @Test
  void classWeightsCanBeRemoved() {
    Tensor weights = Tensor.of(new float[] {1, 2, 3});
    assertThat(NllLoss.builder().classWeights(weights).classWeights(null).build())
        .hasToString(NllLoss.builder().build().toString());
  }

  @Test
  void theGradientIsThatOfTheLossByDefault() {
    NllLoss.Builder sum = NllLoss.builder().reduction(Reduction.SUM);
    String text = sum.build().toString();
    assertThat(sum.gradientReduction(Reduction.SUM).build()).hasToString(text);
  }

  @Test
  void optionsThatExcludeEachOtherAreRejected() {
    LinearCrossEntropy.Builder builder = LinearCrossEntropy.builder().zLoss(1).focalGamma(2);
    assertThatThrownBy(builder::build).isInstanceOf(OptionException.class);
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.options.FullyMasked;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Each option of a function has a method, and is the same as in a map. */
class XentOptionsTest {
  @Test
  void everyOptionHasAMethod() {
    String[] names =
        Stream.of(FunctionOptions.Kind.values())
            .flatMap(kind -> kind.names().stream())
            .distinct()
            .toArray(String[]::new);
    assertThat(Arrays.stream(XentOptions.class.getDeclaredMethods()).map(Method::getName))
        .contains(names);
  }

  @Test
  void areAMapOfStrings() {
    XentOptions options =
        XentOptions.none()
            .type("float16")
            .classes(3)
            .temperature(2)
            .softcap(30)
            .fullyMasked(FullyMasked.ZERO)
            .ignoreIndex(-100)
            .labelSmoothing(0.1)
            .zLoss(1e-4)
            .probabilityClamp(1e-7)
            .focalGamma(0);
    Map<String, String> map =
        Map.of(
            "type", "float16",
            "classes", "3",
            "temperature", "2.0",
            "softcap", "30.0",
            "fullyMasked", "zero",
            "ignoreIndex", "-100",
            "labelSmoothing", "0.1",
            "zLoss", "1.0E-4",
            "probabilityClamp", "1.0E-7",
            "focalGamma", "0.0");
    assertThat(options).isEqualTo(map);
    assertThat(FunctionOptions.of(FunctionOptions.Kind.LOSS, options))
        .isEqualTo(FunctionOptions.of(FunctionOptions.Kind.LOSS, map));
    assertThat(XentOptions.none().log(true).denominator(4).weights("w").bias("b"))
        .isEqualTo(Map.of("log", "true", "denominator", "4.0", "weights", "w", "bias", "b"));
  }

  @Test
  void areImmutable() {
    XentOptions options = XentOptions.none().temperature(2);
    assertThat(options.temperature(3)).isEqualTo(Map.of("temperature", "3.0"));
    assertThat(options).isEqualTo(Map.of("temperature", "2.0"));
    assertThat(options.topK(3).classes(2).keySet())
        .containsExactly("classes", "temperature", "topK");
    assertThat(XentOptions.none()).isEmpty();
    assertThatThrownBy(() -> options.put("heat", "2"))
        .isInstanceOf(UnsupportedOperationException.class);
    assertThatThrownBy(() -> options.remove("temperature"))
        .isInstanceOf(UnsupportedOperationException.class);
    assertThatThrownBy(() -> options.type(null)).hasMessage("type");
  }
}

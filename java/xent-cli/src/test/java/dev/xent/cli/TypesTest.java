// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Cli.xent;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.support.NpyBytes;
import java.nio.file.Path;
import java.util.Map;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Files of every type of floats, in and out. */
class TypesTest {
  private static final Percentage PROMISED_IN_DOUBLE = Percentage.withPercentage(1e-11);

  @TempDir private Path folder;
  private Path single;
  private Path labels;

  @BeforeEach
  void write() {
    single = NpyBytes.floats(file("x"), Golden.SHAPE, Golden.LOGITS);
    labels = NpyBytes.longs(file("t"), "(2,)", Golden.LABELS);
  }

  @ParameterizedTest
  @ValueSource(strings = {"f16", "bf16"})
  void floatsOf16BitsGiveTheRoundedResultsOfFloat32(String type) {
    Path narrow = narrowLogits(type);
    xent("softmax", single, "-o", file("y")).succeeds();
    xent("softmax", narrow, "-o", file("n")).succeeds();
    assertThat(NpyBytes.dictionaryOf(file("n"))).contains(descr(type));
    assertThat(NpyBytes.halvesOf(file("n"))).isEqualTo(narrow(type, NpyBytes.floatsOf(file("y"))));

    loss(single, "--gradient", file("g"), "--losses", file("l"));
    loss(narrow, "--gradient", file("n"), "--losses", file("m"));
    assertThat(NpyBytes.halvesOf(file("n"))).isEqualTo(narrow(type, NpyBytes.floatsOf(file("g"))));
    assertThat(file("m")).hasSameBinaryContentAs(file("l"));
  }

  @ParameterizedTest
  @CsvSource({
    "f2, <f2",
    "float16, <f2",
    "half, <f2",
    "f16, <f2",
    "bfloat16, <V2",
    "f4, <f4",
    "float32, <f4"
  })
  void typesHaveTheNamesOfNumpyAndPytorchToo(String name, String descr) {
    xent("softmax", single, "-o", file("y"), "--dtype", name).succeeds();
    assertThat(NpyBytes.dictionaryOf(file("y"))).contains("'" + descr + "'");
  }

  @ParameterizedTest
  @ValueSource(strings = {"f16", "bf16"})
  void theTypeOfOutputsCanBeChosen(String type) {
    Path narrow = narrowLogits(type);
    loss(single, "--gradient", file("g"), "--log-sum-exp", file("l"));
    float[] gradient = NpyBytes.floatsOf(file("g"));
    float[] logSumExp = NpyBytes.floatsOf(file("l"));

    loss(narrow, "--gradient", file("g"), "--log-sum-exp", file("l"), "--dtype", "f32");
    assertThat(NpyBytes.floatsOf(file("g"))).isEqualTo(gradient);
    assertThat(NpyBytes.floatsOf(file("l"))).isEqualTo(logSumExp);
    loss(single, "--gradient", file("g"), "--log-sum-exp", file("l"), "--dtype", type);
    assertThat(NpyBytes.halvesOf(file("g"))).isEqualTo(narrow(type, gradient));
    assertThat(NpyBytes.halvesOf(file("l"))).isEqualTo(narrow(type, logSumExp));
  }

  @Test
  void doublesGiveDoubles() {
    double[] values = new double[Golden.LOGITS.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = Golden.LOGITS[i];
    }
    Path wide = NpyBytes.doubles(file("w"), Golden.SHAPE, values);
    xent("softmax", wide, "-o", file("y")).succeeds();
    assertDoubles(file("y"), 1, Golden.SOFTMAX);
    Path dy = NpyBytes.floats(file("dy"), Golden.SHAPE, Golden.UPSTREAM);
    xent("softmax-backward", file("y"), dy, "-o", file("dx")).succeeds();
    assertDoubles(file("dx"), 1, Golden.SOFTMAX_BACKWARD);

    Map<String, Object> printed = loss(wide, "--gradient", file("g"), "--losses", file("l"));
    assertThat((double) printed.get("loss"))
        .isCloseTo((Golden.LOSSES[0] + Golden.LOSSES[1]) / 2, PROMISED_IN_DOUBLE);
    assertDoubles(file("l"), 1, Golden.LOSSES);
    assertDoubles(file("g"), 0.5, Golden.GRADIENT_OF_SUM);
    xent("softmax", wide, "-o", file("y"), "--dtype", "f32").succeeds();
    Golden.assertFile(file("y"), Golden.SOFTMAX);
  }

  @Test
  void logProbabilitiesMayBeOfAnyTypeToo() {
    xent("softmax", single, "-o", file("p"), "--log", "--dtype", "bf16").succeeds();
    short[] log = NpyBytes.halvesOf(file("p"));
    xent("nll", file("p"), labels, "--losses", file("l"), "--gradient", file("g")).succeeds();
    assertThat(NpyBytes.floatsOf(file("l")))
        .containsExactly(-Float.intBitsToFloat(log[1] << 16), -Float.intBitsToFloat(log[6] << 16));
    assertThat(NpyBytes.halvesOf(file("g")))
        .isEqualTo(narrow("bf16", 0, -0.5f, 0, 0, 0, 0, -0.5f, 0));
  }

  private Map<String, Object> loss(Path logits, Object... options) {
    Object[] words = new Object[4 + options.length];
    words[0] = "cross-entropy";
    words[1] = logits;
    words[2] = labels;
    words[3] = "--json";
    System.arraycopy(options, 0, words, 4, options.length);
    return xent(words).succeeds().json();
  }

  /** All of the logits are numbers of 16 bits. */
  private Path narrowLogits(String type) {
    return NpyBytes.halves(file("n16"), descr(type), Golden.SHAPE, narrow(type, Golden.LOGITS));
  }

  private static String descr(String type) {
    return type.equals("f16") ? "<f2" : "<V2";
  }

  private static short[] narrow(String type, float... values) {
    short[] narrow = new short[values.length];
    for (int i = 0; i < narrow.length; i++) {
      narrow[i] = type.equals("f16") ? Float.floatToFloat16(values[i]) : bfloat16(values[i]);
    }
    return narrow;
  }

  /** The nearest one, with an even last digit among two. */
  private static short bfloat16(float value) {
    int bits = Float.floatToRawIntBits(value);
    return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
  }

  private static void assertDoubles(Path path, double scale, double[] expected) {
    double[] actual = NpyBytes.doublesOf(path);
    assertThat(actual).hasSameSizeAs(expected);
    for (int i = 0; i < actual.length; i++) {
      assertThat(actual[i]).isCloseTo(scale * expected[i], PROMISED_IN_DOUBLE);
    }
  }

  private Path file(String name) {
    return folder.resolve(name + ".npy");
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.verify;

import static dev.xent.cli.Cli.xent;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.cli.Cli;
import dev.xent.support.NpyBytes;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VerifyCommandTest {
  @TempDir private Path folder;

  @Test
  void equalBitsAreEqual() {
    Cli result = verify(floats("a", 1, -0.0f, Float.NaN), floats("b", 1, -0.0f, Float.NaN));
    assertThat(result.succeeds().out().strip())
        .isEqualTo("equal: 3 values compared, 0 differ (f32 [3], bit by bit)");
  }

  @Test
  void namesTheFirstAndTheWorstPlace() {
    Path a = NpyBytes.floats(path("a"), "(2, 2)", 1, 2, 3, 4);
    Path b = NpyBytes.floats(path("b"), "(2, 2)", 1, Math.nextUp(2), 3.5f, 4);
    Cli result = verify(a, b);
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.err()).isEmpty();
    assertThat(result.out().lines())
        .containsExactly(
            "not equal: 4 values compared, 2 differ (f32 [2, 2], bit by bit)",
            "first  [0, 1]  actual 2.0 (0x40000000)  expected 2.0000002 (0x40000001)  1 ulp",
            "worst  [1, 0]  actual 3.0 (0x40400000)  expected 3.5 (0x40600000)  2097152 ulps");
  }

  @Test
  void showsWhatIsNotFiniteAsOptionsSayIt() {
    Cli result =
        verify(
            floats("a", Float.NaN, Float.NEGATIVE_INFINITY),
            floats("b", 1, Float.POSITIVE_INFINITY));
    assertThat(result.out())
        .contains("actual nan (0x7fc00000)  expected 1.0")
        .doesNotContain("NaN", "Infinity");
    assertThat(
            verify(floats("a", Float.NEGATIVE_INFINITY), floats("b", Float.POSITIVE_INFINITY))
                .out())
        .contains("actual -inf (0xff800000)  expected inf (0x7f800000)");
  }

  @Test
  void printsOneObject() {
    Cli result =
        verify(floats("a", 1, Float.NaN, Float.POSITIVE_INFINITY), floats("b", 1, 2, 5), "--json");
    assertThat(result.code()).isEqualTo(1);
    Map<String, Object> printed = result.json();
    assertThat(printed)
        .containsEntry("equal", false)
        .containsEntry("compared", 3)
        .containsEntry("differ", 2)
        .containsEntry("dtype", "f32")
        .containsEntry("shape", List.of(3));
    assertThat(printed.get("first"))
        .isEqualTo(printed.get("worst"))
        .hasToString(
            "{index=[1], actual=nan, expected=2.0, actual_bits=0x7fc00000,"
                + " expected_bits=0x40000000, ulps=null}");
  }

  @Test
  void bitsTellZerosAndNansApart() {
    float otherNan = Float.intBitsToFloat(0x7fc00001);
    assertThat(verify(floats("a", 0.0f), floats("b", -0.0f)).code()).isEqualTo(1);
    assertThat(verify(floats("a", Float.NaN), floats("b", otherNan)).code()).isEqualTo(1);
    verify(floats("a", 0.0f), floats("b", -0.0f), "--ulp", 0).succeeds();
    verify(floats("a", Float.NaN), floats("b", otherNan), "--atol", 0).succeeds();
  }

  @Test
  void absoluteAndRelativeTolerance() {
    Path a = floats("a", 100, 0.25f);
    Path b = floats("b", 101, 0.5f);
    assertThat(verify(a, b, "--atol", 0.25).code()).isEqualTo(1);
    assertThat(verify(a, b, "--rtol", 0.01).code()).isEqualTo(1);
    verify(a, b, "--atol", 0.25, "--rtol", 0.01).succeeds();
    verify(a, b, "--atol", 1).succeeds();
    assertThat(verify(floats("a", Float.POSITIVE_INFINITY), floats("b", 1), "--rtol", 9).code())
        .isEqualTo(1);
    assertThat(verify(floats("a", 1), floats("b", Float.POSITIVE_INFINITY), "--rtol", 9).code())
        .isEqualTo(1);
    assertThat(verify(floats("a", Float.NaN), floats("b", 1), "--atol", 9).code()).isEqualTo(1);
  }

  @Test
  void toleranceInUlps() {
    Path a = floats("a", 1, -Float.MIN_VALUE);
    Path b = floats("b", Math.nextUp(Math.nextUp(1f)), Float.MIN_VALUE);
    assertThat(verify(a, b, "--ulp", 1).code()).isEqualTo(1);
    Cli within = verify(a, b, "--ulp", 2).succeeds();
    assertThat(within.out())
        .startsWith("equal: 2 values compared, 0 differ (f32 [2], within --ulp 2)")
        .contains("worst  [0]", "2 ulps");
  }

  @Test
  void comparesIntegers() {
    Path a = NpyBytes.longs(path("a"), "(2,)", 5, Long.MIN_VALUE);
    Path b = NpyBytes.longs(path("b"), "(2,)", 7, Long.MAX_VALUE);
    Cli result = verify(a, b, "--ulp", 2);
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.out()).contains("1 differ (i64", "actual -9223372036854775808");
    verify(a, a).succeeds();
    Path c = NpyBytes.longs(path("c"), "(1,)", 1L << 53);
    Path d = NpyBytes.longs(path("d"), "(1,)", (1L << 53) + 1);
    assertThat(verify(c, d, "--atol", 0).code()).isEqualTo(1);
    verify(c, d, "--atol", 1).succeeds();
  }

  @ParameterizedTest
  @CsvSource({
    "<f2, f16, 1.0 (0x3c00), 1.0009766 (0x3c01)",
    "<V2, bf16, 0.0078125 (0x3c00), 0.007873535 (0x3c01)"
  })
  void comparesFloatsOf16Bits(String descr, String dtype, String actual, String expected) {
    Path a = NpyBytes.halves(path("a"), descr, "(1,)", (short) 0x3c00);
    Path b = NpyBytes.halves(path("b"), descr, "(1,)", (short) 0x3c01);
    assertThat(verify(a, b).out())
        .contains("1 differ (" + dtype + " [1]")
        .contains("first  [0]  actual " + actual + "  expected " + expected + "  1 ulp");
    verify(a, b, "--ulp", 1).succeeds();
  }

  @Test
  void comparesDoubles() {
    Path a = NpyBytes.doubles(path("a"), "(2,)", 0.1, -0.0);
    Path b = NpyBytes.doubles(path("b"), "(2,)", Math.nextUp(0.1), 0.0);
    assertThat(verify(a, b).out())
        .contains("2 differ (f64 [2]")
        .contains("actual 0.1 (0x3fb999999999999a)  expected 0.10000000000000002")
        .contains("differ");
    verify(a, b, "--ulp", 1).succeeds();
    verify(a, b, "--atol", 1e-16).succeeds();
  }

  /** The commonest check of a result: with a reference in double. */
  @Test
  void comparesFloatsOfTwoTypesWithATolerance() {
    Path a = floats("a", 0.1f, 0.5f, Float.NaN);
    Path b = NpyBytes.doubles(path("b"), "(3,)", 0.1, 0.5, Double.NaN);
    verify(a, b, "--rtol", 1e-6).succeeds();
    Cli result = verify(a, b, "--rtol", 1e-9);
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.out())
        .startsWith("not equal: 3 values compared, 1 differ (f32 and f64 [3], within --rtol 1.0E-9")
        .contains("first  [0]  actual 0.1 (0x3dcccccd)  expected 0.1 (0x3fb999999999999a)");
    assertThat(verify(b, a, "--atol", 1e-9).code()).isEqualTo(1);
    verify(b, a, "--atol", 1e-8).succeeds();
  }

  @Test
  void comparesByPlaceHoweverTheFilesLie() {
    Path c = NpyBytes.floats(path("c"), "(2, 3)", 1, 2, 3, 4, 5, 6);
    Path f =
        NpyBytes.write(
            path("f"),
            NpyBytes.file(
                NpyBytes.dictionary("<f4", true, "(2, 3)"), NpyBytes.floats(1, 4, 2, 5, 3, 6)));
    verify(c, f).succeeds();
  }

  @Test
  void comparesSingleNumbersAndNothing() {
    verify(NpyBytes.floats(path("a"), "()", 1), NpyBytes.floats(path("b"), "()", 1)).succeeds();
    verify(NpyBytes.floats(path("a"), "(0, 9)"), NpyBytes.floats(path("b"), "(0, 9)")).succeeds();
  }

  private static Cli verify(Path actual, Path expected, Object... options) {
    Object[] words = new Object[3 + options.length];
    words[0] = "verify";
    words[1] = actual;
    words[2] = expected;
    System.arraycopy(options, 0, words, 3, options.length);
    return xent(words);
  }

  private Path floats(String name, float... values) {
    return NpyBytes.floats(path(name), "(" + values.length + ",)", values);
  }

  private Path path(String name) {
    return folder.resolve(name + ".npy");
  }
}

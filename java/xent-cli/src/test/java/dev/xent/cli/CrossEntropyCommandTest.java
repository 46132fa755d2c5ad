// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Cli.xent;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import dev.xent.XentRuntime;
import dev.xent.options.Isa;
import dev.xent.support.NpyBytes;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CrossEntropyCommandTest {
  @TempDir private Path folder;
  private Path logits;
  private Path labels;

  @BeforeEach
  void write() {
    logits = NpyBytes.floats(file("x"), Golden.SHAPE, Golden.LOGITS);
    labels = NpyBytes.longs(file("t"), "(2,)", Golden.LABELS);
  }

  @ParameterizedTest
  @ValueSource(strings = {"native", "reference"})
  void printsOneObjectWithWhatScriptsDependOn(String backend) {
    Map<String, Object> printed =
        xent("cross-entropy", logits, labels, "--json", "--backend", backend).succeeds().json();
    assertThat(printed.keySet())
        .containsExactly(
            "loss",
            "reduction",
            "rows",
            "valid_rows",
            "denominator",
            "correct",
            "accuracy",
            "backend",
            "isa",
            "threads");
    Golden.assertClose((double) printed.get("loss"), (Golden.LOSSES[0] + Golden.LOSSES[1]) / 2);
    assertThat(printed)
        .containsEntry("reduction", "mean")
        .containsEntry("rows", 2)
        .containsEntry("valid_rows", 2)
        .containsEntry("denominator", 2.0)
        .containsEntry("correct", 1)
        .containsEntry("accuracy", 0.5)
        .containsEntry("backend", backend)
        .containsEntry("threads", XentRuntime.get().threads());
  }

  @Test
  void saysTheSameToPeople() {
    Cli people =
        xent("cross-entropy", logits, labels, "--isa", "scalar", "--threads", 1).succeeds();
    Object loss = xent("cross-entropy", logits, labels, "--json").json().get("loss");
    assertThat(people.out().lines())
        .containsExactly(
            "loss         " + loss + " (mean)",
            "rows         2, 2 valid",
            "denominator  2.0",
            "correct      1 of 2, accuracy 0.500000",
            "computed by  native, scalar, 1 thread");
  }

  @Test
  void writesLossesGradientAndLogSumExp() {
    xent(
            "cross-entropy",
            logits,
            labels,
            "--losses",
            file("l"),
            "--gradient",
            file("g"),
            "--log-sum-exp",
            file("s"))
        .succeeds();
    Golden.assertFile(file("l"), Golden.LOSSES);
    Golden.assertFile(file("g"), 0.5, Golden.GRADIENT_OF_SUM);
    Golden.assertFile(file("s"), Golden.LOG_SUM_EXP);
    assertThat(NpyBytes.dictionaryOf(file("l"))).contains("(2,)");
    assertThat(NpyBytes.dictionaryOf(file("g"))).contains("(2, 4)");
  }

  @Test
  void sums() {
    Map<String, Object> printed =
        xent(
                "cross-entropy",
                logits,
                labels,
                "--reduction",
                "sum",
                "--gradient",
                file("g"),
                "--json")
            .json();
    Golden.assertClose((double) printed.get("loss"), Golden.LOSSES[0] + Golden.LOSSES[1]);
    assertThat(printed).containsEntry("reduction", "sum");
    Golden.assertFile(file("g"), Golden.GRADIENT_OF_SUM);
  }

  @Test
  void printsTheLossesOfRowsWithoutAReduction() {
    xent("cross-entropy", logits, labels, "--losses", file("l")).succeeds();
    float[] losses = NpyBytes.floatsOf(file("l"));
    String[] none = {"cross-entropy", logits.toString(), labels.toString(), "--reduction", "none"};
    assertThat(xent((Object[]) none).succeeds().out().replaceAll(" +", " ").lines())
        .contains("0 " + losses[0], "1 " + losses[1], "f32 [2]", "rows 2, 2 valid")
        .noneMatch(line -> line.startsWith("loss ") || line.startsWith("denominator"));
    Map<String, Object> json =
        xent("cross-entropy", logits, labels, "--reduction", "none", "--json").json();
    assertThat(json)
        .containsEntry("reduction", "none")
        .containsEntry("loss", null)
        .containsEntry("losses", List.of(shortest(losses[0]), shortest(losses[1])));
  }

  @Test
  void theGradientWithoutAReductionIsThatOfTheSum() {
    xent(
            "cross-entropy",
            logits,
            labels,
            "--reduction",
            "none",
            "--losses",
            file("l"),
            "--gradient",
            file("g"))
        .succeeds();
    Golden.assertFile(file("l"), Golden.LOSSES);
    Golden.assertFile(file("g"), Golden.GRADIENT_OF_SUM);
  }

  @Test
  void writesTheLossesOfRows() {
    xent("cross-entropy", logits, labels, "--losses", file("l"), "--json").succeeds();
    Golden.assertFile(file("l"), Golden.LOSSES);
  }

  @Test
  void smooths() {
    xent(
            "cross-entropy",
            logits,
            labels,
            "--label-smoothing",
            0.1,
            "--smoothing",
            "uniform",
            "--reduction",
            "sum",
            "--losses",
            file("l"),
            "--gradient",
            file("g"))
        .succeeds();
    Golden.assertFile(file("l"), Golden.SMOOTHED_LOSSES);
    float[] gradient = NpyBytes.floatsOf(file("g"));
    for (int i = 0; i < gradient.length; i++) {
      assertThat((double) gradient[i]).isCloseTo(Golden.SMOOTHED_GRADIENT_OF_SUM[i], offset(5e-7));
    }
  }

  @Test
  void ignoresRows() {
    NpyBytes.longs(labels, "(2,)", 1, -100);
    Map<String, Object> printed =
        xent(
                "cross-entropy",
                logits,
                labels,
                "--ignore-index",
                -100,
                "--gradient",
                file("g"),
                "--json")
            .succeeds()
            .json();
    Golden.assertClose((double) printed.get("loss"), Golden.LOSSES[0]);
    assertThat(printed)
        .containsEntry("rows", 2)
        .containsEntry("valid_rows", 1)
        .containsEntry("denominator", 1.0)
        .containsEntry("correct", 0)
        .containsEntry("accuracy", 0.0);
    assertThat(NpyBytes.floatsOf(file("g"))).endsWith(0, 0, 0, 0);
  }

  @Test
  void takesADenominator() {
    Map<String, Object> printed =
        xent("cross-entropy", logits, labels, "--denominator", 8, "--gradient", file("g"), "--json")
            .json();
    Golden.assertClose((double) printed.get("loss"), (Golden.LOSSES[0] + Golden.LOSSES[1]) / 8);
    assertThat(printed).containsEntry("denominator", 8.0);
    Golden.assertFile(file("g"), 1.0 / 8, Golden.GRADIENT_OF_SUM);
    for (String least : new String[] {"5.6e-309", "0"}) { // EveryErrorTest has one below
      xent("cross-entropy", logits, labels, "--denominator", least, "--gradient", file("g"))
          .succeeds();
    }
    xent("cross-entropy", logits, labels, "--denominator=5e-324").succeeds();
  }

  @Test
  void refusesAnInstructionSetThatIsNotThere() {
    for (Isa isa : List.of(Isa.AVX2, Isa.AVX512, Isa.NEON)) {
      if (!XentRuntime.get().availableIsas().contains(isa)) {
        xent("cross-entropy", logits, labels, "--isa", Converters.name(isa))
            .refuses("--isa " + Converters.name(isa) + " is not available here", "scalar");
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"nan,nan", "zero,0.0"})
  void followsThePolicyWhereNoRowCounts(String policy, String loss) {
    NpyBytes.longs(labels, "(2,)", 7, 7);
    Map<String, Object> printed =
        xent("cross-entropy", logits, labels, "--ignore-index", 7, "--empty-mean", policy, "--json")
            .succeeds()
            .json();
    assertThat(printed.get("loss")).hasToString(loss);
    assertThat(printed).containsEntry("valid_rows", 0).containsEntry("accuracy", null);
  }

  @Test
  void takesProbabilities() {
    Path soft = NpyBytes.floats(file("q"), Golden.SHAPE, 0, 1, 0, 0, 0, 0, 0.5f, 0.5f);
    Map<String, Object> printed =
        xent("cross-entropy", logits, soft, "--reduction", "sum", "--json").succeeds().json();
    double second = -(Golden.LOG_SOFTMAX[6] + Golden.LOG_SOFTMAX[7]) / 2;
    Golden.assertClose((double) printed.get("loss"), Golden.LOSSES[0] + second);
    assertThat(printed)
        .containsEntry("correct", null)
        .containsEntry("accuracy", null)
        .containsEntry("valid_rows", 2);
    assertThat(xent("cross-entropy", logits, soft).out()).doesNotContain("correct");
  }

  @ParameterizedTest
  @CsvSource({"|i1,1", "|u1,1", "<i2,2", "<i4,4", "<i8,8"})
  void takesLabelsOfAnyIntegerType(String descr, int width) {
    byte[] bytes = new byte[2 * width];
    bytes[0] = 1;
    bytes[width] = 2;
    NpyBytes.write(labels, NpyBytes.file(NpyBytes.dictionary(descr, false, "(2,)"), bytes));
    xent("cross-entropy", logits, labels, "--losses", file("l")).succeeds();
    Golden.assertFile(file("l"), Golden.LOSSES);
  }

  @Test
  void hasTheClassesOnAxisOneUnlessToldOtherwise() {
    float[] images = new float[8];
    for (int r = 0; r < 2; r++) {
      for (int k = 0; k < 4; k++) {
        images[k * 2 + r] = Golden.LOGITS[r * 4 + k];
      }
    }
    NpyBytes.floats(logits, "(1, 4, 2)", images);
    NpyBytes.longs(labels, "(1, 2)", Golden.LABELS);
    xent("cross-entropy", logits, labels, "--axis", 1, "--losses", file("l")).succeeds();
    Golden.assertFile(file("l"), Golden.LOSSES);
    assertThat(NpyBytes.dictionaryOf(file("l"))).contains("(1, 2)");

    NpyBytes.floats(logits, "(1, 2, 4)", Golden.LOGITS);
    xent("cross-entropy", logits, labels, "--losses", file("l")).succeeds();
    Golden.assertFile(file("l"), Golden.LOSSES);
  }

  @Test
  void takesOneRowOfOneDimension() {
    NpyBytes.floats(logits, "(4,)", 2, 1, 0, -1);
    for (String shape : new String[] {"()", "(1,)"}) {
      NpyBytes.longs(labels, shape, 1);
      Map<String, Object> printed =
          xent("cross-entropy", logits, labels, "--losses", file("l"), "--json").succeeds().json();
      Golden.assertClose((double) printed.get("loss"), Golden.LOSSES[0]);
      assertThat(NpyBytes.dictionaryOf(file("l"))).contains("'shape': ()");
    }
  }

  @Test
  void givesLossesThatAreNotFiniteAsWords() {
    NpyBytes.floats(logits, "(1, 2)", Float.NaN, 0);
    NpyBytes.longs(labels, "(1,)", 0);
    assertThat(xent("cross-entropy", logits, labels, "--json").json()).containsEntry("loss", "nan");
    assertThat(xent("cross-entropy", logits, labels).succeeds().out())
        .contains("loss         nan (mean)");
    NpyBytes.floats(logits, "(1, 2)", Float.NEGATIVE_INFINITY, 0);
    assertThat(xent("cross-entropy", logits, labels, "--json").json()).containsEntry("loss", "inf");
  }

  @Test
  void agreesWithLogSoftmaxAndNll() {
    xent("softmax", logits, "-o", file("logp"), "--log").succeeds();
    Map<String, Object> printed =
        xent("nll", file("logp"), labels, "--losses", file("l"), "--gradient", file("g"), "--json")
            .succeeds()
            .json();
    Golden.assertClose((double) printed.get("loss"), (Golden.LOSSES[0] + Golden.LOSSES[1]) / 2);
    assertThat(printed).containsEntry("correct", 1).containsEntry("valid_rows", 2);
    Golden.assertFile(file("l"), Golden.LOSSES);
    assertThat(NpyBytes.floatsOf(file("g"))).containsExactly(0, -0.5f, 0, 0, 0, 0, -0.5f, 0);
  }

  @Test
  void nllNormalisesNothing() {
    NpyBytes.floats(logits, "(1, 2)", 3, -4);
    NpyBytes.longs(labels, "(1,)", 1);
    assertThat(xent("nll", logits, labels, "--json").succeeds().json()).containsEntry("loss", 4.0);
  }

  @Test
  void logSumExpOfIgnoredRowsIsNan() {
    assertThat(xent("cross-entropy", "--help").out().replaceAll("\\s+", " "))
        .contains("Write the log-sum-exp of every row; NaN for ignored rows.");
    NpyBytes.longs(labels, "(2,)", -100, Golden.LABELS[1]);
    xent("cross-entropy", logits, labels, "--ignore-index", "-100", "--log-sum-exp", file("s"))
        .succeeds();
    assertThat(NpyBytes.floatsOf(file("s"))[0]).isNaN();
    assertThat(NpyBytes.floatsOf(file("s"))[1]).isFinite();
  }

  private Path file(String name) {
    return folder.resolve(name + ".npy");
  }

  private static double shortest(float value) {
    return Double.parseDouble(Float.toString(value));
  }
}

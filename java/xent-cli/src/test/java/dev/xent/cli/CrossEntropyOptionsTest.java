// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Cli.xent;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import dev.xent.support.NpyBytes;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Options of {@code xent cross-entropy} and {@code xent nll} on the case of {@link Golden}. The
 * numbers were computed with 70 digits by another program, from the formula in
 * docs/cross-entropy.md.
 */
class CrossEntropyOptionsTest {
  private static final double TOLERANCE = 5e-7;

  @TempDir private Path folder;
  private Path logits;
  private Path labels;

  /**
   * One use of options.
   *
   * @param options words; those that end in .npy are files of {@link #write}
   * @param losses of the rows
   * @param gradient of their sum
   */
  record Case(String options, double[] losses, double[] gradient) {
    @Override
    public String toString() {
      return options;
    }
  }

  private static Case of(String options, double[] losses, double[] gradient) {
    return new Case(options, losses, gradient);
  }

  static Stream<Case> cases() {
    return Stream.of(
        of(
            "--temperature 2",
            new double[] {1.2873386716983295, 0.6707906374460587},
            new double[] {
              0.22752711696170563,
              -0.3619978276467032,
              0.08370254863922166,
              0.0507681620457759,
              0.07324554749336201,
              0.05034087951136268,
              -0.2443479191411071,
              0.1207614921363824
            }),
        of(
            "--softcap 2.5",
            new double[] {1.2727994548249912, 0.5750113093509054},
            new double[] {
              0.31851457123682847,
              -0.6160200996337472,
              0.10831930776755837,
              0.035848583058893664,
              0.11020140090042738,
              0.05402538819815166,
              -0.13338570034147632,
              0.19074945176148103
            }),
        of(
            "--label-smoothing 0.125 --smoothing others",
            new double[] {1.5235230318945288, 0.5977256636500545},
            new double[] {
              0.6022475932213056,
              -0.6381171819100898,
              0.0454776520753659,
              -0.009608063386581678,
              0.01940896433427536,
              -0.012816581394269432,
              -0.1309464941848699,
              0.12435411124486398
            }),
        of(
            "--class-weights w.npy",
            new double[] {2.8803793971223906, 0.1478211651583606},
            new double[] {
              1.2878285197759447,
              -1.5262343638201796,
              0.17428863748406515,
              0.06411720656016998,
              0.030537815500471015,
              0.014425042636198617,
              -0.12797324709243496,
              0.08301038895576532
            }),
        of(
            "--class-weights w.npy --label-smoothing 0.125",
            new double[] {2.984745505002335, 0.6112708678591495},
            new double[] {
              1.226395038843696,
              -1.3498382459181442,
              0.15457874754303236,
              -0.031135540468584008,
              0.007876576109978486,
              -0.04401791412237052,
              0.023534277162817717,
              0.012607060849574319
            }),
        of(
            "--row-weights u.npy",
            new double[] {1.4401896985611953, 0.0739105825791803},
            new double[] {
              0.6439142598879724,
              -0.7631171819100898,
              0.08714431874203257,
              0.03205860328008499,
              0.015268907750235507,
              0.0072125213180993086,
              -0.06398662354621748,
              0.04150519447788266
            }),
        of(
            "--class-mask m.npy",
            new double[] {1.4076059644443804, 0.26636789980713366},
            new double[] {
              0.6652409557748219,
              -0.7552715289452023,
              0.09003057317038046,
              0.0,
              0.0628900132458675,
              0.0,
              -0.23384279344365777,
              0.17095278019779028
            }),
        of(
            "--class-mask m.npy --label-smoothing 0.125",
            new double[] {1.4076059644443804, 0.43303456647380034},
            new double[] {
              0.6235742891081553,
              -0.671938195611869,
              0.04836390650371379,
              0.0,
              0.02122334657920083,
              0.0,
              -0.15050946011032443,
              0.1292861135311236
            }),
        of(
            "--sink s.npy",
            new double[] {1.574437939627796, 0.30917812207864637},
            new double[] {
              0.5630212318141845,
              -0.7928760638725407,
              0.07619663787579924,
              0.028031176560891775,
              0.06025449388568186,
              0.02846220756393409,
              -0.26594999213243636,
              0.16378869581244565
            }),
        of(
            "--z-loss 0.125",
            new double[] {2.1845054191817175, 1.6532996264886497},
            new double[] {
              1.0367324958217938,
              -0.6186074287928038,
              0.14030648596264286,
              0.05161587164866587,
              0.11139648972031922,
              0.05261997583663707,
              0.3570870632613554,
              0.3028070537608686
            }),
        of(
            "--probability-clamp 0.25",
            new double[] {1.3862943611198906, 0.2956423303167212},
            new double[] {
              0.6439142598879724,
              -0.7631171819100898,
              0.08714431874203257,
              0.03205860328008499,
              0.06107563100094203,
              0.028850085272397234,
              -0.2559464941848699,
              0.16602077791153064
            }),
        of(
            "--temperature 2 --softcap 2.5 --class-weights w.npy --row-weights u.npy --class-mask m.npy --sink s.npy --z-loss 0.125 --label-smoothing 0.125 --smoothing others",
            new double[] {3.023816212756809, 0.27921082977983863},
            new double[] {
              0.2089708613586991,
              -0.5057046277038276,
              0.16098555674860446,
              0.0,
              0.02002254593434465,
              0.0,
              0.0026753427668624783,
              0.014489398439817705
            }));
  }

  @BeforeEach
  void write() {
    logits = NpyBytes.floats(file("x"), Golden.SHAPE, Golden.LOGITS);
    labels = NpyBytes.longs(file("t"), "(2,)", Golden.LABELS);
    NpyBytes.floats(file("w"), "(4,)", 1, 2, 0.5f, 3);
    NpyBytes.floats(file("u"), "(2,)", 1, 0.25f);
    NpyBytes.flags(file("m"), Golden.SHAPE, 1, 1, 1, 0, 1, 0, 1, 1);
    NpyBytes.floats(file("s"), "(2,)", 0.5f, -1);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void givesTheLossesAndGradientsOfTheFormula(Case given) {
    for (String backend : new String[] {"native", "reference"}) {
      run(given, "sum", backend).succeeds();
      Golden.assertFile(file("l"), given.losses);
      assertGradient(given.gradient);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--class-weights w.npy",
        "--class-weights w.npy --label-smoothing 0.125",
        "--label-smoothing 0.125 --smoothing others",
        "--row-weights u.npy",
        "--class-mask m.npy --label-smoothing 0.125"
      })
  void nllTakesWhatDoesNotChangeLogits(String options) {
    Case given = cases().filter(each -> each.options.equals(options)).findFirst().orElseThrow();
    List<Object> words = new ArrayList<>(List.of("softmax", logits, "-o", file("logp"), "--log"));
    if (options.startsWith("--class-mask")) {
      words.addAll(List.of("--class-mask", file("m")));
    }
    xent(words.toArray()).succeeds();
    words = new ArrayList<>(List.of("nll", file("logp"), labels, "--losses", file("l")));
    Arrays.stream(options.split(" "))
        .map(word -> word.endsWith(".npy") ? folder.resolve(word) : word)
        .forEach(words::add);
    xent(words.toArray()).succeeds();
    Golden.assertFile(file("l"), given.losses);
  }

  @Test
  void nllTakesSparseTargetsAndRaggedRows() {
    Path classes = NpyBytes.longs(file("c"), "(2, 2)", 1, 3, 2, 0);
    Path weights = NpyBytes.floats(file("p"), "(2, 2)", 0.75f, 0.25f, 1, 0.5f);
    xent("softmax", logits, "-o", file("logp"), "--log").succeeds();
    xent(
            "nll",
            file("logp"),
            classes,
            "--target-weights",
            weights,
            "--reduction",
            "sum",
            "--losses",
            file("l"),
            "--target-gradient",
            file("d"))
        .succeeds();
    Golden.assertFile(file("l"), 1.9401896985611953, 1.6934634954750818);
    Golden.assertFile(
        file("d"), 1.4401896985611953, 3.4401896985611953, 0.2956423303167212, 2.795642330316721);

    NpyBytes.floats(logits, "(5,)", 2, 1, 0, -1, 3);
    Path offsets = NpyBytes.longs(file("o"), "(3,)", 0, 3, 5);
    xent("nll", logits, labels, "--row-offsets", offsets).refuses("label 2 in row 1", "[0, 2)");
    NpyBytes.longs(labels, "(2,)", 1, 1);
    Path hits = file("h");
    xent("nll", logits, labels, "--row-offsets", offsets, "--losses", file("l"), "--correct", hits)
        .succeeds();
    assertThat(NpyBytes.floatsOf(file("l"))).containsExactly(-1, -3);
    assertThat(NpyBytes.dataOf(hits)).containsExactly(0, 1);
  }

  @Test
  void weightsAreInTheDenominator() {
    Map<String, Object> printed = mean("--class-weights", file("w"));
    assertThat(printed).containsEntry("denominator", 2.5).containsEntry("valid_rows", 2);
    Golden.assertClose(
        (double) printed.get("loss"), (2 * Golden.LOSSES[0] + Golden.LOSSES[1] / 2) / 2.5);
    assertThat(mean("--row-weights", file("u"))).containsEntry("denominator", 1.25);
    assertThat(mean("--row-weights", file("u"), "--class-weights", file("w"), "--denominator", 5))
        .containsEntry("denominator", 5.0);
  }

  @Test
  void aMaskOfRowsLeavesThemOut() {
    NpyBytes.flags(file("u"), "(2,)", 0, 1);
    Map<String, Object> printed = mean("--row-weights", file("u"), "--gradient", file("g"));
    assertThat(printed).containsEntry("valid_rows", 1).containsEntry("denominator", 1.0);
    Golden.assertClose((double) printed.get("loss"), Golden.LOSSES[1]);
    assertThat(NpyBytes.floatsOf(file("g"))).startsWith(0, 0, 0, 0);
  }

  @Test
  void aMaskOfClassesMayBeOneForAllRows() {
    NpyBytes.flags(file("m"), "(4,)", 1, 1, 1, 0);
    NpyBytes.flags(file("n"), "(1, 4)", 1, 1, 1, 0);
    NpyBytes.flags(file("k"), "(2, 4)", 1, 1, 1, 0, 1, 1, 1, 0);
    Object loss = mean("--class-mask", file("k")).get("loss");
    assertThat(mean("--class-mask", file("m"))).containsEntry("loss", loss);
    assertThat(mean("--class-mask", file("n"))).containsEntry("loss", loss);
  }

  @Test
  void oneSinkHoldsForAllRows() {
    NpyBytes.floats(file("s"), "()", -1);
    NpyBytes.floats(file("k"), "(2,)", -1, -1);
    assertThat(mean("--sink", file("s")))
        .containsEntry("loss", mean("--sink", file("k")).get("loss"));
  }

  @Test
  void rowsWithoutClassesFollowThePolicy() {
    NpyBytes.flags(file("m"), "(2, 4)", 0, 0, 0, 0, 1, 1, 1, 1);
    NpyBytes.longs(labels, "(2,)", 2, 2);
    xent("cross-entropy", logits, labels, "--class-mask", file("m"))
        .refuses("label 2 in row 0", "--class-mask");
    Path soft = NpyBytes.floats(file("q"), Golden.SHAPE, 0, 0, 0, 0, 0, 0, 1, 0);
    Object nan =
        xent("cross-entropy", logits, soft, "--class-mask", file("m"), "--json").json().get("loss");
    assertThat(nan).isEqualTo("nan");
    Object zero =
        xent(
                "cross-entropy",
                logits,
                soft,
                "--class-mask",
                file("m"),
                "--reduction",
                "sum",
                "--fully-masked",
                "zero",
                "--json")
            .json()
            .get("loss");
    Golden.assertClose((double) zero, Golden.LOSSES[1]);
  }

  @Test
  void takesSparseTargets() {
    Path classes = NpyBytes.longs(file("c"), "(2, 2)", 1, 3, 2, 0);
    Path weights = NpyBytes.floats(file("p"), "(2, 2)", 0.75f, 0.25f, 1, 0.5f);
    Map<String, Object> printed =
        xent(
                "cross-entropy",
                logits,
                classes,
                "--target-weights",
                weights,
                "--reduction",
                "sum",
                "--losses",
                file("l"),
                "--gradient",
                file("g"),
                "--target-gradient",
                file("d"),
                "--json")
            .succeeds()
            .json();
    assertThat(printed).containsEntry("correct", null).containsEntry("denominator", 2.0);
    Golden.assertFile(file("l"), 1.9401896985611953, 1.6934634954750818);
    assertGradient(
        0.6439142598879724,
        -0.5131171819100898,
        0.08714431874203257,
        -0.217941396719915,
        -0.40838655349858693,
        0.043275127908595855,
        0.11608025872269515,
        0.24903116686729596);
    Golden.assertFile(
        file("d"), 1.4401896985611953, 3.4401896985611953, 0.2956423303167212, 2.795642330316721);
  }

  @Test
  void sparseTargetsSkipTheIgnoreIndex() {
    Path classes = NpyBytes.longs(file("c"), "(2, 2)", 1, -1, -1, 2);
    Path weights = NpyBytes.floats(file("p"), "(2, 2)", 1, 9, 9, 1);
    xent(
            "cross-entropy",
            logits,
            classes,
            "--target-weights",
            weights,
            "--ignore-index",
            -1,
            "--losses",
            file("l"))
        .succeeds();
    Golden.assertFile(file("l"), Golden.LOSSES);
  }

  @Test
  void writesTheGradientOfProbabilities() {
    Path soft = NpyBytes.floats(file("q"), Golden.SHAPE, 0.25f, 0.75f, 0, 0, 0, 0, 0.5f, 0.5f);
    xent("cross-entropy", logits, soft, "--reduction", "sum", "--target-gradient", file("d"))
        .succeeds();
    Golden.assertFile(file("d"), -1, Golden.LOG_SOFTMAX);
  }

  @Test
  void takesRaggedRows() {
    NpyBytes.floats(logits, "(8,)", 2, 1, 0, -1, 0.5f, -0.25f, 3, 1.5f);
    NpyBytes.longs(labels, "(2,)", 1, 3);
    Path offsets = NpyBytes.longs(file("o"), "(3,)", 0, 3, 8);
    xent(
            "cross-entropy",
            logits,
            labels,
            "--row-offsets",
            offsets,
            "--reduction",
            "sum",
            "--losses",
            file("l"),
            "--gradient",
            file("g"),
            "--top-count",
            2,
            "--top-classes",
            file("c"))
        .succeeds();
    Golden.assertFile(file("l"), 1.4076059644443804, 0.30917812207864637);
    assertGradient(
        0.6652409557748219,
        -0.7552715289452023,
        0.09003057317038046,
        0.01344459487037478,
        0.06025449388568186,
        0.02846220756393409,
        -0.26594999213243636,
        0.16378869581244565);
    assertThat(NpyBytes.longsOf(file("c"))).containsExactly(0, 1, 3, 4);
  }

  @Test
  void beginsWithTheRulesOfOtherSystems() {
    NpyBytes.longs(labels, "(2,)", 1, -100);
    Map<String, Object> printed = mean("--defaults", "pytorch");
    assertThat(printed).containsEntry("valid_rows", 1);
    Golden.assertClose((double) printed.get("loss"), Golden.LOSSES[0]);
    xent("cross-entropy", logits, labels, "--defaults", "onnx").refuses("label -100 in row 1");
    NpyBytes.longs(labels, "(2,)", 1, 7);
    assertThat(mean("--defaults", "pytorch", "--ignore-index", 7)).containsEntry("valid_rows", 1);

    Path soft = NpyBytes.floats(file("q"), Golden.SHAPE, 0, 1, 0, 0, 0, 0, 1, 0);
    xent("cross-entropy", logits, soft, "--defaults", "pytorch", "--losses", file("l")).succeeds();
    Golden.assertFile(file("l"), Golden.LOSSES);

    NpyBytes.floats(logits, "(4,)", 2, 1, 0, -1);
    NpyBytes.longs(labels, "(1,)", 1);
    for (String rules : new String[] {"pytorch", "onnx"}) {
      xent("cross-entropy", logits, labels, "--defaults", rules).refuses("--axis 1 does not fit");
      xent("cross-entropy", logits, labels, "--defaults", rules, "--axis", 0).succeeds();
    }
  }

  @Test
  void writesWhatIsAskedOfEveryRow() {
    xent(
            "cross-entropy",
            logits,
            labels,
            "--argmax",
            file("a"),
            "--correct",
            file("h"),
            "--ranks",
            file("r"),
            "--log-probabilities",
            file("lp"),
            "--entropies",
            file("e"),
            "--top-count",
            3,
            "--top-classes",
            file("c"),
            "--top-log-probabilities",
            file("v"))
        .succeeds();
    assertThat(NpyBytes.longsOf(file("a"))).containsExactly(0, 2);
    assertThat(NpyBytes.dataOf(file("h"))).containsExactly(0, 1);
    assertThat(NpyBytes.longsOf(file("r"))).containsExactly(1, 0);
    Golden.assertFile(file("lp"), -1, Golden.LOSSES);
    Golden.assertFile(file("e"), 0.9475369639754255, 0.7911253518216632);
    assertThat(NpyBytes.longsOf(file("c"))).containsExactly(0, 1, 2, 2, 3, 0);
    double[] logp = Golden.LOG_SOFTMAX;
    Golden.assertFile(file("v"), logp[0], logp[1], logp[2], logp[6], logp[7], logp[4]);
    assertThat(NpyBytes.dictionaryOf(file("c"))).contains("'<i8'", "(2, 3)");
    assertThat(NpyBytes.dictionaryOf(file("v"))).contains("'<f4'", "(2, 3)");
    assertThat(NpyBytes.dictionaryOf(file("h"))).contains("'|u1'", "(2,)");
  }

  @Test
  void topClassesLieAlongTheClassAxis() {
    NpyBytes.floats(logits, "(1, 4, 2)", 2, 0.5f, 1, -0.25f, 0, 3, -1, 1.5f);
    NpyBytes.longs(labels, "(1, 2)", Golden.LABELS);
    xent("cross-entropy", logits, labels, "--axis", 1, "--top-count", 2, "--top-classes", file("c"))
        .succeeds();
    assertThat(NpyBytes.dictionaryOf(file("c"))).contains("(1, 2, 2)");
    assertThat(NpyBytes.longsOf(file("c"))).containsExactly(0, 2, 1, 3);
  }

  private Cli run(Case given, String reduction, String backend) {
    List<Object> words = new ArrayList<>(List.of("cross-entropy", logits, labels));
    Arrays.stream(given.options.split(" "))
        .map(word -> word.endsWith(".npy") ? folder.resolve(word) : word)
        .forEach(words::add);
    words.addAll(
        List.of(
            "--reduction",
            reduction,
            "--losses",
            file("l"),
            "--gradient",
            file("g"),
            "--backend",
            backend));
    return xent(words.toArray());
  }

  private Map<String, Object> mean(Object... options) {
    List<Object> words = new ArrayList<>(List.of("cross-entropy", logits, labels, "--json"));
    words.addAll(List.of(options));
    return xent(words.toArray()).succeeds().json();
  }

  private void assertGradient(double... expected) {
    float[] actual = NpyBytes.floatsOf(file("g"));
    assertThat(actual).hasSameSizeAs(expected);
    for (int i = 0; i < actual.length; i++) {
      assertThat((double) actual[i]).isCloseTo(expected[i], offset(TOLERANCE));
    }
  }

  private Path file(String name) {
    return folder.resolve(name + ".npy");
  }
}

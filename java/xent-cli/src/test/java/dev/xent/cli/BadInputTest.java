// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Cli.xent;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.XentRuntime;
import dev.xent.options.Isa;
import dev.xent.support.NpyBytes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Bad input is one line that names it, exit code 2, and leaves the outputs of before as they were.
 */
class BadInputTest {
  private static final byte[] BEFORE = {1, 2, 3};

  @TempDir private Path folder;
  private Path logits;
  private Path labels;
  private Path out;

  @BeforeEach
  void write() {
    logits = NpyBytes.floats(folder.resolve("x.npy"), Golden.SHAPE, Golden.LOGITS);
    labels = NpyBytes.longs(folder.resolve("t.npy"), "(2,)", Golden.LABELS);
    out = NpyBytes.write(folder.resolve("out.npy"), BEFORE);
  }

  @AfterEach
  void outputsAreUntouched() throws IOException {
    assertThat(Files.readAllBytes(out)).isEqualTo(BEFORE);
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files.map(path -> path.getFileName().toString()))
          .noneMatch(name -> name.startsWith("."));
    }
  }

  @Test
  void wrongShape() {
    NpyBytes.longs(labels, "(3,)", 1, 2, 0);
    loss().refuses("[3]", "[2, 4]");
    NpyBytes.longs(labels, "(2, 4)", 1, 2, 0, 0, 1, 2, 0, 0);
    loss().refuses("[2, 4]");
    Path dy = NpyBytes.floats(folder.resolve("dy.npy"), "(4, 2)", Golden.UPSTREAM);
    xent("softmax-backward", logits, dy, "-o", out).refuses("[4, 2]", "[2, 4]");
    Path soft = NpyBytes.floats(folder.resolve("q.npy"), "(2, 3)", 1, 0, 0, 1, 0, 0);
    xent("cross-entropy", logits, soft, "--gradient", out).refuses("[2, 3]");
  }

  @Test
  void labelOutOfRange() {
    NpyBytes.longs(labels, "(2,)", 1, 4);
    loss().refuses("label 4", "row 1", "[0, 4)");
    NpyBytes.longs(labels, "(2,)", -100, 1);
    loss().refuses("label -100", "row 0", "[0, 4)");
    xent("nll", logits, labels, "--gradient", out).refuses("label -100", "row 0");
  }

  @Test
  void labelOutOfRangeInManyDimensions() {
    NpyBytes.floats(logits, "(3, 2, 2)", new float[12]);
    NpyBytes.longs(labels, "(3, 2)", 0, 1, 1, 0, 0, 5);
    loss().refuses("label 5 in row [2, 1] is not in [0, 2); correct it");
    byte[] fortran = NpyBytes.longs(0, 1, 0, 1, -3, 1);
    NpyBytes.write(labels, NpyBytes.file(NpyBytes.dictionary("<i8", true, "(3, 2)"), fortran));
    xent("nll", logits, labels, "--gradient", out)
        .refuses("label -3 in row [1, 1] is not in [0, 2)");
  }

  @Test
  void labelsThatCountFromOne() {
    NpyBytes.longs(labels, "(2,)", 1, 4);
    loss().refuses("label 4 in row 1 is not in [0, 4); labels count from 0, correct it");
    NpyBytes.longs(labels, "(2,)", 1, 5);
    assertThat(loss().refuses("label 5 in row 1").err()).doesNotContain("count from");
  }

  @ParameterizedTest
  @ValueSource(strings = {"/dev/zero", "/dev/null"})
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "no /dev")
  void inputThatCannotBeMapped(String device) {
    String words = device + " is not a regular file; save its content to a file first";
    xent("softmax", device, "-o", out).refuses(words);
    xent("cross-entropy", logits, device, "--gradient", out).refuses(words);
    xent("verify", device, logits).refuses(words);
  }

  @Test
  @Timeout(value = 30, threadMode = ThreadMode.SEPARATE_THREAD)
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "no mkfifo")
  void inputThatIsAPipe() throws IOException, InterruptedException {
    Path pipe = folder.resolve("pipe.npy");
    assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
    xent("softmax", pipe, "-o", out).refuses("pipe.npy is not a regular file");
  }

  @Test
  void namesThatAreNone() {
    xent("softmax", "", "-o", out)
        .refuses("(LOGITS.npy): '' is not the name of a file; see 'xent softmax");
    xent("softmax", logits, "-o", "").refuses("--output': '' is not the name of a file");
    loss("--losses=").refuses("'' is not the name of a file");
    xent("softmax", "a\0b", "-o", out).refuses("is not the name of a file");
  }

  @Test
  void unknownDtype() {
    for (String descr : new String[] {"<u4", ">f4", ">V2", "|O", "<c8"}) {
      NpyBytes.write(
          logits, NpyBytes.file(NpyBytes.dictionary(descr, false, "(2, 4)"), new byte[64]));
      loss().refuses("x.npy", descr);
      softmax().refuses("x.npy", descr);
    }
  }

  @Test
  void integersWhereNumbersBelong() {
    Path whole = NpyBytes.longs(folder.resolve("w.npy"), "(2, 4)", 1, 2, 3, 4, 5, 6, 7, 8);
    xent("softmax", whole, "-o", out).refuses("w.npy", "i64", "expected floats");
    xent("cross-entropy", whole, labels, "--gradient", out)
        .refuses("w.npy", "i64", "expected floats");
  }

  @Test
  void truncatedFile() throws IOException {
    byte[] whole = Files.readAllBytes(logits);
    for (int length : new int[] {0, 5, 9, 40, whole.length - 1}) {
      NpyBytes.write(logits, Arrays.copyOf(whole, length));
      softmax().refuses("x.npy");
      loss().refuses("x.npy");
    }
  }

  @Test
  void missingFile() {
    xent("softmax", folder.resolve("none.npy"), "-o", out).refuses("none.npy does not exist");
    xent("cross-entropy", logits, folder.resolve("none.npy"), "--gradient", out)
        .refuses("none.npy does not exist");
    xent("cross-entropy", folder, labels, "--gradient", out).refuses("is a directory");
  }

  @ParameterizedTest
  @ValueSource(strings = {"nan", "NaN", "-0.1", "1.5", "inf"})
  void optionOutOfRange(String value) {
    loss("--label-smoothing=" + value)
        .refuses("--label-smoothing is ", "; expected a number from 0 to 1");
    xent("nll", logits, labels, "--gradient", out, "--label-smoothing=" + value)
        .refuses("--label-smoothing");
  }

  @ParameterizedTest
  @ValueSource(strings = {"nan", "-1", "inf"})
  void denominatorOutOfRange(String value) {
    loss("--denominator=" + value).refuses("--denominator is ", "; expected a finite number");
  }

  @ParameterizedTest
  @ValueSource(strings = {"1e400", "-1e309"})
  void numberThatNoDoubleHolds(String value) {
    loss("--denominator=" + value)
        .refuses("--denominator", "'" + value + "' is too large; the largest number is 1.8e308");
    xent("verify", logits, logits, "--rtol=" + value)
        .refuses("'" + value + "' is too large; the largest number is 1.8e308");
  }

  @Test
  void denominatorThatMakesGradientsInfinite() {
    loss("--denominator=5e-324")
        .refuses("--denominator is 4.9E-324; expected 0 or at least 5.6e-309 with --gradient");
    Path other = folder.resolve("g.npy");
    xent("cross-entropy", logits, labels, "--denominator=5.6e-309", "--gradient", other).succeeds();
    xent("cross-entropy", logits, labels, "--denominator=0", "--gradient", other).succeeds();
    xent("cross-entropy", logits, labels, "--denominator=5e-324").succeeds();
  }

  @ParameterizedTest
  @ValueSource(strings = {"0x1p3", "1d", "", "ten", "1,5"})
  void numberThatIsNone(String value) {
    loss("--denominator=" + value).refuses("--denominator", "is not a number");
  }

  @Test
  void axisOutOfRange() {
    xent("softmax", logits, "-o", out, "--axis", 2).refuses("--axis 2", "[2, 4]", "-2 to 1");
    loss("--axis", "-3").refuses("--axis -3", "[2, 4]", "-2 to 1");
    xent("softmax-backward", logits, logits, "-o", out, "--axis", 7).refuses("--axis 7");
  }

  @Test
  void zeroClasses() {
    NpyBytes.floats(logits, "(2, 0)");
    softmax().refuses("class");
    loss().refuses("class");
  }

  @Test
  void ignoreIndexWithProbabilities() {
    xent("cross-entropy", logits, logits, "--ignore-index", 0, "--gradient", out)
        .refuses("--ignore-index", "x.npy");
  }

  @ParameterizedTest
  @CsvSource({
    "--temperature,0,a number from 2^-32 to 2^32",
    "--temperature,nan,a number from 2^-32 to 2^32",
    "--temperature,1e-320,a number from 2^-32 to 2^32",
    "--softcap,-3,a number from 2^-32 to 2^32",
    "--softcap,inf,a number from 2^-32 to 2^32",
    "--z-loss,-0.5,a finite number that is 0 or more",
    "--z-loss,nan,a finite number that is 0 or more",
    "--probability-clamp,0,'a number above 0, at most 0.5'",
    "--probability-clamp,0.75,'a number above 0, at most 0.5'"
  })
  void numbersOutOfRange(String option, String value, String range) {
    boolean isFinite = !value.equals("inf") && !value.equals("nan");
    String shown = isFinite ? Double.toString(Double.parseDouble(value)) : value;
    loss(option + "=" + value).refuses(option + " is " + shown + "; expected " + range);
    xent("nll", logits, labels, option, value).refuses("unknown option '" + option + "'");
  }

  @Test
  void numbersWhoseReciprocalHasNotAllItsBits() {
    loss("--temperature", "1e-200").refuses("is 1.0E-200; expected a number from 2^-32 to 2^32");
    xent("softmax", logits, "-o", out, "--softcap", "1e200")
        .refuses("--softcap is 1.0E200; expected ");
  }

  @Test
  void wordsThatAreNoChoice() {
    loss("--smoothing", "some").refuses("--smoothing", "'some' is not one of uniform, others");
    loss("--fully-masked", "one").refuses("--fully-masked", "'one' is not one of nan, zero");
    loss("--dtype", "f9").refuses("--dtype", "'f9' is not one of f16, bf16, f32, f64");
  }

  @Test
  void aTypeThatDoesNotGoWithTheInput() {
    loss("--dtype", "f64").refuses("--dtype f64 is not supported for", "f32; use f16, bf16 or f32");
    NpyBytes.doubles(logits, "(1, 2)", 1, 2);
    xent("softmax", logits, "-o", out, "--dtype", "bf16")
        .refuses("--dtype bf16 is not supported for", "x.npy, which is f64; use f64 or f32");
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "names have no control characters")
  void namesThatATerminalWouldCarryOut() {
    xent("softmax", folder.resolve("no\u001b[31m\nsuch\u202e.npy"), "-o", folder.resolve("y.npy"))
        .refuses("/no\\u{1b}[31m\\u{a}such\\u{202e}.npy does not exist; check the name");
    Path flags = NpyBytes.flags(folder.resolve("a\rb.npy"), "(3,)", 1, 1, 1);
    xent("softmax", flags, "-o", folder.resolve("y.npy"))
        .refuses("/a\\u{d}b.npy holds booleans or integers (u8); expected floats");
    xent("info", "--nope\u0007").refuses("unknown option '--nope\\u{7}'");
  }

  @Test
  void namesOfDirectories() {
    for (String slash : new String[] {"y.npy/", "logits.npy//"}) {
      xent("softmax", logits, "-o", folder + "/" + slash)
          .refuses(
              "'" + folder + "/" + slash + "' is not the name of a file: it ends with a slash");
    }
    xent("softmax", logits + "/", "-o", folder.resolve("y.npy")).refuses("it ends with a slash");
    xent("softmax", logits, "-o", folder + "/").refuses(folder + " is a directory; name a .npy");
    assertThat(folder.resolve("y.npy")).doesNotExist();
  }

  @Test
  void filesBesideThatDoNotFit() {
    Path three = NpyBytes.floats(folder.resolve("three.npy"), "(3,)", 1, 2, 3);
    Path flags = NpyBytes.flags(folder.resolve("flags.npy"), "(3,)", 1, 1, 1);
    Path wide = NpyBytes.doubles(folder.resolve("wide.npy"), "(4,)", 1, 1, 1, 1);
    loss("--class-weights", three)
        .refuses("--class-weights ", ".npy is F32 [3]", "a number for each class");
    loss("--class-weights", wide).refuses("--class-weights ", ".npy is F64 [4]", "of type F32");
    loss("--class-weights", labels).refuses("t.npy holds integers (i64); expected floats");
    loss("--row-weights", three).refuses("--row-weights ", ".npy is F32 [3]");
    loss("--row-weights", labels).refuses("t.npy holds integers (i64); expected weights");
    loss("--class-mask", flags)
        .refuses("--class-mask ", ".npy is U8 [3]", "expected one flag per class");
    loss("--class-mask", three)
        .refuses("three.npy holds f32; expected a mask: save m.astype(bool)");
    loss("--sink", three).refuses("--sink ", ".npy is F32 [3]");
    loss("--target-weights", three).refuses("t.npy is I64 [2]");
    loss("--row-offsets", three).refuses("three.npy holds floats (f32); expected integers");
    loss("--row-offsets", labels).refuses("--row-offsets ", ".npy are set", "in one dimension");
  }

  @Test
  void weightsThatAreNone() {
    Path weights = NpyBytes.floats(folder.resolve("w.npy"), "(4,)", 1, 1, -1, 1);
    loss("--class-weights", weights)
        .refuses("--class-weights ", ".npy of class 2 is -1.0; expected finite numbers");
    NpyBytes.floats(weights, "(2,)", 1, Float.NaN);
    loss("--row-weights", weights)
        .refuses("--row-weights ", ".npy of row 1 is nan; expected finite numbers");
  }

  @Test
  void offsetsThatAreNone() {
    NpyBytes.floats(logits, "(8,)", Golden.LOGITS);
    Path offsets = NpyBytes.longs(folder.resolve("o.npy"), "(3,)", 0, 5, 3);
    loss("--row-offsets", offsets).refuses("--row-offsets ", ".npy of row 1 is 5", "do not fall");
    NpyBytes.longs(offsets, "(3,)", 0, 5, 9);
    loss("--row-offsets", offsets).refuses("--row-offsets ", ".npy ends with 9");
    NpyBytes.longs(offsets, "(3,)", 0, 0, 8);
    loss("--row-offsets", offsets).refuses("label 1 in row 0 is not in [0, 0)");
  }

  @Test
  void labelOfAMaskedClass() {
    Path mask = NpyBytes.flags(folder.resolve("m.npy"), "(4,)", 1, 1, 0, 1);
    loss("--class-mask", mask)
        .refuses("label 2 in row 1 is masked out by --class-mask; correct one of them");
  }

  @Test
  void whatIsForLabelsAlone() {
    for (String option : new String[] {"--smoothing=others", "--correct", "--ranks"}) {
      List<Object> words = new ArrayList<>(List.of("cross-entropy", logits, logits, option));
      if (!option.contains("=")) {
        words.add(out);
      }
      xent(words.toArray())
          .refuses(
              option.replace('=', ' ').split(" 0")[0] + " requires labels", "x.npy holds prob");
    }
    xent("cross-entropy", logits, labels, "--target-gradient", out)
        .refuses("--target-gradient requires probabilities, but", "t.npy holds labels");
    loss("--probability-clamp", "0.1", "--label-smoothing", "0.1")
        .refuses("--probability-clamp is 0.1, --label-smoothing is 0.1; expected one of them");
  }

  @Test
  void topClassesWithoutANumberOrAFile() {
    xent("cross-entropy", logits, labels, "--top-classes", out)
        .refuses("--top-classes requires a number of classes; add --top-count K");
    loss("--top-count", "2")
        .refuses("--top-count 2 requires an output file; add --top-classes C.npy");
    for (int k : new int[] {0, 5}) {
      xent("cross-entropy", logits, labels, "--top-classes", out, "--top-count", k)
          .refuses(
              "--top-count is " + k + "; expected a number from 1 to 4, the number of classes");
    }
  }

  @Test
  void outputOntoFilesBeside() {
    Path mask = NpyBytes.flags(folder.resolve("m.npy"), "(4,)", 1, 1, 1, 1);
    xent("softmax", logits, "-o", mask, "--class-mask", mask).refuses("m.npy is an input");
    xent("softmax-backward", logits, logits, "-o", mask, "--class-mask", mask)
        .refuses("m.npy is an input");
    loss("--losses", mask, "--class-mask", mask).refuses("m.npy is an input");
  }

  @Test
  void instructionSetThatIsNotThere() {
    for (Isa isa : List.of(Isa.AVX2, Isa.AVX512, Isa.NEON)) {
      if (!XentRuntime.get().availableIsas().contains(isa)) {
        loss("--isa", Converters.name(isa))
            .refuses("--isa " + Converters.name(isa) + " is not available here", "scalar");
      }
    }
    loss("--isa", "avx2", "--backend", "reference").refuses("--isa avx2", "reference");
  }

  @Test
  void oneFileForTwoOutputs() {
    loss("--losses", folder.resolve("./out.npy")).refuses("out.npy is named for two outputs");
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "not every user may make links")
  void outputOntoTheTargets() throws IOException {
    Path link = Files.createSymbolicLink(folder.resolve("link.npy"), labels.getFileName());
    byte[] before = Files.readAllBytes(labels);
    for (Path name : new Path[] {labels, link, folder.resolve("./t.npy")}) {
      for (String option : new String[] {"--gradient", "--losses", "--log-sum-exp"}) {
        xent("cross-entropy", logits, labels, option, name)
            .refuses(name + " is an input of this command; name another output file");
      }
      xent("nll", logits, labels, "--gradient", name).refuses(name + " is an input");
    }
    xent("cross-entropy", logits, link, "--gradient", labels).refuses(labels + " is an input");
    assertThat(Files.readAllBytes(labels)).isEqualTo(before);
  }

  @Test
  void readOnlyOutput() {
    assertThat(out.toFile().setReadOnly()).isTrue();
    softmax().refuses("out.npy is read-only; make it writable or name another file");
    loss().refuses("out.npy is read-only");
  }

  @Test
  void outputsThatCannotBe() {
    xent("softmax", logits, "-o", folder).refuses("is a directory");
    xent("softmax", logits, "-o", folder.resolve("no/y.npy"))
        .refuses("does not exist; make it first");
    xent("softmax", logits, "-o", logits.resolve("y.npy"))
        .refuses(logits + " is no directory; name a file in one");
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "no /dev/null")
  void outputToADevice() {
    loss("--losses", "/dev/null").refuses("/dev/null is not a regular file");
  }

  private Cli softmax() {
    return xent("softmax", logits, "-o", out);
  }

  private Cli loss(Object... more) {
    return xent(
        Stream.concat(
                Stream.of("cross-entropy", logits, labels, "--gradient", out), Arrays.stream(more))
            .toArray());
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Cli.xent;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.BinaryCrossEntropy;
import dev.xent.CrossEntropy;
import dev.xent.Divergence;
import dev.xent.LinearCrossEntropy;
import dev.xent.NllLoss;
import dev.xent.Sampler;
import dev.xent.SelectedLogProbabilities;
import dev.xent.Softmax;
import dev.xent.support.NpyBytes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/** Every option of every command: what its help offers, and what is rejected. */
class OptionsTest {
  private static final Pattern CHOICES = Pattern.compile("'\\?' is not one of (.+); see .*");
  private static final Pattern LINE =
      Pattern.compile("xent: .+([:;,] .+| must be .+ \\(was .+\\)).*");

  /** Calls and names of the Java API; NumPy's {@code x.astype('<f4')} is none. */
  private static final Pattern JAVA =
      Pattern.compile("\\b(?!astype)[a-zA-Z]+\\(|\\b[a-z]+[A-Z][a-zA-Z]*\\b");

  private static final Map<String, Class<?>> BUILDERS =
      Map.of(
          "softmax",
          Softmax.Builder.class,
          "softmax-backward",
          Softmax.Builder.class,
          "cross-entropy",
          CrossEntropy.Builder.class,
          "linear-cross-entropy",
          LinearCrossEntropy.Builder.class,
          "nll",
          NllLoss.Builder.class,
          "divergence",
          Divergence.Builder.class,
          "selected-log-probabilities",
          SelectedLogProbabilities.Builder.class,
          "binary-cross-entropy",
          BinaryCrossEntropy.Builder.class,
          "sample",
          Sampler.Builder.class);

  private static final List<String> OF_OPERATIONS =
      NumberFlags.OF_OPERATIONS.stream().map(flag -> flagOf(flag.name())).toList();

  /** Options of builders that are not flags, and why. */
  private static final String OF_TEXTS = "the command draws one token of each row: it has no text";

  private static final Map<String, String> NO_FLAGS =
      Map.of(
          "--gradient-reduction",
          "gradients are of the loss that is printed",
          "--gradient-scale",
          "the same",
          "softmax-backward --softcap",
          "the backward has no logits for its derivative",
          "softmax-backward --fully-masked",
          "the output has it",
          "sample --no-repeat-ngram",
          OF_TEXTS,
          "sample --dry-multiplier",
          OF_TEXTS,
          "sample --dry-base",
          OF_TEXTS,
          "sample --dry-allowed-length",
          OF_TEXTS,
          "sample --dry-range",
          OF_TEXTS);

  private static final List<String> NUMBERS =
      List.of(
          "0",
          "1",
          "-1",
          "+2",
          "1e-300",
          "1e300",
          "0.5",
          "nan",
          "inf",
          "4294967296",
          "9223372036854775807",
          "9223372036854775808",
          "99999999999999999999",
          "1e-400",
          "-1e-400",
          "0e-400",
          "1e400",
          "x",
          "\u0663",
          "0x10",
          "1,5",
          "");

  private static final float[] WEIGHTS = {1, 2, 3, 4, 0, 1, -1, 2, 2, -2, 1, 3, 1, 0, 2, -1};

  /** Words for an option that another command has too, where it meets all of them. */
  private static final List<String> FEW_NUMBERS = List.of("0", "-1", "1e300", "nan", "x");

  @TempDir private Path folder;

  private static Map<String, CommandLine> commands() {
    return Main.commandLine().getSubcommands();
  }

  private static List<OptionSpec> optionsOf(CommandLine command, Set<Class<?>> types) {
    return command.getCommandSpec().options().stream()
        .filter(option -> types.contains(option.type()))
        .toList();
  }

  /** What each command needs; bench and demo, which take long, are left out. */
  private static Map<String, List<Object>> calls(Path folder) {
    Path x = NpyBytes.floats(folder.resolve("x.npy"), Golden.SHAPE, Golden.LOGITS);
    Path wide = NpyBytes.doubles(folder.resolve("wide.npy"), Golden.SHAPE, new double[8]);
    Path labels = NpyBytes.longs(folder.resolve("t.npy"), "(2,)", Golden.LABELS);
    Path each = NpyBytes.longs(folder.resolve("b.npy"), Golden.SHAPE, 0, 1, 0, 1, 1, 0, 0, 0);
    Path other = NpyBytes.floats(folder.resolve("y.npy"), Golden.SHAPE, 1, 2, 3, 4, 0, 1, -1, 2);
    Path weights = NpyBytes.floats(folder.resolve("w.npy"), "(4, 4)", WEIGHTS);
    Path out = folder.resolve("out.npy");
    Path more = folder.resolve("more.npy");
    Map<String, List<Object>> calls = new LinkedHashMap<>();
    for (Path in : List.of(x, wide)) {
      String type = in == x ? "" : " wide";
      calls.put("softmax" + type, List.of(in, "-o", out));
      calls.put("softmax-backward" + type, List.of(in, in, "-o", out));
      calls.put("sigmoid" + type, List.of(in, "-o", out));
      calls.put(
          "cross-entropy" + type, List.of(in, labels, "--gradient", out, "--log-sum-exp", more));
      calls.put("nll" + type, List.of(in, labels, "--gradient", out));
      calls.put("divergence" + type, List.of(in, in == x ? other : in, "--gradient", out));
      calls.put("linear-cross-entropy" + type, List.of(in, weights, labels, "--gradient", out));
      calls.put("perplexity" + type, List.of(in, labels, "--no-shift"));
      calls.put("binary-cross-entropy" + type, List.of(in, each, "--gradient", out));
      calls.put("selected-log-probabilities" + type, List.of(in, labels, "-o", out));
      calls.put("sample" + type, List.of(in, "-o", out, "--entropies", more));
    }
    calls.put("calibrate", List.of(x, labels));
    calls.put("verify", List.of(x, x));
    calls.put("info", List.of());
    return calls;
  }

  private static Cli run(String command, List<Object> words, Object... more) {
    return xent(
        Stream.of(Stream.of(command), words.stream(), Arrays.stream(more))
            .flatMap(each -> each)
            .toArray());
  }

  @Test
  void wordsThatAreTakenAreThoseOfTheHelp() {
    Set<String> seen = new TreeSet<>();
    commands()
        .forEach(
            (name, command) ->
                command.getCommandSpec().options().stream()
                    .filter(option -> option.type().isEnum())
                    .forEach(
                        option -> {
                          Matcher line =
                              CHOICES.matcher(xent(name, option.longestName(), "?").err().strip());
                          assertThat(line.find()).as(name + option).isTrue();
                          assertThat(String.join("", option.description()))
                              .as(name + " " + option.longestName())
                              .contains(line.group(1).split(", "));
                          seen.add(option.longestName());
                        }));
    assertThat(seen)
        .contains("--dtype", "--isa", "--backend", "--reduction", "--rules", "--ties", "--kind");
  }

  /** A new option of an operation is a flag too, or is listed here with the reason. */
  @Test
  void everyOptionOfABuilderIsAFlag() {
    List<String> missing = new ArrayList<>();
    List<String> tried = new ArrayList<>();
    BUILDERS.forEach(
        (command, builder) ->
            Stream.of(builder.getMethods())
                .filter(method -> method.getDeclaringClass() != Object.class && !method.isBridge())
                .filter(method -> method.getParameterCount() == 1)
                .filter(method -> isOption(method.getParameterTypes()[0]))
                .map(method -> flagOf(method.getName()))
                .peek(tried::add)
                .filter(flag -> commands().get(command).getCommandSpec().findOption(flag) == null)
                .filter(flag -> !NO_FLAGS.containsKey(flag))
                .map(flag -> command + " " + flag)
                .filter(flag -> !NO_FLAGS.containsKey(flag))
                .forEach(missing::add));
    assertThat(tried).contains("--axis", "--temperature", "--z-loss", "--workspace", "--top-k");
    assertThat(missing).isEmpty();
  }

  private static boolean isOption(Class<?> type) {
    return type.isEnum() || type == double.class || type == long.class || type == int.class;
  }

  private static String flagOf(String method) {
    return "--" + method.replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT);
  }

  /** With floats or with doubles. */
  @Test
  void everyTypeThatIsOfferedIsWritten() {
    Map<String, List<Object>> calls = calls(folder);
    commands()
        .forEach(
            (name, command) -> {
              for (String type : new String[] {"f16", "bf16", "f32", "f64"}) {
                OptionSpec option = command.getCommandSpec().findOption("--dtype");
                if (option != null) {
                  boolean offered = String.join("", option.description()).contains(type);
                  boolean written =
                      run(name, calls.get(name), "--dtype", type).code() == 0
                          || run(name, calls.get(name + " wide"), "--dtype", type).code() == 0;
                  assertThat(written).as(name + " --dtype " + type).isEqualTo(offered);
                }
              }
            });
  }

  /** A number that a command declares and does not use changes nothing. */
  @Test
  void everyNumberOfAnOperationChangesAResult() {
    List<String> tried = new ArrayList<>();
    List<String> without = new ArrayList<>();
    Map<String, List<Object>> calls = calls(folder);
    calls.remove("sample"); // may draw the same tokens
    commands()
        .forEach(
            (name, command) -> {
              for (String flag : OF_OPERATIONS) {
                if (calls.containsKey(name) && command.getCommandSpec().findOption(flag) != null) {
                  tried.add(name + " " + flag);
                  if (results(name, calls.get(name), flag, 0.25)
                      .equals(results(name, calls.get(name)))) {
                    without.add(name + " " + flag);
                  }
                }
              }
            });
    assertThat(tried).hasSizeGreaterThan(20);
    assertThat(without).isEmpty();
  }

  /** What a call prints and writes. */
  private String results(String command, List<Object> words, Object... more) {
    Cli run = run(command, words, more);
    assertThat(run.code()).as(command + Arrays.toString(more)).isZero();
    try {
      StringBuilder text = new StringBuilder(run.out());
      for (Object file : new Object[] {folder.resolve("out.npy"), folder.resolve("more.npy")}) {
        if (words.contains(file)) {
          text.append(Arrays.toString(Files.readAllBytes((Path) file)));
        }
      }
      return text.toString();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A flag that a command declares and does not use is found by a test that sees its effect. */
  @Test
  void everyOptionIsInATest() throws IOException {
    StringBuilder tests = new StringBuilder();
    try (Stream<Path> files = Files.walk(Path.of("src/test/java"))) {
      for (Path file : files.filter(file -> file.toString().endsWith("Test.java")).toList()) {
        tests.append(Files.readString(file));
      }
    }
    assertThat(
            commands().values().stream()
                .flatMap(command -> command.getCommandSpec().options().stream())
                .map(OptionSpec::longestName)
                .distinct()
                .filter(name -> !OF_OPERATIONS.contains(name))
                .filter(name -> !tests.toString().contains('"' + name)))
        .isEmpty();
  }

  @Tag("slow")
  @Test
  void everyNumberIsTakenOrRefusedInOneLine() {
    Set<Class<?>> whole = Set.of(long.class, Long.class, int.class, Integer.class);
    Set<Class<?>> real = Set.of(double.class, Double.class);
    Set<String> seen = ConcurrentHashMap.newKeySet();
    LongAdder tried = new LongAdder();
    LongAdder rejected = new LongAdder();
    calls(folder).keySet().parallelStream()
        .filter(name -> !name.endsWith(" wide"))
        .forEach(
            name -> {
              List<Object> words = calls(ownFolder(name)).get(name);
              for (Set<Class<?>> types : List.of(whole, real)) {
                for (OptionSpec option : optionsOf(commands().get(name), types)) {
                  for (String word :
                      seen.add(String.join("", option.description())) ? NUMBERS : FEW_NUMBERS) {
                    tried.increment();
                    rejected.add(number(name, words, option, word, types == real));
                  }
                }
              }
            });
    System.out.printf("numbers of options: %s tried, %s rejected%n", tried, rejected);
    assertThat(rejected.sum()).isBetween(750L, tried.sum() - 100);
  }

  private Path ownFolder(String command) {
    try {
      return Files.createDirectory(folder.resolve(command));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns 0 if the number is accepted, 1 if it is rejected. */
  private static int number(
      String name, List<Object> words, OptionSpec option, String word, boolean real) {
    String call = name + " " + option.longestName() + " " + word;
    Cli run = run(name, words, option.longestName() + "=" + word);
    assertThat(run.code()).as(call).isIn(0, 2);
    if (run.code() == 0) {
      assertThat(word).as(call).matches(real ? "nan|inf|[-+]?\\d.*" : "[-+]?\\d+");
      assertThat(Double.parseDouble(word.replace("inf", "0").replace("nan", "0")))
          .as(call)
          .satisfiesAnyOf(
              value -> assertThat(value).isNotZero(),
              value -> assertThat(word).doesNotContainPattern("^-?[1-9]"));
      return 0;
    }
    assertThat(run.err().strip().lines()).as(call).hasSize(1);
    assertThat(run.err().strip().replaceAll("/\\S+", "FILE"))
        .as(call)
        .matches(LINE)
        .doesNotContain("Exception", "internal error")
        .doesNotContainPattern(JAVA);
    return 1;
  }
}

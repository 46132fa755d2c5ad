// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Cli.xent;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.xent.support.NpyBytes;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every kind of bad input that the command line rejects, with exit code and line: those of {@code
 * errors-cli.txt}, on both backends, with no file touched and none added. The table that was seen
 * is left in {@code target/errors-cli.txt}.
 */
class EveryErrorTest {
  private static final Pattern LINE =
      Pattern.compile("xent: .+([:;,] .+| must be .+ \\(was .+\\)).*");

  /** Calls and names of the Java API; NumPy's {@code x.astype('<f4')} is none. */
  private static final Pattern JAVA =
      Pattern.compile("\\b(?!astype)[a-zA-Z]+\\(|\\b[a-z]+[A-Z][a-zA-Z]*\\b");

  /** An exception with its arguments, up to the end of the statement, with some literal in it. */
  private static final Pattern THROWN =
      Pattern.compile("new \\w+Exception\\((?:[^;\"]|\"(?:[^\"\\\\]|\\\\.)*\")*+;");

  /** Where a literal goes on in the next line. */
  private static final Pattern JOINED = Pattern.compile("\"\\s*\\+\\s*\"");

  private static final Pattern LITERAL = Pattern.compile("\"((?:[^\"\\\\]|\\\\.)*)\"");

  private static final Set<String> COMPUTING =
      Set.of(
          "softmax",
          "softmax-backward",
          "sigmoid",
          "calibrate",
          "cross-entropy",
          "nll",
          "perplexity",
          "divergence",
          "binary-cross-entropy",
          "sample");

  @TempDir private Path folder;
  private Path logits;
  private Path labels;
  private Path soft;
  private Path cube;
  private Path out;
  private final Map<String, String> table = new LinkedHashMap<>();
  private final Set<String> leftOut = new HashSet<>();

  // ---- kinds -----------------------------------------------------------------------------------

  private void words() throws IOException {
    refused("an unknown command", "sofmax");
    refused("an unknown option", "softmax", logits, "-o", out, "--tau", 2);
    refused("an argument too many", "softmax", logits, labels, "-o", out);
    refused("no input", "softmax", "-o", out);
    refused("no targets", "cross-entropy", logits);
    refused("an option without a value", "softmax", logits, "-o", out, "--axis");
    refused("an axis that is not a number", "softmax", logits, "-o", out, "--axis", "x");
    refused("an unknown command far from all", "frobnicate");
    refused("help for no command", "help", "sofmax");
    for (String near : List.of("sfotmax", "cross-entrpy", "binary", "linear-regression", "x")) {
      refused("no command: " + near, near);
    }
    refused("an argument of none", "info", "more");
    refused("nothing to compare with", "verify", logits);
    refused("an unknown option near another", "softmax", logits, "-o", out, "--temprature", 2);
    refused("the beginning of a long option", "softmax", logits, "-o", out, "--temp", 2);
    refused("the beginning of an option", loss("--grad", out));
    refused("the last word of an option", binary(soft, "--weights", "w.npy"));
    refused("an axis beyond 32 bits", "softmax", logits, "-o", out, "--axis", "4294967295");
    refused("an ignore index with a fraction", loss("--ignore-index", "1.5"));
    refused("an ignore index beyond 64 bits", loss("--ignore-index", "9223372036854775808"));
    refused("a number nearer to 0 than all", loss("--temperature", "1e-400"));
    refused("a number beyond all", loss("--denominator", "1e400"));
    refused("a number with a comma", loss("--denominator", "1,5"));
    refused("a number of hexadecimal digits", loss("--denominator", "0x1p3"));
    refused("a number with the letter of a double", loss("--denominator", "1d"));
    refused("no number at all", loss("--denominator="));
    refused("a control character in an option", "info", "--nope\u0007");
    refused("an unknown smoothing", loss("--smoothing", "some"));
    refused("an unknown value of masked rows", loss("--fully-masked", "one"));
    refused("an option that a divergence lacks", "divergence", logits, soft, "--softcap", 30);
    refused("no kind of divergence", "divergence", logits, soft, "--kind", "l1");
    refused("an unknown instruction set", "info", "--isa", "sse");
    refused("an unknown backend", "info", "--backend", "gpu");
    refused("an instruction set of the reference", loss("--isa", "avx2", "--backend", "reference"));
    refused("no thread", loss("--threads", 0));
    refused("an unknown reduction", loss("--reduction", "median"));
    refused("an unknown type", loss("--dtype", "f9"));
    refused("unknown defaults", loss("--defaults", "xent"));
  }

  private void options() throws IOException {
    refused("an axis beyond the rank", loss("--axis", -3));
    refused("an axis of two arrays", "softmax-backward", logits, logits, "-o", out, "--axis", 7);
    refused("a denominator that makes gradients infinite", loss("--denominator", "5e-324"));
    refused("an option of other losses", "nll", logits, labels, "--z-loss", 1);
    refused("smoothing above 1", loss("--label-smoothing", "1.5"));
    refused("smoothing that is NaN", loss("--label-smoothing", "nan"));
    refused("a negative denominator", loss("--denominator", "-1"));
    refused("a denominator of a sum", loss("--denominator", 2, "--reduction", "sum"));
    refused("a mean of no rows of a sum", loss("--empty-mean", "zero", "--reduction", "sum"));
    refused("a temperature of 0", loss("--temperature", 0));
    refused("a temperature that is too small", loss("--temperature", "1e-200"));
    refused("a negative softcap", loss("--softcap", "-3"));
    refused("a negative z-loss", loss("--z-loss", "-0.5"));
    refused("a clamp above a half", loss("--probability-clamp", "0.75"));
    refused(
        "a clamp and smoothing", loss("--probability-clamp", "0.1", "--label-smoothing", "0.1"));
    refused("a negative focal gamma", loss("--focal-gamma", "-1"));
    refused("a focal loss and smoothing", loss("--focal-gamma", 2, "--label-smoothing", "0.1"));
    refused("a focal loss and z-loss", loss("--focal-gamma", 2, "--z-loss", 1));
    refused("a focal alpha of 0", binary(labels, "--focal-alpha", 0));
    refused("a wider result", loss("--dtype", "f64"));
    Path doubles = NpyBytes.doubles(folder.resolve("doubles.npy"), Golden.SHAPE, new double[8]);
    refused("a half of doubles", "softmax", doubles, "-o", out, "--dtype", "bf16");
    refused("top classes without a number", "cross-entropy", logits, labels, "--top-classes", out);
    refused("a number of top classes without a file", loss("--top-count", 2));
    refused(
        "more top classes than there are",
        "cross-entropy",
        logits,
        labels,
        "--top-classes",
        out,
        "--top-count",
        5);
    refused("log-sum-exp of log-probabilities", "nll", logits, labels, "--log-sum-exp", out);
    refused("a tolerance that is NaN", "verify", logits, logits, "--rtol", "nan");
    refused("a tolerance beyond all", "verify", logits, logits, "--rtol", "1e400");
    refused("a negative tolerance", "verify", logits, logits, "--atol", "-1");
    refused("a negative number of ulps", "verify", logits, logits, "--ulp", "-1");
    refused("a word that is not a shape", "bench", "--shapes", "64by1000");
    for (String none :
        List.of("64xx1000", "x", "4x-8", "4.5", "4x8@", "4x8@-1", "4,,8", "", "٤x٨")) {
      refused("no shape: '" + none + "'", "bench", "--shapes", none);
    }
    refused("a shape of no elements", "bench", "--shapes", "4x0");
    refused("a shape beyond 64 bits", "bench", "--shapes", "3000000000x3000000000");
    refused("a shape without its axis", "bench", "--shapes", "4x8@2");
    refused("an unknown operation", "bench", "--ops", "relu");
    refused("an unknown operation after one", "bench", "--ops", "softmax,relu");
    refused("no operation", "bench", "--ops", "");
  }

  private void files() throws IOException {
    refused("a file that is not there", "softmax", in("none.npy"), "-o", out);
    refused("a folder", "softmax", folder, "-o", out);
    refusedOnPosix("a device", "softmax", "/dev/zero", "-o", out);
    refused("an empty name", "softmax", "", "-o", out);
    refusedOnPosix("a name with a zero", "softmax", "a\0b", "-o", out);
    refusedOnPosix("a name that ends with a slash", "softmax", logits + "/", "-o", out);
    refusedOnPosix(
        "a name that a terminal would obey", softmax(in("no\u001b[31m\nsuch\u202e.npy")));
    refusedOnPosix("a pipe", softmax(pipe()));
    refused(
        "an archive of arrays",
        softmax(write("a.npz", "PK..........".getBytes(StandardCharsets.UTF_8))));
    refused("tensors without a name", "softmax", in("m.safetensors"), "-o", out);
    refused("an empty file", softmax(write("empty.npy")));
    refused(
        "a file that is not an array",
        softmax(write("text.npy", "1.5 2.5 3.5\n".getBytes(StandardCharsets.UTF_8))));
    byte[] whole = Files.readAllBytes(logits);
    refused("a header that is cut off", softmax(write("header.npy", Arrays.copyOf(whole, 40))));
    refused(
        "data that are cut off", softmax(write("cut.npy", Arrays.copyOf(whole, whole.length - 1))));
    refused(
        "data that are too long",
        softmax(write("long.npy", Arrays.copyOf(whole, whole.length + 4))));
    refused(
        "a header that is not a dictionary",
        softmax(write("junk.npy", NpyBytes.unpadded(1, "{'descr", new byte[8]))));
    refused("a big-endian file", softmax(npy("big.npy", ">f4", "(2, 4)")));
    refused("complex numbers", softmax(npy("complex.npy", "<c8", "(2, 4)")));
    refused("objects", softmax(npy("objects.npy", "|O", "(2, 4)")));
    String fields = NpyBytes.dictionary("F", false, "(2,)").replace("'F'", "[('x', '<f4')]");
    refused("named fields", softmax(write("fields.npy", NpyBytes.file(fields, new byte[8]))));
    byte[] later = whole.clone();
    later[6] = 9;
    refused("a file of a later version", softmax(write("later.npy", later)));
    refused(
        "more than any file can hold", softmax(npy("vast.npy", "<f4", "(9223372036854775807, 9)")));
    refused("no file of tensors", "softmax", write("few.safetensors", whole) + ":x", "-o", out);
    refused(
        "a short file of tensors", "softmax", write("s.safetensors", later[0]) + ":x", "-o", out);
    refused(
        "a header that is no JSON", "softmax", tensors("j.safetensors", "x}") + ":x", "-o", out);
    refused("a damaged header", "softmax", tensors("d.safetensors", "{x}") + ":x", "-o", out);
    refused(
        "a header beyond the file",
        "softmax",
        write("h.safetensors", new byte[] {99, 0, 0, 0, 0, 0, 0, 0, '{'}) + ":x",
        "-o",
        out);
    refused("no such tensor", "softmax", tensors("n.safetensors", "{}") + ":x", "-o", out);
    for (String type : List.of("F8_E4M3", "Q7")) {
      Path file =
          tensors(
              type + ".safetensors",
              "{\"x\":{\"dtype\":\"" + type + "\",\"shape\":[0],\"data_offsets\":[0,0]}}");
      refused("a tensor of type " + type, "softmax", file + ":x", "-o", out);
    }
    refused("logits of integers", softmax(labels));
    refused("no class", softmax(NpyBytes.floats(folder.resolve("none-of-them.npy"), "(2, 0)")));
  }

  private void targets() throws IOException {
    refused("a label beyond the classes", loss(longs("four.npy", "(2,)", 0, 4)));
    refused("a label far beyond the classes", loss(longs("nine.npy", "(2,)", 9, 1)));
    refused("padding that was not declared", loss(longs("pad.npy", "(2,)", -100, 1)));
    Path deep = floats("deep.npy", "(3, 2, 2)", new float[12]);
    refused(
        "a label of several dimensions",
        "cross-entropy",
        deep,
        longs("deep-labels.npy", "(3, 2)", 0, 1, 1, 0, 0, 5));
    byte[] columns = NpyBytes.longs(0, 1, 0, 1, -3, 1);
    refused(
        "a label of columns",
        "nll",
        deep,
        write("columns.npy", NpyBytes.file(NpyBytes.dictionary("<i8", true, "(3, 2)"), columns)));
    refused("labels of another number", loss(longs("three.npy", "(3,)", 0, 1, 2)));
    refused("labels in the shape of the logits", loss(longs("full.npy", "(2, 4)", new long[8])));
    refused(
        "labels along another axis", "cross-entropy", cube, longs("w2.npy", "(2, 2)", 0, 1, 0, 1));
    refused("probabilities of another shape", loss(floats("q.npy", "(2, 3)", new float[6])));
    refused(
        "probabilities and an ignore index", "cross-entropy", logits, soft, "--ignore-index", 0);
    refused("correct rows of probabilities", "cross-entropy", logits, soft, "--correct", out);
    refused("ranks of probabilities", "cross-entropy", logits, soft, "--ranks", out);
    refused(
        "smoothing of others of probabilities",
        "cross-entropy",
        logits,
        soft,
        "--smoothing",
        "others");
    refused("a focal loss of probabilities", "cross-entropy", logits, soft, "--focal-gamma", 2);
    refused(
        "sequences beyond the rows",
        "selected-log-probabilities",
        logits,
        labels,
        "-o",
        out,
        "--sequence-offsets",
        longs("offsets3.npy", "(2,)", 0, 3),
        "--sums",
        in("sums.npy"));
    refused(
        "sums of halves",
        "selected-log-probabilities",
        logits,
        labels,
        "--dtype",
        "bf16",
        "--sequence-offsets",
        longs("offsets2.npy", "(2,)", 0, 2),
        "--sums",
        in("sums.npy"));
    refused("labels of rows for elements", binary(labels));
    refused("a negative focal gamma of elements", binary(soft, "--focal-gamma", -1));
    refused(
        "a label that is neither 0 nor 1",
        binary(longs("two.npy", "(2, 4)", 0, 1, 0, 0, 1, 2, 0, 0)));
    refused(
        "elements that are marked",
        binary(longs("marked.npy", "(2, 4)", 0, 1, 0, 0, 1, -100, 0, 0)));
    refused("numbers of elements and an ignore index", binary(soft, "--ignore-index", 0));
    refused(
        "weights of elements in another shape",
        binary(soft, "--element-weights", floats("w5.npy", "(5,)", new float[5])));
    refused(
        "positive weights in another shape",
        binary(soft, "--positive-weights", floats("r5.npy", "(5,)", new float[5])));
    refused("a gradient of labels", "cross-entropy", logits, labels, "--target-gradient", out);
    refused(
        "no row that counts",
        "cross-entropy",
        logits,
        longs("none1.npy", "(2,)", 1, 1),
        "--ignore-index",
        1,
        "--empty-mean",
        "error");
    refused(
        "a denominator of no rows",
        "cross-entropy",
        logits,
        in("none1.npy"),
        "--empty-mean",
        "error",
        "--denominator",
        0);
    refused(
        "a teacher of another shape",
        "divergence",
        logits,
        floats("a.npy", "(2, 3)", new float[6]));
    refused("a teacher of labels", "divergence", logits, labels);
    refused("a divergence at no temperature", "divergence", logits, soft, "--temperature", "-1");
    refused("sequences without their sums", selected("--sequence-offsets", labels));
    refused("an upstream without a gradient", selected("--upstream", logits));
    refused("selected classes that are logits", "selected-log-probabilities", logits, soft);
    refused("a selected class that is none", "selected-log-probabilities", logits, in("four.npy"));
    refused("a file of another shape", "verify", logits, floats("v.npy", "(3,)", new float[3]));
    refused("a file of another type", "verify", logits, longs("w.npy", "(2, 4)", new long[8]));
    Path wide = NpyBytes.doubles(folder.resolve("wide2.npy"), Golden.SHAPE, new double[8]);
    refused("bits of another type", "verify", logits, wide);
    refused(
        "an upstream of another shape",
        "softmax-backward",
        logits,
        floats("dy.npy", "(4, 2)", new float[8]),
        "-o",
        out);
  }

  private void calibration() throws IOException {
    refused("calibration of labels of another shape", "calibrate", logits, in("full.npy"));
    refused("a sigmoid at no temperature", "sigmoid", logits, "-o", out, "--temperature", 0);
    refused("calibration of numbers as labels", "calibrate", logits, logits);
    refused(
        "a calibration of one class of elements",
        "calibrate",
        logits,
        labels,
        "--elements",
        "--class",
        1);
    refused(
        "a calibration of a class that is not there", "calibrate", logits, labels, "--class", 4);
    refused("a negative class", "calibrate", logits, labels, "--class", -1);
    refused("no bins", "calibrate", logits, labels, "--bins", 0);
    refused("a calibration at no temperature", "calibrate", logits, labels, "--temperature", 0);
    refused(
        "a label out of range in a calibration",
        "calibrate",
        logits,
        longs("t9.npy", "(2,)", 0, 4));
    refused(
        "a label that marks in a calibration",
        "calibrate",
        logits,
        longs("tm.npy", "(2,)", 0, -100));
    refused(
        "a calibration of ignored rows",
        "calibrate",
        logits,
        longs("ti.npy", "(2,)", 1, 1),
        "--ignore-index",
        1);
  }

  private void perplexity() throws IOException {
    refused("no tokens", "perplexity", logits);
    refused("a flag of other losses", "perplexity", logits, labels, "--z-loss", 1);
    refused("perplexity at no temperature", "perplexity", logits, labels, "--temperature", 0);
    refused("logits that are tokens", "perplexity", labels, labels);
    refused(
        "logits without positions", "perplexity", floats("row.npy", "(4,)", 1, 2, 3, 4), labels);
    refused("tokens that are logits", "perplexity", logits, soft);
    refused("tokens of another shape", "perplexity", cube, labels);
    refused("labels without the first token", "perplexity", logits, longs("t1.npy", "(1,)", 1));
    refused(
        "logits without the last position",
        "perplexity",
        logits,
        longs("t3.npy", "(3,)", 0, 1, 2),
        "--no-shift");
    refused("logits without it, shifted", "perplexity", logits, in("t3.npy"));
    refused(
        "tokens of other sequences", "perplexity", cube, longs("t43.npy", "(4, 3)", new long[12]));
    refused("tokens per class", "perplexity", cube, longs("t232.npy", "(2, 3, 2)", new long[12]));
    refused(
        "no position",
        "perplexity",
        npy("x04.npy", "<f4", "(0, 4)", 0),
        npy("t0.npy", "<i8", "(0,)", 0),
        "--no-shift");
    refused(
        "a token that is no class",
        "perplexity",
        cube,
        longs("t23.npy", "(2, 3)", 9, 0, 1, 9, 1, 2));
    refused(
        "a token that is no class as it stands", "perplexity", cube, in("t23.npy"), "--no-shift");
    refused("a token that marks padding", "perplexity", logits, longs("pad2.npy", "(2,)", 0, -100));
    refused(
        "sequences of one token",
        "perplexity",
        floats("x1.npy", "(1, 4)", 1, 2, 3, 4),
        in("t1.npy"));
    refused(
        "no token that counts",
        "perplexity",
        logits,
        longs("t11.npy", "(2,)", 1, 1),
        "--ignore-index",
        1);
  }

  private void beside() throws IOException {
    Path three = floats("w3.npy", "(3,)", 1, 2, 3);
    refused("class weights of another number", loss("--class-weights", three));
    Path wide = NpyBytes.doubles(folder.resolve("w4wide.npy"), "(4,)", 1, 1, 1, 1);
    refused("class weights of another type", loss("--class-weights", wide));
    refused("row weights of integers", loss("--row-weights", labels));
    refused("weights of targets of another shape", loss("--target-weights", three));
    refused("class weights of integers", loss("--class-weights", labels));
    refused(
        "a negative class weight", loss("--class-weights", floats("w4.npy", "(4,)", 1, 1, -1, 1)));
    refused("row weights of another number", loss("--row-weights", three));
    refused(
        "a row weight that is NaN", loss("--row-weights", floats("u.npy", "(2,)", 1, Float.NaN)));
    refused("a mask of floats", loss("--class-mask", three));
    refused("a mask of another size", loss("--class-mask", flags("m3.npy", "(3,)", 1, 1, 1)));
    refused("a label of a masked class", loss("--class-mask", flags("m4.npy", "(4,)", 1, 1, 0, 1)));
    refused("a sink of another size", loss("--sink", three));
    refused("offsets of floats", loss("--row-offsets", three));
    refused("offsets with a matrix", loss("--row-offsets", labels));
    Path flat = floats("flat.npy", "(8,)", new float[8]);
    Path fall = longs("fall.npy", "(3,)", 0, 5, 3);
    Path beyond = longs("beyond.npy", "(3,)", 0, 5, 9);
    refused("offsets that fall", "cross-entropy", flat, labels, "--row-offsets", fall);
    Path empty = longs("empty-row.npy", "(3,)", 0, 0, 8);
    refused("a label of an empty row", "cross-entropy", flat, labels, "--row-offsets", empty);
    refused("offsets beyond the end", "cross-entropy", flat, labels, "--row-offsets", beyond);
  }

  private void outputs() throws IOException {
    refused("an output that is a folder", "softmax", logits, "-o", folder);
    refused("an output in no folder", "softmax", logits, "-o", in("no/y.npy"));
    refused("an output in a file", "softmax", logits, "-o", logits.resolve("y.npy"));
    refusedOnPosix("an output that ends with a slash", "softmax", logits, "-o", in("y.npy") + "/");
    refusedOnPosix("an output that is a device", "softmax", logits, "-o", "/dev/null");
    refused("an output without a name", "softmax", logits, "-o", "");
    refused("standard output twice", loss("--losses", "-", "--log-sum-exp", "-"));
    refused("one file for two outputs", loss("--losses", out));
    refused("an output onto the targets", "cross-entropy", logits, labels, "--losses", labels);
    Path link = folder.resolve("link.npy");
    if (!OS.WINDOWS.isCurrentOs()) {
      Files.createSymbolicLink(link, labels.getFileName());
    }
    refusedOnPosix(
        "an output onto a link to them", "cross-entropy", logits, labels, "--losses", link);
    Path mask = flags("m5.npy", "(4,)", 1, 1, 1, 1);
    refused("an output onto the mask", "softmax", logits, "-o", mask, "--class-mask", mask);
    refused("losses onto the mask", loss("--losses", mask, "--class-mask", mask));
    refused(
        "a backward onto the mask",
        "softmax-backward",
        logits,
        logits,
        "-o",
        mask,
        "--class-mask",
        mask);
    Path same = folder.resolve("." + File.separator + "t.npy");
    refused("an output onto another name", "cross-entropy", logits, labels, "--losses", same);
    Path fixed = Files.write(folder.resolve("fixed.npy"), new byte[] {7});
    assertThat(fixed.toFile().setReadOnly()).isTrue();
    refused("an output that is read-only", "softmax", logits, "-o", fixed);
    refused("a chart that is a folder", "bench", "--svg", folder);
    refused("a chart in no folder", "bench", "--svg", in("no/chart.svg"));
    refused("a chart to standard output", "bench", "--svg", "-");
    refused("a chart without a name", "bench", "--svg", "");
    for (String command : List.of("binary-cross-entropy", "divergence")) {
      refused("onto the targets of " + command, command, logits, soft, "--gradient", soft);
    }
    refused("onto selected classes", selected("--gradient", labels));
  }

  private void sampling() throws IOException {
    refused("unknown sampling rules", sample("--rules", "vllm2"));
    refused("a negative temperature", sample("--temperature", "-1"));
    refused("a temperature near 0", sample("--temperature", "1e-300"));
    refused("a negative range of dynatemp", sample("--dynatemp-range", "-1"));
    refused("a dynatemp exponent of 0", sample("--dynatemp-exponent", 0));
    refused("a scale of 0", sample("--scale", 0));
    refused("a seed beyond 64 bits", sample("--seed", "18446744073709551616"));
    refused("doubles of sampling", sample("--entropies", in("e.npy"), "--dtype", "f64"));
    refused("a negative top-k", sample("--top-k", "-1"));
    refused("a nucleus of nothing", sample("--top-p", 0));
    refused("a share above 1", sample("--min-p", "1.5"));
    refused("a typical mass of nothing", sample("--typical-p", 0));
    refused("nothing kept", sample("--min-keep", 0));
    refused("a filter that rules lack", sample("--rules", "vllm", "--typical-p", "0.9"));
    refused("a repetition penalty of 0", sample("--repetition-penalty", 0));
    refused("a frequency penalty that is NaN", sample("--frequency-penalty", "nan"));
    refused("an infinite presence penalty", sample("--presence-penalty", "inf"));
    refused("a negative step", sample("--step", "-1"));
    refused("a draw beyond 32 bits", sample("--draw", "4294967296"));
    Path three = longs("three-seeds.npy", "(3,)", 1, 2, 3);
    refused("seeds of another number", sample("--seeds", three));
    Path own = longs("own.npy", "(2,)", 0, 1);
    refused("a seed of all and of each", sample("--seed", 0, "--seeds", own));
    refused("a stream of all and of each", sample("--stream", 0, "--streams", own));
    refused("a step of all and of each", sample("--step", 0, "--steps", own));
    refused("a negative step of a row", sample("--steps", longs("steps.npy", "(2,)", 0, -1)));
    refused("streams of floats", sample("--streams", soft));
    refused("a bias of another size", sample("--bias", floats("b3.npy", "(3,)", 1, 2, 3)));
    refused("tokens of floats", sample("--prompt-tokens", soft));
    Path nine = longs("nine-tokens.npy", "(2, 2)", 0, 1, -1, 9);
    refused("a token beyond the classes", sample("--output-tokens", nine));
    refused("tokens of other rows", sample("--output-tokens", longs("o3.npy", "(3, 1)", 0, 0, 0)));
    Path wide = NpyBytes.doubles(folder.resolve("wide.npy"), Golden.SHAPE, new double[8]);
    refused("logits of float64", "sample", wide, "-o", out);
    refused("largest classes without a number", sample("--top-classes", in("c.npy")));
    refused("their number without a file", sample("--top-count", 2));
    refused("too many of them", sample("--top-classes", in("c.npy"), "--top-count", 5));
    refused("tokens onto the logits", "sample", logits, "-o", logits);
    refused("drafts without probabilities", sample("--draft-tokens", own));
  }

  private void linear() throws IOException {
    Path weights = floats("lw.npy", "(3, 4)", new float[12]);
    refused("no workspace", linear(logits, weights, "--workspace", 0));
    refused("a bias of integers", linear(logits, weights, "--bias", labels));
    refused("weights of integers", linear(logits, labels));
    refused("weights in one dimension", linear(logits, in("row.npy")));
    refused("weights of other features", linear(in("deep.npy"), weights));
    refused("a gradient onto the weights", linear(logits, weights, "--weights-gradient", weights));
    refused(
        "more top classes than a layer has",
        linear(logits, weights, "--top-count", 4, "--top-classes", in("c.npy")));
  }

  private Object[] linear(Path hidden, Path weights, Object... more) {
    Object[] first = {"linear-cross-entropy", hidden, weights, labels};
    return Stream.concat(Arrays.stream(first), Arrays.stream(more)).toArray();
  }

  private Object[] selected(Object... more) {
    Object[] first = {"selected-log-probabilities", logits, labels, "-o", out};
    return Stream.concat(Arrays.stream(first), Arrays.stream(more)).toArray();
  }

  private Object[] sample(Object... more) {
    Object[] first = {"sample", logits, "-o", out};
    return Stream.concat(Arrays.stream(first), Arrays.stream(more)).toArray();
  }

  // ---- files -----------------------------------------------------------------------------------

  private Path in(String name) {
    return folder.resolve(name);
  }

  private Path pipe() throws IOException {
    Path pipe = in("pipe.npy");
    try {
      assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    return pipe;
  }

  private Path write(String name, byte... bytes) {
    return NpyBytes.write(in(name), bytes);
  }

  /** A file of tensors with this header and no data. */
  private Path tensors(String name, String header) {
    byte[] text = header.getBytes(StandardCharsets.UTF_8);
    byte[] all = Arrays.copyOf(new byte[] {(byte) text.length}, 8 + text.length);
    System.arraycopy(text, 0, all, 8, text.length);
    return write(name, all);
  }

  private Path npy(String name, String descr, String shape) {
    return npy(name, descr, shape, 64);
  }

  private Path npy(String name, String descr, String shape, int bytes) {
    return write(name, NpyBytes.file(NpyBytes.dictionary(descr, false, shape), new byte[bytes]));
  }

  private Path floats(String name, String shape, float... values) {
    return NpyBytes.floats(in(name), shape, values);
  }

  private Path longs(String name, String shape, long... values) {
    return NpyBytes.longs(in(name), shape, values);
  }

  private Path flags(String name, String shape, int... values) {
    return NpyBytes.flags(in(name), shape, values);
  }

  private Object[] softmax(Path input) {
    return new Object[] {"softmax", input, "-o", out};
  }

  private Object[] binary(Path targets, Object... more) {
    Object[] words = new Object[3 + more.length];
    words[0] = "binary-cross-entropy";
    words[1] = logits;
    words[2] = targets;
    System.arraycopy(more, 0, words, 3, more.length);
    return words;
  }

  private Object[] loss(Path targets) {
    return new Object[] {"cross-entropy", logits, targets, "--gradient", out};
  }

  private Object[] loss(Object... more) {
    return Stream.concat(Arrays.stream(loss(labels)), Arrays.stream(more)).toArray();
  }

  // ---- errors ----------------------------------------------------------------------------------

  /** Devices, and links that every user may make: Windows has neither. */
  private void refusedOnPosix(String kind, Object... words) throws IOException {
    if (OS.WINDOWS.isCurrentOs()) {
      leftOut.add(kind);
    } else {
      refused(kind, words);
    }
  }

  private void refused(String kind, Object... words) throws IOException {
    Map<Path, String> before = contents();
    String seen = line(xent(words));
    boolean computes = words.length > 0 && COMPUTING.contains(words[0].toString());
    if (computes && !words[words.length - 1].equals("--axis")) {
      Object[] more = Arrays.copyOf(words, words.length + 2);
      more[words.length] = "--backend";
      more[words.length + 1] = "reference";
      boolean once = !Arrays.asList(words).contains("--backend");
      assertThat(once ? line(xent(more)) : seen).as(kind).isEqualTo(seen);
    }
    assertThat(contents()).as(kind).isEqualTo(before);
    assertThat(table.put(kind, seen)).as("once: " + kind).isNull();
  }

  /** Exit code and standard error, which is one line; the folder of the test has the name DIR. */
  private String line(Cli run) {
    assertThat(run.out()).isEmpty();
    assertThat(run.err().lines()).hasSize(1);
    return run.code()
        + " | "
        + run.err().strip().replace(folder.toString(), "DIR").replace(File.separatorChar, '/');
  }

  private Map<Path, String> contents() throws IOException {
    Map<Path, String> contents = new TreeMap<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        contents.put(file, Arrays.toString(Files.readAllBytes(file)));
      }
    }
    return contents;
  }

  @Test
  void everyKindIsRefusedInItsWords() throws IOException {
    logits = floats("x.npy", Golden.SHAPE, Golden.LOGITS);
    labels = longs("t.npy", "(2,)", Golden.LABELS);
    soft = floats("s.npy", Golden.SHAPE, Golden.LOGITS);
    out = write("out.npy", (byte) 1, (byte) 2, (byte) 3);
    words();
    options();
    files();
    cube = floats("cube.npy", "(2, 3, 2)", new float[12]);
    targets();
    calibration();
    perplexity();
    beside();
    outputs();
    sampling();
    linear();
    List<String> seen = new ArrayList<>();
    table.forEach((kind, line) -> seen.add(kind + " | " + line));
    Files.write(Path.of(System.getProperty("basedir"), "target", "errors-cli.txt"), seen);
    System.out.printf("%d kinds of bad input of the command line%n", seen.size());
    List<String> expected =
        expected().stream().filter(line -> !leftOut.contains(line.split(" \\| ")[0])).toList();
    assertThat(seen).containsExactlyElementsOf(expected);
  }

  @Test
  void everyLineSaysWhatToDo() throws IOException {
    assertThat(expected()).hasSizeGreaterThan(80);
    for (String each : expected()) {
      String[] parts = each.split(" \\| ", 3);
      assertThat(parts[1]).as(each).isEqualTo("2");
      assertThat(parts[2])
          .matches(LINE)
          .doesNotContain("Exception", "internal error")
          .doesNotContainPattern(JAVA);
    }
  }

  /** Texts of exceptions; what is between two of them is put in when they are thrown. */
  private static List<String> texts(Path source) throws IOException {
    List<String> texts = new ArrayList<>();
    Matcher thrown = THROWN.matcher(JOINED.matcher(Files.readString(source)).replaceAll(""));
    while (thrown.find()) {
      Matcher literal = LITERAL.matcher(thrown.group());
      String longest = "";
      while (literal.find()) {
        for (String text : literal.group(1).translateEscapes().split("%[\\w.$]+|\\n")) {
          longest = text.length() > longest.length() ? text : longest;
        }
      }
      texts.add(longest);
    }
    return texts;
  }

  @Test
  void everyMessageInTheSourceIsListed() throws IOException {
    Path modules = Path.of(System.getProperty("basedir")).toAbsolutePath().getParent();
    assumeThat(modules.resolve("xent-files/src")).exists(); // not on platforms that are emulated
    String listed = read("/errors-cli.txt");
    List<String> missing = new ArrayList<>();
    int count = 0;
    for (String module : List.of("xent-cli", "xent-files")) {
      try (Stream<Path> sources = Files.walk(modules.resolve(module + "/src/main/java"))) {
        for (Path source : sources.filter(path -> path.toString().endsWith(".java")).toList()) {
          List<String> texts = texts(source);
          count += texts.size();
          texts.removeIf(listed::contains);
          missing.addAll(texts);
        }
      }
    }
    assertThat(count).isGreaterThan(90);
    assertThat(missing).as("messages that errors-cli.txt does not have").isEmpty();
  }

  private static String read(String name) throws IOException {
    try (var in = EveryErrorTest.class.getResourceAsStream(name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static List<String> expected() throws IOException {
    return read("/errors-cli.txt").lines().filter(line -> !line.startsWith("#")).toList();
  }
}

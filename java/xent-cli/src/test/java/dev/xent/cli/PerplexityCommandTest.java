// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Cli.xent;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import dev.xent.XentRuntime;
import dev.xent.support.NpyBytes;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PerplexityCommandTest {
  private static final int SEQUENCES = 2;
  private static final int POSITIONS = 5;
  private static final int CLASSES = 4;
  private static final String SHAPE = "(2, 5, 4)";
  private static final String SHAPE_OF_TOKENS = "(2, 5)";

  @TempDir private Path folder;
  private final float[] values = new float[SEQUENCES * POSITIONS * CLASSES];
  private final long[] ids = new long[SEQUENCES * POSITIONS];
  private Path logits;
  private Path tokens;

  /** A model that is rather sure of the next token. */
  @BeforeEach
  void write() {
    Random random = new Random(7);
    for (int i = 0; i < ids.length; i++) {
      ids[i] = i % POSITIONS == 0 ? 0 : (ids[i - 1] + 1 + random.nextInt(CLASSES - 1)) % CLASSES;
      for (int k = 0; k < CLASSES; k++) {
        values[i * CLASSES + k] = random.nextFloat();
      }
      if (i % POSITIONS > 0) {
        values[(i - 1) * CLASSES + (int) ids[i]] += 3;
      }
    }
    logits = NpyBytes.floats(file("x"), SHAPE, values);
    tokens = NpyBytes.longs(file("t"), SHAPE_OF_TOKENS, ids);
  }

  /** The sum of the losses by a plain loop in double, and how many there are. */
  private double[] loop(int shift, long ignored, double temperature, double softcap) {
    double sum = 0;
    int count = 0;
    for (int b = 0; b < SEQUENCES; b++) {
      for (int t = 0; t + shift < POSITIONS; t++) {
        int label = (int) ids[b * POSITIONS + t + shift];
        if (label != ignored) {
          double[] z = new double[CLASSES];
          double total = 0;
          for (int k = 0; k < CLASSES; k++) {
            double x = values[(b * POSITIONS + t) * CLASSES + k];
            z[k] = (softcap == 0 ? x : softcap * Math.tanh(x / softcap)) / temperature;
            total += Math.exp(z[k]);
          }
          sum += Math.log(total) - z[label];
          count++;
        }
      }
    }
    return new double[] {sum, count};
  }

  private static void assertScores(Map<String, Object> printed, double... expected) {
    double mean = expected[0] / expected[1];
    assertThat(printed).containsEntry("tokens", (int) expected[1]);
    assertThat((double) printed.get("nats")).isCloseTo(expected[0], offset(2e-6));
    assertThat((double) printed.get("nats_per_token")).isCloseTo(mean, offset(2e-7));
    assertThat((double) printed.get("bits_per_token")).isCloseTo(mean / Math.log(2), offset(3e-7));
    assertThat((double) printed.get("perplexity")).isCloseTo(Math.exp(mean), offset(1e-6));
  }

  @ParameterizedTest
  @ValueSource(strings = {"native", "reference"})
  void scoresEachPositionWithTheNextToken(String backend) {
    Map<String, Object> printed = perplexity("--json", "--backend", backend).succeeds().json();
    assertThat(printed.keySet())
        .containsExactly(
            "tokens",
            "ignored",
            "nats",
            "nats_per_token",
            "bits_per_token",
            "perplexity",
            "backend",
            "isa",
            "threads");
    assertThat(printed)
        .containsEntry("ignored", 0)
        .containsEntry("backend", backend)
        .containsEntry("threads", XentRuntime.get().threads());
    assertScores(printed, loop(1, -100, 1, 0));
  }

  @Test
  void saysTheSameToPeople() {
    Cli people = perplexity("--isa", "scalar", "--threads", 1).succeeds();
    Map<String, Object> json = perplexity("--json").json();
    assertThat(people.out().lines())
        .containsExactly(
            "tokens       8 scored, 0 ignored",
            "nats         " + json.get("nats_per_token") + " per token",
            "bits         " + json.get("bits_per_token") + " per token",
            "perplexity   " + json.get("perplexity"),
            "computed by  native, scalar, 1 thread");
  }

  @Test
  void isTheExponentialOfTheLossOfShiftedFiles() {
    float[] first = new float[SEQUENCES * (POSITIONS - 1) * CLASSES];
    long[] labels = new long[SEQUENCES * (POSITIONS - 1)];
    int row = (POSITIONS - 1) * CLASSES;
    for (int b = 0; b < SEQUENCES; b++) {
      System.arraycopy(values, b * POSITIONS * CLASSES, first, b * row, row);
      System.arraycopy(ids, b * POSITIONS + 1, labels, b * (POSITIONS - 1), POSITIONS - 1);
    }
    NpyBytes.floats(file("first"), "(2, 4, 4)", first);
    NpyBytes.longs(file("labels"), "(2, 4)", labels);
    Object loss = xent("cross-entropy", file("first"), file("labels"), "--json").json().get("loss");
    Map<String, Object> shifted =
        xent("perplexity", file("first"), file("labels"), "--no-shift", "--json").succeeds().json();
    assertThat(shifted).isEqualTo(perplexity("--json").json());
    assertThat(shifted).containsEntry("nats_per_token", loss);
    assertThat(shifted).containsEntry("perplexity", StrictMath.exp((double) loss));
  }

  @Test
  void ignoresTokensAndAppliesOptionsOfLogits() {
    ids[3] = -100;
    ids[9] = -100;
    NpyBytes.longs(tokens, SHAPE_OF_TOKENS, ids);
    Map<String, Object> printed = perplexity("--ignore-index", -100, "--json").succeeds().json();
    assertScores(printed, loop(1, -100, 1, 0));
    assertThat(printed).containsEntry("ignored", 2);
    assertScores(
        perplexity("--ignore-index", -100, "--temperature", 0.5, "--softcap", 5, "--json").json(),
        loop(1, -100, 0.5, 5));
  }

  @ParameterizedTest
  @CsvSource({"'(10, 4)','(10,)'", "'(2, 1, 5, 4)','(2, 1, 5)'", "'(1, 1, 10, 4)','(1, 1, 10)'"})
  void takesAnyNumberOfDimensions(String shape, String shapeOfTokens) {
    NpyBytes.floats(logits, shape, values);
    NpyBytes.longs(tokens, shapeOfTokens, ids);
    int scored = shape.contains("5") ? 8 : 9;
    assertThat(perplexity("--json").succeeds().json()).containsEntry("tokens", scored);
  }

  @ParameterizedTest
  @CsvSource({"|u1,1", "<u2,2", "<i4,4", "<i8,8"})
  void takesTokensOfAnyIntegerTypeAndFilesInFortranOrder(String descr, int width) {
    String expected = perplexity("--json").succeeds().out();
    byte[] bytes = new byte[ids.length * width];
    for (int b = 0; b < SEQUENCES; b++) {
      for (int t = 0; t < POSITIONS; t++) {
        bytes[(t * SEQUENCES + b) * width] = (byte) ids[b * POSITIONS + t];
      }
    }
    String header = NpyBytes.dictionary(descr, true, SHAPE_OF_TOKENS);
    NpyBytes.write(tokens, NpyBytes.file(header, bytes));
    assertThat(perplexity("--json").succeeds().out()).isEqualTo(expected);
  }

  @Test
  void readsTensorsOfSafetensors() throws IOException {
    String expected = perplexity("--json").succeeds().out();
    int bytes = values.length * Float.BYTES;
    int all = bytes + ids.length * Long.BYTES;
    String header =
        "{\"logits\":{\"dtype\":\"F32\",\"shape\":[2,5,4],\"data_offsets\":[0,"
            + bytes
            + "]},\"ids\":{\"dtype\":\"I64\",\"shape\":[2,5],\"data_offsets\":["
            + bytes
            + ","
            + all
            + "]}}";
    byte[] text = (header + " ".repeat(-header.length() & 7)).getBytes(StandardCharsets.US_ASCII);
    ByteBuffer file =
        ByteBuffer.allocate(8 + text.length + all)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(text.length)
            .put(text)
            .put(NpyBytes.floats(values))
            .put(NpyBytes.longs(ids));
    Path run = folder.resolve("run.safetensors");
    Files.write(run, file.array());
    assertThat(xent("perplexity", run + ":logits", run + ":ids", "--json").succeeds().out())
        .isEqualTo(expected);
    xent("perplexity", run, tokens).refuses("holds several tensors; use " + run + ":NAME");
  }

  // ---- hints -----------------------------------------------------------------------------------

  @Test
  void noticesLabelsThatAreShiftedTwice() {
    long[] labels = new long[ids.length];
    for (int i = 0; i < ids.length; i++) {
      labels[i] = i % POSITIONS == POSITIONS - 1 ? 0 : ids[i + 1];
    }
    NpyBytes.longs(tokens, SHAPE_OF_TOKENS, labels);
    assertThat(hint())
        .startsWith("xent: labels may be shifted twice: ")
        .contains(" nats for each of the first 8, ")
        .endsWith(" with --no-shift; add it");
    assertThat(hint("--json")).isEqualTo(hint());
    assertThat(hint("--no-shift")).isEmpty();
  }

  @Test
  void noticesLabelsThatAreNotShifted() {
    assertThat(hint("--no-shift"))
        .startsWith("xent: labels may not be shifted: ")
        .contains(" nats for each of the first 10, ")
        .endsWith(" without --no-shift; remove it");
  }

  @Test
  void noticesALossAboveThatOfAGuess() {
    long[] others = new long[ids.length];
    for (int i = 0; i < ids.length; i++) {
      others[i] = i % 2;
    }
    NpyBytes.longs(tokens, SHAPE_OF_TOKENS, others);
    float[] sure = new float[values.length];
    for (int i = 3; i < sure.length; i += CLASSES) {
      sure[i] = 4;
    }
    NpyBytes.floats(logits, SHAPE, sure);
    assertThat(hint())
        .startsWith("xent: 4.0535 nats per token are more than log 4 = 1.3863, ")
        .endsWith(" try --no-shift");
    assertThat(hint("--no-shift")).endsWith(" try without --no-shift");
  }

  @Test
  void namesTheFirstTokenWithoutALoss() {
    values[(POSITIONS + 1) * CLASSES] = Float.NaN;
    NpyBytes.floats(logits, SHAPE, values);
    assertThat(hint()).startsWith("xent: the loss of token [1, 2] is nan; ");
    assertThat(perplexity().out()).contains("nats         nan per token", "perplexity   nan");
    assertThat(perplexity("--json").json()).containsEntry("perplexity", "nan");
    assertThat(hint("--no-shift")).startsWith("xent: the loss of token [1, 1] is nan; ");
  }

  /** Nobody scores the first token, so it may be one that is no class. */
  @Test
  void doesNotReadTheFirstToken() {
    ids[0] = -1;
    NpyBytes.longs(tokens, SHAPE_OF_TOKENS, ids);
    assertScores(perplexity("--json").succeeds().json(), loop(1, -100, 1, 0));
  }

  @Test
  void scoresTheOnlyPosition() {
    NpyBytes.floats(logits, "(2, 1, 4)", new float[8]);
    NpyBytes.longs(tokens, "(2, 1)", 0, 1);
    perplexity("--no-shift", "--ignore-index", 0).succeeds();
  }

  private String hint(Object... options) {
    Cli run = perplexity(options);
    assertThat(run.code()).isZero();
    assertThat(run.err().lines()).hasSizeLessThan(2);
    return run.err().strip();
  }

  private Cli perplexity(Object... options) {
    return xent(
        Stream.concat(Stream.of("perplexity", logits, tokens), Stream.of(options)).toArray());
  }

  private Path file(String name) {
    return folder.resolve(name + ".npy");
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Cli.xent;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.support.NpyBytes;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.api.parallel.Resources;

/** Commands that read from standard input and write to standard output. */
@ResourceLock(Resources.SYSTEM_OUT)
class PipesTest {
  @TempDir private Path folder;
  private final InputStream in = System.in;
  private final PrintStream out = System.out;

  @AfterEach
  void restore() {
    System.setIn(in);
    System.setOut(out);
  }

  /** A command with what the one before wrote on its standard input. */
  private static byte[] pipe(byte[] input, int code, Object... words) {
    ByteArrayOutputStream written = new ByteArrayOutputStream();
    System.setIn(new ByteArrayInputStream(input));
    System.setOut(new PrintStream(written, true));
    Cli run = xent(words);
    assertThat(run.code()).as(run.err()).isEqualTo(code);
    assertThat(run.out()).isEmpty();
    return written.toByteArray();
  }

  @Test
  void aPipelineHasTheBitsOfFiles() throws Exception {
    Path logits = NpyBytes.floats(folder.resolve("x.npy"), Golden.SHAPE, Golden.LOGITS);
    Path labels = NpyBytes.longs(folder.resolve("t.npy"), "(2,)", Golden.LABELS);
    Path logp = folder.resolve("logp.npy");
    Path gradient = folder.resolve("g.npy");
    Path back = folder.resolve("back.npy");
    xent("softmax", logits, "--log", "-o", logp).succeeds();
    xent("nll", logp, labels, "--gradient", gradient).succeeds();
    xent("softmax-backward", "--log", logp, gradient, "-o", back).succeeds();

    byte[] first = pipe(Files.readAllBytes(logits), 0, "softmax", "-", "--log", "-o", "-");
    assertThat(first).isEqualTo(Files.readAllBytes(logp));
    byte[] second = pipe(first, 0, "nll", "-", labels, "--gradient", "-");
    assertThat(second).isEqualTo(Files.readAllBytes(gradient));
    byte[] third = pipe(second, 0, "softmax-backward", "--log", logp, "-", "-o", "-");
    assertThat(third).isEqualTo(Files.readAllBytes(back));
    System.setIn(new ByteArrayInputStream(third));
    assertThat(xent("verify", "-", back).succeeds().out()).startsWith("equal: 8 values");
  }

  @Test
  void aTextIsRefusedByItsPlace() {
    System.setIn(new ByteArrayInputStream("1.5 2.5 3.5 4.5\n".getBytes()));
    xent("softmax", "-").refuses("standard input is not a .npy file");
  }

  @Test
  void standardInputIsOneInput() throws Exception {
    Path logits = NpyBytes.floats(folder.resolve("x.npy"), Golden.SHAPE, Golden.LOGITS);
    System.setIn(new ByteArrayInputStream(Files.readAllBytes(logits)));
    xent("divergence", "-", "-")
        .refuses("standard input is named for two inputs; name a file for one");
  }

  @Test
  void aTensorOfAModelIsAnInput() throws Exception {
    Path model = folder.resolve("model.safetensors");
    String header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]}}";
    java.nio.ByteBuffer bytes =
        java.nio.ByteBuffer.allocate(8 + header.length() + 8)
            .order(java.nio.ByteOrder.LITTLE_ENDIAN)
            .putLong(header.length())
            .put(header.getBytes())
            .putFloat(1)
            .putFloat(1);
    Files.write(model, bytes.array());
    assertThat(xent("softmax", model + ":a").succeeds().out()).contains("0.5  0.5");
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Cli.xent;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.support.NpyBytes;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HvpCommandTest {
  @TempDir private Path folder;
  private Path logits;
  private Path vectors;
  private Path out;

  @BeforeEach
  void write() {
    logits = NpyBytes.floats(file("x"), "(2, 2)", 0, 0, 5, 5);
    vectors = NpyBytes.floats(file("v"), "(2, 2)", 1, 0, 2, 4);
    out = file("o");
  }

  @ParameterizedTest
  @ValueSource(strings = {"native", "reference"})
  void writesTheProducts(String backend) {
    hvp("--backend", backend).succeeds();
    assertThat(NpyBytes.floatsOf(out)).containsExactly(0.25f, -0.25f, -0.5f, 0.5f);
    Path weights = NpyBytes.floats(file("u"), "(2,)", 0, 3);
    hvp("--backend", backend, "--temperature", 2, "--scale", 4, "--row-weight", weights).succeeds();
    assertThat(NpyBytes.floatsOf(out)).containsExactly(0, 0, -1.5f, 1.5f);
  }

  @Test
  void refusesWhatDoesNotFit() {
    hvp("--scale", "inf").refuses("--scale");
    xent("cross-entropy-hvp", logits, "--v", vectors, "-o", vectors)
        .refuses("v.npy is an input of this command");
    assertThat(out).doesNotExist();
  }

  private Cli hvp(Object... options) {
    Object[] words = new Object[6 + options.length];
    words[0] = "cross-entropy-hvp";
    words[1] = logits;
    words[2] = "--v";
    words[3] = vectors;
    words[4] = "-o";
    words[5] = out;
    System.arraycopy(options, 0, words, 6, options.length);
    return xent(words);
  }

  private Path file(String name) {
    return folder.resolve(name + ".npy");
  }
}

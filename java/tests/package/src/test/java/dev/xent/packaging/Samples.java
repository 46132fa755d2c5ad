// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.files.Npy;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.IntStream;

/**
 * What commands compute on: logits, and their losses and gradient as a command writes them that
 * nothing happens to.
 */
final class Samples {
  private static final int ROWS = 4096;
  private static final int CLASSES = 1000;

  /** A JVM with this memory limit maps the files of this size, and reads smaller ones. */
  static final String MAPPING = "-Xmx20m";

  /** 16 MB of logits. */
  final Path logits;

  /** Labels of their rows. */
  final Path labels;

  /** Their losses. */
  final Path losses;

  /** Their gradient. */
  final Path gradient;

  /** 4 kB of logits. */
  final Path few;

  /** Their softmax. */
  final Path probabilities;

  Samples(Path folder) {
    logits = folder.resolve("x.npy");
    labels = folder.resolve("t.npy");
    losses = folder.resolve("l.npy");
    gradient = folder.resolve("g.npy");
    few = folder.resolve("few.npy");
    probabilities = folder.resolve("p.npy");
    try (Arena arena = Arena.ofConfined()) {
      Npy.write(logits, wave(arena, ROWS, CLASSES));
      Npy.write(few, wave(arena, 1, CLASSES));
      int[] classes = IntStream.range(0, ROWS).map(row -> row % CLASSES).toArray();
      Npy.write(labels, Tensor.of(classes, ROWS));
    }
    new Command(folder)
        .succeeds("cross-entropy", logits, labels, "--losses", losses, "--gradient", gradient);
    new Command(folder).succeeds("softmax", few, "-o", probabilities);
  }

  private static Tensor wave(Arena arena, int rows, int classes) {
    Tensor tensor = Tensor.allocate(arena, DType.F32, rows, classes);
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < classes; column++) {
        tensor.setFloat((float) ((row * 31L + column * 17L) % 97) / 8, row, column);
      }
    }
    return tensor;
  }

  /** Whether two files have the same bytes. */
  static boolean same(Path one, Path other) throws IOException {
    return Files.mismatch(one, other) < 0;
  }
}

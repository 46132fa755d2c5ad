// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples;

import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.LossOutputs;
import dev.xent.LossSum;
import dev.xent.Tensor;
import dev.xent.files.Npy;
import dev.xent.files.NpyFile;
import dev.xent.files.NpyOutput;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/**
 * The perplexity of logits in a .npy file of any size, with one block of rows resident at a time:
 * the file is mapped, a block of it added to an exact sum, and the file unmapped. The result has
 * the bits of one call on the whole file.
 *
 * <p>Arguments: LOGITS.npy LABELS.npy. With a number alone it makes a file of so many MiB first;
 * without any, of 64.
 */
public final class Perplexity {
  private static final long BLOCK = 16L << 20;
  private static final int VOCABULARY = 32_768;

  private Perplexity() {}

  public static void main(String[] arguments) throws IOException {
    if (arguments.length == 2) {
      measure(Path.of(arguments[0]), Path.of(arguments[1]));
      return;
    }
    long bytes = (arguments.length == 1 ? Long.parseLong(arguments[0]) : 64) << 20;
    Path folder = Files.createTempDirectory("xent-perplexity");
    Path logits = folder.resolve("logits.npy");
    Path labels = folder.resolve("labels.npy");
    try {
      make(logits, labels, bytes / (VOCABULARY * (long) DType.F32.byteSize()));
      measure(logits, labels);
    } finally {
      Files.deleteIfExists(logits);
      Files.deleteIfExists(labels);
      Files.delete(folder);
    }
  }

  private static void measure(Path logits, Path labels) throws IOException {
    CrossEntropy loss = CrossEntropy.sum();
    LossSum lossSum = LossSum.create();
    LossOutputs outputs = LossOutputs.create().lossSum(lossSum);
    long all = rows(logits);
    long resident = 0;
    long rows = 0;
    long blocks = 0;
    for (long from = 0; from < all; from = rows) {
      try (Arena arena = Arena.ofConfined()) { // unmaps the block at its end
        NpyFile file = Npy.open(logits, arena);
        long rowBytes = file.data().byteSize() / all;
        rows = Math.min(all, from + Math.max(1, BLOCK / rowBytes));
        Tensor block = file.tensor().slice(0, from, rows);
        loss.on(block, Npy.map(labels, arena).slice(0, from, rows)).outputs(outputs).run();
        blocks++;
        resident = Math.max(resident, residentKibibytes());
      }
    }
    System.out.printf(
        Locale.ROOT,
        "%d rows of %d MiB in %d blocks%n",
        lossSum.rows(),
        Files.size(logits) >> 20,
        blocks);
    System.out.printf("mean loss   %s%n", lossSum.mean());
    System.out.printf("perplexity  %s%n", StrictMath.exp(lossSum.mean()));
    System.out.printf(Locale.ROOT, "resident memory  %d MiB at most%n", resident >> 10);
  }

  private static long rows(Path logits) {
    try (Arena arena = Arena.ofConfined()) {
      return Npy.open(logits, arena).shape()[0];
    }
  }

  /** The memory of this process that is resident, mapped files included; 0 if not on Linux. */
  private static long residentKibibytes() throws IOException {
    Path status = Path.of("/proc/self/status");
    if (!Files.exists(status)) {
      return 0;
    }
    String line =
        Files.readAllLines(status).stream()
            .filter(text -> text.startsWith("VmRSS:"))
            .findFirst()
            .orElseThrow();
    return Long.parseLong(line.replaceAll("\\D", ""));
  }

  /**
   * A sparse file: in each row one logit is not 0, that of its label. A model that sure of itself
   * has a loss of log(1 + (V - 1) exp(-x)).
   */
  private static void make(Path logits, Path labels, long rows) {
    try (Arena arena = Arena.ofConfined();
        NpyOutput values = Npy.create(logits, DType.F32, new long[] {rows, VOCABULARY}, arena);
        NpyOutput classes = Npy.create(labels, DType.I32, new long[] {rows}, arena)) {
      for (long row = 0; row < rows; row++) {
        long label = row * 7919 % VOCABULARY;
        values.tensor().setFloat(8 + row % 5, row, label);
        classes.tensor().setLong(label, row);
      }
      values.commit();
      classes.commit();
    }
  }
}

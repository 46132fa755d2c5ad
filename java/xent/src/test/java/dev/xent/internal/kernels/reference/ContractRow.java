// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.zip.CRC32;

/**
 * A row of rows.csv, which describes its columns.
 *
 * @param softmax bits of the floats, or one checksum if the logits are seeded
 */
record ContractRow(
    String name,
    int classes,
    int label,
    double scale,
    String logits,
    String softmax,
    String logSoftmax,
    String logSumExp,
    String loss,
    String crossEntropyLogSumExp,
    String gradient) {

  static List<ContractRow> all() {
    var stream = ContractRow.class.getResourceAsStream("rows.csv");
    try (var lines = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
      return lines.lines().filter(line -> !line.startsWith("#")).map(ContractRow::parse).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static ContractRow parse(String line) {
    String[] field = line.split(",");
    return new ContractRow(
        field[0],
        Integer.parseInt(field[1]),
        Integer.parseInt(field[2]),
        Double.parseDouble(field[3]),
        field[4],
        field[5],
        field[6],
        field[7],
        field[8],
        field[9],
        field[10]);
  }

  float[] values() {
    return isSeeded() ? seeded() : literal();
  }

  private boolean isSeeded() {
    return logits.startsWith("lcg");
  }

  private float[] seeded() {
    String[] word = logits.split(" ");
    long state = Long.parseLong(word[1]);
    int exponent = Integer.parseInt(word[2]);
    float[] values = new float[classes];
    for (int i = 0; i < classes; i++) {
      state = state * 6364136223846793005L + 1442695040888963407L;
      values[i] = Math.scalb((float) (state >> 40), exponent - 23);
    }
    return values;
  }

  private float[] literal() {
    String[] word = logits.split(" ");
    float[] values = new float[classes];
    for (int i = 0; i < classes; i++) {
      values[i] = Float.intBitsToFloat(Integer.parseUnsignedInt(word[i], 16));
    }
    return values;
  }

  /** An array in the spelling of the columns softmax, log-softmax and gradient. */
  String spell(MemorySegment array) {
    if (isSeeded()) {
      CRC32 sum = new CRC32();
      sum.update(array.toArray(ValueLayout.JAVA_BYTE));
      return "%08x".formatted(sum.getValue());
    }
    StringBuilder spelled = new StringBuilder();
    for (int bits : array.toArray(ValueLayout.JAVA_INT)) {
      spelled.append(spelled.isEmpty() ? "" : " ").append("%08x".formatted(bits));
    }
    return spelled.toString();
  }

  static String spellOne(MemorySegment number) {
    return "%08x".formatted(number.get(ValueLayout.JAVA_INT, 0));
  }

  @Override
  public String toString() {
    return name + (isSeeded() ? " " + logits + ", " + classes + " classes" : "");
  }
}

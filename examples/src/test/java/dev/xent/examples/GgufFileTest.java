// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A damaged file is read, or throws an IOException that says what is wrong; nothing else. */
class GgufFileTest {
  private static final long[] ODD = {
    -1, 0, 1L << 31, 1L << 32, 1L << 62, Long.MIN_VALUE, Long.MAX_VALUE, 0x7fffffff7fffffffL
  };
  private static final int STRING = 8;

  @TempDir private Path folder;

  private final ByteArrayOutputStream file = new ByteArrayOutputStream();
  private final Map<String, Integer> fields = new HashMap<>(); // where they are
  private int header;

  /** Facts of three kinds, and two tensors of 2 and of 32 elements. */
  @BeforeEach
  void smallFile() {
    file.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
    at("version").put(4, 3).at("tensors").put(8, 2).at("facts").put(8, 3);
    at("letters").string("a.list").at("type").put(4, 9);
    at("element type").put(4, STRING).at("elements").put(8, 2).string("one").string("two");
    string("a.count").put(4, 4).at("count").put(4, 7);
    string("general.alignment").put(4, 4).at("alignment").put(4, 8);
    string("floats").at("dimensions").put(4, 1).at("size").put(8, 2);
    at("type of floats").put(4, 0).at("offset").put(8, 0);
    string("blocks").put(4, 2).put(8, 16).put(8, 2).put(4, 8).put(8, 8);
    header = file.size();
    put((8 - header % 8) % 8, 0).put(4, Float.floatToIntBits(1)).put(4, Float.floatToIntBits(2));
    put(2, Float.floatToFloat16(0.5F));
    for (int i = 0; i < 32; i++) {
      put(1, i);
    }
  }

  private GgufFileTest at(String field) {
    fields.put(field, file.size());
    return this;
  }

  private GgufFileTest put(int bytes, long value) {
    file.write(
        ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array(), 0, bytes);
    return this;
  }

  private GgufFileTest string(String letters) {
    put(8, letters.length());
    file.writeBytes(letters.getBytes(StandardCharsets.US_ASCII));
    return this;
  }

  private void read(byte[] bytes) throws IOException {
    GgufFile read = GgufFile.read(Files.write(folder.resolve("small.gguf"), bytes));
    assertThat(read.strings("a.list")).containsExactly("one", "two");
    assertThat(read.count("a.count")).isEqualTo(7);
    assertThat(read.floats("floats", 2)).containsExactly(1, 2);
    assertThat(read.floats("blocks", 32)).startsWith(0, 0.5F).endsWith(15.5F);
  }

  @Test
  void good() throws IOException {
    read(file.toByteArray());
  }

  @Test
  void cutOffAnywhere() {
    for (int length = 0; length < file.size(); length++) {
      byte[] bytes = Arrays.copyOf(file.toByteArray(), length);
      assertThatIOException().as("%d bytes", length).isThrownBy(() -> read(bytes));
    }
  }

  @Test
  void oddNumbersAnywhere() throws IOException {
    int refused = 0;
    for (int at = 0; at < header - 8; at++) {
      for (long odd : ODD) {
        byte[] bytes = file.toByteArray();
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(at, odd);
        refused += refuses(bytes) ? 1 : 0;
      }
    }
    assertThat(refused).isGreaterThan(header * ODD.length / 2);
  }

  /** Whether a file is refused. The numbers of other files are not compared. */
  private boolean refuses(byte[] bytes) throws IOException {
    Path path = Files.write(folder.resolve("odd.gguf"), bytes);
    try {
      GgufFile read = GgufFile.read(path);
      read.strings("a.list");
      read.count("a.count");
      read.floats("floats", 2);
      read.floats("blocks", 32);
      return false;
    } catch (IOException e) {
      assertThat(e.getMessage()).isNotBlank();
      return true;
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "version | 4 | 2 | not a GGUF file of version 3",
        "tensors | 8 | -1 | the header has -1 tensors, and ",
        "facts | 8 | 4611686018427387904 | the header has 4611686018427387904 facts, and ",
        "letters | 8 | 1099511627776 | the header has 1099511627776 letters of a string, and ",
        "type | 4 | 77 | unknown type 77 of a fact",
        "element type | 4 | 9 | a fact is an array of arrays; expected one of numbers or strings",
        "elements | 8 | -5 | the header has -5 elements of an array, and ",
        "count | 4 | 0 | a.count is 0; expected at least 1",
        "alignment | 4 | 0 | general.alignment is 0; expected at least 1",
        "dimensions | 4 | 5 | floats has 5 dimensions; expected 0 to 4",
        "size | 8 | -2 | floats has a dimension of -2, which no file holds",
        "size | 8 | 3 | floats has 3 elements; expected 2",
        "type of floats | 4 | 2 | floats is neither F32, F16 nor Q8_0",
        "offset | 8 | 9223372036854775807 | floats is not all in the file",
      })
  void says(String field, int bytes, long value, String message) {
    byte[] damaged = file.toByteArray();
    for (int i = 0; i < bytes; i++) {
      damaged[fields.get(field) + i] = (byte) (value >> 8 * i);
    }
    assertThatIOException().isThrownBy(() -> read(damaged)).withMessageStartingWith(message);
  }

  @Test
  void twice() {
    byte[] damaged =
        new String(file.toByteArray(), StandardCharsets.ISO_8859_1)
            .replace("blocks", "floats")
            .getBytes(StandardCharsets.ISO_8859_1);
    assertThatIOException().isThrownBy(() -> read(damaged)).withMessage("floats is there twice");
  }

  /** The tokenizer and the model check what they take from the file. */
  @Test
  void damagedModels() throws IOException {
    byte[] good = Files.readAllBytes(Path.of("examples/models/llama.gguf"));
    Random random = new Random(1);
    int refused = 0;
    for (int i = 0; i < 2000; i++) {
      byte[] bytes = good.clone();
      int at = random.nextInt(8000);
      switch (random.nextInt(3)) {
        case 0 -> bytes[at] = (byte) random.nextInt();
        case 1 ->
            ByteBuffer.wrap(bytes)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(at, ODD[random.nextInt(ODD.length)]);
        default -> bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length));
      }
      Path path = Files.write(folder.resolve("model.gguf"), bytes);
      try {
        GgufFile file = GgufFile.read(path);
        Bpe words = new Bpe(file);
        words.encode("You may not");
        new Llama(file).next(words.end());
      } catch (IOException e) {
        assertThat(e.getMessage()).isNotBlank();
        refused++;
      }
    }
    assertThat(refused).isBetween(1000, 1999);
  }
}

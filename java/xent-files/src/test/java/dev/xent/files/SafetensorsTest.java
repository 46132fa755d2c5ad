// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import static dev.xent.files.SafetensorsBytes.file;
import static dev.xent.files.SafetensorsBytes.tensor;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import dev.xent.support.NpyBytes;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.StringJoiner;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class SafetensorsTest {
  private static final String X = tensor("x", "F32", "[2]", 0, 8);

  /** Files are mapped by whole pages. */
  private static final int PAGE = 4096;

  private static final String DAMAGED = "has a damaged .safetensors header: ";

  @TempDir private Path folder;
  private final Arena arena = Arena.ofShared();

  @AfterEach
  void close() {
    arena.close();
  }

  @Test
  void aTensorIsTheFileItself() throws IOException {
    Path path = write(file("{" + X + "}  ", 8));
    Tensor tensor = Safetensors.open(path, arena).tensor("x");
    long first = Files.size(path) - 8;
    try (RandomAccessFile bytes = new RandomAccessFile(path.toFile(), "rw")) {
      bytes.seek(first);
      bytes.write(NpyBytes.floats(2.5f));
    }
    assertThat(tensor.getFloat(0)).isEqualTo(2.5f);
    assertThat(tensor.segment().isMapped()).isTrue();
    assertThat(tensor.segment().address() % PAGE).isEqualTo(first);
  }

  @Test
  void aTensorAtAnOddPlaceIsRefusedAsAViewAndCopiedOnRequest() {
    String header = "{" + tensor("x", "F32", "[1]", 0, 4) + "}";
    String odd = header + " ".repeat((4 - header.length() % 4) % 4 + 1);
    Path path = write(file(odd, 4));
    Safetensors file = Safetensors.open(path, arena);
    assertThatThrownBy(() -> file.tensor("x"))
        .isInstanceOf(FileException.class)
        .hasMessage(
            path
                + " has tensor 'x' at byte %d, no multiple of the 4 bytes of F32; read it with copy(name, arena), or save the file again",
            8 + odd.length());
    Tensor copy = file.copy("x", arena);
    assertThat(Float.floatToRawIntBits(copy.getFloat(0))).isEqualTo(0x01010101);
    copy.setFloat(3, 0);
    assertThat(Float.floatToRawIntBits(file.copy("x", arena).getFloat(0))).isEqualTo(0x01010101);
  }

  @Test
  void tensorsNeedNotBeInTheOrderOfTheFile() {
    String header = "{" + tensor("b", "U8", "[3]", 8, 11) + "," + X + "}";
    Safetensors file = Safetensors.open(write(file(header, 11)), arena);
    assertThat(file.names()).containsExactly("b", "x");
    assertThat(file.tensor("b").toLongArray()).containsExactly(1, 1, 1);
  }

  @Test
  void aFileMayHaveNoTensors() {
    assertThat(Safetensors.open(write(file("{}", 0)), arena).names()).isEmpty();
    assertThat(Safetensors.open(write(file("{\"__metadata__\":{}}", 0)), arena).metadata())
        .isEmpty();
  }

  @Test
  void mapsMoreThanTwoGibibytes() throws IOException {
    long elements = (1L << 29) + 2;
    String header = "{" + tensor("x", "F32", "[" + elements + "]", 0, elements * 4) + "}";
    Path path = write(file(header + " ".repeat(8 - header.length() % 8), 0));
    try (RandomAccessFile sparse = new RandomAccessFile(path.toFile(), "rw")) {
      long end = sparse.length() + elements * Float.BYTES;
      sparse.setLength(end);
      sparse.seek(end - Float.BYTES);
      sparse.write(NpyBytes.floats(2.5f));
    }
    assertThat(Safetensors.open(path, arena).tensor("x").getFloat(elements - 1)).isEqualTo(2.5f);
  }

  @Test
  void refusesATensorThatIsNotThere() {
    Path path = write(file("{" + X + "}", 8));
    Safetensors file = Safetensors.open(path, arena);
    assertThatThrownBy(() -> file.tensor("y"))
        .isInstanceOf(FileException.class)
        .hasMessage(path + " has no tensor 'y'; name 'x'");
  }

  @Test
  void aTensorThatIsNotThereIsAnsweredWithTheNamesThatAreMostLikeIt() {
    StringJoiner tensors = new StringJoiner(",", "{", "}");
    int begin = 0;
    for (String name : List.of("bias", "model.0.weight", "model.1.weight", "lm_head.weight")) {
      tensors.add(tensor(name, "F32", "[2]", begin, begin + 8));
      begin += 8;
    }
    Path path = write(file(tensors.toString(), begin));
    assertThatThrownBy(() -> Safetensors.open(path, arena).tensor("model.2.weight"))
        .hasMessage(
            path
                + " has no tensor 'model.2.weight'; name one of its 4, such as 'model.0.weight',"
                + " 'model.1.weight', 'lm_head.weight'");
    Path none = SafetensorsBytes.write(folder.resolve("none.safetensors"), file("{}", 0));
    assertThatThrownBy(() -> Safetensors.open(none, arena).tensor("x"))
        .hasMessage(none + " has no tensor 'x'; the file has no tensors: use another file");
  }

  @Test
  void refusesAClosedArena() {
    Path path = write(file("{" + X + "}", 8));
    Arena closed = Arena.ofConfined();
    closed.close();
    assertThatThrownBy(() -> Safetensors.open(path, closed))
        .isInstanceOf(MemoryException.class)
        .hasMessageStartingWith("the arena cannot be used: ");
    Safetensors file = Safetensors.open(path, arena);
    assertThatThrownBy(() -> file.copy("x", closed))
        .isInstanceOf(MemoryException.class)
        .hasMessageStartingWith("the arena cannot be used: ");
  }

  @Test
  void refusesEveryTruncation() {
    byte[] whole = file("{" + X + "}", 8);
    for (int length = 0; length < whole.length; length++) {
      Path path = write(Arrays.copyOf(whole, length));
      assertThatThrownBy(() -> Safetensors.open(path, arena))
          .as("%d of %d bytes", length, whole.length)
          .isInstanceOf(FileException.class)
          .hasMessageContaining("x.safetensors");
    }
  }

  /** What the format's own library reads though it never writes it. */
  static Stream<String> oddities() {
    return Stream.of(
        " \t\r\n{" + X + "}",
        "{\"__metadata__\":null," + X + "}",
        more("1"),
        more("null,\"more\":\"again\""),
        more("{\"x\":[{}]}"),
        more("9".repeat(1000)),
        more("[".repeat(125) + "]".repeat(125)),
        "{" + X.replace("\"x\"", "\"\\u0078\"") + "}");
  }

  @ParameterizedTest
  @MethodSource
  void oddities(String header) {
    Safetensors file = Safetensors.open(write(file(header, 8)), arena);
    assertThat(file.names()).containsExactly("x");
    assertThat(file.shape("x")).containsExactly(2);
    assertThat(file.metadata()).isEmpty();
  }

  @Test
  void readsALongName() {
    String name = "n".repeat(70_000);
    String header = "{" + tensor(name, "F32", "[2]", 0, 8) + "}";
    assertThat(Safetensors.open(write(file(header, 8)), arena).names()).containsExactly(name);
  }

  /** A tensor with one more key. */
  private static String more(String value) {
    return "{" + X.substring(0, X.length() - 1) + ",\"more\":" + value + "}}";
  }

  static Stream<Arguments> refusals() {
    String f32 = "\"dtype\":\"F32\"";
    String shape = "\"shape\":[2]";
    String place = "\"data_offsets\":[0,8]";
    String deep = "[".repeat(100_000);
    return Stream.of(
        // the frame
        bytes(new byte[9], "is too short for a .safetensors file"),
        bytes(length(-1), "has a header of 18446744073709551615 bytes; at most 100000000 are read"),
        bytes(length(Long.MIN_VALUE), "has a header of 9223372036854775808 bytes"),
        bytes(length(100_000_001), "has a header of 100000001 bytes"),
        bytes(length(100_000_000), "ends within its header; it was cut off"),
        bytes(length(0), "its header does not begin with a brace"),
        bytes(length(1), "its header does not begin with a brace"),
        header("\f{" + X + "}", 8, "its header does not begin with a brace"),
        header(" ", 8, "its header does not begin with a brace"),
        header("\uFEFF{" + X + "}", 8, "its header does not begin with a brace"),
        header("[1, 2]", 0, "its header does not begin with a brace"),
        // the JSON
        header("{", 8, DAMAGED + "its JSON ends too early"),
        header("{" + X, 8, DAMAGED + "its JSON ends too early"),
        header("{" + X + "} x", 8, DAMAGED + "its JSON is wrong at character "),
        header("{" + X + "}{}", 8, DAMAGED + "text after the closing brace"),
        header("{" + X + "}\0\0", 8, DAMAGED + "its JSON is wrong at character "),
        header("{" + X + ",}", 8, DAMAGED + "its JSON is wrong at character "),
        header("{'x':1}", 8, DAMAGED + "its JSON is wrong at character "),
        header("{\"x\":NaN}", 8, DAMAGED + "its JSON is wrong at character "),
        header("{/* */" + X + "}", 8, DAMAGED + "its JSON is wrong at character "),
        header("{\"a\nb\":1}", 8, DAMAGED + "its JSON is wrong at character "),
        header("{\"\\ud800\":1}", 8, DAMAGED + "the name '?' has half a character"),
        header("{\"x\":" + deep, 0, DAMAGED + "tensor 'x' is not an object"),
        header("{\"x\":{\"shape\":" + deep, 0, DAMAGED),
        header(more("[".repeat(126) + "]".repeat(126)), 8, "is nested deeper than 127 levels"),
        bytes(file(utf8("{\"", 0xC0, 0xAF, "\":1}"), 0), DAMAGED + "it is not UTF-8"),
        bytes(file(utf8("{\"", 0xED, 0xA0, "\":1}"), 0), DAMAGED + "it is not UTF-8"),
        bytes(file(utf8("{\"", 0xFF, 0xFE, "\":1}"), 0), DAMAGED + "it is not UTF-8"),
        // names and keys
        header("{" + X + "," + X + "}", 8, "the tensor 'x' appears twice"),
        header("{\"x\":{" + f32 + "," + f32, 8, "the key 'dtype' of tensor 'x' appears twice"),
        header("{\"x\":{\"more\":1}}", 8, "tensor 'x' has no dtype"),
        header("{\"x\":{}}", 8, "tensor 'x' has no dtype"),
        header("{\"x\":{" + f32 + "}}", 8, "tensor 'x' has no shape"),
        header("{\"x\":{" + f32 + "," + shape + "}}", 8, "tensor 'x' has no data_offsets"),
        header("{\"x\":null}", 8, "tensor 'x' is not an object"),
        header("{\"__metadata__\":[]}", 0, "__metadata__ is not an object"),
        header("{\"__metadata__\":{\"a\":1}}", 0, "'a' of __metadata__ is not a text"),
        header("{\"__metadata__\":{\"a\":{}}}", 0, "'a' of __metadata__ is not a text"),
        header(
            "{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}", 0, "'a' of __metadata__ appears twice"),
        header("{\"__metadata__\":{},\"__metadata__\":{}}", 0, "'__metadata__' appears twice"),
        header("{\"__metadata__\":null,\"__metadata__\":{}}", 0, "'__metadata__' appears twice"),
        header("{\"__metadata__\":{\"a\":\"\\ud800\"}}", 0, "the value '?' has half a character"),
        header("{\"__metadata__\":{\"\\ud800\":\"a\"}}", 0, "the name '?' has half a character"),
        // types
        header("{\"x\":{\"dtype\":7}}", 8, "dtype of tensor 'x' is not a text"),
        header(
            "{" + tensor("x", "F128", "[2]", 0, 8) + "}",
            8,
            "has tensor 'x' of dtype 'F128', which is not known here; save it as F32"),
        header("{" + tensor("x", "f32", "[2]", 0, 8) + "}", 8, "'f32', which is not known"),
        header("{" + tensor("x", "F4", "[3]", 0, 2) + "}", 2, "tensor 'x' has the size [3] of F4"),
        // numbers
        header("{\"x\":{\"shape\":2}}", 8, "shape of tensor 'x' is not a list"),
        header(number("-1"), 8, "must be whole numbers of at least 0"),
        header(number("-0"), 8, "must be whole numbers of at least 0"),
        header(number("2.0"), 8, "must be whole numbers of at least 0"),
        header(number("2e0"), 8, "must be whole numbers of at least 0"),
        header(number("\"2\""), 8, "must be whole numbers of at least 0"),
        header(number("null"), 8, "must be whole numbers of at least 0"),
        header(number("[2]"), 8, "must be whole numbers of at least 0"),
        header(number("02"), 8, DAMAGED + "its JSON is wrong at character 30"),
        header(number("9223372036854775808"), 8, "is too large: 9223372036854775808"),
        header(number("9".repeat(1000)), 8, "has a number that is too large: 9999"),
        header(number("1," + "1,".repeat(64) + "1"), 8, "shape of tensor 'x' are more than 64"),
        header(
            "{\"x\":{" + f32 + "," + shape + ",\"data_offsets\":[0]}}", 8, "are not two numbers"),
        header("{\"x\":{" + shape + "," + place + "}}", 8, "tensor 'x' has no dtype"),
        // sizes and places
        header(
            "{" + tensor("x", "F32", "[3]", 0, 8) + "}",
            8,
            "has 8 bytes where [3] of F32 takes 12"),
        header(
            "{" + tensor("x", "F32", "[4294967296,4294967296]", 0, 8) + "}",
            8,
            "has the size [4294967296, 4294967296] of F32, which no file holds"),
        header(
            "{" + tensor("x", "F32", "[0,4294967296,4294967296]", 0, 0) + "}",
            0,
            "of F32, which no file holds"),
        header("{" + tensor("x", "F32", "[2]", 8, 0) + "}", 8, "tensor 'x' ends before it begins"),
        header(
            "{" + tensor("x", "F32", "[2]", 0, 8) + "}",
            7,
            "has 7 bytes of data where tensor 'x' ends at 8; it was cut off"),
        header(
            "{" + tensor("x", "F32", "[2]", Long.MAX_VALUE - 8, Long.MAX_VALUE) + "}",
            8,
            "where tensor 'x' ends at 9223372036854775807"),
        header(
            "{" + X + "," + tensor("y", "F32", "[2]", 4, 12) + "}",
            12,
            "tensor 'y' begins within another"),
        header("{" + X + "," + tensor("y", "F32", "[2]", 0, 8) + "}", 8, "begins within another"),
        header(
            "{" + X + "," + tensor("y", "F32", "[2]", 12, 20) + "}",
            20,
            "4 bytes before tensor 'y' belong to no tensor"),
        header("{" + X + "}", 9, "1 bytes after the last tensor belong to no tensor"),
        header("{}", 1, "1 bytes after the last tensor belong to no tensor"));
  }

  @ParameterizedTest
  @MethodSource
  void refusals(byte[] bytes, String words) {
    Path path = write(bytes);
    assertThatThrownBy(() -> Safetensors.open(path, arena))
        .isInstanceOf(FileException.class)
        .satisfies(
            e ->
                assertThat(e.getMessage())
                    .startsWith(path + " ")
                    .contains(words)
                    .contains("; ")
                    .hasSizeLessThan(400)
                    .matches("[ -~]*")
                    .doesNotContainPattern("Json|Feature|Constraints|`|enable"));
  }

  private static Arguments header(String header, int data, String words) {
    return bytes(file(header, data), words);
  }

  private static Arguments bytes(byte[] bytes, String words) {
    return Arguments.of(bytes, words);
  }

  private static String number(String text) {
    return "{\"x\":{\"dtype\":\"F32\",\"shape\":[" + text + "],\"data_offsets\":[0,8]}}";
  }

  /** A file that claims a header of some length. */
  private static byte[] length(long length) {
    return ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN).putLong(length).array();
  }

  private static byte[] utf8(String before, int first, int second, String after) {
    return ByteBuffer.allocate(before.length() + 2 + after.length())
        .put(before.getBytes(StandardCharsets.US_ASCII))
        .put((byte) first)
        .put((byte) second)
        .put(after.getBytes(StandardCharsets.US_ASCII))
        .array();
  }

  private Path write(byte[] bytes) {
    return SafetensorsBytes.write(folder.resolve("x.safetensors"), bytes);
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.errors.DTypeException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

class SafetensorsRoundTripTest {
  private static final String[] TYPES = {"BOOL", "U8", "F16", "BF16", "F32", "I64", "F8_E4M3"};
  private static final int[] SIZES = {1, 1, 2, 2, 4, 8, 1};

  /** What headers are made of; a wrong byte is often one that belongs elsewhere. */
  private static final String ALPHABET = "{}[]\":,0123456789-.eE\\u \n\0xFU_\u00ff";

  private static Path folder;

  @BeforeContainer
  static void create() throws IOException {
    folder = Files.createTempDirectory("xent-safetensors");
  }

  @AfterContainer
  static void remove() throws IOException {
    Files.deleteIfExists(folder.resolve("x.safetensors"));
    Files.delete(folder);
  }

  @Property(tries = 300)
  void whatIsWrittenIsRead(
      @ForAll @Size(max = 6) List<@IntRange(max = 6) Integer> types, @ForAll long seed) {
    Random random = new Random(seed);
    List<String> entries = new ArrayList<>();
    long end = 0;
    for (int type : types) {
      int rows = random.nextInt(4);
      int columns = random.nextInt(4);
      long begin = end;
      end += (long) rows * columns * SIZES[type];
      String shape = "[" + rows + "," + columns + "]";
      entries.add(SafetensorsBytes.tensor("t" + entries.size(), TYPES[type], shape, begin, end));
    }
    byte[] bytes =
        SafetensorsBytes.file("{" + String.join(",", entries) + "}", Math.toIntExact(end));
    try (Arena arena = Arena.ofConfined()) {
      Safetensors file = Safetensors.open(write(bytes), arena);
      assertThat(file.names()).hasSameSizeAs(types);
      for (int i = 0; i < types.size(); i++) {
        assertThat(file.dtype("t" + i)).isEqualTo(TYPES[types.get(i)]);
        if (!file.dtype("t" + i).startsWith("F8")) {
          assertThat(file.copy("t" + i, arena).shape()).isEqualTo(file.shape("t" + i));
        }
      }
    }
  }

  @Property(tries = 1000)
  void aFileWithWrongBytesIsReadOrRefusedInOneLine(
      @ForAll @Size(min = 1, max = 3) List<@IntRange(max = 150) Integer> places,
      @ForAll long seed) {
    Random random = new Random(seed);
    String header =
        "{\"__metadata__\":{\"a\":\"b\"},"
            + SafetensorsBytes.tensor("x", "F32", "[2,1]", 0, 8)
            + ","
            + SafetensorsBytes.tensor("y", "I16", "[3]", 8, 14)
            + "}";
    byte[] bytes = SafetensorsBytes.file(header, 14);
    for (int place : places) {
      bytes[place % bytes.length] =
          random.nextBoolean()
              ? (byte) random.nextInt()
              : (byte) ALPHABET.charAt(random.nextInt(ALPHABET.length()));
    }
    try (Arena arena = Arena.ofConfined()) {
      Safetensors file = Safetensors.open(write(bytes), arena);
      for (String name : file.names()) {
        assertThat(file.copy(name, arena).elements()).isNotNegative();
      }
    } catch (FileException | DTypeException refused) {
      assertThat(refused.getMessage()).contains("x.safetensors").matches("[ -~]*");
    }
  }

  private static Path write(byte[] bytes) {
    return SafetensorsBytes.write(folder.resolve("x.safetensors"), bytes);
  }
}

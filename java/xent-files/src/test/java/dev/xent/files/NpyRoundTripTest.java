// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.DType;
import dev.xent.support.NpyBytes;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

class NpyRoundTripTest {
  private static final DType[] WRITTEN = DType.values();

  private static Path folder;

  @BeforeContainer
  static void create() throws IOException {
    folder = Files.createTempDirectory("xent-npy");
  }

  @AfterContainer
  static void remove() throws IOException {
    Files.deleteIfExists(folder.resolve("x.npy"));
    Files.delete(folder);
  }

  @Property(tries = 300)
  void whatIsWrittenIsRead(
      @ForAll @Size(max = 5) List<@IntRange(max = 6) Integer> sizes,
      @ForAll @IntRange(max = 8) int typeIndex,
      @ForAll long seed) {
    DType type = WRITTEN[typeIndex];
    long[] shape = sizes.stream().mapToLong(Integer::longValue).toArray();
    try (Arena arena = Arena.ofConfined();
        NpyOutput output = Npy.create(folder.resolve("x.npy"), type, shape, arena)) {
      byte[] bytes = new byte[Math.toIntExact(output.tensor().segment().byteSize())];
      new Random(seed).nextBytes(bytes);
      output.tensor().segment().copyFrom(MemorySegment.ofArray(bytes));
      output.commit();

      NpyFile file = Npy.open(folder.resolve("x.npy"), arena);
      assertThat(file.type()).isEqualTo(type);
      assertThat(file.shape()).isEqualTo(shape);
      assertThat(file.data().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(bytes);
    }
  }

  @Property(tries = 1000)
  void aFileWithWrongBytesIsReadOrRefusedInOneLine(
      @ForAll @Size(min = 1, max = 3) List<@IntRange(max = 80) Integer> places, @ForAll long seed) {
    Random random = new Random(seed);
    byte[] bytes =
        NpyBytes.file(NpyBytes.dictionary("<f4", false, "(2, 3)"), new byte[6 * Float.BYTES]);
    places.forEach(place -> bytes[place] = (byte) random.nextInt());
    Path path = NpyBytes.write(folder.resolve("x.npy"), bytes);
    try (Arena arena = Arena.ofConfined()) {
      NpyFile file = Npy.open(path, arena);
      assertThat(file.data().byteSize()).isEqualTo(file.elements() * file.type().byteSize());
    } catch (FileException refused) {
      assertThat(refused.getMessage()).contains("x.npy").matches("[ -~]*");
    }
  }
}

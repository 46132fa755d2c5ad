// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import static dev.xent.support.NpyBytes.dictionary;
import static dev.xent.support.NpyBytes.file;
import static dev.xent.support.NpyBytes.floats;
import static dev.xent.support.NpyBytes.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.support.NpyBytes;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NpyFileTest {
  private static final String HEADER_2X3 = dictionary("<f4", false, "(2, 3)");
  private static final byte[] DATA_2X3 = floats(1, 2, 3, 4, 5, 6);

  @TempDir private Path folder;
  private Arena arena;

  @BeforeEach
  void open() {
    arena = Arena.ofConfined();
  }

  @AfterEach
  void close() {
    arena.close();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void readsAllVersions(int version) {
    Tensor tensor = open(file(version, HEADER_2X3, DATA_2X3)).tensor();
    assertThat(tensor.type()).isEqualTo(DType.F32);
    assertThat(tensor.shape()).containsExactly(2, 3);
    assertThat(tensor.toFloatArray()).containsExactly(1, 2, 3, 4, 5, 6);
    assertThat(tensor.isReadOnly()).isTrue();
  }

  @Test
  void readsFortranOrderAsStrides() {
    Tensor tensor = open(file(dictionary("<f4", true, "(2, 3)"), DATA_2X3)).tensor();
    assertThat(tensor.shape()).containsExactly(2, 3);
    assertThat(tensor.strides()).containsExactly(1, 2);
    assertThat(tensor.toFloatArray()).containsExactly(1, 3, 5, 2, 4, 6);
  }

  @Test
  void numbersAtAnOddPlaceAreRefusedAsAViewAndCopiedOnRequest() {
    for (int pad = 0; pad < 8; pad++) {
      byte[] bytes = NpyBytes.unpadded(1, HEADER_2X3 + " ".repeat(pad), DATA_2X3);
      int start = bytes.length - DATA_2X3.length;
      NpyFile file = Npy.open(write(folder.resolve("x" + pad + ".npy"), bytes), arena);
      assertThat(file.isAligned()).isEqualTo(start % Float.BYTES == 0);
      if (!file.isAligned()) {
        assertThatThrownBy(file::tensor)
            .isInstanceOf(FileException.class)
            .hasMessage(
                file.path()
                    + " has its numbers at byte %d, no multiple of the 4 bytes of F32; read it with Npy.copy, or save it again with np.save",
                start);
      }
      Tensor copy = Npy.copy(file.path(), arena);
      assertThat(copy.toFloatArray()).containsExactly(1, 2, 3, 4, 5, 6);
      assertThat(copy.isReadOnly()).isFalse();
    }
  }

  @Test
  void readsNoElementsAndASingleNumber() {
    assertThat(open(file(dictionary("<f4", false, "(0, 3)"), new byte[0])).tensor().shape())
        .containsExactly(0, 3);
    NpyFile single = open(file(dictionary("<f4", false, "()"), floats(7)));
    assertThat(single.shape()).isEmpty();
    assertThat(single.tensor().toFloatArray()).containsExactly(7);
  }

  @Test
  void mapsMoreThanTwoGibibytes() throws IOException {
    long elements = (1L << 29) + 3;
    Path path = folder.resolve("large.npy");
    write(path, file(dictionary("<f4", false, "(" + elements + ",)"), new byte[0]));
    try (RandomAccessFile sparse = new RandomAccessFile(path.toFile(), "rw")) {
      long end = sparse.length() + elements * Float.BYTES;
      sparse.setLength(end);
      sparse.seek(end - Float.BYTES);
      sparse.write(floats(2.5f));
    }
    NpyFile large = Npy.open(path, arena);
    assertThat(large.data().byteSize()).isEqualTo(elements * Float.BYTES);
    assertThat(large.data().get(ValueLayout.JAVA_FLOAT_UNALIGNED, (elements - 1) * Float.BYTES))
        .isEqualTo(2.5f);
  }

  @Test
  void refusesEveryTruncation() {
    byte[] whole = file(HEADER_2X3, DATA_2X3);
    for (int length = 0; length < whole.length; length++) {
      byte[] cut = Arrays.copyOf(whole, length);
      assertThatThrownBy(() -> open(cut))
          .as("%d of %d bytes", cut.length, whole.length)
          .isInstanceOf(FileException.class)
          .hasMessageContaining("x.npy");
    }
  }

  @Test
  void saysHowMuchIsMissingOrTooMuch() {
    byte[] whole = file(HEADER_2X3, DATA_2X3);
    assertRefused(Arrays.copyOf(whole, whole.length - 1), "23 bytes", "takes 24", "cut off");
    assertRefused(Arrays.copyOf(whole, whole.length + 1), "25 bytes", "takes 24", "its own file");
  }

  @Test
  void refusesWhatIsNoNpyFile() {
    assertRefused("PK\u0003\u0004 zipped numbers".getBytes(), "is a .npz archive", "np.save");
    assertRefused("1,2,3\n".getBytes(), "too short for a .npy file");
  }

  @Test
  void refusesOtherVersions() {
    byte[] bytes = file(HEADER_2X3, DATA_2X3);
    bytes[6] = 4;
    assertRefused(bytes, "version 4.0");
    bytes[6] = 0;
    assertRefused(bytes, "version 0.0");
  }

  @Test
  void refusesAHeaderOfHostileLength() {
    byte[] bytes = file(2, HEADER_2X3, DATA_2X3);
    Arrays.fill(bytes, 8, 12, (byte) 0xFF);
    assertRefused(bytes, "header of 4294967295 bytes", "at most 65536");
  }

  @Test
  void refusesAShapeThatTheFileCannotHold() {
    assertRefused(
        file(dictionary("<f4", false, "(1152921504606846976, 8)"), DATA_2X3),
        "more than any file can hold");
    assertRefused(
        file(dictionary("<f4", false, "(1000000000, 1000)"), DATA_2X3), "takes 4000000000000");
  }

  @Test
  void refusesMissingFilesAndDirectories() throws IOException {
    assertThatThrownBy(() -> Npy.open(folder.resolve("none.npy"), arena))
        .isInstanceOf(FileException.class)
        .hasMessageContaining("none.npy does not exist");
    assertThatThrownBy(() -> Npy.open(Files.createDirectory(folder.resolve("d.npy")), arena))
        .isInstanceOf(FileException.class)
        .hasMessageContaining("d.npy is a directory");
  }

  private NpyFile open(byte[] bytes) {
    return Npy.open(write(folder.resolve("x.npy"), bytes), arena);
  }

  private void assertRefused(byte[] bytes, String... words) {
    assertThatThrownBy(() -> open(bytes))
        .isInstanceOf(FileException.class)
        .satisfies(e -> assertThat(e.getMessage()).contains("x.npy").contains(words));
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.DType;
import dev.xent.ShapeException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NpyOutputTest {
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

  @Test
  void appearsWholeAtTheCommit() throws IOException {
    Path path = folder.resolve("y.npy");
    try (NpyOutput output = create(path, 2, 3)) {
      output.tensor().setFloat(5, 1, 2);
      assertThat(path).doesNotExist();
      output.commit();
      assertThat(files()).containsExactly("y.npy");
    }
    assertThat(NpyBytes.dictionaryOf(path))
        .startsWith("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }")
        .endsWith("\n");
    assertThat(NpyBytes.floatsOf(path)).containsExactly(0, 0, 0, 0, 0, 5);
    assertThat((Files.size(path) - 24) % 64).isZero();
  }

  @Test
  void leavesNoTraceWithoutACommit() throws IOException {
    try (NpyOutput output = create(folder.resolve("y.npy"), 2, 3)) {
      assertThat(files()).hasSize(1).allMatch(name -> name.startsWith(".y.npy."));
      assertThat(output.tensor().shape()).containsExactly(2, 3);
    }
    assertThat(files()).isEmpty();
  }

  @Test
  void keepsTheOldFileUntilTheCommit() {
    Path path = NpyBytes.floats(folder.resolve("y.npy"), "(1,)", 7);
    try (NpyOutput output = create(path, 1)) {
      output.tensor().setFloat(8, 0);
      assertThat(NpyBytes.floatsOf(path)).containsExactly(7);
      output.commit();
      assertThat(NpyBytes.floatsOf(path)).containsExactly(8);
    }
  }

  @Test
  void writesThroughALinkAndKeepsIt() throws IOException {
    Path path = NpyBytes.floats(folder.resolve("real.npy"), "(1,)", 7);
    Path link = Files.createSymbolicLink(folder.resolve("link.npy"), path.getFileName());
    try (NpyOutput output = create(link, 1)) {
      output.tensor().setFloat(8, 0);
      output.commit();
    }
    assertThat(link).isSymbolicLink();
    assertThat(NpyBytes.floatsOf(path)).containsExactly(8);
  }

  @Test
  void writesOneDimensionNoElementsAndASingleNumber() {
    assertThat(written(3)).contains("'shape': (3,)");
    assertThat(written(0, 3)).contains("'shape': (0, 3)");
    assertThat(written()).contains("'shape': ()");
  }

  @Test
  void refusesPlacesWhereNoFileCanBe() throws IOException {
    assertRefused(folder.resolve("none/y.npy"), "there is no directory");
    assertRefused(Files.createDirectory(folder.resolve("d")), "is a directory");
    assertRefused(Path.of("/dev/null"), "not a regular file");
    assertThat(Files.exists(Path.of("/dev/null"))).isTrue();
  }

  @Test
  void refusesShapesThatNoFileHas() throws IOException {
    refuses(new long[] {2, -1}, "shape [2, -1] has a negative size: sizes are 0 or more");
    refuses(new long[] {-1, -1}, "shape [-1, -1] has a negative size: sizes are 0 or more");
    refuses(
        new long[] {1L << 32, 1L << 30},
        "shape [4294967296, 1073741824] is larger than memory can be: sizes and strides must stay below 2^63 bytes");
    long[] deep = new long[65];
    Arrays.fill(deep, 1);
    refuses(deep, "the shape has 65 dimensions, and a .npy file at most 64: reshape the tensor");
    assertThat(files()).isEmpty();
  }

  private void refuses(long[] shape, String message) {
    assertThatThrownBy(() -> Npy.create(folder.resolve("y.npy"), DType.F32, shape, arena))
        .isInstanceOf(ShapeException.class)
        .hasMessage(message);
  }

  @Test
  void refusesAReadOnlyFileWhoeverAsks() throws IOException {
    Path path = NpyBytes.floats(folder.resolve("ro.npy"), "(1,)", 7);
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("r--r--r--"));
    assertRefused(path, "is read-only; make it writable or name another file");
    assertThat(NpyBytes.floatsOf(path)).containsExactly(7);
    assertThat(files()).containsExactly("ro.npy");
  }

  @ParameterizedTest
  @ValueSource(strings = {"rw-------", "rw-rw-rw-", "rwxr-x--x"})
  void keepsThePermissionsOfTheFileItReplaces(String permissions) throws IOException {
    Path path = NpyBytes.floats(folder.resolve("y.npy"), "(1,)", 7);
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(permissions));
    try (NpyOutput output = create(path, 1)) {
      output.commit();
    }
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
        .isEqualTo(permissions);
    assertThat(NpyBytes.floatsOf(path)).containsExactly(0);
  }

  @Test
  void causesDoNotNameTheTemporaryFile() {
    assertThat(Cause.of(new AccessDeniedException("/d/.y.npy.1-2.tmp")))
        .isEqualTo("permission denied");
    assertThat(Cause.of(new FileSystemException("/d/.y.npy.1-2.tmp", null, "File name too long")))
        .isEqualTo("File name too long");
    assertThat(Cause.of(new IOException("No space left on device")))
        .isEqualTo("No space left on device");
    Path path = folder.resolve("y".repeat(300));
    assertThatThrownBy(() -> create(path, 1))
        .isInstanceOf(FileException.class)
        .hasMessageStartingWith(path + " cannot be written: ")
        .hasMessageNotContaining(".tmp");
  }

  private String written(long... shape) {
    Path path = folder.resolve("w.npy");
    try (NpyOutput output = create(path, shape)) {
      output.commit();
    }
    return NpyBytes.dictionaryOf(path);
  }

  private NpyOutput create(Path path, long... shape) {
    return Npy.create(path, DType.F32, shape, arena);
  }

  private void assertRefused(Path path, String words) {
    assertThatThrownBy(() -> create(path, 1))
        .isInstanceOf(FileException.class)
        .hasMessageContaining(path.toString())
        .hasMessageContaining(words);
  }

  private List<String> files() throws IOException {
    try (Stream<Path> list = Files.list(folder)) {
      return list.map(path -> path.getFileName().toString()).toList();
    }
  }
}

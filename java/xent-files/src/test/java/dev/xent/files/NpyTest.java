// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import dev.xent.support.NpyBytes;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class NpyTest {
  @TempDir private Path folder;

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "a mapped file cannot be replaced or deleted")
  void aMapIsTheFileItself() throws IOException {
    Path path = NpyBytes.floats(folder.resolve("x.npy"), "(2, 2)", 1, 2, 3, 4);
    try (Arena arena = Arena.ofConfined()) {
      Tensor one = Npy.map(path, arena);
      Tensor other = Npy.map(path, arena);
      assertThat(one.toFloatArray()).containsExactly(1, 2, 3, 4);
      byte[] changed =
          NpyBytes.file(NpyBytes.dictionary("<f4", false, "(2, 2)"), NpyBytes.floats(5, 6, 7, 8));
      Files.write(path, changed);
      assertThat(one.toFloatArray()).containsExactly(5, 6, 7, 8);
      assertThat(other.toFloatArray()).containsExactly(5, 6, 7, 8);
    }
  }

  @Test
  void aMapIsRefusedWhenItsArenaIsClosed() {
    Path path = NpyBytes.floats(folder.resolve("x.npy"), "(1,)", 1);
    Tensor tensor;
    try (Arena arena = Arena.ofConfined()) {
      tensor = Npy.map(path, arena);
    }
    assertThatThrownBy(() -> tensor.getFloat(0))
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("closed");
  }

  @Test
  void aMapIsNotWritten() {
    Path path = NpyBytes.floats(folder.resolve("x.npy"), "(1,)", 1);
    try (Arena arena = Arena.ofConfined()) {
      Tensor tensor = Npy.map(path, arena);
      assertThatThrownBy(() -> tensor.setFloat(2, 0))
          .isInstanceOf(MemoryException.class)
          .hasMessageContaining("read-only");
      assertThatThrownBy(() -> Npy.open(path, arena).data().set(ValueLayout.JAVA_BYTE, 0, (byte) 1))
          .isInstanceOfAny(
              IllegalArgumentException.class, UnsupportedOperationException.class); // of JDK 21
    }
  }

  @Test
  void aCopyIsNotTheFile() {
    Path path = NpyBytes.floats(folder.resolve("x.npy"), "(2,)", 1, 2);
    try (Arena arena = Arena.ofConfined()) {
      Tensor copy = Npy.copy(path, arena);
      copy.setFloat(9, 0);
      assertThat(NpyBytes.floatsOf(path)).containsExactly(1, 2);
    }
  }

  @Test
  void whatIsWrittenThroughTheTensorIsInTheFile() {
    Path path = folder.resolve("y.npy");
    try (Arena arena = Arena.ofConfined();
        NpyOutput output = Npy.create(path, DType.F32, new long[] {2}, arena)) {
      output.tensor().setFloat(1, 0);
      output.commit();
      assertThat(NpyBytes.floatsOf(path)).containsExactly(1, 0);
      output.tensor().setFloat(2, 1);
      assertThat(NpyBytes.floatsOf(path)).containsExactly(1, 2);
    }
  }

  @Test
  void writesATensorOfAnyStridesInTheOrderOfC() {
    Path path = folder.resolve("y.npy");
    Tensor rows = Tensor.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3);
    Npy.write(path, rows.permute(1, 0));
    assertThat(NpyBytes.dictionaryOf(path)).contains("'fortran_order': False, 'shape': (3, 2)");
    assertThat(NpyBytes.floatsOf(path)).containsExactly(1, 4, 2, 5, 3, 6);
    try (Arena arena = Arena.ofConfined()) {
      assertThat(Npy.map(path, arena).toFloatArray()).containsExactly(1, 4, 2, 5, 3, 6);
    }
  }

  @Test
  void leavesNothingBehindWhereATensorCannotBeRead() throws IOException {
    Tensor closed;
    try (Arena arena = Arena.ofConfined()) {
      closed = Tensor.allocate(arena, DType.F32, 2);
    }
    assertThatThrownBy(() -> Npy.write(folder.resolve("y.npy"), closed))
        .isInstanceOf(MemoryException.class);
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void refusesFilesOfOtherFileSystems() throws IOException {
    Path zip = folder.resolve("x.zip");
    try (FileSystem archive = FileSystems.newFileSystem(zip, Map.of("create", "true"));
        Arena arena = Arena.ofConfined()) {
      Path within = NpyBytes.floats(archive.getPath("/x.npy"), "(1,)", 1);
      assertThatThrownBy(() -> Npy.map(within, arena))
          .isInstanceOf(FileException.class)
          .hasMessage(
              "/x.npy is not on the default file system, whose files alone are mapped; copy it there first");
      assertThatThrownBy(() -> Npy.write(archive.getPath("/y.npy"), Tensor.of(new float[1])))
          .isInstanceOf(FileException.class)
          .hasMessage("/y.npy is not on the default file system; name a .npy file there");
    }
  }

  @Test
  void refusesAClosedArena() {
    Path path = NpyBytes.floats(folder.resolve("x.npy"), "(1,)", 1);
    Arena arena = Arena.ofConfined();
    arena.close();
    assertThatThrownBy(() -> Npy.map(path, arena))
        .isInstanceOf(MemoryException.class)
        .hasMessageStartingWith("the arena cannot be used: ");
    assertThatThrownBy(() -> Npy.copy(path, arena))
        .isInstanceOf(MemoryException.class)
        .hasMessageStartingWith("the arena cannot be used: ");
    assertThatThrownBy(() -> Npy.create(folder.resolve("y.npy"), DType.F32, new long[] {1}, arena))
        .isInstanceOf(MemoryException.class)
        .hasMessageStartingWith("the arena cannot be used: ");
    assertThat(folder.resolve("y.npy")).doesNotExist();
  }

  @Test
  void readsWithoutAMapping() throws IOException {
    Path path = NpyBytes.floats(folder.resolve("r.npy"), "(2, 2)", 1, 2, 3, 4);
    NpyFile file = Npy.read(path, Arena.ofAuto());
    assertThat(file.data().isMapped()).isFalse();
    assertThat(file.data().isReadOnly()).isTrue();
    assertThat(file.tensor().isReadOnly()).isTrue();
    Files.write(path, new byte[0]);
    assertThat(file.tensor().toFloatArray()).containsExactly(1, 2, 3, 4);
  }

  @Test
  void saysThatAFileBecameShorterWhileItWasRead() throws IOException {
    Path path = NpyBytes.floats(folder.resolve("s.npy"), "(2,)", 1, 2);
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      MemorySegment memory = Arena.ofAuto().allocate(Files.size(path) + 1);
      assertThatThrownBy(() -> InputFile.readInto(memory, channel, 0))
          .isInstanceOf(FileException.class)
          .hasMessage("became shorter while it was read; copy it and try again");
    }
  }

  @Test
  void saysThatAnInterruptEndedTheReading() throws IOException {
    Path path = NpyBytes.floats(folder.resolve("i.npy"), "(2,)", 1, 2);
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> Npy.read(path, Arena.ofAuto()))
        .isInstanceOf(FileException.class)
        .hasMessage(path + " was not read: the thread was interrupted; read it again");
    assertThat(Thread.interrupted()).isTrue();
  }

  @Test
  void writesFromMemoryAtTheCommit() throws IOException {
    Path path = folder.resolve("m.npy");
    try (NpyOutput output =
        Npy.createInMemory(path, DType.F32, new long[] {2, 300_000}, Arena.ofAuto())) {
      assertThat(output.tensor().segment().isMapped()).isFalse();
      output.tensor().setFloat(7, 1, 299_999);
      output.write();
      output.write();
      assertThat(path).doesNotExist();
      output.commit();
    }
    try (Arena arena = Arena.ofConfined()) {
      Tensor back = Npy.map(path, arena);
      assertThat(back.shape()).containsExactly(2, 300_000);
      assertThat(back.getFloat(1, 299_999)).isEqualTo(7);
      assertThat(back.getFloat(0, 0)).isZero();
    }
  }

  @Test
  void writesWhatChangedSinceTheLastWrite() {
    Path path = folder.resolve("w.npy");
    try (NpyOutput output = Npy.createInMemory(path, DType.F32, new long[] {2}, Arena.ofAuto())) {
      output.tensor().setFloat(7, 0);
      output.write();
      output.tensor().setFloat(8, 1);
      output.write();
      output.commit();
      assertThatThrownBy(output::write)
          .isInstanceOf(FileException.class)
          .hasMessageContaining("was committed or closed before");
    }
    assertThat(NpyBytes.floatsOf(path)).containsExactly(7, 8);
  }

  @Test
  void writesAlsoWithoutBeingAskedToBeforeTheCommit() {
    Path path = folder.resolve("c.npy");
    try (NpyOutput output = Npy.createInMemory(path, DType.F32, new long[] {}, Arena.ofAuto())) {
      output.tensor().setFloat(7, 0);
      output.commit();
    }
    assertThat(NpyBytes.floatsOf(path)).containsExactly(7);
  }
}

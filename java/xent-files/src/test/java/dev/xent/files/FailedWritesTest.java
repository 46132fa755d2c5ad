// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.support.NpyBytes;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * After each failure a name has the old file or the whole new one, the output cannot be committed,
 * and another one can.
 */
class FailedWritesTest {
  private static final String FULL =
      " cannot be written: File too large; check its name, its directory, the permissions and the free space";
  private static final String INTERRUPTED =
      " was not written: the thread was interrupted; create it again to write it again";
  private static final String UNUSABLE =
      " was committed or closed before, or a write failed; create it again to write it again";

  /** More than two of the pieces that are written at once. */
  private static final int NUMBERS = 600_000;

  private static final int HEADER = 128;
  private static final int PIECE = 1 << 20;
  private static final int BYTES = HEADER + 4 * NUMBERS;

  @TempDir private Path folder;
  private Arena arena;
  private Path path;

  @BeforeEach
  void writeTheOldFile() {
    arena = Arena.ofShared();
    path = NpyBytes.floats(folder.resolve("y.npy"), "(1,)", 7);
  }

  @AfterEach
  void close() {
    arena.close();
  }

  private NpyOutput output(Path name, boolean mapped) {
    long[] shape = {NUMBERS};
    NpyOutput output =
        mapped
            ? Npy.create(name, DType.F32, shape, arena)
            : Npy.createInMemory(name, DType.F32, shape, arena);
    float[] numbers = new float[NUMBERS];
    for (int i = 0; i < NUMBERS; i++) {
      numbers[i] = i;
    }
    output.tensor().copyFrom(Tensor.of(numbers));
    return output;
  }

  private static void assertFails(Runnable write, String message) {
    assertThatThrownBy(write::run).isInstanceOf(FileException.class).hasMessage(message);
  }

  private void assertUnusable(NpyOutput output) throws IOException {
    assertOld();
    assertFails(output::write, path + UNUSABLE);
    assertFails(output::commit, path + UNUSABLE);
    assertOld();
  }

  private void assertOld() throws IOException {
    assertThat(NpyBytes.floatsOf(path)).containsExactly(7);
    assertThat(files()).containsExactly("y.npy");
  }

  private void assertWhole() throws IOException {
    assertThat(Files.size(path)).isEqualTo(BYTES);
    float[] numbers = NpyBytes.floatsOf(path);
    assertThat(numbers).hasSize(NUMBERS);
    for (int i = 0; i < NUMBERS; i++) {
      assertThat(numbers[i]).isEqualTo(i);
    }
    assertThat(files()).containsExactly("y.npy");
  }

  // ---- a full disk: at every write, at its first byte, its last one and between them
  // -------------

  @ParameterizedTest
  @ValueSource(
      ints = {
        0,
        1,
        HEADER - 1,
        HEADER,
        HEADER + 1,
        HEADER + PIECE - 1,
        HEADER + PIECE,
        BYTES / 2,
        HEADER + 2 * PIECE,
        BYTES - 1
      })
  @EnabledOnOs(OS.LINUX)
  void aFullDisk(int room) throws IOException {
    FileSizeLimit.run(room, () -> assertFails(() -> output(path, true), path + FULL));
    assertOld();
    try (NpyOutput output = output(path, false)) {
      FileSizeLimit.run(room, () -> assertFails(output::commit, path + FULL));
      assertUnusable(output);
      Npy.write(path, output.tensor());
    }
    assertWhole();
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void aFullDiskAtTheSecondOfTwo() throws IOException {
    try (NpyOutput first = output(path, false);
        NpyOutput second = output(folder.resolve("z.npy"), false)) {
      first.write();
      FileSizeLimit.run(PIECE, () -> assertFails(second::write, folder.resolve("z.npy") + FULL));
    }
    assertOld();
  }

  private static final List<String> TEXTS = List.of("first\n", "\u00e9 and the second\n", "");
  private static final String ALL = String.join("", TEXTS);

  @Test
  @EnabledOnOs(OS.LINUX)
  void aTextOnAFullDisk() throws IOException {
    int length = ALL.getBytes(StandardCharsets.UTF_8).length;
    for (int room = 0; room < length; room++) {
      try (WholeFile file = WholeFile.create(path, ".txt")) {
        FileSizeLimit.run(room, () -> assertFails(() -> TEXTS.forEach(file::write), path + FULL));
        assertFails(() -> file.write("more"), path + UNUSABLE);
        assertFails(file::commit, path + UNUSABLE);
        assertOld();
      }
    }
    try (WholeFile file = WholeFile.create(path, ".txt")) {
      TEXTS.forEach(file::write);
      file.commit();
    }
    assertThat(path).hasContent(ALL);
  }

  // ---- an interrupt ----------------------------------------------------------------------------

  private static void assertInterrupted(Runnable write, String message) {
    Thread.currentThread().interrupt();
    assertFails(write, message);
    assertThat(Thread.interrupted()).isTrue();
  }

  @Test
  void anInterruptBeforeAWrite() throws IOException {
    assertInterrupted(() -> output(path, true), path + INTERRUPTED);
    assertOld();
    try (NpyOutput output = output(path, false)) {
      assertInterrupted(output::commit, path + INTERRUPTED);
      assertUnusable(output);
    }
  }

  /** The rest of the text would appear without it. */
  @Test
  void anInterruptBeforeATextOfSeveral() throws IOException {
    try (WholeFile file = WholeFile.create(path, ".txt")) {
      file.write("first\n");
      assertInterrupted(() -> file.write("second\n"), path + INTERRUPTED);
      assertFails(file::commit, path + UNUSABLE);
      assertOld();
    }
  }

  @Test
  void anInterruptAtAnyMoment() throws IOException {
    Random random = new Random(1);
    Thread writer = Thread.currentThread();
    for (int i = 0; i < 50; i++) {
      NpyBytes.floats(path, "(1,)", 7);
      try (NpyOutput output = output(path, false)) {
        long wait = random.nextLong(2_000_000);
        Thread other =
            Thread.ofPlatform()
                .start(
                    () -> {
                      LockSupport.parkNanos(wait);
                      writer.interrupt();
                    });
        boolean failed = catchThrowable(output::commit) != null;
        while (!Thread.interrupted()) {
          Thread.onSpinWait();
        }
        assertThat(other.isInterrupted()).isFalse();
        if (failed) {
          assertUnusable(output);
        } else {
          assertWhole();
        }
      }
    }
  }

  // ---- a name that cannot be given --------------------------------------------------------------

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "a mapped file cannot be renamed")
  void aNameThatIsADirectoryAtTheCommit(boolean mapped) throws IOException {
    try (NpyOutput output = output(path, mapped)) {
      Files.delete(path);
      Files.createDirectories(path.resolve("d"));
      assertThatThrownBy(output::commit)
          .isInstanceOf(FileException.class)
          .hasMessageStartingWith(path + " cannot be written: ");
      Files.delete(path.resolve("d"));
      Files.delete(path);
      assertFails(output::commit, path + UNUSABLE);
      assertThat(files()).isEmpty();
      Npy.write(path, output.tensor());
    }
    assertWhole();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "an open file cannot be deleted")
  void aTemporaryFileThatWasRemoved(boolean mapped) throws IOException {
    try (NpyOutput output = output(path, mapped)) {
      for (String name : files()) {
        if (name.startsWith(".xent-")) {
          Files.delete(folder.resolve(name));
        }
      }
      assertThatThrownBy(output::commit)
          .isInstanceOf(FileException.class)
          .hasMessageStartingWith(path + " cannot be written: ");
      assertFails(output::commit, path + UNUSABLE);
    }
    assertOld();
  }

  private List<String> files() throws IOException {
    try (Stream<Path> list = Files.list(folder)) {
      return list.map(each -> each.getFileName().toString()).toList();
    }
  }
}

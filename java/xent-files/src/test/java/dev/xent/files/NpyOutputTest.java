// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.xent.DType;
import dev.xent.errors.MemoryException;
import dev.xent.errors.ShapeException;
import dev.xent.support.NpyBytes;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
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
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "a mapped file cannot be replaced or deleted")
  void leavesNoTraceWithoutACommit() throws IOException {
    try (NpyOutput output = create(folder.resolve("y.npy"), 2, 3)) {
      assertThat(files()).hasSize(1).allMatch(name -> name.startsWith(".xent-"));
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
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "not every user may make links")
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
    assertRefused(folder.resolve("none/y.npy"), "does not exist; make it first");
    Path file = Files.createFile(folder.resolve("f"));
    assertRefused(file.resolve("y.npy"), "y.npy cannot be written: " + file + " is no directory");
    assertRefused(Files.createDirectory(folder.resolve("d")), "is a directory");
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "no /dev/null")
  void refusesADevice() {
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
    assertThat(path.toFile().setReadOnly()).isTrue();
    assertRefused(path, "is read-only; make it writable or name another file");
    assertThat(NpyBytes.floatsOf(path)).containsExactly(7);
    assertThat(files()).containsExactly("ro.npy");
  }

  @ParameterizedTest
  @ValueSource(strings = {"rw-------", "rw-rw-rw-", "rwxr-x--x"})
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "no POSIX permissions")
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

  @ParameterizedTest
  @ValueSource(ints = {235, 255})
  void writesAnyNameThatTheFileSystemHas(int length) throws IOException {
    Path path = folder.resolve("y".repeat(length - 4) + ".npy");
    try (NpyOutput output = create(path, 1)) {
      output.commit();
    }
    assertThat(files()).containsExactly(path.getFileName().toString());
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "not every user may make links")
  void refusesLinksThatLeadToNoFile() throws IOException {
    Path dangling = Files.createSymbolicLink(folder.resolve("dangling.npy"), Path.of("none.npy"));
    Path far = Files.createSymbolicLink(folder.resolve("far.npy"), Path.of("none/x.npy"));
    Path loop = Files.createSymbolicLink(folder.resolve("loop.npy"), Path.of("loop.npy"));
    for (Path link : List.of(dangling, far, loop)) {
      assertRefused(
          link, " is a link that leads to no file; remove it, or name the file to be written");
      assertThat(link).isSymbolicLink();
    }
    assertThat(files()).containsExactlyInAnyOrder("dangling.npy", "far.npy", "loop.npy");
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "not every user may make links")
  void twoNamesOfAFileHaveOneTarget() throws IOException {
    Path link = Files.createSymbolicLink(folder.resolve("link"), Path.of("."));
    assertThat(WholeFile.target(link.resolve("y.npy"), ".npy"))
        .isEqualTo(WholeFile.target(folder.resolve("y.npy"), ".npy"));
  }

  /** Whoever may give files away, which is root, gives a new one to the owner of the old one. */
  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "no POSIX permissions")
  void keepsTheOwnerOfTheFileItReplaces() throws IOException {
    Path path = NpyBytes.floats(folder.resolve("y.npy"), "(1,)", 7);
    assumeTrue(Files.getAttribute(path, "unix:uid").equals(0), "not root");
    Files.setAttribute(path, "unix:uid", 65534);
    Files.setAttribute(path, "unix:gid", 65533);
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-r-----"));
    try (NpyOutput output = create(path, 1)) {
      output.commit();
    }
    assertThat(Files.readAttributes(path, "unix:uid,gid"))
        .containsEntry("uid", 65534)
        .containsEntry("gid", 65533);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
        .isEqualTo("rw-r-----");
    assertThat(NpyBytes.floatsOf(path)).containsExactly(0);
  }

  @Test
  void saysWhatIsWrongWithTheMemoryOfNumbersToBeWritten() throws InterruptedException {
    Path path = folder.resolve("y.npy");
    Arena closed = Arena.ofConfined();
    try (NpyOutput output = Npy.createInMemory(path, DType.F32, new long[] {2}, closed)) {
      closed.close();
      assertThatThrownBy(output::commit)
          .isInstanceOf(MemoryException.class)
          .hasMessage(
              path
                  + " was not written: its numbers cannot be read: Already closed; create it again with an arena that stays open, and write it on a thread that may use it");
    }
    try (NpyOutput output = Npy.createInMemory(path, DType.F32, new long[] {2}, arena)) {
      AtomicReference<Throwable> thrown = new AtomicReference<>();
      Thread other = Thread.ofPlatform().start(() -> thrown.set(catchThrowable(output::commit)));
      other.join();
      assertThat(thrown.get())
          .isInstanceOf(MemoryException.class)
          .hasMessageStartingWith(path + " was not written: its numbers cannot be read: ");
    }
    assertThat(path).doesNotExist();
  }

  @Test
  void numbersThatAreMappedNeedNoArenaAtTheCommit() {
    Path path = folder.resolve("y.npy");
    Arena closed = Arena.ofConfined();
    try (NpyOutput output = Npy.create(path, DType.F32, new long[] {2}, closed)) {
      output.tensor().setFloat(3, 1);
      closed.close();
      output.commit();
    }
    assertThat(NpyBytes.floatsOf(path)).containsExactly(0, 3);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void isCommittedOnce(boolean mapped) {
    Path path = folder.resolve("y.npy");
    long[] shape = {1};
    NpyOutput output =
        mapped
            ? Npy.create(path, DType.F32, shape, arena)
            : Npy.createInMemory(path, DType.F32, shape, arena);
    output.commit();
    String words =
        path
            + " was committed or closed before, or a write failed; create it again to write it again";
    assertThatThrownBy(output::commit).isInstanceOf(FileException.class).hasMessage(words);
    output.close();
    assertThat(path).exists();
    NpyOutput closed =
        mapped
            ? Npy.create(path, DType.F32, shape, arena)
            : Npy.createInMemory(path, DType.F32, shape, arena);
    closed.close();
    assertThatThrownBy(closed::commit).isInstanceOf(FileException.class).hasMessage(words);
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "names have no control characters")
  void namesInMessagesAreOneVisibleLine() {
    Path path = folder.resolve("a\nb\u001b[31m\u202e/y.npy");
    assertThatThrownBy(() -> create(path, 1))
        .isInstanceOf(FileException.class)
        .hasMessageContaining("/a\\u{a}b\\u{1b}[31m\\u{202e}/y.npy cannot be written: ");
  }

  @Test
  void causesDoNotNameTheTemporaryFile() {
    assertThat(Cause.of(new AccessDeniedException("/d/.xent-1-2-3.tmp")))
        .isEqualTo("permission denied");
    assertThat(Cause.of(new FileSystemException("/d/.xent-1-2-3.tmp", null, "File name too long")))
        .isEqualTo("File name too long");
    assertThat(Cause.of(new IOException("No space left on device")))
        .isEqualTo("No space left on device");
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "the name is too long at the commit only")
  void aNameThatIsTooLongIsRefusedAtOnce() {
    Path path = folder.resolve("y".repeat(300));
    assertThatThrownBy(() -> create(path, 1))
        .isInstanceOf(FileException.class)
        .hasMessageStartingWith(path + " cannot be written: ")
        .hasMessageNotContaining(".tmp");
  }

  private String written(long... shape) {
    Path path = folder.resolve("w" + shape.length + ".npy");
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

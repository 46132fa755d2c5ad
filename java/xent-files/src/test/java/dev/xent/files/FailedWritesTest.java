// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import dev.xent.files.FaultyChannel.Fault;
import dev.xent.files.FaultyChannel.Plan;
import dev.xent.support.NpyBytes;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** After each failure a name has the old file or the whole new one, and a message's fix works. */
class FailedWritesTest {
  private static final String FULL =
      " cannot be written: No space left on device; check its name, its directory, the permissions and the free space";
  private static final String INTERRUPTED =
      " was not written: the thread was interrupted; write it again";

  /** More than two of the pieces that are written at once. */
  private static final int NUMBERS = 600_000;

  private static final int HEADER = 128;
  private static final long PIECE = 1 << 20;
  private static final long BYTES = HEADER + 4L * NUMBERS;

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

  /** A fault at every write, at its first byte, its last one and between them. */
  static Stream<Arguments> faults() {
    long[] places = {
      0,
      1,
      HEADER / 2,
      HEADER - 1,
      HEADER,
      HEADER + 1,
      HEADER + PIECE - 1,
      HEADER + PIECE,
      BYTES / 2,
      HEADER + 2 * PIECE,
      BYTES - 1
    };
    return Stream.of(Fault.values())
        .flatMap(fault -> Arrays.stream(places).mapToObj(at -> Arguments.of(fault, at)));
  }

  private NpyOutput inMemory(Path name, Plan plan) {
    NpyOutput output =
        NpyOutput.create(name, DType.F32, new long[] {NUMBERS}, false, arena, plan.opener());
    float[] numbers = new float[NUMBERS];
    for (int i = 0; i < NUMBERS; i++) {
      numbers[i] = i;
    }
    output.tensor().copyFrom(Tensor.of(numbers));
    return output;
  }

  private static void assertFails(Fault fault, Path name, Runnable write) {
    assertThatThrownBy(write::run)
        .isInstanceOf(FileException.class)
        .hasMessage(name + (fault == Fault.DISK_FULL ? FULL : INTERRUPTED));
    assertThat(Thread.interrupted()).isEqualTo(fault == Fault.INTERRUPT);
  }

  private void assertOld() {
    assertThat(NpyBytes.floatsOf(path)).containsExactly(7);
  }

  private static void assertWhole(Path name) throws IOException {
    assertThat(Files.size(name)).isEqualTo(BYTES);
    float[] numbers = NpyBytes.floatsOf(name);
    assertThat(numbers).hasSize(NUMBERS);
    for (int i = 0; i < NUMBERS; i++) {
      assertThat(numbers[i]).isEqualTo(i);
    }
  }

  @ParameterizedTest
  @MethodSource("faults")
  void aCommitThatIsRepeated(Fault fault, long at) throws IOException {
    Plan plan = Plan.write(fault, at);
    try (NpyOutput output = inMemory(path, plan)) {
      plan.arm();
      assertFails(fault, path, output::commit);
      assertOld();
      assertFails(fault, path, output::commit);
      assertOld();
      plan.mend();
      output.commit();
      assertWhole(path);
    }
    assertThat(files()).containsExactly("y.npy");
  }

  @ParameterizedTest
  @MethodSource("faults")
  void severalThatAreCommittedTogether(Fault fault, long at) throws IOException {
    Plan plan = Plan.write(fault, BYTES + at);
    Path other = folder.resolve("z.npy");
    try (NpyOutput first = inMemory(path, plan);
        NpyOutput second = inMemory(other, plan)) {
      plan.arm();
      first.write();
      assertFails(fault, other, second::write);
      assertThat(files()).doesNotContain("z.npy");
      assertOld();
      plan.mend();
      first.write();
      second.write();
      first.commit();
      second.commit();
    }
    assertWhole(path);
    assertWhole(other);
    assertThat(files()).containsExactlyInAnyOrder("y.npy", "z.npy");
  }

  @ParameterizedTest
  @MethodSource("faults")
  void anOutputThatIsGivenUpLeavesTheOldFile(Fault fault, long at) throws IOException {
    Plan plan = Plan.write(fault, at);
    try (NpyOutput output = inMemory(path, plan)) {
      plan.arm();
      assertFails(fault, path, output::write);
    }
    assertOld();
    assertThat(files()).containsExactly("y.npy");
  }

  /** Network file systems say at the close that they have no room. */
  @Test
  void aCloseThatFails() throws IOException {
    Plan plan = Plan.close();
    try (NpyOutput output = inMemory(path, plan)) {
      plan.arm();
      assertFails(Fault.DISK_FULL, path, output::commit);
      assertFails(Fault.DISK_FULL, path, output::commit);
      assertOld();
      plan.mend();
      output.commit();
      assertWhole(path);
    }
  }

  @Test
  void aCloseThatFailsLosesTheNumbersOfAMapping() throws IOException {
    Plan plan = Plan.close();
    try (NpyOutput output =
        NpyOutput.create(path, DType.F32, new long[] {2}, true, arena, plan.opener())) {
      plan.arm();
      assertFails(Fault.DISK_FULL, path, output::commit);
      plan.mend();
      assertThatThrownBy(output::commit)
          .isInstanceOf(FileException.class)
          .hasMessage(
              path
                  + " was not written: what was written to it is lost; create it again to write it again");
    }
    assertOld();
    assertThat(files()).containsExactly("y.npy");
  }

  @ParameterizedTest
  @MethodSource("faults")
  void aMappedFileThatCannotBeMade(Fault fault, long at) throws IOException {
    Plan plan = Plan.write(fault, at);
    plan.arm();
    assertFails(
        fault,
        path,
        () -> NpyOutput.create(path, DType.F32, new long[] {NUMBERS}, true, arena, plan.opener()));
    assertOld();
    assertThat(files()).containsExactly("y.npy");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "a mapped file cannot be renamed")
  void aNameThatCannotBeGiven(boolean mapped) throws IOException {
    Path name = folder.resolve("new.npy");
    try (NpyOutput output =
        NpyOutput.create(name, DType.F32, new long[] {2}, mapped, arena, FileChannel::open)) {
      output.tensor().setFloat(3, 1);
      Path inTheWay = Files.createDirectories(name.resolve("d"));
      assertThatThrownBy(output::commit)
          .isInstanceOf(FileException.class)
          .hasMessageStartingWith(name + " cannot be written: ");
      Files.delete(inTheWay);
      Files.delete(name);
      output.commit();
    }
    assertThat(NpyBytes.floatsOf(name)).containsExactly(0, 3);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "an open file cannot be deleted")
  void aTemporaryFileThatWasRemoved(boolean mapped) throws IOException {
    try (NpyOutput output =
        NpyOutput.create(path, DType.F32, new long[] {2}, mapped, arena, FileChannel::open)) {
      for (String name : files()) {
        if (name.startsWith(".xent-")) {
          Files.delete(folder.resolve(name));
        }
      }
      for (int i = 0; i < 2; i++) {
        assertThatThrownBy(output::commit)
            .isInstanceOf(FileException.class)
            .hasMessage(
                path
                    + " was not written: its temporary file was removed; create it again to write it again");
      }
    }
    assertOld();
  }

  @Test
  void anArenaThatIsClosedBetweenTwoPieces() throws IOException {
    Arena own = Arena.ofShared();
    Plan plan = Plan.write(Fault.DISK_FULL, PIECE);
    NpyOutput output =
        NpyOutput.create(path, DType.F32, new long[] {NUMBERS}, false, own, plan.opener());
    plan.arm();
    assertFails(Fault.DISK_FULL, path, output::commit);
    plan.mend();
    own.close();
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(output::commit).isInstanceOf(MemoryException.class);
      assertOld();
    }
    output.close();
    assertThat(files()).containsExactly("y.npy");
  }

  // ---- texts -----------------------------------------------------------------------------------

  private static final List<String> TEXTS = List.of("first\n", "\u00e9 and the second\n", "");
  private static final String ALL = String.join("", TEXTS);

  @ParameterizedTest
  @EnumSource
  void aTextThatIsWrittenAgain(Fault fault) throws IOException {
    int length = ALL.getBytes(StandardCharsets.UTF_8).length;
    for (int at = 0; at < length; at++) {
      Plan plan = Plan.write(fault, at);
      try (WholeFile file = WholeFile.create(path, ".txt", plan.opener())) {
        plan.arm();
        for (String text : TEXTS) {
          if (catchThrowable(() -> file.write(text)) != null) {
            assertThat(Thread.interrupted()).isEqualTo(fault == Fault.INTERRUPT);
            assertFails(fault, path, () -> file.write(text));
            assertThatThrownBy(file::commit)
                .isInstanceOf(FileException.class)
                .hasMessage(
                    path
                        + " is not complete, as a write failed; write it again before you commit it");
            plan.mend();
            file.write(text);
          }
        }
        file.commit();
      }
      assertThat(path).hasContent(ALL);
    }
    assertThat(files()).containsExactly("y.npy");
  }

  @Test
  void aTextBehindBytesOfTheChannel() throws IOException {
    Plan plan = Plan.write(Fault.DISK_FULL, 2);
    try (WholeFile file = WholeFile.create(path, ".txt", plan.opener())) {
      file.channel().write(ByteBuffer.wrap(new byte[] {'a', 'b'}));
      plan.arm();
      assertFails(Fault.DISK_FULL, path, () -> file.write("longer"));
      plan.mend();
      file.write("cd");
      file.commit();
    }
    assertThat(path).hasContent("abcd");
  }

  private List<String> files() throws IOException {
    try (Stream<Path> list = Files.list(folder)) {
      return list.map(each -> each.getFileName().toString()).toList();
    }
  }
}

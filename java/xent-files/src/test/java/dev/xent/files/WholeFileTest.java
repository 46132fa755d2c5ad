// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WholeFileTest {
  private static final String LEFT = ".y.npy.12345-27cc9b296a2c.tmp";

  @TempDir private Path folder;

  @Test
  void sweepsWhatAKilledWriterLeft() throws IOException {
    Files.writeString(folder.resolve(LEFT), "half");
    WholeFile.sweep(folder.resolve("y.npy"));
    assertThat(files()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        ".x.npy.12345-27cc9b296a2c.tmp",
        ".y.npy.12345-27cc9b296a2c.tmp.bak",
        ".y.npy.-27cc9b296a2c.tmp",
        ".y.npy.12345.tmp",
        ".y.npy.tmp",
        "y.npy.12345-27cc9b296a2c.tmp",
        ".yynpy.12345-27cc9b296a2c.tmp",
        "y.npy"
      })
  void sweepsNothingElse(String name) throws IOException {
    Files.writeString(folder.resolve(name), "mine");
    WholeFile.sweep(folder.resolve("y.npy"));
    assertThat(files()).containsExactly(name);
  }

  @Test
  void sweepsNoLinkAndNoDirectory() throws IOException {
    Path mine = Files.writeString(folder.resolve("mine"), "mine");
    Files.createSymbolicLink(folder.resolve(LEFT), mine);
    Files.createDirectory(folder.resolve(".y.npy.1-1.tmp"));
    WholeFile.sweep(folder.resolve("y.npy"));
    assertThat(files()).containsExactlyInAnyOrder("mine", LEFT, ".y.npy.1-1.tmp");
    assertThat(mine).hasContent("mine");
  }

  @Test
  void sweepsNothingThatThisProcessWrites() throws IOException {
    Path path = folder.resolve("y.npy");
    try (WholeFile one = WholeFile.create(path, ".npy")) {
      WholeFile.sweep(path);
      one.write("one");
      try (WholeFile other = WholeFile.create(path, ".npy")) {
        other.write("other");
        WholeFile.sweep(path);
        assertThat(files()).hasSize(2);
        other.commit();
      }
      assertThat(path).hasContent("other");
      one.commit();
    }
    assertThat(path).hasContent("one");
    assertThat(files()).containsExactly("y.npy");
  }

  @Test
  void sweepsWhereALinkLeads() throws IOException {
    Path real = Files.createDirectory(folder.resolve("real"));
    Files.writeString(real.resolve("y.npy"), "old");
    Files.writeString(real.resolve(LEFT), "half");
    Path link = Files.createSymbolicLink(folder.resolve("link.npy"), real.resolve("y.npy"));
    WholeFile.sweep(link);
    assertThat(real.resolve(LEFT)).doesNotExist();
    assertThat(real.resolve("y.npy")).hasContent("old");
  }

  @Test
  void hasNothingToSweepWhereThereIsNoDirectory() {
    WholeFile.sweep(folder.resolve("none/y.npy"));
    WholeFile.sweep(Path.of("/"));
    assertThat(folder).isEmptyDirectory();
  }

  /** The lock shows in another process, so a channel of the writer itself is asked here. */
  @Test
  void isLockedAsLongAsItIsWritten() throws IOException {
    try (WholeFile file = WholeFile.create(folder.resolve("y.npy"), ".npy")) {
      try (FileChannel channel = file.channel()) {
        assertThatThrownBy(channel::tryLock).isInstanceOf(OverlappingFileLockException.class);
      }
    }
  }

  @Test
  void saysThatAnInterruptEndedIt() throws IOException {
    try (WholeFile file = WholeFile.create(folder.resolve("y.npy"), ".npy")) {
      Thread.currentThread().interrupt();
      assertThatThrownBy(() -> file.write("text"))
          .isInstanceOf(FileException.class)
          .hasMessage(
              folder.resolve("y.npy")
                  + " was not written: the thread was interrupted; write it again");
      assertThat(Thread.interrupted()).isTrue();
    }
    assertThat(files()).isEmpty();
  }

  private List<String> files() throws IOException {
    try (Stream<Path> list = Files.list(folder)) {
      return list.map(path -> path.getFileName().toString()).toList();
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class PrivateCopyTest {
  private static final String NAME = "xent.dll";

  @TempDir private Path parent;

  private Path left(String directory, String fileName, Duration age) throws IOException {
    Path file = Files.createDirectory(parent.resolve(directory)).resolve(fileName);
    Files.write(file, new byte[1]);
    Files.setLastModifiedTime(file, FileTime.from(Instant.now().minus(age)));
    return file;
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void itIsTheOwnersAlone() throws IOException {
    try (PrivateCopy copy = PrivateCopy.write(new byte[] {1}, parent, NAME)) {
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(copy.directory())))
          .isEqualTo("rwx------");
      assertThat(copy.file()).hasBinaryContent(new byte[] {1});
    }
    assertThat(parent).isEmptyDirectory();
  }

  @Test
  void everyCopyHasAPlaceOfItsOwn() {
    try (PrivateCopy one = PrivateCopy.write(new byte[] {1}, parent, NAME);
        PrivateCopy other = PrivateCopy.write(new byte[] {2}, parent, NAME)) {
      assertThat(one.file()).hasBinaryContent(new byte[] {1});
      assertThat(other.file()).hasBinaryContent(new byte[] {2});
    }
    assertThat(parent).isEmptyDirectory();
  }

  @Test
  void oldCopiesGoAndNothingElse() throws IOException {
    Path old = left("xent-1", NAME, Duration.ofHours(1));
    Path young = left("xent-2", NAME, Duration.ofMinutes(1));
    Path others = left("xent-3", "notes.txt", Duration.ofHours(1));
    Path foreign = left("other-4", NAME, Duration.ofHours(1));
    PrivateCopy.removeLeft(parent, NAME);
    assertThat(old.getParent()).doesNotExist();
    assertThat(young).exists();
    assertThat(others).exists();
    assertThat(foreign).exists();
  }

  /** As if Windows held the file: a copy that cannot be removed does not end the load. */
  @Test
  void aCopyThatCannotBeRemovedStays() throws IOException {
    Path old = left("xent-1", NAME, Duration.ofHours(1));
    Path more = Files.createFile(old.resolveSibling("more"));
    PrivateCopy.removeLeft(parent, NAME);
    assertThat(more).exists();
  }

  /** As with the umask 0777, under which a directory does not let its owner look for a file. */
  @Test
  void aFolderWhoseFileCannotBeRemovedIsRemoved() throws IOException {
    Path folder = Files.createDirectory(parent.resolve("xent-1"));
    new PrivateCopy(folder, folder.resolve("x".repeat(300))).close();
    assertThat(folder).doesNotExist();
  }

  @Test
  void aParentThatIsMissingIsNoError() {
    PrivateCopy.removeLeft(parent.resolve("nowhere"), NAME);
    assertThat(parent).isEmptyDirectory();
  }
}

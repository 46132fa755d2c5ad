// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.NativeLibraryException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;

/**
 * The headers of a Linux library. The system's loader maps the ranges in the headers without a
 * check. If the file is shorter, the access raises SIGBUS, which ends the JVM.
 *
 * <p>The file is not read with a FileChannel, which an interrupt of the thread would close.
 */
final class ElfFile {
  private static final int MAGIC = 0x464c457f;
  private static final int CLASS_64 = 2;
  private static final int LITTLE_ENDIAN = 1;
  private static final int SHARED_LIBRARY = 3;
  private static final int HEADER_BYTES = 64;
  private static final int SEGMENT_BYTES = 56;
  private static final int SECTION_BYTES = 64;
  private static final int SECTION_IS_UNUSED = 0;
  private static final int SECTION_HAS_STRINGS = 3;
  private static final int SECTION_HAS_NO_BYTES = 8;

  private final Path path;
  private final RandomAccessFile file;
  private final long size;

  private ElfFile(Path path, RandomAccessFile file) throws IOException {
    this.path = path;
    this.file = file;
    size = file.length();
  }

  /**
   * Rejects a file that is not a library for a processor, or is truncated.
   *
   * @param arch as in {@link Platform}
   */
  static void requireComplete(Path path, String arch) {
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "r")) {
      new ElfFile(path, file).check(arch);
    } catch (IOException e) {
      throw new NativeLibraryException(message("cannot read %s: %s", path, e), e);
    }
  }

  private void check(String arch) throws IOException {
    if (size < HEADER_BYTES) {
      throw incomplete(HEADER_BYTES);
    }
    ByteBuffer header = read(0, HEADER_BYTES);
    if (header.getInt(0) != MAGIC
        || header.get(4) != CLASS_64
        || header.get(5) != LITTLE_ENDIAN
        || header.getShort(16) != SHARED_LIBRARY
        || !isFor(arch, header.getShort(18))) {
      throw new NativeLibraryException(
          message("%s is not a library for linux-%s; use one that was built for it", path, arch));
    }
    int segments = Short.toUnsignedInt(header.getShort(56));
    int sections = Short.toUnsignedInt(header.getShort(60));
    int names = Short.toUnsignedInt(header.getShort(62));
    checkSegments(table(header.getLong(32), segments, SEGMENT_BYTES), segments);
    checkSections(table(header.getLong(40), sections, SECTION_BYTES), sections, names);
  }

  /**
   * Whether the machine is that of the architecture. For other architectures the system's loader
   * decides.
   */
  private static boolean isFor(String arch, short machine) {
    return switch (arch) {
      case "x86_64" -> machine == 62;
      case "aarch64" -> machine == 183;
      default -> true;
    };
  }

  private ByteBuffer table(long offset, int count, int bytesOfEach) throws IOException {
    int bytes = count * bytesOfEach;
    requireInside(offset, bytes);
    return read(offset, bytes);
  }

  private void checkSegments(ByteBuffer table, int count) {
    for (int i = 0; i < count; i++) {
      int at = i * SEGMENT_BYTES;
      requireInside(table.getLong(at + 8), table.getLong(at + 32));
    }
  }

  /**
   * Checks the sections, which are last in a file. A file padded with zeros has invalid sections.
   */
  private void checkSections(ByteBuffer table, int count, int names) {
    for (int i = 0; i < count; i++) {
      int at = i * SECTION_BYTES;
      int type = table.getInt(at + 4);
      if (type != SECTION_IS_UNUSED && type != SECTION_HAS_NO_BYTES) {
        requireInside(table.getLong(at + 24), table.getLong(at + 32));
      }
      if (i == names && i > 0 && type != SECTION_HAS_STRINGS) {
        throw new NativeLibraryException(
            message("%s is damaged: its section headers are no such; copy it again", path));
      }
    }
  }

  private void requireInside(long offset, long bytes) {
    long end = offset + bytes;
    if (offset < 0 || bytes < 0 || end < 0 || end > size) {
      throw incomplete(offset < 0 || bytes < 0 || end < 0 ? Long.MAX_VALUE : end);
    }
  }

  private NativeLibraryException incomplete(long needed) {
    return new NativeLibraryException(
        message(
            "%s is not complete: it has %d bytes, its headers need %d or more; copy it again",
            path, size, needed));
  }

  private ByteBuffer read(long offset, int bytes) throws IOException {
    byte[] read = new byte[bytes];
    file.seek(offset);
    file.readFully(read);
    return ByteBuffer.wrap(read).order(ByteOrder.LITTLE_ENDIAN);
  }
}

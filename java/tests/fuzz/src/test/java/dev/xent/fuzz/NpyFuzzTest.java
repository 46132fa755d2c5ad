// SPDX-License-Identifier: Apache-2.0
package dev.xent.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.xent.Tensor;
import dev.xent.files.FileException;
import dev.xent.files.Npy;
import dev.xent.files.NpyFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** Any bytes as a .npy file: refused in one line, or read, and then the same when written again. */
class NpyFuzzTest {
  private static final Path FILE = TemporaryFile.named("input.npy");
  private static final Path AGAIN = TemporaryFile.named("again.npy");

  @FuzzTest
  void npy(byte[] bytes) throws IOException {
    Files.write(FILE, bytes);
    try (Arena arena = Arena.ofConfined()) {
      check(Npy.open(FILE, arena), bytes.length, arena);
    } catch (FileException refusal) {
      Found.unlessOneLine(refusal);
    }
  }

  private static void check(NpyFile file, long length, Arena arena) {
    long bytes = file.elements() * file.type().byteSize();
    Found.unless(bytes >= 0 && bytes < length, "more elements than the file has bytes");
    Found.unless(file.data().byteSize() == bytes, "other bytes than elements");
    Tensor copy = file.copy(arena);
    Found.readAll(copy);
    if (file.isAligned()) {
      Found.unless(equal(file.tensor(), copy), "the copy differs from the mapping");
    }
    if (file.shape().length > 0) {
      Npy.write(AGAIN, copy);
      NpyFile again = Npy.open(AGAIN, arena);
      Found.unless(again.type() == file.type(), "the type changed");
      Found.unless(Arrays.equals(again.shape(), file.shape()), "the shape changed");
      Tensor target = Tensor.allocate(arena, again.type(), again.shape());
      target.copyFrom(copy);
      Found.unless(equal(again.copy(arena), target), "the numbers changed");
    }
  }

  private static boolean equal(Tensor a, Tensor b) {
    MemorySegment bytes = a.segment();
    return bytes.mismatch(b.segment()) < 0 && Arrays.equals(a.strides(), b.strides());
  }
}

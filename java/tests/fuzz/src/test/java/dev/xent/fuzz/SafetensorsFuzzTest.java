// SPDX-License-Identifier: Apache-2.0
package dev.xent.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.xent.errors.DTypeException;
import dev.xent.files.FileException;
import dev.xent.files.Safetensors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Any bytes as a .safetensors file: refused in one line, or every tensor of it is read or refused.
 */
class SafetensorsFuzzTest {
  private static final Path FILE = TemporaryFile.named("input.safetensors");

  @FuzzTest
  void safetensors(byte[] bytes) throws IOException {
    Files.write(FILE, bytes);
    try (Arena arena = Arena.ofConfined()) {
      check(Safetensors.open(FILE, arena), bytes.length, arena);
    } catch (FileException refusal) {
      Found.unlessOneLine(refusal);
    }
  }

  private static void check(Safetensors file, long length, Arena arena) {
    long read = 0;
    for (String name : file.names()) {
      Found.unless(file.dtype(name) != null, "a tensor without a type");
      Found.unless(Arrays.stream(file.shape(name)).allMatch(size -> size >= 0), "a size below 0");
      read += read(file, name, arena);
    }
    Found.unless(read <= length, "more elements than the file has bytes");
    file.metadata().forEach((key, value) -> Found.unless(value != null, "a key without a value"));
  }

  private static long read(Safetensors file, String name, Arena arena) {
    long bytes = 0;
    try {
      var copy = file.copy(name, arena);
      Found.readAll(copy);
      bytes = copy.elements() * copy.type().byteSize();
    } catch (FileException | DTypeException refusal) {
      Found.unlessOneLine(refusal);
    }
    try {
      Found.readAll(file.tensor(name));
    } catch (FileException | DTypeException refusal) {
      Found.unlessOneLine(refusal);
    }
    return bytes;
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.support.Losses;
import dev.xent.support.NpyBytes;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Loss and gradient from file to file, without a copy between. */
class MappedCallsTest {
  private static final long[] SHAPE = {Losses.ROWS, Losses.CLASSES};

  @TempDir private Path folder;

  @Test
  void fromNpyToNpy() {
    Path logits = folder.resolve("logits.npy");
    Path gradient = folder.resolve("gradient.npy");
    Npy.write(logits, Tensor.of(Losses.logits(), SHAPE));
    try (Arena arena = Arena.ofConfined();
        NpyOutput output = Npy.create(gradient, DType.F32, SHAPE, arena)) {
      Tensor mapped = Npy.map(logits, arena);
      Losses.requirePlainBits(mapped, output.tensor());
      Losses.requireNoAllocation(mapped, output.tensor());
      output.commit();
      assertThat(NpyBytes.floatsOf(gradient)).containsExactly(output.tensor().toFloatArray());
    }
  }

  @Test
  void fromSafetensors() throws IOException {
    float[] logits = Losses.logits();
    int bytes = logits.length * Float.BYTES;
    String header = "{" + SafetensorsBytes.tensor("x", "F32", "[3,40]", 0, bytes) + "}";
    byte[] file = SafetensorsBytes.file(header + " ".repeat(8 - header.length() % 8), bytes);
    ByteBuffer.wrap(file, file.length - bytes, bytes)
        .order(ByteOrder.LITTLE_ENDIAN)
        .asFloatBuffer()
        .put(logits);
    Path path = Files.write(folder.resolve("x.safetensors"), file);
    try (Arena arena = Arena.ofConfined()) {
      Tensor mapped = Safetensors.open(path, arena).tensor("x");
      Tensor gradient = Tensor.allocate(arena, DType.F32, SHAPE);
      Losses.requirePlainBits(mapped, gradient);
      Losses.requireNoAllocation(mapped, gradient);
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import dev.xent.support.Losses;
import dev.xent.support.NpyBytes;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** What docs/tensor.md says of buffers and mapped files. */
class NioTest {
  private static final int BYTES = Losses.ROWS * Losses.CLASSES * Float.BYTES;
  private static final long[] SHAPE = {Losses.ROWS, Losses.CLASSES};

  @TempDir private Path folder;

  private static ByteBuffer direct(int bytes) {
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
  }

  @Test
  void aDirectBufferIsSharedBothWays() {
    ByteBuffer buffer = direct(BYTES);
    Tensor tensor = Tensor.of(buffer, DType.F32, SHAPE);
    assertThat(tensor.segment().address()).isEqualTo(MemorySegment.ofBuffer(buffer).address());
    buffer.putFloat(4, 2.5f);
    assertThat(tensor.getFloat(0, 1)).isEqualTo(2.5f);
    tensor.setFloat(-1, 0, 2);
    assertThat(buffer.getFloat(8)).isEqualTo(-1);
  }

  @Test
  void aHeapBufferIsSharedBothWays() {
    float[] array = new float[4];
    FloatBuffer buffer = FloatBuffer.wrap(array);
    Tensor tensor = Tensor.of(buffer);
    buffer.put(1, 2.5f);
    assertThat(tensor.getFloat(1)).isEqualTo(2.5f);
    tensor.setFloat(-1, 2);
    assertThat(array).containsExactly(0, 2.5f, -1, 0);
  }

  @Test
  void aBufferCountsFromItsPositionToItsLimit() {
    ByteBuffer buffer = direct(32).position(8).limit(24);
    Tensor tensor = Tensor.of(buffer, DType.F32);
    assertThat(tensor.shape()).containsExactly(4);
    assertThat(tensor.segment().address())
        .isEqualTo(MemorySegment.ofBuffer(buffer.duplicate().clear()).address() + 8);
    buffer.clear();
    assertThat(tensor.shape()).containsExactly(4);
  }

  @Test
  void lossAndGradientOnDirectBuffers() {
    ByteBuffer logits = direct(BYTES);
    logits.asFloatBuffer().put(Losses.logits());
    Tensor tensor = Tensor.of(logits, DType.F32, SHAPE);
    Tensor gradient = Tensor.of(direct(BYTES), DType.F32, SHAPE);
    Losses.requirePlainBits(tensor, gradient);
    Losses.requireNoAllocation(tensor, gradient);
  }

  @Test
  void lossAndGradientInMappedFiles() throws IOException {
    Path path = Files.write(folder.resolve("x.bin"), new byte[2 * BYTES]);
    try (Arena arena = Arena.ofConfined();
        FileChannel channel =
            FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      MemorySegment file = channel.map(MapMode.READ_WRITE, 0, 2L * BYTES, arena);
      Tensor logits = Tensor.of(file, DType.F32, SHAPE);
      Tensor gradient = Tensor.of(file.asSlice(BYTES), DType.F32, SHAPE);
      MemorySegment.copy(
          Losses.logits(), 0, file, ValueLayout.JAVA_FLOAT, 0, Losses.ROWS * Losses.CLASSES);
      Losses.requirePlainBits(logits, gradient);
      Losses.requireNoAllocation(logits, gradient);
      ByteBuffer written = ByteBuffer.wrap(Files.readAllBytes(path)).order(ByteOrder.nativeOrder());
      assertThat(written.getFloat(0)).isEqualTo(Losses.logits()[0]);
      assertThat(written.getFloat(BYTES)).isEqualTo(gradient.getFloat(0, 0));
    }
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "a mapped file cannot be replaced or deleted")
  void aMappedBufferOfOldIsShared() throws IOException {
    Path path = Files.write(folder.resolve("x.bin"), NpyBytes.floats(1, 2, 3));
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      MappedByteBuffer buffer = channel.map(MapMode.READ_ONLY, 0, 12);
      buffer.order(ByteOrder.nativeOrder());
      Tensor tensor = Tensor.of(buffer, DType.F32);
      assertThat(tensor.isReadOnly()).isTrue();
      assertThat(tensor.segment().isMapped()).isTrue();
      assertThat(tensor.toFloatArray()).containsExactly(1, 2, 3);
    }
  }

  @Test
  void aPrivateMappingKeepsWhatIsWrittenToItself() throws IOException {
    Path path = Files.write(folder.resolve("x.bin"), NpyBytes.floats(1, 2, 3));
    try (Arena arena = Arena.ofConfined();
        FileChannel channel =
            FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      Tensor tensor = Tensor.of(channel.map(MapMode.PRIVATE, 0, 12, arena), DType.F32, 3);
      tensor.setFloat(9, 0);
      assertThat(tensor.toFloatArray()).containsExactly(9, 2, 3);
      assertThat(Files.readAllBytes(path)).isEqualTo(NpyBytes.floats(1, 2, 3));
    }
  }

  @Test
  void readOnlyMemoryGivesReadOnlyTensors() {
    assertThat(
            Tensor.of(direct(8).asReadOnlyBuffer().order(ByteOrder.nativeOrder()), DType.F32)
                .isReadOnly())
        .isTrue();
    assertThat(Tensor.of(FloatBuffer.wrap(new float[2]).asReadOnlyBuffer()).isReadOnly()).isTrue();
    Tensor tensor = Tensor.of(FloatBuffer.wrap(new float[2]).asReadOnlyBuffer());
    assertThatThrownBy(() -> tensor.setFloat(1, 0))
        .isInstanceOf(MemoryException.class)
        .hasMessage("the tensor is read-only; expected writable memory");
  }

  @Test
  void bigEndianBuffersAreRefusedByName() {
    assertThatThrownBy(() -> Tensor.of(ByteBuffer.allocateDirect(8), DType.F32))
        .isInstanceOf(MemoryException.class)
        .hasMessage(
            "the buffer is BIG_ENDIAN, this machine is LITTLE_ENDIAN: call"
                + " order(ByteOrder.nativeOrder()) of the ByteBuffer, before asFloatBuffer()");
    assertThatThrownBy(() -> Tensor.of(ByteBuffer.allocate(8).asFloatBuffer()))
        .isInstanceOf(MemoryException.class)
        .hasMessageStartingWith("the buffer is BIG_ENDIAN");
    assertThat(Tensor.of(ByteBuffer.allocateDirect(8), DType.U8).elements()).isEqualTo(8);
  }

  @Test
  void slicesMustBeginAtAMultipleOfTheElement() {
    ByteBuffer odd = direct(16).position(2).limit(14);
    assertThatThrownBy(() -> Tensor.of(odd, DType.F32))
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("is not aligned to the 4 bytes of F32: align the memory");
    assertThat(Tensor.of(odd, DType.F16).elements()).isEqualTo(6);
    ByteBuffer heap = ByteBuffer.allocate(16).order(ByteOrder.nativeOrder());
    assertThatThrownBy(() -> Tensor.of(heap, DType.F32))
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("use an array of the element type or off-heap memory");
  }

  @Test
  void aBufferIsKeptByItsTensor() {
    Tensor tensor = Tensor.of(direct(1 << 20).asFloatBuffer());
    for (int i = 0; i < 64; i++) {
      direct(1 << 20);
    }
    System.gc();
    tensor.setFloat(1, (1 << 18) - 1);
    assertThat(tensor.getFloat((1 << 18) - 1)).isEqualTo(1);
  }
}

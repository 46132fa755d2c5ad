// SPDX-License-Identifier: Apache-2.0
package dev.xent.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import dev.xent.errors.ShapeException;
import io.netty.buffer.AdaptiveByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Views share the memory of buffers, both ways. */
class NettyTensorsTest {
  static Stream<ByteBufAllocator> allocators() {
    return Stream.of(
        UnpooledByteBufAllocator.DEFAULT,
        PooledByteBufAllocator.DEFAULT,
        new AdaptiveByteBufAllocator());
  }

  private static ByteBuf floats(ByteBuf buffer, float... values) {
    for (float value : values) {
      buffer.writeFloatLE(value);
    }
    return buffer;
  }

  private static ByteBuf six() {
    return floats(Unpooled.directBuffer(), 1, 2, 3, 4, 5, 6);
  }

  @ParameterizedTest
  @MethodSource("allocators")
  void aViewIsTheMemoryOfADirectBuffer(ByteBufAllocator allocator) {
    ByteBuf buffer = floats(allocator.directBuffer(), 9, 1, 2, 3, 4, 5, 6);
    buffer.skipBytes(4);
    Tensor tensor = NettyTensors.view(buffer, DType.F32, 2, 3);

    assertThat(tensor.toFloatArray()).containsExactly(1, 2, 3, 4, 5, 6);
    if (buffer.hasMemoryAddress()) {
      assertThat(tensor.segment().address()).isEqualTo(buffer.memoryAddress() + 4);
    }
    tensor.setFloat(20, 0, 1);
    assertThat(buffer.getFloatLE(8)).isEqualTo(20);
    buffer.setFloatLE(24, 60);
    assertThat(tensor.getFloat(1, 2)).isEqualTo(60);
    assertThat(buffer.readerIndex()).isEqualTo(4);
    assertThat(buffer.writerIndex()).isEqualTo(28);
    assertThat(buffer.refCnt()).isEqualTo(1);
    buffer.release();
  }

  @ParameterizedTest
  @MethodSource("allocators")
  void aViewIsTheArrayOfAHeapBuffer(ByteBufAllocator allocator) {
    ByteBuf buffer = allocator.heapBuffer().writeBytes(new byte[] {9, 1, (byte) 200});
    buffer.skipBytes(1);
    Tensor labels = NettyTensors.view(buffer, DType.U8);

    assertThat(labels.toLongArray()).containsExactly(1, 200);
    assertThat(labels.segment().heapBase()).containsSame(buffer.array());
    buffer.setByte(1, 7);
    assertThat(labels.getLong(0)).isEqualTo(7);
    labels.segment().set(ValueLayout.JAVA_BYTE, 1, (byte) 8);
    assertThat(buffer.getByte(2)).isEqualTo((byte) 8);
    buffer.release();
  }

  @Test
  void numbersOfHeapBuffersAreCopied() {
    ByteBuf buffer = floats(Unpooled.buffer(), 1, 2);
    assertThatThrownBy(() -> NettyTensors.view(buffer, DType.F32))
        .isInstanceOf(MemoryException.class)
        .hasMessage(
            "the buffer is an array of bytes, which need not be aligned to the 4 bytes of F32: use copy, or a direct buffer");
    try (Arena arena = Arena.ofConfined()) {
      Tensor copy = NettyTensors.copy(buffer, arena, DType.F32, 2, 1);
      assertThat(copy.toFloatArray()).containsExactly(1, 2);
      buffer.setFloatLE(0, 5);
      assertThat(copy.getFloat(0, 0)).isEqualTo(1);
    }
  }

  @Test
  void slicesAndDuplicatesAreViewedWhereTheyLie() {
    ByteBuf buffer = six();
    Tensor slice = NettyTensors.view(buffer.slice(8, 8), DType.F32);
    Tensor duplicate =
        NettyTensors.view(buffer.duplicate().readerIndex(8).writerIndex(16), DType.F32);
    assertThat(slice.toFloatArray()).containsExactly(3, 4);
    duplicate.setFloat(30, 0);
    assertThat(slice.getFloat(0)).isEqualTo(30);
    assertThat(buffer.getFloatLE(8)).isEqualTo(30);
    buffer.release();
  }

  @Test
  void readOnlyBuffersGiveReadOnlyTensors() {
    ByteBuf buffer = six();
    Tensor tensor = NettyTensors.view(buffer.asReadOnly(), DType.F32);
    assertThat(tensor.isReadOnly()).isTrue();
    assertThat(tensor.toFloatArray()).containsExactly(1, 2, 3, 4, 5, 6);
    assertThatThrownBy(() -> tensor.setFloat(1, 0)).isInstanceOf(MemoryException.class);
    try (Arena arena = Arena.ofConfined()) {
      assertThat(NettyTensors.view(buffer.asReadOnly(), arena, DType.F32).isReadOnly()).isTrue();
    }
    assertThat(buffer.release()).isTrue();
  }

  @Test
  void aCompositeBufferIsViewedWhereOneComponentHasTheBytes() {
    CompositeByteBuf both =
        Unpooled.compositeBuffer().addComponents(true, six(), floats(Unpooled.directBuffer(), 7));
    assertThatThrownBy(() -> NettyTensors.view(both, DType.F32))
        .isInstanceOf(MemoryException.class)
        .hasMessage(
            "the readable bytes lie in 2 pieces of memory: use copy, or consolidate() the buffer");
    try (Arena arena = Arena.ofConfined()) {
      assertThat(NettyTensors.copy(both, arena, DType.F32).toFloatArray())
          .containsExactly(1, 2, 3, 4, 5, 6, 7);
    }
    both.readerIndex(4).writerIndex(24);
    Tensor tensor = NettyTensors.view(both, DType.F32);
    assertThat(tensor.toFloatArray()).containsExactly(2, 3, 4, 5, 6);
    tensor.setFloat(20, 0);
    assertThat(both.component(0).getFloatLE(4)).isEqualTo(20);
    both.release();
  }

  @Test
  void bigEndianNumbersAreCopied() {
    ByteBuf buffer = Unpooled.buffer().writeFloat(1.5f).writeFloat(-2);
    try (Arena arena = Arena.ofConfined()) {
      assertThat(NettyTensors.copy(buffer, ByteOrder.BIG_ENDIAN, arena, DType.F32).toFloatArray())
          .containsExactly(1.5f, -2);
      buffer.clear().writeDouble(3.25).writeLong(-7);
      assertThat(
              NettyTensors.copy(buffer.slice(0, 8), ByteOrder.BIG_ENDIAN, arena, DType.F64)
                  .toDoubleArray())
          .containsExactly(3.25);
      assertThat(
              NettyTensors.copy(buffer.slice(8, 8), ByteOrder.BIG_ENDIAN, arena, DType.I64)
                  .toLongArray())
          .containsExactly(-7);
      buffer.clear().writeShort(-300).writeShort(5);
      assertThat(NettyTensors.copy(buffer, ByteOrder.BIG_ENDIAN, arena, DType.I16).toLongArray())
          .containsExactly(-300, 5);
      buffer.clear().writeByte(3).writeByte(-1);
      assertThat(NettyTensors.copy(buffer, ByteOrder.BIG_ENDIAN, arena, DType.I8).toLongArray())
          .containsExactly(3, -1);
    }
  }

  @Test
  void anEmptyBufferIsAnEmptyTensor() {
    assertThat(NettyTensors.view(Unpooled.EMPTY_BUFFER, DType.F32, 0, 10).elements()).isZero();
    assertThat(NettyTensors.view(Unpooled.compositeBuffer(), DType.F32).elements()).isZero();
  }

  @Test
  void bytesThatAreNoNumbersAreRefused() {
    ByteBuf buffer = six();
    buffer.writerIndex(23);
    assertThatThrownBy(() -> NettyTensors.view(buffer, DType.F32))
        .isInstanceOf(MemoryException.class)
        .hasMessage(
            "the buffer has 23 readable bytes, not a multiple of the 4 bytes of F32: set its reader and writer index, or take a slice");
    buffer.setIndex(1, 21);
    assertThatThrownBy(() -> NettyTensors.view(buffer, DType.F32))
        .isInstanceOf(MemoryException.class)
        .hasMessageMatching(
            "the readable bytes begin at address 0x\\p{XDigit}+, not a multiple of the 4 bytes of F32: use copy, or begin them at such a multiple");
    buffer.release();
  }

  @Test
  void shapesThatDoNotFitAreRefused() {
    ByteBuf buffer = six();
    assertThatThrownBy(() -> NettyTensors.view(buffer, DType.F32, 2, 2))
        .isInstanceOf(ShapeException.class)
        .hasMessage(
            "F32 [6] has 6 elements, shape [2, 2] has 4; expected the same number of elements");
    try (Arena arena = Arena.ofConfined()) {
      assertThatThrownBy(() -> NettyTensors.view(buffer, arena, DType.F32, 7))
          .isInstanceOf(ShapeException.class);
      assertThat(buffer.refCnt()).isEqualTo(1);
      assertThatThrownBy(() -> NettyTensors.copy(buffer, arena, DType.F32, 7))
          .isInstanceOf(ShapeException.class);
    }
    buffer.release();
  }
}

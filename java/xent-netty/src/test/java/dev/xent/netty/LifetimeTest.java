// SPDX-License-Identifier: Apache-2.0
package dev.xent.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.DType;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.lang.foreign.Arena;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** Views with an arena keep the buffer, and end with the arena. */
class LifetimeTest {
  private static ByteBuf direct() {
    return PooledByteBufAllocator.DEFAULT.directBuffer().writeFloatLE(1).writeFloatLE(2);
  }

  @Test
  void anArenaRetainsTheBufferUntilItIsClosed() {
    ByteBuf buffer = direct();
    Tensor tensor;
    try (Arena arena = Arena.ofConfined()) {
      tensor = NettyTensors.view(buffer, arena, DType.F32);
      assertThat(buffer.refCnt()).isEqualTo(2);
      assertThat(buffer.release()).isFalse();
      tensor.setFloat(5, 0);
      assertThat(buffer.getFloatLE(0)).isEqualTo(5);
    }
    assertThat(buffer.refCnt()).isZero();
    assertThatThrownBy(() -> Softmax.along(-1).forward(tensor, tensor))
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("is in a closed arena: keep the arena open");
  }

  @Test
  void anAutomaticArenaReleasesTheBufferWhenNothingUsesTheTensor() throws InterruptedException {
    ByteBuf buffer = direct();
    Tensor tensor = NettyTensors.view(buffer, Arena.ofAuto(), DType.F32);
    buffer.release();
    System.gc();
    assertThat(buffer.refCnt()).isEqualTo(1);
    assertThat(tensor.getFloat(0)).isEqualTo(1);
    tensor = null;
    for (int i = 0; i < 1000 && buffer.refCnt() > 0; i++) {
      System.gc();
      Thread.sleep(10);
    }
    assertThat(buffer.refCnt()).isZero();
  }

  @Test
  void aClosedArenaRetainsNothing() {
    ByteBuf buffer = direct();
    Arena arena = Arena.ofConfined();
    arena.close();
    assertThatThrownBy(() -> NettyTensors.view(buffer, arena, DType.F32))
        .isInstanceOf(MemoryException.class)
        .hasMessageStartingWith("the arena cannot be used: ");
    assertThat(buffer.refCnt()).isEqualTo(1);
    buffer.release();
  }

  @Test
  void aReleasedBufferIsRefused() {
    ByteBuf buffer = direct();
    buffer.release();
    assertThatThrownBy(() -> NettyTensors.view(buffer, DType.F32))
        .isInstanceOf(MemoryException.class)
        .hasMessage("the buffer is released: view it before release(), or retain() it first");
    try (Arena arena = Arena.ofConfined()) {
      assertThatThrownBy(() -> NettyTensors.copy(buffer, arena, DType.F32))
          .isInstanceOf(MemoryException.class);
    }
  }

  @Test
  void memoryOfAnArenaIsRefusedWhenThatIsClosed() {
    Tensor tensor;
    try (Arena arena = Arena.ofConfined()) {
      ByteBuf buffer = NettyTensors.wrap(Tensor.allocate(arena, DType.F32, 2));
      tensor = NettyTensors.view(buffer, DType.F32);
    }
    assertThatThrownBy(() -> tensor.getFloat(0)).isInstanceOf(MemoryException.class);
  }

  @Test
  void aBufferOverMemoryOfAClosedArenaIsRefused() {
    ByteBuf buffer;
    try (Arena arena = Arena.ofConfined()) {
      buffer = NettyTensors.wrap(Tensor.allocate(arena, DType.F32, 2));
    }
    ByteBuf both = Unpooled.wrappedBuffer(direct(), buffer);
    try (Arena open = Arena.ofConfined()) {
      refused(() -> NettyTensors.view(buffer, DType.F32));
      refused(() -> NettyTensors.view(buffer, open, DType.F32));
      refused(() -> NettyTensors.copy(buffer, open, DType.F32));
      refused(() -> NettyTensors.copy(both, open, DType.F32));
    } finally {
      both.release();
    }
  }

  private static void refused(ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOf(MemoryException.class)
        .hasMessage(
            "the memory of the buffer belongs to an arena that is closed or confined to another thread: use an open shared one");
  }

  @Test
  void heapBuffersHaveNoArena() {
    try (Arena arena = Arena.ofConfined()) {
      assertThatThrownBy(
              () -> NettyTensors.view(Unpooled.wrappedBuffer(new byte[3]), arena, DType.U8))
          .isInstanceOf(MemoryException.class)
          .hasMessage(
              "the buffer is an array of bytes, which no arena can close: use view without an arena, or a direct buffer");
    }
  }
}

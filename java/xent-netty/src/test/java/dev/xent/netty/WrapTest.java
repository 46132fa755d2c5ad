// SPDX-License-Identifier: Apache-2.0
package dev.xent.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import io.netty.buffer.ByteBuf;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Buffers over the memory of tensors. */
class WrapTest {
  @Test
  void aBufferIsTheMemoryOfATensor() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor tensor = Tensor.allocate(arena, DType.F32, 2, 2);
      ByteBuf buffer = NettyTensors.wrap(tensor.slice(0, 1, 2));
      assertThat(buffer.readableBytes()).isEqualTo(8);
      tensor.setFloat(3, 1, 0);
      assertThat(buffer.getFloatLE(0)).isEqualTo(3);
      buffer.setFloatLE(4, 4);
      assertThat(tensor.getFloat(1, 1)).isEqualTo(4);
      assertThat(NettyTensors.view(buffer, DType.F32).segment().address())
          .isEqualTo(tensor.segment().address() + 8);

      assertThat(buffer.release()).isTrue();
      assertThat(tensor.getFloat(1, 1)).isEqualTo(4);
    }
  }

  @Test
  void readOnlyTensorsGiveReadOnlyBuffers() {
    try (Arena arena = Arena.ofConfined()) {
      ByteBuf buffer = NettyTensors.wrap(Tensor.allocate(arena, DType.I64, 3).asReadOnly());
      assertThat(buffer.isReadOnly()).isTrue();
      assertThat(buffer.getLongLE(16)).isZero();
    }
  }

  @Test
  void anArrayOfBytesIsWrapped() {
    byte[] array = {1, 2, 3};
    ByteBuf buffer = NettyTensors.wrap(Tensor.of(array).slice(0, 1, 3));
    assertThat(buffer.readableBytes()).isEqualTo(2);
    buffer.setByte(0, 9);
    assertThat(array).containsExactly(1, 9, 3);
  }

  @Test
  void otherArraysAreRefused() {
    assertThatThrownBy(() -> NettyTensors.wrap(Tensor.of(new float[4], 2, 2)))
        .isInstanceOf(MemoryException.class)
        .hasMessage(
            "the tensor is F32 [2, 2] on the heap, and a ByteBuf has no other heap memory than bytes: copy it into a tensor off the heap first");
  }

  @Test
  void gapsAreRefused() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor tensor = Tensor.allocate(arena, DType.F32, 2, 2);
      assertThatThrownBy(() -> NettyTensors.wrap(tensor.permute(1, 0)))
          .isInstanceOf(MemoryException.class)
          .hasMessage(
              "the tensor is F32 [2, 2] strides [1, 2] off the heap, and a buffer has no strides: copy it into a contiguous tensor first");
    }
  }

  @Test
  void moreThanABufferHoldsIsRefused() {
    // Nothing reads the memory: a view of these bytes is enough.
    MemorySegment large = MemorySegment.ofAddress(1 << 20).reinterpret(1L << 31);
    assertThatThrownBy(() -> NettyTensors.wrap(Tensor.of(large, DType.F32, 1L << 29)))
        .isInstanceOf(MemoryException.class)
        .hasMessage(
            "the tensor has 2147483648 bytes, and a ByteBuf at most 2147483647: wrap slices of it");
  }

  @Test
  void memoryThatCannotBeUsedIsRefused() throws Exception {
    String refusal =
        "F32 [2, 3] off the heap belongs to an arena that is closed or confined to another thread: use an open shared one";
    Tensor tensor;
    try (Arena arena = Arena.ofConfined()) {
      tensor = Tensor.allocate(arena, DType.F32, 2, 3);
      Tensor confined = tensor;
      CompletableFuture.runAsync(() -> refused(confined, refusal)).get();
    }
    refused(tensor, refusal);
  }

  private static void refused(Tensor tensor, String message) {
    assertThatThrownBy(() -> NettyTensors.wrap(tensor))
        .isInstanceOf(MemoryException.class)
        .hasMessage(message);
  }

  @Test
  @Timeout(30)
  void aBufferKeepsTheOwnerOfItsMemory() throws Exception {
    List<WeakReference<Object>> owner = new ArrayList<>();
    ByteBuf slice = wrapOwned(owner).slice(4, 4);
    collect();
    assertThat(owner.getFirst().get()).isNotNull();
    assertThat(slice.getFloatLE(0)).isZero();
    slice = null;
    while (owner.getFirst().get() != null) { // otherwise this could not fail
      collect();
    }
  }

  private static ByteBuf wrapOwned(List<WeakReference<Object>> made) {
    Object owner = new Object();
    made.add(new WeakReference<>(owner));
    MemorySegment memory = Arena.global().allocate(8, 64);
    return NettyTensors.wrap(Tensor.ofAddress(memory.address(), 8, owner, DType.F32, 2));
  }

  private static void collect() throws InterruptedException {
    System.gc();
    Thread.sleep(10);
  }

  @Test
  void noElementsAreNoBytes() {
    try (Arena arena = Arena.ofConfined()) {
      assertThat(NettyTensors.wrap(Tensor.allocate(arena, DType.F32, 0, 3)).isReadable()).isFalse();
    }
  }
}

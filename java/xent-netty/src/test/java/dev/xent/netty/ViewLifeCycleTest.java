// SPDX-License-Identifier: Apache-2.0
package dev.xent.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.DType;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import io.netty.buffer.AdaptiveByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What becomes of a view when its buffer grows, shrinks, moves its bytes, loses components, is
 * released or goes through the pool: nothing of another buffer's is read or written.
 */
class ViewLifeCycleTest {
  private static final int NUMBERS = 16;
  private static final String RELEASED =
      " is in memory that its owner has taken back: the buffer is released; keep it retained as long as the tensor is used, or view it with an arena";
  private static final String CLOSED =
      " is in memory that its owner has taken back: the buffer is over memory of an arena that is closed; keep that open as long as the tensor is used";
  private static final String LEFT =
      " is in memory that its owner has taken back: the buffer has other memory than it had, as when it grows or shrinks; view it again";

  /** What others have in memory that was released. */
  private static final float THEIRS = -7;

  static Stream<ByteBufAllocator> allocators() {
    return Stream.of(
        UnpooledByteBufAllocator.DEFAULT,
        PooledByteBufAllocator.DEFAULT,
        new AdaptiveByteBufAllocator());
  }

  private static ByteBuf numbers(ByteBuf buffer) {
    for (int i = 0; i < NUMBERS; i++) {
      buffer.writeFloatLE(i);
    }
    return buffer;
  }

  /** Buffers that share the memory of another one, none with a count of its own. */
  private static Map<String, UnaryOperator<ByteBuf>> derived() {
    Map<String, UnaryOperator<ByteBuf>> kinds = new LinkedHashMap<>();
    kinds.put("itself", buffer -> buffer);
    kinds.put("slice", ByteBuf::slice);
    kinds.put("part", buffer -> buffer.slice(8, 32));
    kinds.put("slice of a slice", buffer -> buffer.slice(8, 48).slice(4, 8));
    kinds.put("duplicate", buffer -> buffer.duplicate().skipBytes(4));
    kinds.put("read-only", ByteBuf::asReadOnly);
    kinds.put("part of a read-only one", buffer -> buffer.asReadOnly().slice(8, 16));
    kinds.put("unreleasable", Unpooled::unreleasableBuffer);
    kinds.put("component", buffer -> composite(buffer));
    kinds.put(
        "component behind another", buffer -> composite(buffer.slice(0, 8), buffer).skipBytes(8));
    kinds.put("part of a component", buffer -> composite(buffer).slice(4, 8));
    kinds.put("component of a component", buffer -> composite(composite(buffer.slice(4, 16))));
    kinds.put("read-only component", buffer -> composite(buffer.asReadOnly()));
    return kinds;
  }

  private static ByteBuf composite(ByteBuf... components) {
    return Unpooled.compositeBuffer().addComponents(true, components);
  }

  /** Takes memory that was released, runs something, and looks whether it wrote there. */
  private static void amongOthers(ByteBufAllocator allocator, boolean direct, Runnable use) {
    List<ByteBuf> others = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      ByteBuf other = direct ? allocator.directBuffer(64) : allocator.heapBuffer(64);
      for (int k = 0; k < NUMBERS; k++) {
        other.writeFloatLE(THEIRS);
      }
      others.add(other);
    }
    use.run();
    for (ByteBuf other : others) {
      for (int k = 0; k < NUMBERS; k++) {
        assertThat(other.getFloatLE(4 * k)).isEqualTo(THEIRS);
      }
      other.release();
    }
  }

  private static void refused(String name, Tensor tensor, String why) {
    assertThatThrownBy(tensor::segment)
        .as(name)
        .isInstanceOf(MemoryException.class)
        .hasMessage("the tensor" + why);
    if (!tensor.type().isFloat()) {
      return;
    }
    assertThatThrownBy(() -> tensor.getFloat(0)).as(name).hasMessage("the tensor" + why);
    assertThatThrownBy(() -> Softmax.along(-1).forward(tensor, Tensor.of(new float[NUMBERS])))
        .as(name)
        .isInstanceOf(MemoryException.class);
    if (!tensor.isReadOnly()) {
      assertThatThrownBy(() -> tensor.setFloat(1, 0)).as(name).hasMessage("the tensor" + why);
      assertThatThrownBy(() -> Softmax.along(-1).forward(tensor, tensor))
          .as(name)
          .hasMessage("logits" + why);
    }
  }

  private static Map<String, Consumer<ByteBuf>> moves() {
    return Map.of(
        "written beyond its capacity", buffer -> buffer.writeZero(1 << 16),
        "grown", buffer -> buffer.capacity(1 << 16),
        "shrunk", buffer -> buffer.capacity(4),
        "grown through a duplicate", buffer -> buffer.duplicate().capacity(1 << 16));
  }

  @ParameterizedTest
  @MethodSource("allocators")
  void memoryThatTheBufferHasLeftIsRefused(ByteBufAllocator allocator) {
    moves()
        .forEach(
            (move, change) ->
                derived()
                    .forEach(
                        (kind, derive) -> {
                          String name = kind + ", " + move;
                          ByteBuf buffer = numbers(allocator.directBuffer(64));
                          ByteBuf viewed = derive.apply(buffer);
                          Arena arena = Arena.ofShared();
                          Tensor tensor = NettyTensors.view(viewed, DType.F32);
                          Tensor held = NettyTensors.view(viewed, arena, DType.F32);
                          assertThat(tensor.toFloatArray())
                              .as(name)
                              .isEqualTo(held.toFloatArray())
                              .startsWith(viewed.getFloatLE(viewed.readerIndex()));
                          change.accept(buffer);
                          amongOthers(
                              allocator,
                              true,
                              () -> {
                                refused(name, tensor, LEFT);
                                refused(name, held, LEFT);
                              });
                          arena.close();
                          assertThat(buffer.refCnt()).as(name).isEqualTo(1);
                          buffer.release();
                        }));
  }

  @ParameterizedTest
  @MethodSource("allocators")
  void arraysThatTheBufferHasLeftAreRefused(ByteBufAllocator allocator) {
    moves()
        .forEach(
            (move, change) ->
                derived()
                    .forEach(
                        (kind, derive) -> {
                          ByteBuf buffer = numbers(allocator.heapBuffer(64));
                          Tensor tensor = NettyTensors.view(derive.apply(buffer), DType.I8);
                          assertThat(tensor.toLongArray()).hasSizeGreaterThan(4);
                          change.accept(buffer);
                          amongOthers(
                              allocator, false, () -> refused(kind + ", " + move, tensor, LEFT));
                          buffer.release();
                          refused(kind + ", " + move, tensor, RELEASED);
                        }));
  }

  @ParameterizedTest
  @MethodSource("allocators")
  void aReleasedBufferIsRefused(ByteBufAllocator allocator) {
    for (boolean direct : new boolean[] {true, false}) {
      derived()
          .forEach(
              (kind, derive) -> {
                ByteBuf buffer =
                    numbers(direct ? allocator.directBuffer(64) : allocator.heapBuffer(64));
                Tensor tensor =
                    NettyTensors.view(derive.apply(buffer), direct ? DType.F32 : DType.I8);
                buffer.release();
                refused(kind, tensor, RELEASED);
              });
    }
  }

  /** Buffer objects come back from the pool: with the same memory, nothing can notice. */
  @Test
  void aBufferThatThePoolGivesOutWithOtherMemoryIsRefused() {
    ByteBufAllocator pool = new AdaptiveByteBufAllocator();
    Map<ByteBuf, Tensor> views = new IdentityHashMap<>();
    for (int i = 0; i < 100; i++) {
      ByteBuf buffer = numbers(pool.directBuffer(64));
      views.put(buffer, NettyTensors.view(buffer, DType.F32));
    }
    Map<ByteBuf, Long> addresses = new IdentityHashMap<>();
    views.forEach( // in the order of identities: none
        (buffer, tensor) -> {
          addresses.put(buffer, buffer.memoryAddress());
          buffer.release();
          refused("released", tensor, RELEASED);
        });
    List<ByteBuf> taken = new ArrayList<>();
    int noticed = 0;
    for (int i = 0; i < 100; i++) {
      ByteBuf again = numbers(pool.directBuffer(64));
      taken.add(again);
      if (views.containsKey(again) && again.memoryAddress() != addresses.get(again)) {
        refused("taken again", views.get(again), LEFT);
        noticed++;
      }
    }
    taken.forEach(buffer -> buffer.release());
    assertThat(noticed).isPositive();
  }

  /** Whatever is done to a buffer, its view works just as long as its bytes are the buffer's. */
  @ParameterizedTest
  @MethodSource("allocators")
  void aViewWorksAsLongAsItsBytesAreTheBuffers(ByteBufAllocator allocator) {
    SplittableRandom random = new SplittableRandom(1);
    int worked = 0;
    int failed = 0;
    for (int sequence = 0; sequence < 300; sequence++) {
      ByteBuf buffer = numbers(allocator.directBuffer(64 << random.nextInt(6)));
      int begin = 4 * random.nextInt(8);
      int end = begin + 4 * random.nextInt(1, 9);
      ByteBuf viewed = random.nextBoolean() ? buffer : buffer.duplicate();
      Tensor tensor = NettyTensors.view(viewed.slice(begin, end - begin), DType.F32);
      long address = buffer.memoryAddress();
      for (int step = 0; step < 10; step++) {
        if (step > 0) {
          buffer.capacity(random.nextInt(3) == 0 ? random.nextInt(200) : random.nextInt(1 << 13));
        }
        if (random.nextInt(4) == 0) {
          buffer.discardReadBytes();
        }
        if (buffer.memoryAddress() == address && buffer.capacity() >= end) {
          tensor.setFloat(sequence, 0);
          assertThat(buffer.getFloatLE(begin)).isEqualTo(sequence);
          worked++;
        } else {
          refused("sequence " + sequence, tensor, LEFT);
          failed++;
        }
      }
      buffer.release();
    }
    assertThat(worked).isGreaterThan(10);
    assertThat(failed).isGreaterThan(1000);
  }

  @ParameterizedTest
  @MethodSource("allocators")
  void whatDiscardReadBytesMovesIsSeenWhereTheViewIs(ByteBufAllocator allocator) {
    ByteBuf buffer = numbers(allocator.directBuffer(64));
    try (Arena arena = Arena.ofConfined()) {
      Tensor tensor = NettyTensors.view(buffer, arena, DType.F32);
      buffer.skipBytes(16).discardReadBytes();
      assertThat(tensor.toFloatArray()).startsWith(4, 5, 6, 7).endsWith(12, 13, 14, 15);
      tensor.setFloat(40, 0);
      assertThat(buffer.getFloatLE(0)).isEqualTo(40);
    }
    buffer.release();
  }

  // ---- components ------------------------------------------------------------------------------

  /** What takes the first of two components, which is viewed, away. */
  private static Map<String, Consumer<CompositeByteBuf>> losses() {
    return Map.of(
        "removeComponent", composite -> composite.removeComponent(0),
        "removeComponents", composite -> composite.removeComponents(0, 2),
        "discardReadComponents", composite -> composite.skipBytes(64).discardReadComponents(),
        "discardReadBytes", composite -> composite.skipBytes(80).discardReadBytes(),
        "consolidate", CompositeByteBuf::consolidate,
        "release", CompositeByteBuf::release);
  }

  private static CompositeByteBuf two(ByteBufAllocator allocator, ByteBuf first) {
    return allocator
        .compositeBuffer()
        .addComponents(true, first, numbers(allocator.directBuffer(64)));
  }

  /** The component as a whole, or a slice of it that is counted for itself. */
  private static List<UnaryOperator<ByteBuf>> wholeOrPart() {
    return List.of(
        buffer -> buffer,
        buffer -> {
          ByteBuf part = buffer.retainedSlice();
          buffer.release();
          return part;
        });
  }

  @ParameterizedTest
  @MethodSource("allocators")
  void anArenaKeepsAComponentThatItsBufferLoses(ByteBufAllocator allocator) {
    losses()
        .forEach(
            (name, lose) -> {
              for (UnaryOperator<ByteBuf> part : wholeOrPart()) {
                ByteBuf component = part.apply(numbers(allocator.directBuffer(64)));
                CompositeByteBuf composite = two(allocator, component);
                Arena arena = Arena.ofShared();
                Tensor tensor =
                    NettyTensors.view(composite.slice(0, 64), arena, DType.F32).reshape(4, 4);
                lose.accept(composite);
                amongOthers(
                    allocator,
                    true,
                    () -> {
                      assertThat(tensor.toFloatArray()).as(name).startsWith(0, 1, 2, 3);
                      Softmax.along(-1).forward(tensor, tensor);
                    });
                assertThat(component.refCnt()).as(name).isEqualTo(1);
                arena.close();
                assertThat(component.refCnt()).as(name).isZero();
                if (composite.refCnt() > 0) {
                  composite.release();
                }
              }
            });
  }

  @ParameterizedTest
  @MethodSource("allocators")
  void aComponentThatItsBufferHasLostIsRefused(ByteBufAllocator allocator) {
    losses()
        .forEach(
            (name, lose) -> {
              for (UnaryOperator<ByteBuf> part : wholeOrPart()) {
                ByteBuf component = part.apply(numbers(allocator.directBuffer(64)));
                CompositeByteBuf composite = two(allocator, component);
                Tensor tensor = NettyTensors.view(composite.slice(0, 64), DType.F32);
                lose.accept(composite);
                assertThat(component.refCnt()).as(name).isZero();
                refused(name, tensor, RELEASED);
                if (composite.refCnt() > 0) {
                  composite.release();
                }
              }
            });
  }

  @ParameterizedTest
  @MethodSource("allocators")
  void aComponentThatStaysIsViewedWhateverBecomesOfOthers(ByteBufAllocator allocator) {
    Map<String, Consumer<CompositeByteBuf>> changes =
        Map.of(
            "removeComponent", composite -> composite.removeComponent(0),
            "discardReadComponents", composite -> composite.skipBytes(64).discardReadComponents(),
            "discardReadBytes", composite -> composite.skipBytes(64).discardReadBytes(),
            "addComponent", composite -> composite.addComponent(true, 0, Unpooled.directBuffer(8)),
            "capacity", composite -> composite.capacity(1 << 10));
    changes.forEach(
        (name, change) -> {
          CompositeByteBuf composite = two(allocator, numbers(allocator.directBuffer(64)));
          Tensor tensor = NettyTensors.view(composite.slice(64, 64), DType.F32);
          change.accept(composite);
          tensor.setFloat(-3, NUMBERS - 1);
          int end = Math.min(composite.capacity(), 128);
          assertThat(composite.getFloatLE(end - 4)).as(name).isEqualTo(-3);
          composite.release();
          refused(name, tensor, RELEASED);
        });
  }

  /** The same memory in two components: it is the one with all bytes that keeps them. */
  @Test
  void theComponentIsTheOneWithTheBytes() {
    ByteBuf buffer = numbers(PooledByteBufAllocator.DEFAULT.directBuffer(64));
    ByteBuf first = buffer.retainedSlice(0, 32);
    ByteBuf second = buffer.retainedSlice(32, 32);
    CompositeByteBuf composite = Unpooled.compositeBuffer().addComponents(true, first, second);
    Tensor tensor = NettyTensors.view(composite.slice(32, 32), DType.F32);
    composite.removeComponent(0);
    assertThat(tensor.getFloat(0)).isEqualTo(8);
    composite.release();
    refused("second", tensor, RELEASED);
    assertThat(buffer.release()).isTrue();
  }

  @ParameterizedTest
  @MethodSource("allocators")
  void aComponentIsViewedAsAWholeThoughItsBufferHasCutItOff(ByteBufAllocator allocator) {
    CompositeByteBuf composite = two(allocator, numbers(allocator.directBuffer(64)));
    Tensor tensor = NettyTensors.view(composite.slice(64, 64), DType.F32);
    composite.capacity(100);
    assertThat(tensor.getFloat(NUMBERS - 1)).isEqualTo(NUMBERS - 1);
    composite.capacity(64);
    refused("removed", tensor, RELEASED);
    composite.release();
  }

  // ---- buffers of other kinds ------------------------------------------------------------------

  @ParameterizedTest
  @MethodSource("allocators")
  @SuppressWarnings("deprecation") // no other method makes buffers of this kind
  void fixedComponentsAreAskedForTheirBytes(ByteBufAllocator allocator) {
    Map<String, Consumer<ByteBuf>> changes = new LinkedHashMap<>(moves());
    changes.put("released", buffer -> buffer.release());
    changes.forEach(
        (name, change) -> {
          ByteBuf buffer = numbers(allocator.directBuffer(64));
          ByteBuf fixed =
              Unpooled.unmodifiableBuffer(Unpooled.directBuffer(8).writeZero(8), buffer);
          Tensor tensor = NettyTensors.view(fixed.skipBytes(8), DType.F32);
          assertThat(tensor.getFloat(3)).isEqualTo(3);
          change.accept(buffer);
          assertThatThrownBy(() -> tensor.getFloat(3)).as(name).hasMessage("the tensor" + LEFT);
          if (buffer.refCnt() > 0) {
            fixed.release();
            assertThatThrownBy(() -> tensor.getFloat(3)).hasMessage("the tensor" + RELEASED);
          }
        });
  }

  @Test
  void aReadOnlyBufferOfTheJdkIsViewedUntilItIsReleased() {
    ByteBuf buffer = Unpooled.wrappedBuffer(ByteBuffer.allocateDirect(16).asReadOnlyBuffer());
    Tensor tensor = NettyTensors.view(buffer.slice(4, 8), DType.F32);
    assertThat(tensor.toFloatArray()).containsExactly(0, 0);
    buffer.release();
    refused("read-only", tensor, RELEASED);
  }

  @Test
  void anEmptyViewOfAReleasedBufferIsRefused() {
    ByteBuf buffer = PooledByteBufAllocator.DEFAULT.directBuffer(64);
    Tensor tensor = NettyTensors.view(buffer, DType.F32);
    assertThat(tensor.toFloatArray()).isEmpty();
    buffer.release();
    assertThatThrownBy(tensor::toFloatArray).hasMessage("the tensor" + RELEASED);
  }

  @Test
  void aBufferOverATensorIsViewedAgain() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor tensor = Tensor.allocate(arena, DType.F32, 4);
      ByteBuf buffer = NettyTensors.wrap(tensor);
      Tensor again = NettyTensors.view(buffer, DType.F32);
      again.setFloat(3, 1);
      assertThat(tensor.getFloat(1)).isEqualTo(3);
      buffer.release();
      refused("wrapped", again, RELEASED);
      assertThatThrownBy(() -> NettyTensors.wrap(again)).hasMessage("the tensor" + RELEASED);
    }
  }

  @Test
  void anArenaDoesNotKeepTheArenaOfATensorThatABufferIsOver() {
    derived()
        .forEach(
            (kind, derive) -> {
              Arena its = Arena.ofConfined();
              ByteBuf buffer = NettyTensors.wrap(Tensor.allocate(its, DType.F32, NUMBERS));
              try (Arena arena = Arena.ofConfined()) {
                Tensor tensor = NettyTensors.view(derive.apply(buffer), arena, DType.F32);
                assertThat(tensor.getFloat(0)).as(kind).isZero();
                its.close();
                refused(kind, tensor, CLOSED);
              }
              assertThat(buffer.release()).as(kind).isTrue();
            });
  }
}

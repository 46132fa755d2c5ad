// SPDX-License-Identifier: Apache-2.0
package dev.xent.dlpack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import dev.xent.support.Losses;
import dev.xent.support.Segments;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.WeakReference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ExportTest {
  private static final float[] NUMBERS = {1, 2, 3, 4, 5, 6};

  private final Arena arena = Arena.ofShared();

  @BeforeAll
  static void compile() {
    Peer.require();
  }

  /** After each test, every tensor that was lent is back. */
  @AfterEach
  void allCameBack() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
    assertThat(DlpackTensors.outstandingExports()).isZero();
    assertThat(Peer.outstanding()).isZero();
  }

  private Tensor numbers() {
    return Tensor.of(Segments.of(arena, NUMBERS), DType.F32, 2, 3);
  }

  // ---- what is shared --------------------------------------------------------------------------

  @Test
  void theConsumerReadsAndWritesOurMemory() {
    Tensor tensor = numbers();
    MemorySegment managed = DlpackTensors.export(tensor);
    assertThat(field(managed, Field.DATA).address()).isEqualTo(tensor.segment().address());
    assertThat(Peer.read(managed, 6)).containsExactly(NUMBERS);
    tensor.setFloat(7, 0, 0);
    assertThat(Peer.read(managed, 6)).containsExactly(7, 2, 3, 4, 5, 6);
    Peer.negate(managed);
    assertThat(tensor.toFloatArray()).containsExactly(-7, -2, -3, -4, -5, -6);
    Peer.delete(managed);
  }

  @Test
  void theConsumerReadsByStrides() {
    MemorySegment managed = DlpackTensors.export(numbers().permute(1, 0).slice(0, 1, 3));
    assertThat(Peer.read(managed, 4)).containsExactly(2, 5, 3, 6);
    Peer.delete(managed);
  }

  @Test
  void theStructSaysWhatTheTensorIs() {
    MemorySegment managed = DlpackTensors.export(numbers());
    MemorySegment struct = managed.reinterpret(Layouts.VERSIONED.byteSize());
    assertThat(struct.get(ValueLayout.JAVA_INT, Field.MAJOR)).isEqualTo(1);
    assertThat(struct.get(ValueLayout.JAVA_INT, Field.MINOR)).isZero();
    assertThat(struct.get(ValueLayout.JAVA_LONG, Field.FLAGS)).isZero();
    MemorySegment lent = struct.asSlice(Field.TENSOR);
    assertThat(lent.get(ValueLayout.JAVA_INT, Field.DEVICE_TYPE)).isEqualTo(1);
    assertThat(lent.get(ValueLayout.JAVA_INT, Field.DEVICE_ID)).isZero();
    assertThat(lent.get(ValueLayout.JAVA_INT, Field.NDIM)).isEqualTo(2);
    assertThat(lent.get(ValueLayout.JAVA_SHORT, Field.LANES)).isEqualTo((short) 1);
    assertThat(lent.get(ValueLayout.JAVA_LONG, Field.BYTE_OFFSET)).isZero();
    assertThat(longs(field(managed, Field.SHAPE), 2)).containsExactly(2, 3);
    assertThat(longs(field(managed, Field.STRIDES), 2)).containsExactly(3, 1);
    Peer.delete(managed);
  }

  @ParameterizedTest
  @EnumSource
  void everyTypeComesBackAsItself(DType type) {
    Tensor tensor = Tensor.allocate(arena, type, 2, 3);
    try (ManagedTensor back = DlpackTensors.view(DlpackTensors.export(tensor))) {
      assertThat(back.tensor().type()).isEqualTo(type);
      assertThat(back.tensor().segment().address()).isEqualTo(tensor.segment().address());
    }
  }

  @Test
  void stridesReadOnlyAndNoElementsComeBackAsTheyWere() {
    Tensor gaps = numbers().slice(1, 0, 2).asReadOnly();
    try (ManagedTensor back = DlpackTensors.view(DlpackTensors.export(gaps))) {
      assertThat(back.tensor().strides()).containsExactly(3, 1);
      assertThat(back.tensor().isReadOnly()).isTrue();
      assertThat(back.tensor().toFloatArray()).containsExactly(1, 2, 4, 5);
    }
    MemorySegment empty = DlpackTensors.export(numbers().slice(0, 1, 1));
    assertThat(field(empty, Field.DATA).address()).isZero();
    try (ManagedTensor back = DlpackTensors.view(empty)) {
      assertThat(back.tensor().shape()).containsExactly(0, 3);
    }
  }

  @Test
  void lossAndGradientAfterARoundTripAreThoseOfThePlainCall() {
    Tensor logits = Tensor.of(Segments.of(arena, Losses.logits()), DType.F32, Losses.shape());
    Tensor gradient = Tensor.allocate(arena, DType.F32, Losses.shape());
    try (ManagedTensor x = DlpackTensors.view(DlpackTensors.export(logits));
        ManagedTensor dx = DlpackTensors.view(DlpackTensors.export(gradient))) {
      Losses.requirePlainBits(x.tensor(), dx.tensor());
      assertThat(gradient.toFloatArray()).containsExactly(dx.tensor().toFloatArray());
    }
  }

  @Test
  void aCopyIsTheConsumersOwn() {
    Tensor heap = Tensor.of(NUMBERS.clone(), 2, 3);
    MemorySegment managed = DlpackTensors.exportCopy(heap.asReadOnly());
    heap.setFloat(9, 0, 0);
    try (ManagedTensor back = DlpackTensors.view(managed)) {
      assertThat(back.isCopied()).isTrue();
      assertThat(back.tensor().isReadOnly()).isFalse();
      assertThat(back.tensor().toFloatArray()).containsExactly(NUMBERS);
      assertThat(back.tensor().segment().address() % 256).isZero();
    }
  }

  @Test
  void theStructWithoutAVersion() {
    AtomicInteger released = new AtomicInteger();
    Tensor columns = numbers().permute(1, 0);
    MemorySegment managed = DlpackTensors.exportUnversioned(columns, released::incrementAndGet);
    assertThat(Peer.readUnversioned(managed, 6)).containsExactly(1, 4, 2, 5, 3, 6);
    assertThat(DlpackTensors.outstandingExports()).isEqualTo(1);
    Peer.deleteUnversioned(managed);
    assertThat(released.get()).isEqualTo(1);
    MemorySegment again = DlpackTensors.exportUnversioned(columns, released::incrementAndGet);
    try (ManagedTensor back = DlpackTensors.viewUnversioned(again)) {
      assertThat(back.tensor().strides()).containsExactly(1, 3);
      assertThat(back.tensor().segment().address()).isEqualTo(columns.segment().address());
    }
    assertThat(released.get()).isEqualTo(2);
  }

  // ---- what keeps it alive ---------------------------------------------------------------------

  @Test
  void memoryOfTheCollectorIsKeptUntilTheDeleterIsCalled() throws InterruptedException {
    WeakReference<ByteBuffer>[] buffer = references();
    MemorySegment managed = exportBuffer(buffer);
    for (int i = 0; i < 20; i++) {
      System.gc();
      Thread.sleep(5);
    }
    assertThat(buffer[0].get()).isNotNull();
    assertThat(DlpackTensors.outstandingExports()).isEqualTo(1);
    assertThat(Peer.read(managed, 2)).containsExactly(2.5f, 0);
    Peer.delete(managed);
    for (int i = 0; i < 500 && buffer[0].get() != null; i++) {
      System.gc();
      Thread.sleep(10);
    }
    assertThat(buffer[0].get()).isNull();
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static WeakReference<ByteBuffer>[] references() {
    return new WeakReference[1];
  }

  /** In its own frame, so that nothing else holds the buffer. */
  private static MemorySegment exportBuffer(WeakReference<ByteBuffer>[] kept) {
    ByteBuffer buffer = ByteBuffer.allocateDirect(8).order(ByteOrder.nativeOrder());
    kept[0] = new WeakReference<>(buffer);
    Tensor tensor =
        Tensor.ofAddress(MemorySegment.ofBuffer(buffer).address(), 8, buffer, DType.F32, 2);
    tensor.setFloat(2.5f, 0);
    return DlpackTensors.export(tensor);
  }

  @Test
  void anArenaIsClosedByTheDeleterAndNotBefore() {
    MemorySegment managed = DlpackTensors.export(numbers(), arena::close);
    System.gc();
    assertThat(arena.scope().isAlive()).isTrue();
    assertThat(Peer.read(managed, 6)).containsExactly(NUMBERS);
    Peer.delete(managed);
    assertThat(arena.scope().isAlive()).isFalse();
  }

  @Test
  void whatWasImportedMayBeLentOn() {
    ManagedTensor lent = DlpackTensors.view(new Peer.Offer().versioned());
    MemorySegment managed = DlpackTensors.export(lent.tensor(), lent::close);
    assertThat(Peer.outstanding()).isEqualTo(1);
    assertThat(Peer.read(managed, 6)).containsExactly(NUMBERS);
    Peer.delete(managed);
    assertThat(Peer.outstanding()).isZero();
  }

  @Test
  void threadsOfCMayCallTheDeleters() {
    AtomicInteger released = new AtomicInteger();
    Thread here = Thread.currentThread();
    MemorySegment[] managed = new MemorySegment[16];
    for (int i = 0; i < managed.length; i++) {
      managed[i] =
          DlpackTensors.export(
              numbers(),
              () -> {
                if (Thread.currentThread() != here) {
                  released.incrementAndGet();
                }
              });
    }
    assertThat(DlpackTensors.outstandingExports()).isEqualTo(16);
    Peer.deleteOnThreads(managed);
    assertThat(released.get()).isEqualTo(16);
  }

  @Test
  void aThreadOfCMayCloseAnArena() {
    MemorySegment managed = DlpackTensors.export(numbers(), arena::close);
    Peer.deleteOnThreads(managed);
    assertThat(arena.scope().isAlive()).isFalse();
  }

  @Test
  void aSecondCallOfADeleterDoesNothing() {
    AtomicInteger released = new AtomicInteger();
    MemorySegment managed = DlpackTensors.export(numbers(), released::incrementAndGet);
    MemorySegment other = DlpackTensors.export(numbers());
    Peer.deleteTwice(managed);
    assertThat(released.get()).isEqualTo(1);
    assertThat(DlpackTensors.outstandingExports()).isEqualTo(1);
    Peer.delete(other);
  }

  @Test
  void whatFailsWhenATensorComesBackDoesNotReachC() {
    MemorySegment managed =
        DlpackTensors.export(
            numbers(),
            () -> {
              throw new IllegalStateException("on purpose, in a test");
            });
    Peer.delete(managed);
    assertThat(DlpackTensors.outstandingExports()).isZero();
  }

  // ---- errors ----------------------------------------------------------------------------------

  @Test
  void theHeapIsRefused() {
    assertThatThrownBy(() -> DlpackTensors.export(Tensor.of(NUMBERS.clone(), 2, 3)))
        .isInstanceOf(MemoryException.class)
        .hasMessage(
            "F32 [2, 3] on the heap has no address that stays: allocate it off the heap, or lend a copy with DlpackTensors.exportCopy");
  }

  @Test
  void aCopyThatIsMoreThanMemoryCanBeIsRefused() {
    Tensor repeated =
        Tensor.strided(arena.allocate(4), DType.F32, new long[] {1L << 62}, new long[] {0});
    assertThatThrownBy(() -> DlpackTensors.exportCopy(repeated))
        .isInstanceOf(MemoryException.class)
        .hasMessage(
            "F32 [4611686018427387904] strides [0] off the heap is more than memory can be: lend a copy of a slice of it");
  }

  @Test
  void aReadOnlyTensorIsRefusedWhereNoFlagCanSaySo() {
    assertThatThrownBy(() -> DlpackTensors.exportUnversioned(numbers().asReadOnly(), () -> {}))
        .isInstanceOf(MemoryException.class)
        .hasMessage(
            "F32 [2, 3] off the heap, read-only, which a struct without a version cannot say: use DlpackTensors.export, or lend a copy");
  }

  @Test
  void memoryThatCannotBeUsedIsRefused() {
    Tensor closed = numbers();
    arena.close();
    refused(closed);
    try (Arena confined = Arena.ofConfined()) {
      Tensor tensor = Tensor.allocate(confined, DType.F32, 2, 3);
      CompletableFuture.runAsync(() -> refused(tensor)).join();
    }
  }

  private static void refused(Tensor tensor) {
    List<ThrowingCallable> ways =
        List.of(
            () -> DlpackTensors.export(tensor),
            () -> DlpackTensors.exportUnversioned(tensor, () -> {}),
            () -> DlpackTensors.exportCopy(tensor));
    for (ThrowingCallable way : ways) {
      assertThatThrownBy(way)
          .isInstanceOf(MemoryException.class)
          .hasMessage(
              "F32 [2, 3] off the heap belongs to an arena that is closed or confined to another thread: use an open shared one");
    }
  }

  private static MemorySegment field(MemorySegment managed, long field) {
    return managed
        .reinterpret(Layouts.VERSIONED.byteSize())
        .get(ValueLayout.ADDRESS, Field.TENSOR + field);
  }

  private static long[] longs(MemorySegment address, int count) {
    return address.reinterpret(8L * count).toArray(ValueLayout.JAVA_LONG);
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.dlpack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.ShapeException;
import dev.xent.errors.XentException;
import dev.xent.support.Losses;
import dev.xent.support.Segments;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class ImportTest {
  private final Peer.Offer offer = new Peer.Offer();
  private long deletedBefore;

  @BeforeAll
  static void compile() {
    Peer.require();
  }

  @BeforeEach
  void count() {
    deletedBefore = Peer.deleted();
  }

  /** After each test, every tensor of the producer is back. */
  @AfterEach
  void allIsGivenBack() {
    assertThat(Peer.outstanding()).isZero();
  }

  private long deleted() {
    return Peer.deleted() - deletedBefore;
  }

  // ---- what is shared --------------------------------------------------------------------------

  @Test
  void aViewIsTheMemoryOfTheProducer() {
    MemorySegment managed = offer.versioned();
    MemorySegment data =
        managed.reinterpret(80).get(ValueLayout.ADDRESS, Field.TENSOR + Field.DATA);
    try (ManagedTensor lent = DlpackTensors.view(managed)) {
      assertThat(lent.tensor().segment().address()).isEqualTo(data.address());
      assertThat(lent.tensor().type()).isEqualTo(DType.F32);
      assertThat(lent.tensor().shape()).containsExactly(2, 3);
      assertThat(lent.tensor().isContiguous()).isTrue();
      assertThat(lent.tensor().toFloatArray()).containsExactly(1, 2, 3, 4, 5, 6);
      assertThat(lent.isCopied()).isFalse();
      lent.tensor().setFloat(9, 1, 0);
      assertThat(data.reinterpret(24).getAtIndex(ValueLayout.JAVA_FLOAT, 3)).isEqualTo(9);
      data.reinterpret(24).setAtIndex(ValueLayout.JAVA_FLOAT, 0, 8);
      assertThat(lent.tensor().getFloat(0, 0)).isEqualTo(8);
    }
  }

  @Test
  void aReadOnlyTensorIsNotWritten() {
    offer.flags = Flags.READ_ONLY;
    try (ManagedTensor lent = DlpackTensors.view(offer.versioned())) {
      assertThat(lent.tensor().isReadOnly()).isTrue();
      assertThatThrownBy(() -> lent.tensor().setFloat(1, 0, 0)).isInstanceOf(MemoryException.class);
    }
  }

  @Test
  void theOtherFlagsAreToldOrLeftAlone() {
    offer.flags = Flags.COPIED | 4 | 1L << 63;
    offer.minor = 99;
    try (ManagedTensor lent = DlpackTensors.view(offer.versioned())) {
      assertThat(lent.isCopied()).isTrue();
      assertThat(lent.tensor().isReadOnly()).isFalse();
    }
  }

  @Test
  void stridesAndOffsetsAreTaken() {
    offer.shape = new long[] {3, 2};
    offer.strides = new long[] {1, 3};
    offer.byteOffset = 8;
    try (ManagedTensor lent = DlpackTensors.view(offer.versioned())) {
      assertThat(lent.tensor().strides()).containsExactly(1, 3);
      assertThat(lent.tensor().toFloatArray()).containsExactly(1, 4, 2, 5, 3, 6);
    }
  }

  @Test
  void aStrideOfZeroRepeats() {
    offer.strides = new long[] {0, 1};
    try (ManagedTensor lent = DlpackTensors.view(offer.versioned())) {
      assertThat(lent.tensor().toFloatArray()).containsExactly(1, 2, 3, 1, 2, 3);
    }
  }

  @Test
  void stridesOfAxesThatAreNeverSteppedAlongDoNotMatter() {
    offer.shape = new long[] {1, 3};
    offer.strides = new long[] {Long.MIN_VALUE, 1};
    try (ManagedTensor lent = DlpackTensors.view(offer.versioned())) {
      assertThat(lent.tensor().toFloatArray()).containsExactly(1, 2, 3);
    }
  }

  @Test
  void aSingleNumberHasTheShapeOne() {
    offer.ndim = 0;
    offer.shape = null;
    try (ManagedTensor lent = DlpackTensors.view(offer.versioned())) {
      assertThat(lent.tensor().shape()).containsExactly(1);
      assertThat(lent.tensor().toFloatArray()).containsExactly(1);
    }
  }

  @Test
  void noElementsNeedNoMemory() {
    offer.shape = new long[] {0, 3};
    offer.nothingThere = true;
    try (ManagedTensor lent = DlpackTensors.view(offer.versioned())) {
      assertThat(lent.tensor().shape()).containsExactly(0, 3);
      assertThat(lent.tensor().elements()).isZero();
    }
    assertThat(deleted()).isEqualTo(1);
    offer.strides = new long[] {-7, Long.MIN_VALUE};
    DlpackTensors.view(offer.versioned()).close();
  }

  @ParameterizedTest
  @CsvSource({
    "2, 16, F16",
    "2, 32, F32",
    "2, 64, F64",
    "4, 16, BF16",
    "0, 8, I8",
    "0, 16, I16",
    "0, 32, I32",
    "0, 64, I64",
    "1, 8, U8",
    "1, 16, U16",
    "1, 32, U32",
    "1, 64, U64",
    "6, 8, U8"
  })
  void types(int code, int bits, DType type) {
    offer.code = code;
    offer.bits = bits;
    offer.shape = new long[] {3, 1};
    try (ManagedTensor lent = DlpackTensors.view(offer.versioned())) {
      assertThat(lent.tensor().type()).isEqualTo(type);
    }
  }

  @Test
  void lossAndGradientAreThoseOfThePlainCall() {
    offer.numbers = Losses.logits();
    offer.shape = Losses.shape();
    Peer.Offer gradient = new Peer.Offer();
    gradient.numbers = new float[offer.numbers.length];
    gradient.shape = Losses.shape();
    try (ManagedTensor lent = DlpackTensors.view(offer.versioned());
        ManagedTensor written = DlpackTensors.view(gradient.versioned())) {
      Losses.requirePlainBits(lent.tensor(), written.tensor());
      Losses.requireNoAllocation(lent.tensor(), written.tensor());
    }
  }

  // ---- when it is given back -------------------------------------------------------------------

  @Test
  void theDeleterIsCalledOnceByTheClose() {
    MemorySegment managed = offer.versioned();
    ManagedTensor lent = DlpackTensors.view(managed);
    System.gc();
    assertThat(deleted()).isZero();
    assertThat(lent.isOpen()).isTrue();
    lent.close();
    assertThat(deleted()).isEqualTo(1);
    assertThat(Peer.lastDeleted()).isEqualTo(managed.address());
    lent.close();
    assertThat(deleted()).isEqualTo(1);
    assertThat(lent.isOpen()).isFalse();
  }

  @Test
  void useAfterTheCloseIsRefused() {
    ManagedTensor lent = DlpackTensors.view(offer.versioned());
    Tensor row = lent.tensor().select(0, 1);
    lent.close();
    assertThatThrownBy(() -> row.getFloat(0))
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("closed");
    assertThatThrownBy(() -> lent.tensor().toFloatArray()).isInstanceOf(MemoryException.class);
  }

  @Test
  void anotherThreadMayUseAndCloseIt() throws InterruptedException {
    ManagedTensor lent = DlpackTensors.view(offer.versioned());
    AtomicReference<Float> seen = new AtomicReference<>();
    Thread thread =
        Thread.ofPlatform()
            .start(
                () -> {
                  seen.set(lent.tensor().getFloat(1, 2));
                  lent.close();
                });
    thread.join();
    assertThat(seen.get()).isEqualTo(6);
    assertThat(deleted()).isEqualTo(1);
  }

  @Test
  void aCloseDuringACallIsRefusedAndLeavesItOpen() throws InterruptedException {
    ManagedTensor lent = DlpackTensors.view(offer.versioned());
    Thread thread = Thread.ofPlatform().start(() -> Peer.hold(lent.tensor().segment()));
    Peer.awaitHeld();
    assertThatThrownBy(lent::close)
        .isInstanceOf(MemoryException.class)
        .hasMessage(
            "the tensor is used by a call on another thread: close it when that has returned");
    assertThat(lent.isOpen()).isTrue();
    assertThat(deleted()).isZero();
    Peer.letGo();
    thread.join();
    lent.close();
    assertThat(deleted()).isEqualTo(1);
  }

  @Test
  void anArenaMayOwnIt() {
    Tensor tensor;
    try (Arena arena = Arena.ofConfined()) {
      tensor = DlpackTensors.view(offer.versioned(), arena);
      assertThat(tensor.toFloatArray()).containsExactly(1, 2, 3, 4, 5, 6);
      assertThat(deleted()).isZero();
    }
    assertThat(deleted()).isEqualTo(1);
    assertThatThrownBy(() -> tensor.getFloat(0, 0)).isInstanceOf(MemoryException.class);
  }

  @Test
  void theCollectorMayOwnIt() throws InterruptedException {
    float[] numbers = DlpackTensors.view(offer.versioned(), Arena.ofAuto()).toFloatArray();
    assertThat(numbers).containsExactly(1, 2, 3, 4, 5, 6);
    for (int i = 0; i < 500 && deleted() == 0; i++) {
      System.gc();
      Thread.sleep(10);
    }
    assertThat(deleted()).isEqualTo(1);
  }

  @Test
  void aCopyGivesBackAtOnce() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor copy = DlpackTensors.copy(offer.versioned(), arena);
      assertThat(deleted()).isEqualTo(1);
      assertThat(copy.toFloatArray()).containsExactly(1, 2, 3, 4, 5, 6);
      copy.setFloat(7, 0, 0);
    }
  }

  @Test
  void aCopyTakesEveryStrideAndAddress() {
    try (Arena arena = Arena.ofConfined()) {
      offer.byteOffset = 5;
      assertThat(DlpackTensors.copy(offer.versioned(), arena).toFloatArray())
          .containsExactly(1, 2, 3, 4, 5, 6);
      offer.byteOffset = 0;
      offer.numbers = new float[] {1, 2, 3, 4, 5, 6};
      offer.data = Segments.of(arena, offer.numbers).address() + 20;
      offer.strides = new long[] {-3, -1};
      assertThat(DlpackTensors.copy(offer.versioned(), arena).toFloatArray())
          .containsExactly(6, 5, 4, 3, 2, 1);
    }
  }

  @Test
  void aDeleterThatIsNullIsNotCalled() {
    MemorySegment managed = offer.versioned();
    MemorySegment deleter = managed.reinterpret(80).get(ValueLayout.ADDRESS, Field.DELETER);
    Peer.withoutDeleter(managed);
    DlpackTensors.view(managed).close();
    assertThat(deleted()).isZero();
    managed.reinterpret(80).set(ValueLayout.ADDRESS, Field.DELETER, deleter);
    Peer.delete(managed);
  }

  // ---- the older struct ------------------------------------------------------------------------

  @Test
  void theStructWithoutAVersion() {
    try (ManagedTensor lent = DlpackTensors.viewUnversioned(offer.unversioned())) {
      assertThat(lent.tensor().toFloatArray()).containsExactly(1, 2, 3, 4, 5, 6);
      assertThat(lent.tensor().isReadOnly()).isFalse();
      assertThat(deleted()).isZero();
    }
    assertThat(deleted()).isEqualTo(1);
    try (Arena arena = Arena.ofConfined()) {
      assertThat(DlpackTensors.copyUnversioned(offer.unversioned(), arena).getFloat(1, 2))
          .isEqualTo(6);
    }
    assertThat(deleted()).isEqualTo(2);
    offer.deviceType = 2;
    assertThatThrownBy(() -> DlpackTensors.viewUnversioned(offer.unversioned()))
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("CUDA");
    assertThat(deleted()).isEqualTo(3);
  }

  // ---- refusals --------------------------------------------------------------------------------

  static Stream<Arguments> refusals() {
    return Stream.of(
        refusal(
            o -> o.major = 2,
            MemoryException.class,
            "the tensor is one of DLPack 2.0: request version 1, __dlpack__(max_version=(1, 0)) in Python"),
        refusal(o -> o.major = 0, MemoryException.class, "the tensor is one of DLPack 0.0: "),
        refusal(
            o -> o.major = -1, MemoryException.class, "the tensor is one of DLPack 4294967295.0"),
        refusal(
            o -> {
              o.deviceType = 2;
              o.deviceId = 3;
            },
            MemoryException.class,
            "the tensor lies on CUDA device 3: ask its library for a CPU tensor, __dlpack__(dl_device=(1, 0)) in Python"),
        refusal(
            o -> o.deviceType = 3,
            MemoryException.class,
            "the tensor lies on CUDA host device 0 (pinned memory, that a device may be writing): ask"),
        refusal(o -> o.deviceType = 11, MemoryException.class, "ROCm host device 0 (pinned memory"),
        refusal(o -> o.deviceType = 13, MemoryException.class, "on CUDA managed device 0: ask"),
        refusal(o -> o.deviceType = 8, MemoryException.class, "on Metal device 0: ask"),
        refusal(o -> o.deviceType = 0, MemoryException.class, "on unknown (0) device 0: ask"),
        refusal(
            o -> o.lanes = 4,
            DTypeException.class,
            "the tensor has elements of 4 x float of 32 bits; expected 1 x float (16, 32, 64), bfloat (16), int or uint (8, 16, 32, 64) or bool (8)"),
        refusal(o -> o.lanes = 0, DTypeException.class, "elements of 0 x float of 32 bits"),
        refusal(o -> o.bits = 128, DTypeException.class, "1 x float of 128 bits"),
        refusal(o -> o.bits = 8, DTypeException.class, "1 x float of 8 bits"),
        refusal(o -> type(o, 0, 4), DTypeException.class, "1 x int of 4 bits"),
        refusal(o -> type(o, 1, 24), DTypeException.class, "1 x uint of 24 bits"),
        refusal(o -> type(o, 4, 32), DTypeException.class, "1 x bfloat of 32 bits"),
        refusal(o -> type(o, 6, 1), DTypeException.class, "1 x bool of 1 bits"),
        refusal(o -> type(o, 3, 64), DTypeException.class, "1 x opaque handle of 64 bits"),
        refusal(o -> type(o, 5, 64), DTypeException.class, "1 x complex of 64 bits"),
        refusal(o -> type(o, 10, 8), DTypeException.class, "1 x float8_e4m3fn of 8 bits"),
        refusal(o -> type(o, 17, 4), DTypeException.class, "1 x float4_e2m1fn of 4 bits"),
        refusal(o -> type(o, 255, 8), DTypeException.class, "1 x unknown (255) of 8 bits"),
        refusal(
            o -> o.ndim = -1,
            ShapeException.class,
            "the tensor has -1 dimensions; expected 0 to 64"),
        refusal(
            o -> o.shape = new long[o.ndim = 65],
            ShapeException.class,
            "the tensor has 65 dimensions; expected 0 to 64"),
        refusal(
            o -> o.shape = null, ShapeException.class, "the tensor has 2 dimensions and no shape"),
        refusal(
            o -> o.shape = new long[] {2, -3},
            ShapeException.class,
            "shape [2, -3] has a negative size"),
        refusal(
            o -> o.shape = new long[] {1L << 40, 1L << 40},
            ShapeException.class,
            "shape [1099511627776, 1099511627776] with strides NULL is larger than memory can be"),
        refusal(
            o -> o.shape = new long[] {1L << 61, 1},
            ShapeException.class,
            "is larger than memory can be"),
        refusal(
            o -> o.strides = new long[] {Long.MAX_VALUE, Long.MAX_VALUE},
            ShapeException.class,
            "is larger than memory can be"),
        refusal(
            o -> o.strides = new long[] {Long.MIN_VALUE, 1},
            ShapeException.class,
            "is larger than memory can be"),
        refusal(
            o -> {
              o.shape = new long[] {0, 1L << 40, 1L << 40};
              o.ndim = 3;
            },
            ShapeException.class,
            "is larger than memory can be"),
        refusal(
            o -> o.nothingThere = true,
            MemoryException.class,
            "the tensor has 24 bytes at address 0x0, 0 bytes on; expected the address of its memory"),
        refusal(
            o -> {
              o.data = 1 << 20;
              o.byteOffset = -1;
            },
            MemoryException.class,
            "the tensor has 24 bytes at address 0x100000, 18446744073709551615 bytes on"),
        refusal(
            o -> {
              o.data = 1 << 20;
              o.strides = new long[] {-1L << 40, 1};
            },
            MemoryException.class,
            "the tensor has 4398046511116 bytes at address 0x100000, 0 bytes on"),
        refusal(
            o -> o.data = -8,
            MemoryException.class,
            "the tensor has 24 bytes at address 0xfffffffffffffff8"));
  }

  private static void type(Peer.Offer offer, int code, int bits) {
    offer.code = code;
    offer.bits = bits;
  }

  private static Arguments refusal(
      Consumer<Peer.Offer> change, Class<? extends XentException> type, String message) {
    return Arguments.of(change, type, message);
  }

  @ParameterizedTest
  @MethodSource
  void refusals(Consumer<Peer.Offer> change, Class<? extends XentException> type, String message) {
    change.accept(offer);
    assertThatThrownBy(() -> DlpackTensors.view(offer.versioned()))
        .isInstanceOf(type)
        .hasMessageContaining(message);
    assertThat(deleted()).isEqualTo(1);
    try (Arena arena = Arena.ofConfined()) {
      assertThatThrownBy(() -> DlpackTensors.view(offer.versioned(), arena)).isInstanceOf(type);
      assertThat(deleted()).isEqualTo(2);
      assertThatThrownBy(() -> DlpackTensors.copy(offer.versioned(), arena)).isInstanceOf(type);
    }
    assertThat(deleted()).isEqualTo(3);
  }

  @Test
  void aViewRefusesWhatNeedsACopy() {
    offer.byteOffset = 2;
    assertThatThrownBy(() -> DlpackTensors.view(offer.versioned()))
        .isInstanceOf(MemoryException.class)
        .hasMessageMatching(
            "address 0x[0-9a-f]+2 is not aligned to the 4 bytes of F32: get the tensor again and copy it with DlpackTensors.copy");
    offer.byteOffset = 20;
    offer.strides = new long[] {-3, -1};
    assertThatThrownBy(() -> DlpackTensors.view(offer.versioned()))
        .isInstanceOf(ShapeException.class)
        .hasMessage(
            "strides [-3, -1] go backwards: get the tensor again and copy it with DlpackTensors.copy");
    assertThat(deleted()).isEqualTo(2);
  }

  @Test
  void anArenaThatCannotBeUsedIsRefusedAndTheTensorGivenBack() {
    Arena arena = Arena.ofConfined();
    arena.close();
    assertThatThrownBy(() -> DlpackTensors.view(offer.versioned(), arena))
        .isInstanceOf(MemoryException.class)
        .hasMessageStartingWith("the arena cannot be used: ");
    assertThatThrownBy(() -> DlpackTensors.copy(offer.versioned(), arena))
        .isInstanceOf(MemoryException.class)
        .hasMessageStartingWith("the arena cannot be used: ");
    assertThat(deleted()).isEqualTo(2);
  }

  @Test
  void aTensorIsGivenBackAlsoWhereTheArenaIsNull() {
    for (ThrowingCallable use :
        new ThrowingCallable[] {
          () -> DlpackTensors.view(offer.versioned(), null),
          () -> DlpackTensors.copy(offer.versioned(), null),
          () -> DlpackTensors.copyUnversioned(offer.unversioned(), null)
        }) {
      long before = deleted();
      assertThatThrownBy(use).isInstanceOf(NullPointerException.class).hasMessage("arena");
      assertThat(deleted()).isEqualTo(before + 1);
    }
  }

  @Test
  void anAddressInAClosedArenaIsNotRead() {
    MemorySegment pointer;
    try (Arena arena = Arena.ofShared()) {
      pointer = arena.allocate(80, 8);
    }
    for (ThrowingCallable use :
        new ThrowingCallable[] {
          () -> DlpackTensors.view(pointer),
          () -> DlpackTensors.copy(pointer, Arena.ofAuto()),
          () -> DlpackTensors.viewUnversioned(pointer)
        }) {
      assertThatThrownBy(use)
          .isInstanceOf(MemoryException.class)
          .hasMessage(
              "memory of a closed arena is no address of a managed tensor; expected the pointer that its producer returned");
    }
  }

  @Test
  void whatIsNoAddressIsRefused() {
    assertThatThrownBy(() -> DlpackTensors.view(MemorySegment.NULL))
        .isInstanceOf(MemoryException.class)
        .hasMessage(
            "NULL is no address of a managed tensor; expected the pointer that its producer returned");
    assertThatThrownBy(() -> DlpackTensors.view(MemorySegment.ofArray(new long[10])))
        .isInstanceOf(MemoryException.class)
        .hasMessageStartingWith("memory on the Java heap is no address");
    assertThatThrownBy(() -> DlpackTensors.view(MemorySegment.ofAddress(0x1004)))
        .isInstanceOf(MemoryException.class)
        .hasMessageStartingWith("address 0x1004 is not aligned to 8 bytes");
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.ShapeException;
import dev.xent.errors.XentException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.WeakReference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.nio.ShortBuffer;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class TensorTest {
  private static final float[] SIX = {0, 1, 2, 3, 4, 5};

  @ParameterizedTest
  @EnumSource
  void viewsEveryKindOfMemoryWithoutCopyingIt(Place place) {
    try (Arena arena = Arena.ofConfined()) {
      Tensor tensor = place.put(arena, SIX, 2, 3);
      assertThat(tensor.toFloatArray()).isEqualTo(SIX);
      assertThat(tensor.getFloat(1, 2)).isEqualTo(5);
      tensor.setFloat(-7, 0, 1);
      assertThat(tensor.segment().getAtIndex(ValueLayout.JAVA_FLOAT, 1)).isEqualTo(-7);
      assertThat(tensor.isContiguous()).isTrue();
      assertThat(tensor.isReadOnly()).isFalse();
    }
  }

  @Test
  void writesThroughToTheArray() {
    float[] array = SIX.clone();
    Tensor.of(array, 3, 2).setFloat(9, 2, 1);
    assertThat(array).containsExactly(0, 1, 2, 3, 4, 9);
  }

  @Test
  void readsEveryIntegerType() {
    try (Arena arena = Arena.ofConfined()) {
      assertThat(Tensor.of(new byte[] {-1, 2}).toLongArray()).containsExactly(-1, 2);
      MemorySegment bytes = Segments.of(arena, (byte) -1, (byte) 2);
      assertThat(Tensor.of(bytes, DType.U8, 2).toLongArray()).containsExactly(255, 2);
      assertThat(Tensor.of(new short[] {-3, 4}).toLongArray()).containsExactly(-3, 4);
      assertThat(Tensor.of(new int[] {-5, 6}).getLong(1)).isEqualTo(6);
      assertThat(Tensor.of(new long[] {Long.MIN_VALUE, 8}).getLong(0)).isEqualTo(Long.MIN_VALUE);
    }
  }

  @Test
  void takesBuffersFromPositionToLimit() {
    assertThat(Tensor.of(IntBuffer.wrap(new int[] {1, 2, 3, 4}, 1, 2)).toLongArray())
        .containsExactly(2, 3);
    assertThat(Tensor.of(LongBuffer.wrap(new long[] {1, 2, 3}, 1, 2)).toLongArray())
        .containsExactly(2, 3);
    assertThat(Tensor.of(ShortBuffer.wrap(new short[] {1, 2, 3}, 0, 2)).toLongArray())
        .containsExactly(1, 2);
    ByteBuffer bytes = ByteBuffer.allocateDirect(16).order(ByteOrder.nativeOrder());
    bytes.putInt(4, 11).putInt(8, 12).position(4).limit(12);
    assertThat(Tensor.of(bytes, DType.I32, 2, 1).toLongArray()).containsExactly(11, 12);
  }

  @Test
  void takesBytesOfABigEndianBufferWhereOrderHasNoMeaning() {
    ByteBuffer bytes = ByteBuffer.allocateDirect(2).put(0, (byte) 3).put(1, (byte) 200);
    assertThat(Tensor.of(bytes, DType.U8).toLongArray()).containsExactly(3, 200);
  }

  @Test
  void refusesBigEndianBuffersByName() {
    ByteBuffer bytes = ByteBuffer.allocateDirect(16);
    assertThatThrownBy(() -> Tensor.of((FloatBuffer) null, 4))
        .isInstanceOf(NullPointerException.class)
        .hasMessage(
            "buffer is null; expected a buffer: that of a tensor of another type may be null");
    assertThatThrownBy(() -> Tensor.of(bytes.asFloatBuffer(), 4))
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("BIG_ENDIAN")
        .hasMessageContaining("order(ByteOrder.nativeOrder())");
    assertThatThrownBy(() -> Tensor.of(bytes, DType.I64, 2)).isInstanceOf(MemoryException.class);
    assertThatThrownBy(() -> Tensor.of(bytes.asIntBuffer())).isInstanceOf(MemoryException.class);
    assertThatThrownBy(() -> Tensor.of(bytes.asLongBuffer())).isInstanceOf(MemoryException.class);
    assertThatThrownBy(() -> Tensor.of(bytes.asShortBuffer())).isInstanceOf(MemoryException.class);
  }

  @Test
  void namesThePositionOfBuffersThatBeginTooLate() {
    assertThatThrownBy(() -> Tensor.of(FloatBuffer.allocate(6).put(SIX), 2, 3))
        .isInstanceOf(ShapeException.class)
        .hasMessage(
            "shape [2, 3] has 6 elements, the buffer has 0 after its position 6; expected the same"
                + " number of elements. flip() or rewind() sets the position to 0");
    ByteBuffer bytes = ByteBuffer.allocateDirect(24).order(ByteOrder.nativeOrder()).position(8);
    assertThatThrownBy(() -> Tensor.of(bytes, DType.F32, 2, 3))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("the buffer has 4 after its position 8;");
    assertThatThrownBy(() -> Tensor.of(FloatBuffer.allocate(5), 2, 3))
        .hasMessage(
            "shape [2, 3] has 6 elements, the memory has 5; expected the same number of elements");
  }

  @Test
  void saysWhereASizeMayBeLeftOpen() {
    assertThatThrownBy(() -> Tensor.allocate(DType.F32, -1, 3))
        .isInstanceOf(ShapeException.class)
        .hasMessage(
            "shape [-1, 3] has a negative size: sizes are 0 or more; -1 is for arrays, buffers and"
                + " reshape");
  }

  @Test
  void namesArgumentsThatAreNull() {
    Map<String, ThrowingCallable> calls =
        Map.of(
            "values is null; expected an array",
            () -> Tensor.of((float[]) null, 2, 3),
            "rows is null; expected an array of rows",
            () -> Tensor.copyOf((double[][]) null),
            "arena is null; expected an arena",
            () -> Tensor.allocate((Arena) null, DType.F32, 2),
            "type is null; expected a type such as F32",
            () -> Tensor.allocate((DType) null, 2),
            "segment is null; expected a memory segment",
            () -> Tensor.of((MemorySegment) null, DType.F32, 2));
    calls.forEach(
        (text, call) ->
            assertThatThrownBy(call).isInstanceOf(NullPointerException.class).hasMessage(text));
  }

  @Test
  void refusesMemoryThatIsTooSmall() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment segment = arena.allocate(44, 4);
      assertThatThrownBy(() -> Tensor.of(segment, DType.F32, 3, 4))
          .isInstanceOf(MemoryException.class)
          .hasMessageContaining("F32 [3, 4] needs 48 bytes, the memory has 44");
      assertThatThrownBy(
              () -> Tensor.strided(segment, DType.F32, new long[] {3, 2}, new long[] {5, 2}))
          .isInstanceOf(MemoryException.class)
          .hasMessageContaining("strides [5, 2]");
    }
  }

  @Test
  void refusesMisalignedMemory() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment odd = arena.allocate(64, 8).asSlice(2);
      assertThatThrownBy(() -> Tensor.of(odd, DType.F32, 3))
          .isInstanceOf(MemoryException.class)
          .hasMessageContaining("not aligned to the 4 bytes of F32");
    }
    assertThatThrownBy(() -> Tensor.of(MemorySegment.ofArray(new byte[64]), DType.F32, 3))
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("heap array");
  }

  @Test
  void refusesShapesThatCannotBe() {
    MemorySegment segment = MemorySegment.ofArray(SIX);
    assertThatThrownBy(() -> Tensor.of(segment, DType.F32)).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> Tensor.of(segment, DType.F32, 2, -1))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("[2, -1]");
    assertThatThrownBy(() -> Tensor.of(segment, DType.F32, Long.MAX_VALUE, 3))
        .isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> Tensor.of(segment, DType.F32, Long.MAX_VALUE))
        .isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> Tensor.of(SIX.clone(), 2, 2))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("shape [2, 2] has 4 elements, the memory has 6");
    assertThatThrownBy(() -> Tensor.strided(segment, DType.F32, new long[] {2}, new long[] {1, 1}))
        .isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> Tensor.strided(segment, DType.F32, new long[] {2}, new long[] {-1}))
        .isInstanceOf(ShapeException.class);
    assertThatThrownBy(
            () ->
                Tensor.strided(
                    segment, DType.F32, new long[] {3, 3}, new long[] {Long.MAX_VALUE / 2, 1}))
        .isInstanceOf(ShapeException.class);
  }

  @Test
  void refusesAddressesThatCannotBe() {
    assertThatThrownBy(() -> Tensor.ofAddress(0, 4, null, DType.F32, 1))
        .isInstanceOf(MemoryException.class);
    assertThatThrownBy(() -> Tensor.ofAddress(64, -4, null, DType.F32, 1))
        .isInstanceOf(MemoryException.class);
  }

  @Test
  void allocatesZeros() {
    try (Arena arena = Arena.ofConfined()) {
      assertThat(Tensor.allocate(arena, DType.F32, 2, 2).toFloatArray())
          .containsExactly(0, 0, 0, 0);
    }
    Arena closed = Arena.ofConfined();
    closed.close();
    assertThatThrownBy(() -> Tensor.allocate(closed, DType.F32, 1))
        .isInstanceOf(MemoryException.class);
  }

  @Test
  void allocatesWithoutAnArena() throws InterruptedException {
    Tensor tensor = Tensor.allocate(DType.F64, 3, 0, 2);
    assertThat(tensor.shape()).containsExactly(3, 0, 2);
    Tensor zeros = Tensor.allocate(DType.F32, 2, 2);
    assertThat(zeros.toFloatArray()).containsExactly(0, 0, 0, 0);
    assertThat(zeros.isContiguous()).isTrue();
    assertThat(zeros.isReadOnly()).isFalse();
    assertThat(zeros.segment().isNative()).isTrue();
    Thread other = new Thread(() -> zeros.setFloat(3, 1, 1));
    other.start();
    other.join();
    assertThat(zeros.getFloat(1, 1)).isEqualTo(3);
    assertThatThrownBy(() -> Tensor.allocate(DType.F32, -1)).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> Tensor.allocate(DType.F64, Long.MAX_VALUE))
        .isInstanceOf(MemoryException.class);
  }

  /** Together with what is left of the tensor. */
  @Test
  void memoryWithoutAnArenaIsFreed() throws InterruptedException {
    WeakReference<MemorySegment.Scope> scope = null;
    for (int i = 0; i < 16; i++) {
      scope = new WeakReference<>(Tensor.allocate(DType.F32, 1 << 20).segment().scope());
    }
    for (int i = 0; i < 100 && scope.get() != null; i++) {
      System.gc();
      Thread.sleep(10);
    }
    assertThat(scope.get()).isNull();
  }

  @Test
  void knowsItsShape() {
    Tensor tensor = Tensor.of(SIX.clone(), 2, 3, 1);
    assertThat(tensor.rank()).isEqualTo(3);
    assertThat(tensor.shape()).containsExactly(2, 3, 1);
    assertThat(tensor.strides()).containsExactly(3, 1, 1);
    assertThat(tensor.elements()).isEqualTo(6);
    assertThat(tensor.dim(1)).isEqualTo(3);
    assertThat(tensor.dim(-3)).isEqualTo(2);
    assertThatThrownBy(() -> tensor.dim(3))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("axis 3")
        .hasMessageContaining("-3 to 2");
    assertThat(tensor.describe()).isEqualTo("F32 [2, 3, 1] on the heap");
  }

  @Test
  void keepsItsOwnShape() {
    long[] shape = {2, 3};
    Tensor tensor = Tensor.of(SIX.clone(), shape);
    shape[0] = 1;
    tensor.shape()[1] = 1;
    assertThat(tensor.shape()).containsExactly(2, 3);
  }

  @Test
  void permutesSlicesSelectsAndReshapes() {
    Tensor tensor = Tensor.of(SIX.clone(), 2, 3);
    assertThat(tensor.permute(1, 0).toFloatArray()).containsExactly(0, 3, 1, 4, 2, 5);
    assertThat(tensor.permute(-1, -2).isContiguous()).isFalse();
    assertThat(tensor.slice(1, 1, 3).toFloatArray()).containsExactly(1, 2, 4, 5);
    assertThat(tensor.slice(-2, 1, 1).elements()).isZero();
    assertThat(tensor.slice(1, 3, 3).shape()).containsExactly(2, 0);
    assertThat(tensor.select(0, 1).toFloatArray()).containsExactly(3, 4, 5);
    assertThat(tensor.select(1, 2).toFloatArray()).containsExactly(2, 5);
    assertThat(tensor.reshape(3, 2).getFloat(2, 0)).isEqualTo(4);
    assertThat(tensor.slice(1, 1, 3).permute(1, 0).select(0, 1).toFloatArray())
        .containsExactly(2, 5);
  }

  @Test
  void refusesViewsThatCannotBe() {
    Tensor tensor = Tensor.of(SIX.clone(), 2, 3);
    assertThatThrownBy(() -> tensor.permute(0)).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> tensor.permute(0, 0)).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> tensor.slice(1, 2, 4)).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> tensor.slice(1, 2, 1)).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> tensor.slice(1, -1, 1)).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> tensor.select(0, 2)).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> tensor.select(0, 0).select(0, 0)).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> tensor.reshape(7)).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> tensor.permute(1, 0).reshape(6)).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> tensor.getFloat(2, 0)).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> tensor.getFloat(0)).isInstanceOf(ShapeException.class);
  }

  @Test
  void refusesElementsOfAnotherType() {
    Tensor labels = Tensor.of(new int[] {1});
    assertThatThrownBy(() -> labels.getFloat(0))
        .isInstanceOf(DTypeException.class)
        .hasMessageContaining("I32 [1]");
    assertThatThrownBy(() -> labels.setFloat(1, 0)).isInstanceOf(DTypeException.class);
    assertThatThrownBy(labels::toFloatArray).isInstanceOf(DTypeException.class);
    Tensor floats = Tensor.of(SIX.clone());
    assertThatThrownBy(() -> floats.getLong(0)).isInstanceOf(DTypeException.class);
    assertThatThrownBy(floats::toLongArray).isInstanceOf(DTypeException.class);
    assertThatThrownBy(floats::toIntArray).isInstanceOf(DTypeException.class);
    assertThatThrownBy(labels::toFloatArrays).isInstanceOf(DTypeException.class);
  }

  @Test
  void readOnlyViewsRefuseWrites() {
    Tensor readOnly = Tensor.of(SIX.clone()).asReadOnly();
    assertThat(readOnly.isReadOnly()).isTrue();
    assertThat(readOnly.slice(0, 1, 2).isReadOnly()).isTrue();
    assertThatThrownBy(() -> readOnly.setFloat(1, 0))
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("read-only");
  }

  @Test
  void refusesClosedMemory() {
    Tensor tensor;
    try (Arena arena = Arena.ofConfined()) {
      tensor = Tensor.allocate(arena, DType.F32, 1);
    }
    assertThatThrownBy(() -> tensor.getFloat(0))
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("closed");
  }

  @Test
  void keepsTheOwnerOfAnAddressReachable() throws InterruptedException {
    MemorySegment memory = Arena.global().allocate(16, 4);
    Object owner = new Object();
    WeakReference<Object> reference = new WeakReference<>(owner);
    Tensor tensor = Tensor.ofAddress(memory.address(), 16, owner, DType.F32, 4).slice(0, 1, 3);
    owner = null;
    for (int i = 0; i < 3; i++) {
      System.gc();
      Thread.sleep(10);
    }
    assertThat(reference.get()).isNotNull();
    assertThat(tensor.toFloatArray()).containsExactly(0, 0);
    tensor = null;
    for (int i = 0; i < 100 && reference.get() != null; i++) {
      System.gc();
      Thread.sleep(10);
    }
    assertThat(reference.get()).isNull();
  }

  @Test
  void elementsOfEveryTypeOfFloats() {
    for (DType type : new DType[] {DType.F32, DType.F64, DType.F16, DType.BF16}) {
      Tensor tensor = Tensor.allocate(Arena.ofAuto(), type, 2, 2);
      tensor.setDouble(-1.5, 1, 0);
      assertThat(tensor.getDouble(1, 0)).isEqualTo(-1.5);
      assertThat(tensor.toDoubleArray()).containsExactly(0, 0, -1.5, 0);
      if (type != DType.F64) {
        tensor.setFloat(0.25f, 0, 1);
        assertThat(tensor.toFloatArray()).containsExactly(0, 0.25f, -1.5f, 0);
      } else {
        assertThatThrownBy(() -> tensor.getFloat(0, 0)).isInstanceOf(DTypeException.class);
      }
    }
    assertThat(Tensor.of(new double[] {1, 2}).type()).isEqualTo(DType.F64);
    assertThatThrownBy(() -> Tensor.of(new int[1]).getDouble(0)).isInstanceOf(DTypeException.class);
  }

  /** To nearest, ties to even, subnormals kept, in one step from double. */
  @Test
  void elementsOf16BitsAreRoundedOnce() {
    short[] bits = new short[1];
    double[] values = {
      1,
      1.00048828125,
      1.0004882812500002,
      65519.99,
      65520,
      5.9604644775390625e-8,
      2.98e-8,
      -0.0,
      Double.NaN
    };
    int[] halves = {0x3c00, 0x3c00, 0x3c01, 0x7bff, 0x7c00, 0x0001, 0x0000, 0x8000, 0x7e00};
    for (int i = 0; i < values.length; i++) {
      Tensor.of(MemorySegment.ofArray(bits), DType.F16, 1).setDouble(values[i], 0);
      assertThat(bits[0]).as("F16 of %s", values[i]).isEqualTo((short) halves[i]);
    }
    double[] others = {1, 1.00390625, 1.0039062500000002, 3.4e38, 1e-45, -0.0, Double.NaN};
    int[] uppers = {0x3f80, 0x3f80, 0x3f81, 0x7f80, 0x0000, 0x8000, 0x7fc0};
    for (int i = 0; i < others.length; i++) {
      Tensor.of(MemorySegment.ofArray(bits), DType.BF16, 1).setDouble(others[i], 0);
      assertThat(bits[0]).as("BF16 of %s", others[i]).isEqualTo((short) uppers[i]);
    }
  }

  @Test
  void copiesBetweenTypesOfFloatsAreRounded() {
    short[] bits = new short[2];
    Tensor half = Tensor.of(MemorySegment.ofArray(bits), DType.F16, 2);
    half.copyFrom(Tensor.of(new double[] {0.5, 1e9}));
    assertThat(half.toDoubleArray()).containsExactly(0.5, Double.POSITIVE_INFINITY);
    Tensor wide = Tensor.of(new double[2]);
    wide.copyFrom(half);
    assertThat(wide.toDoubleArray()).containsExactly(0.5, Double.POSITIVE_INFINITY);
  }

  @Test
  void integersWithoutASignAreNeverNegativeUpTo32Bits() {
    MemorySegment ones = MemorySegment.ofArray(new long[] {-1});
    assertThat(Tensor.of(ones, DType.U16, 1).getLong(0)).isEqualTo(65535);
    assertThat(Tensor.of(ones, DType.U32, 1).getLong(0)).isEqualTo(4294967295L);
    assertThat(Tensor.of(ones, DType.U64, 1).getLong(0)).isEqualTo(-1);
  }

  @Test
  void integersOfEveryTypeAreWritten() {
    for (DType type : DType.values()) {
      if (type.isFloat()) {
        continue;
      }
      Tensor tensor = Tensor.of(MemorySegment.ofArray(new long[6]), type, 2, 3);
      int bits = 8 * type.byteSize();
      long least = type.isUnsigned() ? 0 : -1L << bits - 1;
      long most = type.isUnsigned() && bits < 64 ? (1L << bits) - 1 : ~(-1L << bits - 1);
      tensor.setLong(least, 0, 1);
      tensor.setLong(most, 1, 2);
      assertThat(tensor.toLongArray()).containsExactly(0, least, 0, 0, 0, most);
      if (bits < 64) {
        assertThatThrownBy(() -> tensor.setLong(most + 1, 0, 0))
            .isInstanceOf(DTypeException.class)
            .hasMessage(
                "%d is no element of %s [2, 3]; expected a number from %d to %d",
                most + 1, type, least, most);
      }
      if (type != DType.I64) {
        assertThatThrownBy(() -> tensor.setLong(least - 1, 0, 0))
            .isInstanceOf(DTypeException.class);
      }
    }
    Tensor floats = Tensor.of(new float[1]);
    assertThatThrownBy(() -> floats.setLong(1, 0))
        .isInstanceOf(DTypeException.class)
        .isInstanceOf(IllegalArgumentException.class)
        .isInstanceOf(XentException.class);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "12 | -1 | 12",
        "12 | -1, 4 | 3, 4",
        "12 | 2, -1, 6 | 2, 1, 6",
        "12 | 2, 6, -1 | 2, 6, 1",
        "0 | -1 | 0",
        "0 | -1, 4 | 0, 4"
      })
  void aSizeOfMinusOneIsInferred(int elements, String shape, String whole) {
    float[] values = new float[elements];
    assertThat(Tensor.of(values).reshape(sizes(shape)).shape()).containsExactly(sizes(whole));
    assertThat(Tensor.of(values, sizes(shape)).shape()).containsExactly(sizes(whole));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "12 | -1, 5 | needs a multiple of 5 elements, F32 [12] has 12; expected sizes that divide"
            + " it",
        "12 | -1, -1, 12 | leaves two sizes open; expected at most one -1",
        "12 | -1, 0 | has 0 elements for any value of its -1; expected every size",
        "0 | 0, -1 | has 0 elements for any value of its -1; expected every size",
        "12 | -1, -2 | has a negative size: sizes are 0 or more",
        "12 | -2 | has a negative size: sizes are 0 or more",
        "12 | -1, 4294967296, 4294967296 | is larger than memory can be: "
            + "sizes and strides must stay below 2^63 bytes",
        "12 | -1, 9223372036854775807 | needs a multiple of 9223372036854775807 elements, "
            + "F32 [12] has 12; expected sizes that divide it"
      })
  void aSizeThatCannotBeInferredIsRefused(int elements, String shape, String why) {
    float[] values = new float[elements];
    String message = "shape " + Arrays.toString(sizes(shape)) + " " + why;
    assertThatThrownBy(() -> Tensor.of(values).reshape(sizes(shape)))
        .isInstanceOf(ShapeException.class)
        .hasMessage(message);
    assertThatThrownBy(() -> Tensor.of(values, sizes(shape)))
        .isInstanceOf(ShapeException.class)
        .hasMessage(message.replace("F32 [12]", "the memory"));
  }

  private static long[] sizes(String shape) {
    return Arrays.stream(shape.split(", *")).mapToLong(Long::parseLong).toArray();
  }

  /** The caller's array is not changed: callers may reuse it for a tensor of another length. */
  @Test
  void theShapeOfTheCallerKeepsItsMinusOne() {
    long[] shape = {-1, 3};
    assertThat(Tensor.of(SIX.clone(), shape).reshape(shape).dim(0)).isEqualTo(2);
    assertThat(shape).containsExactly(-1, 3);
  }

  /** An arena for which the JVM has no memory left. */
  private record FullArena(String message) implements Arena {
    @Override
    public MemorySegment allocate(long bytes, long alignment) {
      throw new OutOfMemoryError(message);
    }

    @Override
    public MemorySegment.Scope scope() {
      return Arena.global().scope();
    }

    @Override
    public void close() {}
  }

  @Test
  void aLackOfMemoryOffTheHeapNamesItsRemedies() {
    String ofJvm = "Cannot reserve 12 bytes of direct buffer memory (allocated: 9, limit: 16)";
    assertThatThrownBy(() -> Tensor.allocate(new FullArena(ofJvm), DType.F32, 3))
        .isInstanceOf(OutOfMemoryError.class)
        .hasMessageStartingWith("a tensor of 12 bytes: " + ofJvm + "; ")
        .hasMessageContaining("-XX:+DisableExplicitGC")
        .hasRootCauseMessage(ofJvm);
    assertThatThrownBy(() -> Tensor.allocate(new FullArena("Java heap space"), DType.F32, 3))
        .isInstanceOf(OutOfMemoryError.class)
        .hasMessage("Java heap space");
  }

  @Test
  void copiesArraysOfArrays() {
    float[][] rows = {{1, 2, 3}, {4, 5, 6}};
    Tensor tensor = Tensor.copyOf(rows);
    rows[0][0] = 9;
    assertThat(tensor.describe()).isEqualTo("F32 [2, 3] off the heap");
    assertThat(tensor.toFloatArray()).containsExactly(1, 2, 3, 4, 5, 6);
    assertThat(Tensor.copyOf(new float[0][]).shape()).containsExactly(0, 0);
    assertThat(Tensor.copyOf(rows, rows[0].length).toFloatArrays()).isEqualTo(rows);
    assertThat(Tensor.copyOf(new float[0][], 3).shape()).containsExactly(0, 3);
    assertThatThrownBy(() -> Tensor.copyOf(new float[][] {{1}, {1, 2}}, 1))
        .isInstanceOf(ShapeException.class)
        .hasMessage("rows[1] has 2 elements, columns is 1; expected rows of that length");
    assertThat(Tensor.copyOf(new float[3][0]).shape()).containsExactly(3, 0);
  }

  @Test
  void copiesArraysOfDoubles() {
    double[][] rows = {{1, 1e300}, {Double.NEGATIVE_INFINITY, -0.0}};
    Tensor tensor = Tensor.copyOf(rows);
    assertThat(tensor.type()).isEqualTo(DType.F64);
    assertThat(tensor.toDoubleArrays()).isDeepEqualTo(rows);
    assertThat(tensor.permute(1, 0).toDoubleArrays())
        .isDeepEqualTo(new double[][] {{1, Double.NEGATIVE_INFINITY}, {1e300, -0.0}});
    assertThat(Tensor.of(SIX, 3, 2).toDoubleArrays())
        .isDeepEqualTo(new double[][] {{0, 1}, {2, 3}, {4, 5}});
    assertThat(Tensor.copyOf(new double[0][]).shape()).containsExactly(0, 0);
    assertThatThrownBy(() -> Tensor.copyOf(new double[][] {{1}, {1, 2}}))
        .isInstanceOf(ShapeException.class)
        .hasMessage("rows[1] has 2 elements, rows[0] has 1; expected rows of one length");
    assertThatThrownBy(() -> Tensor.of(new int[4], 2, 2).toDoubleArrays())
        .isInstanceOf(DTypeException.class);
  }

  /** As languages call it that do not make an int a long. */
  @Test
  void takesRowsAndColumnsThatAreInts() {
    int rows = 2;
    int columns = 3;
    assertThat(Tensor.of(new float[6], rows, columns).shape()).containsExactly(2, 3);
    assertThat(Tensor.of(new double[6], -1, columns).shape()).containsExactly(2, 3);
    assertThat(Tensor.of(new int[6], rows, -1).shape()).containsExactly(2, 3);
    assertThat(Tensor.of(new long[6], rows, columns).shape()).containsExactly(2, 3);
    assertThatThrownBy(() -> Tensor.of(new float[6], rows, rows))
        .isInstanceOf(ShapeException.class);
  }

  @Test
  void refusesRowsOfSeveralLengths() {
    assertThatThrownBy(() -> Tensor.copyOf(new float[][] {{1, 2}, {3, 4}, {5}}))
        .isInstanceOf(ShapeException.class)
        .hasMessage("rows[2] has 1 element, rows[0] has 2; expected rows of one length");
    assertThatThrownBy(() -> Tensor.copyOf(new float[][] {{}, {3}}))
        .isInstanceOf(ShapeException.class)
        .hasMessage("rows[1] has 1 element, rows[0] has 0; expected rows of one length");
    assertThatThrownBy(() -> Tensor.copyOf(new float[][] {{1}, null}))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("rows[1] is null; expected an array");
    assertThatThrownBy(() -> Tensor.copyOf(new double[][] {null}))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("rows[0] is null; expected an array");
  }

  @Test
  void givesAnArrayForEachRow() {
    Tensor tensor = Tensor.of(SIX.clone(), 2, 3);
    assertThat(tensor.toFloatArrays()).isDeepEqualTo(new float[][] {{0, 1, 2}, {3, 4, 5}});
    assertThat(tensor.permute(1, 0).toFloatArrays())
        .isDeepEqualTo(new float[][] {{0, 3}, {1, 4}, {2, 5}});
    assertThat(tensor.reshape(6).toFloatArrays()).isDeepEqualTo(new float[][] {SIX});
    assertThat(tensor.reshape(1, 3, 2).toFloatArrays()).hasDimensions(3, 2);
    assertThat(Tensor.copyOf(new float[3][0]).toFloatArrays()).hasDimensions(3, 0);
    assertThat(Tensor.of(new float[0], 0, 3).toFloatArrays()).isEmpty();
    assertThatThrownBy(Tensor.of(new double[1])::toFloatArrays)
        .isInstanceOf(DTypeException.class)
        .hasMessageContaining("toDoubleArray()");
  }

  @Test
  void givesIntsOfEveryIntegerTypeThatFit() {
    for (DType type : DType.values()) {
      if (type.isInteger()) {
        Tensor tensor = Tensor.of(MemorySegment.ofArray(new long[6]), type, 2, 3);
        tensor.setLong(127, 0, 1);
        tensor.setLong(type.isUnsigned() ? 1 : -128, 1, 0);
        int[] expected = {0, 127, 0, type.isUnsigned() ? 1 : -128, 0, 0};
        assertThat(tensor.toIntArray()).as("%s", type).containsExactly(expected);
        assertThat(tensor.permute(1, 0).toIntArray()).hasSize(6).startsWith(0, expected[3], 127);
      }
    }
    long[] ends = {Integer.MIN_VALUE, Integer.MAX_VALUE};
    assertThat(Tensor.of(ends).toIntArray()).containsExactly(Integer.MIN_VALUE, Integer.MAX_VALUE);
  }

  @ParameterizedTest
  @CsvSource({
    "I64, 2147483648, 2147483648",
    "I64, -2147483649, -2147483649",
    "I64, 4294967296, 4294967296",
    "U32, 4294967295, 4294967295",
    "U64, -1, 18446744073709551615"
  })
  void refusesIntegersThatNoIntHolds(DType type, long bits, String said) {
    long[] values = {type == DType.U32 ? bits << 32 : 0, bits};
    MemorySegment memory = MemorySegment.ofArray(values);
    assertThatThrownBy(Tensor.of(memory, type, 2)::toIntArray)
        .isInstanceOf(DTypeException.class)
        .hasMessage(
            "element 1 of " + type + " [2] is " + said + ", which no int holds: use toLongArray()");
  }

  // ---- texts -----------------------------------------------------------------------------------

  @Test
  void showsItsValues() {
    assertThat(Tensor.of(new float[] {1, 0.1f})).hasToString("F32 [2] [1.0, 0.1]");
    assertThat(Tensor.of(new double[] {Double.NaN, 1e300})).hasToString("F64 [2] [NaN, 1.0E300]");
    assertThat(Tensor.of(new long[] {-1}).reshape(1, 1)).hasToString("I64 [1, 1]\n[[-1]]");
    assertThat(Tensor.of(MemorySegment.ofArray(new long[] {-1}), DType.U64, 1))
        .hasToString("U64 [1] [18446744073709551615]");
    assertThat(Tensor.of(new short[] {0x3c00, 0x7c00}, DType.F16))
        .hasToString("F16 [2] [1.0, Infinity]");
    assertThat(Tensor.of(new float[] {1, 2, 3, 9, 4, 5, 6, 9}, 2, 4).slice(1, 0, 3))
        .hasToString("F32 [2, 3]\n[[1.0, 2.0, 3.0],\n [4.0, 5.0, 6.0]]");
    assertThat(Tensor.of(new int[] {1, 2, 3, 4}, 2, 1, 2).permute(2, 1, 0))
        .hasToString("I32 [2, 1, 2]\n[[[1, 3]],\n [[2, 4]]]");
    assertThat(Tensor.of(new int[0], 2, 0)).hasToString("I32 [2, 0]\n[[],\n []]");
    assertThat(Tensor.of(new int[0])).hasToString("I32 [0] []");
  }

  @Test
  void showsTheEndsOfWhatIsLarge() {
    int[] hundred = IntStream.range(0, 101).toArray();
    assertThat(Tensor.of(Arrays.copyOf(hundred, 100)).toString()).contains("[0, 1, 2, 3, 4,");
    assertThat(Tensor.of(hundred)).hasToString("I32 [101] [0, 1, 2, ..., 98, 99, 100]");
    assertThat(Tensor.of(IntStream.range(0, 112).toArray(), 7, 16))
        .hasToString(
            """
            I32 [7, 16]
            [[0, 1, 2, ..., 13, 14, 15],
             [16, 17, 18, ..., 29, 30, 31],
             [32, 33, 34, ..., 45, 46, 47],
             ...,
             [64, 65, 66, ..., 77, 78, 79],
             [80, 81, 82, ..., 93, 94, 95],
             [96, 97, 98, ..., 109, 110, 111]]\
            """);
    assertThat(Tensor.of(new byte[1 << 20], 1024, 1024).toString()).hasSizeLessThan(300);
    assertThat(Tensor.of(new byte[1 << 18], 8, 8, 8, 8, 8, 8).toString()).hasSizeLessThan(8000);
    long[] twos = new long[12];
    Arrays.fill(twos, 2);
    assertThat(Tensor.of(new byte[1 << 12], twos))
        .hasToString("I8 [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2] on the heap");
    assertThat(Tensor.of(new byte[0], Long.MAX_VALUE, 0).toString())
        .contains("...")
        .hasSizeLessThan(100);
  }

  @Test
  void readsNoMemoryThatIsGone() throws Exception {
    String description = "F32 [2] off the heap";
    Tensor closed;
    try (Arena arena = Arena.ofConfined()) {
      closed = Tensor.allocate(arena, DType.F32, 2);
      assertThat(closed).hasToString("F32 [2] [0.0, 0.0]");
      assertThat(CompletableFuture.supplyAsync(closed::toString).get())
          .isEqualTo(description + ", in an arena of another thread");
    }
    assertThat(closed).hasToString(description + ", in a closed arena");
    boolean[] released = {false};
    Tensor lent =
        Tensor.of(new float[2]).withGuard(() -> released[0] ? "the buffer is released" : null);
    assertThat(lent).hasToString("F32 [2] [0.0, 0.0]");
    released[0] = true;
    assertThat(lent).hasToString("F32 [2] on the heap, taken back by its owner");
  }

  // ---- short forms -----------------------------------------------------------------------------

  @Test
  void shortsHaveAnyTypeOf16Bits() {
    short[] values = {0x3c00, (short) 0x8000};
    assertThat(Tensor.of(values, DType.F16).toFloatArray()).containsExactly(1, -0f);
    assertThat(Tensor.of(new short[] {0x3f80}, DType.BF16, 1, -1).getFloat(0, 0)).isEqualTo(1);
    assertThat(Tensor.of(values, DType.U16).toIntArray()).containsExactly(0x3c00, 0x8000);
    assertThat(Tensor.of(values, DType.I16, 2, 1).toIntArray()).containsExactly(0x3c00, -0x8000);
    Tensor.of(values, DType.F16).setFloat(2, 0);
    assertThat(values[0]).isEqualTo((short) 0x4000);
  }

  @Test
  void fills() {
    float[] padded = new float[8];
    Tensor.of(padded, 2, 4).slice(1, 0, 3).fill(0.1f);
    assertThat(padded).containsExactly(0.1f, 0.1f, 0.1f, 0, 0.1f, 0.1f, 0.1f, 0);
    Tensor half = Tensor.of(new short[3], DType.F16);
    half.fill(1.0 / 3);
    assertThat(half.getFloat(2)).isEqualTo(0.33325195f);
    double[] wide = new double[2];
    Tensor.of(wide).fill(Double.NaN);
    assertThat(wide).containsExactly(Double.NaN, Double.NaN);
    for (DType type : DType.values()) {
      Tensor any = Tensor.of(MemorySegment.ofArray(new long[2]), type, 2);
      any.fill(7);
      assertThat(type.isInteger() ? any.getLong(1) : (long) any.getDouble(1)).isEqualTo(7);
    }
    byte[] bytes = {1};
    Tensor.of(bytes).slice(0, 0, 0).fill(5);
    assertThat(bytes[0]).isEqualTo((byte) 1);
    for (double wrong : new double[] {0.5, 128, Double.NaN, Double.POSITIVE_INFINITY, 0x1p63}) {
      assertThatThrownBy(() -> Tensor.of(bytes).fill(wrong)).isInstanceOf(DTypeException.class);
    }
    assertThat(bytes[0]).isEqualTo((byte) 1);
  }
}

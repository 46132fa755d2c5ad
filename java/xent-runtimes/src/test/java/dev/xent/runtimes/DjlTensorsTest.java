// SPDX-License-Identifier: Apache-2.0
package dev.xent.runtimes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.util.passthrough.PassthroughNDArray;
import ai.djl.util.passthrough.PassthroughNDManager;
import dev.xent.DType;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.WeakReference;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Against DJL's PyTorch engine itself. */
@EnabledOnOs(value = OS.LINUX, architectures = "amd64") // for which the test has PyTorch
class DjlTensorsTest extends WrappedMemory<NDArray> {
  private NDManager manager;
  private Arena arena;

  DjlTensorsTest() {
    super("DJL", Integer.MAX_VALUE);
  }

  @BeforeEach
  void open() {
    manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");
    arena = Arena.ofConfined();
  }

  @AfterEach
  void close() {
    manager.close();
    arena.close();
  }

  @Override
  NDArray floats(float[] values, long... shape) {
    return manager.create(values, new Shape(shape));
  }

  @Override
  Tensor labels(int... classes) {
    return DjlTensors.view(manager.create(classes));
  }

  @Override
  Tensor view(NDArray array) {
    return DjlTensors.view(array);
  }

  @Override
  float[] values(NDArray array) {
    return array.toFloatArray();
  }

  @Override
  NDArray wrap(Tensor tensor) {
    return DjlTensors.wrap(manager, tensor);
  }

  private static long address(NDArray contiguous) {
    return MemorySegment.ofBuffer(contiguous.toByteBuffer(true)).address();
  }

  private static void refused(NDArray array, String message) {
    assertThatThrownBy(() -> DjlTensors.view(array))
        .isInstanceOf(MemoryException.class)
        .hasMessage(message);
  }

  // ---- view ------------------------------------------------------------------------------------

  @Test
  void aViewIsTheMemoryOfTheArray() {
    NDArray array = manager.zeros(new Shape(2, 3)); // allocated by PyTorch
    Tensor view = DjlTensors.view(array);

    assertThat(view.describe()).isEqualTo("F32 [2, 3] off the heap");
    assertThat(view.segment().address()).isEqualTo(address(array));
    view.setFloat(7, 1, 2);
    assertThat(array.getFloat(1, 2)).isEqualTo(7);
    array.addi(1);
    assertThat(view.toFloatArray()).containsExactly(1, 1, 1, 1, 1, 8);
  }

  @Test
  void anArrayOfAJavaArrayCanBeViewed() {
    NDArray array = manager.create(new float[] {1, 2});
    Tensor view = DjlTensors.view(array);
    view.setFloat(5, 0);
    assertThat(array.toFloatArray()).containsExactly(5, 2);
  }

  @Test
  void aPartAlongTheFirstAxisIsSharedWithTheWhole() {
    NDArray array = manager.create(new float[] {0, 1, 2, 3, 4, 5}, new Shape(3, 2));
    Tensor view = DjlTensors.view(array.get(new NDIndex("1:3")));
    assertThat(view.segment().address()).isEqualTo(address(array) + 2 * Float.BYTES);
    view.setFloat(9, 1, 1);
    assertThat(array.toFloatArray()).containsExactly(0, 1, 2, 3, 4, 9);
  }

  @Test
  void anArrayWithAGradientCanBeViewed() {
    NDArray array = manager.create(new float[] {1, 2});
    array.setRequiresGradient(true);
    assertThat(DjlTensors.view(array).toFloatArray()).containsExactly(1, 2);
    assertThat(array.hasGradient()).isTrue();
  }

  @Test
  void nothingIsLeftInTheManager() {
    NDArray array = manager.zeros(new Shape(2, 3));
    int before = manager.getManagedArrays().size();
    DjlTensors.view(array);
    NDArray transposed = array.transpose();
    assertThatThrownBy(() -> DjlTensors.view(transposed)).isInstanceOf(MemoryException.class);
    assertThat(manager.getManagedArrays()).hasSize(before + 1);
  }

  @Test
  void afterSetTheArrayIsViewedAgain() {
    NDArray array = manager.zeros(new Shape(2));
    array.set(new float[] {3, 4});
    assertThat(DjlTensors.view(array).toFloatArray()).containsExactly(3, 4);
  }

  @Test
  void aScalarIsOneElement() {
    NDArray array = manager.create(3L);
    assertThat(DjlTensors.view(array).shape()).containsExactly(1);
    assertThat(DjlTensors.view(array).getLong(0)).isEqualTo(3);
    assertThat(DjlTensors.copy(array, arena).getLong(0)).isEqualTo(3);
  }

  @Test
  void anEmptyArrayIsAnEmptyTensor() {
    NDArray array = manager.zeros(new Shape(0, 3));
    assertThat(DjlTensors.view(array).shape()).containsExactly(0, 3);
    assertThat(DjlTensors.copy(array, arena).shape()).containsExactly(0, 3);
    NDArray wrapped = DjlTensors.wrap(manager, Tensor.allocate(arena, DType.F32, 0, 3));
    assertThat(wrapped.getShape()).isEqualTo(new Shape(0, 3));
    assertThat(DjlTensors.view(wrapped).shape()).containsExactly(0, 3);
  }

  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.EXCLUDE,
      names = {"I16", "BF16", "U16", "U32", "U64"})
  void everyTypeGoesThereAndBack(DType type) {
    Tensor tensor = Tensor.allocate(arena, type, 2, 3);
    for (int i = 0; i < tensor.segment().byteSize(); i++) {
      tensor.segment().set(ValueLayout.JAVA_BYTE, i, (byte) (3 * i + 1));
    }
    NDArray array = DjlTensors.wrap(manager, tensor);
    Tensor view = DjlTensors.view(array);
    assertThat(view.type()).isEqualTo(type);
    assertThat(view.segment().address()).isEqualTo(tensor.segment().address());
    NDArray theirs = array.duplicate(); // PyTorch agrees about the size of an element
    assertThat(DjlTensors.view(theirs).segment().mismatch(tensor.segment())).isEqualTo(-1);
    assertThat(DjlTensors.copy(array, arena).segment().mismatch(tensor.segment())).isEqualTo(-1);
  }

  @Test
  void booleansAreBytes() {
    NDArray array = manager.create(new boolean[] {true, false});
    Tensor view = DjlTensors.view(array);
    assertThat(view.type()).isEqualTo(DType.U8);
    view.segment().set(ValueLayout.JAVA_BYTE, 1, (byte) 1);
    assertThat(array.toBooleanArray()).containsExactly(true, true);
  }

  // ---- copy ------------------------------------------------------------------------------------

  @Test
  void whatHasGapsIsCopiedOnRequestOnly() {
    NDArray array = manager.create(new float[] {0, 1, 2, 3, 4, 5}, new Shape(2, 3));
    String message = "the NDArray is not contiguous, and DJL does not tell its strides: use copy";
    refused(array.transpose(), message);
    refused(array.get(new NDIndex(":, 0:2")), message);
    refused(array.reshape(6).get(new NDIndex("::2")), message);
    refused(manager.ones(new Shape(1)).broadcast(new Shape(4)), message);
    Tensor copy = DjlTensors.copy(array.transpose(), arena);
    assertThat(copy.shape()).containsExactly(3, 2);
    assertThat(copy.toFloatArray()).containsExactly(0, 3, 1, 4, 2, 5);
    copy.setFloat(8, 0, 0);
    assertThat(array.getFloat(0, 0)).isEqualTo(0);
  }

  @Test
  void aSparseArrayIsCopiedOnRequestOnly() {
    NDArray sparse =
        manager.createCoo(
            FloatBuffer.wrap(new float[] {5}), new long[][] {{1}, {0}}, new Shape(2, 2));
    refused(sparse, "the NDArray is sparse: use copy, or toDense()");
    assertThat(DjlTensors.copy(sparse, arena).toFloatArray()).containsExactly(0, 0, 5, 0);
  }

  @Test
  void arraysOfOtherEnginesAreCopiedOnRequestOnly() {
    ByteBuffer bytes = ByteBuffer.allocateDirect(8).order(ByteOrder.nativeOrder());
    bytes.putFloat(1).putFloat(2).flip();
    NDArray other =
        new PassthroughNDArray(
            PassthroughNDManager.INSTANCE, bytes, new Shape(2), DataType.FLOAT32);
    refused(other, "the engine is none, and only PyTorch's arrays can be shared: use copy");
    assertThat(DjlTensors.copy(other, arena).toFloatArray()).containsExactly(1, 2);
  }

  @Test
  void typesThatPyTorchDoesNotHaveCanBeCopied() {
    ByteBuffer bytes = ByteBuffer.allocateDirect(4).order(ByteOrder.nativeOrder());
    bytes.putShort((short) 0x3f80).putShort((short) 7).flip();
    NDManager other = PassthroughNDManager.INSTANCE;
    Shape shape = new Shape(2);
    NDArray halves = new PassthroughNDArray(other, bytes.duplicate(), shape, DataType.BFLOAT16);
    assertThat(DjlTensors.copy(halves, arena).getFloat(0)).isEqualTo(1);
    NDArray integers = new PassthroughNDArray(other, bytes.duplicate(), shape, DataType.INT16);
    assertThat(DjlTensors.copy(integers, arena).getLong(1)).isEqualTo(7);
  }

  @Test
  void memoryOfADeviceIsRefused() {
    NDArray array = manager.zeros(new Shape(2));
    NDArray there =
        (NDArray)
            Proxy.newProxyInstance(
                NDArray.class.getClassLoader(),
                new Class<?>[] {NDArray.class},
                (proxy, method, arguments) ->
                    method.getName().equals("getDevice")
                        ? Device.gpu()
                        : method.invoke(array, arguments));
    String message =
        "the memory is on gpu(0), which the CPU cannot reach: use copy, or"
            + " toDevice(Device.cpu(), true)";
    refused(there, message);
    try (NDManager gpu = manager.newSubManager(Device.gpu())) {
      assertThatThrownBy(() -> DjlTensors.wrap(gpu, Tensor.allocate(Arena.global(), DType.F32, 2)))
          .isInstanceOf(MemoryException.class)
          .hasMessage(message);
    }
  }

  @Test
  void moreThanABufferCanHoldIsRefused() {
    NDArray large = manager.create(new Shape(1L << 29)); // this memory is not used
    refused(
        large,
        "the NDArray has 2147483648 bytes, DJL lends at most 2147483647 at once: view parts of it");
    assertThatThrownBy(() -> DjlTensors.copy(large, arena))
        .isInstanceOf(MemoryException.class)
        .hasMessage(
            "the NDArray has 2147483648 bytes, DJL lends at most 2147483647 at once: copy parts of"
                + " it");
  }

  @Test
  void typesWithoutCounterpartAreRefused() {
    NDArray text = manager.create(new String[] {"a"});
    String message = "the NDArray holds STRING, which has no counterpart: convert it with toType";
    assertThatThrownBy(() -> DjlTensors.view(text))
        .isInstanceOf(DTypeException.class)
        .hasMessage(message);
    assertThatThrownBy(() -> DjlTensors.copy(text, arena))
        .isInstanceOf(DTypeException.class)
        .hasMessage(message);
    for (DType type : List.of(DType.BF16, DType.I16)) {
      assertThatThrownBy(() -> DjlTensors.wrap(manager, Tensor.allocate(arena, type, 2)))
          .isInstanceOf(DTypeException.class)
          .hasMessage(
              type
                  + " has no counterpart in DJL's PyTorch engine; expected F32, F64, F16, I8, U8,"
                  + " I32 or I64");
    }
  }

  @Test
  void aClosedArrayIsRefused() {
    NDArray array = manager.zeros(new Shape(2));
    array.close();
    String message = "the NDArray is closed: use it before it or its manager is closed";
    refused(array, message);
    assertThatThrownBy(() -> DjlTensors.copy(array, arena))
        .isInstanceOf(MemoryException.class)
        .hasMessage(message);
  }

  // ---- wrap ------------------------------------------------------------------------------------

  @Test
  void pyTorchReadsAndWritesTheMemoryOfATensor() {
    Tensor tensor = Tensor.allocate(arena, DType.F32, 2, 3);
    NDArray array = DjlTensors.wrap(manager, tensor);
    assertThat(address(array)).isEqualTo(tensor.segment().address());
    tensor.setFloat(4, 1, 1);
    assertThat(array.getFloat(1, 1)).isEqualTo(4);
    array.muli(2);
    assertThat(tensor.getFloat(1, 1)).isEqualTo(8);
    array.close();
    assertThat(tensor.getFloat(1, 1)).isEqualTo(8); // closing the array frees nothing
  }

  @Test
  void managersOfOtherEnginesAreRefused() {
    Tensor tensor = Tensor.allocate(arena, DType.F32, 2, 3);
    assertThatThrownBy(() -> DjlTensors.wrap(PassthroughNDManager.INSTANCE, tensor))
        .isInstanceOf(MemoryException.class)
        .hasMessage("the engine is none, and only PyTorch's arrays can be shared: use copy");
  }

  // ---- lifetime --------------------------------------------------------------------------------

  private Tensor viewOfForgotten() {
    NDManager forgotten = NDManager.newBaseManager(Device.cpu(), "PyTorch");
    NDArray array = forgotten.create(new float[] {1, 2});
    array.detach(); // now no manager keeps it
    made.add(new WeakReference<>(array));
    forgotten.close();
    return DjlTensors.view(array);
  }

  @Test
  @Timeout(30)
  void aViewKeepsTheArray() throws Exception {
    Tensor view = viewOfForgotten();
    collect();
    assertThat(made.getFirst().get()).isNotNull();
    assertThat(view.toFloatArray()).containsExactly(1, 2);
    view = null;
    awaitCollected();
  }

  @Test
  void aViewOfAClosedArrayIsRefused() {
    NDArray closed = manager.create(new float[] {1, 2});
    NDArray ofClosedManager;
    Tensor ofAnother;
    Tensor ofPart;
    try (NDManager another = manager.newSubManager()) {
      ofClosedManager = another.create(new float[][] {{1, 2}, {3, 4}});
      ofAnother = DjlTensors.view(ofClosedManager);
      ofPart = DjlTensors.view(ofClosedManager.get(1));
    }
    Tensor ofClosed = DjlTensors.view(closed);
    closed.close();
    for (Tensor view : List.of(ofClosed, ofAnother, ofPart)) {
      assertThatThrownBy(() -> Softmax.along(-1).forward(view, view))
          .isInstanceOf(MemoryException.class)
          .hasMessage(
              "logits is in memory that its owner has taken back: the NDArray is closed; keep it"
                  + " and its manager open as long as the tensor is used");
    }
  }
}

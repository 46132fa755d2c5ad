// SPDX-License-Identifier: Apache-2.0
package dev.xent.runtimes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.WeakReference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Against ONNX Runtime itself. */
class OnnxRuntimeTensorsTest extends WrappedMemory<OnnxTensor> {
  private static final OrtEnvironment ORT = OrtEnvironment.getEnvironment();

  private static ByteBuffer direct(int bytes) {
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
  }

  private final List<OnnxTensor> open = new ArrayList<>();

  OnnxRuntimeTensorsTest() {
    super("ONNX Runtime", 2_147_483_583);
  }

  @AfterEach
  void closeAll() {
    open.forEach(OnnxTensor::close);
  }

  @Override
  OnnxTensor floats(float[] values, long... shape) throws OrtException {
    FloatBuffer buffer = direct(values.length * Float.BYTES).asFloatBuffer().put(values).flip();
    open.add(OnnxTensor.createTensor(ORT, buffer, shape));
    return open.getLast();
  }

  @Override
  Tensor labels(int... classes) throws OrtException {
    open.add(OnnxTensor.createTensor(ORT, classes));
    return OnnxRuntimeTensors.view(open.getLast());
  }

  @Override
  Tensor view(OnnxTensor tensor) {
    return OnnxRuntimeTensors.view(tensor);
  }

  @Override
  float[] values(OnnxTensor tensor) {
    return tensor.getFloatBuffer().array();
  }

  @Override
  OnnxTensor wrap(Tensor tensor) throws OrtException {
    return OnnxRuntimeTensors.wrap(ORT, tensor);
  }

  private static OrtSession session(byte[] model) throws OrtException {
    return ORT.createSession(model);
  }

  private static OrtSession identity(DType type, long... shape) throws OrtException {
    return session(Model.of("Identity", type, shape));
  }

  // ---- view ------------------------------------------------------------------------------------

  @Test
  void aViewIsTheMemoryOfTheBuffer() throws OrtException {
    FloatBuffer buffer = direct(10 * Float.BYTES).asFloatBuffer().position(2).limit(8);
    try (OnnxTensor onnx = OnnxTensor.createTensor(ORT, buffer, new long[] {2, 3});
        OrtSession identity = identity(DType.F32, 2, 3)) {
      Tensor view = OnnxRuntimeTensors.view(onnx);

      assertThat(view.describe()).isEqualTo("F32 [2, 3] off the heap");
      assertThat(view.segment().address()).isEqualTo(MemorySegment.ofBuffer(buffer).address());
      view.setFloat(7, 1, 2);
      assertThat(buffer.get(7)).isEqualTo(7);
      try (OrtSession.Result result = identity.run(Map.of("x", onnx))) {
        assertThat(((float[][]) result.get(0).getValue())[1][2]).isEqualTo(7);
      }
      buffer.put(2, 5);
      assertThat(view.getFloat(0, 0)).isEqualTo(5);
    }
  }

  @Test
  void aTensorOfAJavaArrayCanBeViewed() throws OrtException {
    try (OnnxTensor onnx = OnnxTensor.createTensor(ORT, new float[][] {{1, 2}, {3, 4}})) {
      Tensor view = OnnxRuntimeTensors.view(onnx);
      view.setFloat(9, 0, 1);
      assertThat((float[][]) onnx.getValue()).isEqualTo(new float[][] {{1, 9}, {3, 4}});
    }
  }

  @Test
  void aScalarIsOneElement() throws OrtException {
    try (OnnxTensor onnx = OnnxTensor.createTensor(ORT, 3L);
        Arena arena = Arena.ofConfined()) {
      assertThat(OnnxRuntimeTensors.view(onnx).shape()).containsExactly(1);
      assertThat(OnnxRuntimeTensors.copy(onnx, arena).getLong(0)).isEqualTo(3);
    }
  }

  @Test
  void aReadOnlyBufferGivesAReadOnlyTensor() throws OrtException {
    ByteBuffer buffer = direct(8).asReadOnlyBuffer().order(ByteOrder.nativeOrder());
    try (OnnxTensor onnx =
        OnnxTensor.createTensor(ORT, buffer, new long[] {2}, OnnxJavaType.FLOAT)) {
      assertThat(OnnxRuntimeTensors.view(onnx).isReadOnly()).isTrue();
    }
  }

  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.EXCLUDE,
      names = {"U16", "U32", "U64"})
  void everyTypeGoesThereAndBack(DType type) throws OrtException {
    try (Arena arena = Arena.ofConfined()) {
      Tensor in = Tensor.allocate(arena, type, 2, 3);
      Tensor out = Tensor.allocate(arena, type, 2, 3);
      for (int i = 0; i < 6 * type.byteSize(); i++) {
        in.segment().set(ValueLayout.JAVA_BYTE, i, (byte) (3 * i + 1));
      }
      try (OnnxTensor x = OnnxRuntimeTensors.wrap(ORT, in);
          OnnxTensor y = OnnxRuntimeTensors.wrap(ORT, out);
          OrtSession identity = identity(type, 2, 3);
          OrtSession.Result result = identity.run(Map.of("x", x), Set.of(), Map.of("y", y))) {
        assertThat(result).hasSize(1);
        assertThat(OnnxRuntimeTensors.view(y).type()).isEqualTo(type);
        assertThat(out.segment().mismatch(in.segment())).isEqualTo(-1);
        assertThat(OnnxRuntimeTensors.copy(y, arena).segment().mismatch(in.segment()))
            .isEqualTo(-1);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"U16", "U32", "U64"})
  void integersWithoutASignAreCopiedAndNotWrapped(DType type) throws OrtException {
    try (Arena arena = Arena.ofConfined();
        OnnxTensor in = floats(new float[] {1, 60000}, 2);
        OrtSession cast = session(Model.cast(DType.F32, type, 2));
        OrtSession.Result result = cast.run(Map.of("x", in))) {
      Tensor copy = OnnxRuntimeTensors.copy((OnnxTensor) result.get(0), arena);
      assertThat(copy.type()).isEqualTo(type);
      assertThat(copy.toLongArray()).containsExactly(1, 60000);
      assertThatThrownBy(() -> OnnxRuntimeTensors.wrap(ORT, copy))
          .isInstanceOf(DTypeException.class)
          .hasMessage(
              "%s cannot be made by ONNX Runtime for Java; expected the integers as I64, or U8",
              type);
    }
  }

  @Test
  void booleansAreBytes() throws OrtException {
    try (OnnxTensor onnx = OnnxTensor.createTensor(ORT, new boolean[] {true, false})) {
      Tensor view = OnnxRuntimeTensors.view(onnx);
      assertThat(view.type()).isEqualTo(DType.U8);
      view.segment().set(ValueLayout.JAVA_BYTE, 1, (byte) 1);
      assertThat((boolean[]) onnx.getValue()).containsExactly(true, true);
    }
  }

  private Tensor viewOfClosed() throws OrtException {
    ByteBuffer memory = direct(12);
    made.add(new WeakReference<>(memory));
    try (OnnxTensor onnx =
        OnnxTensor.createTensor(ORT, memory, new long[] {3}, OnnxJavaType.FLOAT)) {
      return OnnxRuntimeTensors.view(onnx);
    }
  }

  @Test
  @Timeout(30)
  void aViewOutlivesTheOnnxTensorAndKeepsTheBuffer() throws Exception {
    Tensor view = viewOfClosed();
    collect();
    view.setFloat(1, 2);
    assertThat(made.getFirst().get()).isNotNull();
    assertThat(view.getFloat(2)).isEqualTo(1);
    view = null;
    awaitCollected();
  }

  // ---- wrap ------------------------------------------------------------------------------------

  @Test
  void aSessionReadsAndWritesTheMemoryOfATensor() throws OrtException {
    try (Arena arena = Arena.ofConfined()) {
      Tensor x = Tensor.allocate(arena, DType.F32, 2, 3);
      Tensor y = Tensor.allocate(arena, DType.F32, 2, 3);
      try (OnnxTensor in = OnnxRuntimeTensors.wrap(ORT, x);
          OnnxTensor out = OnnxRuntimeTensors.wrap(ORT, y);
          OrtSession negate = session(Model.of("Neg", DType.F32, 2, 3))) {
        assertThat(OnnxRuntimeTensors.view(out).segment().address())
            .isEqualTo(y.segment().address());
        x.setFloat(4, 1, 1); // after wrapping
        negate.run(Map.of("x", in), Set.of(), Map.of("y", out)).close();
        assertThat(y.getFloat(1, 1)).isEqualTo(-4);
        x.setFloat(5, 1, 1);
        negate.run(Map.of("x", in), Set.of(), Map.of("y", out)).close();
        assertThat(y.getFloat(1, 1)).isEqualTo(-5);
      }
      assertThat(y.getFloat(1, 1)).isEqualTo(-5); // closing the OnnxTensor frees nothing
    }
  }

  @Test
  void anEmptyTensorGoesThereAndBack() throws OrtException {
    try (Arena arena = Arena.ofConfined();
        OnnxTensor onnx = OnnxRuntimeTensors.wrap(ORT, Tensor.allocate(arena, DType.F32, 0, 3))) {
      assertThat(OnnxRuntimeTensors.view(onnx).shape()).containsExactly(0, 3);
      assertThat(OnnxRuntimeTensors.copy(onnx, arena).shape()).containsExactly(0, 3);
    }
  }

  // ---- what ONNX Runtime has allocated ---------------------------------------------------------

  @Test
  void anOutputOfOnnxRuntimeIsCopiedOnRequestOnly() throws OrtException {
    try (Arena arena = Arena.ofConfined();
        OnnxTensor in = floats(new float[] {1, -2}, 2);
        OrtSession negate = session(Model.of("Neg", DType.F32, 2));
        OrtSession.Result result = negate.run(Map.of("x", in))) {
      OnnxTensor out = (OnnxTensor) result.get(0);
      assertThatThrownBy(() -> OnnxRuntimeTensors.view(out))
          .isInstanceOf(MemoryException.class)
          .hasMessage(
              "ONNX Runtime has allocated this OnnxTensor and gives no access to its memory: pin"
                  + " the output to a tensor from wrap, or use copy");
      Tensor copy = OnnxRuntimeTensors.copy(out, arena);
      assertThat(copy.toFloatArray()).containsExactly(-1, 2);
      copy.setFloat(8, 0);
      assertThat((float[]) out.getValue()).containsExactly(-1, 2);
    }
  }

  // ---- errors ----------------------------------------------------------------------------------

  @Test
  void aMovedBufferIsRefused() throws OrtException {
    ByteBuffer buffer = direct(12);
    try (OnnxTensor onnx =
            OnnxTensor.createTensor(ORT, buffer, new long[] {3}, OnnxJavaType.FLOAT);
        Arena arena = Arena.ofConfined()) {
      buffer.putFloat(4);
      assertThatThrownBy(() -> OnnxRuntimeTensors.view(onnx))
          .isInstanceOf(MemoryException.class)
          .hasMessage(
              "the buffer of this OnnxTensor has 8 bytes from position to limit, not its 3"
                  + " elements of F32: set them back, or use copy");
      assertThat(OnnxRuntimeTensors.copy(onnx, arena).toFloatArray()).containsExactly(4, 0, 0);
    }
  }

  @Test
  void memoryOfAClosedArenaIsRefused() throws OrtException {
    OnnxTensor onnx;
    try (Arena arena = Arena.ofConfined()) {
      onnx = OnnxRuntimeTensors.wrap(ORT, Tensor.allocate(arena, DType.F32, 2));
    }
    try (onnx;
        Arena arena = Arena.ofConfined()) {
      String refusal =
          "the memory of the OnnxTensor belongs to an arena that is closed or confined to another"
              + " thread: use an open shared one";
      assertThatThrownBy(() -> OnnxRuntimeTensors.view(onnx))
          .isInstanceOf(MemoryException.class)
          .hasMessage(refusal);
      assertThatThrownBy(() -> OnnxRuntimeTensors.copy(onnx, arena)) // would read it
          .isInstanceOf(MemoryException.class)
          .hasMessage(refusal);
    }
  }

  @Test
  void aClosedTensorIsRefused() throws OrtException {
    OnnxTensor onnx = floats(new float[2], 2);
    onnx.close();
    assertThatThrownBy(() -> OnnxRuntimeTensors.view(onnx))
        .isInstanceOf(MemoryException.class)
        .hasMessage("the OnnxTensor is closed: use it before it is closed");
    assertThatThrownBy(() -> OnnxRuntimeTensors.copy(onnx, Arena.global()))
        .isInstanceOf(MemoryException.class)
        .hasMessage("the OnnxTensor is closed: use it before it is closed");
  }

  @Test
  void typesWithoutCounterpartAreRefused() throws OrtException {
    try (OnnxTensor text = OnnxTensor.createTensor(ORT, new String[] {"a"})) {
      assertThatThrownBy(() -> OnnxRuntimeTensors.view(text))
          .isInstanceOf(DTypeException.class)
          .hasMessage(
              "the OnnxTensor holds STRING, which has no counterpart: add a Cast to the model");
      assertThatThrownBy(() -> OnnxRuntimeTensors.copy(text, Arena.global()))
          .isInstanceOf(DTypeException.class)
          .hasMessage(
              "the OnnxTensor holds STRING, which has no counterpart: add a Cast to the model");
    }
  }

  @Test
  void numbersOfAnotherByteOrderAreRefused() throws OrtException {
    ByteOrder other = ByteOrder.BIG_ENDIAN;
    long[] shape = {2};
    ByteBuffer bytes = ByteBuffer.allocateDirect(16).order(other);
    List<OnnxTensor> tensors =
        List.of(
            OnnxTensor.createTensor(
                ORT, bytes.duplicate().order(other).asFloatBuffer(), new long[] {4}),
            OnnxTensor.createTensor(ORT, bytes.duplicate().order(other).asDoubleBuffer(), shape),
            OnnxTensor.createTensor(ORT, bytes.duplicate().order(other).asLongBuffer(), shape),
            OnnxTensor.createTensor(
                ORT, bytes.duplicate().order(other).asIntBuffer(), new long[] {4}),
            OnnxTensor.createTensor(
                ORT,
                bytes.duplicate().order(other).asShortBuffer(),
                new long[] {8},
                OnnxJavaType.FLOAT16));
    for (OnnxTensor tensor : tensors) {
      String message =
          "the buffer of this OnnxTensor is BIG_ENDIAN, and ONNX Runtime takes its bytes as"
              + " LITTLE_ENDIAN: make it of one in ByteOrder.nativeOrder()";
      assertThatThrownBy(() -> OnnxRuntimeTensors.view(tensor))
          .as(tensor.toString())
          .isInstanceOf(MemoryException.class)
          .hasMessage(message);
      assertThatThrownBy(() -> OnnxRuntimeTensors.copy(tensor, Arena.ofAuto()))
          .as(tensor.toString())
          .isInstanceOf(MemoryException.class)
          .hasMessage(message);
      tensor.close();
    }
    try (OnnxTensor single =
            OnnxTensor.createTensor(ORT, bytes, new long[] {16}, OnnxJavaType.UINT8);
        OnnxTensor copied =
            OnnxTensor.createTensor(ORT, FloatBuffer.wrap(new float[] {1, 2}), shape)) {
      assertThat(OnnxRuntimeTensors.view(single).elements()).isEqualTo(16);
      assertThat(OnnxRuntimeTensors.view(copied).toFloatArray()).containsExactly(1, 2);
    }
    ByteBuffer onHeap = ByteBuffer.allocate(8).order(other);
    onHeap.asFloatBuffer().put(new float[] {1, 2});
    try (OnnxTensor copied = OnnxTensor.createTensor(ORT, onHeap.asFloatBuffer(), shape)) {
      assertThat(OnnxRuntimeTensors.view(copied).toFloatArray()).containsExactly(1, 2);
    }
  }
}

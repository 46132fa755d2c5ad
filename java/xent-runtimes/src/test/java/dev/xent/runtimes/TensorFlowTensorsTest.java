// SPDX-License-Identifier: Apache-2.0
package dev.xent.runtimes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.DType;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.WeakReference;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tensorflow.EagerSession;
import org.tensorflow.Graph;
import org.tensorflow.Result;
import org.tensorflow.Session;
import org.tensorflow.SparseTensor;
import org.tensorflow.ndarray.Shape;
import org.tensorflow.ndarray.StdArrays;
import org.tensorflow.ndarray.buffer.DataBuffers;
import org.tensorflow.op.Ops;
import org.tensorflow.op.core.Placeholder;
import org.tensorflow.types.TBfloat16;
import org.tensorflow.types.TBool;
import org.tensorflow.types.TFloat16;
import org.tensorflow.types.TFloat32;
import org.tensorflow.types.TFloat64;
import org.tensorflow.types.TInt32;
import org.tensorflow.types.TInt64;
import org.tensorflow.types.TString;
import org.tensorflow.types.TUint16;
import org.tensorflow.types.TUint8;

/** Against TensorFlow itself. */
@EnabledOnOs(value = OS.LINUX, architectures = "amd64") // for which the test has its natives
class TensorFlowTensorsTest extends SharedMemory<TFloat32> {
  @Override
  TFloat32 floats(float[] values, long... shape) {
    return TFloat32.tensorOf(Shape.of(shape), DataBuffers.of(values));
  }

  @Override
  Tensor labels(int... classes) {
    return TensorFlowTensors.view(TInt32.vectorOf(classes));
  }

  @Override
  Tensor view(TFloat32 tensor) {
    return TensorFlowTensors.view(tensor);
  }

  /** As the raw tensor's own buffer knows it. */
  private static long address(org.tensorflow.Tensor tensor) {
    return tensor.asRawTensor().data().accept(new Address());
  }

  @Override
  float[] values(TFloat32 tensor) {
    float[] values = new float[(int) tensor.size()];
    tensor.copyTo(DataBuffers.of(values));
    return values;
  }

  // ---- view ------------------------------------------------------------------------------------

  @Test
  void aViewIsTheMemoryOfTheTensor() {
    try (TFloat32 tensor = floats(new float[6], 2, 3)) {
      Tensor view = TensorFlowTensors.view(tensor);

      assertThat(view.describe()).isEqualTo("F32 [2, 3] off the heap");
      assertThat(view.segment().address()).isEqualTo(address(tensor));
      view.setFloat(7, 1, 2);
      assertThat(tensor.getFloat(1, 2)).isEqualTo(7);
      tensor.setFloat(5, 0, 1);
      assertThat(view.toFloatArray()).containsExactly(0, 5, 0, 0, 0, 7);
      assertThat(TensorFlowTensors.view(tensor.asRawTensor()).segment().address())
          .isEqualTo(view.segment().address());
    }
  }

  @Test
  void whatIsWrittenIntoAViewIsWhatASessionReads() {
    try (Graph graph = new Graph();
        Session session = new Session(graph);
        TFloat32 in = TFloat32.tensorOf(Shape.of(3))) {
      Ops tf = Ops.create(graph);
      Placeholder<TFloat32> x = tf.placeholder(TFloat32.class);
      var y = tf.math.neg(x);
      Tensor view = TensorFlowTensors.view(in);
      for (int i = 0; i < 3; i++) {
        view.setFloat(i + 1, i);
      }
      try (Result result = session.runner().feed(x, in).fetch(y).run()) {
        Tensor out = TensorFlowTensors.view(result.get(0));
        assertThat(out.toFloatArray()).containsExactly(-1, -2, -3);
        out.setFloat(4, 0);
        assertThat(((TFloat32) result.get(0)).getFloat(0)).isEqualTo(4);
      }
    }
  }

  @Test
  void theResultOfAnEagerOperationCanBeViewed() {
    try (EagerSession session = EagerSession.create()) {
      Ops tf = Ops.create(session);
      TFloat32 sum = tf.math.add(tf.constant(new float[] {1, 2}), tf.constant(3f)).asTensor();
      assertThat(TensorFlowTensors.view(sum).toFloatArray()).containsExactly(4, 5);
    }
  }

  static Stream<Map.Entry<DType, org.tensorflow.Tensor>> types() {
    return Stream.of(
        Map.entry(DType.F32, TFloat32.vectorOf(0, 1)),
        Map.entry(DType.F64, TFloat64.vectorOf(0, 1)),
        Map.entry(DType.F16, TFloat16.vectorOf(0, 1)),
        Map.entry(DType.BF16, TBfloat16.vectorOf(0, 1)),
        Map.entry(DType.I32, TInt32.vectorOf(0, 1)),
        Map.entry(DType.I64, TInt64.vectorOf(0, 1)),
        Map.entry(DType.U16, TUint16.vectorOf((short) 0, (short) 1)),
        Map.entry(DType.U8, TUint8.vectorOf((byte) 0, (byte) 1)),
        Map.entry(DType.U8, TBool.vectorOf(false, true)));
  }

  @ParameterizedTest
  @MethodSource("types")
  void everyType(Map.Entry<DType, org.tensorflow.Tensor> given) {
    try (org.tensorflow.Tensor tensor = given.getValue();
        Arena arena = Arena.ofConfined()) {
      Tensor view = TensorFlowTensors.view(tensor);
      assertThat(view.type()).isEqualTo(given.getKey());
      double one = view.type().isFloat() ? view.getDouble(1) : view.getLong(1);
      assertThat(one).isEqualTo(1);
      Tensor copy = TensorFlowTensors.copy(tensor, arena);
      assertThat(copy.segment().mismatch(view.segment())).isEqualTo(-1);
      assertThat(copy.segment().address()).isNotEqualTo(view.segment().address());
    }
  }

  @Test
  void aScalarIsOneElement() {
    try (TFloat32 scalar = TFloat32.scalarOf(3)) {
      assertThat(TensorFlowTensors.view(scalar).shape()).containsExactly(1);
      assertThat(TensorFlowTensors.view(scalar).getFloat(0)).isEqualTo(3);
    }
  }

  @Test
  void anEmptyTensorIsEmpty() {
    try (TFloat32 empty = TFloat32.tensorOf(Shape.of(0, 3));
        Arena arena = Arena.ofConfined()) {
      assertThat(TensorFlowTensors.view(empty).shape()).containsExactly(0, 3);
      assertThat(TensorFlowTensors.copy(empty, arena).shape()).containsExactly(0, 3);
    }
  }

  @Test
  void addressesAreThoseOfDirectBuffersToo() {
    ByteBuffer direct = ByteBuffer.allocateDirect(8);
    assertThat(DataBuffers.of(direct.asReadOnlyBuffer()).accept(new Address()))
        .isEqualTo(MemorySegment.ofBuffer(direct).address());
    assertThatThrownBy(() -> DataBuffers.of(new byte[8]).accept(new Address()))
        .isInstanceOf(MemoryException.class)
        .hasMessage(
            "TensorFlow does not return the address of this tensor: use a version whose data() is"
                + " off the heap");
  }

  // ---- errors ----------------------------------------------------------------------------------

  @Test
  void aClosedTensorIsRefused() {
    TFloat32 tensor = floats(new float[2], 2);
    Tensor view = TensorFlowTensors.view(tensor); // which makes TensorFlow remember the address
    tensor.close();
    assertThatThrownBy(() -> Softmax.along(-1).forward(view, view))
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("the tensor is closed: use it before it is closed");
    assertThatThrownBy(() -> TensorFlowTensors.view(tensor))
        .isInstanceOf(MemoryException.class)
        .hasMessage("the tensor is closed: use it before it is closed");
    assertThatThrownBy(() -> TensorFlowTensors.copy(tensor, Arena.global()))
        .isInstanceOf(MemoryException.class);
  }

  @Test
  void aSparseTensorIsRefused() {
    try (TInt64 indices = TInt64.tensorOf(StdArrays.ndCopyOf(new long[][] {{1, 0}}));
        TFloat32 values = TFloat32.vectorOf(5);
        TInt64 shape = TInt64.vectorOf(2, 2);
        TFloat32 sparse = (TFloat32) SparseTensor.of(indices, values, shape)) {
      assertThatThrownBy(() -> TensorFlowTensors.view(sparse))
          .isInstanceOf(MemoryException.class)
          .hasMessage("the tensor is sparse: view its values()");
    }
  }

  @Test
  void typesWithoutCounterpartAreRefused() {
    try (TString text = TString.scalarOf("a")) {
      assertThatThrownBy(() -> TensorFlowTensors.view(text))
          .isInstanceOf(DTypeException.class)
          .hasMessage(
              "the tensor holds DT_STRING, which has no counterpart: convert it with"
                  + " tf.dtypes.cast");
      assertThatThrownBy(() -> TensorFlowTensors.copy(text, Arena.global()))
          .isInstanceOf(DTypeException.class)
          .hasMessage(
              "the tensor holds DT_STRING, which has no counterpart: convert it with"
                  + " tf.dtypes.cast");
    }
  }

  // ---- lifetime --------------------------------------------------------------------------------

  private Tensor viewOfForgotten() {
    TFloat32 tensor = floats(new float[] {1, 2}, 2);
    made.add(new WeakReference<>(tensor.asRawTensor()));
    return TensorFlowTensors.view(tensor);
  }

  @Test
  @Timeout(30)
  void aViewKeepsTheTensor() throws Exception {
    Tensor view = viewOfForgotten();
    collect();
    assertThat(made.getFirst().get()).isNotNull();
    assertThat(view.toFloatArray()).containsExactly(1, 2);
    view = null;
    awaitCollected();
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.runtimes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import com.sun.management.HotSpotDiagnosticMXBean;
import dev.xent.DType;
import dev.xent.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.lang.ref.WeakReference;
import org.junit.jupiter.api.Test;

/** A wrapped tensor's memory is kept as long as the OnnxTensor that wraps it, and no longer. */
class OnnxRuntimeLifeCycleTest {
  private static final int ROUNDS = 3000;

  /** Of the tensor of each round: all rounds together have ten times what there is. */
  private static final int ELEMENTS = 250_000;

  /** Set in the POM for this test: elsewhere so much memory might never be missed. */
  private static final long DIRECT_MEMORY = 256L << 20;

  private static final OrtEnvironment ORT = OrtEnvironment.getEnvironment();

  private WeakReference<Object> owner;

  private OnnxTensor wrapOwned() throws OrtException {
    Object made = new Object();
    owner = new WeakReference<>(made);
    MemorySegment memory = Arena.global().allocate(8, 64);
    return OnnxRuntimeTensors.wrap(ORT, Tensor.ofAddress(memory.address(), 8, made, DType.F32, 2));
  }

  /** Collects once and no more. */
  private boolean isOwnerGoneAfterOneCollection() throws InterruptedException {
    System.gc();
    for (int i = 0; i < 100 && owner.get() != null; i++) {
      Thread.sleep(1);
    }
    return owner.get() == null;
  }

  @Test
  void memoryIsKeptUntilOneCollectionAfterTheLastUse() throws Exception {
    OnnxTensor wrapped = wrapOwned();
    assertThat(isOwnerGoneAfterOneCollection()).isFalse();
    assertThat(wrapped.getFloatBuffer().get(1)).isZero();
    wrapped.close();
    wrapped = null;
    assertThat(isOwnerGoneAfterOneCollection()).isTrue();
  }

  @Test
  void memoryOfTheCollectorIsFreeInTimeForTheNextRound() {
    assertThat(Long.parseLong(diagnostic().getVMOption("MaxDirectMemorySize").getValue()))
        .isEqualTo(DIRECT_MEMORY);
    // JUnit would end with an OutOfMemoryError, and tell of no test.
    assertThatCode(this::allRounds).doesNotThrowAnyException();
  }

  private void allRounds() throws Exception {
    for (int i = 0; i < ROUNDS; i++) {
      Tensor tensor = Tensor.allocate(Arena.ofAuto(), DType.F32, ELEMENTS);
      OnnxRuntimeTensors.wrap(ORT, tensor).close();
    }
  }

  private static HotSpotDiagnosticMXBean diagnostic() {
    return ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
  }
}

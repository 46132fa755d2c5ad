// SPDX-License-Identifier: Apache-2.0
package dev.xent.runtimes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.sun.management.HotSpotDiagnosticMXBean;
import dev.xent.DType;
import dev.xent.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.lang.ref.WeakReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** A wrapped tensor's memory is kept as long as the array that wraps it, and no longer. */
@EnabledOnOs(value = OS.LINUX, architectures = "amd64") // for which the test has PyTorch
class DjlLifeCycleTest {
  private static final int ROUNDS = 3000;

  /** Of the tensor of each round: all rounds together have ten times what there is. */
  private static final int ELEMENTS = 250_000;

  /** Set in the POM for this test: elsewhere so much memory might never be missed. */
  private static final long DIRECT_MEMORY = 256L << 20;

  private final NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");
  private WeakReference<Object> owner;

  @AfterEach
  void close() {
    manager.close();
  }

  private NDArray wrapOwned() {
    Object made = new Object();
    owner = new WeakReference<>(made);
    MemorySegment memory = Arena.global().allocate(8, 64);
    return DjlTensors.wrap(manager, Tensor.ofAddress(memory.address(), 8, made, DType.F32, 2));
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
    NDArray wrapped = wrapOwned();
    assertThat(isOwnerGoneAfterOneCollection()).isFalse();
    assertThat(wrapped.getFloat(1)).isZero();
    wrapped.detach(); // now the manager does not keep it
    wrapped = null;
    assertThat(isOwnerGoneAfterOneCollection()).isTrue();
  }

  @Test
  void anArrayLetsGoAtOnceWhenItIsClosed() throws Exception {
    NDArray wrapped = wrapOwned();
    wrapped.close();
    assertThat(isOwnerGoneAfterOneCollection()).isTrue();
    assertThat(wrapped.isReleased()).isTrue(); // reachable all the while
  }

  @Test
  void memoryOfTheCollectorIsFreeInTimeForTheNextRound() {
    assertThat(Long.parseLong(diagnostic().getVMOption("MaxDirectMemorySize").getValue()))
        .isEqualTo(DIRECT_MEMORY);
    // JUnit would end with an OutOfMemoryError, and tell of no test.
    assertThatCode(this::allRounds).doesNotThrowAnyException();
  }

  private void allRounds() {
    for (int i = 0; i < ROUNDS; i++) {
      Tensor tensor = Tensor.allocate(Arena.ofAuto(), DType.F32, ELEMENTS);
      DjlTensors.wrap(manager, tensor).close();
    }
  }

  private static HotSpotDiagnosticMXBean diagnostic() {
    return ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
  }
}

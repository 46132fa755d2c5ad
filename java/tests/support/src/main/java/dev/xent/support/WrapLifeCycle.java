// SPDX-License-Identifier: Apache-2.0
package dev.xent.support;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import com.sun.management.HotSpotDiagnosticMXBean;
import dev.xent.DType;
import dev.xent.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.lang.ref.WeakReference;
import org.junit.jupiter.api.Test;

/**
 * The tests of an adapter that wraps tensors: the memory of a tensor is kept as long as what wraps
 * it, and no longer.
 *
 * @param <W> what wraps a tensor
 */
public abstract class WrapLifeCycle<W> {
  private static final int ROUNDS = 3000;

  /** Of the tensor of each round: all rounds together have ten times what there is. */
  private static final int ELEMENTS = 250_000;

  /** Set in the POM of the adapter: elsewhere so much memory might never be missed. */
  private static final long DIRECT_MEMORY = 256L << 20;

  private WeakReference<Object> owner;

  /** Wraps a tensor. */
  protected abstract W wrap(Tensor tensor) throws Exception;

  /** The second of the wrapped floats. */
  protected abstract float second(W wrapped) throws Exception;

  /** Ends what keeps it reachable in addition to this test. */
  protected abstract void forget(W wrapped) throws Exception;

  /** Closes it. */
  protected abstract void close(W wrapped) throws Exception;

  /** Wraps a tensor whose owner is seen by {@link #isOwnerGoneAfterOneCollection}. */
  protected final W wrapOwned() throws Exception {
    Object made = new Object();
    owner = new WeakReference<>(made);
    MemorySegment memory = Arena.global().allocate(8, 64);
    return wrap(Tensor.ofAddress(memory.address(), 8, made, DType.F32, 2));
  }

  /** Collects once and no more. */
  protected final boolean isOwnerGoneAfterOneCollection() throws InterruptedException {
    System.gc();
    for (int i = 0; i < 100 && owner.get() != null; i++) {
      Thread.sleep(1);
    }
    return owner.get() == null;
  }

  @Test
  void memoryIsKeptUntilOneCollectionAfterTheLastUse() throws Exception {
    W wrapped = wrapOwned();
    assertThat(isOwnerGoneAfterOneCollection()).isFalse();
    assertThat(second(wrapped)).isZero();
    forget(wrapped);
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
      close(wrap(Tensor.allocate(Arena.ofAuto(), DType.F32, ELEMENTS)));
    }
  }

  private static HotSpotDiagnosticMXBean diagnostic() {
    return ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
  }
}

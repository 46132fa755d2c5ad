// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.OptionException;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** The options alone; what threads and executors do is in ThreadsTest and ExecutorsTest. */
class ExecutionTest {
  @Test
  void isImmutable() {
    Execution defaults = Execution.defaults();
    defaults
        .withThreads(3)
        .withBackend(Backend.REFERENCE)
        .withIsa(Isa.SCALAR)
        .withExecutor(Runnable::run);
    assertThat(defaults).hasToString("Execution[]");
    assertThat(Execution.defaults()).hasToString("Execution[]");
  }

  @Test
  void itsTextHasWhatIsNotTheDefault() {
    assertThat(Execution.sequential()).hasToString("Execution[threads=1]");
    assertThat(
            Execution.defaults().withBackend(Backend.REFERENCE).withIsa(Isa.SCALAR).withThreads(2))
        .hasToString("Execution[backend=REFERENCE, isa=SCALAR, threads=2]");
    assertThat(Execution.defaults().withThreads(1000)).hasToString("Execution[threads=256]");
    Executor executor = new Later();
    assertThat(Execution.defaults().withExecutor(executor).toString())
        .isEqualTo("Execution[executor=" + Later.class.getName() + "]");
  }

  /** An executor that runs nothing. */
  private static final class Later implements Executor {
    final AtomicInteger tasks = new AtomicInteger();

    @Override
    public void execute(Runnable task) {
      tasks.incrementAndGet();
    }
  }

  @Test
  void anInstructionSetThatIsNotHereIsRefused() {
    for (Isa isa : Isa.values()) {
      if (isa != Isa.BEST && !XentRuntime.get().availableIsas().contains(isa)) {
        Softmax.Builder builder = Softmax.builder().execution(Execution.defaults().withIsa(isa));
        assertThatThrownBy(builder::build)
            .isInstanceOf(OptionException.class)
            .hasMessageContainingAll("isa is " + isa, XentRuntime.get().availableIsas().toString());
      }
    }
    Softmax.builder()
        .execution(Execution.defaults().withIsa(Isa.AVX512).withBackend(Backend.REFERENCE))
        .build()
        .forward(Tensor.of(new float[1]), Tensor.of(new float[1]));
  }

  @Test
  void whatCannotBeIsRefused() {
    Execution defaults = Execution.defaults();
    for (int threads : new int[] {0, -1, Integer.MIN_VALUE}) {
      assertThatThrownBy(() -> defaults.withThreads(threads))
          .isInstanceOf(OptionException.class)
          .hasMessageContaining("threads is " + threads);
    }
    assertThatThrownBy(() -> defaults.withBackend(null)).hasMessage("backend");
    assertThatThrownBy(() -> defaults.withIsa(null)).hasMessage("isa");
    assertThatThrownBy(() -> defaults.withExecutor(null)).isInstanceOf(NullPointerException.class);
  }

  @Test
  void changesNoBit() {
    Tensor logits = Tensor.of(Samples.logits(500 * 3000, 3, 1), 500, 3000);
    Later executor = new Later();
    Tensor expected = Softmax.builder().build().forward(logits);
    for (Execution execution :
        new Execution[] {
          Execution.sequential(),
          Execution.defaults().withThreads(4).withExecutor(executor),
          Execution.defaults().withBackend(Backend.REFERENCE)
        }) {
      Tensor actual = Softmax.builder().execution(execution).build().forward(logits);
      assertThat(Samples.bits(actual)).isEqualTo(Samples.bits(expected));
    }
    assertThat(executor.tasks).hasPositiveValue();
  }
}

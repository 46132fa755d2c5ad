// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.LabelException;
import dev.xent.errors.OptionException;
import dev.xent.options.Backend;
import java.util.Arrays;
import java.util.ConcurrentModificationException;
import java.util.concurrent.atomic.AtomicReference;

/** A bound call of a sampler: every run sees its memory, inputs and step. See also CallTest. */
class SamplerCallTest {
  private static final int ROWS = 4;
  private static final int CLASSES = 50;

  private final float[] x = Samples.logits(ROWS * CLASSES, 2, 1);
  private final Tensor logits = Tensor.of(x, ROWS, CLASSES);
  private final Tensor tokens = Tensor.of(new int[ROWS]);

  private static Sampler.Builder on(Backend backend) {
    return Sampler.builder()
        .execution(Execution.sequential().withBackend(backend))
        .temperature(0.9)
        .topP(0.95)
        .seed(7);
  }

  @OnEveryBackend
  void runsGiveWhatTheShortFormsGive(Backend backend) {
    Sampler sampler = on(backend).build();
    SamplerCall call = sampler.on(logits, tokens);
    for (int step = 0; step < 20; step++) {
      x[step] += 3;
      call.run(step);
      assertThat(tokens.toLongArray()).isEqualTo(sampler.sample(logits, step).toLongArray());
    }
  }

  @OnEveryBackend
  void aRequestForEachRow(Backend backend) {
    Sampler greedy = on(backend).temperature(0).build();
    SamplerRequests requests = SamplerRequests.create();
    for (int row = 0; row < ROWS; row++) {
      requests.add(row % 2 == 0 ? on(backend).build() : greedy, row, 5);
    }
    SamplerCall call = greedy.on(logits, tokens);
    for (int run = 0; run < 3; run++) {
      call.run(requests);
      assertThat(tokens.getLong(1)).isEqualTo(greedy.token(logits.select(0, 1), 5));
      assertThat(tokens.getLong(2))
          .isEqualTo(on(backend).stream(2).build().token(logits.select(0, 2), 5));
    }
    requests.clear();
    assertThatThrownBy(() -> call.run(requests)).isInstanceOf(OptionException.class);
  }

  @OnEveryBackend
  void inputsAndOutputsHoldFromTheNextRunOn(Backend backend) {
    Sampler greedy = on(backend).temperature(0).build();
    SamplerCall call = greedy.on(logits, tokens);
    call.run(0);
    long[] largest = tokens.toLongArray();
    byte[] flags = new byte[ROWS * CLASSES];
    Arrays.fill(flags, (byte) 1);
    for (int row = 0; row < ROWS; row++) {
      flags[row * CLASSES + (int) largest[row]] = 0;
    }
    SamplerOutputs outputs = SamplerOutputs.create();
    call.inputs(SamplerInputs.none().withClassMask(Tensor.of(flags, ROWS, CLASSES)))
        .outputs(outputs);
    call.run(0);
    for (int row = 0; row < ROWS; row++) {
      assertThat(tokens.getLong(row)).isNotEqualTo(largest[row]);
    }
    assertThat(outputs.rows()).isEqualTo(ROWS);
    assertThat(outputs.sampled()).isEqualTo(ROWS);
    call.inputs(SamplerInputs.none()).run(0);
    assertThat(tokens.toLongArray()).isEqualTo(largest);
  }

  @OnEveryBackend
  void earlierTokensAreLookedAtInEachRun(Backend backend) {
    int[] history = {1, 2, 3, 4};
    SamplerCall call =
        on(backend)
            .repetitionPenalty(1.5)
            .build()
            .on(logits, tokens)
            .inputs(SamplerInputs.none().withOutputTokens(Tensor.of(history, ROWS, 1)));
    for (int run = 0; run < 3; run++) {
      history[2] = run;
      call.run(run);
      history[2] = CLASSES;
      assertThatThrownBy(() -> call.run(9))
          .isInstanceOf(LabelException.class)
          .hasMessageStartingWith("outputTokens of row 2 has " + CLASSES);
    }
  }

  @OnEveryBackend
  void aRunDuringARunIsRefused(Backend backend) {
    AtomicReference<Runnable> asked = new AtomicReference<>(() -> {});
    Tensor owned =
        logits.withGuard(
            () -> {
              asked.get().run();
              return null;
            });
    SamplerCall call = on(backend).build().on(owned, tokens);
    call.run(0);
    asked.set(() -> call.run(1));
    assertThatThrownBy(() -> call.run(1)).isInstanceOf(ConcurrentModificationException.class);
    asked.set(() -> {});
    call.run(1);
  }
}

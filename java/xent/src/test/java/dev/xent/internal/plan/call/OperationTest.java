// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.parallel.Threads;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.logits.LogitsOperation;
import dev.xent.internal.plan.logits.LogitsOperation.Kind;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.OptionNumbers;
import dev.xent.internal.plan.options.Options;
import dev.xent.options.Backend;
import dev.xent.options.FullyMasked;
import dev.xent.options.Isa;
import dev.xent.options.Smoothing;
import java.lang.reflect.Proxy;
import java.util.concurrent.atomic.AtomicReference;
import jdk.jfr.Recording;
import org.junit.jupiter.api.Test;

/** When the core checks a call again, and when it does not. */
class OperationTest {
  private static final int CALLS = 6;

  private final Engine library = Engine.of(Backend.NATIVE, Isa.BEST, new Threads(1, null, 0));
  private final View x = View.room(ElementType.F32, 3, 10);
  private final View y = View.room(ElementType.F32, 3, 10);

  private static LogitsOperation softmax(Engine engine) {
    Options options =
        new Options(
            engine.isa(), FullyMasked.NAN, false, 0, false, Smoothing.UNIFORM, new OptionNumbers());
    return new LogitsOperation(Kind.SOFTMAX, engine, options, 1);
  }

  private static long runs(LogitsOperation softmax, View logits, View output) {
    long before = softmax.preparedRuns();
    softmax.run(logits, output, null);
    return softmax.preparedRuns() - before;
  }

  @Test
  void theSecondCallPreparesTheOthers() {
    LogitsOperation softmax = softmax(library);
    assertThat(runs(softmax, x, y)).isZero();
    for (int i = 0; i < CALLS; i++) {
      assertThat(runs(softmax, x, y)).isEqualTo(1);
      assertThat(runs(softmax, y, x)).as("other memory").isEqualTo(1);
    }
  }

  @Test
  void fourShapesInTurnStayPrepared() {
    LogitsOperation softmax = softmax(library);
    for (int i = 0; i < CALLS; i++) {
      for (int rows = 1; rows <= 4; rows++) {
        View logits = View.room(ElementType.F32, rows, 10);
        assertThat(runs(softmax, logits, View.room(ElementType.F32, rows, 10)))
            .isEqualTo(i == 0 ? 0 : 1);
      }
    }
  }

  @Test
  void anotherOverlapIsAnotherCall() {
    LogitsOperation softmax = softmax(library);
    assertThat(runs(softmax, x, y)).isZero();
    assertThat(runs(softmax, x, x)).as("in place").isZero();
    assertThat(runs(softmax, x, y)).isEqualTo(1);
    assertThat(runs(softmax, x, x)).isEqualTo(1);
  }

  @Test
  void aRecordingForgetsNoCall() {
    LogitsOperation softmax = softmax(library);
    runs(softmax, x, y);
    try (Recording recording = new Recording()) {
      recording.enable("dev.xent.Call");
      recording.start();
      for (int i = 0; i < CALLS; i++) {
        softmax.run(x, y, null);
      }
    }
    assertThat(runs(softmax, x, y)).isEqualTo(1);
  }

  /** A backend that is missing, and then there. */
  @Test
  void preparesCallsOnceTheLibraryIsThere() {
    Engine reference = Engine.of(Backend.REFERENCE, Isa.BEST, new Threads(1, null, 0));
    AtomicReference<Kernels> now = new AtomicReference<>(reference.kernels());
    Kernels late =
        (Kernels)
            Proxy.newProxyInstance(
                Kernels.class.getClassLoader(),
                new Class<?>[] {Kernels.class},
                (proxy, method, arguments) -> method.invoke(now.get(), arguments));
    LogitsOperation softmax = softmax(new Engine(late, library.isa(), library.threads()));
    Binding bound = softmax.bind(y, x, null);
    Binding withInputs = softmax.bind(x, y, null);
    withInputs.inputs(InputViews.NONE.withSink(View.room(ElementType.F32, 3)));
    for (int i = 0; i < CALLS; i++) {
      softmax.run(x, y, null);
      bound.run(null, 0);
      withInputs.run(null, 0);
    }
    assertThat(softmax.preparedRuns()).isZero();
    now.set(library.kernels());
    for (int i = 0; i < 2; i++) { // at the latest the second one is prepared
      softmax.run(x, y, null);
      withInputs.run(null, 0);
    }
    long before = softmax.preparedRuns();
    softmax.run(x, y, null);
    bound.run(null, 0);
    withInputs.run(null, 0);
    assertThat(softmax.preparedRuns() - before).isEqualTo(3);
  }
}

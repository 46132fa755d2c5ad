// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.Execution;
import dev.xent.LossCall;
import dev.xent.LossOutputs;
import dev.xent.Sampler;
import dev.xent.Samples;
import dev.xent.Tensor;
import dev.xent.errors.LabelException;
import dev.xent.options.Backend;
import java.lang.foreign.Arena;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A short call that is made again runs prepared kernels, and none stops doing so unnoticed. */
class PreparedCallTest {
  private static final int CALLS = 6;

  /** The first call checks everything, the second one prepares its kernels. */
  private static final int FIRST_PREPARED = 2;

  private static final Execution NATIVE = Execution.sequential().backend(Backend.NATIVE);

  private static Tensor floats(String memory, long... shape) {
    return switch (memory) {
      case "global" -> Tensor.allocate(Arena.global(), DType.F32, shape);
      case "auto" -> Tensor.allocate(DType.F32, shape);
      default -> Tensor.of(new float[(int) (shape[0] * (shape.length == 1 ? 1 : shape[1]))], shape);
    };
  }

  private static long preparedRuns() {
    Call call = Call.current();
    call.end();
    return call.preparedRuns();
  }

  private static void assertPrepared(String name, Runnable call, int kernels) {
    long before = preparedRuns();
    for (int i = 0; i < CALLS; i++) {
      call.run();
    }
    assertThat(preparedRuns() - before)
        .as(name)
        .isEqualTo((long) kernels * (CALLS - FIRST_PREPARED));
  }

  @ParameterizedTest
  @ValueSource(strings = {"global", "auto", "heap"})
  void runsPreparedKernels(String memory) {
    int rows = 3;
    Tensor x = floats(memory, rows, 10);
    Tensor y = floats(memory, rows, 10);
    Tensor z = floats(memory, rows, 10);
    Tensor labels = Tensor.allocate(Arena.global(), DType.I32, rows);
    CrossEntropy loss = CrossEntropy.builder().execution(NATIVE).build();
    Map<String, Runnable> calls = new LinkedHashMap<>();
    calls.put("loss", () -> loss.forward(x, labels));
    calls.forEach((name, call) -> assertPrepared(name, call, 1));
    calls.clear();
    calls.put("loss and gradient", () -> loss.forwardBackward(x, labels, y));
    calls.put("gradient in place", () -> loss.forwardBackward(z, labels, z));
    CrossEntropy ignoring = CrossEntropy.builder().execution(NATIVE).ignoreIndex(-1).build();
    calls.put("ignore index", () -> ignoring.forwardBackward(x, labels, y));
    Tensor weights = floats(memory, 10);
    weights.setFloat(1, 0);
    CrossEntropy weighted = CrossEntropy.builder().execution(NATIVE).classWeights(weights).build();
    calls.put("class weights", () -> weighted.forwardBackward(x, labels, y));
    calls.put("class weights, without a gradient", () -> weighted.forward(x, labels));
    calls.forEach((name, call) -> assertPrepared(name, call, 2));
  }

  @Test
  void eachRunNamesAWrongLabel() {
    int rows = 40;
    Tensor x = floats("heap", rows, 10);
    Tensor labels = Tensor.of(new long[rows], rows);
    CrossEntropy loss = CrossEntropy.builder().execution(NATIVE).build();
    LossCall bound = loss.on(x, labels);
    double right = loss.forward(x, labels);
    for (int i = 0; i < CALLS; i++) {
      int row = 17 + i;
      labels.setLong(10, row);
      for (ThrowingCallable call :
          List.<ThrowingCallable>of(() -> loss.forward(x, labels), bound::run)) {
        assertThatThrownBy(call)
            .isInstanceOfSatisfying(LabelException.class, e -> assertThat(e.row()).isEqualTo(row));
      }
      labels.setLong(0, row);
      assertThat(loss.forward(x, labels)).isEqualTo(right);
      assertThat(bound.run()).isEqualTo(right);
    }
  }

  @Test
  void anythingElseIsAWholeCall() {
    Tensor x = floats("global", 3, 10);
    Tensor y = floats("global", 3, 10);
    Map<String, Runnable> calls = new LinkedHashMap<>();
    Tensor labels = Tensor.allocate(Arena.global(), DType.I32, 3);
    Tensor weights = floats("global", 10);
    weights.setFloat(1, 0);
    CrossEntropy weighted =
        CrossEntropy.builder().execution(NATIVE).classWeights(weights.ownedBy(() -> null)).build();
    calls.put("class weights with an owner", () -> weighted.forwardBackward(x, labels, y));
    calls.forEach((name, call) -> assertPrepared(name, call, 0));
  }

  @Test
  void aBoundCallThatRunsOnceUsesThePreparedCallOfItsThread() {
    Tensor x = floats("global", 3, 10);
    Tensor y = floats("global", 3, 10);
    Tensor labels = Tensor.allocate(Arena.global(), DType.I32, 3);
    CrossEntropy loss = CrossEntropy.builder().execution(NATIVE).build();
    assertPrepared("loss and gradient", () -> loss.on(x, labels).gradient(y).run(), 2);
    LossOutputs outputs = new LossOutputs();
    assertPrepared("numbers", () -> loss.on(x, labels).outputs(outputs).run(), 1);
    assertThat(outputs.validRows()).isEqualTo(3);
    Sampler sampler = Sampler.builder().execution(NATIVE).build();
    Tensor row = Tensor.of(Samples.logits(10, 1, 7), 10);
    Tensor rows = Tensor.of(Samples.logits(10, 1, 7), 1, 10);
    Tensor token = Tensor.allocate(Arena.global(), DType.I64, 1);
    for (int step = 0; step < 50; step++) {
      sampler.on(rows, token).run(step);
      assertThat(token.getLong(0)).isEqualTo(sampler.token(row, step));
    }
  }
}

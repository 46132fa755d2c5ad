// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.LabelException;
import dev.xent.options.Backend;
import dev.xent.options.DivergenceKind;
import java.lang.foreign.Arena;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/**
 * Each kernel of a call that is kept is checked once and then runs prepared: for each operation,
 * and with each input and output, none stops being prepared unnoticed.
 */
class PreparedCallsTest {
  private static final int ROWS = 3;
  private static final int CLASSES = 10;
  private static final int RUNS = 6;

  /** So many that a bound call has its own memory. */
  private static final int OFTEN = 500;

  private static final Execution NATIVE = Execution.sequential().withBackend(Backend.NATIVE);

  private final Tensor x = floats(ROWS, CLASSES);
  private final Tensor y = floats(ROWS, CLASSES);
  private final Tensor z = floats(ROWS, CLASSES);
  private final Tensor perRow = floats(ROWS);
  private final Tensor labels = integers(ROWS);
  private final CrossEntropy loss = CrossEntropy.builder().execution(NATIVE).build();

  private static Tensor floats(long... shape) {
    Tensor tensor = Tensor.allocate(Arena.global(), DType.F32, shape);
    for (long i = 0; i < shape[0] && shape.length == 2; i++) {
      tensor.setFloat(i % 3, i, i % shape[1]);
    }
    return tensor;
  }

  private static Tensor integers(long... shape) {
    return Tensor.allocate(Arena.global(), DType.I32, shape);
  }

  private interface Run {
    void run();
  }

  /**
   * Runs a bound call: the core checks the kernels of its first run, and prepares those of the
   * others in the second one. It does both once more when the call has run often.
   */
  private static void assertPrepared(
      String name, dev.xent.internal.plan.call.Binding bound, Run run, int kernels) {
    long before = bound.preparedRuns();
    for (int i = 0; i < OFTEN; i++) {
      run.run();
    }
    assertThat(bound.preparedRuns() - before).as(name).isEqualTo((long) kernels * (OFTEN - 2));
  }

  private static void assertPrepared(String name, BoundCall call) {
    assertPrepared(name, call.bound, call::run, 1);
  }

  private static void assertPrepared(String name, LossCall call, int kernels) {
    assertPrepared(name, call.bound, call::run, kernels);
  }

  @Test
  void operationsOnLogits() {
    Tensor mask = Tensor.allocate(Arena.global(), DType.U8, 1, CLASSES);
    for (int k = 0; k < CLASSES; k++) {
      mask.setLong(1, 0, k);
    }
    Tensor top = integers(ROWS, 2);
    Tensor values = floats(ROWS, 2);
    Softmax softmax = Softmax.builder().execution(NATIVE).build();
    LogSoftmax logSoftmax = LogSoftmax.builder().execution(NATIVE).build();
    Map<String, BoundCall> calls = new LinkedHashMap<>();
    calls.put("softmax", softmax.on(x, y));
    calls.put("softmax in place", softmax.on(z, z));
    calls.put("softmax with a mask", softmax.on(x, y).inputs(Inputs.none().withClassMask(mask)));
    calls.put("softmax with a sink", softmax.on(x, y).inputs(Inputs.none().withSink(perRow)));
    calls.put("softmax backward", softmax.onBackward(y, x, z));
    calls.put("log-softmax", logSoftmax.on(x, y));
    calls.put("log-softmax backward", logSoftmax.onBackward(y, x, z));
    calls.put("log-sum-exp", LogSumExp.builder().execution(NATIVE).build().on(x, perRow));
    calls.put("argmax", Argmax.builder().execution(NATIVE).build().on(x, labels));
    calls.put("entropy", Entropy.builder().execution(NATIVE).build().on(x, perRow));
    calls.put(
        "top-k", TopK.builder(2).execution(NATIVE).build().onLogProbabilities(x, top, values));
    calls.put("hvp", CrossEntropyHvp.builder().execution(NATIVE).build().on(x, y, z));
    calls.forEach(PreparedCallsTest::assertPrepared);
  }

  @Test
  void selectedLogProbabilitiesLookAtTheClassesFirst() {
    BoundCall call =
        SelectedLogProbabilities.builder().execution(NATIVE).build().on(x, labels, perRow);
    assertPrepared("selected", call.bound, call::run, 2);
  }

  @Test
  void losses() {
    Tensor probabilities = floats(ROWS, CLASSES);
    assertPrepared("labels", loss.on(x, labels), 1);
    assertPrepared("gradient", loss.on(x, labels, y), 2);
    assertPrepared("gradient in place", loss.on(z, labels, z), 2);
    assertPrepared("probabilities", loss.on(x, probabilities, y), 1);
    CrossEntropy ignoring = CrossEntropy.builder().execution(NATIVE).ignoreIndex(-100).build();
    assertPrepared("ignore index", ignoring.on(x, labels, y), 2);
    Inputs weights = Inputs.none().withRowWeights(perRow);
    for (int row = 0; row < ROWS; row++) {
      perRow.setFloat(1, row);
    }
    assertPrepared("row weights", loss.on(x, labels, y).inputs(weights), 2);
    CrossEntropy weighted =
        CrossEntropy.builder()
            .execution(NATIVE)
            .ignoreIndex(-100)
            .classWeights(Tensor.of(new float[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}))
            .build();
    assertPrepared("class weights", weighted.on(x, labels, y), 2);
    Divergence divergence =
        Divergence.builder(DivergenceKind.TOTAL_VARIATION).execution(NATIVE).build();
    assertPrepared("divergence", divergence.on(x, y, z), 1);
    BinaryCrossEntropy binary = BinaryCrossEntropy.builder().execution(NATIVE).build();
    assertPrepared("binary", binary.on(x, probabilities, y), 1);
  }

  @Test
  void outputs() {
    Map<String, LossOutputs> each = new LinkedHashMap<>();
    each.put("losses", LossOutputs.create().losses(perRow));
    each.put("logSumExp", LossOutputs.create().logSumExp(perRow));
    each.put(
        "correct", LossOutputs.create().correct(Tensor.allocate(Arena.global(), DType.U8, ROWS)));
    each.put("countCorrect", LossOutputs.create().countCorrect(true));
    each.put("logProbabilities", LossOutputs.create().logProbabilities(perRow));
    each.put("argmax", LossOutputs.create().argmax(integers(ROWS)));
    each.put("ranks", LossOutputs.create().ranks(integers(ROWS)));
    each.put("entropies", LossOutputs.create().entropies(perRow));
    each.put("topClasses", LossOutputs.create().topClasses(integers(ROWS, 2)));
    each.put("topLogProbabilities", LossOutputs.create().topLogProbabilities(floats(ROWS, 2)));
    each.put("exact_sum", LossOutputs.create().lossSum(LossSum.create()));
    each.forEach(
        (name, outputs) -> assertPrepared(name, loss.on(x, labels, y).outputs(outputs), 2));
  }

  @Test
  void manyRowsAndSharedMemory() {
    int rows = 500;
    for (Arena arena : new Arena[] {Arena.ofShared(), Arena.global()}) {
      Tensor many = Tensor.allocate(arena, DType.F32, rows, CLASSES);
      Tensor gradient = Tensor.allocate(arena, DType.F32, rows, CLASSES);
      Tensor manyLabels = Tensor.allocate(arena, DType.I64, rows);
      BoundCall call = Softmax.builder().execution(NATIVE).build().on(many, gradient);
      assertPrepared("softmax", call.bound, call::run, 1);
      assertPrepared("loss", loss.on(many, manyLabels, gradient), 2);
    }
  }

  @Test
  void arraysOfJava() {
    Tensor array = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
    BoundCall call = Softmax.builder().execution(NATIVE).build().on(array, array);
    assertPrepared("softmax", call.bound, call::run, 1);
    assertPrepared("loss", loss.on(array, Tensor.of(new int[ROWS]), array), 2);
  }

  @Test
  void otherOutputsAreTakenAnew() {
    LossOutputs outputs = LossOutputs.create().losses(perRow);
    LossCall call = loss.on(x, labels).outputs(outputs);
    for (int run = 0; run < 3; run++) {
      call.run();
    }
    Tensor others = floats(ROWS);
    outputs.losses(others);
    perRow.setFloat(-1, 0);
    for (int run = 0; run < 4; run++) {
      others.setFloat(-1, 0);
      call.run();
      assertThat(others.getFloat(0)).isPositive();
      assertThat(perRow.getFloat(0)).isEqualTo(-1);
    }
  }

  @Test
  void otherOutputsOfASamplerAreTheOnesThatAreWritten() {
    SamplerOutputs outputs = SamplerOutputs.create().logProbabilities(perRow);
    SamplerCall call = Sampler.builder().execution(NATIVE).build().on(x, labels).outputs(outputs);
    for (int run = 0; run < 3; run++) {
      call.run(run);
    }
    Tensor others = floats(ROWS);
    outputs.logProbabilities(others);
    for (int run = 0; run < 3; run++) {
      perRow.setFloat(7, 0);
      others.setFloat(7, 0);
      call.run(run);
      assertThat(others.getFloat(0)).isNegative();
      assertThat(perRow.getFloat(0)).isEqualTo(7);
    }
  }

  @Test
  void singleCallsOfLosses() {
    Tensor weights = floats(CLASSES);
    weights.setFloat(1, 0);
    CrossEntropy ignoring = CrossEntropy.builder().execution(NATIVE).ignoreIndex(-1).build();
    CrossEntropy weighted = CrossEntropy.builder().execution(NATIVE).classWeights(weights).build();
    CrossEntropy lent =
        CrossEntropy.builder()
            .execution(NATIVE)
            .classWeights(weights.withGuard(() -> null))
            .build();
    for (Tensor of : new Tensor[] {x, Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES)}) {
      single("loss", loss, () -> loss.forward(of, labels), 1);
      single("gradient", loss, () -> loss.forwardBackward(of, labels, y), 2);
      single("gradient in place", loss, () -> loss.forwardBackward(of, labels, of), 2);
      single("ignore index", ignoring, () -> ignoring.forwardBackward(of, labels, y), 2);
      single("class weights", weighted, () -> weighted.forwardBackward(of, labels, y), 2);
      single("without a gradient", weighted, () -> weighted.forward(of, labels), 2);
      single("weights with an owner", lent, () -> lent.forward(of, labels), 2);
      single("bound once", loss, () -> loss.on(of, labels, y).run(), 2);
    }
  }

  private void single(String name, CrossEntropy operation, Run call, int kernels) {
    call.run(); // the core checks it, unless it has seen such a call
    call.run();
    long before = operation.on(x, labels).bound.preparedRuns();
    call.run();
    assertThat(operation.on(x, labels).bound.preparedRuns() - before).as(name).isEqualTo(kernels);
  }

  @Test
  void eachRunNamesAWrongLabel() {
    int rows = 40;
    Tensor x = Tensor.of(new float[rows * 10], rows, 10);
    Tensor labels = Tensor.of(new long[rows], rows);
    LossCall bound = loss.on(x, labels);
    double right = loss.forward(x, labels);
    for (int i = 0; i < RUNS; i++) {
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
}

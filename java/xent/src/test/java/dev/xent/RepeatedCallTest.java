// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.xent.errors.LabelException;
import dev.xent.errors.MemoryException;
import dev.xent.options.Backend;
import dev.xent.options.EmptyMean;
import dev.xent.options.Reduction;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.WeakReference;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;
import java.util.function.Function;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A call like the one before skips checks that passed then. It must still compute with its own
 * tensors, and reject those that are no longer valid.
 */
@org.junit.jupiter.api.parallel.Execution(ExecutionMode.CONCURRENT)
class RepeatedCallTest {
  private static final int CLASSES = 10;

  /** A call on its own tensors, with the results of its first run, on a new thread. */
  private record Work(DoubleSupplier call, List<Tensor> results, List<Object> expected) {
    /** If {@code anew}, a call that is bound is bound again before each run. */
    static Work of(EveryCall call, boolean anew, Tensor... tensors) throws InterruptedException {
      List<Tensor> results = new ArrayList<>();
      for (int i = 0; i < tensors.length; i++) {
        if (call.arguments().get(i).written()) {
          results.add(tensors[i]);
        }
      }
      DoubleSupplier made = anew ? () -> call.on(tensors).getAsDouble() : call.on(tensors);
      List<Object> expected = new ArrayList<>();
      Thread first = Thread.ofPlatform().start(() -> expected.addAll(run(made, results)));
      first.join();
      assertThat(expected).as(call.name()).isNotEmpty();
      return new Work(made, results, expected);
    }

    /** The loss and the results of a run. */
    static List<Object> run(DoubleSupplier call, List<Tensor> results) {
      List<Object> all = new ArrayList<>();
      all.add(call.getAsDouble());
      results.forEach(each -> all.add(EveryCall.contents(each)));
      return all;
    }
  }

  private static Tensor matrix(int rows, long seed) {
    return Tensor.of(Samples.logits(rows * CLASSES, 3, seed), rows, CLASSES);
  }

  private static Tensor empty(int rows) {
    return Tensor.of(new float[rows * CLASSES], rows, CLASSES);
  }

  private static List<Work> works(Backend backend) throws InterruptedException {
    List<Work> works = new ArrayList<>();
    Execution execution = Execution.defaults().withBackend(backend);
    List<EveryCall> calls = EveryCall.all(execution, CLASSES);
    Sampler hot = Sampler.builder().execution(execution).temperature(4).seed(1).build();
    Sampler cold = Sampler.builder().execution(execution).topP(0.5).build();
    for (int rows : new int[] {1, 3}) {
      Tensor x = matrix(rows, rows);
      Tensor other = matrix(rows, rows + 20);
      Tensor strided = Tensor.of(Samples.logits(rows * 30, 3, 5), rows, 30).slice(1, 4, 14);
      for (Tensor in : List.of(x, other, strided)) {
        for (EveryCall call : calls) {
          Tensor[] tensors = call.tensors(EveryCall.ARRAYS, rows, CLASSES, 6);
          tensors[0] = in;
          works.add(Work.of(call, false, tensors));
          works.add(Work.of(call, true, tensors));
        }
        for (int step = 0; rows == 1 && step < 6; step++) {
          Sampler sampler = step % 2 == 0 ? hot : cold;
          long at = step;
          DoubleSupplier token = () -> sampler.token(in, at);
          works.add(new Work(token, List.of(), Work.run(token, List.of())));
        }
      }
    }
    return works;
  }

  @OnEveryBackend
  void anyOperationAfterAnyOther(Backend backend) throws InterruptedException {
    List<Work> works = works(backend);
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < 20_000; i++) {
      Work work = works.get(random.nextInt(works.size()));
      for (int k = random.nextInt(3); k >= 0; k--) {
        work.results.forEach(RepeatedCallTest::clear);
        List<Object> results = Work.run(work.call, work.results);
        if (!results.equals(work.expected)) { // assertions would take most of the time
          assertThat(results).isEqualTo(work.expected);
        }
      }
    }
  }

  /**
   * A loss with its gradient on the current contents of its tensors; the text of the exception if
   * it fails. The gradient keeps what it had before if the call fails.
   */
  private static List<Object> outcome(Callable<Double> call, Tensor gradient) {
    clear(gradient);
    Object loss;
    try {
      loss = call.call();
    } catch (Exception e) {
      loss = e.toString();
    }
    return List.of(loss, IntBuffer.wrap(Samples.bits(gradient)));
  }

  /**
   * Labels and class weights change between calls, and with them the divisor of the mean: a call
   * like the one before has the results and errors of the reference, which repeats nothing.
   */
  @ParameterizedTest
  @EnumSource(EmptyMean.class)
  void labelsAndWeightsThatChange(EmptyMean emptyMean) {
    SplittableRandom random = new SplittableRandom(emptyMean.ordinal());
    for (int rows : new int[] {1, 2, 3, 64}) {
      for (int kind = 0; kind < 16; kind++) {
        Tensor x = matrix(rows, kind);
        Tensor labels = Tensor.of(new int[rows]);
        Tensor weights = Tensor.of(new float[CLASSES]);
        CrossEntropy.Builder options =
            CrossEntropy.builder()
                .emptyMean(emptyMean)
                .gradientScale(kind + 0.5)
                .reduction((kind & 1) == 0 ? Reduction.MEAN : Reduction.SUM)
                .classWeights((kind & 2) == 0 ? weights : null);
        if ((kind & 4) == 0) {
          options.ignoreIndex(-1);
        }
        if ((kind & 8) == 0) {
          options.labelSmoothing(0.1).softcap(5);
        }
        Execution serial = Execution.sequential();
        CrossEntropy plain = options.execution(serial.withBackend(Backend.REFERENCE)).build();
        CrossEntropy loss = options.execution(serial.withBackend(Backend.NATIVE)).build();
        Tensor gradient = empty(rows);
        LossCall bound = loss.on(x, labels, gradient);
        for (int call = 0; call < 40; call++) {
          change(labels, weights, random);
          List<Object> expected = outcome(() -> plain.on(x, labels, gradient).run(), gradient);
          assertThat(outcome(() -> loss.forwardBackward(x, labels, gradient), gradient))
              .isEqualTo(expected);
          assertThat(outcome(bound::run, gradient)).isEqualTo(expected);
          assertThat(outcome(() -> loss.forward(x, labels), gradient).get(0))
              .isEqualTo(outcome(() -> plain.forward(x, labels), gradient).get(0));
        }
      }
    }
  }

  /** Sets labels, of which any number is -1, and weights; a few are not valid. */
  private static void change(Tensor labels, Tensor weights, SplittableRandom random) {
    double ignored = random.nextInt(3) / 2.0;
    for (int row = 0; row < labels.shape()[0]; row++) {
      labels.setLong(random.nextDouble() < ignored ? -1 : random.nextInt(CLASSES), row);
    }
    for (int k = 0; k < CLASSES; k++) {
      weights.setFloat(random.nextInt(4) / 2f, k);
    }
    switch (random.nextInt(12)) {
      case 0 -> labels.setLong(CLASSES, random.nextInt((int) labels.shape()[0]));
      case 1 -> weights.setFloat(Float.NaN, random.nextInt(CLASSES));
      case 2 -> weights.setFloat(-1, random.nextInt(CLASSES));
      default -> {}
    }
  }

  @Test
  void classWeightsThatWereClosedOrAreWritten() {
    int rows = 3;
    Tensor x = matrix(rows, 1);
    Tensor labels = Tensor.of(new int[rows]);
    Arena arena = Arena.ofShared();
    Tensor memory = Tensor.allocate(arena, DType.F32, rows + 1, CLASSES);
    Tensor weights = memory.select(0, rows);
    weights.setFloat(1, 0);
    CrossEntropy loss = CrossEntropy.builder().classWeights(weights).build();
    Tensor apart = memory.slice(0, 0, rows);
    Tensor overlapping = memory.slice(0, 1, rows + 1);
    for (int call = 0; call < 5; call++) {
      assertThat(loss.forwardBackward(x, labels, apart)).isPositive();
      assertThatThrownBy(() -> loss.forwardBackward(x, labels, overlapping))
          .hasMessageContaining("classWeights");
    }
    LossCall bound = loss.on(x, labels);
    for (int call = 0; call < 5; call++) {
      assertThat(bound.run()).isPositive();
    }
    arena.close();
    assertThatThrownBy(bound::run).isInstanceOf(MemoryException.class);
    assertThatThrownBy(() -> loss.forward(x, labels)).isInstanceOf(MemoryException.class);
  }

  /** A read-only segment hides its Java array, so only the linker can pass it. */
  private static Tensor hidden(float[] numbers, long... shape) {
    return Tensor.of(MemorySegment.ofArray(numbers).asReadOnly(), DType.F32, shape);
  }

  @OnEveryBackend
  void arraysThatReadOnlySegmentsHide(Backend backend) {
    Execution execution = Execution.sequential().withBackend(backend);
    Softmax softmax = Softmax.builder().execution(execution).build();
    CrossEntropy loss = CrossEntropy.builder().execution(execution).build();
    Sampler sampler = Sampler.builder().execution(execution).temperature(0).build();
    SamplerCursor cursor = sampler.start();
    Tensor y = empty(1);
    Tensor label = Tensor.of(new int[] {3});
    float[] first = Samples.logits(CLASSES, 3, 1);
    List<Function<Tensor, Object>> calls =
        List.of(
            x -> {
              softmax.forward(x, y);
              return Arrays.toString(Samples.bits(y));
            },
            x -> loss.forward(x, label),
            x -> loss.forward(Tensor.of(first, 1, CLASSES), x),
            x -> sampler.token(x, 1),
            cursor::next);
    float[] other = new float[CLASSES];
    other[6] = 1;
    float[] longer = new float[CLASSES + 2];
    longer[8] = 1;
    for (Function<Tensor, Object> call : calls) {
      Object expected = call.apply(Tensor.of(other, 1, CLASSES));
      float[] probabilities = new float[CLASSES];
      probabilities[2] = 1;
      Tensor target = Tensor.of(probabilities, 1, CLASSES).asReadOnly();
      for (int run = 0; run < 4; run++) {
        call.apply(target);
      }
      assertThat(call.apply(hidden(other, 1, CLASSES))).isEqualTo(expected);
      for (int run = 0; run < 4; run++) {
        call.apply(target);
      }
      MemorySegment part = MemorySegment.ofArray(longer).asReadOnly().asSlice(2 * Float.BYTES);
      assertThat(call.apply(Tensor.of(part, DType.F32, 1, CLASSES))).isEqualTo(expected);
    }
  }

  @Test
  void theNullPointerIsRejectedAfterOtherMemory() {
    MemorySegment none = MemorySegment.NULL.reinterpret(CLASSES * Float.BYTES);
    SamplerCursor cursor = Sampler.builder().temperature(0).build().start();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment row = arena.allocate(CLASSES * Float.BYTES, Float.BYTES);
      for (int call = 0; call < 5; call++) {
        assertThat(cursor.next(row)).isZero();
      }
      assertThatThrownBy(() -> cursor.next(none)).isInstanceOf(MemoryException.class);
      assertThatThrownBy(() -> Tensor.of(none, DType.F32, CLASSES))
          .isInstanceOf(MemoryException.class)
          .hasMessageContaining("address 0");
    }
  }

  /** A scale of -0 differs from one of 0 in the signs of the gradient. */
  @OnEveryBackend
  void scalesThatDifferInTheSignOfZero(Backend backend) {
    CrossEntropy loss =
        CrossEntropy.builder()
            .execution(Execution.sequential().withBackend(backend))
            .gradientScale(-0.0)
            .ignoreIndex(-1)
            .emptyMean(EmptyMean.ZERO)
            .build();
    Tensor x = matrix(2, 1);
    Tensor gradient = empty(2);
    Tensor labels = Tensor.of(new int[] {1, 2});
    Tensor ignored = Tensor.of(new int[] {-1, -1});
    loss.forwardBackward(x, labels, gradient);
    int[] expected = Samples.bits(gradient);
    LossOutputs outputs = LossOutputs.create().saveStatistics();
    LossCall none = loss.on(x, ignored, gradient).outputs(outputs);
    none.run();
    BoundCall backward = loss.onBackward(x, ignored, outputs, null, gradient);
    Softmax.builder()
        .execution(Execution.sequential().withBackend(backend))
        .build()
        .forward(x, empty(2));
    for (int call = 0; call < 4; call++) {
      backward.run();
      loss.forwardBackward(x, labels, gradient);
      assertThat(Samples.bits(gradient)).isEqualTo(expected);
    }
  }

  private static void clear(Tensor tensor) {
    if (tensor.type().isInteger()) {
      tensor.copyFrom(Tensor.allocate(tensor.type(), tensor.shape()));
      return;
    }
    float[] numbers = new float[(int) tensor.elements()];
    Arrays.fill(numbers, -1);
    tensor.copyFrom(Tensor.of(numbers, tensor.shape()));
  }

  @OnEveryBackend
  void whatTheMemoryHoldsNow(Backend backend) {
    Softmax softmax =
        Softmax.builder().execution(Execution.defaults().withBackend(backend)).build();
    float[] x = new float[CLASSES];
    Tensor logits = Tensor.of(x, 1, CLASSES);
    float[] y = new float[CLASSES];
    Tensor output = Tensor.of(y, 1, CLASSES);
    for (int k = 0; k < CLASSES - 1; k++) {
      x[k] = Float.NEGATIVE_INFINITY;
      softmax.forward(logits, output);
      assertThat(y[CLASSES - 1]).isEqualTo(1f / (CLASSES - 1 - k));
    }
  }

  @OnEveryBackend
  void memoryThatWasClosed(Backend backend) {
    Softmax softmax =
        Softmax.builder().execution(Execution.defaults().withBackend(backend)).build();
    CrossEntropy mean =
        CrossEntropy.builder().execution(Execution.defaults().withBackend(backend)).build();
    Tensor x = matrix(1, 1);
    Tensor labels = Tensor.of(new int[] {1});
    for (boolean shared : new boolean[] {false, true}) {
      Tensor y;
      try (Arena arena = shared ? Arena.ofShared() : Arena.ofConfined()) {
        y = Tensor.allocate(arena, DType.F32, 1, CLASSES);
        softmax.forward(x, y);
        softmax.forward(x, y);
      }
      assertThatThrownBy(() -> softmax.forward(x, y))
          .isInstanceOf(MemoryException.class)
          .hasMessageStartingWith("output is in a closed arena");
      Tensor dx;
      try (Arena arena = shared ? Arena.ofShared() : Arena.ofConfined()) {
        dx = Tensor.allocate(arena, DType.F32, 1, CLASSES);
        mean.forwardBackward(x, labels, dx);
        mean.forwardBackward(x, labels, dx);
      }
      assertThatThrownBy(() -> mean.forwardBackward(x, labels, dx))
          .isInstanceOf(MemoryException.class)
          .hasMessageStartingWith("gradient is in a closed arena");
    }
  }

  /** Young arrays move when they are collected: no kernel may remember where they were. */
  @OnEveryBackend
  void arraysThatMoved(Backend backend) {
    Execution execution = Execution.defaults().withBackend(backend);
    Softmax softmax = Softmax.builder().execution(execution).build();
    LogSoftmax logSoftmax = LogSoftmax.builder().execution(execution).build();
    LogSumExp logSumExp = LogSumExp.builder().execution(execution).build();
    CrossEntropy mean = CrossEntropy.builder().execution(execution).build();
    for (int rows : new int[] {1, 3}) {
      Tensor x = matrix(rows, 1);
      Tensor dy = matrix(rows, 2);
      Tensor labels = Tensor.of(Samples.labels(rows, CLASSES, 6));
      assertSameAfterACollection(y -> softmax.forward(x, y), empty(rows));
      assertSameAfterACollection(dx -> softmax.backward(x, dy, dx), empty(rows));
      assertSameAfterACollection(y -> logSoftmax.forward(x, y), empty(rows));
      assertSameAfterACollection(dx -> logSoftmax.backward(x, dy, dx), empty(rows));
      assertSameAfterACollection(lse -> logSumExp.forward(x, lse), Tensor.of(new float[rows]));
      assertSameAfterACollection(dx -> mean.forwardBackward(x, labels, dx), empty(rows));
    }
  }

  private static void assertSameAfterACollection(Consumer<Tensor> call, Tensor result) {
    for (int i = 0; i < 3; i++) {
      call.accept(result);
    }
    int[] expected = Samples.bits(result);
    System.gc();
    clear(result);
    call.accept(result);
    assertThat(Samples.bits(result)).isEqualTo(expected);
  }

  /** Virtual threads take turns with what belongs to no thread. */
  @OnEveryBackend
  void memoryOfAnotherVirtualThread(Backend backend) throws Exception {
    Softmax softmax =
        Softmax.builder().execution(Execution.defaults().withBackend(backend)).build();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Callable<Throwable> first =
          () -> {
            try (Arena arena = Arena.ofConfined()) {
              Tensor x = Tensor.allocate(arena, DType.F32, 1, CLASSES);
              softmax.forward(x, x);
              return threads.submit(() -> catchThrowable(() -> softmax.forward(x, x))).get();
            }
          };
      assertThat(threads.submit(first).get())
          .isInstanceOf(MemoryException.class)
          .hasMessageContaining("confined to another thread");
    }
  }

  @OnEveryBackend
  void labelsThatBecameWrong(Backend backend) {
    CrossEntropy mean =
        CrossEntropy.builder().execution(Execution.defaults().withBackend(backend)).build();
    for (int rows : new int[] {1, 3}) {
      int[] labels = new int[rows];
      Tensor targets = Tensor.of(labels);
      Tensor x = matrix(rows, 1);
      Tensor dx = empty(rows);
      for (boolean repeated : new boolean[] {false, true}) {
        if (repeated) {
          mean.forwardBackward(x, targets, dx);
        }
        clear(dx);
        labels[rows - 1] = CLASSES;
        assertThatThrownBy(() -> mean.forwardBackward(x, targets, dx))
            .isInstanceOf(LabelException.class)
            .hasMessageContaining("row " + (rows - 1));
        assertThat(dx.getFloat(0, 3)).isEqualTo(-1);
        labels[rows - 1] = 0;
      }
      double loss = mean.forwardBackward(x, targets, dx);
      assertThat(mean.forwardBackward(x, targets, dx)).isEqualTo(loss);
      labels[rows - 1] = 5;
      assertThat(mean.forwardBackward(x, targets, dx)).isNotEqualTo(loss);
    }
  }

  @OnEveryBackend
  void nothingStaysReachable(Backend backend) throws InterruptedException {
    Softmax softmax =
        Softmax.builder().execution(Execution.defaults().withBackend(backend)).build();
    WeakReference<float[]> array = new WeakReference<>(computedTwice(softmax));
    for (int i = 0; i < 100 && array.get() != null; i++) {
      System.gc();
      Thread.sleep(10);
    }
    assertThat(array.get()).isNull();
  }

  private static float[] computedTwice(Softmax softmax) {
    float[] values = new float[CLASSES];
    Tensor x = Tensor.of(values, 1, CLASSES);
    softmax.forward(x, x);
    softmax.forward(x, x);
    return values;
  }

  @OnEveryBackend
  void raggedCallsAreCheckedAnewAfterOneThatFailed(Backend backend) {
    for (int rows : new int[] {2, 200_000}) { // of which the second has its offsets copied
      long[] offsets = new long[rows + 1];
      int[] labels = new int[rows];
      Arrays.setAll(offsets, row -> 2L * row);
      labels[0] = 2; // of two classes
      offsets[1] = 2;
      Tensor logits = Tensor.of(new float[2 * rows + 1]);
      LossCall call =
          CrossEntropy.builder()
              .reduction(Reduction.SUM)
              .execution(Execution.sequential().withBackend(backend))
              .build()
              .on(logits, Tensor.of(labels))
              .inputs(Inputs.none().withRowOffsets(Tensor.of(offsets)));
      assertThatThrownBy(call::run).isInstanceOf(LabelException.class);
      for (int row = 1; row <= rows; row++) {
        offsets[row]++; // now the first row has three
      }
      assertThat(call.run())
          .isCloseTo(Math.log(3) + (rows - 1) * Math.log(2), Percentage.withPercentage(1e-4));
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.xent.options.Backend;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Small calls allocate nothing, once the compiler has done its work: nothing else keeps it busy.
 */
@Isolated
class AllocationTest {
  private static final int CALLS = 1_000;

  /** Until the compiler has done its work, calls may allocate. */
  private static final int ROUNDS = 160;

  /** What asking for the number may allocate itself, and far below an object per call. */
  private static final long NOTHING = 1024;

  private static long allocatedBytes() {
    return ((ThreadMXBean) ManagementFactory.getThreadMXBean()).getCurrentThreadAllocatedBytes();
  }

  /** Passes each tensor twice: a call with the tensors of the call before takes another path. */
  private static void allocatesNothing(String what, Tensor a, Tensor b, Consumer<Tensor> call) {
    long least = Long.MAX_VALUE;
    for (int round = 0; round < ROUNDS && least >= NOTHING; round++) {
      long before = allocatedBytes();
      for (int i = 0; i < CALLS; i++) {
        call.accept((i & 2) == 0 ? a : b);
      }
      least = Math.min(least, allocatedBytes() - before);
    }
    assertThat(least).as("bytes of %d calls of %s", CALLS, what).isLessThan(NOTHING);
  }

  /** The same of a call that is kept, with the tensor that each is bound to. */
  private static void runsAllocateNothing(
      String what, Tensor a, Tensor b, Function<Tensor, Runnable> bind) {
    Runnable first = bind.apply(a);
    Runnable second = bind.apply(b);
    allocatesNothing(what, a, b, in -> (in == a ? first : second).run());
  }

  /** The kinds of memory of the tensors of a call. */
  private enum Kind {
    CONFINED,
    SHARED,
    AUTO,
    GLOBAL,
    DIRECT_BUFFER,
    HEAP;

    private Arena arena() {
      return switch (this) {
        case CONFINED -> Arena.ofConfined();
        case SHARED -> Arena.ofShared();
        case AUTO, DIRECT_BUFFER, HEAP -> Arena.ofAuto();
        case GLOBAL -> Arena.global();
      };
    }

    private Tensor floats(Arena arena, float[] values, long... shape) {
      return switch (this) {
        case HEAP -> Tensor.of(values.clone(), shape);
        case DIRECT_BUFFER -> {
          ByteBuffer bytes = ByteBuffer.allocateDirect(values.length * Float.BYTES);
          yield Tensor.of(
              bytes.order(ByteOrder.nativeOrder()).asFloatBuffer().put(values).flip(), shape);
        }
        default -> Tensor.of(Segments.of(arena, values), DType.F32, shape);
      };
    }

    private Tensor labels(Arena arena, int... labels) {
      return this == HEAP
          ? Tensor.of(labels)
          : Tensor.of(Segments.of(arena, labels), DType.I32, labels.length);
    }
  }

  /** The memory layouts of the rows of a matrix. */
  private enum Form {
    DENSE,
    STRIDED,
    COLUMNS;

    private Tensor matrix(Kind kind, Arena arena, int rows, long seed) {
      float[] values = Samples.logits(rows * 30, 2, seed);
      return switch (this) {
        case DENSE -> kind.floats(arena, Samples.row(values, 0, rows * 10), rows, 10);
        case STRIDED -> kind.floats(arena, values, rows, 30).slice(1, 3, 13);
        case COLUMNS ->
            kind.floats(arena, Samples.row(values, 0, rows * 10), 10, rows).permute(1, 0);
      };
    }
  }

  @ParameterizedTest
  @EnumSource
  void everyKindOfMemory(Kind kind) {
    everyOperation(Backend.NATIVE, kind, Form.DENSE, 2);
  }

  @ParameterizedTest
  @CsvSource({
    "NATIVE, CONFINED, DENSE, 1",
    "NATIVE, HEAP, DENSE, 1",
    "NATIVE, CONFINED, STRIDED, 2",
    "NATIVE, HEAP, STRIDED, 2",
    "NATIVE, CONFINED, COLUMNS, 2"
  })
  void everyOperation(Backend backend, Kind kind, Form form, int rows) {
    Arena arena = kind.arena();
    operations(backend, kind, form, rows, arena);
    if (kind == Kind.CONFINED || kind == Kind.SHARED) {
      arena.close();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "NATIVE, CONFINED, DENSE, 70",
    "NATIVE, HEAP, COLUMNS, 20",
    "REFERENCE, CONFINED, DENSE, 2",
    "REFERENCE, HEAP, DENSE, 2"
  })
  @Tag("slow")
  void everyOperationOfMoreRowsAndInPlainJava(Backend backend, Kind kind, Form form, int rows) {
    everyOperation(backend, kind, form, rows);
  }

  private static void operations(Backend backend, Kind kind, Form form, int rows, Arena arena) {
    Tensor x = form.matrix(kind, arena, rows, 1);
    Tensor other = form.matrix(kind, arena, rows, 2);
    Tensor y = form.matrix(kind, arena, rows, 3);
    Tensor dx = form.matrix(kind, arena, rows, 4);
    Tensor losses = kind.floats(arena, new float[rows], rows);
    Tensor losses2 = kind.floats(arena, new float[rows], rows);
    Tensor labels = kind.labels(arena, Samples.labels(rows, 10, 5));
    Tensor hits = Tensor.of(ByteBuffer.allocateDirect(rows), DType.U8);

    Softmax softmax = Softmax.builder().execution(Execution.defaults().backend(backend)).build();
    allocatesNothing("softmax", x, other, in -> softmax.forward(in, y));
    allocatesNothing("softmax backward", x, other, in -> softmax.backward(y, in, dx));
    LogSoftmax logSoftmax =
        LogSoftmax.builder().execution(Execution.defaults().backend(backend)).build();
    allocatesNothing("log-softmax", x, other, in -> logSoftmax.forward(in, y));
    allocatesNothing("log-softmax backward", x, other, in -> logSoftmax.backward(y, in, dx));
    LogSumExp logSumExp =
        LogSumExp.builder().execution(Execution.defaults().backend(backend)).build();
    allocatesNothing("log-sum-exp", x, other, in -> logSumExp.forward(in, losses));
    Argmax argmax = Argmax.builder().execution(Execution.defaults().backend(backend)).build();
    Tensor classes = kind.labels(arena, new int[rows]);
    allocatesNothing("argmax", x, other, in -> argmax.forward(in, classes));
    Entropy entropy = Entropy.builder().execution(Execution.defaults().backend(backend)).build();
    allocatesNothing("entropy", x, other, in -> entropy.forward(in, losses));
    TopK topK = TopK.builder(3).execution(Execution.defaults().backend(backend)).build();
    Tensor top = kind.labels(arena, new int[3 * rows]).reshape(rows, 3);
    Tensor values = kind.floats(arena, new float[3 * rows], rows, 3);
    allocatesNothing("top-k", x, other, in -> topK.probabilities(in, top, values));
    allocatesNothing("top-k, logarithms", x, other, in -> topK.logProbabilities(in, top, values));

    CrossEntropy mean =
        CrossEntropy.builder().execution(Execution.defaults().backend(backend)).build();
    allocatesNothing("cross-entropy", x, other, in -> mean.forward(in, labels));
    allocatesNothing("with gradient", x, other, in -> mean.forwardBackward(in, labels, dx));
    runsAllocateNothing("bound softmax", x, other, in -> softmax.on(in, y)::run);
    runsAllocateNothing(
        "bound with gradient", x, other, in -> mean.on(in, labels).gradient(dx)::run);
    CrossEntropy smooth =
        CrossEntropy.builder()
            .execution(Execution.defaults().backend(backend))
            .labelSmoothing(0.1)
            .ignoreIndex(-1)
            .build();
    allocatesNothing("with options", x, other, in -> smooth.forwardBackward(in, labels, dx));
    LossOutputs outcome = new LossOutputs().losses(losses).correct(hits).saveStatistics(arena);
    runsAllocateNothing(
        "with outcome", x, other, in -> mean.on(in, labels).gradient(dx).outputs(outcome)::run);
    runsAllocateNothing(
        "its backward",
        x,
        other,
        in -> {
          LossCall call = mean.on(in, labels).gradient(dx);
          return () -> call.backward(outcome);
        });
    runsAllocateNothing(
        "its backward, weighted",
        x,
        other,
        in -> {
          LossCall call = mean.on(in, labels).gradient(dx);
          return () -> call.backward(outcome, losses);
        });
    LossOutputs counting = new LossOutputs().countCorrect(true);
    runsAllocateNothing("counting", x, other, in -> mean.on(in, labels).outputs(counting)::run);
    allocatesNothing("probability rows", x, other, in -> mean.forwardBackward(in, y, dx));

    Inputs inputs = Inputs.none().rowWeights(losses).sink(kind.floats(arena, new float[1], 1));
    CrossEntropy weighted =
        CrossEntropy.builder()
            .execution(Execution.defaults().backend(backend))
            .classWeights(Tensor.of(Samples.probabilities(1, 10, 6)))
            .build();
    LossOutputs more = new LossOutputs().argmax(Tensor.of(new int[rows])).saveStatistics(arena);
    runsAllocateNothing(
        "with inputs",
        x,
        other,
        in -> weighted.on(in, labels).inputs(inputs).gradient(dx).outputs(more)::run);

    Tensor a = kind.floats(arena, Samples.logits(rows * 10, 2, 7), rows * 10);
    Tensor b = kind.floats(arena, Samples.logits(rows * 10, 2, 8), rows * 10);
    Tensor da = kind.floats(arena, new float[rows * 10], rows * 10);
    int[] offsets = IntStream.rangeClosed(0, rows).map(r -> 10 * r).toArray();
    Inputs ragged = Inputs.none().rowOffsets(kind.labels(arena, offsets));
    runsAllocateNothing(
        "ragged rows", a, b, in -> mean.on(in, labels).inputs(ragged).gradient(da)::run);

    CrossEntropy focalLoss =
        CrossEntropy.builder()
            .execution(Execution.defaults().backend(backend))
            .focalGamma(2)
            .build();
    allocatesNothing("focal loss", x, other, in -> focalLoss.forwardBackward(in, labels, dx));

    NllLoss nll = NllLoss.builder().execution(Execution.defaults().backend(backend)).build();
    allocatesNothing("nll", x, other, in -> nll.forward(in, labels));
    allocatesNothing("nll with gradient", x, other, in -> nll.forwardBackward(in, labels, dx));

    SelectedLogProbabilities selected =
        SelectedLogProbabilities.builder().execution(Execution.defaults().backend(backend)).build();
    allocatesNothing("selected", x, other, in -> selected.forward(in, labels, losses));
    SelectedCall selectedCall = selected.on(x, labels, losses).gradient(dx).saveStatistics(arena);
    allocatesNothing("bound selected with gradient", x, x, in -> selectedCall.run());
    BinaryCrossEntropy binary =
        BinaryCrossEntropy.builder().execution(Execution.defaults().backend(backend)).build();
    BinaryCrossEntropy focal =
        BinaryCrossEntropy.builder()
            .execution(Execution.defaults().backend(backend))
            .focalGamma(2)
            .focalAlpha(0.25)
            .build();
    allocatesNothing("binary", x, other, in -> binary.forward(in, y));
    allocatesNothing("focal, with gradient", x, other, in -> focal.forwardBackward(in, y, dx));

    Sampler sampler =
        Sampler.builder()
            .execution(Execution.defaults().backend(backend))
            .topK(5)
            .topP(0.9)
            .repetitionPenalty(1.1)
            .build();
    Sampler withoutHistory =
        Sampler.builder()
            .execution(Execution.defaults().backend(backend))
            .topK(5)
            .topP(0.9)
            .build();
    Tensor tokens = kind.labels(arena, new int[rows]);
    SamplerInputs before =
        SamplerInputs.none()
            .outputTokens(top)
            .classMask(kind.labels(arena, 0b1111011111))
            .bias(top, kind.floats(arena, new float[3 * rows], rows, 3));
    top.copyFrom(kind.labels(arena, new int[3 * rows]).reshape(rows, 3));
    Sampler.Outputs sampled =
        new Sampler.Outputs().logProbabilities(losses).processedLogProbabilities(losses2);
    Sampler.Requests requests = new Sampler.Requests();
    for (int row = 0; row < rows; row++) {
      requests.add(sampler, row, 0);
    }
    LinearCrossEntropy linear =
        LinearCrossEntropy.builder().execution(Execution.defaults().backend(backend)).build();
    Tensor weights = Tensor.of(Samples.logits((int) (9 * x.dim(1)), 1, 6), 9, x.dim(1));
    LossOutputs states = new LossOutputs().losses(Tensor.of(new float[(int) x.dim(0)]));
    LinearCrossEntropy.Gradients gradients =
        new LinearCrossEntropy.Gradients()
            .hidden(Tensor.of(new float[(int) x.elements()], x.shape()))
            .weights(Tensor.of(new float[(int) weights.elements()], weights.shape()));
    Tensor own = Tensor.of(new int[(int) x.dim(0)]);
    runsAllocateNothing(
        "linear layer", x, other, in -> linear.on(in, weights, own).outputs(states)::run);
    runsAllocateNothing(
        "gradients of a linear layer",
        x,
        other,
        in -> linear.on(in, weights, own, gradients).outputs(states)::run);
    allocatesNothing("sample", x, other, in -> withoutHistory.sample(in, 7, tokens));
    runsAllocateNothing(
        "sample with inputs",
        x,
        other,
        in -> {
          SamplerCall call = sampler.on(in, tokens).inputs(before).outputs(sampled);
          return () -> call.run(7);
        });
    runsAllocateNothing(
        "requests",
        x,
        other,
        in -> {
          SamplerCall call = sampler.on(in, tokens).inputs(before).outputs(sampled);
          return () -> {
            requests.step(0, 9);
            call.run(requests);
          };
        });
    if (rows == 1) {
      allocatesNothing("token", x, other, in -> withoutHistory.token(in, 3));
      SamplerCursor text = sampler.start().promptTokens(1, 2);
      for (int step = 0; step < 10; step++) {
        text.next(x);
      }
      allocatesNothing("text", x, other, in -> text.rewind(9).next(in));
      SamplerCursor unlike =
          Sampler.builder().noRepeatNgram(3).dryMultiplier(0.5).seed(1).build().start();
      for (int i = 0; i < 10; i++) {
        unlike.next(x);
      }
      allocatesNothing("text without repetitions", x, other, in -> unlike.rewind(9).next(in));
    }

    for (Divergence.Kind of : Divergence.Kind.values()) {
      Divergence divergence =
          Divergence.builder(of).execution(Execution.defaults().backend(backend)).build();
      allocatesNothing(of.name(), x, other, in -> divergence.forward(in, y));
      allocatesNothing(
          of + " with gradient", x, other, in -> divergence.forwardBackward(in, y, dx));
    }
    CrossEntropyHvp hvp =
        CrossEntropyHvp.builder().execution(Execution.defaults().backend(backend)).build();
    allocatesNothing("hvp", x, other, in -> hvp.product(in, y, dx));
  }
}

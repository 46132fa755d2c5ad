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
import java.util.function.DoubleSupplier;
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
    Execution execution = Execution.defaults().withBackend(backend);
    EveryCall.Memory memory =
        new EveryCall.Memory() {
          @Override
          public Tensor floats(float[] values, long... shape) {
            return kind.floats(arena, values, shape);
          }

          @Override
          public Tensor integers(int[] values, long... shape) {
            return kind.labels(arena, values).reshape(shape);
          }

          @Override
          public Tensor matrix(float[] values, int ofRows, int classes) {
            Tensor matrix = form.matrix(kind, arena, ofRows, 1);
            matrix.copyFrom(Tensor.of(values, ofRows, classes));
            return matrix;
          }
        };
    for (EveryCall call : EveryCall.all(execution, 10)) {
      Tensor[] tensors = call.tensors(memory, rows, 10, 1);
      Tensor[] others = tensors.clone();
      EveryCall.Form lead = call.arguments().getFirst().form();
      others[0] = EveryCall.tensor(lead, memory, rows, 10, 2);
      DoubleSupplier one = call.on(tensors);
      DoubleSupplier two = call.on(others);
      Tensor first = tensors[0];
      allocatesNothing(
          call.name(), first, others[0], in -> (in == first ? one : two).getAsDouble());
    }
    Tensor x = form.matrix(kind, arena, rows, 1);
    Tensor other = form.matrix(kind, arena, rows, 2);
    CrossEntropy mean = CrossEntropy.builder().execution(execution).build();
    Tensor labels = kind.labels(arena, Samples.labels(rows, 10, 5));
    Tensor dx = form.matrix(kind, arena, rows, 4);
    Tensor losses = kind.floats(arena, new float[rows], rows);
    LossOutputs outcome = LossOutputs.create().losses(losses).saveStatistics(arena);
    mean.on(x, labels, dx).outputs(outcome).run();
    runsAllocateNothing(
        "backward",
        x,
        other,
        in -> {
          BoundCall call = mean.onBackward(in, labels, outcome, null, dx);
          return call::run;
        });
    runsAllocateNothing(
        "backward, weighted",
        x,
        other,
        in -> {
          BoundCall call = mean.onBackward(in, labels, outcome, losses, dx);
          return call::run;
        });
    Tensor a = kind.floats(arena, Samples.logits(rows * 10, 2, 7), rows * 10);
    Tensor b = kind.floats(arena, Samples.logits(rows * 10, 2, 8), rows * 10);
    Tensor da = kind.floats(arena, new float[rows * 10], rows * 10);
    int[] offsets = IntStream.rangeClosed(0, rows).map(r -> 10 * r).toArray();
    Inputs ragged = Inputs.none().withRowOffsets(kind.labels(arena, offsets));
    runsAllocateNothing("ragged rows", a, b, in -> mean.on(in, labels, da).inputs(ragged)::run);
    if (rows == 1) {
      Sampler plain = Sampler.builder().execution(execution).topK(5).topP(0.9).build();
      allocatesNothing("token", x, other, in -> plain.token(in, 3));
      Sampler sampler =
          Sampler.builder().execution(execution).topK(5).topP(0.9).repetitionPenalty(1.1).build();
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
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.MemoryException;
import dev.xent.errors.ShapeException;
import dev.xent.errors.XentException;
import dev.xent.options.Backend;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/**
 * With strides of 0 a small array is a tensor of any shape. A call throws if the other memory that
 * it needs, or a number that it computes from the shape, would be too large.
 */
class HugeShapesTest {
  /** At 64 bytes per row these are 2^64 times 8 bytes: the product overflows to 0. */
  private static final long ROWS = 1L << 61;

  private static final int CHUNK = 8192;

  private static Tensor repeated(long... shape) {
    MemorySegment one = MemorySegment.ofArray(new float[CHUNK]);
    long[] strides = new long[shape.length];
    strides[shape.length - 1] = shape[shape.length - 1] > CHUNK ? 0 : 1;
    return Tensor.strided(one, DType.F32, shape, strides);
  }

  private static void refused(
      Class<? extends XentException> type, ThrowingCallable call, String... words) {
    assertThatThrownBy(call)
        .isInstanceOf(type)
        .hasMessageContainingAll(words)
        .extracting(Throwable::getMessage)
        .asString()
        .hasLineCount(1);
  }

  @OnEveryBackend
  void statistics(Backend backend) {
    CrossEntropy loss =
        CrossEntropy.builder().execution(Execution.defaults().withBackend(backend)).build();
    Tensor x = repeated(ROWS, 1);
    LossOutputs outcome = LossOutputs.create().saveStatistics(Arena.ofAuto());
    refused(
        MemoryException.class,
        () -> loss.on(x, x).outputs(outcome).run(),
        "statistics of " + ROWS + " rows, 64 bytes each, are more than memory can be");
  }

  @OnEveryBackend
  void partialStates(Backend backend) {
    SoftmaxShard softmax =
        Softmax.builder().execution(Execution.defaults().withBackend(backend)).build().shard(0, 1);
    refused(
        MemoryException.class,
        () -> softmax.partialStates(repeated(ROWS, 1), Inputs.none()),
        "partial states of " + ROWS + " rows, 64 bytes each, are more than memory can be");
    CrossEntropyShard loss =
        CrossEntropy.builder()
            .execution(Execution.defaults().withBackend(backend))
            .build()
            .shard(0, 1);
    refused(
        MemoryException.class,
        () -> loss.partialStates(repeated(ROWS, 1), repeated(ROWS, 1), Inputs.none()),
        "partial states of " + ROWS + " rows");
  }

  @OnEveryBackend
  void classesBehindTheLastOne(Backend backend) {
    Softmax softmax =
        Softmax.builder().execution(Execution.defaults().withBackend(backend)).build();
    for (long all : new long[] {Long.MAX_VALUE, 0, -CHUNK, Long.MIN_VALUE}) {
      refused(
          ShapeException.class,
          () ->
              softmax
                  .shard(Long.MAX_VALUE - CHUNK + 1, all)
                  .partialStates(repeated(1, CHUNK), Inputs.none()),
          "with 8192 classes from 9223372036854767616 on of " + all);
    }
  }

  @OnEveryBackend
  void raggedRows(Backend backend) {
    LogSumExp lse =
        LogSumExp.builder().execution(Execution.defaults().withBackend(backend)).build();
    Inputs ragged = Inputs.none().withRowOffsets(Tensor.of(new long[] {0, 0, 0, 0, 1L << 62}));
    refused(
        ShapeException.class,
        () -> lse.on(repeated(1L << 62), Tensor.of(new float[4])).inputs(ragged).run(),
        "rowOffsets is I64 [5] with a row of 4611686018427387904 classes");
  }

  @OnEveryBackend
  void memoryOfItsOwn(Backend backend) {
    refused(
        MemoryException.class,
        () -> Tensor.allocate(Arena.ofAuto(), DType.U8, Long.MAX_VALUE),
        "9223372036854775807 elements of U8 are more than memory can be");
  }
}

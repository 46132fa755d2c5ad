// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.withPrecision;

import dev.xent.cli.CommandException;
import dev.xent.cli.Converters;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("slow")
class MeasurementTest {
  private static final Effort SHORT = new Effort(100_000, 1, 1_000_000, 1_000_000);
  private static final List<Tier> TIERS =
      List.of(Tier.REFERENCE, new Tier(Backend.NATIVE, Isa.SCALAR));

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void measuresEveryOperationOnEveryShapeWithEveryTier(int threads) {
    List<Shape> shapes = List.of(Shape.of("2x7"), Shape.of("2x5x3@1"), Shape.of("9"));
    List<Result> results = new ArrayList<>();
    try (Memory memory = new Memory(threads)) {
      List<Operation> all = List.of(Operation.values());
      results.addAll(new Measurement(all, shapes, TIERS, memory, SHORT).run());
    }
    List<String> expected = new ArrayList<>();
    for (Operation operation : Operation.values()) {
      for (Shape shape : shapes) {
        TIERS.forEach(tier -> expected.add(operation + " " + shape + " " + tier.label()));
      }
    }
    assertThat(results)
        .map(r -> r.operation() + " " + r.shape() + " " + r.tier().label())
        .isEqualTo(expected);
    assertThat(results)
        .allSatisfy(
            result -> {
              assertThat(result.threads()).isEqualTo(threads);
              assertThat(result.nanoseconds().best()).isPositive();
              assertThat(result.memory().copy()).isPositive();
              assertThat(result.memory().read()).isPositive();
            });
  }

  @Test
  void countsBytesAgainstTheMemorysTime() {
    Result softmax = result(Operation.SOFTMAX);
    assertThat(softmax.share()).isEqualTo(0.25, withPrecision(1e-12));
    assertThat(softmax.bandwidth()).isEqualTo(2, withPrecision(1e-12));
    Result loss = result(Operation.CROSS_ENTROPY);
    assertThat(loss.share()).isEqualTo(0.125, withPrecision(1e-12));
  }

  private static Result result(Operation operation) {
    return new Result(
        operation,
        Shape.of("4x8"),
        Tier.REFERENCE,
        1,
        new Times(4, 3),
        new Result.MemoryTimes(1, 0.5));
  }

  @ParameterizedTest
  @EnumSource(Operation.class)
  void refusesToTimeWrongBits(Operation operation) {
    try (Problem problem = new Problem(operation, Shape.of("3x4"));
        Check check = new Check(operation, problem)) {
      Work right = operation.on(problem, TIERS.getLast(), 1);
      check.verify(right, TIERS.getLast());
      Work wrong =
          times -> {
            double loss = right.repeat(times);
            MemorySegment output = problem.output().segment();
            int bits = output.getAtIndex(ValueLayout.JAVA_INT, 5);
            output.setAtIndex(ValueLayout.JAVA_INT, 5, bits ^ 1);
            return operation.isReadOnly() ? Math.nextUp(loss) : loss;
          };
      assertThatThrownBy(() -> check.verify(wrong, TIERS.getLast()))
          .isInstanceOf(CommandException.class)
          .hasMessageStartingWith(operation + " 3x4 on scalar is not what the reference gives")
          .hasMessageContaining(operation.isReadOnly() ? "loss" : "element 5");
    }
  }

  @Test
  void namesEveryOperationAsItIsTyped() throws Exception {
    for (Operation operation : Operation.values()) {
      assertThat(Converters.choice(List.of(Operation.values())).convert(operation.toString()))
          .isEqualTo(operation);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 31, 32, 40, 63, 1000})
  void readsEveryByte(int bytes) {
    for (int threads : new int[] {1, 2, 7}) {
      try (Arena arena = Arena.ofConfined();
          Memory memory = new Memory(threads)) {
        MemorySegment touched = arena.allocate(bytes);
        List<Work> reads = memory.reads(touched);
        // Each way sees a change of any byte: sums add up to it, and searches find it.
        for (int i = 0; i < bytes; i++) {
          assertThat(reads).allSatisfy(read -> assertThat(read.repeat(1)).isZero());
          touched.set(ValueLayout.JAVA_BYTE, i, Problem.ABSENT);
          assertThat(reads).allSatisfy(read -> assertThat(read.repeat(1)).isNotZero());
          touched.set(ValueLayout.JAVA_BYTE, i, (byte) 0);
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 64, 100, 1000})
  void copiesEveryByte(int bytes) {
    for (int threads : new int[] {1, 2, 7}) {
      try (Arena arena = Arena.ofConfined();
          Memory memory = new Memory(threads)) {
        MemorySegment from = arena.allocate(bytes).fill((byte) 3);
        MemorySegment to = arena.allocate(bytes);
        for (Work copy : memory.copies(from, to)) {
          to.fill((byte) 0);
          copy.repeat(1);
          assertThat(to.mismatch(from)).isEqualTo(-1);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Operation.class)
  void copiesWhatAnOperationMovesAndReadsItsLogits(Operation operation) {
    try (Memory memory = new Memory(1);
        Problem problem = new Problem(operation, Shape.of("5x33"))) {
      problem.copies(memory).getFirst().repeat(1);
      assertThat(problem.output().segment().mismatch(problem.input().segment())).isEqualTo(-1);
      // The search goes to the end: nothing of what is read has the byte that is searched for.
      assertThat(problem.reads(memory).getLast().repeat(1)).isZero();
    }
  }

  @Test
  void takesTheMedianAndTheBest() {
    assertThat(Times.of(List.of(5.0, 1.0, 3.0))).isEqualTo(new Times(3, 1));
    assertThat(Times.of(List.of(4.0, 1.0, 2.0, 9.0))).isEqualTo(new Times(3, 1));
    assertThat(new Times(3, 1).per(2)).isEqualTo(new Times(1.5, 0.5));
  }
}

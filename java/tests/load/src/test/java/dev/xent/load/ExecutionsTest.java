// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.DType;
import dev.xent.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Faults that the load must report. */
class ExecutionsTest {
  @TempDir private Path directory;

  private Counts counts(Step step, boolean interrupted) {
    Executions executions = new Executions(directory);
    boolean[] expected = new boolean[1];
    // The first call copies, which is correct: it computes the expected result.
    Step copyFirst =
        (t, own) -> {
          if (expected[0]) {
            return step.run(t, own);
          }
          expected[0] = true;
          return copy(t);
        };
    try (Arena arena = Arena.ofShared();
        Helpers helpers = new Helpers()) {
      Tensor x = new Content(arena).logits(DType.F32, 3, 5);
      List<Operand> operands = List.of(Operand.in(x), Operand.out(DType.F32, 3, 5));
      Case what = new Case("a case", operands, teller -> copyFirst, helpers, arena);
      for (Place place : Place.values()) {
        executions.run(what, Helpers.Kind.POOL, place, interrupted);
      }
    }
    return executions.counts;
  }

  private static double copy(Tensor[] t) {
    t[1].copyFrom(t[0]);
    return 0;
  }

  @Test
  void whatIsRightIsCounted() {
    Counts counts = counts((t, own) -> copy(t), true);
    assertThat(counts.calls.sum()).isEqualTo(5);
    assertThat(counts.values.sum()).isEqualTo(5 * 31);
    assertThat(counts.interrupts.sum()).isEqualTo(5);
    assertThat(counts.wrong.sum()).isZero();
    assertThat(counts.failures.sum()).isZero();
  }

  @Test
  void everyWrongElementIsCounted() {
    Counts counts =
        counts(
            (t, own) -> {
              copy(t);
              t[1].setFloat(-7, 0, 1);
              t[1].setFloat(9, 2, 4);
              return -0.0;
            },
            false);
    assertThat(counts.wrong.sum()).isEqualTo(5 * 3);
    assertThat(counts.messages).hasSize(5).allMatch(each -> each.contains("3 values differ"));
  }

  @Test
  void whatIsNotWrittenIsWrong() {
    assertThat(counts((t, own) -> 0, false).wrong.sum()).isEqualTo(5 * 15);
  }

  @Test
  void anInputThatIsWrittenIsWrong() {
    Counts counts =
        counts(
            (t, own) -> {
              copy(t);
              t[0].setFloat(77, 1, 1);
              return 0;
            },
            false);
    assertThat(counts.wrong.sum()).isEqualTo(5);
  }

  @Test
  void whatIsThrownAndLostInterruptsAreFailures() {
    Counts counts =
        counts(
            (t, own) -> {
              throw new IllegalStateException("broken");
            },
            false);
    assertThat(counts.failures.sum()).isEqualTo(5);
    assertThat(counts.messages).allMatch(each -> each.endsWith("broken"));
    Step losing =
        (t, own) -> {
          assertThat(Thread.interrupted()).isTrue();
          return copy(t);
        };
    assertThat(counts(losing, true).failures.sum()).isEqualTo(5);
  }

  @Test
  void differencesAreFoundInEveryPiece() {
    byte[] a = new byte[300_000];
    byte[] b = a.clone();
    b[3] = 1;
    b[65_535] = 1;
    b[65_536] = 1;
    b[299_999] = 1;
    assertThat(Bytes.differences(MemorySegment.ofArray(a), MemorySegment.ofArray(b), 4))
        .isEqualTo(4);
    assertThat(Bytes.differences(MemorySegment.ofArray(a), MemorySegment.ofArray(a), 4)).isZero();
  }
}

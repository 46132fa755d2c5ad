// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.CrossEntropy;
import dev.xent.Tensor;
import dev.xent.errors.LabelException;
import dev.xent.errors.MemoryException;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Field;
import dev.xent.internal.kernels.Status;
import org.junit.jupiter.api.Test;

class FailuresTest {
  private final Call call = afterLossOfRows();

  /**
   * The call of this thread, after a loss of rows. It has values of the call before, which may come
   * from any test.
   */
  private static Call afterLossOfRows() {
    CrossEntropy.builder()
        .build()
        .forward(Tensor.of(new float[] {1, 2}, 1, 2), Tensor.of(new int[] {0}, 1));
    return Call.current();
  }

  @Test
  void doneIsNoFailure() {
    assertThatCode(() -> Failures.check(Status.OK, call)).doesNotThrowAnyException();
  }

  @Test
  void labelNamesItsRow() {
    xent_report.row(call.report, 3);
    xent_report.label(call.report, 7);
    assertThatThrownBy(() -> Failures.check(Status.INVALID_LABEL, call))
        .isInstanceOf(LabelException.class)
        .hasMessageContaining("row 3 has label 7");
  }

  /** Another thread wrote to the targets between the parts of a long row. */
  @Test
  void labelThatChangedDuringTheCallIsTheCallersMemory() {
    xent_report.row(call.report, 3);
    xent_report.field(call.report, Field.STATES);
    assertThatThrownBy(() -> Failures.check(Status.INVALID_ARGUMENT, call))
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("the label of row 3 changed while the call ran");
  }

  @Test
  void whatPassedEveryCheckIsOurMistake() {
    xent_report.field(call.report, Field.LOGITS);
    assertThatThrownBy(() -> Failures.check(Status.UNSUPPORTED, call))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("please report this");
  }
}

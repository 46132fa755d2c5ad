// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.LabelException;
import dev.xent.errors.MemoryException;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Field;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.plan.arrays.Layout;
import dev.xent.internal.plan.arrays.View;
import org.junit.jupiter.api.Test;

class FailuresTest {
  private final Checked call = lossOfRows();

  private static Checked lossOfRows() {
    Checked loss = new Checked();
    loss.dimensions.take("logits", View.room(ElementType.F32, 1, 2), 1);
    Layout targets = loss.layout(Array.TARGETS);
    targets.take(View.room(ElementType.I32, 1), Rule.TARGETS, Layout.Kind.ROWS, 2, 0);
    loss.add(targets);
    return loss;
  }

  @Test
  void doneIsNoFailure() {
    assertThatCode(() -> Failures.check(Status.OK, call, call.report)).doesNotThrowAnyException();
  }

  @Test
  void labelNamesItsRow() {
    xent_report.row(call.report, 3);
    xent_report.label(call.report, 7);
    assertThatThrownBy(() -> Failures.check(Status.INVALID_LABEL, call, call.report))
        .isInstanceOf(LabelException.class)
        .hasMessageContaining("row 3 has label 7");
  }

  /** Another thread wrote to the targets between the parts of a long row. */
  @Test
  void labelThatChangedDuringTheCallIsTheCallersMemory() {
    xent_report.row(call.report, 3);
    xent_report.field(call.report, Field.STATES);
    assertThatThrownBy(() -> Failures.check(Status.INVALID_ARGUMENT, call, call.report))
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("the label of row 3 changed while the call ran");
  }

  @Test
  void whatPassedEveryCheckIsOurMistake() {
    xent_report.field(call.report, Field.LOGITS);
    assertThatThrownBy(() -> Failures.check(Status.UNSUPPORTED, call, call.report))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("please report this");
  }
}

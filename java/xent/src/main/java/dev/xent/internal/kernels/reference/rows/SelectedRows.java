// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.rows;

import static dev.xent.internal.kernels.Array.GRADIENT;
import static dev.xent.internal.kernels.Array.LOG_PROBABILITIES;
import static dev.xent.internal.kernels.Array.STATISTICS;
import static dev.xent.internal.kernels.reference.call.GivenArrays.has;

import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.call.Layout;
import dev.xent.internal.kernels.reference.call.Request;
import dev.xent.internal.kernels.reference.emit.Gradient;
import dev.xent.internal.kernels.reference.load.Row;
import dev.xent.internal.kernels.reference.math.Arithmetic;
import dev.xent.internal.kernels.reference.results.RowResults;
import dev.xent.internal.kernels.reference.sum.Digest;
import dev.xent.internal.kernels.reference.sum.FirstPass;
import dev.xent.internal.kernels.reference.sum.RowScratch;
import dev.xent.internal.kernels.reference.sum.Selection;
import dev.xent.internal.kernels.reference.sum.Statistics;

/**
 * Log-probabilities of selected classes of the rows of a call, and their gradient. A row is
 * computed as one of cross-entropy whose label is the selected class with the largest logit.
 */
public final class SelectedRows {
  private final RowScratch work;
  private final Gradient gradient;
  private final Selection selection = new Selection();

  public SelectedRows(RowScratch work) {
    this.work = work;
    gradient = new Gradient(work);
  }

  /** Computes all results, in an order in which the gradient may overwrite the logits. */
  public int forward() {
    Request call = work.call;
    work.begin();
    work.digest = Digest.ofSelected(call);
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      int status = selection.go(work, row);
      if (status != Status.OK) {
        return status;
      }
      if (!work.row.ignored) {
        call.report.validRows++;
        FirstPass.row(work);
      }
      finish(row);
    }
    return Status.OK;
  }

  /** Computes the gradient only. */
  public int backward() {
    Request call = work.call;
    work.begin();
    work.digest = Digest.ofSelected(call);
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      int status = selection.go(work, row);
      if (status != Status.OK) {
        return status;
      }
      work.statistics.load(call.given.of(STATISTICS), row);
      finishGradient();
    }
    return Status.OK;
  }

  private void finish(long row) {
    Request call = work.call;
    if (work.row.ignored) {
      work.statistics.clear(work.kind() | Kind.IGNORED_ROW, work.digest);
    }
    if (has(call.given.of(STATISTICS))) {
      work.statistics.store(call.given.of(STATISTICS), row);
    }
    if (has(call.given.of(LOG_PROBABILITIES))) {
      writeLogProbabilities();
    }
    if (has(call.given.of(GRADIENT))) {
      finishGradient();
    }
  }

  private void finishGradient() {
    if (work.row.ignored) {
      work.statistics.clear(work.kind() | Kind.IGNORED_ROW, work.digest);
    }
    work.targets.share = 0;
    gradient.write(work.call.options.scale() * selection.all, selection);
  }

  private void writeLogProbabilities() {
    Request call = work.call;
    Layout layout = call.shape.of(LOG_PROBABILITIES);
    Statistics row = work.statistics;
    Arithmetic arithmetic = work.arithmetic;
    boolean ordinary = !row.isSpecial();
    double distance = ordinary ? row.distance(arithmetic) : 0;
    for (int j = 0; j < selection.count; j++) {
      long clazz = selection.classes[j];
      double value = 0; // for an ignored entry
      if (clazz != Row.NO_LABEL && (!ordinary || clazz == work.row.label)) {
        value = RowResults.logProbability(work) + 0.0; // minus the loss, but not -0
      } else if (clazz != Row.NO_LABEL) {
        double below = row.max - arithmetic.round(selection.x[j] - row.shift);
        value = arithmetic.round(0 - arithmetic.plusProduct(distance, below, arithmetic.inverse));
      }
      work.row.storeEntry(value, call.given.of(LOG_PROBABILITIES), layout, j);
    }
  }
}

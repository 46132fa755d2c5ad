// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.logits;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Checked;
import dev.xent.internal.plan.call.Extras;
import dev.xent.internal.plan.call.Run;
import dev.xent.internal.plan.call.Site;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.Options;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The largest classes of each row, and their probabilities, which no kernel writes: they are
 * computed from the statistics of the rows ({@link TopProbabilities}).
 */
public final class TopKOperation extends LogitsOperation {
  private static final long VALUES = ArrayViews.bit(Array.TOP_LOG_PROBABILITIES);

  public TopKOperation(Engine engine, Options options, int axis, int k) {
    super(Kind.TOP, engine, options, axis, 1, k);
  }

  @Override
  protected String nameOf(Array array) {
    return array == Array.TOP_LOG_PROBABILITIES ? "topProbabilities" : super.nameOf(array);
  }

  private static TopProbabilities of(Run run) {
    return run.scratch(TopProbabilities.class, TopProbabilities::new);
  }

  @Override
  protected boolean takeKernels(Site site, Checked call) {
    return call.dimensions.rows <= TopProbabilities.ROWS
        && call.count == 3 // no inputs
        && call.computes.take(function, call, VALUES)
        && call.computes.take(Array.STATISTICS, of(site.run()).statistics);
  }

  @Override
  protected double runShort(
      Site site,
      Checked call,
      View logits,
      @Nullable View classes,
      @Nullable View values,
      @Nullable View d,
      @Nullable View e,
      @Nullable View f,
      @Nullable Extras extras,
      long step) {
    super.runShort(site, call, logits, classes, values, d, e, f, extras, step);
    TopProbabilities top = of(site.run());
    top.write(
        kernels,
        call,
        logits,
        logits.segment,
        classes.segment,
        values.segment,
        top.statistics.segment,
        0,
        call.dimensions.rows);
    return Double.NaN;
  }

  @Override
  protected double compute(Run run) {
    run.saveStatistics();
    return super.compute(run);
  }

  @Override
  void rows(Run run, long begin, long end) {
    long most = run.rowsPerKernel();
    for (long row = begin; row < end && !run.isInVain(); row += most) {
      long stop = Math.min(row + most, end);
      MemorySegment statistics = run.savedOfPiece();
      run.run(
          run.kernel(function, row, stop)
              .set(Array.TOP_LOG_PROBABILITIES, MemorySegment.NULL)
              .set(Array.STATISTICS, statistics));
      of(run)
          .write(
              kernels,
              run.call,
              run.view(Array.LOGITS),
              run.segment(Array.LOGITS),
              run.segment(Array.TOP_CLASSES),
              run.segment(Array.TOP_LOG_PROBABILITIES),
              statistics,
              row,
              stop);
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.emit;

import static dev.xent.internal.kernels.Array.GRADIENT;
import static dev.xent.internal.kernels.reference.math.Constants.CHUNK;

import dev.xent.internal.kernels.reference.load.Chunk;
import dev.xent.internal.kernels.reference.load.Row;
import dev.xent.internal.kernels.reference.math.Arithmetic;
import dev.xent.internal.kernels.reference.sum.RowScratch;
import dev.xent.internal.kernels.reference.sum.Selection;
import dev.xent.internal.kernels.reference.sum.Statistics;
import dev.xent.internal.kernels.reference.targets.Targets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The gradient of a row: {@code c (p pull - t) = fma(e(x; N), f, b)} with b = -c t, times the slope
 * of the softcap.
 *
 * <p>If the factor f is below the normal numbers, it is scaled up and the result is scaled back. In
 * such a row, a class with a large c t gets -c t only, because the exponential's part is
 * negligible.
 */
public final class Gradient {
  private final RowScratch work;
  private final Targets targets;
  private final Arithmetic arithmetic;
  private final Carrying carrying;
  private final double[] t = new double[CHUNK];
  private final double[] b = new double[CHUNK];

  /** c t in a row with scaled factors, if the class has a separate target; otherwise 0. */
  private final double[] product = new double[CHUNK];

  private @Nullable Selection selection;
  private double scale;
  private boolean carried;
  private double grow;
  private double shrink;
  private double factor;

  /** The parameters for scaling small factors, per type. */
  private record Carrying(double least, double scale, double most, double alone) {}

  private static final Carrying FLOATS = new Carrying(Float.MIN_NORMAL, 0x1p96, 0x1p31, 0x1p30);
  private static final Carrying DOUBLES =
      new Carrying(Double.MIN_NORMAL, 0x1p900, Double.POSITIVE_INFINITY, 0x1p100);

  public Gradient(RowScratch work) {
    this.work = work;
    targets = work.targets;
    arithmetic = work.arithmetic;
    carrying = arithmetic.wide ? DOUBLES : FLOATS;
  }

  /**
   * Writes the gradient of the call's class range, for a row whose statistics are in the work.
   *
   * @param c gradient scale, row weight and upstream gradient
   */
  public void write(double c) {
    write(c, null);
  }

  /**
   * Begins a row whose statistics are in the work; {@link #compute} then computes ranges of its
   * classes.
   */
  public void begin(double c) {
    selection = null;
    beginRow(work.cooled(c));
  }

  /**
   * As {@link #write(double)}, for a row whose label is one of several selected classes.
   *
   * @param c gradient scale and the sum of the targets
   * @param classes the selected classes and their targets
   */
  public void write(double c, @Nullable Selection classes) {
    selection = classes;
    Row row = work.row;
    beginRow(work.cooled(c));
    for (long begin = work.call.classBegin; begin < row.end(); begin += CHUNK) {
      int count = Row.chunkSize(begin, row.end());
      compute(begin, count);
      row.store(work.y, count, work.call.given.of(GRADIENT), work.call.shape.of(GRADIENT), begin);
    }
  }

  private void beginRow(double ofScale) {
    Statistics row = work.statistics;
    scale = work.call.options.scalesGradients() && row.isOfLabel() ? ofScale * row.share : ofScale;
    double total = row.total();
    double pulled = scale * row.pull;
    double size = arithmetic.wide ? pulled / total : arithmetic.unscale / total * scale * row.pull;
    carried =
        (arithmetic.wide ? pulled : size) != 0
            && Math.abs(size) < carrying.least
            && Math.abs(scale) < carrying.most;
    grow = carried ? carrying.scale : 1;
    shrink = 1 / grow;
    factor = arithmetic.wide && carried ? grow / total * pulled : arithmetic.round(size * grow);
  }

  /** Computes the gradient of at most a chunk of classes, in the work's y. */
  public void compute(long begin, int count) {
    Row row = work.row;
    Chunk chunk = work.chunk;
    double[] y = work.y;
    if (work.statistics.isSpecial()) {
      Arrays.fill(y, 0, count, work.statistics.special(0));
      return;
    }
    chunk.load(row, begin, count, work.statistics.shift);
    setAddends(begin);
    arithmetic.exponentials(chunk.x, 0, count, work.statistics.reference, y);
    for (int i = 0; i < count; i++) {
      y[i] = arithmetic.round(arithmetic.fma(y[i], factor, b[i]) * shrink);
    }
    for (int i = 0; i < count && carried; i++) {
      y[i] = Math.abs(product[i]) >= carrying.alone ? -arithmetic.round(product[i]) : y[i];
    }
    if (row.labelIsIn(begin, count)) {
      y[(int) (row.label - begin)] = arithmetic.round(atLabel());
    }
    chunk.multiplyBySlope(y);
    chunk.fillMasked(y, 0);
  }

  // ---- -c t ------------------------------------------------------------------------------------

  private void setAddends(long begin) {
    int count = work.chunk.count;
    Arrays.fill(product, 0, count, 0);
    if (targets.areDense()) {
      targets.loadDense(work.chunk, begin, t, b);
      double cf = arithmetic.round(scale * grow);
      for (int i = 0; i < count; i++) {
        set(i, t[i], -arithmetic.round(t[i] * cf));
      }
      return;
    }
    Arrays.fill(b, 0, count, -0.0);
    if (targets.share != 0) {
      setEvenAddends(begin, count);
    }
    if (work.row.sparse) {
      setEntries(begin, count);
    }
    if (selection != null && selection.hasOthers) {
      setSelected(selection, begin, count);
    }
  }

  /**
   * Sets the addends of the selected classes except the label, each with the sum of its targets.
   */
  private void setSelected(Selection selected, long begin, int count) {
    for (int j = 0; j < selected.count; j++) {
      long clazz = selected.classes[j];
      if (clazz >= begin && clazz < begin + count) {
        int i = (int) (clazz - begin);
        product[i] = selected.scaled(work, selected.targetOf(clazz));
        b[i] = -arithmetic.round(product[i] * grow);
      }
    }
  }

  private void setEvenAddends(long begin, int count) {
    double even = scale * targets.share;
    double bs = arithmetic.round(even * grow);
    targets.loadEven(work.chunk, begin, t);
    for (int i = 0; i < count; i++) {
      set(i, targets.share * t[i], -arithmetic.round(t[i] * bs));
      product[i] = arithmetic.wide ? product[i] : targets.areWeighted() ? even * t[i] : 0;
    }
  }

  /** Sets the addend of a class with its target; {@code inFloats} is b in float32 arithmetic. */
  private void set(int i, double target, double inFloats) {
    product[i] = scale * target;
    b[i] = !arithmetic.wide ? inFloats : target == 0 ? -0.0 : -(product[i] * grow);
  }

  /** Sets the addends of the classes of a sparse row, each with the sum of its entries. */
  private void setEntries(long begin, int count) {
    Row row = work.row;
    for (long j = 0; j < row.entries(); j++) {
      long clazz = row.entryClass(j);
      if (clazz < begin || clazz >= begin + count) {
        continue;
      }
      double target = -0.0; // a single -0 keeps its sign
      for (long k = 0; k < row.entries(); k++) {
        if (row.entryClass(k) == clazz) {
          target += targets.ofEntry(row.entryWeight(k), clazz);
        }
      }
      if (targets.share != 0) {
        target += targets.ofShare(clazz);
      }
      int i = (int) (clazz - begin);
      set(i, target, -arithmetic.round(scale * target * grow));
    }
  }

  // ---- the label -------------------------------------------------------------------------------

  /** The gradient at the label. A label among selected classes also has the pull of the others. */
  private double atLabel() {
    if (selection == null || !selection.hasOthers) {
      return ofLabel() * scale;
    }
    Statistics row = work.statistics;
    double total = row.total();
    double own = selection.scaled(work, selection.targetOf(work.row.label));
    return (0 - row.sum / total) * own
        + (row.mass / total) * selection.scaled(work, selection.others);
  }

  /** p - t of the label, computed without cancellation. */
  private double ofLabel() {
    Statistics row = work.statistics;
    double total = row.total();
    double others = row.sum / total;
    double own = row.mass / total;
    if (!targets.labelSumsToOne() || work.call.options.zLoss != 0) {
      double kept = targets.ofLabel();
      boolean even = targets.share != 0 && !targets.others;
      double share = even ? targets.ofShare(work.row.label) : 0;
      return (0 - others) * kept + own * (row.pull - kept) - share;
    }
    double share = targets.others ? 0 : targets.share;
    if (targets.epsilon > 0.5) {
      return own - (1 - targets.epsilon + share);
    }
    return (0 - others) + (targets.share == 0 ? 0 : targets.epsilon - share);
  }
}

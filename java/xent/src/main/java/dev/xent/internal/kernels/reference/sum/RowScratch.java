// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.sum;

import static dev.xent.internal.kernels.Array.SINK;
import static dev.xent.internal.kernels.reference.math.Constants.CHUNK;

import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.call.Request;
import dev.xent.internal.kernels.reference.load.Chunk;
import dev.xent.internal.kernels.reference.load.Row;
import dev.xent.internal.kernels.reference.math.Arithmetic;
import dev.xent.internal.kernels.reference.math.Pair;
import dev.xent.internal.kernels.reference.targets.TargetSums;
import dev.xent.internal.kernels.reference.targets.Targets;

/** The scratch memory for the rows of a call, reused for every row. */
public final class RowScratch {
  public final Request call;
  public final Arithmetic arithmetic;
  public final Row row;
  public final Chunk chunk;
  public final Targets targets;
  public final TargetSums targetSums;
  public final State state = new State();
  public final Fold fold;
  public final Statistics statistics = new Statistics();

  /** A sum over a row. */
  public final Pair rowSum;

  /** A sum over a chunk. */
  public final Pair chunkSum;

  /** A chunk of results. */
  public final double[] y = new double[CHUNK];

  /** A chunk of terms. */
  public final double[] terms = new double[CHUNK];

  /** Whether the label of the row is the first of its largest classes. */
  public boolean hit;

  /** The digest of the call's states and statistics. */
  public int digest;

  public RowScratch(Request call, Arithmetic arithmetic) {
    this(call, arithmetic, false);
  }

  /**
   * @param ofTeacher whether to use the teacher's logits instead of the call's
   */
  public RowScratch(Request call, Arithmetic arithmetic, boolean ofTeacher) {
    this.call = call;
    this.arithmetic = arithmetic;
    row = new Row(call, ofTeacher);
    chunk = new Chunk(arithmetic);
    targets = new Targets(row, arithmetic);
    targetSums = new TargetSums(arithmetic, row, targets);
    fold = new Fold(arithmetic);
    rowSum = arithmetic.pair();
    chunkSum = arithmetic.pair();
  }

  /** Begins a checked call. */
  public void begin() {
    arithmetic.begin(call.options.temperature);
    row.begin();
    chunk.begin(call);
    targets.begin(call);
    digest = Digest.of(call);
  }

  /** The kind of the row's states and statistics. */
  public int kind() {
    return kind(row.kind);
  }

  /** Adds the bit of the arithmetic. */
  public int kind(int ofRow) {
    return call.wide ? ofRow | Kind.WIDE : ofRow;
  }

  /** c / temperature: the factor of the gradients of cross-entropy. */
  public double cooled(double c) {
    return c / arithmetic.temperature;
  }

  /** A logit as the formulas of the statistics' row use it: minus the shift. */
  public double shifted(double x, double shift) {
    return shift == 0 ? x : arithmetic.round(x - shift);
  }

  /** The sink as a logit that is multiplied by 1 / temperature; a finite sink stays finite. */
  public double sink(double shift) {
    double sink = row.number(call.given.of(SINK), call.shape.of(SINK));
    double x = sink;
    if (arithmetic.tempered) {
      x = arithmetic.round(sink * arithmetic.temperature);
      x = Double.isInfinite(x) && Double.isFinite(sink) ? arithmetic.mostFinite(sink) : x;
    }
    return shifted(x, shift);
  }

  /** (x - M) / temperature - D, which is at most 0. */
  public double logProbability(double x, double minusDistance) {
    double below = arithmetic.round(x - statistics.max);
    return arithmetic.fma(below, arithmetic.inverseHigh, minusDistance);
  }
}

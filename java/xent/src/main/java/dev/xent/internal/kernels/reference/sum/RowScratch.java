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

/** What the rows of a call are computed with, used again for every row. */
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

  /** A sum over a chunk of it. */
  public final Pair chunkSum;

  /** A chunk of results. */
  public final double[] y = new double[CHUNK];

  /** A chunk of what results are made of. */
  public final double[] terms = new double[CHUNK];

  /** Whether the label of the row is the first of its largest classes. */
  public boolean hit;

  /** Of what the call's states and statistics depend on. */
  public int digest;

  public RowScratch(Request call, Arithmetic arithmetic) {
    this(call, arithmetic, false);
  }

  /**
   * @param ofTeacher whether a teacher's logits stand for those of the call
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

  /** With the bit of the arithmetic. */
  public int kind(int ofRow) {
    return call.wide ? ofRow | Kind.WIDE : ofRow;
  }

  /** c / temperature: what gradients of cross-entropy are multiplied by. */
  public double cooled(double c) {
    return c / arithmetic.temperature;
  }

  /** What the formulas of a row see of a logit of the statistics' row: less the shift. */
  public double shifted(double x, double shift) {
    return shift == 0 ? x : arithmetic.round(x - shift);
  }

  /** The sink as a logit, which is multiplied by 1 / temperature; stays finite where it is. */
  public double sink(double shift) {
    double sink = row.number(call.given.of(SINK), call.shape.of(SINK));
    double x = sink;
    if (arithmetic.tempered) {
      x = arithmetic.round(sink * arithmetic.temperature);
      x = Double.isInfinite(x) && Double.isFinite(sink) ? arithmetic.mostFinite(sink) : x;
    }
    return shifted(x, shift);
  }

  /** (x - M) / temperature - D, which is never above 0. */
  public double logProbability(double x, double minusDistance) {
    double below = arithmetic.round(x - statistics.max);
    return arithmetic.fma(below, arithmetic.inverseHigh, minusDistance);
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Constants.CHUNK;

import dev.xent.internal.ffi.xent_tally;
import java.lang.foreign.MemorySegment;

/** What the rows of a general call are computed with, used again for every row. */
final class GeneralWork {
  final GeneralRow row = new GeneralRow();
  final PreparedChunk chunk = new PreparedChunk();
  final WeightedTargets targets = new WeightedTargets();
  final ChunkSum sum = new ChunkSum();
  final State state = new State();
  final GeneralStatistics statistics = new GeneralStatistics();
  final GeneralGradient gradient = new GeneralGradient();
  final TopClasses top = new TopClasses();

  final Divergence divergence = new Divergence();

  /** xent_tally: the exact sum of a denominator. */
  final MemorySegment weights =
      MemorySegment.ofArray(new long[(int) (xent_tally.sizeof() / Long.BYTES)]);

  /** A sum over a row. */
  final Pair rowSum = new Pair();

  /** A chunk of probabilities, or of an upstream gradient. */
  final double[] q = new double[CHUNK];

  /** A chunk of results or of terms. */
  final double[] y = new double[CHUNK];

  /** That of the call. */
  Arithmetic arithmetic;

  /** Whether the label of the row is the first of its largest classes. */
  boolean hit;

  private final Arithmetic single = new SingleArithmetic();
  private final Arithmetic wide = new WideArithmetic();

  GeneralWork() {
    arithmetic = single;
  }

  /** Begins a checked call. */
  GeneralWork begin(Call call) {
    arithmetic = call.wide ? wide : single;
    row.begin(call);
    chunk.begin(call, arithmetic);
    targets.begin(call, row);
    return this;
  }

  GeneralFold fold() {
    return arithmetic.fold;
  }
}

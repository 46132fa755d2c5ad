// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.CallArrays.has;
import static dev.xent.internal.kernels.reference.Constants.CHUNK;

/** The first pass of a general forward: a row's chunks to states, the states to statistics. */
final class GeneralFirstPass {
  private GeneralFirstPass() {}

  /** Leaves the state of a chunk of the row in the work's state. */
  static void chunk(Call call, GeneralWork work, long begin, int count, double shift) {
    GeneralRow row = work.row;
    PreparedChunk chunk = work.chunk;
    State state = work.state;
    chunk.load(call, row, begin, count, shift);
    boolean here = row.labelIsIn(begin, count);
    int label = here ? (int) (row.label - begin) : -1;
    work.arithmetic.sumExponentials(chunk.x, count, label, work.sum);
    state.clear(row.kind);
    state.setSum(work.sum, work.arithmetic.isWide());
    state.counted = chunk.classesThatTakePart();
    if (shift != 0) {
      state.kind |= Kind.SHIFTED;
    }
    if (here) {
      state.kind |= Kind.LABEL_HERE;
      state.setLabelLogit(chunk.x[label], work.arithmetic.isWide());
      if (chunk.x[label] == work.sum.max && chunk.isFirst(label)) {
        state.kind |= Kind.LABEL_FIRST_MAX;
      }
    }
    addTargets(call, work, begin, count);
  }

  private static void addTargets(Call call, GeneralWork work, long begin, int count) {
    GeneralRow row = work.row;
    ChunkTargetSums sums = work.arithmetic.targetSums;
    double max = work.sum.max;
    if (row.kind == Kind.SOFTMAX) {
      return;
    }
    if (row.kind == Kind.LABEL) {
      sums.ofLabel(work.chunk, max, begin, work.targets);
    } else if (row.sparse) {
      sums.ofEntries(work.chunk, max, begin, row, work.targets, call.shape.targetCount);
    } else {
      row.loadProbabilities(begin, count, work.q);
      sums.ofProbabilities(work.chunk, max, begin, work.q, work.targets);
    }
    work.state.dot = sums.dot;
    work.state.mass = sums.mass;
  }

  /** Leaves the fold and the statistics of the whole row in the work. */
  static void row(Call call, GeneralWork work) {
    work.targets.countClasses(work.row.countClasses());
    fold(call, work, 0);
    GeneralFold fold = work.fold();
    work.hit = fold.hit();
    double shift = fold.beyondLimit() ? fold.max : 0;
    if (shift != 0) {
      fold(call, work, shift);
    }
    close(call, work, shift);
  }

  private static void fold(Call call, GeneralWork work, double shift) {
    work.fold().begin();
    for (long begin = 0; begin < work.row.classes; begin += CHUNK) {
      chunk(call, work, begin, FirstPass.chunkSize(begin, work.row.classes), shift);
      work.fold().add(work.state, work.arithmetic.isWide());
    }
    addSink(call, work, shift);
  }

  /** The last of the fold: taken as it is, less the shift. */
  static void addSink(Call call, GeneralWork work, double shift) {
    if (!has(call.given.sink)) {
      return;
    }
    Arithmetic arithmetic = work.arithmetic;
    double sink = shifted(work, work.row.number(call.given.sink, call.shape.sink), shift);
    double own = arithmetic.reference(sink);
    work.fold().addSink(sink, own, arithmetic.exponential(sink, own));
  }

  /** x - shift. */
  static double shifted(GeneralWork work, double x, double shift) {
    return shift == 0 ? x : work.arithmetic.difference(x, shift);
  }

  /** Makes statistics of the fold. */
  static void close(Call call, GeneralWork work, double shift) {
    GeneralStatistics row = work.statistics;
    row.take(work.fold(), work.arithmetic, work.row.kind, shift, call.options.maskedIsZero());
    if (row.isSpecial() || work.row.kind == Kind.SOFTMAX) {
      return;
    }
    work.targets.countClasses(work.fold().counted);
    row.kind |= Kind.GENERAL;
    row.share = work.targets.share;
    row.pull = targetMass(work);
    double zLoss = call.options.zLoss;
    if (zLoss > 0) {
      row.pull += 2 * zLoss * row.logSumExp(work.arithmetic);
    }
  }

  /** What the targets of the row sum up to. */
  private static double targetMass(GeneralWork work) {
    WeightedTargets targets = work.targets;
    if (work.row.kind != Kind.LABEL) {
      return work.statistics.mass;
    }
    if (targets.labelSumsToOne()) {
      return 1;
    }
    double own = targets.ofLabel();
    return targets.share > 0 ? own + targets.share * weightOfEvenSet(work) : own;
  }

  /** W: the weights of the even set. */
  private static double weightOfEvenSet(GeneralWork work) {
    return work.targets.areWeighted() ? work.fold().mass() : work.targets.evenClasses;
  }
}

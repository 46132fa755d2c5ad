// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.rows;

import static dev.xent.internal.kernels.Array.ENTROPIES;
import static dev.xent.internal.kernels.Array.KEPT;
import static dev.xent.internal.kernels.Array.KEPT_MASK;
import static dev.xent.internal.kernels.Array.LOG_PROBABILITIES;
import static dev.xent.internal.kernels.Array.PROCESSED_LOG_PROBABILITIES;
import static dev.xent.internal.kernels.Array.RANKS;
import static dev.xent.internal.kernels.Array.TARGETS;
import static dev.xent.internal.kernels.Array.TOKENS;
import static dev.xent.internal.kernels.Array.TOP_CLASSES;
import static dev.xent.internal.kernels.Array.TOP_LOG_PROBABILITIES;
import static dev.xent.internal.kernels.reference.call.GivenArrays.has;

import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.call.CallOptions;
import dev.xent.internal.kernels.reference.call.GivenArrays;
import dev.xent.internal.kernels.reference.call.Layout;
import dev.xent.internal.kernels.reference.call.Request;
import dev.xent.internal.kernels.reference.call.Sampling;
import dev.xent.internal.kernels.reference.call.Shape;
import dev.xent.internal.kernels.reference.sample.SampledRow;
import dev.xent.internal.kernels.reference.sum.RowScratch;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Draws a token for each row of a call, and computes the results about it. */
public final class SampleRows {
  private static final long NO_TOKEN = -1;

  private final Request call;
  private final RowScratch work;
  private final CrossEntropyRows crossEntropy;
  private final SampledRow sampled;

  /**
   * @param crossEntropy computes the results about tokens, as about labels
   */
  public SampleRows(CrossEntropyRows crossEntropy) {
    this.crossEntropy = crossEntropy;
    work = crossEntropy.work;
    call = work.call;
    sampled = new SampledRow(work);
  }

  /** Draws the tokens, then computes the results of a cross-entropy with the tokens as labels. */
  public int sample() {
    Sampling options = call.sampling;
    work.begin();
    long counted = 0;
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      if (call.samplesPerRow) {
        options.load(call.given.sampling, row);
      }
      work.row.go(row);
      sampled.sample(row, stream(row), options);
      write();
      counted += sampled.token == NO_TOKEN ? 0 : 1;
    }
    int status = tellOfTokens();
    call.report.validRows = counted;
    return status;
  }

  private long stream(long row) {
    return call.samplesPerRow ? call.sampling.stream : call.sampling.stream + row;
  }

  private void write() {
    GivenArrays given = call.given;
    Shape shape = call.shape;
    work.row.storeClass(sampled.token, given.of(TOKENS), shape.of(TOKENS));
    work.row.storeNumber(
        work.arithmetic.round(sampled.logProbability),
        given.of(PROCESSED_LOG_PROBABILITIES),
        shape.of(PROCESSED_LOG_PROBABILITIES));
    work.row.storeClass(sampled.kept(), given.of(KEPT), shape.of(KEPT));
    if (has(given.of(KEPT_MASK))) {
      writeMask(given.of(KEPT_MASK), shape.of(KEPT_MASK));
    }
  }

  private void writeMask(MemorySegment mask, Layout layout) {
    long at = work.row.at(layout);
    for (long k = 0; k < call.shape.classes; k++) {
      mask.set(ValueLayout.JAVA_BYTE, at + k * layout.classes, (byte) 0);
    }
    for (int i = 0; i < sampled.kept(); i++) {
      mask.set(ValueLayout.JAVA_BYTE, at + sampled.clazz(i) * layout.classes, (byte) 1);
    }
  }

  /**
   * Computes the results about the tokens. A row without a token is a row with an ignored label.
   */
  private int tellOfTokens() {
    GivenArrays given = call.given;
    if (!has(given.of(LOG_PROBABILITIES))
        && !has(given.of(RANKS))
        && !has(given.of(ENTROPIES))
        && !has(given.of(TOP_CLASSES))
        && !has(given.of(TOP_LOG_PROBABILITIES))) {
      return Status.OK;
    }
    CallOptions options = call.options;
    given.set(TARGETS, given.of(TOKENS));
    call.shape.of(TARGETS).take(call.shape.of(TOKENS));
    call.shape.targetCount = 0; // it was the number of tokens with a bias
    options.hasIgnoreIndex = 1;
    options.ignoreIndex = NO_TOKEN;
    double softcap = options.softcap;
    long begin = call.rowBegin;
    long end = call.rowEnd;
    int status = Status.OK;
    for (long row = begin; row < end && status == Status.OK; row = call.rowEnd) {
      double scale = scale(row);
      options.softcap = softcap / scale;
      options.temperature = scale == 1 ? 0 : 1 / scale;
      call.rowBegin = row;
      call.rowEnd = endOfScale(row, end);
      status = crossEntropy.forward();
    }
    call.rowBegin = begin;
    call.rowEnd = end;
    return status;
  }

  /** The scale of a row, which is a softcap and a temperature of cross-entropy. */
  private double scale(long row) {
    if (call.samplesPerRow) {
      call.sampling.load(call.given.sampling, row);
    }
    return call.sampling.scale();
  }

  /** The first row after another one that has another scale, at most {@code end}. */
  private long endOfScale(long row, long end) {
    if (!call.samplesPerRow) {
      return end;
    }
    double scale = scale(row);
    long next = row + 1;
    while (next < end && scale(next) == scale) {
      next++;
    }
    return next;
  }
}

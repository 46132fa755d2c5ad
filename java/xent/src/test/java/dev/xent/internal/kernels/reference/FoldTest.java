// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Arguments.NULL;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.PlainKernels;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.math.Constants;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

/** A row has one result with all cuts at chunk boundaries and all orders of its parts. */
class FoldTest {
  private static final int LONGEST = 4 * Constants.CHUNK;

  private final PlainKernels kernels = new PlainKernels(new ReferenceKernels());

  private static float[] row(Random random, int classes, float scale) {
    float[] row = new float[classes];
    for (int i = 0; i < classes; i++) {
      row[i] = (float) random.nextGaussian() * scale;
    }
    return row;
  }

  /** Cuts [0, classes) at some of the chunk boundaries, and shuffles the pieces. */
  private static List<long[]> cut(Random random, long classes) {
    List<long[]> pieces = new ArrayList<>();
    long begin = 0;
    for (long end = Constants.CHUNK; end < classes; end += Constants.CHUNK) {
      if (random.nextBoolean()) {
        pieces.add(new long[] {begin, end});
        begin = end;
      }
    }
    pieces.add(new long[] {begin, classes});
    Collections.shuffle(pieces, random);
    return pieces;
  }

  @Property(tries = 60)
  void crossEntropyInParts(
      @ForAll long seed,
      @ForAll @IntRange(min = 1, max = LONGEST) int classes,
      @ForAll @IntRange(min = 0, max = 2) int size,
      @ForAll boolean smoothed) {
    Random random = new Random(seed);
    try (Arena arena = Arena.ofConfined()) {
      Arguments call = new Arguments(arena, 1, classes).smoothing(smoothed ? 0.1 : 0);
      MemorySegment x = call.floats(row(random, classes, new float[] {1, 30, 20000}[size]));
      MemorySegment label = call.labels(random.nextInt(classes));
      Results whole = whole(call, x, label);
      Results parts = inParts(random, call, x, label);
      assertThat(parts.loss.mismatch(whole.loss)).isEqualTo(-1);
      assertThat(parts.logSumExp.mismatch(whole.logSumExp)).isEqualTo(-1);
      assertThat(parts.hit.mismatch(whole.hit)).isEqualTo(-1);
      assertThat(parts.statistics.mismatch(whole.statistics)).isEqualTo(-1);
      assertThat(parts.gradient.mismatch(whole.gradient)).isEqualTo(-1);
    }
  }

  private record Results(
      MemorySegment loss,
      MemorySegment logSumExp,
      MemorySegment hit,
      MemorySegment statistics,
      MemorySegment gradient) {
    Results(Arguments call, MemorySegment gradient) {
      this(call.perRow(), call.perRow(), call.correct(), call.statistics(), gradient);
    }
  }

  private Results whole(Arguments call, MemorySegment x, MemorySegment label) {
    Results to = new Results(call, call.elements());
    int status =
        kernels.crossEntropyForward(
            call.shape,
            call.options,
            0,
            1,
            x,
            label,
            to.loss,
            to.logSumExp,
            to.hit,
            to.gradient,
            to.statistics,
            NULL,
            call.report);
    assertThat(status).isEqualTo(Status.OK);
    return to;
  }

  /** The gradient overwrites the logits. */
  private Results inParts(Random random, Arguments call, MemorySegment x, MemorySegment label) {
    Results to = new Results(call, x);
    MemorySegment states = call.states();
    states(random, call, x, label, NULL, states);
    finish(call, states, label, 0, to);
    if (xent_report.unfinished(call.report) > 0) {
      states(random, call, x, label, to.statistics, states);
      finish(call, states, label, 1, to);
    }
    for (long[] piece : cut(random, call.classes)) {
      kernels.crossEntropyBackward(
          call.shape,
          call.options,
          0,
          1,
          piece[0],
          piece[1],
          x,
          label,
          to.statistics,
          NULL,
          x,
          call.report);
    }
    return to;
  }

  private void states(
      Random random,
      Arguments call,
      MemorySegment x,
      MemorySegment label,
      MemorySegment statistics,
      MemorySegment states) {
    for (long[] piece : cut(random, call.classes)) {
      int status =
          kernels.forwardStates(
              call.shape,
              call.options,
              0,
              1,
              piece[0],
              piece[1],
              x,
              label,
              statistics,
              states,
              call.report);
      assertThat(status).isEqualTo(Status.OK);
    }
  }

  private void finish(
      Arguments call, MemorySegment states, MemorySegment label, int secondRound, Results to) {
    int status =
        kernels.finish(
            call.shape,
            call.options,
            0,
            1,
            states,
            label,
            secondRound,
            to.statistics,
            to.loss,
            to.logSumExp,
            to.hit,
            NULL,
            call.report);
    assertThat(status).isEqualTo(Status.OK);
  }

  @Property(tries = 60)
  void backwardInParts(
      @ForAll long seed,
      @ForAll @IntRange(min = 1, max = LONGEST) int classes,
      @ForAll boolean logarithms) {
    Random random = new Random(seed);
    try (Arena arena = Arena.ofConfined()) {
      Arguments call = new Arguments(arena, 1, classes);
      MemorySegment y = call.floats(row(random, classes, 3));
      MemorySegment dy = call.floats(row(random, classes, 1));
      MemorySegment whole = call.elements();
      backward(call, new long[] {0, classes}, y, dy, NULL, whole, logarithms);

      MemorySegment states = call.states();
      for (long[] piece : cut(random, classes)) {
        kernels.backwardStates(
            call.shape,
            call.options,
            0,
            1,
            piece[0],
            piece[1],
            logarithms ? NULL : y,
            dy,
            states,
            call.report);
      }
      Results sum = new Results(NULL, NULL, NULL, call.statistics(), dy);
      finish(call, states, NULL, 0, sum);
      for (long[] piece : cut(random, classes)) {
        backward(call, piece, y, dy, sum.statistics, dy, logarithms);
      }
      assertThat(dy.mismatch(whole)).isEqualTo(-1);
    }
  }

  private void backward(
      Arguments call,
      long[] range,
      MemorySegment y,
      MemorySegment dy,
      MemorySegment statistics,
      MemorySegment dx,
      boolean logarithms) {
    int status =
        logarithms
            ? kernels.logSoftmaxBackward(
                call.shape,
                call.options,
                0,
                1,
                range[0],
                range[1],
                y,
                dy,
                statistics,
                dx,
                call.report)
            : kernels.softmaxBackward(
                call.shape,
                call.options,
                0,
                1,
                range[0],
                range[1],
                y,
                dy,
                statistics,
                dx,
                call.report);
    assertThat(status).isEqualTo(Status.OK);
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Arguments.NULL;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.PlainKernels;
import dev.xent.internal.kernels.Records;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.call.Kind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What becomes of rows that are not numbers, not counted or not contiguous. */
class EdgesTest {
  private static final long AT_DIGEST = 4;

  private static final float INFINITY = Float.POSITIVE_INFINITY;
  private static final float NAN = Float.NaN;

  private final PlainKernels kernels = new PlainKernels(new ReferenceKernels());
  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void close() {
    arena.close();
  }

  private final class CrossEntropy {
    final Arguments call;
    final MemorySegment losses;
    final MemorySegment logSumExp;
    final MemorySegment hits;
    final MemorySegment gradient;
    final MemorySegment exactSum = Arguments.exactSum(arena);
    final int status;

    CrossEntropy(Arguments call, MemorySegment x, MemorySegment targets, boolean withHits) {
      this.call = call;
      losses = call.perRow();
      logSumExp = call.perRow();
      hits = withHits ? call.correct() : NULL;
      gradient = call.elements();
      status =
          kernels.crossEntropyForward(
              call.shape,
              call.options,
              0,
              call.rows,
              x,
              targets,
              losses,
              logSumExp,
              hits,
              gradient,
              NULL,
              exactSum,
              call.report);
    }

    byte[] hitBytes() {
      return hits.toArray(ValueLayout.JAVA_BYTE);
    }
  }

  private CrossEntropy labels(Arguments call, float[] x, long... labels) {
    CrossEntropy result = new CrossEntropy(call, call.floats(x), call.labels(labels), true);
    assertThat(result.status).isEqualTo(Status.OK);
    return result;
  }

  private CrossEntropy probabilities(Arguments call, float[] x, float... q) {
    CrossEntropy result =
        new CrossEntropy(call.withProbabilities(), call.floats(x), call.floats(q), false);
    assertThat(result.status).isEqualTo(Status.OK);
    return result;
  }

  private static void assertCanonicalNan(MemorySegment segment) {
    assertThat(Arguments.toBits(segment)).containsOnly(0x7fc00000);
  }

  @Test
  void anIgnoredRowIsNotReadAndCountsForNothing() {
    Arguments call = new Arguments(arena, 2, 2).ignoring(1);
    CrossEntropy result = labels(call, new float[] {NAN, INFINITY, 0, 0}, 1, 0);
    assertThat(Arguments.toBits(result.losses)[0]).isZero();
    assertThat(Arguments.toFloats(result.logSumExp)[0]).isNaN();
    assertThat(Arguments.toBits(result.gradient)).startsWith(0, 0);
    assertThat(result.hitBytes()).containsExactly(0, 1);
    assertThat(xent_report.valid_rows(call.report)).isEqualTo(1);
    assertThat(xent_report.denominator(call.report)).isEqualTo(1);
    assertThat(kernels.exactSumValue(result.exactSum)).isEqualTo((double) (float) Math.log(2));
  }

  @Test
  void aHitIsTheFirstOfTheLargest() {
    Arguments call = new Arguments(arena, 4, 3);
    float[] x = {1, 1, 0, 1, 1, 0, 0, -0f, -0f, NAN, 1, 2};
    CrossEntropy result = labels(call, x, 0, 1, 0, 2);
    assertThat(result.hitBytes()).containsExactly(1, 0, 1, 0);
  }

  @Test
  void aFullyMaskedRowByEitherPolicy() {
    float[] x = {-INFINITY, -INFINITY, -INFINITY, NAN};
    CrossEntropy zero = labels(new Arguments(arena, 2, 2).maskedIsZero(), x, 0, 0);
    assertThat(Arguments.toBits(zero.losses)).containsExactly(0, 0x7fc00000);
    assertThat(Arguments.toFloats(zero.logSumExp)).containsExactly(-INFINITY, NAN);
    assertThat(Arguments.toBits(zero.gradient)).containsExactly(0, 0, 0x7fc00000, 0x7fc00000);
    assertThat(zero.hitBytes()).containsExactly(0, 0);

    CrossEntropy nan = labels(new Arguments(arena, 2, 2), x, 0, 0);
    assertCanonicalNan(nan.losses);
    assertCanonicalNan(nan.logSumExp);
    assertCanonicalNan(nan.gradient);
  }

  @Test
  void fullyMaskedSoftmax() {
    Arguments call = new Arguments(arena, 1, 2).maskedIsZero();
    MemorySegment x = call.floats(-INFINITY, -INFINITY);
    MemorySegment y = call.elements();
    kernels.softmaxForward(call.shape, call.options, 0, 1, 0, 2, x, NULL, y, call.report);
    assertThat(Arguments.toBits(y)).containsOnly(0);
    kernels.logSoftmaxForward(call.shape, call.options, 0, 1, 0, 2, x, NULL, y, call.report);
    assertThat(Arguments.toFloats(y)).containsOnly(-INFINITY);
  }

  @Test
  void smoothingOverAMaskedClassIsInfinite() {
    Arguments call = new Arguments(arena, 1, 3).smoothing(0.1);
    CrossEntropy result = labels(call, new float[] {1, 2, -INFINITY}, 0);
    assertThat(Arguments.toFloats(result.losses)).containsExactly(INFINITY);
  }

  @Test
  void smoothingMixesWithTheMeanOfAllClasses() {
    float[] x = {1, 2, 4};
    double lse = Math.log(Math.exp(1) + Math.exp(2) + Math.exp(4));
    double mean = lse - (1 + 2 + 4) / 3.0;
    CrossEntropy some = labels(new Arguments(arena, 1, 3).smoothing(0.3), x, 1);
    float expected = (float) (0.7 * (lse - 2) + 0.3 * mean);
    assertThat(Arguments.toFloats(some.losses)).containsExactly(expected);
    CrossEntropy all = labels(new Arguments(arena, 1, 3).smoothing(1), x, 1);
    assertThat(Arguments.toFloats(all.losses)).containsExactly((float) mean);
  }

  @Test
  void aOneHotRowIsAlmostItsLabel() {
    float[] x = {1, 2, 4};
    float byLabel = Arguments.toFloats(labels(new Arguments(arena, 1, 3), x, 1).losses)[0];
    CrossEntropy oneHot = probabilities(new Arguments(arena, 1, 3), x, 0, 1, 0);
    assertThat(Arguments.toFloats(oneHot.losses)[0])
        .isCloseTo(byLabel, org.assertj.core.api.Assertions.within(Math.ulp(byLabel)));
  }

  @Test
  void aTargetOfZeroHidesItsLogit() {
    CrossEntropy result =
        probabilities(new Arguments(arena, 1, 3), new float[] {0, 0, -INFINITY}, 0.5f, 0.5f, 0);
    assertThat(Arguments.toFloats(result.losses)).containsExactly((float) Math.log(2));
    assertThat(Arguments.toBits(result.gradient)).containsExactly(0, 0, 0);
  }

  @Test
  void targetsThatAreNoNumbersMakeTheRowNan() {
    float[] x = {0, 1, 0, 1};
    CrossEntropy result =
        probabilities(new Arguments(arena, 2, 2), x, 0.5f, Float.intBitsToFloat(0xffc00001), 0, 1);
    assertThat(Arguments.toBits(result.losses)[0]).isEqualTo(0x7fc00000);
    assertThat(Arguments.toBits(result.gradient)).startsWith(0x7fc00000, 0x7fc00000);
    assertThat(Arguments.toFloats(result.losses)[1]).isPositive();
  }

  @Test
  void anInfiniteUpstreamGivesCanonicalNans() {
    Arguments call = new Arguments(arena, 1, 2);
    Arguments.layout(call.shape.layout(Array.UPSTREAM), 1, 0, 1, XentH.XENT_F32());
    MemorySegment x = call.floats(0, -INFINITY);
    MemorySegment label = call.labels(0);
    MemorySegment statistics = call.statistics();
    kernels.crossEntropyForward(
        call.shape,
        call.options,
        0,
        1,
        x,
        label,
        NULL,
        NULL,
        NULL,
        NULL,
        statistics,
        NULL,
        call.report);
    kernels.crossEntropyBackward(
        call.shape,
        call.options,
        0,
        1,
        0,
        2,
        x,
        label,
        statistics,
        call.floats(-INFINITY),
        x,
        call.report);
    assertCanonicalNan(x);
  }

  @Test
  void oneClass() {
    Arguments call = new Arguments(arena, 3, 1);
    CrossEntropy result = labels(call, new float[] {5, -1e30f, 0}, 0, 0, 0);
    assertThat(Arguments.toBits(result.losses)).containsOnly(0);
    assertThat(Arguments.toFloats(result.gradient)).containsOnly(0f);
  }

  @Test
  void oneClassWithAProbabilityRow() {
    float[] q = {1, 0.3f, -2};
    CrossEntropy result = probabilities(new Arguments(arena, 3, 1), new float[] {5, -7, 0.1f}, q);
    float[] gradient = Arguments.toFloats(result.gradient);
    for (int row = 0; row < 3; row++) {
      assertThat(Arguments.toFloats(result.losses)[row]).isZero();
      assertThat(Math.abs(gradient[row])).isLessThanOrEqualTo(Math.ulp(q[row]));
    }
  }

  @Test
  void aScaleThatIsNotSetIsOneAndMinusZeroIsZero() {
    float[] x = {1, 2, 4};
    int[] one = Arguments.toBits(labels(new Arguments(arena, 1, 3).scale(1), x, 1).gradient);
    int[] unset = Arguments.toBits(labels(new Arguments(arena, 1, 3).scale(0), x, 1).gradient);
    assertThat(unset).isEqualTo(one);
    float[] zero =
        Arguments.toFloats(labels(new Arguments(arena, 1, 3).scale(-0.0), x, 1).gradient);
    assertThat(zero).containsExactly(0f, -0f, 0f);
  }

  /** The sum of the targets is so small that the gradient is carried, and two targets are large. */
  @Test
  void largeTargetsWhoseSumIsTiny() {
    float[] q = {1e10f, 1e-39f, -1e10f};
    CrossEntropy result = probabilities(new Arguments(arena, 1, 3), new float[3], q);
    float[] gradient = Arguments.toFloats(result.gradient);
    assertThat(gradient[0]).isEqualTo(-1e10f);
    assertThat(gradient[1]).isEqualTo((float) (1e-39f * (1 / 3.0 - 1)));
    assertThat(gradient[2]).isEqualTo(1e10f);
  }

  /** When c q' passes 2^30, one form replaces the other without a step. */
  @Test
  void largeTargetsAroundTheBound() {
    for (float large : new float[] {0x1.fffffep29f, 0x1p30f, 0x1p32f, 0x1p100f, 3e38f}) {
      float[] q = {large, 0x1p-130f, -large, 0};
      CrossEntropy result = probabilities(new Arguments(arena, 1, 4), new float[4], q);
      assertThat(Arguments.toFloats(result.gradient))
          .containsExactly(-large, -0.75f * 0x1p-130f, large, 0x1p-132f);
    }
  }

  @Test
  void largeTargetsTimesALargeScaleOverflowToInfinity() {
    float[] q = {0x1p100f, 0x1p-149f, -0x1p100f};
    Arguments call = new Arguments(arena, 1, 3).scale(0x1p30);
    float[] gradient = Arguments.toFloats(probabilities(call, new float[3], q).gradient);
    assertThat(gradient[0]).isEqualTo(-INFINITY);
    assertThat(gradient[1]).isNegative().isFinite();
    assertThat(gradient[2]).isEqualTo(INFINITY);
  }

  @Test
  void everyLabelTypeAndStride() {
    float[] x = {1, 2, 3, 3, 1, 2};
    float[] expected = Arguments.toFloats(labels(new Arguments(arena, 2, 3), x, 2, 1).losses);
    assertThat(typed(x, XentH.XENT_I8(), MemorySegment.ofArray(new byte[] {2, 9, 1})))
        .containsExactly(expected);
    assertThat(typed(x, XentH.XENT_U8(), MemorySegment.ofArray(new byte[] {2, 9, 1})))
        .containsExactly(expected);
    assertThat(typed(x, XentH.XENT_I16(), MemorySegment.ofArray(new short[] {2, 9, 1})))
        .containsExactly(expected);
    assertThat(typed(x, XentH.XENT_I32(), MemorySegment.ofArray(new int[] {2, 9, 1})))
        .containsExactly(expected);
    assertThat(typed(x, XentH.XENT_I64(), MemorySegment.ofArray(new long[] {2, 9, 1})))
        .containsExactly(expected);
  }

  private float[] typed(float[] x, int type, MemorySegment labels) {
    Arguments call = new Arguments(arena, 2, 3);
    Arguments.layout(call.shape.layout(Array.TARGETS), 2, 0, 1, type);
    CrossEntropy result = new CrossEntropy(call, call.floats(x), labels, true);
    assertThat(result.status).isEqualTo(Status.OK);
    return Arguments.toFloats(result.losses);
  }

  @Test
  void columnsGiveWhatRowsGive() {
    float[] rows = {1, 2, 3, -4, 5, 6};
    float[] columns = {1, -4, 2, 5, 3, 6};
    Arguments call = new Arguments(arena, 2, 3);
    MemorySegment y = call.elements();
    kernels.softmaxForward(
        call.shape, call.options, 0, 2, 0, 3, call.floats(rows), NULL, y, call.report);

    Arguments transposed = new Arguments(arena, 1, 3);
    transposed.shape.inner = 2;
    Arguments.layout(transposed.shape.layout(Array.LOGITS), 6, 2, 1, XentH.XENT_F32());
    Arguments.layout(transposed.shape.layout(Array.OUTPUT), 6, 2, 1, XentH.XENT_F32());
    MemorySegment onHeap = MemorySegment.ofArray(columns);
    int status =
        kernels.softmaxForward(
            transposed.shape,
            transposed.options,
            0,
            2,
            0,
            3,
            onHeap,
            NULL,
            onHeap,
            transposed.report);
    assertThat(status).isEqualTo(Status.OK);
    float[] expected = Arguments.toFloats(y);
    for (int i = 0; i < 3; i++) {
      assertThat(columns[2 * i]).isEqualTo(expected[i]);
      assertThat(columns[2 * i + 1]).isEqualTo(expected[3 + i]);
    }
  }

  @Test
  void onlyTheRowsOfTheRangeAreTouched() {
    Arguments call = new Arguments(arena, 3, 2);
    MemorySegment y = call.floats(7, 7, 7, 7, 7, 7);
    MemorySegment x = call.floats(1, 1, 2, 2, 3, 3);
    kernels.softmaxForward(call.shape, call.options, 1, 2, 0, 2, x, NULL, y, call.report);
    assertThat(Arguments.toFloats(y)).containsExactly(7, 7, 0.5f, 0.5f, 7, 7);
  }

  @Test
  void statisticsOfSpecialRowsHoldNothingButTheirKindAndDigest() {
    Arguments call = new Arguments(arena, 3, 2).ignoring(-100).maskedIsZero();
    MemorySegment statistics = call.statistics();
    kernels.crossEntropyForward(
        call.shape,
        call.options,
        0,
        3,
        call.floats(NAN, 1, -INFINITY, -INFINITY, 1, 2),
        call.labels(0, 0, -100),
        NULL,
        NULL,
        NULL,
        NULL,
        statistics,
        NULL,
        call.report);
    int[] kinds = {Kind.NAN_ROW, Kind.MASKED_ROW, Kind.IGNORED_ROW};
    MemorySegment expected = call.statistics();
    for (int row = 0; row < 3; row++) {
      expected.set(ValueLayout.JAVA_INT, row * Records.STATISTICS, Kind.LABEL | kinds[row]);
      int digest = statistics.get(ValueLayout.JAVA_INT, AT_DIGEST);
      expected.set(ValueLayout.JAVA_INT, row * Records.STATISTICS + AT_DIGEST, digest);
    }
    assertThat(statistics.mismatch(expected)).isEqualTo(-1);
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Arguments.NULL;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Field;
import dev.xent.internal.kernels.PlainKernels;
import dev.xent.internal.kernels.Records;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.math.Constants;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Rows in parts: which states and statistics are rejected, which row the report names, and that
 * nothing of a rejected row is written. A row has two chunks; the second one has three classes.
 */
class PartsTest {
  private static final int CLASSES = Constants.CHUNK + 3;
  private static final long AT_DIGEST = 4; // of statistics
  private static final int VERSION_BIT = XentH.XENT_NUMERICS_VERSION() << 16;

  private final PlainKernels kernels = new PlainKernels(new ReferenceKernels());
  private final Arena arena = Arena.ofConfined();
  private final Arguments call = new Arguments(arena, 2, CLASSES);
  private final MemorySegment x = call.elements();
  private final MemorySegment labels = call.labels(5, Constants.CHUNK + 1);
  private final MemorySegment states = call.states();
  private final MemorySegment statistics = call.statistics();
  private final MemorySegment losses = call.perRow();
  private final MemorySegment output = call.elements();

  @BeforeEach
  void fill() {
    for (long i = 0; i < 2L * CLASSES; i++) {
      x.setAtIndex(ValueLayout.JAVA_FLOAT, i, i % 7);
    }
    output.fill((byte) 0x55);
  }

  @AfterEach
  void close() {
    arena.close();
  }

  private MemorySegment state(long row, long chunk) {
    return states.asSlice((2 * row + chunk) * Records.STATE, Records.STATE);
  }

  private MemorySegment statisticsOf(long row) {
    return statistics.asSlice(row * Records.STATISTICS, Records.STATISTICS);
  }

  private static int kindOf(MemorySegment struct) {
    return struct.get(ValueLayout.JAVA_INT, 0);
  }

  private static void setKind(MemorySegment struct, int kind) {
    struct.set(ValueLayout.JAVA_INT, 0, kind);
  }

  private static int digestOf(MemorySegment statistics) {
    return statistics.get(ValueLayout.JAVA_INT, AT_DIGEST);
  }

  private static void setReference(MemorySegment state, float reference) {
    state.set(ValueLayout.JAVA_FLOAT, 4, reference);
  }

  private int kind(long row, long chunk) {
    return kindOf(state(row, chunk));
  }

  private int kindOfStatistics(long row) {
    return kindOf(statisticsOf(row));
  }

  private void forwardStates(MemorySegment targets, MemorySegment known) {
    assertThat(
            kernels.forwardStates(
                call.shape, call.options, 0, 2, 0, CLASSES, x, targets, known, states, call.report))
        .isEqualTo(Status.OK);
  }

  /** States of a softmax backward, or of log-softmax if {@code output} is NULL. */
  private void backwardStates(MemorySegment output) {
    assertThat(
            kernels.backwardStates(
                call.shape, call.options, 0, 2, 0, CLASSES, output, x, states, call.report))
        .isEqualTo(Status.OK);
  }

  private int finish(MemorySegment targets, int secondRound) {
    MemorySegment toLosses = targets.equals(NULL) ? NULL : losses;
    return finish(targets, secondRound, toLosses, NULL, NULL, NULL);
  }

  private int finish(
      MemorySegment targets,
      int secondRound,
      MemorySegment toLosses,
      MemorySegment toLogSumExp,
      MemorySegment toHits,
      MemorySegment exactSum) {
    return kernels.finish(
        call.shape,
        call.options,
        0,
        2,
        states,
        targets,
        secondRound,
        statistics,
        toLosses,
        toLogSumExp,
        toHits,
        exactSum,
        call.report);
  }

  private void assertRefused(int status, int field, long row) {
    assertThat(status).isEqualTo(Status.INVALID_ARGUMENT);
    assertThat(xent_report.field(call.report)).isEqualTo(field);
    assertThat(xent_report.row(call.report)).isEqualTo(row);
  }

  /** The second row is rejected: the first is written and the second is not. */
  private void assertSecondRowRefused(MemorySegment targets, int secondRound) {
    statistics.asSlice(Records.STATISTICS).fill((byte) 0x55);
    setKind(statisticsOf(1), 0x55550055 | (secondRound == 1 ? 0x8000 : 0));
    MemorySegment before = arena.allocate(Records.STATISTICS, 8);
    before.copyFrom(statistics.asSlice(Records.STATISTICS));
    assertRefused(finish(targets, secondRound), Field.STATES, 1);
    assertThat(kindOfStatistics(0) & Kind.MASK).isBetween(Kind.SOFTMAX, Kind.BACKWARD);
    assertThat(before.mismatch(statistics.asSlice(Records.STATISTICS))).isEqualTo(-1);
  }

  /** Makes one class of each row so large that a second round is needed. */
  private void makeLarge() {
    x.setAtIndex(ValueLayout.JAVA_FLOAT, 1, 20000);
    x.setAtIndex(ValueLayout.JAVA_FLOAT, CLASSES + 1, 30000);
  }

  // ---- what the bits of kind are ---------------------------------------------------------------

  @Test
  void aStateCarriesItsKindTheVersionAndWhereTheLabelIs() {
    forwardStates(NULL, NULL);
    assertThat(kind(0, 0)).isEqualTo(VERSION_BIT | Kind.SOFTMAX);
    backwardStates(NULL);
    assertThat(kind(1, 1)).isEqualTo(VERSION_BIT | Kind.BACKWARD);
    forwardStates(labels, NULL);
    assertThat(kind(0, 0)).isEqualTo(VERSION_BIT | Kind.LABEL | 0x100);
    assertThat(kind(0, 1)).isEqualTo(VERSION_BIT | Kind.LABEL);
    assertThat(kind(1, 0)).isEqualTo(VERSION_BIT | Kind.LABEL);
    call.ignoring(5);
    forwardStates(labels, NULL);
    assertThat(kind(0, 0)).isEqualTo(VERSION_BIT | Kind.LABEL);
    assertThat(kind(0, 1)).isEqualTo(VERSION_BIT | Kind.LABEL);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theSecondRoundIsMarkedUntilItIsFinished(boolean withLabels) {
    MemorySegment targets = withLabels ? labels : NULL;
    int kind = withLabels ? Kind.LABEL : Kind.SOFTMAX;
    x.setAtIndex(ValueLayout.JAVA_FLOAT, 1, -20000);
    x.setAtIndex(ValueLayout.JAVA_FLOAT, CLASSES + 1, 30000);
    forwardStates(targets, NULL);
    assertThat(finish(targets, 0)).isEqualTo(Status.OK);
    assertThat(xent_report.unfinished(call.report)).isEqualTo(1);
    MemorySegment unfinished = arena.allocate(Records.STATISTICS, Records.ALIGNMENT);
    unfinished.set(ValueLayout.JAVA_DOUBLE, 16, 30000);
    setKind(unfinished, kind | 0x8000);
    unfinished.set(ValueLayout.JAVA_INT, AT_DIGEST, digestOf(statisticsOf(0)));
    assertThat(statistics.asSlice(Records.STATISTICS).mismatch(unfinished)).isEqualTo(-1);
    assertThat(kindOfStatistics(0)).isEqualTo(kind);

    states.asSlice(0, 2 * Records.STATE).fill((byte) 0x55);
    forwardStates(targets, statistics);
    assertThat(states.asSlice(0, 2 * Records.STATE).toArray(ValueLayout.JAVA_BYTE))
        .as("a finished row is left alone")
        .containsOnly(0x55);
    assertThat(kind(1, 0)).isEqualTo(VERSION_BIT | kind | 0x400);
    assertThat(finish(targets, 1)).isEqualTo(Status.OK);
    assertThat(kindOfStatistics(0)).isEqualTo(kind);
    assertThat(kindOfStatistics(1)).isEqualTo(kind);
    assertThat(statisticsOf(1).get(ValueLayout.JAVA_DOUBLE, 16)).isEqualTo(30000f);
  }

  // ---- states that do not fit ------------------------------------------------------------------

  @Test
  void statesOfAnotherKind() {
    assertRefused(finish(NULL, 0), Field.STATES, 0);
    forwardStates(NULL, NULL);
    assertThat(finish(NULL, 0)).isEqualTo(Status.OK);
    assertRefused(finish(labels, 0), Field.STATES, 0);
    backwardStates(NULL);
    assertThat(finish(NULL, 0)).isEqualTo(Status.OK);
    assertRefused(finish(labels, 0), Field.STATES, 0);
    forwardStates(labels, NULL);
    assertThat(finish(labels, 0)).isEqualTo(Status.OK);
    assertRefused(finish(NULL, 0), Field.STATES, 0);
    call.withProbabilities();
    assertRefused(finish(x, 0), Field.STATES, 0);
  }

  @Test
  void statesOfMixedKinds() {
    forwardStates(NULL, NULL);
    setKind(state(1, 1), VERSION_BIT | Kind.BACKWARD);
    assertSecondRowRefused(NULL, 0);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 2, 0x101, 0xffff})
  void statesOfAnotherNumericsVersion(int version) {
    forwardStates(labels, NULL);
    setKind(state(1, 0), version << 16 | Kind.LABEL);
    assertSecondRowRefused(labels, 0);
    backwardStates(NULL);
    setKind(state(1, 1), version << 16 | Kind.BACKWARD);
    assertSecondRowRefused(NULL, 0);
  }

  @Test
  void anIgnoredRowAlsoNeedsStatesOfThisVersion() {
    call.ignoring(Constants.CHUNK + 1);
    forwardStates(labels, NULL);
    assertThat(finish(labels, 0)).isEqualTo(Status.OK);
    assertThat(kindOfStatistics(1)).isEqualTo(Kind.LABEL | Kind.IGNORED_ROW);
    setKind(state(1, 0), Kind.LABEL);
    assertSecondRowRefused(labels, 0);
  }

  @Test
  void anIgnoredRowNeedsNothingElseOfItsStates() {
    forwardStates(labels, NULL);
    call.ignoring(Constants.CHUNK + 1);
    setReference(state(1, 0), Float.NaN);
    assertThat(finish(labels, 0)).isEqualTo(Status.OK);
    assertThat(xent_report.valid_rows(call.report)).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void aReferenceThatIsNotFinite(float reference) {
    forwardStates(NULL, NULL);
    setReference(state(1, 1), reference);
    assertSecondRowRefused(NULL, 0);
    forwardStates(labels, NULL);
    setReference(state(1, 0), reference);
    assertSecondRowRefused(labels, 0);
  }

  @Test
  void rowsOfAnyNumbersHaveFiniteReferences() {
    float[] values = {
      Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.NaN, Float.MAX_VALUE, -Float.MAX_VALUE
    };
    for (float value : values) {
      for (long i = 0; i < CLASSES; i++) {
        x.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
      }
      forwardStates(labels, NULL);
      assertThat(finish(labels, 0)).as("" + value).isEqualTo(Status.OK);
      if (xent_report.unfinished(call.report) > 0) {
        forwardStates(labels, statistics);
        assertThat(finish(labels, 1)).as("" + value).isEqualTo(Status.OK);
      }
    }
  }

  @Test
  void statesOfTheOtherRound() {
    makeLarge();
    forwardStates(NULL, NULL);
    assertThat(finish(NULL, 0)).isEqualTo(Status.OK);
    assertThat(xent_report.unfinished(call.report)).isEqualTo(2);
    assertRefused(finish(NULL, 1), Field.STATES, 0);
    forwardStates(NULL, statistics);
    assertRefused(finish(NULL, 0), Field.STATES, 0);
    int second = kind(1, 0);
    setKind(state(1, 0), second & ~Kind.SHIFTED);
    assertSecondRowRefused(NULL, 1);
  }

  @Test
  void theSecondRoundOfABackwardFindsNothingToDo() {
    backwardStates(NULL);
    assertThat(finish(NULL, 0)).isEqualTo(Status.OK);
    states.fill((byte) 0);
    assertThat(finish(NULL, 1)).isEqualTo(Status.OK);
    assertThat(kindOfStatistics(0)).isEqualTo(Kind.BACKWARD);
  }

  @Test
  void statesOfAnotherLabel() {
    forwardStates(labels, NULL);
    labels.setAtIndex(ValueLayout.JAVA_LONG, 1, 3);
    assertSecondRowRefused(labels, 0);
    labels.setAtIndex(ValueLayout.JAVA_LONG, 1, Constants.CHUNK + 2);
    assertSecondRowRefused(labels, 0);
    labels.setAtIndex(ValueLayout.JAVA_LONG, 1, Constants.CHUNK + 1);
    assertThat(finish(labels, 0)).isEqualTo(Status.OK);
  }

  @Test
  void statesWithTheLabelInTwoChunksOrNone() {
    forwardStates(labels, NULL);
    int first = kind(1, 0);
    int second = kind(1, 1);
    setKind(state(1, 0), first | Kind.LABEL_HERE);
    assertSecondRowRefused(labels, 0);
    setKind(state(1, 0), first);
    setKind(state(1, 1), second & ~Kind.LABEL_HERE);
    assertSecondRowRefused(labels, 0);
    setKind(state(1, 1), second);
    assertThat(finish(labels, 0)).isEqualTo(Status.OK);
  }

  @Test
  void aLabelOutOfRangeIsNamedBeforeItsStates() {
    forwardStates(labels, NULL);
    labels.setAtIndex(ValueLayout.JAVA_LONG, 1, -7);
    setReference(state(1, 0), Float.NaN);
    assertThat(finish(labels, 0)).isEqualTo(Status.INVALID_LABEL);
    assertThat(xent_report.row(call.report)).isEqualTo(1);
    assertThat(xent_report.label(call.report)).isEqualTo(-7);
    setKind(state(1, 0), Kind.LABEL);
    assertRefused(finish(labels, 0), Field.STATES, 1);
  }

  // ---- what finish cannot return ---------------------------------------------------------------

  @Test
  void aBackwardHasNoLogSumExp() {
    backwardStates(NULL);
    statistics.fill((byte) 0x55);
    int status = finish(NULL, 0, NULL, call.perRow(), NULL, NULL);
    assertRefused(status, Field.LOG_SUM_EXP, -1);
    assertThat(statistics.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0x55);
    setKind(state(0, 1), 0);
    status = finish(NULL, 0, NULL, call.perRow(), NULL, NULL);
    assertRefused(status, Field.STATES, 0);
  }

  // ---- statistics that do not fit --------------------------------------------------------------

  /** One call of every function that gets known statistics, on class range [0, end). */
  private int[] statuses(long end, MemorySegment targets) {
    return new int[] {
      kernels.softmaxForward(
          call.shape, call.options, 0, 2, 0, end, x, statistics, output, call.report),
      kernels.logSoftmaxForward(
          call.shape, call.options, 0, 2, 0, end, x, statistics, output, call.report),
      kernels.softmaxBackward(
          call.shape, call.options, 0, 2, 0, end, x, x, statistics, output, call.report),
      kernels.logSoftmaxBackward(
          call.shape, call.options, 0, 2, 0, end, x, x, statistics, output, call.report),
      kernels.crossEntropyBackward(
          call.shape, call.options, 0, 2, 0, end, x, targets, statistics, NULL, output, call.report)
    };
  }

  private void assertFits(MemorySegment targets, boolean... fits) {
    int[] statuses = statuses(Constants.CHUNK, targets);
    for (int i = 0; i < fits.length; i++) {
      assertThat(statuses[i])
          .as("function %d", i)
          .isEqualTo(fits[i] ? Status.OK : Status.INVALID_ARGUMENT);
    }
  }

  @Test
  void everyFunctionTakesStatisticsOfItsKindAlone() {
    forwardStates(NULL, NULL);
    assertThat(finish(NULL, 0)).isEqualTo(Status.OK);
    assertFits(labels, true, true, false, false, false);
    backwardStates(x);
    assertThat(finish(NULL, 0)).isEqualTo(Status.OK);
    assertFits(labels, false, false, true, false, false);
    backwardStates(NULL);
    assertThat(finish(NULL, 0)).isEqualTo(Status.OK);
    assertFits(labels, false, false, false, true, false);
    forwardStates(labels, NULL);
    assertThat(finish(labels, 0)).isEqualTo(Status.OK);
    assertFits(labels, false, false, false, false, true);
    call.withProbabilities();
    assertFits(x, false, false, false, false, false);
    forwardStates(x, NULL);
    assertThat(finish(x, 0)).isEqualTo(Status.OK);
    assertFits(x, false, false, false, false, true);
    Arguments.layout(call.shape.layout(Array.TARGETS), 1, 0, 1, XentH.XENT_I64());
    assertFits(labels, false, false, false, false, false);
  }

  /** What numbers of a row depend on, one after the other; the last that targets alone have. */
  private void setOption(int which) {
    xent_options.temperature(call.options, which == 1 ? 2 : 0);
    xent_options.softcap(call.options, which == 2 ? 5 : 0);
    xent_options.label_smoothing(call.options, which == 3 ? 0.1 : 0);
    xent_options.z_loss(call.options, which == 4 ? 0.1 : 0);
    xent_options.smoothing(call.options, which == 5 ? XentH.XENT_SMOOTHING_OTHERS() : 0);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5})
  void statesAndStatisticsOfOtherOptionsAreRefused(int which) {
    forwardStates(labels, NULL);
    setOption(which);
    assertRefused(finish(labels, 0), Field.STATES, 0);
    setOption(0);
    assertThat(finish(labels, 0)).isEqualTo(Status.OK);
    assertFits(labels, false, false, false, false, true);
    setOption(which);
    assertThat(statuses(CLASSES, labels)[4]).isEqualTo(Status.INVALID_ARGUMENT);
    assertThat(xent_report.field(call.report)).isEqualTo(Field.STATISTICS);
    assertThat(xent_report.row(call.report)).isZero();
  }

  @Test
  void statisticsWithoutTargetsDoNotDependOnTheirOptions() {
    forwardStates(NULL, NULL);
    for (int which = 3; which <= 5; which++) {
      setOption(which);
      assertThat(finish(NULL, 0)).isEqualTo(Status.OK);
      assertFits(labels, true, true);
    }
    xent_options.temperature(call.options, 1);
    assertFits(labels, true, true);
    setOption(1);
    assertFits(labels, false, false);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, Kind.LABEL, Kind.BACKWARD, 5, Kind.SOFTMAX | Kind.UNFINISHED})
  void statisticsAreCheckedBeforeTheFirstStore(int kindOfTheSecond) {
    forwardStates(NULL, NULL);
    assertThat(finish(NULL, 0)).isEqualTo(Status.OK);
    setKind(statisticsOf(1), kindOfTheSecond);
    for (long end : new long[] {CLASSES, Constants.CHUNK, 0}) {
      int status =
          kernels.softmaxForward(
              call.shape, call.options, 0, 2, 0, end, x, statistics, output, call.report);
      assertRefused(status, Field.STATISTICS, 1);
    }
    assertThat(output.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0x55);
    int status =
        kernels.softmaxForward(
            call.shape, call.options, 0, 1, 0, CLASSES, x, statistics, output, call.report);
    assertThat(status).as("rows outside the range do not matter").isEqualTo(Status.OK);
  }

  @Test
  void unfinishedStatisticsAreRefusedEverywhere() {
    makeLarge();
    forwardStates(NULL, NULL);
    assertThat(finish(NULL, 0)).isEqualTo(Status.OK);
    assertFits(labels, false, false, false, false, false);
    forwardStates(labels, NULL);
    assertThat(finish(labels, 0)).isEqualTo(Status.OK);
    assertFits(labels, false, false, false, false, false);
    assertThat(xent_report.row(call.report)).isZero();
    assertThat(output.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0x55);
    forwardStates(labels, statistics);
    assertThat(finish(labels, 1)).isEqualTo(Status.OK);
    assertFits(labels, false, false, false, false, true);
  }

  @Test
  void statisticsOfSpecialRowsFit() {
    x.setAtIndex(ValueLayout.JAVA_FLOAT, 0, Float.NaN);
    call.ignoring(Constants.CHUNK + 1);
    forwardStates(labels, NULL);
    assertThat(finish(labels, 0)).isEqualTo(Status.OK);
    assertFits(labels, false, false, false, false, true);
    assertThat(output.getAtIndex(ValueLayout.JAVA_FLOAT, 0)).isNaN();
    assertThat(output.getAtIndex(ValueLayout.JAVA_FLOAT, CLASSES)).isZero();
  }

  @Test
  void oneClassAndNoClassRangeWritesNothing() {
    Arguments one = new Arguments(arena, 1, 1);
    MemorySegment own = one.statistics();
    MemorySegment logit = one.floats(3);
    MemorySegment y = one.floats(7);
    MemorySegment state = one.states();
    kernels.forwardStates(one.shape, one.options, 0, 1, 0, 1, logit, NULL, NULL, state, one.report);
    kernels.finish(
        one.shape, one.options, 0, 1, state, NULL, 0, own, NULL, NULL, NULL, NULL, one.report);
    for (long end = 0; end < 2; end++) {
      assertThat(
              kernels.softmaxForward(
                  one.shape, one.options, 0, 1, 0, end, logit, own, y, one.report))
          .isEqualTo(Status.OK);
      assertThat(Arguments.toFloats(y)).containsExactly(end == 0 ? 7 : 1);
    }
  }

  // ---- the first of the largest ----------------------------------------------------------------

  private boolean isFirstLargest(float... row) {
    Arguments small = new Arguments(arena, 1, row.length);
    MemorySegment own = small.states();
    MemorySegment label = small.labels(row.length - 1);
    assertThat(
            kernels.forwardStates(
                small.shape,
                small.options,
                0,
                1,
                0,
                row.length,
                small.floats(row),
                label,
                NULL,
                own,
                small.report))
        .isEqualTo(Status.OK);
    return (kindOf(own) & 0x200) != 0;
  }

  @Test
  void theLabelIsMarkedWhereItIsTheFirstOfTheLargest() {
    float nan = Float.NaN;
    float least = Float.NEGATIVE_INFINITY;
    assertThat(isFirstLargest(1)).isTrue();
    assertThat(isFirstLargest(0, 1)).isTrue();
    assertThat(isFirstLargest(nan, nan, 1)).isTrue();
    assertThat(isFirstLargest(least, -5)).isTrue();
    assertThat(isFirstLargest(1, 1)).isFalse();
    assertThat(isFirstLargest(2, 1)).isFalse();
    assertThat(isFirstLargest(-0f, 0f)).isFalse();
    assertThat(isFirstLargest(nan)).isFalse();
    assertThat(isFirstLargest(least)).isTrue();
    assertThat(isFirstLargest(nan, least)).as("a NaN is passed over").isTrue();
    assertThat(isFirstLargest(least, least)).isFalse();
    float[] far = new float[Constants.CHUNK];
    Arrays.fill(far, -1);
    far[Constants.CHUNK - 1] = 0;
    assertThat(isFirstLargest(far)).isTrue();
    far[0] = 0;
    assertThat(isFirstLargest(far)).isFalse();
  }
}

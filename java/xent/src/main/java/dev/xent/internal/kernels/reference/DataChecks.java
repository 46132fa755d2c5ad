// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.Array.BIAS_TOKENS;
import static dev.xent.internal.kernels.Array.DRAFT_PROBABILITIES;
import static dev.xent.internal.kernels.Array.DRAFT_TOKENS;
import static dev.xent.internal.kernels.Array.OUTPUT_TOKENS;
import static dev.xent.internal.kernels.Array.PROMPT_TOKENS;
import static dev.xent.internal.kernels.Array.ROW_OFFSETS;
import static dev.xent.internal.kernels.Array.STATISTICS;
import static dev.xent.internal.kernels.reference.call.GivenArrays.has;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Field;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.call.Layout;
import dev.xent.internal.kernels.reference.sum.Digest;
import dev.xent.internal.kernels.reference.sum.Statistics;
import java.lang.foreign.MemorySegment;

/**
 * Checks the contents of a call's arrays before anything is stored: offsets, statistics and tokens.
 * All other arguments are valid: the plans reject invalid ones, and the C API has separate checks.
 */
final class DataChecks {
  private static final long NO_TOKEN = -1;

  private DataChecks() {}

  static int check(ReferenceCall call) {
    int status = checkOffsets(call);
    if (status != Status.OK) {
      return status;
    }
    return switch (call.function) {
      case SOFTMAX, LOG_SOFTMAX -> checkStatistics(call, Kind.SOFTMAX, Digest.of(call));
      case SOFTMAX_BACKWARD, LOG_SOFTMAX_BACKWARD -> {
        boolean log = call.function == Function.LOG_SOFTMAX_BACKWARD;
        yield checkStatistics(call, Kind.BACKWARD, Digest.ofBackward(log));
      }
      case CROSS_ENTROPY_BACKWARD, LINEAR_CROSS_ENTROPY_BACKWARD -> {
        int kind = call.shape.hasLabels() ? Kind.LABEL : Kind.PROBABILITIES;
        yield checkStatistics(call, kind, Digest.of(call));
      }
      case SELECTED_LOG_PROBABILITIES_BACKWARD ->
          checkStatistics(call, Kind.LABEL, Digest.ofSelected(call));
      case SAMPLE -> checkTokens(call);
      default -> Status.OK;
    };
  }

  /**
   * Offsets of ragged rows are rows + 1 numbers that never decrease. Sets whether rows are ragged,
   * and where they end.
   */
  private static int checkOffsets(ReferenceCall call) {
    MemorySegment offsets = call.given.of(ROW_OFFSETS);
    if (!has(offsets)) {
      return Status.OK;
    }
    ElementType type = ElementType.of(call.shape.of(ROW_OFFSETS).type);
    long before = type.getInteger(offsets, call.rowBegin);
    boolean negative = before < 0;
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      long after = type.getInteger(offsets, row + 1);
      if (negative || after < before || after - before > call.shape.classes) {
        return call.report.refuseShape(Field.ROW_OFFSETS, row, negative ? before : after);
      }
      before = after;
    }
    call.raggedEnd = before;
    call.ragged = true;
    return Status.OK;
  }

  /** Statistics must be finished, have the function's kind and arithmetic, and have this digest. */
  private static int checkStatistics(ReferenceCall call, int kind, int digest) {
    MemorySegment statistics = call.given.of(STATISTICS);
    if (!has(statistics)) {
      return Status.OK;
    }
    Statistics known = call.knownStatistics;
    int expected = kind | (call.wide ? Kind.WIDE : 0);
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      known.load(statistics, row);
      if ((known.kind & (Kind.MASK | Kind.WIDE | Kind.UNFINISHED)) != expected
          || known.digest != digest) {
        return call.report.refuseRow(Field.STATISTICS, row);
      }
    }
    return Status.OK;
  }

  private static int checkTokens(ReferenceCall call) {
    int status = checkCounts(call);
    if (status == Status.OK) {
      status = checkTokens(call, PROMPT_TOKENS, call.shape.promptCount, Field.PROMPT_TOKENS);
    }
    if (status == Status.OK) {
      status = checkTokens(call, OUTPUT_TOKENS, call.shape.outputCount, Field.OUTPUT_TOKENS);
    }
    if (status == Status.OK) {
      status = checkTokens(call, BIAS_TOKENS, call.shape.targetCount, Field.BIAS_TOKENS);
    }
    if (status == Status.OK) {
      status = checkTokens(call, DRAFT_TOKENS, 1, Field.DRAFT_TOKENS);
    }
    return status == Status.OK ? checkDraftProbabilities(call) : status;
  }

  /** A draft was drawn with a probability in (0, 1]; those of other classes are not read here. */
  private static int checkDraftProbabilities(ReferenceCall call) {
    MemorySegment tokens = call.given.of(DRAFT_TOKENS);
    MemorySegment probabilities = call.given.of(DRAFT_PROBABILITIES);
    Layout ofTokens = call.shape.of(DRAFT_TOKENS);
    Layout layout = call.shape.of(DRAFT_PROBABILITIES);
    for (long row = call.rowBegin; row < call.rowEnd && has(tokens); row++) {
      if (call.samplesPerRow) {
        call.sampling.load(call.given.sampling, row);
      }
      long at = call.shape.offset(ofTokens, row);
      long token = ElementType.of(ofTokens.type).getInteger(tokens, at);
      if (call.sampling.greedy == 0 && token >= 0 && token < call.shape.classes) {
        long place = call.shape.offset(layout, row) + token * layout.classes;
        double q = ElementType.of(layout.type).get(probabilities, place);
        if (!(q > 0 && q <= 1)) {
          return call.report.refuseDraft(row, token, q);
        }
      }
    }
    return Status.OK;
  }

  /** Tokens are counted as int; a workspace has those of one row. */
  private static int checkCounts(ReferenceCall call) {
    long prompt = has(call.given.of(PROMPT_TOKENS)) ? call.shape.promptCount : 0;
    long output = has(call.given.of(OUTPUT_TOKENS)) ? call.shape.outputCount : 0;
    long biases = has(call.given.of(BIAS_TOKENS)) ? call.shape.targetCount : 0;
    long continues = call.shape.continues;
    if (prompt > Integer.MAX_VALUE) {
      return call.report.refuse(Status.INVALID_SHAPE, Field.PROMPT_COUNT, prompt);
    }
    if (output > Integer.MAX_VALUE) {
      return call.report.refuse(Status.INVALID_SHAPE, Field.OUTPUT_COUNT, output);
    }
    if (biases > Integer.MAX_VALUE) {
      return call.report.refuse(Status.INVALID_SHAPE, Field.BIAS_COUNT, biases);
    }
    return continues == 0 || continues == 1 && call.rowEnd - call.rowBegin <= 1
        ? Status.OK
        : call.report.refuse(Status.INVALID_ARGUMENT, Field.CONTINUES, continues);
  }

  private static int checkTokens(ReferenceCall call, Array array, long count, int field) {
    MemorySegment tokens = call.given.of(array);
    Layout layout = call.shape.of(array);
    for (long row = call.rowBegin; row < call.rowEnd && has(tokens); row++) {
      for (long j = 0; j < count; j++) {
        long at = call.shape.offset(layout, row) + j * layout.classes;
        long token = ElementType.of(layout.type).getInteger(tokens, at);
        boolean none = token == NO_TOKEN && !ElementType.isBeyond(layout.type, token);
        if (!none && (token < 0 || token >= call.shape.classes)) {
          return call.report.refuseLabel(field, row, token);
        }
      }
    }
    return Status.OK;
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.Array.ENTROPIES;
import static dev.xent.internal.kernels.Array.GATHERED;
import static dev.xent.internal.kernels.Array.KEPT_MASK;
import static dev.xent.internal.kernels.Array.LOGITS;
import static dev.xent.internal.kernels.Array.LOG_PROBABILITIES;
import static dev.xent.internal.kernels.Array.OUTPUT_TOKENS;
import static dev.xent.internal.kernels.Array.PROMPT_TOKENS;
import static dev.xent.internal.kernels.Array.RANKS;
import static dev.xent.internal.kernels.Array.STATES;
import static dev.xent.internal.kernels.Array.TOP_CLASSES;
import static dev.xent.internal.kernels.Array.TOP_LOG_PROBABILITIES;
import static dev.xent.internal.kernels.Array.WORKSPACE;
import static dev.xent.internal.kernels.reference.call.CallArrays.has;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Field;
import dev.xent.internal.kernels.Records;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.call.Addresses;
import dev.xent.internal.kernels.reference.call.CallArrays;
import dev.xent.internal.kernels.reference.call.Layout;
import dev.xent.internal.kernels.reference.call.Report;
import dev.xent.internal.kernels.reference.call.Sampling;
import dev.xent.internal.kernels.reference.call.Shape;
import dev.xent.internal.kernels.reference.call.SizedStruct;
import dev.xent.internal.kernels.reference.sample.ShardState;
import java.lang.foreign.MemorySegment;

/** What sampling asks of its arguments. */
final class SamplingRules {
  /** Of those that not all functions have. */
  private static final long OPTIONS = OptionRules.bits(Field.SOFTCAP);

  private static final long NO_TOKEN = -1;

  private SamplingRules() {}

  static int check(Call call) {
    int status = checkLogits(call);
    if (status == Status.OK) {
      status = OptionRules.checkForeign(call, OPTIONS);
    }
    if (status == Status.OK) {
      status = checkSamplings(call, call.choice);
    }
    if (status == Status.OK) {
      status = call.arrays.check(call);
    }
    if (status == Status.OK) {
      status = ArgumentRules.checkTopCount(call);
    }
    if (status == Status.OK) {
      status = checkWorkspace(call, call.workspaceSize);
    }
    if (status == Status.OK) {
      status = checkTokens(call);
    }
    return status == Status.OK ? checkShard(call, call.reportStruct) : status;
  }

  private static int checkLogits(Call call) {
    if (call.shape.classes > Integer.MAX_VALUE) {
      return call.report.refuse(Status.INVALID_SHAPE, Field.CLASSES, call.shape.classes);
    }
    if (call.shape.allClasses > Integer.MAX_VALUE) {
      return call.report.refuse(Status.INVALID_SHAPE, Field.ALL_CLASSES, call.shape.allClasses);
    }
    return call.wide
        ? call.report.refuse(Status.UNSUPPORTED, Field.LOGITS, call.shape.of(LOGITS).type)
        : Status.OK;
  }

  // ---- structs ---------------------------------------------------------------------------------

  private static int checkSamplings(Call call, int perRow) {
    MemorySegment array = call.given.sampling;
    Sampling sampling = call.sampling;
    call.samplesPerRow = perRow == 1;
    if (perRow != 0 && perRow != 1) {
      return call.report.refuse(Status.INVALID_ARGUMENT, Field.SAMPLING, perRow);
    }
    if (!has(array) && call.samplesPerRow) {
      return call.report.refuse(Status.INVALID_ARGUMENT, Field.SAMPLING, 0);
    }
    if (!has(array)) {
      sampling.clear();
      return Status.OK;
    }
    if (!call.samplesPerRow) {
      return checkOne(call, array, 0);
    }
    if (call.rowBegin == call.rowEnd) {
      return Status.OK;
    }
    int status = checkSize(call, array, 0);
    if (status != Status.OK) {
      return status;
    }
    long size = SizedStruct.size(array);
    status = call.checkRecords(array, Field.SAMPLING, 1, size, false);
    if (status != Status.OK) {
      return status;
    }
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      long own = SizedStruct.size(array, row * size);
      status =
          own == size
              ? checkOne(call, array, row * size)
              : call.report.refuseStruct(Status.INVALID_SIZE, Field.SAMPLING, own);
      if (status != Status.OK) {
        return call.report.inRow(row, status);
      }
    }
    return Status.OK;
  }

  /** Copies a struct that this version knows. */
  private static int checkSize(Call call, MemorySegment array, long at) {
    Sampling sampling = call.sampling;
    int status = sampling.copy.check(array, at);
    if (status == Status.OK && !sampling.copy.load(array, at)) {
      status = Status.UNSUPPORTED;
    }
    long size = status == Status.INVALID_SIZE ? SizedStruct.size(array, at) : 0;
    return status == Status.OK ? status : call.report.refuseStruct(status, Field.SAMPLING, size);
  }

  private static int checkOne(Call call, MemorySegment array, long at) {
    Sampling sampling = call.sampling;
    Report report = call.report;
    int size = checkSize(call, array, at);
    if (size != Status.OK) {
      return size;
    }
    sampling.read();
    if (sampling.rules < XentH.XENT_RULES_XENT()
        || sampling.rules > XentH.XENT_RULES_ONNXRUNTIME_GENAI()) {
      return refuseInteger(report, Field.RULES, sampling.rules);
    }
    if (sampling.ties < XentH.XENT_TIES_OF_RULES() || sampling.ties > XentH.XENT_TIES_ALL()) {
      return refuseInteger(report, Field.TIES, sampling.ties);
    }
    if (sampling.greedy != 0 && sampling.greedy != 1) {
      return refuseInteger(report, Field.GREEDY, sampling.greedy);
    }
    if (sampling.reserved != 0) {
      return report.refuse(Status.UNSUPPORTED, Field.SAMPLING, sampling.reserved);
    }
    int status = checkFilters(report, sampling);
    if (status == Status.OK && call.shape.allClasses != 0 && sampling.greedy == 0) {
      status = checkShardFilters(report, sampling);
    }
    return status == Status.OK ? checkFactors(report, sampling) : status;
  }

  /** Of a shard: what a few classes, or sums of weights, tell of a row. */
  private static int checkShardFilters(Report report, Sampling sampling) {
    if (sampling.minKeep > ShardState.TOLD) {
      return report.refuse(Status.UNSUPPORTED, Field.MIN_KEEP, sampling.minKeep);
    }
    if (sampling.topK > ShardState.TOLD) {
      return report.refuse(Status.UNSUPPORTED, Field.TOP_K, sampling.topK);
    }
    boolean typical = sampling.typicalP > 0 && sampling.typicalP < 1;
    return typical && (sampling.topK == 0 || sampling.keepsAllTies())
        ? report.refuseValue(Status.UNSUPPORTED, Field.TYPICAL_P, sampling.typicalP, 0)
        : Status.OK;
  }

  private static int checkFilters(Report report, Sampling sampling) {
    if (sampling.minKeep < 0) {
      return refuseInteger(report, Field.MIN_KEEP, sampling.minKeep);
    }
    if (sampling.topK < 0) {
      return refuseInteger(report, Field.TOP_K, sampling.topK);
    }
    if (!isShare(sampling.topP)) {
      return report.refuseOption(Field.TOP_P, sampling.topP);
    }
    if (!isShare(sampling.minP)) {
      return report.refuseOption(Field.MIN_P, sampling.minP);
    }
    if (!isShare(sampling.typicalP)) {
      return report.refuseOption(Field.TYPICAL_P, sampling.typicalP);
    }
    boolean isGenai = sampling.rules == XentH.XENT_RULES_ONNXRUNTIME_GENAI();
    if (isGenai && sampling.minP != 0) {
      return report.refuse(Status.UNSUPPORTED, Field.MIN_P, sampling.rules);
    }
    if ((isGenai || sampling.rules == XentH.XENT_RULES_VLLM()) && sampling.typicalP != 0) {
      return report.refuse(Status.UNSUPPORTED, Field.TYPICAL_P, sampling.rules);
    }
    return Status.OK;
  }

  private static int checkFactors(Report report, Sampling sampling) {
    if (!OptionRules.isFactor(sampling.temperature)) {
      return report.refuseOption(Field.TEMPERATURE, sampling.temperature);
    }
    double repetition = sampling.repetitionPenalty;
    if (repetition != 0 && !(repetition >= Float.MIN_NORMAL && repetition <= Float.MAX_VALUE)) {
      return report.refuseOption(Field.REPETITION_PENALTY, repetition);
    }
    if (!isFloat(sampling.frequencyPenalty)) {
      return report.refuseOption(Field.FREQUENCY_PENALTY, sampling.frequencyPenalty);
    }
    return isFloat(sampling.presencePenalty)
        ? Status.OK
        : report.refuseOption(Field.PRESENCE_PENALTY, sampling.presencePenalty);
  }

  private static int refuseInteger(Report report, int field, long integer) {
    return report.refuse(Status.INVALID_OPTION, field, integer);
  }

  private static boolean isShare(double p) {
    return p >= 0 && p <= 1;
  }

  private static boolean isFloat(double value) {
    return Math.abs(value) <= Float.MAX_VALUE;
  }

  // ---- workspace and tokens --------------------------------------------------------------------

  /** The bytes that native code needs: a bit per class, and twice as many slots as tokens. */
  static long workspace(long classes, long tokens) {
    if (classes < 1 || classes > Integer.MAX_VALUE || tokens < 1) {
      return 0;
    }
    long words = (classes - 1) / Long.SIZE + 1;
    long slots = 2;
    while (slots < 2 * Math.min(tokens, classes)) {
      slots *= 2;
    }
    return (words + 2 * slots) * Long.BYTES;
  }

  private static int checkWorkspace(Call call, long size) {
    CallArrays given = call.given;
    boolean needs =
        (has(given.of(PROMPT_TOKENS)) && call.shape.promptCount > 0)
            || (has(given.of(OUTPUT_TOKENS)) && call.shape.outputCount > 0);
    if (!needs) {
      return Status.OK;
    }
    long tokens = call.shape.promptCount + call.shape.outputCount;
    long needed = workspace(call.shape.classes, tokens < 0 ? Long.MAX_VALUE : tokens);
    boolean fits =
        has(given.of(WORKSPACE))
            && Addresses.isAligned(given.of(WORKSPACE), Long.BYTES)
            && Long.compareUnsigned(size, needed) >= 0;
    return fits ? Status.OK : call.report.refuse(Status.INVALID_ARGUMENT, Field.WORKSPACE, needed);
  }

  private static int checkTokens(Call call) {
    CallArrays given = call.given;
    Shape shape = call.shape;
    int status =
        checkTokens(
            call,
            given.of(PROMPT_TOKENS),
            shape.of(PROMPT_TOKENS),
            shape.promptCount,
            Field.PROMPT_TOKENS);
    return status == Status.OK
        ? checkTokens(
            call,
            given.of(OUTPUT_TOKENS),
            shape.of(OUTPUT_TOKENS),
            shape.outputCount,
            Field.OUTPUT_TOKENS)
        : status;
  }

  private static int checkTokens(
      Call call, MemorySegment tokens, Layout layout, long count, int field) {
    for (long row = call.rowBegin; row < call.rowEnd && has(tokens); row++) {
      for (long j = 0; j < count; j++) {
        long at = call.shape.offset(layout, row) + j * layout.classes;
        long token = ElementType.of(layout.type).getInteger(tokens, at);
        boolean none = token == NO_TOKEN && !ElementType.isBeyond(layout.type, token);
        if (!none && (token < 0 || token >= call.shape.wholeRow())) {
          return call.report.refuseLabel(field, row, token);
        }
      }
    }
    return Status.OK;
  }

  // ---- shards ----------------------------------------------------------------------------------

  /** What a shard has not, and what nothing else has. */
  private static int checkShard(Call call, MemorySegment report) {
    CallArrays given = call.given;
    int states = Field.STATES;
    if (call.shape.allClasses == 0) {
      return has(given.of(GATHERED)) || has(given.of(STATES)) || call.shards != 0
          ? call.report.refuse(Status.INVALID_ARGUMENT, states, call.shards)
          : Status.OK;
    }
    int status = call.checkStructs(call.reportStruct, Field.REPORT, false);
    if (status != Status.OK) {
      return status;
    }
    if (has(given.of(GATHERED))
        ? call.shards <= 0 || call.shards > call.shape.allClasses
        : call.shards != 0) {
      return call.report.refuse(Status.INVALID_ARGUMENT, states, call.shards);
    }
    int foreign =
        has(given.of(KEPT_MASK))
            ? Field.KEPT_MASK
            : has(given.of(LOG_PROBABILITIES))
                ? Field.LOG_PROBABILITIES
                : has(given.of(RANKS))
                    ? Field.RANKS
                    : has(given.of(ENTROPIES))
                        ? Field.ENTROPIES
                        : has(given.of(TOP_CLASSES))
                            ? Field.TOP_CLASSES
                            : Field.TOP_LOG_PROBABILITIES;
    if (foreign != Field.TOP_LOG_PROBABILITIES || has(given.of(TOP_LOG_PROBABILITIES))) {
      return call.report.refuse(Status.UNSUPPORTED, foreign, 0);
    }
    long size = Records.SAMPLE_STATE;
    status = call.checkRecords(given.of(GATHERED), states, call.shards, size, true);
    return status == Status.OK
        ? call.checkRecords(given.of(STATES), states, 1, size, false)
        : status;
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.internal.ffi.xent_report;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * The arguments that any function can have, arrays under names, and every function called with
 * them.
 */
final class KernelCall {
  /** The arrays that numbers of a tensor's rows are written to. */
  static final List<String> RESULTS =
      List.of(
          "output",
          "gradient",
          "losses",
          "log-sum-exp",
          "correct",
          "log-probabilities",
          "argmax",
          "ranks",
          "entropies",
          "top classes",
          "top log-probabilities",
          "target gradient");

  CallShape shape = new CallShape();
  MemorySegment options = NULL;
  long rowBegin;
  long rowEnd;
  long classBegin;
  long classEnd;
  final Map<String, MemorySegment> arrays = new LinkedHashMap<>();

  MemorySegment get(String name) {
    return arrays.getOrDefault(name, NULL);
  }

  /** An empty report with its size set. */
  static MemorySegment report(Arena arena) {
    MemorySegment report = arena.allocate(xent_report.layout());
    xent_report.size(report, xent_report.sizeof());
    return report;
  }

  /** Those that a plain cross-entropy is without. */
  private static final Array[] UNUSUAL =
      IntStream.range(FunctionCall.FEW_ARRAYS, Function.CROSS_ENTROPY.count())
          .mapToObj(Function.CROSS_ENTROPY::array)
          .filter(array -> array != Array.STATISTICS && array != Array.EXACT_SUM)
          .toArray(Array[]::new);

  /** A function of {@link Kernels}. */
  interface Caller {
    int call(Kernels kernels, KernelCall call, MemorySegment report);
  }

  static Map<String, Caller> functions() {
    Map<String, Caller> all = new LinkedHashMap<>();
    all.put("softmax", caller(Function.SOFTMAX, Array.STATISTICS));
    all.put("log-sum-exp", caller(Function.LOG_SUM_EXP));
    all.put("softmax backward", caller(Function.SOFTMAX_BACKWARD, Array.STATISTICS));
    all.put("check", caller(Function.CHECK_TARGETS));
    all.put("plain cross-entropy", caller(Function.CROSS_ENTROPY, UNUSUAL));
    all.put("cross-entropy", caller(Function.CROSS_ENTROPY));
    all.put("backward", caller(Function.CROSS_ENTROPY_BACKWARD, Array.UPSTREAM));
    all.put("divergence", caller(Function.KL_DIVERGENCE));
    all.put("hvp", caller(Function.CROSS_ENTROPY_HVP));
    all.put("states", caller(Function.FORWARD_STATES, Array.STATISTICS));
    all.put("backward states", caller(Function.BACKWARD_STATES));
    all.put("finish", caller(Function.FINISH));
    return all;
  }

  /** With every array that the function takes, but some. */
  private static Caller caller(Function function, Array... without) {
    List<Array> absent = List.of(without);
    return (kernels, c, report) -> {
      FunctionCall work =
          new FunctionCall()
              .begin(function, c.shape, c.options, report)
              .rows(c.rowBegin, c.rowEnd)
              .classes(c.classBegin, c.classEnd);
      for (int i = 0; i < function.count(); i++) {
        Array array = function.array(i);
        if (!absent.contains(array)) {
          work.set(array, c.get(nameOf(array)));
        }
      }
      return kernels.run(work);
    };
  }

  private static String nameOf(Array array) {
    return array
        .name()
        .toLowerCase(Locale.ROOT)
        .replace('_', ' ')
        .replace("log sum exp", "log-sum-exp")
        .replace("log probabilities", "log-probabilities");
  }
}

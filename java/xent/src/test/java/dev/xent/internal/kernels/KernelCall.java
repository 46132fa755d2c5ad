// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.internal.ffi.xent_report;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

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
          "hits",
          "log-probabilities",
          "argmax",
          "ranks",
          "entropies",
          "top classes",
          "top log-probabilities",
          "target gradient");

  MemorySegment shape = NULL;
  MemorySegment options = NULL;
  long rowBegin;
  long rowEnd;
  long classBegin;
  long classEnd;
  final Map<String, MemorySegment> arrays = new LinkedHashMap<>();

  MemorySegment get(String name) {
    return arrays.getOrDefault(name, NULL);
  }

  /** An empty report, which says its size. */
  static MemorySegment report(Arena arena) {
    MemorySegment report = arena.allocate(xent_report.layout());
    xent_report.size(report, xent_report.sizeof());
    return report;
  }

  /** A function of {@link Kernels}. */
  interface Caller {
    int call(Kernels kernels, KernelCall call, MemorySegment report);
  }

  static Map<String, Caller> functions() {
    Map<String, Caller> all = new LinkedHashMap<>();
    all.put("softmax", KernelCall::softmax);
    all.put("log-sum-exp", KernelCall::logSumExp);
    all.put("softmax backward", KernelCall::softmaxBackward);
    all.put("check", KernelCall::check);
    all.put("plain cross-entropy", KernelCall::plainCrossEntropy);
    all.put("cross-entropy", KernelCall::crossEntropy);
    all.put("backward", KernelCall::backward);
    all.put("divergence", KernelCall::divergence);
    all.put("hvp", KernelCall::crossEntropyHvp);
    all.put("states", KernelCall::states);
    all.put("backward states", KernelCall::backwardStates);
    all.put("finish", KernelCall::finish);
    return all;
  }

  private static int softmax(Kernels k, KernelCall c, MemorySegment report) {
    return k.run(
        KernelRun.onClasses(
            Function.SOFTMAX,
            c.shape,
            c.options,
            c.rowBegin,
            c.rowEnd,
            c.classBegin,
            c.classEnd,
            report,
            c.get("logits"),
            c.get("output"),
            c.get("class mask"),
            c.get("sink"),
            c.get("row offsets")));
  }

  private static int logSumExp(Kernels k, KernelCall c, MemorySegment report) {
    return k.run(
        KernelRun.onRows(
            Function.LOG_SUM_EXP,
            c.shape,
            c.options,
            c.rowBegin,
            c.rowEnd,
            report,
            c.get("logits"),
            c.get("log-sum-exp"),
            c.get("class mask"),
            c.get("sink"),
            c.get("row offsets")));
  }

  private static int softmaxBackward(Kernels k, KernelCall c, MemorySegment report) {
    return k.run(
        KernelRun.onClasses(
            Function.SOFTMAX_BACKWARD,
            c.shape,
            c.options,
            c.rowBegin,
            c.rowEnd,
            c.classBegin,
            c.classEnd,
            report,
            c.get("output"),
            c.get("upstream"),
            c.get("gradient"),
            c.get("class mask"),
            c.get("row offsets")));
  }

  private static int check(Kernels k, KernelCall c, MemorySegment report) {
    return k.run(
        KernelRun.onRows(
            Function.CHECK_TARGETS,
            c.shape,
            c.options,
            c.rowBegin,
            c.rowEnd,
            report,
            c.get("targets"),
            c.get("target weights"),
            c.get("class mask"),
            c.get("class weights"),
            c.get("row weights"),
            c.get("row offsets"),
            c.get("tally")));
  }

  private static int plainCrossEntropy(Kernels k, KernelCall c, MemorySegment report) {
    return k.run(
        KernelRun.onRows(
            Function.CROSS_ENTROPY,
            c.shape,
            c.options,
            c.rowBegin,
            c.rowEnd,
            report,
            c.get("logits"),
            c.get("targets"),
            c.get("losses"),
            c.get("log-sum-exp"),
            c.get("hits"),
            c.get("gradient"),
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            c.get("statistics"),
            c.get("tally")));
  }

  private static int crossEntropy(Kernels k, KernelCall c, MemorySegment report) {
    return k.run(
        KernelRun.onRows(
            Function.CROSS_ENTROPY,
            c.shape,
            c.options,
            c.rowBegin,
            c.rowEnd,
            report,
            c.get("logits"),
            c.get("targets"),
            c.get("losses"),
            c.get("log-sum-exp"),
            c.get("hits"),
            c.get("gradient"),
            c.get("target weights"),
            c.get("class mask"),
            c.get("class weights"),
            c.get("row weights"),
            c.get("sink"),
            c.get("log-probabilities"),
            c.get("argmax"),
            c.get("ranks"),
            c.get("entropies"),
            c.get("top classes"),
            c.get("top log-probabilities"),
            c.get("target gradient"),
            c.get("row offsets"),
            c.get("statistics"),
            c.get("tally")));
  }

  private static int backward(Kernels k, KernelCall c, MemorySegment report) {
    return k.run(
        KernelRun.onClasses(
            Function.CROSS_ENTROPY_BACKWARD,
            c.shape,
            c.options,
            c.rowBegin,
            c.rowEnd,
            c.classBegin,
            c.classEnd,
            report,
            c.get("logits"),
            c.get("targets"),
            NULL,
            c.get("gradient"),
            c.get("target weights"),
            c.get("class mask"),
            c.get("class weights"),
            c.get("row weights"),
            c.get("row offsets"),
            c.get("statistics")));
  }

  private static int divergence(Kernels k, KernelCall c, MemorySegment report) {
    return k.run(
        KernelRun.onRows(
            Function.KL_DIVERGENCE,
            c.shape,
            c.options,
            c.rowBegin,
            c.rowEnd,
            report,
            c.get("logits"),
            c.get("teacher"),
            c.get("losses"),
            c.get("gradient"),
            c.get("class mask"),
            c.get("row weights"),
            c.get("tally")));
  }

  private static int crossEntropyHvp(Kernels k, KernelCall c, MemorySegment report) {
    return k.run(
        KernelRun.onRows(
            Function.CROSS_ENTROPY_HVP,
            c.shape,
            c.options,
            c.rowBegin,
            c.rowEnd,
            report,
            c.get("logits"),
            c.get("upstream"),
            c.get("output"),
            c.get("class mask"),
            c.get("row weights"),
            c.get("sink"),
            c.get("row offsets")));
  }

  private static int states(Kernels k, KernelCall c, MemorySegment report) {
    return k.run(
        KernelRun.onClasses(
            Function.FORWARD_STATES,
            c.shape,
            c.options,
            c.rowBegin,
            c.rowEnd,
            c.classBegin,
            c.classEnd,
            report,
            c.get("logits"),
            c.get("targets"),
            c.get("class mask"),
            c.get("target weights"),
            c.get("class weights"),
            NULL,
            c.get("states")));
  }

  private static int backwardStates(Kernels k, KernelCall c, MemorySegment report) {
    return k.run(
        KernelRun.onClasses(
            Function.BACKWARD_STATES,
            c.shape,
            c.options,
            c.rowBegin,
            c.rowEnd,
            c.classBegin,
            c.classEnd,
            report,
            c.get("output"),
            c.get("upstream"),
            c.get("class mask"),
            c.get("states")));
  }

  private static int finish(Kernels k, KernelCall c, MemorySegment report) {
    return k.run(
        KernelRun.onRows(
            Function.FINISH,
            c.shape,
            c.options,
            c.rowBegin,
            c.rowEnd,
            report,
            c.get("targets"),
            c.get("losses"),
            c.get("log-sum-exp"),
            c.get("hits"),
            c.get("class weights"),
            c.get("row weights"),
            c.get("sink"),
            c.get("states"),
            c.get("statistics"),
            c.get("tally")));
  }
}

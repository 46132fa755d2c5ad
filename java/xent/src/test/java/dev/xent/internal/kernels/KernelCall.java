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
  interface Function {
    int call(Kernels kernels, KernelCall call, MemorySegment report);
  }

  static Map<String, Function> functions() {
    Map<String, Function> all = new LinkedHashMap<>();
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
    return k.softmaxForward(
        c.shape,
        c.options,
        c.rowBegin,
        c.rowEnd,
        c.classBegin,
        c.classEnd,
        c.get("logits"),
        c.get("row offsets"),
        c.get("class mask"),
        c.get("sink"),
        NULL,
        c.get("output"),
        report);
  }

  private static int logSumExp(Kernels k, KernelCall c, MemorySegment report) {
    return k.logSumExp(
        c.shape,
        c.options,
        c.rowBegin,
        c.rowEnd,
        c.get("logits"),
        c.get("row offsets"),
        c.get("class mask"),
        c.get("sink"),
        c.get("log-sum-exp"),
        report);
  }

  private static int softmaxBackward(Kernels k, KernelCall c, MemorySegment report) {
    return k.softmaxBackward(
        c.shape,
        c.options,
        c.rowBegin,
        c.rowEnd,
        c.classBegin,
        c.classEnd,
        c.get("output"),
        c.get("upstream"),
        c.get("row offsets"),
        c.get("class mask"),
        NULL,
        c.get("gradient"),
        report);
  }

  private static int check(Kernels k, KernelCall c, MemorySegment report) {
    return k.checkTargets(
        c.shape,
        c.options,
        c.rowBegin,
        c.rowEnd,
        c.get("targets"),
        c.get("target weights"),
        c.get("row offsets"),
        c.get("class mask"),
        c.get("class weights"),
        c.get("row weights"),
        c.get("tally"),
        report);
  }

  private static int plainCrossEntropy(Kernels k, KernelCall c, MemorySegment report) {
    return k.plainCrossEntropy(
        c.shape,
        c.options,
        c.rowBegin,
        c.rowEnd,
        c.get("logits"),
        c.get("targets"),
        c.get("losses"),
        c.get("log-sum-exp"),
        c.get("hits"),
        c.get("gradient"),
        c.get("statistics"),
        c.get("tally"),
        report);
  }

  private static int crossEntropy(Kernels k, KernelCall c, MemorySegment report) {
    return k.crossEntropy(
        c.shape,
        c.options,
        c.rowBegin,
        c.rowEnd,
        c.get("logits"),
        c.get("targets"),
        c.get("target weights"),
        c.get("row offsets"),
        c.get("class mask"),
        c.get("class weights"),
        c.get("row weights"),
        c.get("sink"),
        c.get("losses"),
        c.get("log-sum-exp"),
        c.get("hits"),
        c.get("log-probabilities"),
        c.get("argmax"),
        c.get("ranks"),
        c.get("entropies"),
        c.get("top classes"),
        c.get("top log-probabilities"),
        c.get("gradient"),
        c.get("target gradient"),
        c.get("statistics"),
        c.get("tally"),
        report);
  }

  private static int backward(Kernels k, KernelCall c, MemorySegment report) {
    return k.crossEntropyBackward(
        c.shape,
        c.options,
        c.rowBegin,
        c.rowEnd,
        c.classBegin,
        c.classEnd,
        c.get("logits"),
        c.get("targets"),
        c.get("target weights"),
        c.get("row offsets"),
        c.get("class mask"),
        c.get("class weights"),
        c.get("row weights"),
        c.get("statistics"),
        NULL,
        c.get("gradient"),
        report);
  }

  private static int divergence(Kernels k, KernelCall c, MemorySegment report) {
    return k.divergence(
        Kernels.KULLBACK_LEIBLER,
        c.shape,
        c.options,
        c.rowBegin,
        c.rowEnd,
        c.get("logits"),
        c.get("teacher"),
        c.get("class mask"),
        c.get("row weights"),
        c.get("losses"),
        c.get("gradient"),
        c.get("tally"),
        report);
  }

  private static int crossEntropyHvp(Kernels k, KernelCall c, MemorySegment report) {
    return k.crossEntropyHvp(
        c.shape,
        c.options,
        c.rowBegin,
        c.rowEnd,
        c.get("logits"),
        c.get("upstream"),
        c.get("row offsets"),
        c.get("class mask"),
        c.get("row weights"),
        c.get("sink"),
        c.get("output"),
        report);
  }

  private static int states(Kernels k, KernelCall c, MemorySegment report) {
    return k.forwardStates(
        c.shape,
        c.options,
        c.rowBegin,
        c.rowEnd,
        c.classBegin,
        c.classEnd,
        c.get("logits"),
        c.get("targets"),
        c.get("target weights"),
        c.get("class mask"),
        c.get("class weights"),
        NULL,
        c.get("states"),
        report);
  }

  private static int backwardStates(Kernels k, KernelCall c, MemorySegment report) {
    return k.backwardStates(
        c.shape,
        c.options,
        c.rowBegin,
        c.rowEnd,
        c.classBegin,
        c.classEnd,
        c.get("output"),
        c.get("upstream"),
        c.get("class mask"),
        c.get("states"),
        report);
  }

  private static int finish(Kernels k, KernelCall c, MemorySegment report) {
    return k.finish(
        c.shape,
        c.options,
        c.rowBegin,
        c.rowEnd,
        c.get("states"),
        c.get("targets"),
        c.get("class weights"),
        c.get("row weights"),
        c.get("sink"),
        0,
        c.get("statistics"),
        c.get("losses"),
        c.get("log-sum-exp"),
        c.get("hits"),
        c.get("tally"),
        report);
  }
}

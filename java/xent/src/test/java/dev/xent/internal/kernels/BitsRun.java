// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import dev.xent.internal.ffi.xent_exact_sum;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.ffi.xent_report;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.Map;

/** All results of one implementation for a case, by name, with every byte that it wrote. */
final class BitsRun {
  private static final float UNWRITTEN = 123.5f;

  private final Arena arena;
  private final PlainKernels kernels;
  private final BitsCase c;
  private final long cut;
  private final Map<String, MemorySegment> results = new LinkedHashMap<>();
  private final MemorySegment options;

  /** cut: the class at which rows are divided, a multiple of the chunk. */
  BitsRun(Arena arena, Kernels kernels, int isa, BitsCase c, long cut) {
    this.arena = arena;
    this.kernels = new PlainKernels(kernels);
    this.c = c;
    this.cut = cut;
    this.options = arena.allocate(xent_options.layout()).copyFrom(c.options);
    xent_options.isa(options, isa);
  }

  Map<String, MemorySegment> everything() {
    softmax();
    crossEntropy();
    softmaxInParts();
    crossEntropyInParts();
    statisticsOfAnotherKind();
    return results;
  }

  private MemorySegment result(String name, long bytes) {
    MemorySegment s = arena.allocate(Math.max(bytes, 8), 64);
    for (long i = 0; i + 4 <= s.byteSize(); i += 4) {
      s.set(ValueLayout.JAVA_FLOAT, i, UNWRITTEN);
    }
    if (results.put(name, s) != null) {
      throw new IllegalArgumentException("two results named " + name);
    }
    return s;
  }

  private MemorySegment full(String name) {
    return result(name, c.elements * Float.BYTES);
  }

  private MemorySegment perRow(String name) {
    return result(name, (long) c.rows * Float.BYTES);
  }

  /** All of it but the path, which depends on the instruction set. */
  private MemorySegment report(String name) {
    MemorySegment s = arena.allocate(xent_report.layout());
    xent_report.size(s, xent_report.sizeof());
    results.put(name + " field", s.asSlice(0, xent_report.path$offset()));
    results.put(name, s.asSlice(xent_report.row$offset()));
    return s;
  }

  private MemorySegment exactSum(String name) {
    MemorySegment s = arena.allocate(xent_exact_sum.layout());
    xent_exact_sum.size(s, xent_exact_sum.sizeof());
    results.put(name, s);
    return s;
  }

  /** Every call of a case is valid: one that failed would compare nothing. */
  private static void lawful(String name, int status) {
    if (status != Status.OK) {
      throw new AssertionError(name + " was refused with status " + status);
    }
  }

  private void softmax() {
    MemorySegment y = full("softmax");
    MemorySegment log = full("log-softmax");
    MemorySegment none = MemorySegment.NULL;
    int n = c.classes;
    lawful(
        "softmax",
        kernels.softmaxForward(c.shape, options, 0, c.rows, 0, n, c.logits, none, y, none));
    lawful(
        "log-softmax",
        kernels.logSoftmaxForward(c.shape, options, 0, c.rows, 0, n, c.logits, none, log, none));
    lawful(
        "log-sum-exp",
        kernels.logSumExp(c.shape, options, 0, c.rows, c.logits, perRow("log-sum-exp"), none));
    MemorySegment dx = full("softmax backward");
    lawful(
        "softmax backward",
        kernels.softmaxBackward(c.shape, options, 0, c.rows, 0, n, y, c.upstream, none, dx, none));
    MemorySegment inPlace = full("log-softmax backward").copyFrom(c.upstream);
    lawful(
        "log-softmax backward",
        kernels.logSoftmaxBackward(
            c.shape, options, 0, c.rows, 0, n, log, inPlace, none, inPlace, none));
  }

  private void crossEntropy() {
    MemorySegment none = MemorySegment.NULL;
    lawful(
        "check",
        kernels.checkTargets(c.shape, options, 0, c.rows, c.targets, report("check report")));
    MemorySegment statistics = result("statistics", c.statisticsSize());
    MemorySegment exactSum = exactSum("exact_sum");
    lawful(
        "forward",
        kernels.crossEntropyForward(
            c.shape,
            options,
            0,
            c.rows,
            c.logits,
            c.targets,
            perRow("losses"),
            perRow("cross-entropy log-sum-exp"),
            c.labels ? perRow("correct") : none,
            full("gradient"),
            statistics,
            exactSum,
            report("forward report")));
    result("sum", Double.BYTES).set(ValueLayout.JAVA_DOUBLE, 0, kernels.exactSumValue(exactSum));
    MemorySegment inPlace = full("gradient in place").copyFrom(c.logits);
    lawful(
        "in place",
        kernels.crossEntropyForward(
            c.shape, options, 0, c.rows, inPlace, c.targets, none, none, none, inPlace, none, none,
            none));
    lawful(
        "backward",
        kernels.crossEntropyBackward(
            c.shapeOfRowUpstream,
            options,
            0,
            c.rows,
            0,
            c.classes,
            c.logits,
            c.targets,
            statistics,
            c.rowUpstream,
            full("gradient of upstream"),
            none));
  }

  private void softmaxInParts() {
    MemorySegment none = MemorySegment.NULL;
    MemorySegment statistics = finish("softmax", none);
    MemorySegment y = full("softmax in parts");
    MemorySegment log = full("log-softmax in parts").copyFrom(c.logits);
    for (long[] part : parts()) {
      lawful(
          "softmaxForward in parts",
          kernels.softmaxForward(
              c.shape, options, 0, c.rows, part[0], part[1], c.logits, statistics, y, none));
      lawful(
          "logSoftmaxForward in parts",
          kernels.logSoftmaxForward(
              c.shape, options, 0, c.rows, part[0], part[1], log, statistics, log, none));
    }
    MemorySegment states = result("backward states", c.statesSize());
    for (long[] part : parts()) {
      lawful(
          "backwardStates in parts",
          kernels.backwardStates(
              c.shape, options, 0, c.rows, part[0], part[1], y, c.upstream, states, none));
    }
    MemorySegment sums = result("backward statistics", c.statisticsSize());
    MemorySegment report = report("backward finish report");
    lawful(
        "finish in parts",
        kernels.finish(
            c.shape, options, 0, c.rows, states, none, 0, sums, none, none, none, none, report));
    MemorySegment dx = full("softmax backward in parts");
    for (long[] part : parts()) {
      lawful(
          "softmaxBackward in parts",
          kernels.softmaxBackward(
              c.shape, options, 0, c.rows, part[0], part[1], y, c.upstream, sums, dx, none));
    }
  }

  private void crossEntropyInParts() {
    MemorySegment none = MemorySegment.NULL;
    MemorySegment statistics = finish("cross-entropy", c.targets);
    MemorySegment dx = full("gradient in parts").copyFrom(c.logits);
    for (long[] part : parts()) {
      lawful(
          "crossEntropyBackward in parts",
          kernels.crossEntropyBackward(
              c.shape,
              options,
              0,
              c.rows,
              part[0],
              part[1],
              dx,
              c.targets,
              statistics,
              none,
              dx,
              none));
    }
  }

  /** An error for all rows; only the status is compared. */
  private void statisticsOfAnotherKind() {
    MemorySegment none = MemorySegment.NULL;
    MemorySegment statistics = results.get("statistics");
    MemorySegment y = arena.allocate(Math.max(c.elements, 1) * Float.BYTES, 64);
    int status =
        kernels.softmaxForward(
            c.shape, options, 0, c.rows, 0, c.classes, c.logits, statistics, y, none);
    result("status of statistics of another kind", Integer.BYTES)
        .set(ValueLayout.JAVA_INT, 0, status);
  }

  /** The later part first: the order must not matter. */
  private long[][] parts() {
    return new long[][] {{cut, c.classes}, {0, cut}};
  }

  private MemorySegment finish(String name, MemorySegment targets) {
    MemorySegment none = MemorySegment.NULL;
    boolean loss = targets != none;
    boolean hits = c.labels && loss;
    MemorySegment statistics = result(name + " statistics in parts", c.statisticsSize());
    MemorySegment states = result(name + " states", c.statesSize());
    MemorySegment losses = perRow(name + " losses in parts");
    MemorySegment logSumExp = perRow(name + " log-sum-exp in parts");
    MemorySegment hit = perRow(name + " hits in parts");
    MemorySegment exactSum = exactSum(name + " exactSum in parts");
    for (int round = 0; round < 2; round++) {
      MemorySegment known = round == 0 ? none : statistics;
      for (long[] part : parts()) {
        lawful(
            "forwardStates in parts",
            kernels.forwardStates(
                c.shape, options, 0, c.rows, part[0], part[1], c.logits, targets, known, states,
                none));
      }
      MemorySegment report = report(name + " finish report " + round);
      lawful(
          name + " finish " + round,
          kernels.finish(
              c.shape,
              options,
              0,
              c.rows,
              states,
              targets,
              round,
              statistics,
              loss ? losses : none,
              logSumExp,
              hits ? hit : none,
              loss ? exactSum : none,
              report));
      if (xent_report.unfinished(report) == 0) {
        break;
      }
    }
    return statistics;
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_exact_sum;
import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.ffi.xent_report;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.Map;

/** Everything that one implementation makes of a general case, under names. */
final class GeneralRun {
  private static final Function[] DIVERGENCES = {
    Function.KL_DIVERGENCE, Function.JENSEN_SHANNON_DIVERGENCE, Function.TOTAL_VARIATION
  };

  private static final byte UNWRITTEN = 0x55;

  private final Arena arena;
  private final Kernels kernels;
  private final GeneralCase c;
  private final long cut;
  private final MemorySegment options;
  private final Map<String, MemorySegment> results = new LinkedHashMap<>();

  /** Softmax backward has no softcap. */
  private final MemorySegment withoutSoftcap;

  /** The divergence has only these. */
  private final MemorySegment ofDivergence;

  /** cut: the class at which rows are divided, a multiple of the chunk. */
  GeneralRun(Arena arena, Kernels kernels, int isa, GeneralCase c, long cut) {
    this.arena = arena;
    this.kernels = kernels;
    this.c = c;
    this.cut = cut;
    this.options = arena.allocate(xent_options.layout()).copyFrom(c.options);
    xent_options.isa(options, isa);
    this.withoutSoftcap = arena.allocate(xent_options.layout()).copyFrom(options);
    xent_options.softcap(withoutSoftcap, 0);
    this.ofDivergence = arena.allocate(xent_options.layout());
    xent_options.size(ofDivergence, xent_options.sizeof());
    xent_options.isa(ofDivergence, isa);
    xent_options.fully_masked(ofDivergence, xent_options.fully_masked(options));
    xent_options.gradient_scale(ofDivergence, xent_options.gradient_scale(options));
    xent_options.temperature(ofDivergence, xent_options.temperature(options));
  }

  Map<String, MemorySegment> everything() {
    softmax();
    if (c.hasTargets()) {
      crossEntropy();
    }
    full();
    divergence();
    hvp();
    if (!c.ragged) {
      softmaxInParts();
      if (c.hasTargets() && !c.clampsTerms()) {
        crossEntropyInParts();
      }
    }
    return results;
  }

  private MemorySegment result(String name, long bytes) {
    MemorySegment s = arena.allocate(Math.max(bytes, 8), 64).fill(UNWRITTEN);
    if (results.put(name, s) != null) {
      throw new IllegalArgumentException("two results named " + name);
    }
    return s;
  }

  private MemorySegment full(String name, MemorySegment layout) {
    return result(name, c.elements(layout) * GeneralCase.size(xent_layout.type(layout)));
  }

  private MemorySegment copyOfLogits(String name) {
    MemorySegment copy = full(name, c.shape.layout(Array.LOGITS));
    return copy.copyFrom(c.logits.asSlice(0, copy.byteSize()));
  }

  private MemorySegment perRow(String name, MemorySegment layout) {
    return few(name, layout, 1);
  }

  private MemorySegment few(String name, MemorySegment layout, int count) {
    return result(
        name, c.elementsOfRows(layout, count) * GeneralCase.size(xent_layout.type(layout)));
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
  private void lawful(String name, FunctionCall work) {
    int status = kernels.run(work);
    if (status != Status.OK) {
      throw new AssertionError(c + ": " + name + " was refused with status " + status);
    }
  }

  /** A call on all rows and classes, with the inputs of the case that the function takes. */
  private FunctionCall work(
      Function function, CallShape shape, MemorySegment options, MemorySegment report) {
    FunctionCall work =
        new FunctionCall()
            .begin(function, shape, options, report)
            .rows(0, c.rows)
            .classes(0, c.classes);
    work.offer(Array.LOGITS, c.logits);
    work.offer(Array.TARGETS, c.targets);
    work.offer(Array.UPSTREAM, c.upstream);
    work.offer(Array.TEACHER, c.teacher);
    work.offer(Array.TARGET_WEIGHTS, c.targetWeights);
    work.offer(Array.ROW_OFFSETS, c.rowOffsets);
    work.offer(Array.CLASS_MASK, c.classMask);
    work.offer(Array.CLASS_WEIGHTS, c.classWeights);
    work.offer(Array.ROW_WEIGHTS, c.rowWeights);
    work.offer(Array.SINK, c.sink);
    return work;
  }

  private void softmax() {
    MemorySegment y = full("softmax", c.shape.layout(Array.OUTPUT));
    MemorySegment log = full("log-softmax", c.shape.layout(Array.OUTPUT));
    lawful("softmax", work(Function.SOFTMAX, c.shape, options, NULL).set(Array.OUTPUT, y));
    MemorySegment inPlace = copyOfLogits("softmax in place");
    lawful(
        "softmax in place",
        work(Function.SOFTMAX, c.shapeInPlace, options, NULL)
            .set(Array.LOGITS, inPlace)
            .set(Array.OUTPUT, inPlace));
    lawful(
        "log-softmax", work(Function.LOG_SOFTMAX, c.shape, options, NULL).set(Array.OUTPUT, log));
    lawful(
        "log-sum-exp",
        work(Function.LOG_SUM_EXP, c.shape, options, NULL)
            .set(Array.LOG_SUM_EXP, perRow("log-sum-exp", c.shape.layout(Array.LOG_SUM_EXP))));
    lawful(
        "softmax backward",
        work(Function.SOFTMAX_BACKWARD, c.shape, withoutSoftcap, NULL)
            .set(Array.OUTPUT, y)
            .set(Array.GRADIENT, full("softmax backward", c.shape.layout(Array.GRADIENT))));
    lawful(
        "log-softmax backward",
        work(Function.LOG_SOFTMAX_BACKWARD, c.shape, withoutSoftcap, NULL)
            .set(Array.OUTPUT, log)
            .set(Array.GRADIENT, full("log-softmax backward", c.shape.layout(Array.GRADIENT))));
  }

  private void crossEntropy() {
    lawful(
        "check",
        work(Function.CHECK_TARGETS, c.shape, options, report("check report"))
            .set(Array.EXACT_SUM, exactSum("denominator")));
    MemorySegment statistics = result("statistics", c.rows * Records.STATISTICS);
    MemorySegment exactSum = exactSum("exact_sum");
    MemorySegment gradient = full("gradient", c.shape.layout(Array.GRADIENT));
    forward(c.shape, c.logits, "forward", gradient, statistics, exactSum);
    result("sum", Double.BYTES).set(ValueLayout.JAVA_DOUBLE, 0, kernels.exactSumValue(exactSum));
    MemorySegment inPlace = copyOfLogits("gradient in place");
    forward(c.shapeInPlace, inPlace, "in place", inPlace, NULL, NULL);
    lawful(
        "backward",
        work(Function.CROSS_ENTROPY_BACKWARD, c.shapeOfRowUpstream, options, NULL)
            .set(Array.UPSTREAM, c.rowUpstream)
            .set(Array.GRADIENT, full("gradient of upstream", c.shape.layout(Array.GRADIENT)))
            .set(Array.STATISTICS, statistics));
  }

  private void forward(
      CallShape shape,
      MemorySegment logits,
      String name,
      MemorySegment gradient,
      MemorySegment statistics,
      MemorySegment exactSum) {
    boolean labels = c.labels();
    CallShape s = c.shape;
    lawful(
        name,
        work(Function.CROSS_ENTROPY, shape, options, report(name + " report"))
            .set(Array.LOGITS, logits)
            .set(Array.LOSSES, perRow(name + " losses", s.layout(Array.LOSSES)))
            .set(Array.LOG_SUM_EXP, perRow(name + " log-sum-exp", s.layout(Array.LOG_SUM_EXP)))
            .set(Array.CORRECT, labels ? perRow(name + " hits", s.layout(Array.CORRECT)) : NULL)
            .set(Array.GRADIENT, gradient)
            .set(
                Array.LOG_PROBABILITIES,
                labels ? perRow(name + " log p", s.layout(Array.LOG_PROBABILITIES)) : NULL)
            .set(Array.ARGMAX, perRow(name + " argmax", s.layout(Array.ARGMAX)))
            .set(Array.RANKS, labels ? perRow(name + " ranks", s.layout(Array.RANKS)) : NULL)
            .set(Array.ENTROPIES, perRow(name + " entropies", s.layout(Array.ENTROPIES)))
            .set(Array.TOP_CLASSES, top(name + " top classes", s.layout(Array.TOP_CLASSES)))
            .set(
                Array.TOP_LOG_PROBABILITIES,
                top(name + " top log p", s.layout(Array.TOP_LOG_PROBABILITIES)))
            .set(Array.TARGET_GRADIENT, targetGradient(name))
            .set(Array.STATISTICS, statistics)
            .set(Array.EXACT_SUM, exactSum));
  }

  private MemorySegment top(String name, MemorySegment layout) {
    return c.topCount == 0 ? NULL : few(name, layout, c.topCount);
  }

  private MemorySegment targetGradient(String name) {
    MemorySegment layout = c.shape.layout(Array.TARGET_GRADIENT);
    return switch (c.targetKind) {
      case NONE, LABELS -> NULL;
      case PROBABILITIES -> full(name + " target gradient", layout);
      case SPARSE -> few(name + " target gradient", layout, c.targetCount);
    };
  }

  /** Without targets, and with one result alone. */
  private void full() {
    CallShape s = c.shapeWithoutTargets;
    lawful(
        "no targets",
        work(Function.CROSS_ENTROPY, s, options, report("plain report"))
            .set(Array.TARGETS, NULL)
            .set(Array.LOG_SUM_EXP, perRow("plain log-sum-exp", s.layout(Array.LOG_SUM_EXP)))
            .set(Array.TARGET_WEIGHTS, NULL)
            .set(Array.CLASS_WEIGHTS, NULL)
            .set(Array.ARGMAX, perRow("plain argmax", s.layout(Array.ARGMAX)))
            .set(Array.ENTROPIES, perRow("plain entropies", s.layout(Array.ENTROPIES)))
            .set(Array.TOP_CLASSES, top("plain top classes", s.layout(Array.TOP_CLASSES)))
            .set(
                Array.TOP_LOG_PROBABILITIES,
                top("plain top log p", s.layout(Array.TOP_LOG_PROBABILITIES))));
    lawful(
        "argmax alone",
        work(Function.CROSS_ENTROPY, s, options, NULL)
            .set(Array.TARGETS, NULL)
            .set(Array.TARGET_WEIGHTS, NULL)
            .set(Array.CLASS_WEIGHTS, NULL)
            .set(Array.ROW_WEIGHTS, NULL)
            .set(Array.SINK, NULL)
            .set(Array.ARGMAX, perRow("argmax alone", s.layout(Array.ARGMAX))));
  }

  private void divergence() {
    if (c.ragged) {
      return;
    }
    for (Function kind : DIVERGENCES) {
      divergence(kind, "divergence " + kind);
    }
  }

  private void divergence(Function kind, String name) {
    lawful(
        name,
        work(kind, c.shape, ofDivergence, report(name + " report"))
            .set(Array.LOSSES, perRow(name, c.shape.layout(Array.LOSSES)))
            .set(Array.GRADIENT, full(name + " gradient", c.shape.layout(Array.GRADIENT)))
            .set(Array.EXACT_SUM, exactSum(name + " exactSum")));
  }

  private void hvp() {
    CallShape shape = new CallShape().copyFrom(c.shape);
    int type = xent_layout.type(shape.layout(Array.LOGITS));
    boolean wide = type == XentH.XENT_F64();
    xent_layout.type(shape.layout(Array.OUTPUT), wide ? type : XentH.XENT_F32());
    lawful(
        "hvp",
        work(Function.CROSS_ENTROPY_HVP, shape, ofDivergence, report("hvp report"))
            .set(Array.OUTPUT, full("hvp", shape.layout(Array.OUTPUT))));
  }

  private void softmaxInParts() {
    MemorySegment statistics = finish("softmax", false);
    MemorySegment y = full("softmax in parts", c.shape.layout(Array.OUTPUT));
    MemorySegment log = full("log-softmax in parts", c.shape.layout(Array.OUTPUT));
    for (long[] part : parts()) {
      lawful(
          "softmax in parts",
          work(Function.SOFTMAX, c.shape, options, NULL)
              .classes(part[0], part[1])
              .set(Array.OUTPUT, y)
              .set(Array.STATISTICS, statistics));
      lawful(
          "log-softmax in parts",
          work(Function.LOG_SOFTMAX, c.shape, options, NULL)
              .classes(part[0], part[1])
              .set(Array.OUTPUT, log)
              .set(Array.STATISTICS, statistics));
    }
    MemorySegment states = result("backward states", statesSize());
    for (long[] part : parts()) {
      lawful(
          "backward states",
          work(Function.BACKWARD_STATES, c.shape, withoutSoftcap, NULL)
              .classes(part[0], part[1])
              .set(Array.OUTPUT, y)
              .set(Array.STATES, states));
    }
    MemorySegment sums = result("backward statistics", c.rows * Records.STATISTICS);
    lawful(
        "backward finish",
        work(Function.FINISH, c.shape, withoutSoftcap, report("backward finish report"))
            .set(Array.TARGETS, NULL)
            .set(Array.CLASS_WEIGHTS, NULL)
            .set(Array.ROW_WEIGHTS, NULL)
            .set(Array.SINK, NULL)
            .set(Array.STATES, states)
            .set(Array.STATISTICS, sums));
    MemorySegment dx = full("softmax backward in parts", c.shape.layout(Array.GRADIENT));
    for (long[] part : parts()) {
      lawful(
          "softmax backward in parts",
          work(Function.SOFTMAX_BACKWARD, c.shape, withoutSoftcap, NULL)
              .classes(part[0], part[1])
              .set(Array.OUTPUT, y)
              .set(Array.GRADIENT, dx)
              .set(Array.STATISTICS, sums));
    }
  }

  private void crossEntropyInParts() {
    MemorySegment statistics = finish("cross-entropy", true);
    MemorySegment dx = full("gradient in parts", c.shape.layout(Array.GRADIENT));
    for (long[] part : parts()) {
      lawful(
          "gradient in parts",
          work(Function.CROSS_ENTROPY_BACKWARD, c.shape, options, NULL)
              .classes(part[0], part[1])
              .set(Array.UPSTREAM, NULL)
              .set(Array.GRADIENT, dx)
              .set(Array.STATISTICS, statistics));
    }
  }

  private long statesSize() {
    return c.rows * c.chunks() * Records.STATE;
  }

  /** The later part first: the order must not matter. */
  private long[][] parts() {
    return new long[][] {{cut, c.classes}, {0, cut}};
  }

  private MemorySegment finish(String name, boolean loss) {
    MemorySegment statistics = result(name + " statistics in parts", c.rows * Records.STATISTICS);
    MemorySegment states = result(name + " states", statesSize());
    MemorySegment targets = loss ? c.targets : NULL;
    MemorySegment classWeights = loss ? c.classWeights : NULL;
    MemorySegment rowWeights = loss ? c.rowWeights : NULL;
    MemorySegment losses = perRow(name + " losses in parts", c.shape.layout(Array.LOSSES));
    MemorySegment lse = perRow(name + " log-sum-exp in parts", c.shape.layout(Array.LOG_SUM_EXP));
    MemorySegment hits = perRow(name + " hits in parts", c.shape.layout(Array.CORRECT));
    MemorySegment exactSum = exactSum(name + " exactSum in parts");
    for (int round = 0; round < 2; round++) {
      for (long[] part : parts()) {
        lawful(
            name + " states",
            work(Function.FORWARD_STATES, c.shape, options, NULL)
                .classes(part[0], part[1])
                .set(Array.TARGETS, targets)
                .set(Array.TARGET_WEIGHTS, loss ? c.targetWeights : NULL)
                .set(Array.CLASS_WEIGHTS, classWeights)
                .set(Array.STATISTICS, round == 0 ? NULL : statistics)
                .set(Array.STATES, states));
      }
      MemorySegment report = report(name + " finish report " + round);
      lawful(
          name + " finish",
          work(Function.FINISH, c.shape, options, report)
              .set(Array.TARGETS, targets)
              .set(Array.LOSSES, loss ? losses : NULL)
              .set(Array.LOG_SUM_EXP, lse)
              .set(Array.CORRECT, loss && c.labels() ? hits : NULL)
              .set(Array.CLASS_WEIGHTS, classWeights)
              .set(Array.ROW_WEIGHTS, rowWeights)
              .set(Array.STATES, states)
              .set(Array.STATISTICS, statistics)
              .set(Array.EXACT_SUM, loss ? exactSum : NULL)
              .choice(round));
      if (xent_report.unfinished(report) == 0) {
        break;
      }
    }
    return statistics;
  }
}

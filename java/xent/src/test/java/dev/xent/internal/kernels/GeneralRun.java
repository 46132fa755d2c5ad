// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.ffi.xent_shape;
import dev.xent.internal.ffi.xent_tally;
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

  /** cut: where classes are split, a multiple of the chunk. */
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
    xent_options.has_gradient_scale(ofDivergence, xent_options.has_gradient_scale(options));
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
    MemorySegment copy = full(name, xent_shape.logits(c.shape));
    return copy.copyFrom(c.logits.asSlice(0, copy.byteSize()));
  }

  private MemorySegment perRow(String name, MemorySegment layout) {
    return few(name, layout, 1);
  }

  private MemorySegment few(String name, MemorySegment layout, int count) {
    return result(
        name, c.elementsOfRows(layout, count) * GeneralCase.size(xent_layout.type(layout)));
  }

  /** All of it but the way, which each tier has its own of. */
  private MemorySegment report(String name) {
    MemorySegment s = arena.allocate(xent_report.layout());
    xent_report.size(s, xent_report.sizeof());
    results.put(name + " field", s.asSlice(0, xent_report.way$offset()));
    results.put(name, s.asSlice(xent_report.row$offset()));
    return s;
  }

  private MemorySegment tally(String name) {
    MemorySegment s = arena.allocate(xent_tally.layout());
    xent_tally.size(s, xent_tally.sizeof());
    results.put(name, s);
    return s;
  }

  /** Everything in a case is allowed: a call that refuses it would compare nothing. */
  private void lawful(String name, int status) {
    if (status != Status.OK) {
      throw new AssertionError(c + ": " + name + " was refused with status " + status);
    }
  }

  private void softmax() {
    MemorySegment y = full("softmax", xent_shape.output(c.shape));
    MemorySegment log = full("log-softmax", xent_shape.output(c.shape));
    lawful(
        "softmax",
        kernels.run(
            KernelRun.onClasses(
                Function.SOFTMAX,
                c.shape,
                options,
                0,
                c.rows,
                0,
                c.classes,
                NULL,
                c.logits,
                y,
                c.classMask,
                c.sink,
                c.rowOffsets)));
    MemorySegment inPlace = copyOfLogits("softmax in place");
    lawful(
        "softmax in place",
        kernels.run(
            KernelRun.onClasses(
                Function.SOFTMAX,
                c.shapeInPlace,
                options,
                0,
                c.rows,
                0,
                c.classes,
                NULL,
                inPlace,
                inPlace,
                c.classMask,
                c.sink,
                c.rowOffsets)));
    lawful(
        "log-softmax",
        kernels.run(
            KernelRun.onClasses(
                Function.LOG_SOFTMAX,
                c.shape,
                options,
                0,
                c.rows,
                0,
                c.classes,
                NULL,
                c.logits,
                log,
                c.classMask,
                c.sink,
                c.rowOffsets)));
    lawful(
        "log-sum-exp",
        kernels.run(
            KernelRun.onRows(
                Function.LOG_SUM_EXP,
                c.shape,
                options,
                0,
                c.rows,
                NULL,
                c.logits,
                perRow("log-sum-exp", xent_shape.log_sum_exp(c.shape)),
                c.classMask,
                c.sink,
                c.rowOffsets)));
    lawful(
        "softmax backward",
        kernels.run(
            KernelRun.onClasses(
                Function.SOFTMAX_BACKWARD,
                c.shape,
                withoutSoftcap,
                0,
                c.rows,
                0,
                c.classes,
                NULL,
                y,
                c.upstream,
                full("softmax backward", xent_shape.gradient(c.shape)),
                c.classMask,
                c.rowOffsets)));
    lawful(
        "log-softmax backward",
        kernels.run(
            KernelRun.onClasses(
                Function.LOG_SOFTMAX_BACKWARD,
                c.shape,
                withoutSoftcap,
                0,
                c.rows,
                0,
                c.classes,
                NULL,
                log,
                c.upstream,
                full("log-softmax backward", xent_shape.gradient(c.shape)),
                c.classMask,
                c.rowOffsets)));
  }

  private void crossEntropy() {
    lawful(
        "check",
        kernels.run(
            KernelRun.onRows(
                Function.CHECK_TARGETS,
                c.shape,
                options,
                0,
                c.rows,
                report("check report"),
                c.targets,
                c.targetWeights,
                c.classMask,
                c.classWeights,
                c.rowWeights,
                c.rowOffsets,
                tally("denominator"))));
    MemorySegment statistics = result("statistics", c.rows * Records.STATISTICS);
    MemorySegment tally = tally("tally");
    MemorySegment gradient = full("gradient", xent_shape.gradient(c.shape));
    forward(c.shape, c.logits, "forward", gradient, statistics, tally);
    result("sum", Double.BYTES).set(ValueLayout.JAVA_DOUBLE, 0, kernels.tallySum(tally));
    MemorySegment inPlace = copyOfLogits("gradient in place");
    forward(c.shapeInPlace, inPlace, "in place", inPlace, NULL, NULL);
    lawful(
        "backward",
        kernels.run(
            KernelRun.onClasses(
                Function.CROSS_ENTROPY_BACKWARD,
                c.shapeOfRowUpstream,
                options,
                0,
                c.rows,
                0,
                c.classes,
                NULL,
                c.logits,
                c.targets,
                c.rowUpstream,
                full("gradient of upstream", xent_shape.gradient(c.shape)),
                c.targetWeights,
                c.classMask,
                c.classWeights,
                c.rowWeights,
                c.rowOffsets,
                statistics)));
  }

  private void forward(
      MemorySegment shape,
      MemorySegment logits,
      String name,
      MemorySegment gradient,
      MemorySegment statistics,
      MemorySegment tally) {
    boolean labels = c.labels();
    MemorySegment s = c.shape;
    lawful(
        name,
        kernels.run(
            KernelRun.onRows(
                Function.CROSS_ENTROPY,
                shape,
                options,
                0,
                c.rows,
                report(name + " report"),
                logits,
                c.targets,
                perRow(name + " losses", xent_shape.losses(s)),
                perRow(name + " log-sum-exp", xent_shape.log_sum_exp(s)),
                labels ? perRow(name + " hits", xent_shape.hits(s)) : NULL,
                gradient,
                c.targetWeights,
                c.classMask,
                c.classWeights,
                c.rowWeights,
                c.sink,
                labels ? perRow(name + " log p", xent_shape.log_probabilities(s)) : NULL,
                perRow(name + " argmax", xent_shape.argmax(s)),
                labels ? perRow(name + " ranks", xent_shape.ranks(s)) : NULL,
                perRow(name + " entropies", xent_shape.entropies(s)),
                top(name + " top classes", xent_shape.top_classes(s)),
                top(name + " top log p", xent_shape.top_log_probabilities(s)),
                targetGradient(name),
                c.rowOffsets,
                statistics,
                tally)));
  }

  private MemorySegment top(String name, MemorySegment layout) {
    return c.topCount == 0 ? NULL : few(name, layout, c.topCount);
  }

  private MemorySegment targetGradient(String name) {
    MemorySegment layout = xent_shape.target_gradient(c.shape);
    return switch (c.targetKind) {
      case NONE, LABELS -> NULL;
      case PROBABILITIES -> full(name + " target gradient", layout);
      case SPARSE -> few(name + " target gradient", layout, c.targetCount);
    };
  }

  /** Without targets, and with one result alone. */
  private void full() {
    MemorySegment s = c.shapeWithoutTargets;
    lawful(
        "no targets",
        kernels.run(
            KernelRun.onRows(
                Function.CROSS_ENTROPY,
                s,
                options,
                0,
                c.rows,
                report("plain report"),
                c.logits,
                NULL,
                NULL,
                perRow("plain log-sum-exp", xent_shape.log_sum_exp(s)),
                NULL,
                NULL,
                NULL,
                c.classMask,
                NULL,
                c.rowWeights,
                c.sink,
                NULL,
                perRow("plain argmax", xent_shape.argmax(s)),
                NULL,
                perRow("plain entropies", xent_shape.entropies(s)),
                top("plain top classes", xent_shape.top_classes(s)),
                top("plain top log p", xent_shape.top_log_probabilities(s)),
                NULL,
                c.rowOffsets)));
    lawful(
        "argmax alone",
        kernels.run(
            KernelRun.onRows(
                Function.CROSS_ENTROPY,
                s,
                options,
                0,
                c.rows,
                NULL,
                c.logits,
                NULL,
                NULL,
                NULL,
                NULL,
                NULL,
                NULL,
                c.classMask,
                NULL,
                NULL,
                NULL,
                NULL,
                perRow("argmax alone", xent_shape.argmax(s)),
                NULL,
                NULL,
                NULL,
                NULL,
                NULL,
                c.rowOffsets)));
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
        kernels.run(
            KernelRun.onRows(
                kind,
                c.shape,
                ofDivergence,
                0,
                c.rows,
                report(name + " report"),
                c.logits,
                c.teacher,
                perRow(name, xent_shape.losses(c.shape)),
                full(name + " gradient", xent_shape.gradient(c.shape)),
                c.classMask,
                c.rowWeights,
                tally(name + " tally"))));
  }

  private void hvp() {
    MemorySegment shape = arena.allocate(xent_shape.layout()).copyFrom(c.shape);
    int type = xent_layout.type(xent_shape.logits(shape));
    boolean wide = type == XentH.XENT_F64();
    xent_layout.type(xent_shape.output(shape), wide ? type : XentH.XENT_F32());
    lawful(
        "hvp",
        kernels.run(
            KernelRun.onRows(
                Function.CROSS_ENTROPY_HVP,
                shape,
                ofDivergence,
                0,
                c.rows,
                report("hvp report"),
                c.logits,
                c.upstream,
                full("hvp", xent_shape.output(shape)),
                c.classMask,
                c.rowWeights,
                c.sink,
                c.rowOffsets)));
  }

  private void softmaxInParts() {
    MemorySegment statistics = finish("softmax", false);
    MemorySegment y = full("softmax in parts", xent_shape.output(c.shape));
    MemorySegment log = full("log-softmax in parts", xent_shape.output(c.shape));
    for (long[] part : parts()) {
      lawful(
          "softmax in parts",
          kernels.run(
              KernelRun.onClasses(
                  Function.SOFTMAX,
                  c.shape,
                  options,
                  0,
                  c.rows,
                  part[0],
                  part[1],
                  NULL,
                  c.logits,
                  y,
                  c.classMask,
                  c.sink,
                  NULL,
                  statistics)));
      lawful(
          "log-softmax in parts",
          kernels.run(
              KernelRun.onClasses(
                  Function.LOG_SOFTMAX,
                  c.shape,
                  options,
                  0,
                  c.rows,
                  part[0],
                  part[1],
                  NULL,
                  c.logits,
                  log,
                  c.classMask,
                  c.sink,
                  NULL,
                  statistics)));
    }
    MemorySegment states = result("backward states", statesSize());
    for (long[] part : parts()) {
      lawful(
          "backward states",
          kernels.run(
              KernelRun.onClasses(
                  Function.BACKWARD_STATES,
                  c.shape,
                  withoutSoftcap,
                  0,
                  c.rows,
                  part[0],
                  part[1],
                  NULL,
                  y,
                  c.upstream,
                  c.classMask,
                  states)));
    }
    MemorySegment sums = result("backward statistics", c.rows * Records.STATISTICS);
    lawful(
        "backward finish",
        kernels.run(
            KernelRun.onRows(
                Function.FINISH,
                c.shape,
                withoutSoftcap,
                0,
                c.rows,
                report("backward finish report"),
                NULL,
                NULL,
                NULL,
                NULL,
                NULL,
                NULL,
                NULL,
                states,
                sums)));
    MemorySegment dx = full("softmax backward in parts", xent_shape.gradient(c.shape));
    for (long[] part : parts()) {
      lawful(
          "softmax backward in parts",
          kernels.run(
              KernelRun.onClasses(
                  Function.SOFTMAX_BACKWARD,
                  c.shape,
                  withoutSoftcap,
                  0,
                  c.rows,
                  part[0],
                  part[1],
                  NULL,
                  y,
                  c.upstream,
                  dx,
                  c.classMask,
                  NULL,
                  sums)));
    }
  }

  private void crossEntropyInParts() {
    MemorySegment statistics = finish("cross-entropy", true);
    MemorySegment dx = full("gradient in parts", xent_shape.gradient(c.shape));
    for (long[] part : parts()) {
      lawful(
          "gradient in parts",
          kernels.run(
              KernelRun.onClasses(
                  Function.CROSS_ENTROPY_BACKWARD,
                  c.shape,
                  options,
                  0,
                  c.rows,
                  part[0],
                  part[1],
                  NULL,
                  c.logits,
                  c.targets,
                  NULL,
                  dx,
                  c.targetWeights,
                  c.classMask,
                  c.classWeights,
                  c.rowWeights,
                  NULL,
                  statistics)));
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
    MemorySegment losses = perRow(name + " losses in parts", xent_shape.losses(c.shape));
    MemorySegment lse = perRow(name + " log-sum-exp in parts", xent_shape.log_sum_exp(c.shape));
    MemorySegment hits = perRow(name + " hits in parts", xent_shape.hits(c.shape));
    MemorySegment tally = tally(name + " tally in parts");
    for (int round = 0; round < 2; round++) {
      for (long[] part : parts()) {
        lawful(
            name + " states",
            kernels.run(
                KernelRun.onClasses(
                    Function.FORWARD_STATES,
                    c.shape,
                    options,
                    0,
                    c.rows,
                    part[0],
                    part[1],
                    NULL,
                    c.logits,
                    targets,
                    c.classMask,
                    loss ? c.targetWeights : NULL,
                    classWeights,
                    round == 0 ? NULL : statistics,
                    states)));
      }
      MemorySegment report = report(name + " finish report " + round);
      lawful(
          name + " finish",
          kernels.run(
              KernelRun.onRows(
                      Function.FINISH,
                      c.shape,
                      options,
                      0,
                      c.rows,
                      report,
                      targets,
                      loss ? losses : NULL,
                      lse,
                      loss && c.labels() ? hits : NULL,
                      classWeights,
                      rowWeights,
                      c.sink,
                      states,
                      statistics,
                      loss ? tally : NULL)
                  .choice(round)));
      if (xent_report.unfinished(report) == 0) {
        break;
      }
    }
    return statistics;
  }
}

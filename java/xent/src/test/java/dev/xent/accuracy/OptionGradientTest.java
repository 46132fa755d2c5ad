// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

import static dev.xent.accuracy.OptionCase.CLASSES;
import static dev.xent.accuracy.OptionCase.ENTRIES;
import static dev.xent.accuracy.OptionCase.ROWS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.Execution;
import dev.xent.Inputs;
import dev.xent.LossOutputs;
import dev.xent.Tensor;
import dev.xent.options.Backend;
import dev.xent.options.Reduction;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Losses and gradients, with respect to logits and to soft targets, of every combination of the
 * options of cross-entropy: against double-double arithmetic and its central differences.
 */
@Tag("slow")
@org.junit.jupiter.api.parallel.Execution(ExecutionMode.CONCURRENT)
class OptionGradientTest {
  /** Roundings of the type in the size of the terms that are added. */
  private static final double ALLOWED = 32;

  private double worst;
  private String where = "";
  private int compared;

  @ParameterizedTest
  @CsvSource({"F32, NATIVE", "F64, NATIVE", "F32, REFERENCE", "F64, REFERENCE"})
  void everyCombination(DType type, Backend backend) {
    List<OptionCase> all = OptionCase.all();
    for (OptionCase each : all) {
      compare(each, type, backend);
    }
    System.out.printf(
        "gradients of %s on %s: %d combinations, %,d numbers, worst %.1f roundings (%s)%n",
        type, backend, all.size(), compared, worst, where);
    assertThat(worst).as(where).isLessThan(ALLOWED);
  }

  private void compare(OptionCase c, DType type, Backend backend) {
    try (Arena arena = Arena.ofConfined()) {
      double[] losses = new double[ROWS];
      double[] dx = new double[ROWS * CLASSES];
      double[] dq = new double[c.q.length];
      compute(c, type, backend, arena, losses, dx, dq);
      double rounding = type == DType.F64 ? 0x1p-53 : 0x1p-24;
      DoubleDouble[] x = OptionCase.exact(c.x);
      DoubleDouble[] q = c.exactTargets();
      for (int row = 0; row < ROWS; row++) {
        int r = row;
        double lse = c.logSumExp(row, x).high();
        double scale = Math.abs(OptionCase.SCALE * c.rowWeight(row));
        double mass = 0;
        double size = c.zLoss * lse * lse;
        for (int k = 0; k < CLASSES; k++) {
          if (c.isCounted(k)) {
            double target = c.target(row, k, q).high();
            mass += target;
            size += target * (Math.abs(lse) + Math.abs(c.prepared(x[row * CLASSES + k]).high()));
          }
        }
        double expected = c.loss(row, x, q).high() / OptionCase.SCALE;
        check(losses[row], expected, rounding * size * c.rowWeight(row), c + " loss");
        for (int k = 0; k < CLASSES; k++) {
          int i = row * CLASSES + k;
          double slope = c.isCounted(k) ? Slope.of(moved -> c.loss(r, moved, q), x, i) : 0;
          double p = Math.exp(c.prepared(x[i]).high() - lse);
          double pull = p * (mass + 2 * c.zLoss * Math.abs(lse)) + c.target(row, k, q).high();
          double cooled = c.temperature == 0 ? pull : pull / c.temperature;
          check(dx[i], slope, rounding * scale * cooled, c + " class " + k);
        }
        int targets = c.kind == OptionCase.Kind.SPARSE ? ENTRIES : CLASSES;
        for (int j = 0; c.kind != OptionCase.Kind.LABELS && j < targets; j++) {
          int i = row * targets + j;
          int clazz = c.kind == OptionCase.Kind.SPARSE ? c.entries[i] : j;
          boolean taken = clazz >= 0 && c.isCounted(clazz);
          double slope = taken ? Slope.of(moved -> c.loss(r, x, moved), q, i) : 0;
          check(dq[i], slope, rounding * scale * (Math.abs(lse) + 10), c + " target " + j);
        }
      }
    }
  }

  private void check(double actual, double expected, double size, String what) {
    compared++;
    double roundings = actual == expected ? 0 : Math.abs(actual - expected) / size;
    if (!(roundings <= worst)) {
      worst = Double.isNaN(roundings) ? Double.POSITIVE_INFINITY : roundings;
      where = "%s: %s instead of %s".formatted(what, actual, expected);
    }
  }

  private static void compute(
      OptionCase c,
      DType type,
      Backend backend,
      Arena arena,
      double[] losses,
      double[] dx,
      double[] dq) {
    CrossEntropy.Builder builder =
        CrossEntropy.builder()
            .execution(Execution.defaults().withBackend(backend))
            .reduction(Reduction.SUM)
            .gradientScale(OptionCase.SCALE)
            .labelSmoothing(c.eps)
            .smoothing(c.smoothing)
            .zLoss(c.zLoss);
    if (c.temperature != 0) {
      builder.temperature(c.temperature);
    }
    if (c.softcap != 0) {
      builder.softcap(c.softcap);
    }
    if (c.classWeighted) {
      builder.classWeights(tensor(arena, type, c.classWeights, CLASSES));
    }
    if (c.kind == OptionCase.Kind.SPARSE) {
      builder.ignoreIndex(-100);
    }
    Inputs inputs = Inputs.none();
    inputs =
        c.rowWeighted ? inputs.withRowWeights(tensor(arena, type, c.rowWeights, ROWS)) : inputs;
    inputs = c.masked ? inputs.withClassMask(mask(arena, c.mask)) : inputs;
    inputs = c.sunk ? inputs.withSink(tensor(arena, type, c.sink, ROWS)) : inputs;
    Tensor targets =
        switch (c.kind) {
          case LABELS -> Tensor.of(c.labels);
          case PROBABILITIES -> tensor(arena, type, c.q, ROWS, CLASSES);
          case SPARSE -> Tensor.of(c.entries, ROWS, ENTRIES);
        };
    if (c.kind == OptionCase.Kind.SPARSE) {
      inputs = inputs.withTargetWeights(tensor(arena, type, c.q, ROWS, ENTRIES));
    }
    Tensor gradient = Tensor.allocate(arena, type, ROWS, CLASSES);
    Tensor ofLosses = Tensor.allocate(arena, type, ROWS);
    LossOutputs outcome = LossOutputs.create().losses(ofLosses);
    Tensor ofTargets =
        Tensor.allocate(arena, type, ROWS, c.kind == OptionCase.Kind.SPARSE ? ENTRIES : CLASSES);
    if (c.kind != OptionCase.Kind.LABELS) {
      outcome.targetGradient(ofTargets);
    }
    Tensor logits = tensor(arena, type, c.x, ROWS, CLASSES);
    builder.build().on(logits, targets, gradient).inputs(inputs).outputs(outcome).run();
    read(ofLosses, losses);
    read(gradient, dx);
    if (c.kind != OptionCase.Kind.LABELS) {
      read(ofTargets, dq);
    }
  }

  private static Tensor mask(Arena arena, byte[] flags) {
    Tensor tensor = Tensor.allocate(arena, DType.U8, flags.length);
    tensor.segment().copyFrom(MemorySegment.ofArray(flags));
    return tensor;
  }

  private static Tensor tensor(Arena arena, DType type, float[] values, long... shape) {
    Tensor tensor = Tensor.allocate(arena, type, shape);
    for (int i = 0; i < values.length; i++) {
      if (type == DType.F64) {
        tensor.segment().setAtIndex(ValueLayout.JAVA_DOUBLE, i, values[i]);
      } else {
        tensor.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, values[i]);
      }
    }
    return tensor;
  }

  private static void read(Tensor tensor, double[] into) {
    for (int i = 0; i < into.length; i++) {
      into[i] =
          tensor.type() == DType.F64
              ? tensor.segment().getAtIndex(ValueLayout.JAVA_DOUBLE, i)
              : tensor.segment().getAtIndex(ValueLayout.JAVA_FLOAT, i);
    }
  }
}

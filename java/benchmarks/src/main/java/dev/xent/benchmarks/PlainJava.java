// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import dev.xent.cli.bench.Shape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import org.openjdk.jmh.annotations.Benchmark;

/** Typical loops without a library: float arrays, Math.exp, sums in double. */
public final class PlainJava implements Candidate {
  @Override
  public String name() {
    return "java";
  }

  @Override
  public Kind kind() {
    return Kind.PEER;
  }

  @Override
  public Class<? extends Cell> cell() {
    return Timed.class;
  }

  @Override
  public Map<String, Task> tasks(Problem problem) {
    if (problem.operation.isSampling()) {
      return PlainSampling.of(problem);
    }
    if (!problem.operation.isPlain()) {
      return Map.of();
    }
    return Map.of(
        "loops", problem.operation.isBinary() ? new BinaryLoop(problem) : new Loops(problem));
  }

  /**
   * Works on rows of contiguous classes; if classes are not contiguous, copies each row there and
   * back.
   */
  private static final class Loops implements Task {
    private final Operation operation;
    private final int classes;
    private final int inner;
    private final int rows;
    private final float[] x;
    private final float[] dy;
    private final int[] labels;
    private final float[] y;
    private final float[] rowX;
    private final float[] rowDy;
    private final float[] rowY;

    Loops(Problem problem) {
      Shape shape = problem.shape;
      operation = problem.operation;
      classes = Math.toIntExact(shape.classes());
      inner = Math.toIntExact(shape.inner());
      rows = Math.toIntExact(shape.rows());
      x = problem.input.toArray(ValueLayout.JAVA_FLOAT);
      dy =
          operation.isBackward()
              ? problem.upstream().toArray(ValueLayout.JAVA_FLOAT)
              : new float[0];
      labels = new int[operation.hasLabels() ? rows : 0];
      for (int row = 0; row < labels.length; row++) {
        labels[row] = (int) problem.labels().getAtIndex(ValueLayout.JAVA_LONG, row);
      }
      y = new float[x.length];
      rowX = new float[classes];
      rowDy = new float[classes];
      rowY = new float[classes];
    }

    @Override
    public double run() {
      double loss = 0;
      for (int row = 0; row < rows; row++) {
        if (inner == 1) {
          loss += row(row, x, dy, y, row * classes);
        } else {
          loss += column(row);
        }
      }
      return loss / rows;
    }

    private double column(int row) {
      int first = row / inner * classes * inner + row % inner;
      for (int c = 0; c < classes; c++) {
        rowX[c] = x[first + c * inner];
      }
      if (operation.isBackward()) {
        for (int c = 0; c < classes; c++) {
          rowDy[c] = dy[first + c * inner];
        }
      }
      double loss = row(row, rowX, rowDy, rowY, 0);
      if (operation.hasOutput()) {
        for (int c = 0; c < classes; c++) {
          y[first + c * inner] = rowY[c];
        }
      }
      return loss;
    }

    /** Computes one row, which begins at {@code from} in all arrays; returns its loss. */
    private double row(int row, float[] x, float[] dy, float[] y, int from) {
      int to = from + classes;
      switch (operation.kind) {
        case SOFTMAX -> scale(y, from, to, 1 / exponentials(x, y, from, to, largest(x, from, to)));
        case LOG_SOFTMAX -> logSoftmax(x, y, from, to);
        case SOFTMAX_BACKWARD -> softmaxBackward(x, dy, y, from, to);
        case LOG_SOFTMAX_BACKWARD -> logSoftmaxBackward(x, dy, y, from, to);
        case CROSS_ENTROPY -> {
          float largest = largest(x, from, to);
          return Math.log(sum(x, from, to, largest)) + largest - x[from + labels[row]];
        }
        case CROSS_ENTROPY_GRAD -> {
          float largest = largest(x, from, to);
          double sum = exponentials(x, y, from, to, largest);
          scale(y, from, to, 1 / (sum * rows));
          y[from + labels[row]] -= 1f / rows;
          return Math.log(sum) + largest - x[from + labels[row]];
        }
        case BINARY_CROSS_ENTROPY, BINARY_CROSS_ENTROPY_GRAD, SAMPLE ->
            throw new AssertionError(operation);
      }
      return 0;
    }

    private static float largest(float[] x, int from, int to) {
      float largest = Float.NEGATIVE_INFINITY;
      for (int i = from; i < to; i++) {
        largest = Math.max(largest, x[i]);
      }
      return largest;
    }

    private static double sum(float[] x, int from, int to, float largest) {
      double sum = 0;
      for (int i = from; i < to; i++) {
        sum += Math.exp(x[i] - largest);
      }
      return sum;
    }

    /** Writes the exponentials and returns their sum. */
    private static double exponentials(float[] x, float[] y, int from, int to, float largest) {
      double sum = 0;
      for (int i = from; i < to; i++) {
        double e = Math.exp(x[i] - largest);
        sum += e;
        y[i] = (float) e;
      }
      return sum;
    }

    private static void scale(float[] y, int from, int to, double factor) {
      float f = (float) factor;
      for (int i = from; i < to; i++) {
        y[i] *= f;
      }
    }

    private static void logSoftmax(float[] x, float[] y, int from, int to) {
      float largest = largest(x, from, to);
      float logSumExp = (float) (largest + Math.log(sum(x, from, to, largest)));
      for (int i = from; i < to; i++) {
        y[i] = x[i] - logSumExp;
      }
    }

    private static void softmaxBackward(float[] p, float[] dy, float[] dx, int from, int to) {
      double sum = 0;
      for (int i = from; i < to; i++) {
        sum += p[i] * dy[i];
      }
      float dot = (float) sum;
      for (int i = from; i < to; i++) {
        dx[i] = p[i] * (dy[i] - dot);
      }
    }

    private static void logSoftmaxBackward(float[] y, float[] dy, float[] dx, int from, int to) {
      double sum = 0;
      for (int i = from; i < to; i++) {
        sum += dy[i];
      }
      for (int i = from; i < to; i++) {
        dx[i] = (float) (dy[i] - Math.exp(y[i]) * sum);
      }
    }

    @Override
    public double check(MemorySegment output) {
      double loss = run();
      MemorySegment.copy(y, 0, output, ValueLayout.JAVA_FLOAT, 0, y.length);
      return loss;
    }
  }

  /** Computes a loss for every element. */
  private static final class BinaryLoop implements Task {
    private final boolean withGradient;
    private final float[] x;
    private final float[] t;
    private final float[] y;

    BinaryLoop(Problem problem) {
      withGradient = problem.operation.hasOutput();
      x = problem.input.toArray(ValueLayout.JAVA_FLOAT);
      t = problem.targets().toArray(ValueLayout.JAVA_FLOAT);
      y = new float[x.length];
    }

    @Override
    public double run() {
      double loss = 0;
      for (int i = 0; i < x.length; i++) {
        double e = Math.exp(-Math.abs(x[i]));
        loss += Math.max(x[i], 0) - t[i] * x[i] + Math.log1p(e);
        if (withGradient) {
          double sigmoid = (x[i] < 0 ? e : 1) / (1 + e);
          y[i] = (float) ((sigmoid - t[i]) / x.length);
        }
      }
      return loss / x.length;
    }

    @Override
    public double check(MemorySegment output) {
      double loss = run();
      MemorySegment.copy(y, 0, output, ValueLayout.JAVA_FLOAT, 0, y.length);
      return loss;
    }
  }

  /** For JMH. */
  public static class Timed extends Cell {
    /** One call. */
    @Benchmark
    public double java() throws Exception {
      return task.run();
    }
  }
}

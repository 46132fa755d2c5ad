// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.Execution;
import dev.xent.LogSoftmax;
import dev.xent.Sampler;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.options.Backend;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.DoubleSupplier;

/**
 * The reference in Java beside the loops that a program would have without Xent, in turns in one
 * process: one row of F32, off the heap and on it. Prints times and their ratio.
 */
public final class ReferenceBench {
  private static final int ROUNDS = 41;
  private static final long ROUND_NANOS = 4_000_000;
  private static final long WARM_NANOS = 1_000_000_000;
  private static final float TOP_P = 0.95f;
  private static final float TEMPERATURE = 0.8f;

  private static double sink;

  private final float[] x;
  private final float[] y;
  private final int[] heap;
  private final SplittableRandom random = new SplittableRandom(2);
  private final int label;
  private long step;

  private ReferenceBench(int classes) {
    x = new float[classes];
    y = new float[classes];
    heap = new int[classes];
    label = classes / 2;
    SplittableRandom values = new SplittableRandom(1);
    for (int i = 0; i < classes; i++) {
      x[i] = (float) (4 * values.nextGaussian());
    }
  }

  /** Takes numbers of classes. */
  public static void main(String[] args) {
    int[] sizes =
        args.length == 0
            ? new int[] {10, 1000, 128_256}
            : Arrays.stream(args).mapToInt(Integer::parseInt).toArray();
    System.out.println("| operation | classes | memory | Java, us | reference, us | ratio |");
    System.out.println("|---|---:|---|---:|---:|---:|");
    for (int classes : sizes) {
      new ReferenceBench(classes).run();
    }
  }

  private void run() {
    run(
        "off heap",
        Arena.global().allocate(4L * x.length, 64),
        Arena.global().allocate(4L * x.length, 64));
    run("heap", MemorySegment.ofArray(x), MemorySegment.ofArray(new float[x.length]));
  }

  private void run(String memory, MemorySegment from, MemorySegment to) {
    MemorySegment.copy(MemorySegment.ofArray(x), 0, from, 0, 4L * x.length);
    Tensor logits = Tensor.of(from, DType.F32, 1, x.length);
    Tensor output = Tensor.of(to, DType.F32, 1, x.length);
    Tensor labels = Tensor.of(new long[] {label}, 1);
    Execution reference = Execution.sequential().backend(Backend.REFERENCE);
    Softmax softmax = Softmax.builder().execution(reference).build();
    LogSoftmax logSoftmax = LogSoftmax.builder().execution(reference).build();
    CrossEntropy loss = CrossEntropy.builder().execution(reference).build();
    Sampler.Builder sampler = Sampler.builder().execution(reference);
    Sampler greedy = sampler.temperature(0).build();
    Sampler warm = Sampler.builder().execution(reference).temperature(TEMPERATURE).build();
    Sampler nucleus =
        Sampler.builder().execution(reference).temperature(TEMPERATURE).topP(TOP_P).build();
    pair(
        "softmax",
        memory,
        this::softmax,
        () -> {
          softmax.forward(logits, output);
          return 0;
        });
    pair(
        "log-softmax",
        memory,
        this::logSoftmax,
        () -> {
          logSoftmax.forward(logits, output);
          return 0;
        });
    pair("loss", memory, this::loss, () -> loss.forward(logits, labels));
    pair(
        "loss and gradient",
        memory,
        this::gradient,
        () -> loss.forwardBackward(logits, labels, output));
    pair("greedy", memory, this::greedy, () -> greedy.token(logits, step++));
    pair("temperature", memory, this::categorical, () -> warm.token(logits, step++));
    pair("top-p", memory, this::topP, () -> nucleus.token(logits, step++));
  }

  private void pair(
      String operation, String memory, DoubleSupplier java, DoubleSupplier reference) {
    warm(java);
    warm(reference);
    double[] own = new double[ROUNDS];
    double[] other = new double[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
      own[i] = nanos(java);
      other[i] = nanos(reference);
    }
    Arrays.sort(own);
    Arrays.sort(other);
    System.out.printf(
        Locale.ROOT,
        "| %s | %d | %s | %.3f | %.3f | %.2f |%n",
        operation,
        x.length,
        memory,
        own[ROUNDS / 2] / 1e3,
        other[ROUNDS / 2] / 1e3,
        other[ROUNDS / 2] / own[ROUNDS / 2]);
  }

  private static void warm(DoubleSupplier task) {
    long end = System.nanoTime() + WARM_NANOS;
    while (System.nanoTime() < end) {
      sink += task.getAsDouble();
    }
  }

  /** Of a call, the mean of as many as a round has time for. */
  private static double nanos(DoubleSupplier task) {
    long begin = System.nanoTime();
    long calls = 0;
    long now = begin;
    while (now - begin < ROUND_NANOS) {
      for (int i = 0; i < 8; i++) {
        sink += task.getAsDouble();
      }
      calls += 8;
      now = System.nanoTime();
    }
    return (double) (now - begin) / calls;
  }

  private float largest() {
    float largest = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < x.length; i++) {
      largest = Math.max(largest, x[i]);
    }
    return largest;
  }

  private double exponentials(float temperature) {
    float largest = largest();
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      double e = Math.exp((x[i] - largest) / temperature);
      sum += e;
      y[i] = (float) e;
    }
    return sum;
  }

  private void scale(double by) {
    float factor = (float) by;
    for (int i = 0; i < y.length; i++) {
      y[i] *= factor;
    }
  }

  private double softmax() {
    scale(1 / exponentials(1));
    return y[0];
  }

  private double logSumExp() {
    float largest = largest();
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      sum += Math.exp(x[i] - largest);
    }
    return largest + Math.log(sum);
  }

  private double logSoftmax() {
    float logSumExp = (float) logSumExp();
    for (int i = 0; i < x.length; i++) {
      y[i] = x[i] - logSumExp;
    }
    return y[0];
  }

  private double loss() {
    return logSumExp() - x[label];
  }

  private double gradient() {
    double sum = exponentials(1);
    scale(1 / sum);
    y[label] -= 1;
    return Math.log(sum) + largest() - x[label];
  }

  private double greedy() {
    int best = 0;
    for (int i = 1; i < x.length; i++) {
      if (x[i] > x[best]) {
        best = i;
      }
    }
    return best;
  }

  private double categorical() {
    double wanted = random.nextDouble() * exponentials(TEMPERATURE);
    double sum = 0;
    for (int i = 0; i < y.length; i++) {
      sum += y[i];
      if (sum > wanted) {
        return i;
      }
    }
    return y.length - 1;
  }

  private double topP() {
    scale(1 / exponentials(TEMPERATURE));
    return Nucleus.ofHeap(y, 0, y.length, heap, random.nextDouble());
  }
}

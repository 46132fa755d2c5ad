// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** The rows that accuracy is measured on: the same in every run, others in every round. */
final class Rows {
  private static final int CHUNK = 8192;
  private static final double[] SPREADS = {1e-3, 0.1, 1, 3, 10, 30, 100, 1000};
  private static final double[] SMOOTHINGS = {0.1, 1e-3, 0.5, 1, 1e-9};

  private final int round;
  private final int every;
  private final int longest;
  private final Consumer<Row> consumer;
  private SplittableRandom random = new SplittableRandom(0);
  private int count;

  private Rows(int round, int every, int longest, Consumer<Row> consumer) {
    this.round = round;
    this.every = every;
    this.longest = longest;
    this.consumer = consumer;
  }

  /**
   * Hands out the rows.
   *
   * @param rounds how often, each time with other random numbers
   * @param every 1: all of them; 10: a tenth
   * @param longest classes of the longest row to hand out
   */
  static void forEach(int rounds, int every, int longest, Consumer<Row> consumer) {
    for (int round = 0; round < rounds; round++) {
      Rows rows = new Rows(round, every, longest, consumer);
      rows.spreads();
      rows.gaps();
      rows.spikes();
      rows.lostTails();
      rows.faintTails();
      rows.longOnes();
      rows.hugeOffsets();
      rows.flatOnes();
    }
  }

  /** Normally distributed logits of all small class counts, some classes at -inf. */
  private void spreads() {
    for (int classes = 1; classes <= 300; classes++) {
      for (double spread : SPREADS) {
        int n = classes;
        add("random, spread " + spread, n, begin(n), () -> normal(n, spread));
      }
      int n = classes;
      int label = begin(n);
      add("random, half masked", n, label, () -> masked(normal(n, 3), label));
    }
  }

  /** A label that far above or below all others: small losses and label gradients. */
  private void gaps() {
    for (int gap = 1; gap <= 94; gap++) {
      for (int classes : new int[] {2, 3, 10, 100, 129, 1000, 1025}) {
        int label = begin(classes);
        double exactGap = gap;
        add("gap " + gap, classes, label, () -> raised(new float[classes], label, exactGap));
        add(
            "gap about " + gap,
            classes,
            label,
            () -> raised(normal(classes, 0.7), label, exactGap + random.nextDouble()));
        add("gap -" + gap, classes, label, () -> raised(normal(classes, 0.7), label, -exactGap));
      }
    }
  }

  /** One class above very many that are equal; the label there, or in the tail. */
  private void spikes() {
    for (int height = 3; height <= 40; height++) {
      spike(1_000, height);
      spike(10_000, height);
      if ((height + round) % 6 == 0) {
        spike(100_000, height);
      }
      if ((height + round) % 18 == 0) {
        spike(1_000_000, height);
      }
    }
  }

  private void spike(int classes, int height) {
    int spike = begin(classes);
    double exactHeight = height + random.nextInt(4) / 4.0;
    int label = random.nextInt(3) > 0 ? spike : random.nextInt(classes);
    add(
        "spike of " + exactHeight,
        classes,
        label,
        () -> raised(new float[classes], spike, exactHeight));
  }

  /**
   * One class next to which every float sum of exponentials loses nearly half an ulp. The label is
   * among the others, and in every second row so far above all that the sums are of the others
   * alone.
   */
  private void lostTails() {
    for (int classes : new int[] {16, 32, 64, 100, 127, 128, 129, 256, 1024, CHUNK + 128}) {
      for (int i = 0; i < 40; i++) {
        int spike = (classes - 1) / CHUNK * CHUNK;
        int label = spike + 1 + begin(classes - spike - 1);
        double height = i % 2 == 0 ? 0 : random.nextDouble(3, 30);
        add("lost tail", classes, label, () -> lostTail(classes, spike, label, height));
      }
    }
  }

  private float[] lostTail(int classes, int spike, int label, double height) {
    float[] x = new float[classes];
    Arrays.fill(x, 0, spike, -60);
    for (int k = spike + 1; k < classes; k++) {
      x[k] = (float) Math.log(lost(k - spike) * (1 - 0.01 * random.nextDouble()));
    }
    return height == 0 ? x : raised(x, label, height);
  }

  /** The share of the k-th class after the one, of 1, in half an ulp of a sum of both. */
  private static double lost(int k) {
    int lane = k % 16;
    int terms = lane == 0 ? Integer.highestOneBit(k / 16 % 8) : 64 / Integer.lowestOneBit(lane);
    return 0x1p-24 / Math.max(1, terms);
  }

  /**
   * Losses of a little more than classes * 2^-bits. The logits of all classes but two are so low
   * that their exponentials begin to vanish; the largest logit is as far below its reference as it
   * can be.
   */
  private void faintTails() {
    float max = 0.34675f; // 0.50025 ln 2
    for (int classes : new int[] {128, 1024, 1100, CHUNK, 10_000}) {
      for (int bits = 130; bits <= 136; bits++) {
        for (double tail : new double[] {155.1, 155.6, 156.1, 156.4, 156.51, 157.1}) {
          int drawn = begin(classes);
          int label = random.nextBoolean() ? 0 : drawn;
          int other = (label + 1) % classes;
          double second = max + Math.log(classes) - (bits - 0.001) * Math.log(2);
          float rest = (float) (max - tail * Math.log(2));
          add(
              "2^-%s under 2^-%d * classes".formatted(tail, bits),
              classes,
              label,
              () -> raised(raised(flat(classes, rest), other, second), label, max));
        }
      }
    }
  }

  private void longOnes() {
    for (int classes :
        new int[] {1000, 1024, 1025, CHUNK - 1, CHUNK, CHUNK + 1, 32_000, 128_256, 256_000}) {
      for (double spread : new double[] {0.3, 2, 8}) {
        if (classes < 100_000 || spread == 2) {
          add("random, spread " + spread, classes, begin(classes), () -> normal(classes, spread));
          add("rising, spread " + spread, classes, begin(classes), () -> rising(classes, spread));
        }
      }
    }
  }

  /** Logits so large that they are only a few floats apart, or neighbours. */
  private void hugeOffsets() {
    for (double offset : new double[] {16384, 1e5, 1e6, 1e10, 1e20, 1e38, 3e38}) {
      for (int sign = -1; sign <= 1; sign += 2) {
        for (int classes : new int[] {2, 5, 64, 300, 2000}) {
          float around = (float) (sign * offset);
          String name = "around " + around;
          add(name, classes, begin(classes), () -> steps(classes, around));
          add(name + " and 0", classes, begin(classes), () -> mixed(classes, around));
        }
      }
    }
  }

  private void flatOnes() {
    for (int classes :
        new int[] {1, 2, 3, 7, 100, 127, 128, 129, 1000, 1024, 1025, 5000, 100_000}) {
      for (float value : new float[] {0f, -0f, 1f, -87.3f, 16384f, -16385f, 1e30f}) {
        if (classes < 100_000 || value == 1f) {
          add("flat " + value, classes, begin(classes), () -> flat(classes, value));
        }
      }
    }
  }

  // ---- logits ----------------------------------------------------------------------------------

  private float[] normal(int classes, double spread) {
    float[] x = new float[classes];
    for (int k = 0; k < classes; k++) {
      x[k] = (float) (random.nextGaussian() * spread);
    }
    return x;
  }

  private float[] rising(int classes, double spread) {
    float[] x = normal(classes, spread);
    Arrays.sort(x);
    return x;
  }

  private float[] masked(float[] x, int label) {
    for (int k = 0; k < x.length; k++) {
      if (k != label && random.nextBoolean()) {
        x[k] = Float.NEGATIVE_INFINITY;
      }
    }
    return x;
  }

  private static float[] raised(float[] x, int at, double gap) {
    x[at] = (float) gap;
    return x;
  }

  private float[] steps(int classes, float around) {
    float[] x = flat(classes, around);
    double step = Math.min(Math.ulp(around), 1);
    for (int k = 0; k < classes; k++) {
      x[k] = (float) (around - step * random.nextInt(20));
    }
    return x;
  }

  private float[] mixed(int classes, float around) {
    float[] x = steps(classes, around);
    for (int k = 0; k < classes; k += 2) {
      x[k] = (float) random.nextGaussian();
    }
    return x;
  }

  private static float[] flat(int classes, float value) {
    float[] x = new float[classes];
    Arrays.fill(x, value);
    return x;
  }

  // ---- the rest of a row -----------------------------------------------------------------------

  /** Begins a row: from here on its numbers depend on its place alone. Returns a random class. */
  private int begin(int classes) {
    random = new SplittableRandom(round * 1_000_003L + count);
    return random.nextInt(classes);
  }

  private void add(String name, int classes, int label, Supplier<float[]> logits) {
    if (count++ % every == 0 && classes <= longest) {
      float[] x = logits.get();
      String full =
          "%s, %d classes, label %d (round %d, row %d)"
              .formatted(name, classes, label, round, count - 1);
      double smoothing = SMOOTHINGS[random.nextInt(SMOOTHINGS.length)];
      consumer.accept(new Row(full, x, label, targets(classes), smoothing, scale(classes)));
    }
  }

  /** 1, that of a mean over a batch, or any of either sign from 1e-35 to 1e30. */
  private double scale(int classes) {
    return switch (random.nextInt(3)) {
      case 0 -> 1;
      case 1 -> -1.0 / classes;
      default -> (random.nextBoolean() ? 1 : -1) * Math.pow(10, random.nextDouble(-35, 30));
    };
  }

  /** Probabilities; or one class alone; or numbers that sum to anything, some negative, some 0. */
  private float[] targets(int classes) {
    float[] q = new float[classes];
    int kind = random.nextInt(4);
    if (kind == 0) {
      q[random.nextInt(classes)] = 1;
      return q;
    }
    double sum = 0;
    for (int k = 0; k < classes; k++) {
      double value = kind == 3 ? random.nextGaussian() : Math.exp(2 * random.nextGaussian());
      q[k] = random.nextInt(4) == 0 ? 0 : (float) value;
      sum += q[k];
    }
    if (kind == 1 && sum > 0) {
      for (int k = 0; k < classes; k++) {
        q[k] = (float) (q[k] / sum);
      }
    }
    return q;
  }
}

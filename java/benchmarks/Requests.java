// SPDX-License-Identifier: Apache-2.0
import dev.xent.Softmax;
import dev.xent.Tensor;
import java.util.Arrays;
import java.util.Locale;

/**
 * The time of a softmax of 1,000 classes that a service computes once per request, by Xent and by a
 * plain loop, at three stages in the life of the JVM. Arguments: the milliseconds to sleep before
 * each call (0), and the number of requests (20,100).
 *
 * <p>Both take turns. Before each call the program does what a service does between two of them: it
 * waits, formats and parses numbers, allocates the logits, and touches memory of the size of a
 * cache.
 */
final class Requests {
  private static final int CLASSES = 1_000;
  private static final int STAGE = 100;
  private static final int[] STAGES = {0, 1_000, 20_000};
  private static final int SWEPT = 1 << 19; // longs: 4 MiB
  private static final Softmax SOFTMAX = Softmax.along(-1);

  private static final long[] SWEPT_MEMORY = new long[SWEPT];

  /** Receives results, so that the compiler removes no call. */
  private static volatile double sink;

  private Requests() {}

  public static void main(String[] args) throws InterruptedException {
    int pause = args.length < 1 ? 0 : Integer.parseInt(args[0]);
    int requests = args.length < 2 ? 20_000 + STAGE : Integer.parseInt(args[1]);
    double[] xent = new double[requests];
    double[] loop = new double[requests];
    double worst = 0;
    for (int i = 0; i < requests; i++) {
      float[] logits = answerOfAModel(i, pause);
      float[] first = new float[CLASSES];
      long begin = System.nanoTime();
      SOFTMAX.forward(Tensor.of(logits), Tensor.of(first));
      xent[i] = System.nanoTime() - begin;

      logits = answerOfAModel(i, pause);
      float[] second = new float[CLASSES];
      begin = System.nanoTime();
      softmax(logits, second);
      loop[i] = System.nanoTime() - begin;
      for (int k = 0; k < CLASSES; k++) {
        worst = Math.max(worst, Math.abs(first[k] - second[k]));
      }
    }
    if (worst > 1e-6) {
      throw new AssertionError("the results differ by " + worst);
    }
    System.out.println("| calls | loop, µs | Xent, µs | Xent / loop |\n|---|---:|---:|---:|");
    for (int stage : STAGES) {
      int from = stage == 0 ? 1 : stage; // the very first call loads the library
      int to = stage == 0 ? STAGE / 2 : stage + STAGE;
      if (to <= requests) {
        double ofLoop = median(loop, from, to);
        double ofXent = median(xent, from, to);
        System.out.printf(
            Locale.ROOT,
            "| %,d to %,d | %.1f | %.1f | %.2f |%n",
            from + 1, to, ofLoop / 1e3, ofXent / 1e3, ofXent / ofLoop);
      }
    }
    System.out.printf(Locale.ROOT, "%nThe first call of Xent: %.0f ms.%n", xent[0] / 1e6);
  }

  /** Logits that arrive as text, after other work. */
  private static float[] answerOfAModel(int request, int pause) throws InterruptedException {
    if (pause > 0) {
      Thread.sleep(pause); // 0 would give the processor away, too
    }
    StringBuilder text = new StringBuilder();
    long random = 0x9E3779B97F4A7C15L * (request + 1);
    for (int i = 0; i < CLASSES; i++) {
      random = random * 6364136223846793005L + 1442695040888963407L;
      text.append((random >>> 40) % 20_000 / 1_000f).append(' ');
    }
    String[] words = text.toString().split(" ");
    float[] logits = new float[CLASSES];
    for (int i = 0; i < CLASSES; i++) {
      logits[i] = Float.parseFloat(words[i]) - 10;
    }
    long sum = 0;
    for (int i = 0; i < SWEPT; i += 8) {
      sum += SWEPT_MEMORY[i]++;
    }
    sink = sum;
    return logits;
  }

  /** What a service without a library has. */
  private static void softmax(float[] x, float[] y) {
    float largest = Float.NEGATIVE_INFINITY;
    for (float value : x) {
      largest = Math.max(largest, value);
    }
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      double e = Math.exp(x[i] - largest);
      y[i] = (float) e;
      sum += e;
    }
    float scale = (float) (1 / sum);
    for (int i = 0; i < y.length; i++) {
      y[i] *= scale;
    }
  }

  private static double median(double[] nanos, int from, int to) {
    double[] sorted = Arrays.copyOfRange(nanos, from, to);
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}

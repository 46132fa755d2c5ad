// SPDX-License-Identifier: Apache-2.0
import dev.xent.*;
import java.util.Arrays;

/**
 * Rare calls of several kinds on Java arrays. Prints their number, a hash of all results, how many arrays they pinned,
 * and why they may not. The JVM itself pins arrays while it loads classes, so the first calls are not counted.
 */
public final class Pins {
  private static final int CALLS = 400;
  private static final int COUNTED_FROM = 100;
  private static final int ROWS = 4;
  private static final int CLASSES = 100;

  /** The number of arrays that native methods of this JVM have pinned. */
  private static native long pins();

  public static void main(String[] arguments) {
    float[] logits = new float[ROWS * CLASSES];
    float[] results = new float[ROWS * CLASSES];
    float[] losses = new float[ROWS];
    long[] top = new long[ROWS];
    Tensor rows = Tensor.of(logits, ROWS, CLASSES);
    Tensor outputs = Tensor.of(results, ROWS, CLASSES);
    Tensor labels = Tensor.of(new int[] {1, 2, 3, 4}, ROWS);
    Softmax softmax = Softmax.along(-1);
    CrossEntropy loss = CrossEntropy.mean();
    var bound = LogSumExp.along(-1).on(rows, Tensor.of(losses, ROWS));
    SamplerCursor cursor = Sampler.builder().temperature(0.8).topK(20).seed(7).build().start();
    long hash = 0;
    int calls = 0;
    long before = 0;
    for (int i = 0; i < CALLS; i++) {
      if (i == COUNTED_FROM) {
        before = pins();
      }
      for (int j = 0; j < logits.length; j++) {
        logits[j] = (i * 31 + j * 17) % 97 / 10f;
      }
      softmax.forward(rows, outputs);
      hash = 31 * hash + Arrays.hashCode(results);
      hash = 31 * hash + Double.hashCode(loss.forwardBackward(rows, labels, outputs));
      hash = 31 * hash + Arrays.hashCode(results);
      bound.run();
      hash = 31 * hash + Arrays.hashCode(losses);
      hash = 31 * hash + cursor.next(Arrays.copyOf(logits, CLASSES));
      Argmax.along(-1).forward(rows, Tensor.of(top, ROWS));
      hash = 31 * hash + Arrays.hashCode(top);
      calls += 5;
    }
    System.out.println("pins " + (pins() - before));
    System.out.printf("calls %d hash %016x%n", calls, hash);
    System.out.println("runtime " + XentRuntime.get().unpinnedReason());
  }
}

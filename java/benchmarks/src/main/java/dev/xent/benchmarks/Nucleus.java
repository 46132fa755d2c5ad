// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

/** Draws from the largest classes of a row with the total mass {@link Operation#TOP_P}. */
public final class Nucleus {
  private Nucleus() {}

  /**
   * Draws from probabilities in descending order.
   *
   * @param p the probabilities of a row from {@code from} on
   * @param random in [0, 1)
   * @return the index of the drawn one, counted from {@code from}
   */
  public static int ofFalling(float[] p, int from, int count, double random) {
    float mass = 0;
    int kept = 0;
    while (kept < count && mass < Operation.TOP_P) {
      mass += p[from + kept++];
    }
    double wanted = random * mass;
    float sum = 0;
    for (int i = 0; i < kept; i++) {
      sum += p[from + i];
      if (sum > wanted) {
        return i;
      }
    }
    return kept - 1;
  }

  /**
   * Draws from probabilities in the order of classes, as llama3.java does: omits the ones too small
   * for any nucleus, builds a heap of the rest, and takes the largest until they reach the mass.
   *
   * @param p the probabilities of a row from {@code from} on
   * @param heap memory for {@code count} classes
   * @param random in [0, 1)
   * @return the class
   */
  public static int ofHeap(float[] p, int from, int count, int[] heap, double random) {
    float cutoff = (float) ((1 - Operation.TOP_P) / (count - 1));
    int size = 0;
    for (int i = 0; i < count; i++) {
      if (p[from + i] >= cutoff) {
        heap[size++] = i;
      }
    }
    for (int i = size / 2 - 1; i >= 0; i--) {
      sink(p, from, heap, i, size);
    }
    // Removed classes go after the heap, so the nucleus is at the end of the array.
    int left = size;
    float mass = 0;
    while (left > 0 && mass < Operation.TOP_P) {
      int largest = heap[0];
      heap[0] = heap[--left];
      sink(p, from, heap, 0, left);
      heap[left] = largest;
      mass += p[from + largest];
    }
    double wanted = random * mass;
    float sum = 0;
    for (int i = size - 1; i > left; i--) {
      sum += p[from + heap[i]];
      if (sum > wanted) {
        return heap[i];
      }
    }
    return heap[left];
  }

  private static void sink(float[] p, int from, int[] heap, int at, int size) {
    int moved = heap[at];
    int i = at;
    for (int child = 2 * i + 1; child < size; child = 2 * i + 1) {
      if (child + 1 < size && p[from + heap[child + 1]] > p[from + heap[child]]) {
        child++;
      }
      if (p[from + heap[child]] <= p[from + moved]) {
        break;
      }
      heap[i] = heap[child];
      i = child;
    }
    heap[i] = moved;
  }
}

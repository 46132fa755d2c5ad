// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import dev.xent.benchmarks.Operation.Option;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;

/** Draws tokens as a program in plain Java does. */
final class PlainSampling implements Task {
  private enum Way {
    /** Sorts values with their classes. */
    SORT,
    /** Keeps the k largest in a heap. */
    HEAP_OF_K,
    /** The method of llama3.java. */
    LLAMA3_JAVA
  }

  private static final int SIGN = 0x7fffffff;

  private final Problem problem;
  private final Way way;
  private final int rows;
  private final int classes;
  private final int listed;
  private final float[] x;
  private final float[] p;
  private final long[] keys;
  private final int[] heap;
  private final SplittableRandom random = new SplittableRandom(1);

  private PlainSampling(Problem problem, Way way) {
    this.problem = problem;
    this.way = way;
    rows = Math.toIntExact(problem.shape.rows());
    classes = Math.toIntExact(problem.shape.classes());
    listed = problem.operation.option == Option.ALL_CLASSES ? classes : Operation.TOP_K;
    x = problem.input.toArray(ValueLayout.JAVA_FLOAT);
    p = new float[classes];
    keys = new long[way == Way.HEAP_OF_K ? listed : classes];
    heap = new int[classes];
  }

  static Map<String, Task> of(Problem problem) {
    Map<String, Task> ways = new LinkedHashMap<>();
    ways.put("sort by value", new PlainSampling(problem, Way.SORT));
    if (problem.operation.option == Option.ALL_CLASSES) {
      ways.put("as llama3.java", new PlainSampling(problem, Way.LLAMA3_JAVA));
    } else {
      ways.put("heap of the k largest", new PlainSampling(problem, Way.HEAP_OF_K));
    }
    return ways;
  }

  @Override
  public double run() {
    for (int row = 0; row < rows; row++) {
      int from = row * classes;
      int token = way == Way.LLAMA3_JAVA ? ofHeap(from) : ofList(from);
      problem.tokens().setAtIndex(ValueLayout.JAVA_LONG, row, token);
    }
    return 0;
  }

  private int ofHeap(int from) {
    float largest = Float.NEGATIVE_INFINITY;
    for (int i = from; i < from + classes; i++) {
      largest = Math.max(largest, x[i]);
    }
    float sum = 0;
    for (int i = 0; i < classes; i++) {
      p[i] = weight(x[from + i], largest);
      sum += p[i];
    }
    for (int i = 0; i < classes; i++) {
      p[i] /= sum;
    }
    return Nucleus.ofHeap(p, 0, classes, heap, random.nextDouble());
  }

  /** Draws from the listed classes in descending order. */
  private int ofList(int from) {
    if (way == Way.SORT) {
      for (int i = 0; i < classes; i++) {
        keys[i] = key(x[from + i], i);
      }
    } else {
      keepLargest(from);
    }
    Arrays.sort(keys);
    int last = keys.length - 1;
    float sum = 0;
    for (int i = 0; i < listed; i++) {
      p[i] = weight(x[from + (int) keys[last - i]], x[from + (int) keys[last]]);
      sum += p[i];
    }
    for (int i = 0; i < listed; i++) {
      p[i] /= sum;
    }
    return (int) keys[last - Nucleus.ofFalling(p, 0, listed, random.nextDouble())];
  }

  private void keepLargest(int from) {
    for (int i = 0; i < listed; i++) {
      keys[i] = key(x[from + i], i);
    }
    Arrays.sort(keys); // a sorted array is a heap
    float least = x[from + (int) keys[0]];
    for (int i = listed; i < classes; i++) {
      if (x[from + i] > least) {
        replaceLeast(key(x[from + i], i));
        least = x[from + (int) keys[0]];
      }
    }
  }

  private void replaceLeast(long key) {
    int i = 0;
    for (int child = 1; child < listed; child = 2 * i + 1) {
      if (child + 1 < listed && keys[child + 1] < keys[child]) {
        child++;
      }
      if (keys[child] >= key) {
        break;
      }
      keys[i] = keys[child];
      i = child;
    }
    keys[i] = key;
  }

  /** A key with the order of the values; its lower half is the class. */
  private static long key(float value, int index) {
    int bits = Float.floatToRawIntBits(value);
    return (long) (bits ^ (bits >> 31 & SIGN)) << 32 | index;
  }

  private static float weight(float value, float largest) {
    return (float) Math.exp((value - largest) / Operation.TEMPERATURE);
  }
}

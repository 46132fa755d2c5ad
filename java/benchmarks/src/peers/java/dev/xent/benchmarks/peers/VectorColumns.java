// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks.peers;

import static dev.xent.benchmarks.peers.Lanes.LENGTH;
import static dev.xent.benchmarks.peers.Lanes.exp;
import static dev.xent.benchmarks.peers.Lanes.firsts;
import static dev.xent.benchmarks.peers.Lanes.load;
import static dev.xent.benchmarks.peers.Lanes.max;
import static dev.xent.benchmarks.peers.Lanes.store;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.VectorMask;

/**
 * Steps over one class of adjacent rows whose classes are not contiguous: {@code count} elements of
 * a tensor from {@code i} on, and one number per row in a segment that begins at 0 and has memory
 * for whole vectors. As in {@link VectorRows}, each method has one exponential.
 */
final class VectorColumns {
  private VectorColumns() {}

  /** {@code largest = max(largest, x)}. */
  static void largest(MemorySegment x, long i, MemorySegment largest, long count) {
    long j = 0;
    for (; j <= count - LENGTH; j += LENGTH) {
      store(max(load(largest, j), load(x, i + j)), largest, j);
    }
    if (j < count) {
      VectorMask<Float> rest = firsts(count - j);
      store(max(load(largest, j), load(x, i + j, rest)), largest, j, rest);
    }
  }

  /** {@code sum += exp(x - largest)}. */
  static void sum(MemorySegment x, long i, MemorySegment largest, MemorySegment sum, long count) {
    long j = 0;
    for (; j <= count - LENGTH; j += LENGTH) {
      store(load(sum, j).add(exp(load(x, i + j).sub(load(largest, j)))), sum, j);
    }
    if (j < count) {
      sumOfTail(x, i + j, largest, sum, j, firsts(count - j));
    }
  }

  private static void sumOfTail(
      MemorySegment x,
      long i,
      MemorySegment largest,
      MemorySegment sum,
      long j,
      VectorMask<Float> rest) {
    store(load(sum, j).add(exp(load(x, i, rest).sub(load(largest, j)))), sum, j, rest);
  }

  /** The same, and {@code y = exp(x - largest)}. */
  static void exponentials(
      MemorySegment x,
      MemorySegment y,
      long i,
      MemorySegment largest,
      MemorySegment sum,
      long count) {
    long j = 0;
    for (; j <= count - LENGTH; j += LENGTH) {
      var e = exp(load(x, i + j).sub(load(largest, j)));
      store(e, y, i + j);
      store(load(sum, j).add(e), sum, j);
    }
    if (j < count) {
      exponentialsOfTail(x, y, i + j, largest, sum, j, firsts(count - j));
    }
  }

  private static void exponentialsOfTail(
      MemorySegment x,
      MemorySegment y,
      long i,
      MemorySegment largest,
      MemorySegment sum,
      long j,
      VectorMask<Float> rest) {
    var e = exp(load(x, i, rest).sub(load(largest, j)));
    store(e, y, i, rest);
    store(load(sum, j).add(e), sum, j, rest);
  }

  /** {@code y *= factor}. */
  static void scale(MemorySegment y, long i, MemorySegment factor, long count) {
    long j = 0;
    for (; j <= count - LENGTH; j += LENGTH) {
      store(load(y, i + j).mul(load(factor, j)), y, i + j);
    }
    if (j < count) {
      VectorMask<Float> rest = firsts(count - j);
      store(load(y, i + j, rest).mul(load(factor, j)), y, i + j, rest);
    }
  }

  /** {@code y = x - term}. */
  static void subtract(MemorySegment x, MemorySegment y, long i, MemorySegment term, long count) {
    long j = 0;
    for (; j <= count - LENGTH; j += LENGTH) {
      store(load(x, i + j).sub(load(term, j)), y, i + j);
    }
    if (j < count) {
      VectorMask<Float> rest = firsts(count - j);
      store(load(x, i + j, rest).sub(load(term, j)), y, i + j, rest);
    }
  }

  /** {@code sum += y * dy}. */
  static void dot(MemorySegment y, MemorySegment dy, long i, MemorySegment sum, long count) {
    long j = 0;
    for (; j <= count - LENGTH; j += LENGTH) {
      store(load(y, i + j).fma(load(dy, i + j), load(sum, j)), sum, j);
    }
    if (j < count) {
      VectorMask<Float> rest = firsts(count - j);
      store(load(y, i + j, rest).fma(load(dy, i + j, rest), load(sum, j)), sum, j, rest);
    }
  }

  /** {@code sum += dy}. */
  static void total(MemorySegment dy, long i, MemorySegment sum, long count) {
    long j = 0;
    for (; j <= count - LENGTH; j += LENGTH) {
      store(load(sum, j).add(load(dy, i + j)), sum, j);
    }
    if (j < count) {
      VectorMask<Float> rest = firsts(count - j);
      store(load(sum, j).add(load(dy, i + j, rest)), sum, j, rest);
    }
  }

  /** {@code dx = y * (dy - dot)}. */
  static void softmaxBackward(
      MemorySegment y, MemorySegment dy, MemorySegment dx, long i, MemorySegment dot, long count) {
    long j = 0;
    for (; j <= count - LENGTH; j += LENGTH) {
      store(load(dy, i + j).sub(load(dot, j)).mul(load(y, i + j)), dx, i + j);
    }
    if (j < count) {
      VectorMask<Float> rest = firsts(count - j);
      store(load(dy, i + j, rest).sub(load(dot, j)).mul(load(y, i + j, rest)), dx, i + j, rest);
    }
  }

  /** {@code dx = dy - exp(y) * total}. */
  static void logSoftmaxBackward(
      MemorySegment y,
      MemorySegment dy,
      MemorySegment dx,
      long i,
      MemorySegment total,
      long count) {
    long j = 0;
    for (; j <= count - LENGTH; j += LENGTH) {
      store(load(dy, i + j).sub(exp(load(y, i + j)).mul(load(total, j))), dx, i + j);
    }
    if (j < count) {
      logSoftmaxBackwardOfTail(y, dy, dx, i + j, total, j, firsts(count - j));
    }
  }

  private static void logSoftmaxBackwardOfTail(
      MemorySegment y,
      MemorySegment dy,
      MemorySegment dx,
      long i,
      MemorySegment total,
      long j,
      VectorMask<Float> rest) {
    store(load(dy, i, rest).sub(exp(load(y, i, rest)).mul(load(total, j))), dx, i, rest);
  }
}

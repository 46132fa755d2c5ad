// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks.peers;

import static dev.xent.benchmarks.peers.Lanes.LENGTH;
import static dev.xent.benchmarks.peers.Lanes.all;
import static dev.xent.benchmarks.peers.Lanes.exp;
import static dev.xent.benchmarks.peers.Lanes.firsts;
import static dev.xent.benchmarks.peers.Lanes.load;
import static dev.xent.benchmarks.peers.Lanes.max;
import static dev.xent.benchmarks.peers.Lanes.store;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * Passes over one row of contiguous classes, more of them than the lanes of a vector. The rows of
 * the table fit into the second-level cache, so only the first pass waits for memory.
 *
 * <p>Each method has one exponential in its loop, and tails are separate methods. With more, the
 * compiler stops inlining in the middle, and every vector becomes an object. One accumulator is
 * enough there, because an exponential takes longer than the latency of an addition.
 */
final class VectorRows {
  private static final int STEP = 4 * LENGTH;

  private VectorRows() {}

  static float largest(MemorySegment x, long begin, long end) {
    FloatVector a = all(Float.NEGATIVE_INFINITY);
    FloatVector b = a;
    FloatVector c = a;
    FloatVector d = a;
    long i = begin;
    for (; i <= end - STEP; i += STEP) {
      a = max(a, load(x, i));
      b = max(b, load(x, i + LENGTH));
      c = max(c, load(x, i + 2 * LENGTH));
      d = max(d, load(x, i + 3 * LENGTH));
    }
    for (; i <= end - LENGTH; i += LENGTH) {
      a = max(a, load(x, i));
    }
    if (i < end) {
      // The last vector overlaps the one before; the rows are longer than one vector.
      a = max(a, load(x, end - LENGTH));
    }
    return max(max(a, b), max(c, d)).reduceLanes(VectorOperators.MAX);
  }

  /** The sum of {@code exp(x - largest)}. */
  static float sum(MemorySegment x, long begin, long end, float largest) {
    FloatVector sum = all(0);
    long i = begin;
    for (; i <= end - LENGTH; i += LENGTH) {
      sum = sum.add(exp(load(x, i).sub(largest)));
    }
    float whole = sum.reduceLanes(VectorOperators.ADD);
    return i < end ? whole + sumOfTail(x, i, end, largest) : whole;
  }

  private static float sumOfTail(MemorySegment x, long i, long end, float largest) {
    VectorMask<Float> rest = firsts(end - i);
    return exp(load(x, i, rest).sub(largest)).reduceLanes(VectorOperators.ADD, rest);
  }

  /** The same sum, and writes the exponentials. */
  static float exponentials(MemorySegment x, MemorySegment y, long begin, long end, float largest) {
    FloatVector sum = all(0);
    long i = begin;
    for (; i <= end - LENGTH; i += LENGTH) {
      FloatVector e = exp(load(x, i).sub(largest));
      store(e, y, i);
      sum = sum.add(e);
    }
    float whole = sum.reduceLanes(VectorOperators.ADD);
    return i < end ? whole + exponentialsOfTail(x, y, i, end, largest) : whole;
  }

  private static float exponentialsOfTail(
      MemorySegment x, MemorySegment y, long i, long end, float largest) {
    VectorMask<Float> rest = firsts(end - i);
    FloatVector e = exp(load(x, i, rest).sub(largest));
    store(e, y, i, rest);
    return e.reduceLanes(VectorOperators.ADD, rest);
  }

  /** {@code y *= factor}. */
  static void scale(MemorySegment y, long begin, long end, float factor) {
    FloatVector f = all(factor);
    long i = begin;
    for (; i <= end - LENGTH; i += LENGTH) {
      store(load(y, i).mul(f), y, i);
    }
    if (i < end) {
      VectorMask<Float> rest = firsts(end - i);
      store(load(y, i, rest).mul(f), y, i, rest);
    }
  }

  /** {@code y = x - term}. */
  static void subtract(MemorySegment x, MemorySegment y, long begin, long end, float term) {
    FloatVector t = all(term);
    long i = begin;
    for (; i <= end - LENGTH; i += LENGTH) {
      store(load(x, i).sub(t), y, i);
    }
    if (i < end) {
      VectorMask<Float> rest = firsts(end - i);
      store(load(x, i, rest).sub(t), y, i, rest);
    }
  }

  /** {@code sum x * y}. */
  static float dot(MemorySegment x, MemorySegment y, long begin, long end) {
    FloatVector a = all(0);
    FloatVector b = a;
    FloatVector c = a;
    FloatVector d = a;
    long i = begin;
    for (; i <= end - STEP; i += STEP) {
      a = load(x, i).fma(load(y, i), a);
      b = load(x, i + LENGTH).fma(load(y, i + LENGTH), b);
      c = load(x, i + 2 * LENGTH).fma(load(y, i + 2 * LENGTH), c);
      d = load(x, i + 3 * LENGTH).fma(load(y, i + 3 * LENGTH), d);
    }
    for (; i <= end - LENGTH; i += LENGTH) {
      a = load(x, i).fma(load(y, i), a);
    }
    if (i < end) {
      VectorMask<Float> rest = firsts(end - i);
      a = load(x, i, rest).fma(load(y, i, rest), a);
    }
    return a.add(b).add(c.add(d)).reduceLanes(VectorOperators.ADD);
  }

  /** {@code sum x}. */
  static float total(MemorySegment x, long begin, long end) {
    FloatVector a = all(0);
    FloatVector b = a;
    FloatVector c = a;
    FloatVector d = a;
    long i = begin;
    for (; i <= end - STEP; i += STEP) {
      a = a.add(load(x, i));
      b = b.add(load(x, i + LENGTH));
      c = c.add(load(x, i + 2 * LENGTH));
      d = d.add(load(x, i + 3 * LENGTH));
    }
    for (; i <= end - LENGTH; i += LENGTH) {
      a = a.add(load(x, i));
    }
    if (i < end) {
      a = a.add(load(x, i, firsts(end - i)));
    }
    return a.add(b).add(c.add(d)).reduceLanes(VectorOperators.ADD);
  }

  /** {@code dx = y * (dy - dot)}. */
  static void softmaxBackward(
      MemorySegment y, MemorySegment dy, MemorySegment dx, long begin, long end, float dot) {
    FloatVector s = all(dot);
    long i = begin;
    for (; i <= end - LENGTH; i += LENGTH) {
      store(load(dy, i).sub(s).mul(load(y, i)), dx, i);
    }
    if (i < end) {
      VectorMask<Float> rest = firsts(end - i);
      store(load(dy, i, rest).sub(s).mul(load(y, i, rest)), dx, i, rest);
    }
  }

  /** {@code dx = dy - exp(y) * total}. */
  static void logSoftmaxBackward(
      MemorySegment y, MemorySegment dy, MemorySegment dx, long begin, long end, float total) {
    FloatVector s = all(-total);
    long i = begin;
    for (; i <= end - LENGTH; i += LENGTH) {
      store(exp(load(y, i)).fma(s, load(dy, i)), dx, i);
    }
    if (i < end) {
      logSoftmaxBackwardOfTail(y, dy, dx, i, end, total);
    }
  }

  private static void logSoftmaxBackwardOfTail(
      MemorySegment y, MemorySegment dy, MemorySegment dx, long i, long end, float total) {
    VectorMask<Float> rest = firsts(end - i);
    store(exp(load(y, i, rest)).fma(all(-total), load(dy, i, rest)), dx, i, rest);
  }
}

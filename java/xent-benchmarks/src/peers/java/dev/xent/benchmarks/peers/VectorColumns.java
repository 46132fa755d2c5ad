// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks.peers;

import static dev.xent.benchmarks.peers.Lanes.all;
import static dev.xent.benchmarks.peers.Lanes.exp;
import static dev.xent.benchmarks.peers.Lanes.load;
import static dev.xent.benchmarks.peers.Lanes.max;
import static dev.xent.benchmarks.peers.Lanes.store;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * As many rows side by side as a vector has lanes, where the classes of a row lie apart and
 * neighbours belong to different rows.
 *
 * @param x the logits
 * @param y the output
 * @param classes of a row
 * @param inner how far two classes lie apart
 */
record VectorColumns(MemorySegment x, MemorySegment y, long classes, long inner) {
  /**
   * Softmax times a factor of the rows beginning at an element; returns the sums of exponentials.
   */
  FloatVector softmax(long first, VectorMask<Float> rows, float factor, FloatVector largest) {
    FloatVector sum = all(0);
    long end = first + classes * inner;
    for (long i = first; i < end; i += inner) {
      FloatVector e = exp(load(x, i, rows).sub(largest));
      store(e, y, i, rows);
      sum = sum.add(e);
    }
    FloatVector scale = all(factor).div(sum);
    for (long i = first; i < end; i += inner) {
      store(load(y, i, rows).mul(scale), y, i, rows);
    }
    return sum;
  }

  FloatVector largest(long first, VectorMask<Float> rows) {
    FloatVector largest = all(Float.NEGATIVE_INFINITY);
    for (long i = first; i < first + classes * inner; i += inner) {
      largest = max(largest, load(x, i, rows));
    }
    return largest;
  }

  FloatVector sum(long first, VectorMask<Float> rows, FloatVector largest) {
    FloatVector sum = all(0);
    for (long i = first; i < first + classes * inner; i += inner) {
      sum = sum.add(exp(load(x, i, rows).sub(largest)));
    }
    return sum;
  }

  void logSoftmax(long first, VectorMask<Float> rows) {
    FloatVector largest = largest(first, rows);
    FloatVector term = sum(first, rows, largest).lanewise(VectorOperators.LOG).add(largest);
    for (long i = first; i < first + classes * inner; i += inner) {
      store(load(x, i, rows).sub(term), y, i, rows);
    }
  }

  /** {@code y = x * (dy - sum x * dy)}, with {@code x} the softmax. */
  void softmaxBackward(long first, VectorMask<Float> rows, MemorySegment dy) {
    FloatVector dot = all(0);
    for (long i = first; i < first + classes * inner; i += inner) {
      dot = load(x, i, rows).fma(load(dy, i, rows), dot);
    }
    for (long i = first; i < first + classes * inner; i += inner) {
      store(load(dy, i, rows).sub(dot).mul(load(x, i, rows)), y, i, rows);
    }
  }

  /** {@code y = dy - exp(x) * sum dy}, with {@code x} the log-softmax. */
  void logSoftmaxBackward(long first, VectorMask<Float> rows, MemorySegment dy) {
    FloatVector total = all(0);
    for (long i = first; i < first + classes * inner; i += inner) {
      total = total.add(load(dy, i, rows));
    }
    for (long i = first; i < first + classes * inner; i += inner) {
      store(load(dy, i, rows).sub(exp(load(x, i, rows)).mul(total)), y, i, rows);
    }
  }
}

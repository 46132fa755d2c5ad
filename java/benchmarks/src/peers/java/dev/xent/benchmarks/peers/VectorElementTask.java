// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks.peers;

import static dev.xent.benchmarks.peers.Lanes.LENGTH;
import static dev.xent.benchmarks.peers.Lanes.all;
import static dev.xent.benchmarks.peers.Lanes.exp;
import static dev.xent.benchmarks.peers.Lanes.firsts;
import static dev.xent.benchmarks.peers.Lanes.load;
import static dev.xent.benchmarks.peers.Lanes.max;
import static dev.xent.benchmarks.peers.Lanes.store;

import dev.xent.benchmarks.Problem;
import dev.xent.benchmarks.Task;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** The binary loss of all elements, independent of rows. */
final class VectorElementTask implements Task {
  /** The elements whose losses are added in float. */
  private static final long BLOCK = 1 << 16;

  private final boolean withGradient;
  private final long elements;
  private final MemorySegment x;
  private final MemorySegment t;
  private final MemorySegment y;

  VectorElementTask(Problem problem) {
    withGradient = problem.operation.hasOutput();
    elements = problem.shape.elements();
    x = problem.input;
    t = problem.targets();
    y = problem.output;
  }

  @Override
  public double run() {
    double loss = 0;
    float scale = 1f / elements;
    for (long begin = 0; begin < elements; begin += BLOCK) {
      long end = Math.min(elements, begin + BLOCK);
      loss += withGradient ? lossAndGradient(begin, end, scale) : loss(begin, end);
    }
    return loss / elements;
  }

  private float loss(long begin, long end) {
    FloatVector sum = all(0);
    long i = begin;
    for (; i <= end - LENGTH; i += LENGTH) {
      FloatVector logit = load(x, i);
      sum = sum.add(lossOf(logit, load(t, i), exp(logit.abs().neg())));
    }
    float whole = sum.reduceLanes(VectorOperators.ADD);
    return i < end ? whole + tail(i, end, 0) : whole;
  }

  private float lossAndGradient(long begin, long end, float scale) {
    FloatVector sum = all(0);
    long i = begin;
    for (; i <= end - LENGTH; i += LENGTH) {
      FloatVector logit = load(x, i);
      FloatVector target = load(t, i);
      FloatVector e = exp(logit.abs().neg());
      store(gradientOf(logit, target, e, scale), y, i);
      sum = sum.add(lossOf(logit, target, e));
    }
    float whole = sum.reduceLanes(VectorOperators.ADD);
    return i < end ? whole + tail(i, end, scale) : whole;
  }

  private float tail(long i, long end, float scale) {
    VectorMask<Float> rest = firsts(end - i);
    FloatVector logit = load(x, i, rest);
    FloatVector target = load(t, i, rest);
    FloatVector e = exp(logit.abs().neg());
    if (withGradient) {
      store(gradientOf(logit, target, e, scale), y, i, rest);
    }
    return lossOf(logit, target, e).reduceLanes(VectorOperators.ADD, rest);
  }

  /** {@code max(x, 0) - t x + log1p(exp(-|x|))}. */
  private static FloatVector lossOf(FloatVector logit, FloatVector target, FloatVector e) {
    return max(logit, all(0)).sub(target.mul(logit)).add(e.lanewise(VectorOperators.LOG1P));
  }

  private static FloatVector gradientOf(
      FloatVector logit, FloatVector target, FloatVector e, float scale) {
    FloatVector above = all(1).blend(e, logit.compare(VectorOperators.LT, 0));
    return above.div(e.add(1)).sub(target).mul(scale);
  }
}

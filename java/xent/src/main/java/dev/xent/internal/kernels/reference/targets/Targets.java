// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.targets;

import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.call.Request;
import dev.xent.internal.kernels.reference.load.Chunk;
import dev.xent.internal.kernels.reference.load.Row;
import dev.xent.internal.kernels.reference.math.Arithmetic;
import java.util.Arrays;

/**
 * The targets of a row, smoothed and weighted: t = w q'.
 *
 * <p>Smoothing removes the fraction eps of every target and distributes it over the classes of the
 * <i>even set</i>: all unmasked classes, or all of them except the label.
 */
public final class Targets {
  /** eps / H, or 0. */
  public double share;

  /** H: the number of classes of the even set. */
  public double evenClasses;

  public double epsilon;

  /** Whether smoothing excludes the label. */
  public boolean others;

  private final Row row;
  private final Arithmetic arithmetic;

  public Targets(Row row, Arithmetic arithmetic) {
    this.row = row;
    this.arithmetic = arithmetic;
  }

  /** Reads the options of a call. */
  public void begin(Request call) {
    epsilon = call.options.labelSmoothing;
    others = call.options.smoothsOthers();
    countClasses(0);
  }

  /** Computes the share for a row with {@code counted} unmasked classes. */
  public void countClasses(double counted) {
    evenClasses = others ? counted - 1 : counted;
    share = epsilon == 0 || evenClasses <= 0 ? 0 : epsilon / evenClasses;
  }

  public boolean smooth() {
    return epsilon > 0;
  }

  public boolean areWeighted() {
    return row.hasClassWeights();
  }

  /** w, or 1 without class weights. */
  public double weight(long clazz) {
    return row.hasClassWeights() ? row.classWeight(clazz) : 1;
  }

  /** Share times w, for a class of the even set. */
  public double ofShare(long clazz) {
    return row.hasClassWeights() ? share * row.classWeight(clazz) : share;
  }

  /** The remaining target of the label: (1 - eps) w. */
  public double ofLabel() {
    return (1 - epsilon) * weight(row.label);
  }

  /**
   * Whether the label's target and the shares sum to 1: without class weights, and unless the even
   * set is empty.
   */
  public boolean labelSumsToOne() {
    return !row.hasClassWeights() && !(others && epsilon > 0 && share == 0);
  }

  /** The target of an entry of a sparse row, without the share of its class. */
  public double ofEntry(double p, long clazz) {
    double kept = epsilon > 0 ? (1 - epsilon) * p : p;
    return row.hasClassWeights() ? kept * row.classWeight(clazz) : kept;
  }

  /** The number of classes of a chunk that belong to the even set. */
  public long evenClassesOf(long counted, boolean labelIsHere) {
    return others && labelIsHere ? counted - 1 : counted;
  }

  /** Loads the weights of a chunk's classes, 1 without class weights; 0 outside the even set. */
  public void loadEven(Chunk chunk, long begin, double[] weights) {
    loadWeights(begin, chunk.count, weights);
    chunk.fillMasked(weights, 0);
    if (others && row.labelIsIn(begin, chunk.count)) {
      weights[(int) (row.label - begin)] = 0;
    }
  }

  /** Loads class weights; 1 without class weights. */
  public void loadWeights(long begin, int count, double[] weights) {
    if (row.hasClassWeights()) {
      row.loadClassWeights(begin, count, weights);
    } else {
      Arrays.fill(weights, 0, count, 1);
    }
  }

  /**
   * Loads the targets of a chunk of a probability row; 0 for masked classes.
   *
   * @param weights scratch
   */
  public void loadDense(Chunk chunk, long begin, double[] t, double[] weights) {
    row.loadProbabilities(begin, chunk.count, t);
    if (share > 0) {
      double keep = arithmetic.round(1 - epsilon);
      double even = arithmetic.round(share);
      for (int i = 0; i < chunk.count; i++) {
        t[i] = arithmetic.fma(keep, t[i], even);
      }
    }
    if (row.hasClassWeights()) {
      row.loadClassWeights(begin, chunk.count, weights);
      for (int i = 0; i < chunk.count; i++) {
        t[i] = arithmetic.round(t[i] * weights[i]);
      }
    }
    chunk.fillMasked(t, 0);
  }

  /** Whether each class of a row has a target in an array. */
  public boolean areDense() {
    return row.kind == Kind.PROBABILITIES && !row.sparse;
  }
}

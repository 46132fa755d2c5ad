// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.rows;

import static dev.xent.internal.kernels.Array.BIAS_GRADIENT;
import static dev.xent.internal.kernels.Array.HIDDEN;
import static dev.xent.internal.kernels.Array.HIDDEN_GRADIENT;
import static dev.xent.internal.kernels.Array.LOGITS;
import static dev.xent.internal.kernels.Array.STATISTICS;
import static dev.xent.internal.kernels.Array.WEIGHTS;
import static dev.xent.internal.kernels.Array.WEIGHTS_GRADIENT;
import static dev.xent.internal.kernels.Array.WORKSPACE;
import static dev.xent.internal.kernels.reference.call.GivenArrays.has;
import static dev.xent.internal.kernels.reference.math.Constants.CHUNK;
import static dev.xent.internal.kernels.reference.math.DotProducts.BLOCK;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Records;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.call.GivenArrays;
import dev.xent.internal.kernels.reference.call.Layout;
import dev.xent.internal.kernels.reference.call.Request;
import dev.xent.internal.kernels.reference.call.Shape;
import dev.xent.internal.kernels.reference.load.Matrix;
import dev.xent.internal.kernels.reference.load.RecordNumbers;
import dev.xent.internal.kernels.reference.load.Row;
import dev.xent.internal.kernels.reference.math.DotProducts;
import dev.xent.internal.kernels.reference.sum.RowScratch;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Cross-entropy of a linear layer: losses by rows of logits, then gradients by blocks of classes
 * and rows (conformance/numerics.md, section 13).
 */
public final class LinearRows {
  private final Request call;
  private final GivenArrays given;
  private final Shape shape;
  private final CrossEntropyRows crossEntropy;
  private final Matrix matrix = new Matrix();

  /** Gradients of the logits: the rows of a block, with BLOCK classes each. */
  private final float[] g = new float[BLOCK * BLOCK];

  /** Features of the block's rows or classes. */
  private final float[] features = new float[BLOCK * BLOCK];

  private final float[] chains = new float[BLOCK];

  /** The sums of the bias gradient, for a block of classes. */
  private final double[] biasSums = new double[BLOCK];

  private final double[] numbers = new double[BLOCK];
  private final float[] floats = new float[ElementType.SCRATCH];

  /** The offset of the sums for the hidden states in the workspace, by rows. */
  private long hiddenSums;

  /** The offset of the sums for the weights of a block of classes, by classes. */
  private long weightsSums;

  /**
   * @param crossEntropy computes losses, from logits that it computes from hidden states and
   *     weights
   */
  public LinearRows(CrossEntropyRows crossEntropy) {
    this.crossEntropy = crossEntropy;
    call = crossEntropy.work.call;
    given = call.given;
    shape = call.shape;
  }

  // ---- the workspace ---------------------------------------------------------------------------

  /** Whether the call has gradients that are sums over rows or classes. */
  public static boolean hasGradients(GivenArrays given) {
    return has(given.of(HIDDEN_GRADIENT))
        || has(given.of(WEIGHTS_GRADIENT))
        || has(given.of(BIAS_GRADIENT));
  }

  private void placeSums() {
    long rows = call.rowEnd - call.rowBegin;
    hiddenSums = rows * Records.STATISTICS;
    weightsSums = hiddenSums;
    if (has(given.of(HIDDEN_GRADIENT))) {
      long count = rows * shape.features;
      clear(hiddenSums, count);
      weightsSums += count * Double.BYTES;
    }
  }

  private void clear(long sums, long count) {
    for (long i = 0; i < count; i++) {
      RecordNumbers.setDouble(given.of(WORKSPACE), sums + i * Double.BYTES, 0);
    }
  }

  // ---- passes ----------------------------------------------------------------------------------

  /** Computes losses and the other requested results, then gradients. */
  public int forward() {
    boolean gradients = hasGradients(given);
    if (has(given.of(LOGITS))) {
      writeLogits();
    }
    if (gradients && !has(given.of(STATISTICS))) {
      given.set(STATISTICS, given.of(WORKSPACE));
      call.firstStatistics = call.rowBegin;
    }
    int status = crossEntropy.forward();
    return status == Status.OK && gradients ? backward() : status;
  }

  private void writeLogits() {
    RowScratch work = crossEntropy.work;
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      for (long begin = 0; begin < shape.classes; begin += CHUNK) {
        int count = Row.chunkSize(begin, shape.classes);
        work.row.loadProducts(row, begin, count, work.y);
        long at = shape.offset(shape.of(LOGITS), row) + begin * shape.of(LOGITS).classes;
        ElementType.of(shape.of(LOGITS).type)
            .store(work.y, count, given.of(LOGITS), at, shape.of(LOGITS).classes, floats);
      }
    }
  }

  /** Computes gradients from statistics. */
  public int backward() {
    placeSums();
    crossEntropy.work.begin();
    long clazz = call.classBegin;
    do { // also without classes, to check the labels
      int classes = (int) Math.min(BLOCK, call.classEnd - clazz);
      if (has(given.of(WEIGHTS_GRADIENT))) {
        clear(weightsSums, classes * shape.features);
      }
      Arrays.fill(biasSums, 0);
      for (long row = call.rowBegin; row < call.rowEnd; row += BLOCK) {
        int status = add(row, (int) Math.min(BLOCK, call.rowEnd - row), clazz, classes);
        if (status != Status.OK) {
          return status;
        }
      }
      writeGradientsOfClasses(clazz, classes);
      clazz += BLOCK;
    } while (clazz < call.classEnd);
    for (long row = call.rowBegin; has(given.of(HIDDEN_GRADIENT)) && row < call.rowEnd; row++) {
      long at = shape.offset(shape.of(HIDDEN_GRADIENT), row);
      write(
          hiddenSums,
          row - call.rowBegin,
          given.of(HIDDEN_GRADIENT),
          shape.of(HIDDEN_GRADIENT),
          at);
    }
    return Status.OK;
  }

  private int add(long row, int rows, long clazz, int classes) {
    for (int i = 0; i < rows; i++) {
      int status = crossEntropy.gradient(row + i, clazz, classes);
      if (status != Status.OK) {
        return status;
      }
      for (int j = 0; j < classes; j++) {
        g[i * BLOCK + j] = (float) crossEntropy.work.y[j];
      }
    }
    for (int j = 0; has(given.of(BIAS_GRADIENT)) && j < classes; j++) {
      float chain = 0;
      for (int i = 0; i < rows; i++) {
        chain += g[i * BLOCK + j];
      }
      biasSums[j] += chain;
    }
    for (long k = 0; k < shape.features; k += BLOCK) {
      int count = (int) Math.min(BLOCK, shape.features - k);
      if (has(given.of(HIDDEN_GRADIENT))) {
        addHidden(row - call.rowBegin, rows, clazz, classes, k, count);
      }
      if (has(given.of(WEIGHTS_GRADIENT))) {
        addWeights(row, rows, classes, k, count);
      }
    }
    return Status.OK;
  }

  /** Adds to the sums for some features of rows; rows count from the call's first row. */
  private void addHidden(long row, int rows, long clazz, int classes, long k, int count) {
    for (int j = 0; j < classes; j++) {
      long at = (clazz + j) * shape.of(WEIGHTS).outer;
      matrix.load(given.of(WEIGHTS), shape.of(WEIGHTS), at, k, count, features, j * BLOCK, 1);
    }
    for (int i = 0; i < rows; i++) {
      DotProducts.multiply(g, i * BLOCK, 1, classes, features, true, chains, count);
      addChains(hiddenSums, (row + i) * shape.features + k, count);
    }
  }

  /** Adds to the sums for some features of the block's classes. */
  private void addWeights(long row, int rows, int classes, long k, int count) {
    for (int i = 0; i < rows; i++) {
      long at = shape.offset(shape.of(HIDDEN), row + i);
      matrix.load(given.of(HIDDEN), shape.of(HIDDEN), at, k, count, features, i * BLOCK, 1);
    }
    for (int j = 0; j < classes; j++) {
      DotProducts.multiply(g, j, BLOCK, rows, features, true, chains, count);
      addChains(weightsSums, j * shape.features + k, count);
    }
  }

  private void addChains(long sums, long first, int count) {
    for (int i = 0; i < count; i++) {
      long at = sums + (first + i) * Double.BYTES;
      double sum = RecordNumbers.getDouble(given.of(WORKSPACE), at);
      RecordNumbers.setDouble(given.of(WORKSPACE), at, sum + chains[i]);
    }
  }

  // ---- results ---------------------------------------------------------------------------------

  private void writeGradientsOfClasses(long clazz, int classes) {
    if (has(given.of(BIAS_GRADIENT))) {
      round(biasSums, classes);
      Layout layout = shape.of(BIAS_GRADIENT);
      ElementType.of(layout.type)
          .store(
              numbers,
              classes,
              given.of(BIAS_GRADIENT),
              clazz * layout.classes,
              layout.classes,
              floats);
    }
    for (int j = 0; has(given.of(WEIGHTS_GRADIENT)) && j < classes; j++) {
      long at = (clazz + j) * shape.of(WEIGHTS_GRADIENT).outer;
      write(weightsSums, j, given.of(WEIGHTS_GRADIENT), shape.of(WEIGHTS_GRADIENT), at);
    }
  }

  /** Writes the sums of a row or a class as floats. */
  private void write(long sums, long which, MemorySegment array, Layout layout, long at) {
    for (long k = 0; k < shape.features; k += BLOCK) {
      int count = (int) Math.min(BLOCK, shape.features - k);
      for (int i = 0; i < count; i++) {
        long from = sums + (which * shape.features + k + i) * Double.BYTES;
        numbers[i] = RecordNumbers.getDouble(given.of(WORKSPACE), from);
      }
      round(numbers, count);
      ElementType.of(layout.type)
          .store(numbers, count, array, at + k * layout.classes, layout.classes, floats);
    }
  }

  /** Rounds sums to floats, never -0, into {@code numbers}. */
  private void round(double[] sums, int count) {
    for (int i = 0; i < count; i++) {
      numbers[i] = (float) (sums[i] + 0.0);
    }
  }
}

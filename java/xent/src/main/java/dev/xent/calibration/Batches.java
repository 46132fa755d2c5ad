// SPDX-License-Identifier: Apache-2.0
package dev.xent.calibration;

import static dev.xent.internal.text.Messages.message;

import dev.xent.BinaryCrossEntropy;
import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.LossOutputs;
import dev.xent.LossSum;
import dev.xent.Sigmoid;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.errors.LabelException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.plan.arrays.View;
import dev.xent.options.Reduction;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Passes batches to a user block by block, as doubles: a row of logits with one label, or elements
 * with a label each.
 */
final class Batches {
  /** The logits of a block, unless one row has more. */
  private static final long BLOCK = 1 << 16;

  /** A label that often marks what does not count, as a negative one does. */
  private static final long MARK = 255;

  /** What a block is passed to. */
  interface User {
    /**
     * Takes a block.
     *
     * @param logits rows of {@code classes} doubles; elements are divided by the temperature
     * @param probabilities their softmax or sigmoid
     * @param labels of the rows, or of the elements; a row does not count if its label is the
     *     ignore index
     */
    void take(MemorySegment logits, MemorySegment probabilities, long[] labels, int classes);
  }

  final boolean elements;
  private final @Nullable Long ignored;
  private final Softmax softmax;
  private final Sigmoid sigmoid;
  private final CrossEntropy loss;
  private final BinaryCrossEntropy binary;
  private final LossOutputs outputs = LossOutputs.create();
  private final double inverse;
  private Tensor x = Tensor.allocate(DType.F64, 0, 1);
  private Tensor p = x;

  /** The number of rows or elements of the batch before the block. */
  private long first;

  Batches(boolean elements, @Nullable Long ignored, double temperature) {
    this.elements = elements;
    this.ignored = ignored;
    inverse = 1 / temperature;
    softmax = Softmax.builder().temperature(temperature).build();
    sigmoid = Sigmoid.create();
    var rows = CrossEntropy.builder().temperature(temperature).reduction(Reduction.SUM);
    var each = BinaryCrossEntropy.builder().reduction(Reduction.SUM);
    if (ignored != null) {
      rows.ignoreIndex(ignored);
      each.ignoreIndex(ignored);
    }
    loss = rows.build();
    binary = each.build();
  }

  boolean counts(long label) {
    return ignored == null || label != ignored;
  }

  /** Takes a batch, and adds its losses to a sum. */
  void take(Tensor logits, Tensor labels, LossSum losses, User user) {
    View given = View.of(logits, "logits");
    View right = View.of(labels, "labels");
    long[] shape = logits.shape();
    long[] rows = shape.length == 1 ? new long[] {1} : Arrays.copyOf(shape, shape.length - 1);
    long[] expected = elements ? shape : rows;
    if (!Arrays.equals(expected, labels.shape())) {
      throw new ShapeException(
          message(
              "labels is %s, logits is %s; expected labels of shape %s: one per %s",
              right,
              given,
              Arrays.toString(expected),
              elements ? "logit" : "row, with the classes along the last axis"));
    }
    first = 0;
    part(logits, labels, losses, user);
  }

  private void part(Tensor logits, Tensor labels, LossSum losses, User user) {
    int rows = logits.rank() - (elements ? 0 : 1);
    if (rows == 0) {
      part(logits.reshape(1, logits.dim(0)), labels, losses, user);
    } else if (rows > 1) {
      for (long i = 0; i < logits.dim(0); i++) {
        part(logits.select(0, i), labels.select(0, i), losses, user);
      }
    } else {
      long classes = elements ? 1 : logits.dim(1);
      long most = Math.max(1, BLOCK / Math.max(classes, 1));
      for (long from = 0; from < logits.dim(0); from += most) {
        long end = Math.min(logits.dim(0), from + most);
        block(logits.slice(0, from, end), labels.slice(0, from, end), losses, user);
      }
    }
  }

  private void block(Tensor logits, Tensor labels, LossSum losses, User user) {
    long rows = logits.dim(0);
    long classes = elements ? 1 : logits.dim(1);
    if (x.elements() < rows * classes) {
      x = Tensor.allocate(DType.F64, rows * classes);
      p = Tensor.allocate(DType.F64, rows * classes);
    }
    Tensor from = x.slice(0, 0, rows * classes).reshape(logits.shape());
    Tensor to = p.slice(0, 0, rows * classes).reshape(logits.shape());
    long[] values = longs(labels);
    requireLabels(values, elements ? 2 : classes);
    from.copyFrom(logits);
    outputs.lossSum(losses);
    if (elements) {
      scale(from.segment(), rows);
      binary.on(from, labels).outputs(outputs).run();
      sigmoid.forward(from, to);
    } else {
      loss.on(from, labels).outputs(outputs).run();
      softmax.forward(from, to);
    }
    user.take(from.segment(), to.segment(), values, (int) classes);
    first += rows;
  }

  private void requireLabels(long[] labels, long classes) {
    for (int row = 0; row < labels.length; row++) {
      long label = labels[row];
      if (counts(label) && (label < 0 || label >= classes)) {
        throw new LabelException(
            message(
                "%s %d has label %d; expected %s%s",
                elements ? "element" : "row",
                first + row,
                label,
                elements ? "0 or 1" : "a class from 0 to " + (classes - 1),
                label < 0 || label == MARK
                    ? ", or withIgnoreIndex(" + label + ") if such labels do not count"
                    : ""),
            first + row,
            label,
            false,
            classes);
      }
    }
  }

  /** Divides by the temperature, which binary cross-entropy does not have. */
  private void scale(MemorySegment logits, long count) {
    for (long i = 0; inverse != 1 && i < count; i++) {
      double x = logits.getAtIndex(ValueLayout.JAVA_DOUBLE, i);
      logits.setAtIndex(ValueLayout.JAVA_DOUBLE, i, x * inverse);
    }
  }

  private static long[] longs(Tensor labels) {
    long[] values = new long[(int) labels.dim(0)];
    for (int i = 0; i < values.length; i++) {
      values[i] = labels.getLong(i);
    }
    return values;
  }
}

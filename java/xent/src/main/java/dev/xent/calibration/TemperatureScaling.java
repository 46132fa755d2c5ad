// SPDX-License-Identifier: Apache-2.0
package dev.xent.calibration;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.Tensor;
import dev.xent.errors.EmptyMeanException;
import dev.xent.errors.PartialStatesException;
import dev.xent.internal.plan.arrays.ByteFormat;
import dev.xent.internal.plan.call.Sums;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Finds the temperature at which the mean loss of labels is smallest: {@code softmax(x / T)} is
 * then as sure as it is right. Use logits that the model was not trained on.
 *
 * {@snippet file="dev/xent/ExamplesTest.java" region="temperature" :
 * double temperature = TemperatureScaling.fit(logits, labels);
 * Softmax calibrated = Softmax.builder().temperature(temperature).build();
 * }
 *
 * <p>Data in batches is passed several times, until {@link #next} returns false:
 *
 * {@snippet file="dev/xent/ExamplesTest.java" region="temperatureOfBatches" :
 * TemperatureScaling scaling = TemperatureScaling.ofClasses();
 * do {
 *   for (int i = 0; i < batches.length; i++) {
 *     scaling.add(batches[i], labels[i]);
 *   }
 * } while (scaling.next());
 * double temperature = scaling.temperature();
 * }
 *
 * <p>On several machines, each adds its rows to an object from the same {@link #toBytes}, and one
 * {@linkplain #add(TemperatureScaling) adds} these up before {@link #next}. All sums are exact, so
 * the temperature has the same bits for any division of the rows.
 *
 * <p><b>How.</b> The mean loss is convex in 1 / T. Its derivative is the sum of p (x - x_y) over
 * all classes and rows, with the logit x_y of the label; for elements that of x (p - y). A pass
 * computes this sum in double; the root is bracketed by factors of 4, then found by the Illinois
 * method to some 40 bits, in some ten passes. The temperature is within [2^-32, 2^32], and at an
 * end of it if every row is right, or if the logits are no better than chance.
 *
 * <p>Not safe for use by several threads at once: let each thread add to its own.
 */
public final class TemperatureScaling {
  /** Begins with the ASCII bytes "XENTTEMP". */
  private static final ByteFormat FORMAT =
      new ByteFormat(0x504D_4554_544E_4558L, "temperature scaling", "a temperature scaling does");

  private static final int MOST_PASSES = 100;
  private static final double LARGEST = 0x1p32;
  private static final double CLOSE = 0x1p-40;

  private final boolean elements;
  private final @Nullable Long ignored;

  // The search: the derivative at 1 / T is negative at low and positive at high, if they are known.
  private double inverse = 1;
  private double low = Double.NaN;
  private double high = Double.NaN;
  private double atLow;
  private double atHigh;
  private double last;
  private int passes;
  private double firstLoss = Double.NaN;
  private double lastLoss = Double.NaN;
  private long rows;
  private boolean done;

  // The current pass.
  private Batches batches;
  private Sums losses = new Sums();
  private Sums slope = new Sums();
  private double[] terms = new double[0];

  private TemperatureScaling(boolean elements, @Nullable Long ignored) {
    this.elements = elements;
    this.ignored = ignored;
    batches = new Batches(elements, ignored, 1);
  }

  /** Returns a new search for rows of logits with one label each. */
  public static TemperatureScaling ofClasses() {
    return new TemperatureScaling(false, null);
  }

  /** Returns a new search for elements with a label each, 0 or 1: for {@link dev.xent.Sigmoid}. */
  public static TemperatureScaling ofElements() {
    return new TemperatureScaling(true, null);
  }

  /**
   * Returns a new search in which rows or elements with a label do not count.
   *
   * @param label any number, such as -100
   */
  public TemperatureScaling withIgnoreIndex(long label) {
    return new TemperatureScaling(elements, label);
  }

  /**
   * Returns the temperature for rows that are in memory.
   *
   * @param logits of any type of floats, with the classes along the last axis
   * @param labels class indices of any integer type, in the shape of the rows
   */
  public static double fit(Tensor logits, Tensor labels) {
    TemperatureScaling scaling = ofClasses();
    do {
      scaling.add(logits, labels);
    } while (scaling.next());
    return scaling.temperature();
  }

  /**
   * Adds a batch to the current pass.
   *
   * @param logits of any type of floats, with the classes along the last axis
   * @param labels class indices of any integer type, in the shape of the rows; of elements 0 or 1,
   *     in the shape of the logits
   */
  public TemperatureScaling add(Tensor logits, Tensor labels) {
    requireSearch();
    batches.take(logits, labels, losses, this::take);
    return this;
  }

  private void take(MemorySegment x, MemorySegment p, long[] labels, int classes) {
    if (terms.length < labels.length * classes) {
      terms = new double[labels.length * classes];
    }
    int count = 0;
    for (int row = 0; row < labels.length; row++) {
      if (!batches.counts(labels[row])) {
        continue;
      }
      long begin = (long) row * classes;
      double right = elements ? 0 : number(x, begin + labels[row]);
      for (long i = begin; i < begin + classes; i++) {
        double share = elements ? number(p, i) - labels[row] : number(p, i);
        terms[count++] = share == 0 ? 0 : share * (number(x, i) - right);
      }
    }
    slope.addTerms(MemorySegment.ofArray(terms), count);
  }

  private static double number(MemorySegment numbers, long i) {
    return numbers.getAtIndex(ValueLayout.JAVA_DOUBLE, i);
  }

  /**
   * Adds what another object has of the same pass, of other rows.
   *
   * @throws PartialStatesException if it is not from the same {@link #toBytes} as this one
   */
  public TemperatureScaling add(TemperatureScaling other) {
    Objects.requireNonNull(other, "other");
    if (!Arrays.equals(state(), other.state())) {
      throw new PartialStatesException(
          message(
              "the two are of different passes: %s and %s; expected objects that began with the bytes of one",
              this, other));
    }
    losses.add(other.losses);
    slope.add(other.slope);
    return this;
  }

  /**
   * Ends a pass over all rows.
   *
   * @return whether another pass is needed
   * @throws EmptyMeanException if no row counts
   * @throws ArithmeticException if the loss of a row is NaN or infinite at every temperature
   */
  public boolean next() {
    requireSearch();
    if (losses.validRows() == 0) {
      throw new EmptyMeanException(
          "no row of this pass counts; expected rows with labels that are not the ignore index");
    }
    double at = slope.sum();
    double loss = losses.mean();
    if (!Double.isFinite(at) || !Double.isFinite(loss)) {
      throw new ArithmeticException(
          message(
              "the mean loss of %s is %s; expected finite logits, and a label whose logit is above -infinity, in every row",
              plural(losses.validRows(), "row"), loss));
    }
    firstLoss = passes == 0 ? loss : firstLoss;
    lastLoss = loss;
    rows = losses.validRows();
    passes++;
    double next = after(at);
    done = next == inverse || Math.abs(next - inverse) <= CLOSE * inverse || passes == MOST_PASSES;
    if (!done) {
      inverse = next;
      beginPass();
    }
    return !done;
  }

  /** The next 1 / T after a pass whose derivative is known; the same one at the end. */
  private double after(double at) {
    if (at == 0) {
      return inverse;
    }
    if (at < 0) {
      atHigh = last < 0 ? atHigh / 2 : atHigh; // the same end moves again: the Illinois method
      low = inverse;
      atLow = at;
    } else {
      atLow = last > 0 ? atLow / 2 : atLow;
      high = inverse;
      atHigh = at;
    }
    last = at;
    if (Double.isNaN(low) || Double.isNaN(high)) {
      return Math.clamp(at < 0 ? inverse * 4 : inverse / 4, 1 / LARGEST, LARGEST);
    }
    double next = (low * atHigh - high * atLow) / (atHigh - atLow);
    return next > low && next < high ? next : inverse;
  }

  private void beginPass() {
    batches = new Batches(elements, ignored, 1 / inverse);
    losses = new Sums();
    slope = new Sums();
  }

  private void requireSearch() {
    if (done) {
      throw new IllegalStateException("the search has ended: next() returned false");
    }
  }

  private void requireEnd() {
    if (!done) {
      throw new IllegalStateException(
          "the search has not ended; call next() after each pass until it returns false");
    }
  }

  /** Returns the temperature that was found. */
  public double temperature() {
    requireEnd();
    return 1 / inverse;
  }

  /** Returns the mean loss at temperature 1, in nats. */
  public double lossBefore() {
    requireEnd();
    return firstLoss;
  }

  /** Returns the mean loss at the temperature that was found. */
  public double loss() {
    requireEnd();
    return lastLoss;
  }

  /** Returns the number of rows or elements that count. */
  public long rows() {
    requireEnd();
    return rows;
  }

  /** Returns the number of passes so far. */
  public int passes() {
    return passes;
  }

  @Override
  public String toString() {
    return message(
        "TemperatureScaling[%s%s, pass=%d, temperature=%s]",
        elements ? "elements" : "classes",
        ignored == null ? "" : ", ignoreIndex=" + ignored,
        passes,
        1 / inverse);
  }

  // ---- bytes -----------------------------------------------------------------------------------

  /** The search, without the sums of the pass. */
  private long[] state() {
    return new long[] {
      elements ? 1 : 0,
      ignored == null ? 0 : 1,
      ignored == null ? 0 : ignored,
      passes,
      done ? 1 : 0,
      rows,
      Double.doubleToLongBits(inverse),
      Double.doubleToLongBits(low),
      Double.doubleToLongBits(high),
      Double.doubleToLongBits(atLow),
      Double.doubleToLongBits(atHigh),
      Double.doubleToLongBits(last),
      Double.doubleToLongBits(firstLoss),
      Double.doubleToLongBits(lastLoss)
    };
  }

  /** Returns the search and the sums of the current pass, for another process. */
  public byte[] toBytes() {
    long[] state = state();
    byte[] first = losses.toBytes();
    byte[] second = slope.toBytes();
    int at = (int) ByteFormat.HEADER + state.length * Long.BYTES;
    byte[] bytes = FORMAT.bytes(at + first.length + second.length);
    MemorySegment to = MemorySegment.ofArray(bytes);
    for (int i = 0; i < state.length; i++) {
      to.set(ByteFormat.LONG, ByteFormat.HEADER + (long) i * Long.BYTES, state[i]);
    }
    System.arraycopy(first, 0, bytes, at, first.length);
    System.arraycopy(second, 0, bytes, at + first.length, second.length);
    return bytes;
  }

  /**
   * Reads the bytes that {@link #toBytes} returned.
   *
   * @throws PartialStatesException for other bytes
   */
  public static TemperatureScaling ofBytes(byte[] bytes) {
    Objects.requireNonNull(bytes, "bytes");
    TemperatureScaling read = ofClasses();
    int size = read.toBytes().length;
    if (bytes.length != size) {
      throw FORMAT.unfit("they are " + plural(bytes.length, "byte") + ", one has " + size);
    }
    MemorySegment from = FORMAT.read(bytes, size);
    long[] state = read.state();
    for (int i = 0; i < state.length; i++) {
      state[i] = from.get(ByteFormat.LONG, ByteFormat.HEADER + (long) i * Long.BYTES);
    }
    read = new TemperatureScaling(state[0] == 1, state[1] == 1 ? (Long) state[2] : null);
    read.passes = (int) state[3];
    read.done = state[4] == 1;
    read.rows = state[5];
    read.inverse = Double.longBitsToDouble(state[6]);
    read.low = Double.longBitsToDouble(state[7]);
    read.high = Double.longBitsToDouble(state[8]);
    read.atLow = Double.longBitsToDouble(state[9]);
    read.atHigh = Double.longBitsToDouble(state[10]);
    read.last = Double.longBitsToDouble(state[11]);
    read.firstLoss = Double.longBitsToDouble(state[12]);
    read.lastLoss = Double.longBitsToDouble(state[13]);
    if (!(read.inverse >= 1 / LARGEST && read.inverse <= LARGEST)
        || read.passes < 0
        || read.passes > MOST_PASSES
        || read.rows < 0
        || !Arrays.equals(state, read.state())) {
      throw FORMAT.unfit("their search is at " + read);
    }
    int at = (int) ByteFormat.HEADER + state.length * Long.BYTES;
    int half = (size - at) / 2;
    read.beginPass();
    read.losses = Sums.ofBytes(Arrays.copyOfRange(bytes, at, at + half));
    read.slope = Sums.ofBytes(Arrays.copyOfRange(bytes, at + half, size));
    return read;
  }
}

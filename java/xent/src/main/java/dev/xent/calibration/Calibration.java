// SPDX-License-Identifier: Apache-2.0
package dev.xent.calibration;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.Tensor;
import dev.xent.errors.EmptyMeanException;
import dev.xent.errors.OptionException;
import dev.xent.errors.PartialStatesException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.plan.arrays.ByteFormat;
import dev.xent.internal.plan.call.Sums;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Measures whether probabilities are right, over any number of batches: the mean loss, the Brier
 * score, the expected and the maximum calibration error, and the bins of a reliability diagram.
 *
 * {@snippet file="dev/xent/ExamplesTest.java" region="calibration" :
 * Calibration calibration = Calibration.ofClasses().add(logits, labels);
 * System.out.println(calibration.expectedError());
 * System.out.println(calibration.withTemperature(2).add(logits, labels).expectedError());
 * }
 *
 * <p>The <b>confidence</b> of a row is the largest probability of its softmax, and it is right if
 * its label is that class, the first among equals; {@link #ofClass} takes the probability of one
 * class instead, and {@link #ofElements} the sigmoid of each element, which is right if the label
 * is 1. Bin i of n has the confidences in (i / n, (i + 1) / n], the first also 0. The expected
 * error is the mean over the rows of |accuracy - confidence| of their bins, the maximum error the
 * largest one. The Brier score is the mean of the squared distance of the probabilities to the
 * label, summed over the classes: 0 to 2, of elements 0 to 1.
 *
 * <p>Everything is computed in double. Sums are exact (confidences as whole multiples of 2^-32), so
 * the results have the same bits for any division of the rows over batches, objects that are
 * {@linkplain #add(Calibration) added}, files or machines.
 *
 * <p>Not safe for use by several threads at once: let each thread add to its own.
 */
public final class Calibration {
  /** Begins with the ASCII bytes "XENTCALI". */
  private static final ByteFormat FORMAT =
      new ByteFormat(0x494C_4143_544E_4558L, "calibration", "a calibration does");

  private static final int MOST_BINS = 1 << 16;
  private static final long TOP = -1;
  private static final long ELEMENTS = -2;

  /** The sums of confidences stay below 2^63. */
  private static final long MOST_ROWS = 1L << 31;

  private final long of;
  private final int bins;
  private final boolean equalCounts;
  private final double temperature;
  private final @Nullable Long ignored;
  private final Batches batches;
  private final Sums losses = new Sums();
  private final Sums squares = new Sums();

  /** Of equal widths, the bins; of equal counts, null. */
  private final @Nullable Bins fixed;

  /** Of equal counts, all confidences, with the sign bit set if the row is right. */
  private long[] kept = new long[0];

  private int keptCount;

  /** Their bins; null after a row was added. */
  private @Nullable Bins quantiles;

  private double[] terms = new double[0];

  private Calibration(
      long of, int bins, boolean equalCounts, double temperature, @Nullable Long ignored) {
    this.of = of;
    this.bins = bins;
    this.equalCounts = equalCounts;
    this.temperature = temperature;
    this.ignored = ignored;
    batches = new Batches(of == ELEMENTS, ignored, temperature);
    fixed = equalCounts ? null : Bins.ofWidths(bins);
  }

  /** Returns a new object for the most probable class of each row, with 15 bins. */
  public static Calibration ofClasses() {
    return new Calibration(TOP, 15, false, 1, null);
  }

  /**
   * Returns a new object for the probability of one class, with 15 bins: a row is right if it has
   * this label.
   *
   * @param index of the class
   */
  public static Calibration ofClass(int index) {
    if (index < 0) {
      throw new OptionException("index is " + index + "; expected the index of a class, from 0 on");
    }
    return new Calibration(index, 15, false, 1, null);
  }

  /** Returns a new object for elements with a label each, 0 or 1, with 15 bins. */
  public static Calibration ofElements() {
    return new Calibration(ELEMENTS, 15, false, 1, null);
  }

  /**
   * Returns a new, empty object with another number of bins.
   *
   * @param number from 1 to 65536
   */
  public Calibration withBins(int number) {
    if (number < 1 || number > MOST_BINS) {
      throw new OptionException(message("bins is %d; expected 1 to %d", number, MOST_BINS));
    }
    return new Calibration(of, number, equalCounts, temperature, ignored);
  }

  /**
   * Returns a new, empty object with bins of about equal counts: their bounds are the quantiles of
   * the confidences, as NumPy and scikit-learn interpolate them. It keeps every confidence, 8 bytes
   * per row.
   */
  public Calibration withEqualCounts() {
    return new Calibration(of, bins, true, temperature, ignored);
  }

  /**
   * Returns a new, empty object that divides logits by a temperature.
   *
   * @param value in [2^-32, 2^32]
   */
  public Calibration withTemperature(double value) {
    return new Calibration(of, bins, equalCounts, value, ignored);
  }

  /**
   * Returns a new, empty object in which rows or elements with a label do not count.
   *
   * @param label any number, such as -100
   */
  public Calibration withIgnoreIndex(long label) {
    return new Calibration(of, bins, equalCounts, temperature, label);
  }

  /**
   * Adds a batch.
   *
   * @param logits of any type of floats, with the classes along the last axis
   * @param labels class indices of any integer type, in the shape of the rows; of elements 0 or 1,
   *     in the shape of the logits
   */
  public Calibration add(Tensor logits, Tensor labels) {
    batches.take(logits, labels, losses, this::take);
    return this;
  }

  private void take(MemorySegment x, MemorySegment p, long[] labels, int classes) {
    if (of >= classes) {
      throw new ShapeException(
          message(
              "logits has %s, the calibration is of class %d; expected more classes",
              plural(classes, "class"), of));
    }
    if (terms.length < labels.length * classes) {
      terms = new double[labels.length * classes];
    }
    int count = 0;
    for (int row = 0; row < labels.length; row++) {
      if (!batches.counts(labels[row])) {
        continue;
      }
      long begin = (long) row * classes;
      int largest = 0;
      for (int k = 0; k < classes; k++) {
        double share = number(p, begin + k);
        boolean hit = batches.elements ? labels[row] == 1 : labels[row] == k;
        double distance = share - (hit ? 1 : 0);
        terms[count++] = distance * distance;
        largest = share > number(p, begin + largest) ? k : largest;
      }
      int k = of >= 0 ? (int) of : largest;
      add(number(p, begin + k), batches.elements ? labels[row] == 1 : labels[row] == k);
    }
    squares.addTerms(MemorySegment.ofArray(terms), count);
  }

  private static double number(MemorySegment numbers, long i) {
    return numbers.getAtIndex(ValueLayout.JAVA_DOUBLE, i);
  }

  /** Adds a row. NaN is not in a bin; then the loss is NaN, too. */
  private void add(double confidence, boolean isRight) {
    if (!(confidence >= 0)) {
      return;
    }
    if (fixed != null) {
      fixed.add(confidence, isRight);
      return;
    }
    if (keptCount == kept.length) {
      kept = Arrays.copyOf(kept, Math.max(64, 2 * keptCount));
    }
    quantiles = null;
    long bits = Double.doubleToLongBits(confidence);
    kept[keptCount++] = isRight ? bits | Long.MIN_VALUE : bits;
  }

  private Bins binned() {
    if (fixed != null) {
      return fixed;
    }
    if (quantiles == null) {
      quantiles = Bins.ofCounts(bins, kept, keptCount);
    }
    return quantiles;
  }

  /**
   * Adds the rows of another object.
   *
   * @param other with the same bins, temperature and ignore index, of the same confidences
   */
  public Calibration add(Calibration other) {
    Objects.requireNonNull(other, "other");
    if (!Arrays.equals(settings(), other.settings())) {
      throw new PartialStatesException(
          message("%s cannot be added to %s; expected the same settings", other, this));
    }
    losses.add(other.losses);
    squares.add(other.squares);
    if (fixed != null && other.fixed != null) {
      fixed.add(other.fixed);
    }
    int count = other.keptCount;
    kept = Arrays.copyOf(kept, Math.addExact(keptCount, count));
    System.arraycopy(other.kept, 0, kept, keptCount, count);
    keptCount += count;
    quantiles = null;
    requireRoom();
    return this;
  }

  private void requireRoom() {
    if (losses.validRows() > MOST_ROWS) {
      throw new PartialStatesException(
          message("more than %d rows; expected at most these; use another object", MOST_ROWS));
    }
  }

  // ---- results ---------------------------------------------------------------------------------

  /** Returns the number of rows or elements that count. */
  public long rows() {
    return losses.validRows();
  }

  private double mean(double sum) {
    if (rows() == 0) {
      throw new EmptyMeanException(
          "no row counts; expected rows with labels that are not the ignore index");
    }
    return sum / rows();
  }

  /** Returns the mean loss in nats, the negative log-likelihood of the labels. */
  public double loss() {
    return mean(losses.sum());
  }

  /** Returns the Brier score. */
  public double brier() {
    return mean(squares.sum());
  }

  /** Returns the share of rows that are right. */
  public double accuracy() {
    return mean(Arrays.stream(binned().right).sum());
  }

  /** Returns the mean confidence. */
  public double confidence() {
    return mean(Arrays.stream(binned().confidences).sum() * Bins.UNIT);
  }

  /** Returns the expected calibration error. */
  public double expectedError() {
    return mean(binned().error());
  }

  /** Returns the largest |accuracy - confidence| of a bin with rows. */
  public double maximumError() {
    double most = mean(0);
    for (CalibrationBin bin : bins()) {
      double error = Math.abs(bin.accuracy() - bin.confidence());
      most = error > most ? error : most;
    }
    return most;
  }

  /** Returns the bins, of increasing confidence. */
  public List<CalibrationBin> bins() {
    return binned().list();
  }

  @Override
  public String toString() {
    return message(
        "Calibration[%s, bins=%d%s, temperature=%s%s, rows=%d]",
        of == TOP ? "classes" : of == ELEMENTS ? "elements" : "class " + of,
        bins,
        equalCounts ? " of equal counts" : "",
        temperature,
        ignored == null ? "" : ", ignoreIndex=" + ignored,
        rows());
  }

  // ---- bytes -----------------------------------------------------------------------------------

  private long[] settings() {
    return new long[] {
      of,
      bins,
      equalCounts ? 1 : 0,
      Double.doubleToLongBits(temperature),
      ignored == null ? 0 : 1,
      ignored == null ? 0 : ignored
    };
  }

  /** Returns the settings and all sums, for another process. */
  public byte[] toBytes() {
    byte[] first = losses.toBytes();
    byte[] second = squares.toBytes();
    long[] numbers = fixed != null ? fixed.toNumbers() : Arrays.copyOf(kept, keptCount);
    long[] settings = settings();
    long size = ByteFormat.HEADER + (settings.length + (long) numbers.length) * Long.BYTES;
    byte[] bytes = FORMAT.bytes(size + first.length + second.length);
    MemorySegment to = MemorySegment.ofArray(bytes);
    System.arraycopy(first, 0, bytes, (int) ByteFormat.HEADER, first.length);
    int at = (int) ByteFormat.HEADER + first.length;
    System.arraycopy(second, 0, bytes, at, second.length);
    at += second.length;
    for (long[] part : new long[][] {settings, numbers}) {
      for (long number : part) {
        to.set(ByteFormat.LONG, at, number);
        at += Long.BYTES;
      }
    }
    return bytes;
  }

  /**
   * Reads the bytes that {@link #toBytes} returned.
   *
   * @throws PartialStatesException for other bytes
   */
  public static Calibration ofBytes(byte[] bytes) {
    Objects.requireNonNull(bytes, "bytes");
    Calibration read = ofClasses();
    int half = read.losses.toBytes().length;
    int head = (int) ByteFormat.HEADER + 2 * half;
    long[] settings = read.settings();
    int begin = head + settings.length * Long.BYTES;
    MemorySegment from = FORMAT.read(bytes, begin);
    for (int i = 0; i < settings.length; i++) {
      settings[i] = from.get(ByteFormat.LONG, head + (long) i * Long.BYTES);
    }
    double warmth = Double.longBitsToDouble(settings[3]);
    boolean fits =
        settings[0] >= ELEMENTS
            && settings[0] <= Integer.MAX_VALUE
            && settings[1] >= 1
            && settings[1] <= MOST_BINS
            && warmth >= 0x1p-32
            && warmth <= 0x1p32
            && (bytes.length - begin) % Long.BYTES == 0;
    if (!fits) {
      throw FORMAT.unfit(message("they are %s of other settings", plural(bytes.length, "byte")));
    }
    Long ignored = settings[4] == 1 ? (Long) settings[5] : null;
    read = new Calibration(settings[0], (int) settings[1], settings[2] == 1, warmth, ignored);
    byte[] first =
        Arrays.copyOfRange(bytes, (int) ByteFormat.HEADER, (int) ByteFormat.HEADER + half);
    read.losses.add(Sums.ofBytes(first));
    read.squares.add(Sums.ofBytes(Arrays.copyOfRange(bytes, head - half, head)));
    long[] numbers = new long[(bytes.length - begin) / Long.BYTES];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = from.get(ByteFormat.LONG, begin + (long) i * Long.BYTES);
    }
    if (!read.takeNumbers(numbers)) {
      throw FORMAT.unfit(message("their bins do not fit %s", plural(read.rows(), "row")));
    }
    return read;
  }

  private boolean takeNumbers(long[] numbers) {
    if (fixed != null) {
      return fixed.take(numbers, rows());
    }
    kept = numbers;
    keptCount = numbers.length;
    return keptCount <= rows()
        && Arrays.stream(numbers)
            .mapToDouble(bits -> Double.longBitsToDouble(bits & Long.MAX_VALUE))
            .allMatch(confidence -> confidence <= 1);
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.LossSum;
import dev.xent.errors.PartialStatesException;
import dev.xent.internal.ffi.xent_exact_sum;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.load.Backends;
import dev.xent.internal.plan.arrays.ByteFormat;
import dev.xent.options.Backend;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Two exact sums over any number of calls: of the losses and of the divisors of means. */
public final class Sums implements LossSum {
  /** Begins with the ASCII bytes "XENTLSUM". */
  private static final ByteFormat FORMAT =
      new ByteFormat(0x4D55_534C_544E_4558L, "loss sum", "an exact sum does");

  private static final long AT_ROWS = ByteFormat.HEADER;
  private static final long AT_VALID_ROWS = AT_ROWS + 8;
  private static final long AT_LOSSES = AT_VALID_ROWS + 8;

  /** The maximum number of addends of an exact sum. */
  private static final long MOST_ROWS = 1L << 39;

  /** A float adds less than 2^24 to a counter; 2^30 doubles add less than 2^62 to a digit. */
  private static final long MOST_OF_BIN = MOST_ROWS * ((1L << 24) - 1);

  private static final long MOST_OF_DIGIT = 1L << 62;

  private final Exclusive use =
      new Exclusive(
          "this loss sum is in use already: use one for each thread and add them up, or let the call return first");

  private final MemorySegment losses = empty();
  private final MemorySegment weights = empty();
  private final MemorySegment one = Arena.ofAuto().allocate(ValueLayout.JAVA_DOUBLE);
  private long rows;
  private long validRows;

  /** The kernels. The library is loaded when a number is first added or read, not earlier. */
  private static Kernels kernels() {
    return Backends.get().kernels(Backend.AUTO);
  }

  private static MemorySegment empty() {
    MemorySegment exactSum = Arena.ofAuto().allocate(xent_exact_sum.layout());
    xent_exact_sum.size(exactSum, xent_exact_sum.sizeof());
    return exactSum;
  }

  /** Makes an exact sum one of no numbers. */
  public static void clear(MemorySegment exactSum) {
    exactSum.fill((byte) 0);
    xent_exact_sum.size(exactSum, xent_exact_sum.sizeof());
  }

  /** Checks the status of an addition to an exact sum, which has no reason to fail. */
  public static void check(int status) {
    if (status != Status.OK) {
      throw new AssertionError(
          "an exact sum was refused: status " + status + "; please report this");
    }
  }

  /** The sums of a call, which are added to those of the caller if the call succeeds. */
  static Sums of(Run run) {
    return run.scratch(Sums.class, Sums::new);
  }

  /** Sets the divisor of the mean: a sum of weights, or null for the number of valid rows. */
  void divisor(@Nullable MemorySegment exactWeight, long newValidRows) {
    if (exactWeight != null) {
      weights.copyFrom(exactWeight);
      return;
    }
    clear(weights);
    one.set(ValueLayout.JAVA_DOUBLE, 0, newValidRows);
    check(kernels().exactSumAdd(weights, one, ElementType.F64, 1, 1));
  }

  /** Sets the sum of the losses and the counts. */
  void losses(MemorySegment lossSum, long newRows, long newValidRows) {
    losses.copyFrom(lossSum);
    rows = newRows;
    validRows = newValidRows;
  }

  /**
   * Adds terms that are no losses of rows: they change the sum alone.
   *
   * @param terms doubles without gaps
   */
  public void addTerms(MemorySegment terms, long count) {
    use.enter();
    try {
      check(kernels().exactSumAdd(losses, terms, ElementType.F64, 1, count));
    } finally {
      use.uses = 0;
    }
  }

  @Override
  public Sums add(LossSum added) {
    Sums other = (Sums) Objects.requireNonNull(added, "other");
    use.enter();
    try {
      if (other == this) {
        merge(this);
      } else {
        other.use.enter();
        try {
          merge(other);
        } finally {
          other.use.uses = 0;
        }
      }
    } finally {
      use.uses = 0;
    }
    return this;
  }

  private void merge(Sums other) {
    if (other.rows > MOST_ROWS - rows) {
      throw new PartialStatesException(
          message(
              "the sum to add has %s, this one %d; expected at most %d together; use another sum",
              plural(other.rows, "row"), rows, MOST_ROWS));
    }
    check(kernels().exactSumMerge(losses, other.losses));
    check(kernels().exactSumMerge(weights, other.weights));
    rows += other.rows;
    validRows += other.validRows;
  }

  @Override
  public double sum() {
    return value(losses);
  }

  @Override
  public double denominator() {
    return value(weights);
  }

  private double value(MemorySegment exactSum) {
    use.enter();
    try {
      return kernels().exactSumValue(exactSum);
    } finally {
      use.uses = 0;
    }
  }

  @Override
  public long rows() {
    return rows;
  }

  @Override
  public long validRows() {
    return validRows;
  }

  @Override
  public String toString() {
    return message(
        "LossSum[sum=%s, denominator=%s, rows=%d, validRows=%d]",
        sum(), denominator(), rows(), validRows());
  }

  // ---- bytes -----------------------------------------------------------------------------------

  private static long byteSize() {
    return AT_LOSSES + 2 * xent_exact_sum.sizeof();
  }

  @Override
  public byte[] toBytes() {
    byte[] bytes = FORMAT.bytes(byteSize());
    use.enter();
    try {
      write(bytes);
    } finally {
      use.uses = 0;
    }
    return bytes;
  }

  private void write(byte[] bytes) {
    MemorySegment to = MemorySegment.ofArray(bytes);
    to.set(ByteFormat.LONG, AT_ROWS, rows);
    to.set(ByteFormat.LONG, AT_VALID_ROWS, validRows);
    MemorySegment.copy(losses, 0, to, AT_LOSSES, xent_exact_sum.sizeof());
    MemorySegment.copy(
        weights, 0, to, AT_LOSSES + xent_exact_sum.sizeof(), xent_exact_sum.sizeof());
  }

  /**
   * Reads the bytes that {@link #toBytes} returned.
   *
   * @throws PartialStatesException for other bytes
   */
  public static Sums ofBytes(byte[] bytes) {
    if (bytes.length != byteSize()) {
      throw FORMAT.unfit(
          "they are " + plural(bytes.length, "byte") + ", an exact sum has " + byteSize());
    }
    MemorySegment from = FORMAT.read(bytes, bytes.length);
    Sums sums = new Sums();
    sums.rows = from.get(ByteFormat.LONG, AT_ROWS);
    sums.validRows = from.get(ByteFormat.LONG, AT_VALID_ROWS);
    if (sums.validRows < 0 || sums.rows < sums.validRows || sums.rows > MOST_ROWS) {
      throw FORMAT.unfit(message("%d of %d rows count", sums.validRows, sums.rows));
    }
    MemorySegment.copy(from, AT_LOSSES, sums.losses, 0, xent_exact_sum.sizeof());
    MemorySegment.copy(
        from, AT_LOSSES + xent_exact_sum.sizeof(), sums.weights, 0, xent_exact_sum.sizeof());
    if (xent_exact_sum.size(sums.losses) != xent_exact_sum.sizeof()
        || xent_exact_sum.size(sums.weights) != xent_exact_sum.sizeof()) {
      throw FORMAT.unfit("a sum in them has another size");
    }
    requireCounts(sums.losses);
    requireCounts(sums.weights);
    return sums;
  }

  /** Rejects counters that no exact sum can reach. */
  private static void requireCounts(MemorySegment exactSum) {
    boolean counts =
        isFromZero(xent_exact_sum.nan(exactSum), MOST_ROWS)
            && isFromZero(xent_exact_sum.positive_infinity(exactSum), MOST_ROWS)
            && isFromZero(xent_exact_sum.negative_infinity(exactSum), MOST_ROWS)
            && isFromZero(xent_exact_sum.doubles(exactSum), MOST_ROWS);
    for (long i = 0; counts && i < xent_exact_sum.bins$layout().elementCount(); i++) {
      counts = isWithin(xent_exact_sum.bins(exactSum, i), MOST_OF_BIN);
    }
    for (long i = 0; counts && i < xent_exact_sum.digits$layout().elementCount(); i++) {
      counts = isWithin(xent_exact_sum.digits(exactSum, i), MOST_OF_DIGIT);
    }
    if (!counts) {
      throw FORMAT.unfit("a sum in them counts more than an exact sum can");
    }
  }

  private static boolean isFromZero(long count, long most) {
    return count >= 0 && count <= most;
  }

  private static boolean isWithin(long count, long most) {
    return count >= -most && count <= most;
  }
}

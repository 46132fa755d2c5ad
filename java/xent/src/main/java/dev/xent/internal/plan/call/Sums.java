// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.errors.PartialStatesException;
import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_exact_sum;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.load.Backends;
import dev.xent.options.Backend;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Two exact sums, of losses and of what a mean divides by, over any number of calls. */
public final class Sums {
  /** XENTLSUM. */
  private static final long MAGIC = 0x4D55_534C_544E_4558L;

  private static final int LAYOUT_VERSION = 1;

  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final long AT_LAYOUT = 8;
  private static final long AT_NUMERICS = 12;
  private static final long AT_ROWS = 16;
  private static final long AT_VALID_ROWS = 24;
  private static final long AT_LOSSES = 32;

  /** Numbers that an exact sum has counted, at most. */
  private static final long MOST_ROWS = 1L << 39;

  /** A float adds less than 2^24 to a counter, 2^30 doubles less than 2^62 to a digit. */
  private static final long MOST_OF_BIN = MOST_ROWS * ((1L << 24) - 1);

  private static final long MOST_OF_DIGIT = 1L << 62;

  private final MemorySegment losses = empty();
  private final MemorySegment weights = empty();
  private final MemorySegment pending = empty();
  private final MemorySegment one = Arena.ofAuto().allocate(ValueLayout.JAVA_DOUBLE);
  private long rows;
  private long validRows;

  /** Nothing yet. */
  public Sums() {}

  /** Loads the library when a number is added or read, and not before. */
  private static Kernels kernels() {
    return Backends.get().kernels(Backend.AUTO);
  }

  private static MemorySegment empty() {
    MemorySegment exactSum = Arena.ofAuto().allocate(xent_exact_sum.layout());
    xent_exact_sum.size(exactSum, xent_exact_sum.sizeof());
    return exactSum;
  }

  private static void check(int status) {
    if (status != Status.OK) {
      throw new AssertionError(
          "an exact sum was refused: status " + status + "; please report this");
    }
  }

  /** What the mean of a call divides by, which is added where the call succeeds. */
  void keep(MemorySegment exactWeight) {
    pending.copyFrom(exactWeight);
  }

  /** The same where nothing has a weight. */
  void keep(long newValidRows) {
    pending.fill((byte) 0);
    xent_exact_sum.size(pending, xent_exact_sum.sizeof());
    one.set(ValueLayout.JAVA_DOUBLE, 0, newValidRows);
    check(kernels().exactSumAdd(pending, one, ElementType.F64.number(), 1, 1));
  }

  /** A call that succeeded. */
  void add(MemorySegment lossSum, long newRows, long newValidRows) {
    check(kernels().exactSumMerge(losses, lossSum));
    check(kernels().exactSumMerge(weights, pending));
    rows += newRows;
    validRows += newValidRows;
  }

  /** All that other sums hold. */
  public void add(Sums other) {
    check(kernels().exactSumMerge(losses, other.losses));
    check(kernels().exactSumMerge(weights, other.weights));
    rows += other.rows;
    validRows += other.validRows;
  }

  public double sum() {
    return kernels().exactSumValue(losses);
  }

  public double weight() {
    return kernels().exactSumValue(weights);
  }

  public long rows() {
    return rows;
  }

  public long validRows() {
    return validRows;
  }

  // ---- bytes -----------------------------------------------------------------------------------

  private static long byteSize() {
    return AT_LOSSES + 2 * xent_exact_sum.sizeof();
  }

  /** As {@link #ofBytes} reads them. */
  public byte[] toBytes() {
    byte[] bytes = new byte[(int) byteSize()];
    MemorySegment to = MemorySegment.ofArray(bytes);
    to.set(LONG, 0, MAGIC);
    to.set(INT, AT_LAYOUT, LAYOUT_VERSION);
    to.set(INT, AT_NUMERICS, XentH.XENT_NUMERICS_VERSION());
    to.set(LONG, AT_ROWS, rows);
    to.set(LONG, AT_VALID_ROWS, validRows);
    MemorySegment.copy(losses, 0, to, AT_LOSSES, xent_exact_sum.sizeof());
    MemorySegment.copy(
        weights, 0, to, AT_LOSSES + xent_exact_sum.sizeof(), xent_exact_sum.sizeof());
    return bytes;
  }

  /**
   * What {@link #toBytes} wrote.
   *
   * @throws PartialStatesException for other bytes
   */
  public static Sums ofBytes(byte[] bytes) {
    MemorySegment from = MemorySegment.ofArray(bytes);
    if (bytes.length != byteSize()) {
      throw unfit("they are " + plural(bytes.length, "byte") + ", an exact sum has " + byteSize());
    }
    if (from.get(LONG, 0) != MAGIC) {
      throw unfit("they do not begin as an exact sum does");
    }
    requireEqual(from.get(INT, AT_LAYOUT), LAYOUT_VERSION, "layout");
    requireEqual(from.get(INT, AT_NUMERICS), XentH.XENT_NUMERICS_VERSION(), "numerics");
    Sums sums = new Sums();
    sums.rows = from.get(LONG, AT_ROWS);
    sums.validRows = from.get(LONG, AT_VALID_ROWS);
    if (sums.validRows < 0 || sums.rows < sums.validRows || sums.rows > MOST_ROWS) {
      throw unfit(message("%d of %d rows count", sums.validRows, sums.rows));
    }
    MemorySegment.copy(from, AT_LOSSES, sums.losses, 0, xent_exact_sum.sizeof());
    MemorySegment.copy(
        from, AT_LOSSES + xent_exact_sum.sizeof(), sums.weights, 0, xent_exact_sum.sizeof());
    if (xent_exact_sum.size(sums.losses) != xent_exact_sum.sizeof()
        || xent_exact_sum.size(sums.weights) != xent_exact_sum.sizeof()) {
      throw unfit("a sum in them has another size");
    }
    requireCounts(sums.losses);
    requireCounts(sums.weights);
    return sums;
  }

  /** Refuses numbers that no exact sum can have counted. */
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
      throw unfit("a sum in them counts more than an exact sum can");
    }
  }

  private static boolean isFromZero(long count, long most) {
    return count >= 0 && count <= most;
  }

  private static boolean isWithin(long count, long most) {
    return count >= -most && count <= most;
  }

  private static void requireEqual(int given, int known, String version) {
    if (given != known) {
      throw unfit(message("their %s version is %d, here it is %d", version, given, known));
    }
  }

  private static PartialStatesException unfit(String why) {
    return new PartialStatesException(
        "the bytes hold no loss sum that can be used: "
            + why
            + "; pass bytes that toBytes() wrote");
  }
}

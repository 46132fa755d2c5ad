// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.sample;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.xent.internal.kernels.Records;
import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.load.RecordNumbers;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * A question about a row, and the answer of a shard: a record of {@link Records#SAMPLE_STATE}
 * bytes.
 */
public final class ShardState {
  /** The number of classes that a shard lists, and of bins of weights. */
  public static final int TOLD = Records.SAMPLE_LISTED;

  /** Requests the first classes in order. */
  static final int LIST = 1;

  /** Requests weights, binned by position in the order. */
  static final int ORDER = 2;

  /** Requests weights, binned by class. */
  static final int CLASS = 3;

  /** No further request: the row has its token. */
  public static final int DONE = Records.SAMPLE_DONE;

  private static final long AT_DIGEST = 4;
  private static final long AT_FIRST = 8;
  private static final long AT_CLASSES = 16;
  private static final long AT_MOST = 24;
  private static final long AT_LOW = 28;
  private static final long AT_LAST = 32;
  private static final long AT_FROM = 40;
  private static final long AT_TO = 48;
  private static final long AT_BEFORE = 56;
  private static final long AT_COUNT = 64;
  private static final long AT_SUM = 72;
  private static final long AT_LISTED = 80;
  private static final long AT_BAD = 84;
  private static final long AT_LOG_PROBABILITY = 88;
  private static final long AT_TOLD = 96;

  public int kind;

  /** The digest of the row's options. */
  int digest;

  /** The range of the shard. */
  long first;

  long classes;

  /** The row's largest value; -infinity while it is unknown. */
  float most;

  /** The set: the classes above this value, and those equal to it up to the class {@code last}. */
  float low;

  /** The last class of the set; in a finished row, the token. */
  public long last;

  /** The range of keys of the bins. */
  long from;

  long to;

  /** The weight of the set before the bins. */
  long before;

  /** The number of classes in the set; in a finished row, the number of kept classes. */
  public long count;

  /** The weight of the set. */
  long sum;

  int listed;

  /** Not 0 if a class is NaN or +infinity. */
  int bad;

  /** Set in a finished row. */
  public double logProbability;

  /**
   * The listed classes, each with the class above the bits of its value; or the sums of the bins.
   */
  final long[] told = new long[TOLD];

  /** Sets the first question, without an answer. */
  void begin() {
    kind = LIST;
    most = Float.NEGATIVE_INFINITY;
    low = Float.NEGATIVE_INFINITY;
    last = 0;
    from = 0;
    to = 0;
    before = 0;
    logProbability = 0;
    clearAnswer();
  }

  void clearAnswer() {
    count = 0;
    sum = 0;
    listed = 0;
    bad = 0;
    logProbability = 0;
    Arrays.fill(told, 0);
  }

  /** Marks the row as finished. */
  void done(long token, long kept, double ofToken) {
    begin();
    kind = DONE;
    most = 0;
    low = 0;
    last = token;
    count = kept;
    logProbability = ofToken;
  }

  /** Whether all fields are 0 except those that {@link #done} sets. */
  boolean isDone() {
    boolean zero =
        (Float.floatToRawIntBits(most) | Float.floatToRawIntBits(low) | listed | bad) == 0;
    for (long number : told) {
      zero &= number == 0;
    }
    return zero && (from | to | before | sum) == 0;
  }

  /** Adds a class to the list. */
  void tell(int clazz, float value) {
    told[listed++] =
        ((long) clazz << Integer.SIZE) | Integer.toUnsignedLong(Float.floatToRawIntBits(value));
  }

  int clazz(int i) {
    return (int) (told[i] >> Integer.SIZE);
  }

  float value(int i) {
    return Float.intBitsToFloat((int) told[i]);
  }

  void load(MemorySegment states, long index) {
    long at = index * Records.SAMPLE_STATE;
    kind = states.get(JAVA_INT_UNALIGNED, at);
    digest = states.get(JAVA_INT_UNALIGNED, at + AT_DIGEST);
    first = states.get(JAVA_LONG_UNALIGNED, at + AT_FIRST);
    classes = states.get(JAVA_LONG_UNALIGNED, at + AT_CLASSES);
    most = states.get(JAVA_FLOAT_UNALIGNED, at + AT_MOST);
    low = states.get(JAVA_FLOAT_UNALIGNED, at + AT_LOW);
    last = states.get(JAVA_LONG_UNALIGNED, at + AT_LAST);
    from = states.get(JAVA_LONG_UNALIGNED, at + AT_FROM);
    to = states.get(JAVA_LONG_UNALIGNED, at + AT_TO);
    before = states.get(JAVA_LONG_UNALIGNED, at + AT_BEFORE);
    count = states.get(JAVA_LONG_UNALIGNED, at + AT_COUNT);
    sum = states.get(JAVA_LONG_UNALIGNED, at + AT_SUM);
    listed = states.get(JAVA_INT_UNALIGNED, at + AT_LISTED);
    bad = states.get(JAVA_INT_UNALIGNED, at + AT_BAD);
    logProbability = RecordNumbers.getDouble(states, at + AT_LOG_PROBABILITY);
    MemorySegment.copy(states, JAVA_LONG_UNALIGNED, at + AT_TOLD, told, 0, TOLD);
  }

  void store(MemorySegment states, long index) {
    long at = index * Records.SAMPLE_STATE;
    states.set(JAVA_INT_UNALIGNED, at, kind | Kind.VERSION);
    states.set(JAVA_INT_UNALIGNED, at + AT_DIGEST, digest);
    states.set(JAVA_LONG_UNALIGNED, at + AT_FIRST, first);
    states.set(JAVA_LONG_UNALIGNED, at + AT_CLASSES, classes);
    states.set(JAVA_FLOAT_UNALIGNED, at + AT_MOST, most);
    states.set(JAVA_FLOAT_UNALIGNED, at + AT_LOW, low);
    states.set(JAVA_LONG_UNALIGNED, at + AT_LAST, last);
    states.set(JAVA_LONG_UNALIGNED, at + AT_FROM, from);
    states.set(JAVA_LONG_UNALIGNED, at + AT_TO, to);
    states.set(JAVA_LONG_UNALIGNED, at + AT_BEFORE, before);
    states.set(JAVA_LONG_UNALIGNED, at + AT_COUNT, count);
    states.set(JAVA_LONG_UNALIGNED, at + AT_SUM, sum);
    states.set(JAVA_INT_UNALIGNED, at + AT_LISTED, listed);
    states.set(JAVA_INT_UNALIGNED, at + AT_BAD, bad);
    RecordNumbers.setDouble(states, at + AT_LOG_PROBABILITY, logProbability);
    MemorySegment.copy(told, 0, states, JAVA_LONG_UNALIGNED, at + AT_TOLD, TOLD);
  }

  /** Whether two states have the same question or, if done, the same result. */
  static boolean areAlike(MemorySegment states, long index, long other, boolean done) {
    long at = index * Records.SAMPLE_STATE;
    long otherAt = other * Records.SAMPLE_STATE;
    long end = done ? Records.SAMPLE_STATE : AT_COUNT;
    return MemorySegment.mismatch(
            states, at + AT_MOST, at + end, states, otherAt + AT_MOST, otherAt + end)
        < 0;
  }

  static long first(MemorySegment states, long index) {
    return states.get(JAVA_LONG_UNALIGNED, index * Records.SAMPLE_STATE + AT_FIRST);
  }
}

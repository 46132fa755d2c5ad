// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.sum;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.xent.internal.kernels.Records;
import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.load.RecordNumbers;
import dev.xent.internal.kernels.reference.math.Pair;
import java.lang.foreign.MemorySegment;

/** The contribution of one chunk of a row: a record of {@link Records#STATE} bytes. */
public final class State {
  /** The label of a chunk without a label. */
  public static final int NO_LABEL = 0xffff;

  private static final long AT_REFERENCE = 4;
  private static final long AT_COUNTED = 8;
  private static final long AT_LABEL = 10;
  private static final long AT_DIGEST = 12;
  private static final long AT_MAX = 16;
  private static final long AT_LABEL_LOGIT = 24;
  private static final long AT_SUM = 32;
  private static final long AT_SUM_LOW = 40;
  private static final long AT_DOT = 48;
  private static final long AT_MASS = 56;

  public int kind;
  public double reference;

  /** The number of unmasked classes. */
  public int counted;

  /** The index of the label in the chunk. */
  public int label;

  /** The digest of everything that the state depends on. */
  public int digest;

  public double max;
  public double labelLogit;
  public double sum;

  /** The rounding errors of the sum, in float64 arithmetic. */
  public double sumLow;

  /** Sums over targets; without targets see {@link #setOthers}. */
  public double dot;

  public double mass;

  /** Sets a state to that of an ignored row, which is also the start of other states. */
  public void begin(int ofKind, int ofDigest) {
    kind = ofKind | Kind.VERSION;
    digest = ofDigest;
    label = NO_LABEL;
    reference = 0;
    counted = 0;
    max = 0;
    labelLogit = 0;
    sum = 0;
    sumLow = 0;
    dot = 0;
    mass = 0;
  }

  public boolean isOfSoftmax() {
    return (kind & Kind.MASK) == Kind.SOFTMAX;
  }

  /**
   * Stores the sum without the first of the largest classes, for a chunk whose log-sum-exp is near
   * 0.
   */
  public void setOthers(Pair others) {
    dot = others.high;
    mass = others.low;
  }

  public boolean is(int bit) {
    return (kind & bit) != 0;
  }

  public void load(MemorySegment states, long index) {
    long at = index * Records.STATE;
    kind = states.get(JAVA_INT_UNALIGNED, at);
    reference = states.get(JAVA_FLOAT_UNALIGNED, at + AT_REFERENCE);
    counted = Short.toUnsignedInt(states.get(JAVA_SHORT_UNALIGNED, at + AT_COUNTED));
    label = Short.toUnsignedInt(states.get(JAVA_SHORT_UNALIGNED, at + AT_LABEL));
    digest = states.get(JAVA_INT_UNALIGNED, at + AT_DIGEST);
    max = RecordNumbers.getDouble(states, at + AT_MAX);
    labelLogit = RecordNumbers.getDouble(states, at + AT_LABEL_LOGIT);
    sum = RecordNumbers.getDouble(states, at + AT_SUM);
    sumLow = RecordNumbers.getDouble(states, at + AT_SUM_LOW);
    dot = RecordNumbers.getDouble(states, at + AT_DOT);
    mass = RecordNumbers.getDouble(states, at + AT_MASS);
  }

  public void store(MemorySegment states, long index) {
    long at = index * Records.STATE;
    states.set(JAVA_INT_UNALIGNED, at, kind);
    states.set(JAVA_FLOAT_UNALIGNED, at + AT_REFERENCE, (float) reference);
    states.set(JAVA_SHORT_UNALIGNED, at + AT_COUNTED, (short) counted);
    states.set(JAVA_SHORT_UNALIGNED, at + AT_LABEL, (short) label);
    states.set(JAVA_INT_UNALIGNED, at + AT_DIGEST, digest);
    RecordNumbers.setDouble(states, at + AT_MAX, max);
    RecordNumbers.setDouble(states, at + AT_LABEL_LOGIT, labelLogit);
    RecordNumbers.setDouble(states, at + AT_SUM, sum);
    RecordNumbers.setDouble(states, at + AT_SUM_LOW, sumLow);
    RecordNumbers.setDouble(states, at + AT_DOT, dot);
    RecordNumbers.setDouble(states, at + AT_MASS, mass);
  }
}

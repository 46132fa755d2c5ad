// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.options;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.OptionException;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.plan.arrays.Described;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Locale;
import java.util.Set;

/** The numbers of {@code xent_options}; 0 means not used. */
public final class OptionNumbers {
  private static final OptionRange[] RANGES =
      Arrays.copyOf(OptionRange.values(), OptionRange.OF_CALLS);
  private static final long[] OFFSETS = offsets();

  private final double[] values;

  /**
   * The offsets of the fields. A loop, because loading the stream classes takes milliseconds of the
   * first call.
   */
  private static long[] offsets() {
    long[] offsets = new long[RANGES.length];
    for (OptionRange range : RANGES) {
      String field = range.name().toLowerCase(Locale.ROOT);
      offsets[range.ordinal()] = xent_options.layout().byteOffset(PathElement.groupElement(field));
    }
    return offsets;
  }

  /** Creates numbers that are all unused. */
  public OptionNumbers() {
    this(new double[RANGES.length]);
  }

  private OptionNumbers(double[] values) {
    this.values = values;
  }

  /**
   * Sets a number.
   *
   * @throws OptionException if it is out of range
   */
  public OptionNumbers set(OptionRange range, double value) {
    values[range.ordinal()] = range.require(value);
    return this;
  }

  /** Returns a number; 0 if it is not used. */
  public double get(OptionRange range) {
    return values[range.ordinal()];
  }

  /**
   * Returns a copy that is not modified afterwards.
   *
   * @throws OptionException for two numbers that exclude each other
   */
  OptionNumbers together() {
    for (OptionRange range : RANGES) {
      for (OptionRange other : range.notBeside) {
        if (get(range) != 0 && get(other) != 0) {
          throw new OptionException(
              message(
                  "%s is %s, %s is %s; expected one of them",
                  range.text, get(range), other.text, get(other)));
        }
      }
    }
    return new OptionNumbers(values.clone());
  }

  /** Whether the statistics of a call with the other numbers equal those of a call with these. */
  boolean hasStatisticsOf(OptionNumbers others) {
    for (OptionRange range : RANGES) {
      if (range.recorded && get(range) != others.get(range)) {
        return false;
      }
    }
    return true;
  }

  /** Adds a number if it is used. */
  void describe(OptionRange range, Described text) {
    text.option(range.text, get(range), 0.0);
  }

  /**
   * Adds the used numbers from {@code first} on; if {@code recorded}, only those that statistics
   * depend on.
   */
  void describeFrom(OptionRange first, boolean recorded, Described text) {
    for (int i = first.ordinal(); i < RANGES.length; i++) {
      if (RANGES[i].recorded || !recorded) {
        describe(RANGES[i], text);
      }
    }
  }

  /** Rejects all numbers that an operation on log-probabilities does not compute. */
  void refuseAllBut(Set<OptionRange> computed) {
    for (int i = 0; i < RANGES.length; i++) {
      if (values[i] != 0 && !computed.contains(RANGES[i])) {
        throw new OptionException(
            RANGES[i].text
                + " is "
                + values[i]
                + ", which is for logits: build the operation on log-probabilities without it");
      }
    }
  }

  /** Writes the fields of an xent_options. */
  void write(MemorySegment struct) {
    for (int i = 0; i < OFFSETS.length; i++) {
      struct.set(ValueLayout.JAVA_DOUBLE, OFFSETS[i], values[i]);
    }
  }
}

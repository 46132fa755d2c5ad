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

/** The numbers of {@code xent_options}; 0 is what is not used. */
public final class OptionNumbers {
  private static final OptionRange[] RANGES =
      Arrays.copyOf(OptionRange.values(), OptionRange.OF_CALLS);
  private static final long[] OFFSETS = offsets();

  private final double[] values;

  /** Without a stream, whose classes would take milliseconds of the first call. */
  private static long[] offsets() {
    long[] offsets = new long[RANGES.length];
    for (OptionRange range : RANGES) {
      String field = range.name().toLowerCase(Locale.ROOT);
      offsets[range.ordinal()] = xent_options.layout().byteOffset(PathElement.groupElement(field));
    }
    return offsets;
  }

  /** None. */
  public OptionNumbers() {
    this(new double[RANGES.length]);
  }

  private OptionNumbers(double[] values) {
    this.values = values;
  }

  /**
   * Sets one.
   *
   * @throws OptionException unless it is in the range
   */
  public OptionNumbers set(OptionRange range, double value) {
    values[range.ordinal()] = range.require(value);
    return this;
  }

  /** One of them. */
  public double get(OptionRange range) {
    return values[range.ordinal()];
  }

  /**
   * A copy, which nobody changes.
   *
   * @throws OptionException for two that exclude each other
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

  /** Whether statistics of a call with others are those of one with these. */
  boolean hasStatisticsOf(OptionNumbers others) {
    for (OptionRange range : RANGES) {
      if (range.recorded && get(range) != others.get(range)) {
        return false;
      }
    }
    return true;
  }

  /** Says one unless it is not used. */
  void describe(OptionRange range, Described text) {
    text.option(range.text, get(range), 0.0);
  }

  /** Says those from one on that are used. */
  void describeFrom(OptionRange first, boolean recorded, Described text) {
    for (int i = first.ordinal(); i < RANGES.length; i++) {
      if (RANGES[i].recorded || !recorded) {
        describe(RANGES[i], text);
      }
    }
  }

  /** Refuses all from one on, which are for logits. */
  void refuseFrom(OptionRange first) {
    for (int i = first.ordinal(); i < RANGES.length; i++) {
      if (values[i] != 0) {
        throw new OptionException(
            RANGES[i].text
                + " is "
                + values[i]
                + ", which is for logits: build the operation on log-probabilities without it");
      }
    }
  }

  /** Fills an xent_options. */
  void write(MemorySegment struct) {
    for (int i = 0; i < OFFSETS.length; i++) {
      struct.set(ValueLayout.JAVA_DOUBLE, OFFSETS[i], values[i]);
    }
  }
}

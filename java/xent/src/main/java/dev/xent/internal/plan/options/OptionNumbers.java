// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.options;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.OptionException;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.plan.arrays.Described;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Locale;
import java.util.Set;

/** The numbers of {@code xent_options} and {@code xent_sampling}; 0 means not used. */
public final class OptionNumbers {
  static final OptionRange[] RANGES = Arrays.copyOf(OptionRange.values(), OptionRange.OF_CALLS);
  private static final long[] OFFSETS =
      offsets(xent_options.layout(), RANGES[0], RANGES[RANGES.length - 1]);

  /** The beginning of a name that a number of both structs has in xent_sampling. */
  private static final String OF_SAMPLING = "SAMPLING_";

  private final double[] values;

  /**
   * The offsets of the fields of some numbers in a struct. A loop, because loading the stream
   * classes takes milliseconds of the first call.
   */
  static long[] offsets(MemoryLayout struct, OptionRange first, OptionRange last) {
    long[] offsets = new long[last.ordinal() + 1 - first.ordinal()];
    for (int i = 0; i < offsets.length; i++) {
      String name = OptionRange.values()[first.ordinal() + i].name();
      String field = name.startsWith(OF_SAMPLING) ? name.substring(OF_SAMPLING.length()) : name;
      offsets[i] = struct.byteOffset(PathElement.groupElement(field.toLowerCase(Locale.ROOT)));
    }
    return offsets;
  }

  /** Creates numbers that are all unused. */
  public OptionNumbers() {
    this(new double[OptionRange.values().length]);
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

  /** Adds the used numbers from {@code first} to {@code last}. */
  void describe(OptionRange first, OptionRange last, Described text) {
    for (int i = first.ordinal(); i <= last.ordinal(); i++) {
      describe(OptionRange.values()[i], text);
    }
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
    write(struct, RANGES[0], OFFSETS);
  }

  /** Writes fields of a struct, of which the first is that of {@code first}. */
  void write(MemorySegment struct, OptionRange first, long[] offsets) {
    for (int i = 0; i < offsets.length; i++) {
      struct.set(ValueLayout.JAVA_DOUBLE, offsets[i], values[first.ordinal() + i]);
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import dev.xent.internal.kernels.Array;
import org.jspecify.annotations.Nullable;

/** The tensors of a call, indexed by {@link Array}. */
public final class ArrayViews {
  private static final Array[] ARRAYS = Array.values();

  private final @Nullable View[] views = new View[Array.LAYOUTS];

  /** Bit i is set if there is a tensor for array i. */
  private long bits;

  /** The array of the lowest set bit. */
  public static Array first(long bits) {
    return ARRAYS[Long.numberOfTrailingZeros(bits)];
  }

  public static long bit(Array array) {
    return 1L << array.ordinal();
  }

  /** The arrays that have a tensor, as bits. */
  public long bits() {
    return bits;
  }

  public @Nullable View get(Array array) {
    return views[array.ordinal()];
  }

  /** Sets the tensor of an array, or removes it with null. */
  public void set(Array array, @Nullable View view) {
    views[array.ordinal()] = view;
    bits = view == null ? bits & ~bit(array) : bits | bit(array);
  }

  /** A text of the name and the tensors that are set. */
  public String describe(String name) {
    return describe(new Described(name)).toString();
  }

  /** Adds the tensors that are set to a text. */
  public Described describe(Described text) {
    for (long left = bits; left != 0; left &= left - 1) {
      Array array = first(left);
      text.with(array.text, get(array));
    }
    return text;
  }
}

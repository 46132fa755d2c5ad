// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.call;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The arrays of a call by name; NULL for absent arrays. */
public final class GivenArrays {
  private final MemorySegment[] arrays = new MemorySegment[Array.values().length];

  /** The sampling parameters: one, or one per row. */
  public MemorySegment sampling = MemorySegment.NULL;

  public GivenArrays() {
    clear();
  }

  /** Takes the arrays of a call. */
  public void take(FunctionCall functionCall) {
    Function function = functionCall.function();
    for (int i = 0; i < function.count(); i++) {
      arrays[function.array(i).ordinal()] = functionCall.array(i);
    }
    sampling = functionCall.sampling();
  }

  /** The array of a name. */
  public MemorySegment of(Array array) {
    return arrays[array.ordinal()];
  }

  /** Replaces an array. */
  public void set(Array array, MemorySegment segment) {
    arrays[array.ordinal()] = segment;
  }

  /** Drops all arrays: no segment is kept after its call. */
  public void clear() {
    Arrays.fill(arrays, MemorySegment.NULL);
    sampling = MemorySegment.NULL;
  }

  /** Whether an array is present: it is not NULL. */
  public static boolean has(MemorySegment array) {
    return !array.isNative() || array.address() != 0;
  }
}

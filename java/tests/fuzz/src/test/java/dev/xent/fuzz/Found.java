// SPDX-License-Identifier: Apache-2.0
package dev.xent.fuzz;

import dev.xent.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** What every reader must keep to, whatever it reads. */
final class Found {
  private Found() {}

  /** Fails with what is wrong; errors are what a fuzzer takes for a finding. */
  static void unless(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }

  /** A refusal is one line of printable characters that says something. */
  static void unlessOneLine(RuntimeException refusal) {
    String message = refusal.getMessage();
    unless(message != null && !message.isBlank(), "a refusal without a message");
    unless(
        message.chars().allMatch(c -> c >= ' ' && c != 0x7f),
        "a refusal of more than one line, or of characters that do not print");
    unless(message.length() < 4096, "a refusal of " + message.length() + " characters");
  }

  /** Reads every element: all of them lie in the tensor's memory. */
  static long readAll(Tensor tensor) {
    MemorySegment memory = tensor.segment();
    long[] shape = tensor.shape();
    long[] strides = tensor.strides();
    if (tensor.elements() == 0) {
      return 0;
    }
    long last = 0;
    for (int axis = 0; axis < shape.length; axis++) {
      last = Math.addExact(last, Math.multiplyExact(shape[axis] - 1, strides[axis]));
    }
    int size = tensor.type().byteSize();
    unless(
        Math.multiplyExact(last + 1, size) <= memory.byteSize(),
        Arrays.toString(shape) + " is larger than its memory");
    long sum = 0;
    for (long i = 0; i < memory.byteSize(); i++) {
      sum += memory.get(ValueLayout.JAVA_BYTE, i);
    }
    return sum;
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Kernels whose calls get a Java array instead of each array off the heap. Each array is copied
 * into a Java array before the call, and back after it.
 */
final class OnArrays implements Kernels {
  private final Kernels kernels;

  OnArrays(Kernels kernels) {
    this.kernels = kernels;
  }

  /** A copy in the middle of a longer Java array. */
  private static MemorySegment arrayOf(MemorySegment memory) {
    long size = memory.byteSize();
    long[] array = new long[(int) ((size + Long.BYTES - 1) / Long.BYTES) + 2];
    return MemorySegment.ofArray(array).asSlice(Long.BYTES, size).copyFrom(memory);
  }

  private static boolean areSame(MemorySegment a, MemorySegment b) {
    return a.address() == b.address() && a.byteSize() == b.byteSize();
  }

  /** Puts arrays into a call. Returns what was there. */
  static MemorySegment[] enter(Work work) {
    MemorySegment[] memory = work.arrays.clone();
    Function function = work.function();
    for (int i = 0; i < work.count(); i++) {
      if (memory[i] == MemorySegment.NULL || function.rule(i).form == Form.RECORDS) {
        continue;
      }
      MemorySegment array = null;
      for (int before = 0; before < i && array == null; before++) {
        array = areSame(memory[before], memory[i]) ? work.arrays[before] : null;
      }
      work.set(function.array(i), array == null ? arrayOf(memory[i]) : array);
    }
    return memory;
  }

  /** Copies them back, with all bytes that a call wrote, valid or not, and puts the memory back. */
  static void leave(Work work, MemorySegment[] memory) {
    for (int i = 0; i < work.count(); i++) {
      MemorySegment array = work.arrays[i];
      if (array != memory[i] && !memory[i].isReadOnly()) {
        MemorySegment.copy(
            array, ValueLayout.JAVA_BYTE, 0, memory[i], ValueLayout.JAVA_BYTE, 0, array.byteSize());
      }
      work.arrays[i] = memory[i];
    }
  }

  @Override
  public int run(Work work) {
    MemorySegment[] memory = enter(work);
    int status = kernels.run(work);
    leave(work, memory);
    return status;
  }

  @Override
  public long sampleWorkspace(long classes, long tokens) {
    return kernels.sampleWorkspace(classes, tokens);
  }

  @Override
  public long linearWorkspace(long rows, long features, long classes, int contents) {
    return kernels.linearWorkspace(rows, features, classes, contents);
  }

  @Override
  public int exactSumAdd(
      MemorySegment exactSum, MemorySegment values, int type, long stride, long count) {
    return kernels.exactSumAdd(exactSum, arrayOf(values), type, stride, count);
  }

  @Override
  public int exactSumMerge(MemorySegment exactSum, MemorySegment other) {
    return kernels.exactSumMerge(exactSum, other);
  }

  @Override
  public double exactSumValue(MemorySegment exactSum) {
    return kernels.exactSumValue(exactSum);
  }
}

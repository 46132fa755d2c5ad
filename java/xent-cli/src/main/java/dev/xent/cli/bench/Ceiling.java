// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import dev.xent.cli.Progress;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The speed of this machine's memory at a size, including the caches: the limit for work that
 * touches the same number of bytes.
 *
 * @param bytes the bytes that are touched
 * @param copy bytes read and written per nanosecond by a copy from one half to the other
 * @param read bytes read per nanosecond
 */
record Ceiling(long bytes, double copy, double read) {
  private static final long SMALLEST = 1 << 6;
  private static final long LARGEST = 1 << 28;

  /** The offset between the halves of a copy: at a multiple of 4 KiB, loads wait for stores. */
  private static final long APART = 17 * Memory.CACHE_LINE;

  /** The ceilings of all sizes from a cache line to beyond every cache. */
  static List<Ceiling> measure(Memory memory, Effort effort) {
    List<Ceiling> ceilings = new ArrayList<>();
    int sizes = Long.numberOfTrailingZeros(LARGEST / SMALLEST) + 1;
    try (Progress progress = Progress.of("measuring memory", sizes);
        Arena arena = Arena.ofConfined()) {
      MemorySegment all = arena.allocate(LARGEST + APART, Memory.CACHE_LINE);
      all.fill((byte) 1);
      for (long bytes = SMALLEST; bytes <= LARGEST; bytes *= 2) {
        ceilings.add(of(memory, all, bytes, effort));
        progress.step();
      }
    }
    return ceilings;
  }

  private static Ceiling of(Memory memory, MemorySegment all, long bytes, Effort effort) {
    long half = bytes / 2;
    List<Work> works =
        new ArrayList<>(memory.copies(all.asSlice(0, half), all.asSlice(half + APART, half)));
    int copied = works.size();
    works.addAll(memory.reads(all.asSlice(0, bytes)));
    List<Times> times = new Stopwatch(effort).time(works);
    return new Ceiling(
        bytes,
        bytes / Stopwatch.lowest(times.subList(0, copied)),
        bytes / Stopwatch.lowest(times.subList(copied, times.size())));
  }
}

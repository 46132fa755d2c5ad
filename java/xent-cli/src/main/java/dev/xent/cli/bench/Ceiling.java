// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import dev.xent.cli.Progress;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * What this machine's memory gives at a size, the caches included: nothing that touches as many
 * bytes is faster for long.
 *
 * @param bytes that are touched
 * @param copy bytes read and written per nanosecond by a copy from one half to the other
 * @param read bytes read per nanosecond
 */
record Ceiling(long bytes, double copy, double read) {
  private static final long SMALLEST = 1 << 6;
  private static final long LARGEST = 1 << 28;

  /** Ceilings of all sizes from a cache line to beyond every cache. */
  static List<Ceiling> measure(Memory memory, Effort effort) {
    List<Ceiling> ceilings = new ArrayList<>();
    int sizes = Long.numberOfTrailingZeros(LARGEST / SMALLEST) + 1;
    try (Progress progress = Progress.of("measuring memory", sizes);
        Arena arena = Arena.ofConfined()) {
      MemorySegment all = arena.allocate(LARGEST, Memory.CACHE_LINE);
      all.fill((byte) 1);
      for (long bytes = SMALLEST; bytes <= LARGEST; bytes *= 2) {
        ceilings.add(of(memory, all.asSlice(0, bytes), effort));
        progress.step();
      }
    }
    return ceilings;
  }

  private static Ceiling of(Memory memory, MemorySegment touched, Effort effort) {
    long half = touched.byteSize() / 2;
    List<Work> works =
        new ArrayList<>(memory.copies(touched.asSlice(0, half), touched.asSlice(half)));
    int copied = works.size();
    works.addAll(memory.reads(touched));
    List<Times> times = new Stopwatch(effort).time(works);
    double bytes = touched.byteSize();
    return new Ceiling(
        touched.byteSize(),
        bytes / Stopwatch.lowest(times.subList(0, copied)),
        bytes / Stopwatch.lowest(times.subList(copied, times.size())));
  }
}

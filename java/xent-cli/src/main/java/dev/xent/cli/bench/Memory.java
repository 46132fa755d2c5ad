// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntFunction;

/**
 * Copies and reads of memory without arithmetic, which are the lower bound of an operation's time.
 * There are several ways to do either, on one thread or on several at once; the fastest one counts.
 */
final class Memory implements AutoCloseable {
  static final long CACHE_LINE = 64;

  private static final int STREAMS = 4;

  /** {@code void *memchr(const void *, int, size_t)}, if the C library is available. */
  private static final Optional<MethodHandle> MEMCHR = memchr();

  private final int threads;
  private final ExecutorService others;

  /**
   * Memory as seen by threads, of which the calling thread is one.
   *
   * @param threads the maximum number, equal to that of operations
   */
  Memory(int threads) {
    this.threads = threads;
    this.others =
        Executors.newFixedThreadPool(
            Math.max(1, threads - 1),
            Thread.ofPlatform().daemon().name("xent-memory-", 0).factory());
  }

  /** The maximum number of threads that copy and read. */
  int threads() {
    return threads;
  }

  @SuppressWarnings("restricted")
  private static Optional<MethodHandle> memchr() {
    Linker linker = Linker.nativeLinker();
    return linker
        .defaultLookup()
        .find("memchr")
        .map(
            address ->
                linker.downcallHandle(
                    address,
                    FunctionDescriptor.of(
                        ValueLayout.ADDRESS,
                        ValueLayout.ADDRESS,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_LONG)));
  }

  /** {@link MemorySegment#copy}, which is the JVM's memcpy: on one thread, and on all. */
  List<Work> copies(MemorySegment from, MemorySegment to) {
    List<Work> copies = new ArrayList<>();
    copies.add(copy(from, to));
    if (threads > 1) {
      copies.add(together(i -> copy(part(from, i), part(to, i))));
    }
    return copies;
  }

  private static Work copy(MemorySegment from, MemorySegment to) {
    return times -> {
      for (int i = 0; i < times; i++) {
        MemorySegment.copy(from, 0, to, 0, from.byteSize());
      }
      return 0;
    };
  }

  /**
   * Reads of every byte. The fastest way depends on the machine and on the cache that holds the
   * memory: a sum over four streams, which keeps more prefetchers busy, or the C library's search
   * for an absent byte.
   */
  List<Work> reads(MemorySegment memory) {
    List<Work> reads = new ArrayList<>();
    reads.add(sumOf(memory));
    MEMCHR.ifPresent(memchr -> reads.add(searchOf(memchr, memory)));
    if (threads > 1) {
      reads.add(together(i -> sumOf(part(memory, i))));
      MEMCHR.ifPresent(memchr -> reads.add(together(i -> searchOf(memchr, part(memory, i)))));
    }
    return reads;
  }

  /**
   * Runs the parts 0 to threads - 1 at once, one per thread; the calling thread runs the last one.
   */
  private Work together(IntFunction<Work> part) {
    List<Work> parts = new ArrayList<>();
    for (int i = 0; i < threads; i++) {
      parts.add(part.apply(i));
    }
    return times -> {
      double sum = 0;
      for (int i = 0; i < times; i++) {
        sum += once(parts);
      }
      return sum;
    };
  }

  private double once(List<Work> parts) {
    List<Future<Double>> running = new ArrayList<>();
    parts.subList(0, threads - 1).forEach(part -> running.add(others.submit(() -> part.repeat(1))));
    double sum = parts.getLast().repeat(1);
    try {
      for (Future<Double> part : running) {
        sum += part.get();
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException("interrupted while memory was measured", e);
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    }
    return sum;
  }

  /**
   * A part of memory that any thread may use. The caller keeps the memory alive until all are done.
   *
   * @param i the index of the part; there is one part per thread
   */
  @SuppressWarnings("restricted")
  private MemorySegment part(MemorySegment memory, int i) {
    long step = (memory.byteSize() / threads) & -CACHE_LINE;
    long end = i == threads - 1 ? memory.byteSize() : (i + 1) * step;
    return MemorySegment.ofAddress(memory.address() + i * step).reinterpret(end - i * step);
  }

  private static Work sumOf(MemorySegment memory) {
    return times -> {
      long sum = 0;
      for (int i = 0; i < times; i++) {
        sum += sum(memory);
      }
      return sum;
    };
  }

  private static Work searchOf(MethodHandle memchr, MemorySegment memory) {
    return times -> {
      long found = 0;
      for (int i = 0; i < times; i++) {
        found += search(memchr, memory);
      }
      return found;
    };
  }

  private static long sum(MemorySegment memory) {
    long a = 0;
    long b = 0;
    long c = 0;
    long d = 0;
    int stream = (int) Math.min(memory.byteSize() / Long.BYTES / STREAMS, Integer.MAX_VALUE);
    for (int i = 0; i < stream; i++) {
      a += memory.get(ValueLayout.JAVA_LONG_UNALIGNED, (long) Long.BYTES * i);
      b += memory.get(ValueLayout.JAVA_LONG_UNALIGNED, Long.BYTES * ((long) stream + i));
      c += memory.get(ValueLayout.JAVA_LONG_UNALIGNED, Long.BYTES * (2L * stream + i));
      d += memory.get(ValueLayout.JAVA_LONG_UNALIGNED, Long.BYTES * (3L * stream + i));
    }
    long rest = 0;
    for (long at = (long) Long.BYTES * STREAMS * stream; at < memory.byteSize(); at++) {
      rest += memory.get(ValueLayout.JAVA_BYTE, at);
    }
    return a + b + c + d + rest;
  }

  private static long search(MethodHandle memchr, MemorySegment memory) {
    try {
      MemorySegment found =
          (MemorySegment) memchr.invokeExact(memory, (int) Problem.ABSENT, memory.byteSize());
      return found.address();
    } catch (Throwable e) {
      throw new AssertionError("memchr throws nothing", e);
    }
  }

  @Override
  public void close() {
    others.shutdown();
  }
}

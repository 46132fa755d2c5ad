// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import com.sun.management.GarbageCollectorMXBean;
import com.sun.management.GcInfo;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The state of this process as reported by Linux and the JVM. */
final class ProcessState {
  private static final Path SELF = Path.of("/proc/self");

  /** Threads of the JDK for virtual threads, which it starts and ends at any time. */
  private static final Set<String> OF_THE_JDK =
      Set.of("ForkJoinPool-", "VirtualThread-", "Common-");

  /** The names of the parts of the heap. */
  private static final Set<String> HEAP =
      ManagementFactory.getMemoryPoolMXBeans().stream()
          .filter(pool -> pool.getType() == MemoryType.HEAP)
          .map(MemoryPoolMXBean::getName)
          .collect(Collectors.toSet());

  private ProcessState() {}

  /** Resident memory in kilobytes. */
  static long residentKilobytes() throws IOException {
    for (String line : Files.readAllLines(SELF.resolve("status"))) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("\\D", ""));
      }
    }
    throw new IOException("/proc/self/status has no VmRSS");
  }

  /** The number of threads of the operating system. */
  static int nativeThreads() throws IOException {
    return count(SELF.resolve("task"));
  }

  /** The number of open files. */
  static int openFiles() throws IOException {
    // One of them is the open directory.
    return count(SELF.resolve("fd")) - 1;
  }

  private static int count(Path directory) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      return (int) entries.count();
    }
  }

  /** The number of threads of Xent's pool, by their names in the operating system. */
  static int poolThreads() throws IOException {
    int count = 0;
    try (DirectoryStream<Path> tasks = Files.newDirectoryStream(SELF.resolve("task"))) {
      for (Path each : tasks) {
        try {
          count += Files.readString(each.resolve("comm")).startsWith("xent-") ? 1 : 0;
        } catch (IOException e) {
          // The thread has ended in the meantime.
          continue;
        }
      }
    }
    return count;
  }

  /** The bytes of Java objects after the last collection; 0 before the first. */
  static long heapAfterCollection() {
    return ManagementFactory.getPlatformMXBeans(GarbageCollectorMXBean.class).stream()
        .map(GarbageCollectorMXBean::getLastGcInfo)
        .filter(Objects::nonNull)
        .max(Comparator.comparingLong(GcInfo::getEndTime))
        .map(GcInfo::getMemoryUsageAfterGc)
        .stream()
        .flatMap(usage -> usage.entrySet().stream())
        .filter(entry -> HEAP.contains(entry.getKey()))
        .mapToLong(entry -> entry.getValue().getUsed())
        .sum();
  }

  /** The names of threads, except those of the JDK. */
  static Set<String> threadNames() {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getName)
        .filter(name -> OF_THE_JDK.stream().noneMatch(name::startsWith))
        .collect(Collectors.toCollection(TreeSet::new));
  }
}

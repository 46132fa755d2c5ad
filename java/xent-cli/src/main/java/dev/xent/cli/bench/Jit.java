// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.util.List;
import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.jspecify.annotations.Nullable;

/** The JVM's compiler, which runs in the background. */
final class Jit {
  /** The MBean of HotSpot's diagnostic commands. */
  static final String COMMANDS = "com.sun.management:type=DiagnosticCommand";

  static final String QUEUE = "compilerQueue";

  private static final @Nullable CompilationMXBean COMPILER =
      ManagementFactory.getCompilationMXBean();
  private static final MBeanServer BEANS = ManagementFactory.getPlatformMBeanServer();

  /** Within this time, the JVM queues every method that runs often enough to be compiled. */
  private static final long QUIET = 100_000_000;

  private static final int TIMES = 50;

  private Jit() {}

  /** The total compilation time; 0 if unknown. */
  static long milliseconds() {
    return COMPILER != null && COMPILER.isCompilationTimeMonitoringSupported()
        ? COMPILER.getTotalCompilationTime()
        : 0;
  }

  /** Whether it is compiling or has methods in its queue; false if unknown. */
  static boolean isBusy() {
    try {
      Object queue =
          BEANS.invoke(
              new ObjectName(COMMANDS),
              QUEUE,
              new Object[] {new String[0]},
              new String[] {String[].class.getName()});
      return isBusy(queue.toString());
    } catch (JMException e) {
      return false; // not a HotSpot JVM
    }
  }

  /** Whether the output of {@link #QUEUE} contains a method. */
  static boolean isBusy(String queue) {
    return queue.lines().anyMatch(line -> line.contains("::"));
  }

  /**
   * Does small works in turn until the compiler is idle.
   *
   * @param patience nanoseconds after which it ends in any case
   */
  static void warmUp(List<Work> works, long patience) {
    long end = System.nanoTime() + patience;
    long compiled;
    do {
      compiled = milliseconds();
      long quiet = System.nanoTime() + QUIET;
      while (System.nanoTime() < quiet) {
        works.forEach(work -> work.repeat(TIMES));
      }
    } while ((milliseconds() != compiled || isBusy()) && System.nanoTime() < end);
  }
}

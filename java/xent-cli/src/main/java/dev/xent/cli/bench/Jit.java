// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.util.List;
import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.jspecify.annotations.Nullable;

/** The JVM's compiler, which works in the background while code runs. */
final class Jit {
  /** HotSpot's diagnostic commands, and the one that prints what is being compiled. */
  static final String COMMANDS = "com.sun.management:type=DiagnosticCommand";

  static final String QUEUE = "compilerQueue";

  private static final @Nullable CompilationMXBean COMPILER =
      ManagementFactory.getCompilationMXBean();
  private static final MBeanServer BEANS = ManagementFactory.getPlatformMBeanServer();

  /** Methods that run often enough to be compiled are found within this time. */
  private static final long QUIET = 100_000_000;

  private static final int TIMES = 50;

  private Jit() {}

  /** How long it has compiled; 0 where that is not known. */
  static long milliseconds() {
    return COMPILER != null && COMPILER.isCompilationTimeMonitoringSupported()
        ? COMPILER.getTotalCompilationTime()
        : 0;
  }

  /** Whether it compiles something, or has something to compile; false where that is not known. */
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
      return false; // another JVM than HotSpot
    }
  }

  /** Whether there is a method in what {@link #QUEUE} prints. */
  static boolean isBusy(String queue) {
    return queue.lines().anyMatch(line -> line.contains("::"));
  }

  /**
   * Does small works in turn until there is nothing left to compile.
   *
   * @param patience nanoseconds after which it is enough in any case
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

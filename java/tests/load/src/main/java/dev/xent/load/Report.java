// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import java.io.PrintStream;
import java.util.Locale;

/** Prints the results of processes, and counts faults. */
final class Report {
  /** The allowed difference, in ms, of the longest pause or stop with Xent from that without. */
  private static final double MOST_MS_LONGER = 10;

  /** The allowed growth of resident memory at rest: holes in the heap of the C library. */
  private static final double MOST_MIB_AT_REST = 32;

  /**
   * Automatic arenas keep their memory until the collector finds it unused, which takes minutes.
   * Resident memory therefore rises and falls, and a shorter run has no trend.
   */
  private static final long LEAST_SECONDS_OF_A_TREND = 1800;

  /**
   * The allowed growth of the heap: executors and threads leave some objects in the JDK for a
   * while.
   */
  private static final double MOST_HEAP_MIB = 8;

  private final PrintStream out;
  private long faults;

  Report(PrintStream out) {
    this.out = out;
  }

  long faults() {
    return faults;
  }

  /**
   * Prints a count of the area.
   *
   * @param count the number
   * @param what the counted things
   * @param found faults
   */
  private void fact(long count, String what, long found) {
    out.printf(Locale.ROOT, "verification: %,d %s, %,d faults%n", count, what, found);
    faults += found;
  }

  /** Prints wrong bits, and threads and files that are left. */
  void correctness(Enum<?> process, Results results) {
    out.printf(
        Locale.ROOT,
        "%n%s: %,d calls of %d cases, %,d arenas, %,d calls on interrupted threads%n",
        process,
        results.number("calls"),
        results.number("cases"),
        results.number("arenas"),
        results.number("interrupts"));
    out.println("computed by " + results.text("runtime"));
    if (!results.text("messages").isEmpty()) {
      out.println(results.text("messages"));
    }
    fact(results.number("values"), "values compared under load", results.number("wrong"));
    fact(results.number("calls"), "calls under load", results.number("failures"));
    String names = results.text("threads.names");
    if (!names.isEmpty()) {
      out.println("threads that are left: " + names);
    }
    fact(
        results.number("threads"),
        "threads that came and went",
        results.number("threads.left") + results.number("files.left"));
  }

  /**
   * Prints memory after the warm-up: under load its trend, at rest the end compared with the start.
   *
   * @param seconds of load
   * @param mostMib the allowed growth of resident memory along its trend
   */
  void memory(Results results, long seconds, double mostMib) {
    double underLoad = results.real("resident.growth");
    double atRest = results.real("resident.growth.at.rest");
    double heap = results.real("heap.growth.at.rest");
    boolean trend = seconds >= LEAST_SECONDS_OF_A_TREND;
    out.printf(
        Locale.ROOT,
        "resident memory: mean %.0f MiB; after the first %.0f s its trend is %+.1f MiB under load,"
            + " %s; at rest %+.1f MiB, at most %.0f; Java objects that live: %+.1f MiB, at most"
            + " %.0f%n",
        results.real("resident.mean"),
        results.real("warmup"),
        underLoad,
        trend
            ? String.format(Locale.ROOT, "at most %.0f", mostMib)
            : "not judged in less than half an hour",
        atRest,
        MOST_MIB_AT_REST,
        heap,
        MOST_HEAP_MIB);
    fact(
        results.number("samples"),
        "samples of resident memory",
        (trend && underLoad > mostMib ? 1 : 0)
            + (atRest > MOST_MIB_AT_REST ? 1 : 0)
            + (heap > MOST_HEAP_MIB ? 1 : 0));
  }

  /** Prints pauses with Xent; not judged, because there is nothing to compare with. */
  void pauses(Results results) {
    out.println("with Xent: " + results.text("xent.pauses"));
  }

  /** Prints pauses with Xent and without in turns, so that both run on the same machine state. */
  void comparison(Results turns) {
    double longer = compare("in turns", turns, turns);
    fact(
        turns.number("xent.collections") + turns.number("java.collections"),
        "pauses of the collector with Xent and without in turns",
        longer > MOST_MS_LONGER ? 1 : 0);
  }

  /**
   * Prints pauses of two processes, one after the other; not judged, because the machine may have
   * changed.
   */
  void comparison(Results with, Results without) {
    compare("in two processes", with, without);
  }

  private double compare(String how, Results with, Results without) {
    out.println("with Xent, " + how + ": " + with.text("xent.pauses"));
    out.println("without Xent, " + how + ": " + without.text("java.pauses"));
    double longer = (with.number("xent.longest") - without.number("java.longest")) / 1e6;
    out.printf(
        Locale.ROOT,
        "the longest pause with Xent minus the longest without, %s: %+.2f ms, at most %.0f%n",
        how,
        longer,
        MOST_MS_LONGER);
    return longer;
  }

  /** Prints the time that the collector waits for calls on Java arrays, and for loops in Java. */
  void arrays(Results results) {
    out.println("with Xent, on large Java arrays: " + results.text("xent.pauses"));
    out.println("without Xent, on large Java arrays: " + results.text("java.pauses"));
    double with = results.number("xent.reaching") / 1e6;
    double without = results.number("java.reaching") / 1e6;
    out.printf(
        Locale.ROOT,
        "until all threads stand, on large Java arrays: longest %.2f ms, %.2f without Xent; at most"
            + " %.0f more%n",
        with,
        without,
        MOST_MS_LONGER);
    fact(
        results.number("xent.stops"),
        "stops while Xent works on large Java arrays",
        with - without > MOST_MS_LONGER ? 1 : 0);
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import java.util.Locale;

/**
 * The state of the process at a moment, and events since the previous sample.
 *
 * @param seconds since the load began
 * @param residentMib memory
 * @param heapMib Java objects after the last collection
 * @param nativeThreads of the operating system
 * @param poolThreads of Xent's pool, which are included in those
 * @param openFiles now
 * @param callsPerSecond since the previous sample
 * @param longestPauseMs of the collector, since the previous sample
 * @param longestReachMs until all threads had stopped, since the previous sample
 */
record Sample(
    double seconds,
    double residentMib,
    double heapMib,
    int nativeThreads,
    int poolThreads,
    int openFiles,
    double callsPerSecond,
    double longestPauseMs,
    double longestReachMs) {

  static final String HEADER =
      "seconds,resident_mib,heap_after_collection_mib,native_threads,pool_threads,open_files,"
          + "calls_per_second,longest_pause_ms,longest_time_to_safepoint_ms";

  String csv() {
    return String.format(
        Locale.ROOT,
        "%.1f,%.1f,%.1f,%d,%d,%d,%.0f,%.2f,%.2f",
        seconds,
        residentMib,
        heapMib,
        nativeThreads,
        poolThreads,
        openFiles,
        callsPerSecond,
        longestPauseMs,
        longestReachMs);
  }
}

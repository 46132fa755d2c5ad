// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import java.util.Locale;

/**
 * The process at a moment, and since the sample before.
 *
 * @param seconds since the load began
 * @param residentMib memory
 * @param heapMib Java objects that the last collection left
 * @param nativeThreads of the operating system
 * @param poolThreads of Xent's pool, among them
 * @param openFiles now
 * @param callsPerSecond since the sample before
 * @param longestPauseMs of the collector, since the sample before
 * @param longestReachMs until all threads stood, since the sample before
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

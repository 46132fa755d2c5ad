// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import java.io.IOException;
import java.lang.management.ManagementFactory;

/**
 * Memory while no call is made, what is dead was collected, and what was freed went back to the
 * system.
 *
 * @param residentMib of the process
 * @param heapMib of Java objects that live
 */
record AtRest(double residentMib, double heapMib) {
  static AtRest now() throws IOException, InterruptedException {
    for (int i = 0; i < 5; i++) {
      System.gc();
      Thread.sleep(200);
    }
    NativeHeap.trim();
    return new AtRest(
        ProcessState.residentKilobytes() / 1024.0,
        ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() / 1048576.0);
  }
}

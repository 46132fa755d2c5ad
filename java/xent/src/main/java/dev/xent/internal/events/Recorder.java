// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.events;

import jdk.jfr.FlightRecorder;

/** Whether calls are recorded. */
public final class Recorder {
  private static final boolean PRESENT = isPresent();

  private Recorder() {}

  private static boolean isPresent() {
    try {
      Class.forName("jdk.jfr.Event");
      return true;
    } catch (ClassNotFoundException e) {
      return false;
    }
  }

  /**
   * Whether a recording has {@link CallEvent} enabled. The first event of a process takes a fifth
   * of a second, so no event is created before the flight recorder is initialized.
   */
  public static boolean isOn() {
    return PRESENT && FlightRecorder.isInitialized() && Known.EVENT.isEnabled();
  }

  /**
   * After initialization the compiler treats EVENT as a constant, until the flight recorder
   * transforms its class.
   */
  private static final class Known {
    static final CallEvent EVENT = new CallEvent();
  }
}

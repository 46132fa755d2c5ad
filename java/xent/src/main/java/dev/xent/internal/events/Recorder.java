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
   * Whether a recording wants {@link CallEvent}. The first event of a process takes a fifth of a
   * second, so none is made before somebody wants a recorder.
   */
  public static boolean isOn() {
    return PRESENT && Probe.isOn();
  }

  /** Loaded only where there is a recorder. */
  private static final class Probe {
    static boolean isOn() {
      return FlightRecorder.isInitialized() && Known.EVENT.isEnabled();
    }
  }

  /** From then on this is a constant to the compiler, until the recorder rewrites its class. */
  private static final class Known {
    static final CallEvent EVENT = new CallEvent();
  }
}

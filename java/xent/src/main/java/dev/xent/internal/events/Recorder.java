// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.events;

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
   * Whether a recording wants {@link CallEvent}. While there is none this is a constant to the
   * compiler: the recorder rewrites the class of an event when the first recording starts.
   */
  public static boolean isOn() {
    return PRESENT && Probe.EVENT.isEnabled();
  }

  /** Loaded only where there is a recorder. */
  private static final class Probe {
    static final CallEvent EVENT = new CallEvent();
  }
}

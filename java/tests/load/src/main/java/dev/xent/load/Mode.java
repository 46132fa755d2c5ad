// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import java.util.Arrays;
import java.util.List;

/** The load of a process. */
enum Mode {
  /** All cases, with Xent, and with samples of the process. */
  LOAD,
  /** All cases, with Xent and without in turns. */
  TURNS,
  /** All cases, with Xent. */
  XENT,
  /** All cases, without Xent: Java works for the same time. */
  JAVA,
  /** Calls on the largest Java arrays, with Xent and without in turns. */
  ARRAYS;

  boolean needsJavaWork() {
    return this == TURNS || this == JAVA || this == ARRAYS;
  }

  /** Whether a turn calls Xent. */
  boolean callsXent(int turn) {
    return this == LOAD || this == XENT || this != JAVA && turn % 2 == 0;
  }

  List<Place> places() {
    return this == ARRAYS ? List.of(Place.JAVA_ARRAYS) : Arrays.asList(Place.values());
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import java.util.Arrays;
import java.util.List;

/** What a process does. */
enum Mode {
  /** Everything, with Xent, and samples of the process are taken. */
  LOAD,
  /** Everything, with Xent and without in turns. */
  TURNS,
  /** Everything, with Xent. */
  XENT,
  /** Everything, without Xent: Java works as long as Xent would. */
  JAVA,
  /** Calls on the largest Java arrays, with Xent and without in turns. */
  ARRAYS;

  boolean needsJavaWork() {
    return this == TURNS || this == JAVA || this == ARRAYS;
  }

  /** Whether Xent is called in a turn. */
  boolean callsXent(int turn) {
    return this == LOAD || this == XENT || this != JAVA && turn % 2 == 0;
  }

  List<Place> places() {
    return this == ARRAYS ? List.of(Place.JAVA_ARRAYS) : Arrays.asList(Place.values());
  }
}

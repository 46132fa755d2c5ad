// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicReferenceArray;

/** The objects of a service around its calls: most die young, some live for a while. */
final class Garbage {
  private static final int KEPT = 1 << 13;
  private static final int OBJECTS = 1000;
  private static final int MOST_BYTES = 1 << 10;

  private final AtomicReferenceArray<Object> kept = new AtomicReferenceArray<>(KEPT);

  /** About half a megabyte. */
  void make(SplittableRandom random) {
    for (int i = 0; i < OBJECTS; i++) {
      byte[] object = new byte[random.nextInt(MOST_BYTES)];
      kept.setPlain(random.nextInt(KEPT), object);
    }
  }
}

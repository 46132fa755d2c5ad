// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Calls that belong to no thread: for virtual threads, of which there may be a million, and for a
 * thread that computes while it computes. Those not in use wait here for the next one.
 */
final class Calls {
  /** More are made where they are needed, and thrown away after that. */
  private static final int KEPT = 64;

  private static final AtomicReferenceArray<@Nullable Call> SPARE =
      new AtomicReferenceArray<>(KEPT);

  private Calls() {}

  /** One that nobody else has. */
  static Call take() {
    for (int i = 0; i < KEPT; i++) {
      Call call = SPARE.get(i);
      if (call != null && SPARE.compareAndSet(i, call, null)) {
        return call;
      }
    }
    return new Call(true);
  }

  /** It is in use no more. */
  static void give(Call call) {
    for (int i = 0; i < KEPT; i++) {
      if (SPARE.get(i) == null && SPARE.compareAndSet(i, null, call)) {
        return;
      }
    }
  }
}

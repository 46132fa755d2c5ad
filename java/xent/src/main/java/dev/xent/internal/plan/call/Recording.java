// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.events.CallEvent;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.plan.options.Engine;
import java.lang.foreign.MemorySegment;

/** The flight recorder event of a call, while a recording is active. */
final class Recording {
  private final CallEvent event;
  private final Engine engine;

  /** Starts the event of a call. */
  Recording(Engine by, String operation) {
    engine = by;
    event = begun(operation);
  }

  private CallEvent begun(String operation) {
    CallEvent begun = new CallEvent();
    begun.operation = operation;
    begun.backend = engine.backendName();
    begun.isa = engine.isaName();
    begun.begin();
    return begun;
  }

  /**
   * Commits the event at the end of a call, if it had its leading array.
   *
   * @param report of the thread that called
   * @param threads the number of threads that worked at the same time
   */
  void end(Checked call, MemorySegment report, int threads) {
    event.end();
    if (call.count > 0 && event.shouldCommit()) {
      event.rows = call.dimensions.rows;
      event.classes = call.dimensions.classes;
      event.elements = call.present[0].elements();
      event.path = engine.pathName(xent_report.path(report));
      event.threads = threads;
      event.commit();
    }
  }
}

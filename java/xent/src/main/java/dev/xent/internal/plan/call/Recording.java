// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.events.CallEvent;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.plan.arrays.Dimensions;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.options.Engine;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The flight recorder event of a call, while a recording is active. */
final class Recording {
  private @Nullable CallEvent event;
  private @Nullable Engine engine;

  /** The number of threads that have worked on the call so far. */
  private int workers;

  Recording() {}

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
      event.schedule = engine.scheduleName(xent_report.schedule(report));
      event.threads = threads;
      event.commit();
    }
  }

  /** Starts the event at the start of a call. */
  void begin(Engine by, String operation, MemorySegment report) {
    engine = by;
    event = new CallEvent();
    event.operation = operation;
    event.backend = engine.backendName();
    event.isa = engine.isaName();
    workers = 1;
    xent_report.schedule(report, 0); // of the call before
    event.begin();
  }

  /** Records that {@code threads} threads worked at the same time. */
  void workedBy(int threads) {
    workers = Math.max(workers, threads);
  }

  /** Commits the event at the end of a call. */
  void end(Dimensions dimensions, @Nullable View lead, MemorySegment report) {
    if (event != null) {
      endEvent(dimensions, lead, report);
    }
  }

  private void endEvent(Dimensions dimensions, @Nullable View lead, MemorySegment report) {
    event.end();
    if (lead != null && event.shouldCommit()) {
      event.rows = dimensions.rows;
      event.classes = dimensions.classes;
      event.elements = lead.elements;
      event.schedule = engine.scheduleName(xent_report.schedule(report));
      event.threads = workers;
      event.commit();
    }
    event = null;
    engine = null;
  }
}

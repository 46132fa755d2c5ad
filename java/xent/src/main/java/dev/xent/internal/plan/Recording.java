// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.internal.events.CallEvent;
import dev.xent.internal.events.Recorder;
import org.jspecify.annotations.Nullable;

/** What the flight recorder is told of a call, while a recording wants to know of it. */
final class Recording {
  private @Nullable CallEvent event;

  /** Threads that worked on the call so far. */
  private int workers;

  /** The first thing that a call does. */
  void begin(String operation, Engine engine) {
    if (Recorder.isOn()) {
      beginEvent(operation, engine);
    }
  }

  private void beginEvent(String operation, Engine engine) {
    event = new CallEvent();
    event.operation = operation;
    event.backend = engine.backendName();
    event.isa = engine.isaName();
    workers = 1;
    event.begin();
  }

  /** So many threads worked at once. */
  void workedBy(int threads) {
    workers = Math.max(workers, threads);
  }

  /**
   * The last thing that a call does.
   *
   * @param lead its leading array, or null where it failed before it had one
   */
  void end(Dimensions dimensions, @Nullable View lead) {
    if (event != null) {
      endEvent(dimensions, lead);
    }
  }

  private void endEvent(Dimensions dimensions, @Nullable View lead) {
    event.end();
    if (lead != null && event.shouldCommit()) {
      event.rows = dimensions.rows;
      event.classes = dimensions.classes;
      event.elements = lead.elements;
      event.threads = workers;
      event.commit();
    }
    event = null;
  }
}

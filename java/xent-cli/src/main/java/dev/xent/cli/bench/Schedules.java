// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import static dev.xent.cli.Messages.message;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.jspecify.annotations.Nullable;

/**
 * Finds the schedules of the measured calls from events of the flight recorder. Use it after all
 * measurements: from the first recording on, every call checks for a recording.
 */
final class Schedules {
  private static final String EVENT = "dev.xent.Call";

  private Schedules() {}

  /**
   * The schedule of each result that has one. The reference has no schedule. The map is empty
   * without a recorder or without a place for its file.
   */
  static Map<Result, String> of(List<Result> results) {
    List<Result> computed =
        results.stream().filter(result -> !result.tier().equals(Tier.REFERENCE)).toList();
    if (computed.isEmpty() || ModuleLayer.boot().findModule("jdk.jfr").isEmpty()) {
      return Map.of();
    }
    try (Recording recording = new Recording()) {
      recording.enable(EVENT).withThreshold(Duration.ZERO).withoutStackTrace();
      recording.start();
      List<@Nullable Result> calls = callEach(computed);
      recording.stop();
      return pairs(calls, told(recording));
    } catch (IOException e) {
      return Map.of(); // the measurements are still valid
    }
  }

  private static Map<Result, String> pairs(
      List<@Nullable Result> calls, List<@Nullable String> told) {
    if (calls.size() != told.size()) {
      throw new IllegalStateException(
          message("%d calls were recorded, not %d", told.size(), calls.size()));
    }
    Map<Result, String> schedules = new IdentityHashMap<>();
    for (int i = 0; i < calls.size(); i++) {
      if (calls.get(i) != null) {
        schedules.put(calls.get(i), told.get(i));
      }
    }
    return schedules;
  }

  /**
   * Repeats all calls, and returns their results in order; null for a call that prepares others.
   */
  private static List<@Nullable Result> callEach(List<Result> results) {
    List<@Nullable Result> calls = new ArrayList<>();
    Result.by(result -> List.of(result.operation(), result.shape()), results)
        .values()
        .forEach(
            alike -> {
              Operation operation = alike.getFirst().operation();
              try (Problem problem = new Problem(operation, alike.getFirst().shape())) {
                if (operation.isBackward()) {
                  calls.add(null); // the forward call
                }
                for (Result result : alike) {
                  operation.on(problem, result.tier(), result.threads()).repeat(1);
                  calls.add(result);
                }
              }
            });
    return calls;
  }

  /** The recorded schedules of all calls, in the order of the calls. */
  private static List<@Nullable String> told(Recording recording) throws IOException {
    Path file = Files.createTempFile("xent-bench", ".jfr");
    try {
      recording.dump(file);
      List<@Nullable String> schedules = new ArrayList<>();
      RecordingFile.readAllEvents(file).stream()
          .filter(event -> event.getEventType().getName().equals(EVENT))
          .sorted(Comparator.comparing(RecordedEvent::getStartTime))
          .forEach(event -> schedules.add(event.getString("schedule")));
      return schedules;
    } finally {
      Files.delete(file);
    }
  }
}

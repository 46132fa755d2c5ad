// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.jspecify.annotations.Nullable;

/**
 * Which schedule the calls behind results take, as the flight recorder is told. To be asked when
 * all is timed: from the first recording on, every call looks whether there is one.
 */
final class Schedules {
  private static final String EVENT = "dev.xent.Call";

  private Schedules() {}

  /**
   * The schedule of each result that has one: not the reference's, and none where there is no
   * recorder or no place for its file.
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
      return Map.of(); // what was measured counts more
    }
  }

  private static Map<Result, String> pairs(
      List<@Nullable Result> calls, List<@Nullable String> told) {
    if (calls.size() != told.size()) {
      throw new IllegalStateException(
          String.format(Locale.ROOT, "%d calls were recorded, not %d", told.size(), calls.size()));
    }
    Map<Result, String> schedules = new IdentityHashMap<>();
    for (int i = 0; i < calls.size(); i++) {
      if (calls.get(i) != null) {
        schedules.put(calls.get(i), told.get(i));
      }
    }
    return schedules;
  }

  /** Every call that this makes, in order; null for one that prepares others. */
  private static List<@Nullable Result> callEach(List<Result> results) {
    List<@Nullable Result> calls = new ArrayList<>();
    results.stream()
        .collect(
            Collectors.groupingBy(
                result -> List.of(result.operation(), result.shape()),
                LinkedHashMap::new,
                Collectors.toList()))
        .values()
        .forEach(
            alike -> {
              Operation operation = alike.getFirst().operation();
              try (Problem problem = new Problem(operation, alike.getFirst().shape())) {
                if (operation.isBackward()) {
                  calls.add(null); // the forward
                }
                for (Result result : alike) {
                  operation.on(problem, result.tier(), result.threads()).repeat(1);
                  calls.add(result);
                }
              }
            });
    return calls;
  }

  /** The schedules of all calls, in the order of the calls. */
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

// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the flight recorder is told of calls. */
class CallEventTest {
  private static final String NAME = "dev.xent.Call";

  @TempDir private Path folder;

  private List<RecordedEvent> recorded(Duration threshold, Runnable calls) throws IOException {
    Path file = folder.resolve("calls.jfr");
    try (Recording recording = new Recording()) {
      recording.enable(NAME).withThreshold(threshold);
      recording.start();
      calls.run();
      recording.stop();
      recording.dump(file);
    }
    return RecordingFile.readAllEvents(file).stream()
        .filter(event -> event.getEventType().getName().equals(NAME))
        .toList();
  }

  @Test
  void saysWhatWasComputedAndHow() throws IOException {
    float[] values = Samples.logits(1500 * 200, 1, 1);
    Tensor x = Tensor.of(values, 1500, 200);
    Softmax softmax = Helpers.BEFORE_THE_CALLER.apply(Softmax.builder(), 2).build();
    CrossEntropy loss =
        CrossEntropy.builder().backend(Backend.REFERENCE).axis(0).ignoreIndex(0).build();
    Tensor labels = Tensor.of(new int[200]);
    List<RecordedEvent> events =
        recorded(
            Duration.ZERO,
            () -> {
              softmax.forward(x, x);
              loss.forwardBackward(x, labels, x);
            });
    assertThat(events).hasSize(2);
    RecordedEvent first = events.getFirst();
    assertThat(first.getString("operation")).isEqualTo("softmax");
    assertThat(first.getLong("rows")).isEqualTo(1500);
    assertThat(first.getLong("classes")).isEqualTo(200);
    assertThat(first.getLong("elements")).isEqualTo(300_000);
    assertThat(first.getString("backend")).isEqualTo("native");
    assertThat(first.getString("isa"))
        .isEqualTo(Xent.runtime().isa().name().toLowerCase(java.util.Locale.ROOT));
    assertThat(first.getInt("threads")).isGreaterThanOrEqualTo(1);
    RecordedEvent second = events.getLast();
    assertThat(second.getString("operation")).isEqualTo("cross-entropy with gradient");
    assertThat(second.getLong("rows")).isEqualTo(200);
    assertThat(second.getLong("classes")).isEqualTo(1500);
    assertThat(second.getString("backend")).isEqualTo("reference");
    assertThat(second.getString("isa")).isEqualTo("scalar");
  }

  /** A call like the one before takes a short cut, though not while calls are recorded. */
  @Test
  void saysItOfEveryCall() throws IOException {
    Tensor x = Tensor.of(new float[20], 2, 10);
    Softmax softmax = Softmax.along(-1);
    softmax.forward(x, x);
    softmax.forward(x, x);
    assertThat(
            recorded(
                Duration.ZERO,
                () -> {
                  softmax.forward(x, x);
                  softmax.forward(x, x);
                  softmax.forward(x, x);
                }))
        .hasSize(3);
  }

  @Test
  void saysNothingOfCallsBelowTheThreshold() throws IOException {
    Tensor x = Tensor.of(new float[20], 2, 10);
    assertThat(recorded(Duration.ofSeconds(10), () -> Softmax.builder().build().forward(x, x)))
        .isEmpty();
  }

  @Test
  void aCallThatIsRefusedIsNoCall() throws IOException {
    Tensor x = Tensor.of(new float[20], 2, 10);
    Softmax softmax = Softmax.along(7);
    assertThat(
            recorded(
                Duration.ZERO,
                () ->
                    assertThatThrownBy(() -> softmax.forward(x, x))
                        .isInstanceOf(ShapeException.class)))
        .isEmpty();
  }
}

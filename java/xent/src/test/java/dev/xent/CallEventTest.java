// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.ShapeException;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The flight recorder events of calls. */
class CallEventTest {
  private static final String NAME = "dev.xent.Call";

  @TempDir private Path folder;

  private List<RecordedEvent> recorded(Duration threshold, Runnable calls) throws IOException {
    Path file = folder.resolve("calls.jfr");
    long caller = Thread.currentThread().threadId(); // other threads make calls too
    try (Recording recording = new Recording()) {
      recording.enable(NAME).withThreshold(threshold);
      recording.start();
      calls.run();
      recording.stop();
      recording.dump(file);
    }
    return RecordingFile.readAllEvents(file).stream()
        .filter(event -> event.getEventType().getName().equals(NAME))
        .filter(event -> event.getThread().getJavaThreadId() == caller)
        .toList();
  }

  @Test
  void saysWhatWasComputedAndHow() throws IOException {
    float[] values = Samples.logits(1000 * 300, 1, 1);
    Tensor x = Tensor.of(values, 1000, 300);
    Softmax softmax =
        Softmax.builder()
            .execution(Helpers.BEFORE_THE_CALLER.help(Execution.defaults(), 2))
            .build();
    CrossEntropy loss =
        CrossEntropy.builder()
            .execution(Execution.defaults().withBackend(Backend.REFERENCE))
            .axis(0)
            .ignoreIndex(0)
            .build();
    Tensor labels = Tensor.of(new int[300]);
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
    assertThat(first.getLong("rows")).isEqualTo(1000);
    assertThat(first.getLong("classes")).isEqualTo(300);
    assertThat(first.getLong("elements")).isEqualTo(300_000);
    assertThat(first.getString("backend")).isEqualTo("native");
    assertThat(first.getString("isa"))
        .isEqualTo(XentRuntime.get().isa().name().toLowerCase(java.util.Locale.ROOT));
    assertThat(first.getString("path")).isEqualTo("each");
    assertThat(first.getInt("threads")).isGreaterThanOrEqualTo(1);
    RecordedEvent second = events.getLast();
    assertThat(second.getString("operation")).isEqualTo("cross-entropy with gradient");
    assertThat(second.getLong("rows")).isEqualTo(300);
    assertThat(second.getLong("classes")).isEqualTo(1000);
    assertThat(second.getString("backend")).isEqualTo("reference");
    assertThat(second.getString("isa")).isEqualTo("scalar");
    assertThat(second.getString("path")).isNull();
  }

  /** The table of docs/developing/design.md: paths_test.c has every function, layout and option. */
  @ParameterizedTest
  @CsvSource({
    "1x16, -1, each",
    "1x1024, -1, each",
    "1x1025, -1, flow",
    "2x129, -1, each",
    "6x10, -1, each",
    "9x10, -1, dense",
    "1000x40, -1, dense",
    "1000x105, -1, flow",
    "64x127, -1, flow",
    "64x1024, -1, each",
    "64x1025, -1, flow",
    "2x50000, -1, row",
    "10x4, 0, strip",
    "10x3, 0, flow",
    "2x64x16x16, 1, strip"
  })
  void saysWhichWayEachShapeTakes(String shape, int axis, String way) throws IOException {
    long[] sizes = Arrays.stream(shape.split("x")).mapToLong(Long::parseLong).toArray();
    long[] rows = withoutAxis(sizes, axis);
    Tensor x = Tensor.of(new float[Math.toIntExact(elements(sizes))], sizes);
    Tensor labels = Tensor.of(new int[Math.toIntExact(elements(rows))], rows);
    List<Isa> isas = XentRuntime.get().availableIsas();
    List<RecordedEvent> events =
        recorded(
            Duration.ZERO,
            () ->
                isas.forEach(
                    isa -> {
                      Softmax.builder()
                          .execution(Execution.defaults().withIsa(isa))
                          .axis(axis)
                          .build()
                          .forward(x, x);
                      CrossEntropy.builder()
                          .execution(Execution.defaults().withIsa(isa))
                          .axis(axis)
                          .gradientScale(0.5)
                          .build()
                          .forwardBackward(x, labels, x);
                    }));
    assertThat(events).hasSize(2 * isas.size());
    assertThat(events).allSatisfy(event -> assertThat(event.getString("path")).isEqualTo(way));
  }

  private static long elements(long[] sizes) {
    return Arrays.stream(sizes).reduce(1, Math::multiplyExact);
  }

  private static long[] withoutAxis(long[] sizes, int axis) {
    int at = axis < 0 ? sizes.length + axis : axis;
    return IntStream.range(0, sizes.length).filter(i -> i != at).mapToLong(i -> sizes[i]).toArray();
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

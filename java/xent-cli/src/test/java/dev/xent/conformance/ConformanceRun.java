// SPDX-License-Identifier: Apache-2.0
package dev.xent.conformance;

import static java.lang.foreign.MemoryLayout.PathElement.groupElement;
import static java.lang.foreign.MemorySegment.NULL;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.conformance.ConformanceCase.Stored;
import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_exact_sum;
import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.ffi.xent_sampling;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.CallShape;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Records;
import dev.xent.internal.kernels.Status;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.LongStream;

/** A case in the memory of one implementation, and the calls that compute it. */
final class ConformanceRun {
  private static final List<String> TYPES =
      List.of(
          "", "f32", "f64", "f16", "bf16", "i8", "u8", "i16", "i32", "i64", "u16", "u32", "u64");
  private static final Set<String> PER_ROW =
      Set.of(
          "losses",
          "log_sum_exp",
          "correct",
          "row_weights",
          "sink",
          "log_probabilities",
          "argmax",
          "ranks",
          "entropies",
          "tokens",
          "processed_log_probabilities",
          "kept",
          "draft_tokens");
  private static final List<String> RULES =
      List.of("xent", "transformers", "vllm", "llama.cpp", "onnxruntime-genai");
  private static final List<String> TIES = List.of("of rules", "first", "all");
  private static final Set<String> AS_SELECTED = Set.of("targets", "upstream", "log_probabilities");
  private static final Set<String> PER_ENTRY =
      Set.of("targets", "target_weights", "target_gradient");
  private static final Set<String> PER_FEATURE = Set.of("hidden", "hidden_gradient");
  private static final Set<String> MATRICES = Set.of("weights", "weights_gradient");
  private static final Set<String> OF_CLASSES = Set.of("bias", "bias_gradient");
  private static final Set<String> PER_TOP = Set.of("top_classes", "top_log_probabilities");
  private static final int CHUNK = 8192;
  private static final int UNWRITTEN = 0xA5;

  private final Arena arena;
  private final Kernels kernels;
  private final ConformanceCase c;
  private final long rows;
  private final CallShape shape;
  private final MemorySegment options;
  private final MemorySegment sampling;
  private final MemorySegment report;
  private final MemorySegment exactSum;
  private final Map<String, MemorySegment> arrays = new HashMap<>();
  private final Map<String, Object> numbers = new HashMap<>();
  private MemorySegment statistics = NULL;

  ConformanceRun(Arena arena, Kernels kernels, int isa, ConformanceCase c) {
    this.arena = arena;
    this.kernels = kernels;
    this.c = c;
    rows = c.rows();
    shape = new CallShape();
    options = sized(xent_options.layout());
    sampling = sized(xent_sampling.layout());
    report = sized(xent_report.layout());
    exactSum = sized(xent_exact_sum.layout());
    xent_options.isa(options, isa);
    c.options.forEach(this::option);
    c.sampling.forEach(this::sampling);
    shape.outer = c.outer;
    shape.classes = c.classes;
    shape.inner = c.inner;
    shape.targetCount =
        along(c.inputs.get(isSelected() ? "targets" : "target_weights"))
            + along(c.inputs.get("bias_tokens"));
    shape.promptCount = along(c.inputs.get("prompt_tokens"));
    shape.outputCount = along(c.inputs.get("output_tokens"));
    shape.topCount = along(c.outputs.get("top_classes"));
    if (isLinear()) {
      shape.features = along(c.inputs.get("hidden"));
      xent_layout.type(shape.layout(Array.LOGITS), XentH.XENT_F32());
    }
    c.inputs.forEach((name, stored) -> put(name, stored).copyFrom(bytes(stored)));
    c.outputs.forEach((name, stored) -> put(name, stored).fill((byte) UNWRITTEN));
    if (!c.inputs.containsKey("logits") && !isLinear()) { // what xent_finish computes in
      xent_layout.type(shape.layout(Array.LOGITS), xent_layout.type(shape.layout(Array.OUTPUT)));
    }
  }

  // ---- structs and arrays

  private MemorySegment sized(MemoryLayout layout) {
    MemorySegment struct = arena.allocate(layout);
    struct.set(ValueLayout.JAVA_LONG, 0, layout.byteSize());
    return struct;
  }

  private void option(String name, Object value) {
    switch (name) {
      case "fully_masked" -> xent_options.fully_masked(options, value.equals("zero") ? 1 : 0);
      case "smoothing" -> xent_options.smoothing(options, value.equals("others") ? 1 : 0);
      case "ignore_index" -> {
        xent_options.has_ignore_index(options, 1);
        xent_options.ignore_index(options, ((Number) value).longValue());
      }
      default -> {
        long offset = xent_options.layout().byteOffset(groupElement(name));
        double number = ((Number) value).doubleValue();
        boolean isNoScale = name.equals("gradient_scale") && number == 0;
        options.set(ValueLayout.JAVA_DOUBLE, offset, isNoScale ? -0.0 : number);
      }
    }
  }

  private void sampling(String name, Object value) {
    long offset = xent_sampling.layout().byteOffset(groupElement(name));
    switch (name) {
      case "rules" -> xent_sampling.rules(sampling, RULES.indexOf(value));
      case "ties" -> xent_sampling.ties(sampling, TIES.indexOf(value));
      case "greedy", "step", "draw" ->
          sampling.set(ValueLayout.JAVA_INT, offset, (int) ((Number) value).longValue());
      case "min_keep", "top_k", "seed", "stream", "order" ->
          sampling.set(ValueLayout.JAVA_LONG, offset, ((Number) value).longValue());
      default -> sampling.set(ValueLayout.JAVA_DOUBLE, offset, ((Number) value).doubleValue());
    }
  }

  private boolean isLinear() {
    return c.inputs.containsKey("hidden");
  }

  private boolean isSelected() {
    return c.function.equals("selected_log_probabilities");
  }

  private static MemorySegment bytes(Stored stored) {
    return MemorySegment.ofArray(stored.npy().data());
  }

  /** How many numbers an array has along the class axis; 0 where it has no such axis. */
  private long along(Stored stored) {
    return stored == null || stored.npy().shape().length <= c.axis
        ? 0
        : stored.npy().shape()[c.axis];
  }

  private MemorySegment put(String name, Stored stored) {
    describe(name, stored);
    long size = stored.npy().data().length;
    MemorySegment array = arena.allocate(Math.max(size, 1), 64).asSlice(0, size);
    arrays.put(name, array);
    return array;
  }

  /** Everything lies row-major and without gaps. */
  private void describe(String name, Stored stored) {
    int type = TYPES.indexOf(stored.type());
    boolean ragged = c.inputs.containsKey("row_offsets");
    int axes = stored.npy().shape().length;
    MemorySegment layout = shape.layout(Array.valueOf(name.toUpperCase(Locale.ROOT)));
    xent_layout.type(layout, type);
    boolean elements = c.function.equals("binary_cross_entropy");
    if (!elements && isPerRow(name, type)) {
      boolean one = axes == 0;
      xent_layout.outer(layout, one ? 0 : c.inner);
      xent_layout.inner(layout, one ? 0 : 1);
    } else if (MATRICES.contains(name)) {
      xent_layout.outer(layout, shape.features);
      xent_layout.classes(layout, 1);
    } else if (name.equals("class_weights")
        || (isLinear() && OF_CLASSES.contains(name))
        || (name.equals("positive_weights") && axes == 1)
        || (name.equals("class_mask") && axes == 1 && !ragged)) {
      xent_layout.classes(layout, 1);
    } else {
      xent_layout.outer(layout, numbersPerRow(name) * c.inner);
      xent_layout.classes(layout, c.inner);
      xent_layout.inner(layout, 1);
    }
  }

  private boolean isPerRow(String name, int type) {
    if (isSelected() && AS_SELECTED.contains(name)) {
      return shape.targetCount == 0;
    }
    boolean labels = name.equals("targets") && type >= TYPES.indexOf("i8");
    return PER_ROW.contains(name)
        || (labels && shape.targetCount == 0)
        || (name.equals("upstream") && c.function.endsWith("cross_entropy_backward"));
  }

  private long numbersPerRow(String name) {
    if (PER_TOP.contains(name)) {
      return shape.topCount;
    }
    if (PER_FEATURE.contains(name)) {
      return shape.features;
    }
    if (name.endsWith("_tokens") || name.equals("bias_values")) {
      return along(c.inputs.get(name));
    }
    if (isSelected() && AS_SELECTED.contains(name)) {
      return shape.targetCount;
    }
    long entries = shape.targetCount;
    return entries > 0 && PER_ENTRY.contains(name) ? entries : c.classes;
  }

  private MemorySegment a(String name) {
    return arrays.getOrDefault(name, NULL);
  }

  // ---- calls

  private void lawful(FunctionCall work) {
    assertThat(kernels.run(work)).as("status").isEqualTo(Status.OK);
  }

  void run(boolean inParts) {
    boolean ownCount = c.function.equals("binary_cross_entropy") || c.function.equals("sample");
    if (c.numbers.containsKey("valid_rows") && !ownCount) {
      checkTargets();
    }
    if (inParts) {
      parts();
    } else {
      whole();
    }
    if (c.numbers.containsKey("sum")) {
      numbers.put("sum", kernels.exactSumValue(exactSum));
    }
  }

  private void checkTargets() {
    lawful(call(Function.CHECK_TARGETS));
    numbers.put("valid_rows", xent_report.valid_rows(report));
    numbers.put("denominator", xent_report.denominator(report));
  }

  /** A call on all rows and classes, with every array of the case that the function takes. */
  private FunctionCall call(Function function) {
    FunctionCall work = new FunctionCall().begin(function, shape, options, report).rows(0, rows);
    arrays.forEach(
        (name, array) -> work.offer(Array.valueOf(name.toUpperCase(Locale.ROOT)), array));
    work.offer(Array.STATISTICS, statistics);
    return work.classes(0, c.classes);
  }

  /** The same where the losses are added up, if the case has their sum. */
  private FunctionCall tallied(Function function) {
    return call(function).set(Array.EXACT_SUM, c.numbers.containsKey("sum") ? exactSum : NULL);
  }

  private void whole() {
    switch (c.function) {
      case "sample" -> sample();
      case "binary_cross_entropy" -> {
        lawful(call(Function.BINARY_CROSS_ENTROPY).set(Array.EXACT_SUM, exactSum));
        numbers.put("valid_rows", xent_report.valid_rows(report));
      }
      case "cross_entropy" -> lawful(tallied(Function.CROSS_ENTROPY));
      case "linear_cross_entropy" -> linear(true);
      case "linear_cross_entropy_backward" -> {
        statistics = arena.allocate(rows * Records.STATISTICS, Records.ALIGNMENT);
        linear(false);
        linearGradients(0, c.classes);
      }
      case "cross_entropy_backward" -> {
        statistics = arena.allocate(rows * Records.STATISTICS, Records.ALIGNMENT);
        lawful(tallied(Function.CROSS_ENTROPY).set(Array.GRADIENT, NULL));
        write(0, c.classes);
      }
      case "kl_divergence", "jensen_shannon_divergence", "total_variation" ->
          lawful(call(function()).set(Array.EXACT_SUM, exactSum));
      default -> lawful(call(function()));
    }
  }

  private Function function() {
    return switch (c.function) {
      case "softmax_forward" -> Function.SOFTMAX;
      case "log_softmax_forward" -> Function.LOG_SOFTMAX;
      case "cross_entropy" -> Function.CROSS_ENTROPY_BACKWARD; // what writes its class ranges
      default -> Function.valueOf(c.function.toUpperCase(Locale.ROOT));
    };
  }

  private void sample() {
    long tokens = shape.promptCount + shape.outputCount + shape.targetCount;
    long size = kernels.sampleWorkspace(c.classes, tokens);
    MemorySegment workspace = arena.allocate(Math.max(size, 1), 64);
    lawful(call(Function.SAMPLE).sampling(sampling, false).workspace(workspace, size));
    numbers.put("valid_rows", xent_report.valid_rows(report));
  }

  /** What a linear layer needs for so many classes. */
  private MemorySegment workspace(long classes) {
    int contents =
        XentH.XENT_WORKSPACE_HIDDEN_GRADIENT()
            | XentH.XENT_WORKSPACE_WEIGHTS_GRADIENT()
            | XentH.XENT_WORKSPACE_WHOLE_ROWS();
    long features = shape.features;
    return arena.allocate(kernels.linearWorkspace(rows, features, classes, contents), 64);
  }

  /** Without gradients, which may come later. */
  private void linear(boolean gradients) {
    MemorySegment workspace = workspace(c.classes);
    FunctionCall work =
        tallied(Function.LINEAR_CROSS_ENTROPY).workspace(workspace, workspace.byteSize());
    if (!gradients) {
      work.set(Array.HIDDEN_GRADIENT, NULL)
          .set(Array.WEIGHTS_GRADIENT, NULL)
          .set(Array.BIAS_GRADIENT, NULL);
    }
    lawful(work);
  }

  /** Of a class range, or of all classes, which the gradient of hidden states needs. */
  private void linearGradients(long begin, long end) {
    boolean all = begin == 0 && end == c.classes;
    MemorySegment workspace = workspace(end - begin);
    FunctionCall work =
        call(Function.LINEAR_CROSS_ENTROPY_BACKWARD)
            .classes(begin, end)
            .set(Array.LOGITS, NULL)
            .workspace(workspace, workspace.byteSize());
    lawful(all ? work : work.set(Array.HIDDEN_GRADIENT, NULL));
  }

  /** The functions that write a class range; without statistics it is the whole row. */
  private void write(long begin, long end) {
    lawful(call(function()).classes(begin, end));
  }

  private void parts() {
    List<long[]> ranges = ranges();
    long chunks = (c.classes + CHUNK - 1) / CHUNK;
    MemorySegment states = arena.allocate(rows * chunks * Records.STATE, Records.ALIGNMENT);
    ranges.forEach(range -> states(range[0], range[1], states));
    statistics = arena.allocate(rows * Records.STATISTICS, Records.ALIGNMENT);
    finish(states, 0);
    if (xent_report.unfinished(report) > 0) {
      ranges.forEach(range -> states(range[0], range[1], states));
      finish(states, 1);
    }
    if (isLinear()) {
      linearGradients(0, c.classes);
      ranges.forEach(range -> linearGradients(range[0], range[1])); // of weights and bias once more
    } else if (c.outputs.containsKey("gradient") || c.outputs.containsKey("output")) {
      ranges.forEach(range -> write(range[0], range[1]));
    }
  }

  /** The last one first. */
  private List<long[]> ranges() {
    long[] bounds =
        LongStream.concat(
                LongStream.concat(LongStream.of(0), c.parts.stream().mapToLong(Long::longValue)),
                LongStream.of(c.classes))
            .toArray();
    return LongStream.range(1, bounds.length)
        .mapToObj(i -> new long[] {bounds[(int) i - 1], bounds[(int) i]})
        .toList()
        .reversed();
  }

  private void states(long begin, long end, MemorySegment states) {
    if (isLinear()) {
      MemorySegment workspace = workspace(end - begin);
      lawful(
          call(Function.LINEAR_STATES)
              .classes(begin, end)
              .set(Array.STATES, states)
              .workspace(workspace, workspace.byteSize()));
      return;
    }
    boolean backward = c.inputs.containsKey("output");
    Function function = backward ? Function.BACKWARD_STATES : Function.FORWARD_STATES;
    FunctionCall work = call(function).classes(begin, end).set(Array.STATES, states);
    lawful(c.function.equals("log_softmax_backward") ? work.set(Array.OUTPUT, NULL) : work);
  }

  private void finish(MemorySegment states, int secondRound) {
    lawful(tallied(Function.FINISH).set(Array.STATES, states).choice(secondRound));
  }

  // ---- comparison

  /** How many values were compared; fails at the first that differs. */
  long compare() {
    long compared = 0;
    for (Map.Entry<String, Stored> output : c.outputs.entrySet()) {
      Npy expected = output.getValue().npy();
      MemorySegment got = a(output.getKey());
      long at = got.mismatch(bytes(output.getValue()));
      assertThat(at).as("the first byte of %s that differs", output.getKey()).isEqualTo(-1);
      compared += expected.count();
    }
    for (Map.Entry<String, Object> number : c.numbers.entrySet()) {
      assertThat(numbers.get(number.getKey()))
          .as(number.getKey())
          .isEqualTo(decoded(number.getValue()));
      compared++;
    }
    return compared;
  }

  /** Doubles are written as hexadecimal digits. */
  private static Object decoded(Object json) {
    if (json instanceof Number integer) {
      return integer.longValue();
    }
    return switch ((String) json) {
      case "nan" -> Double.NaN;
      case "inf" -> Double.POSITIVE_INFINITY;
      case "-inf" -> Double.NEGATIVE_INFINITY;
      case String digits -> Double.parseDouble(digits);
    };
  }
}

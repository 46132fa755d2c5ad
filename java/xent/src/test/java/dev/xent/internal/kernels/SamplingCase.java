// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.Segments;
import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.ffi.xent_sampling;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * A call of sampling: a random mixture of types, layouts, inputs, options, of each row or of all,
 * and outputs, all of them valid.
 */
final class SamplingCase {
  private static final int[] FLOATS = {XentH.XENT_F32(), XentH.XENT_F16(), XentH.XENT_BF16()};
  private static final int[] INDICES = {XentH.XENT_I32(), XentH.XENT_I64()};
  private static final double[] TEMPERATURES = {0, 1, 0.7, 0.05, 1.3, 3, 40, 1e-4, 0x1p32, 0x1p-32};
  private static final double[] MASSES = {0, 1, 0.1, 0.5, 0.9, 0.95, 0.999, 1e-9, 1e-320};
  private static final double[] SHARES = {0, 0.05, 0.3, 1, 1e-6, 1e-320};
  private static final double[] DEVIATIONS = {1, 0.1, 1.5, 3, 1e-9, 1e9};
  private static final double[] SCALES = {0, 0, 1, 0.5, 0.0625, 1.7, 0x1p32, 0x1p-32};
  private static final double[] RANGES = {0, 0, 0, 0.5, 2, 1e-9, 0x1p32};
  private static final double[] EXPONENTS = {0, 1, 0.3, 2.5, 0x1p32, 0x1p-32};
  private static final double[] REPETITIONS = {0, 1, 1.2, 0.5, 3};
  private static final double[] PENALTIES = {0, 0.5, -0.3, 2, 1e30};
  private static final double[] SOFTCAPS = {0, 0, 0, 30, 0.5};

  /** Further bytes after every array, for tests that pass a size that is too large. */
  static final int ROOM = 64;

  final int rows;
  final int classes;
  final RowKind kind;
  int perRow;
  long workspaceSize;
  long rowBegin;
  long rowEnd;
  final CallShape shape;
  final MemorySegment options;
  MemorySegment sampling;

  /** By name; absent ones are not there. */
  final Map<String, MemorySegment> inputs = new LinkedHashMap<>();

  /** What is requested, and how many bytes it has. */
  final Map<String, Long> outputs = new LinkedHashMap<>();

  private final Arena arena;
  private final SplittableRandom random;
  private final boolean inner;
  final int promptCount;
  final int outputCount;
  private final int biasCount;

  SamplingCase(Arena arena, int rows, int classes, RowKind kind, SplittableRandom random) {
    this.arena = arena;
    this.rows = rows;
    this.classes = classes;
    this.kind = kind;
    this.random = random;
    inner = random.nextInt(4) == 0;
    perRow = random.nextInt(2);
    rowEnd = rows;
    promptCount = random.nextInt(3) == 0 ? random.nextInt(6) : 0;
    outputCount = random.nextInt(3) == 0 ? random.nextInt(20) : 0;
    biasCount = random.nextInt(3) == 0 ? random.nextInt(9) : 0;
    shape = new CallShape();
    shape.outer = inner ? 1 : rows;
    shape.classes = classes;
    shape.inner = inner ? rows : 1;
    shape.targetCount = biasCount;
    shape.promptCount = promptCount;
    shape.outputCount = outputCount;
    options = arena.allocate(xent_options.layout());
    xent_options.size(options, xent_options.sizeof());
    xent_options.softcap(options, any(SOFTCAPS));
    sampling =
        arena.allocate(xent_sampling.sizeof() * rows, xent_sampling.layout().byteAlignment());
    for (int i = 0; i < rows; i++) {
      fill(xent_sampling.asSlice(sampling, i));
    }
    takeInputs();
    takeOutputs();
    // More than enough.
    workspaceSize = 64L * (classes + 64) + 64L * tokenCount();
  }

  private long tokenCount() {
    return promptCount + outputCount + biasCount;
  }

  private double any(double[] values) {
    return values[random.nextInt(values.length)];
  }

  private void fill(MemorySegment s) {
    xent_sampling.size(s, xent_sampling.sizeof());
    int rules = random.nextInt(5);
    xent_sampling.rules(s, rules);
    xent_sampling.ties(s, random.nextInt(3));
    xent_sampling.greedy(s, random.nextInt(8) == 0 ? 1 : 0);
    xent_sampling.min_keep(s, random.nextInt(4) == 0 ? random.nextInt(classes + 3) : 0);
    xent_sampling.top_k(s, random.nextBoolean() ? random.nextInt(Math.min(classes, 80) + 3) : 0);
    xent_sampling.top_p(s, any(MASSES));
    boolean hasMinP = rules != XentH.XENT_RULES_ONNXRUNTIME_GENAI();
    xent_sampling.min_p(s, hasMinP ? any(SHARES) : 0);
    boolean hasTypical = hasMinP && rules != XentH.XENT_RULES_VLLM();
    xent_sampling.typical_p(s, hasTypical && random.nextInt(3) == 0 ? any(MASSES) : 0);
    xent_sampling.temperature(s, random.nextInt(3) == 0 ? 0 : any(TEMPERATURES));
    xent_sampling.repetition_penalty(s, any(REPETITIONS));
    xent_sampling.frequency_penalty(s, any(PENALTIES));
    xent_sampling.presence_penalty(s, any(PENALTIES));
    xent_sampling.scale(s, any(SCALES));
    xent_sampling.dynatemp_range(s, any(RANGES));
    xent_sampling.dynatemp_exponent(s, any(EXPONENTS));
    xent_sampling.seed(s, random.nextLong());
    xent_sampling.stream(s, random.nextLong());
    xent_sampling.step(s, random.nextInt());
    xent_sampling.draw(s, random.nextInt());
    boolean ordered = random.nextInt(4) == 0;
    if (ordered || rules == XentH.XENT_RULES_XENT() || rules == XentH.XENT_RULES_LLAMA_CPP()) {
      xent_sampling.top_n_sigma(s, random.nextInt(3) == 0 ? any(DEVIATIONS) : 0);
      xent_sampling.xtc_probability(s, random.nextInt(3) == 0 ? random.nextInt(1, 4) / 3.0 : 0);
      xent_sampling.xtc_threshold(s, any(SHARES));
    }
    if (ordered) {
      xent_sampling.order(s, anyOrder());
    }
  }

  /** All filters, the temperature too, which may be anywhere. */
  private long anyOrder() {
    long order = 0;
    int taken = 0;
    while (taken != 0b1111_1110) {
      int filter = random.nextInt(1, 8);
      if ((taken >> filter & 1) == 0) {
        taken |= 1 << filter;
        order = order << 8 | filter;
      }
    }
    return order;
  }

  // ---- arrays ----------------------------------------------------------------------------------

  private void takeInputs() {
    int type = FLOATS[random.nextInt(FLOATS.length)];
    int gap = random.nextInt(3) == 0 ? 3 : 0;
    long stride = layout(shape.layout(Array.LOGITS), classes + gap, type);
    MemorySegment logits = arena.allocate(ROOM + rows * (long) (classes + gap) * 4, 64);
    float[] x = new float[classes];
    for (int row = 0; row < rows; row++) {
      kind.fill(x, random);
      for (int k = 0; k < classes; k++) {
        double value = random.nextInt(7) == 0 ? x[random.nextInt(classes)] : x[k];
        ElementType.of(type).set(logits, at(row, k, classes + gap, stride), value);
      }
    }
    inputs.put("logits", logits);
    if (random.nextInt(3) == 0) {
      takeMask();
    }
    if (random.nextInt(3) == 0) {
      takeBias();
    }
    takeTokens("prompt tokens", shape.layout(Array.PROMPT_TOKENS), promptCount);
    takeTokens("output tokens", shape.layout(Array.OUTPUT_TOKENS), outputCount);
    takeTokens("bias tokens", shape.layout(Array.BIAS_TOKENS), biasCount);
    if (biasCount > 0) {
      int of = FLOATS[random.nextInt(FLOATS.length)];
      layout(shape.layout(Array.BIAS_VALUES), biasCount, of);
      MemorySegment values = arena.allocate(ROOM + rows * (long) biasCount * 4, 64);
      for (long i = 0; i < rows * (long) biasCount; i++) {
        double value = random.nextInt(5) == 0 ? Double.NEGATIVE_INFINITY : random.nextGaussian();
        ElementType.of(of).set(values, i, 4 * value);
      }
      inputs.put("bias values", values);
    }
    if (random.nextInt(3) == 0) {
      takeDrafts();
    }
  }

  /** A draft of each row, and probabilities near 1 / classes, 0, 1 or beyond. */
  private void takeDrafts() {
    takeTokens("draft tokens", shape.layout(Array.DRAFT_TOKENS), 1);
    int of = FLOATS[random.nextInt(FLOATS.length)];
    layout(shape.layout(Array.DRAFT_PROBABILITIES), classes, of);
    MemorySegment values = arena.allocate(ROOM + rows * (long) classes * 4, 64);
    double[] edges = {0, 1, 2, -1, Double.NaN, 1e-30};
    for (long i = 0; i < rows * (long) classes; i++) {
      double value = 2 * random.nextDouble() / classes;
      boolean edge = random.nextInt(20) == 0;
      ElementType.of(of).set(values, i, edge ? edges[random.nextInt(edges.length)] : value);
    }
    requireDrawn(values, of);
    inputs.put("draft probabilities", values);
  }

  /** Replaces what no draft can have been drawn with. */
  private void requireDrawn(MemorySegment probabilities, int type) {
    MemorySegment layout = shape.layout(Array.DRAFT_TOKENS);
    for (int row = 0; row < rows; row++) {
      long token = ElementType.of(xent_layout.type(layout)).getInteger(in("draft tokens"), row);
      long place = at(row, (int) token, classes, rows);
      double q = token < 0 ? 1 : ElementType.of(type).get(probabilities, place);
      if (!(q > 0 && q <= 1)) {
        ElementType.of(type).set(probabilities, place, random.nextBoolean() ? 1 : 0.25);
      }
    }
  }

  private void takeMask() {
    MemorySegment layout = shape.layout(Array.CLASS_MASK);
    MemorySegment mask = arena.allocate(ROOM + rows * (long) classes, 64);
    fillBytes(mask, random.nextInt(2) == 0 ? 20 : 2);
    inputs.put("class mask", mask);
    if (random.nextBoolean()) {
      layout(layout, classes, XentH.XENT_U8());
      return;
    }
    long words = Form.words(classes);
    layout(layout, words, random.nextBoolean() ? XentH.XENT_I32() : XentH.XENT_U32());
    MemorySegment bits = arena.allocate(ROOM + rows * words * 4, 64);
    for (long i = 0; i < rows * words; i++) {
      bits.setAtIndex(
          ValueLayout.JAVA_INT,
          i,
          random.nextInt() | (random.nextBoolean() ? random.nextInt() : 0));
    }
    inputs.put("class mask", bits);
  }

  private void takeBias() {
    int type = FLOATS[random.nextInt(FLOATS.length)];
    layout(shape.layout(Array.BIAS), classes, type);
    if (random.nextBoolean()) { // the same for all rows
      xent_layout.outer(shape.layout(Array.BIAS), 0);
      xent_layout.inner(shape.layout(Array.BIAS), 0);
    }
    MemorySegment bias = arena.allocate(ROOM + rows * (long) classes * 4, 64);
    for (long i = 0; i < rows * (long) classes; i++) {
      double value = random.nextInt(9) == 0 ? Double.NEGATIVE_INFINITY : random.nextGaussian();
      ElementType.of(type).set(bias, i, random.nextBoolean() ? 0 : value);
    }
    inputs.put("bias", bias);
  }

  private void takeTokens(String name, MemorySegment layout, int count) {
    if (count == 0) {
      return;
    }
    int type = classes < 100 ? XentH.XENT_I8() : INDICES[random.nextInt(2)];
    layout(layout, count, type);
    MemorySegment tokens = arena.allocate(ROOM + rows * (long) count * 8, 64);
    int most = Math.min(classes, 30);
    for (long i = 0; i < rows * (long) count; i++) {
      int token = random.nextInt(5) == 0 ? -1 : classes - 1 - random.nextInt(most);
      ElementType.of(type).setInteger(tokens, i, token);
    }
    inputs.put(name, tokens);
  }

  private void fillBytes(MemorySegment bytes, int one) {
    for (long i = 0; i < bytes.byteSize(); i++) {
      bytes.set(ValueLayout.JAVA_BYTE, i, (byte) (random.nextInt(one) == 0 ? 0 : 1));
    }
  }

  private void takeOutputs() {
    want("tokens", shape.layout(Array.TOKENS), 1, index());
    CallShape s = shape;
    maybe("processed", s.layout(Array.PROCESSED_LOG_PROBABILITIES), 1, number());
    maybe("kept", s.layout(Array.KEPT), 1, index());
    maybe("kept mask", s.layout(Array.KEPT_MASK), classes, XentH.XENT_U8());
    maybe("log-probabilities", s.layout(Array.LOG_PROBABILITIES), 1, number());
    maybe("ranks", s.layout(Array.RANKS), 1, index());
    maybe("entropies", s.layout(Array.ENTROPIES), 1, number());
    int top = random.nextInt(Math.min(classes, 9) + 1);
    shape.topCount = top;
    if (top > 0) {
      maybe("top classes", s.layout(Array.TOP_CLASSES), top, index());
      maybe("top log-probabilities", s.layout(Array.TOP_LOG_PROBABILITIES), top, number());
    }
  }

  private int index() {
    return INDICES[random.nextInt(2)];
  }

  private int number() {
    return FLOATS[random.nextInt(3)];
  }

  private void maybe(String name, MemorySegment layout, int each, int type) {
    if (random.nextInt(3) != 0) {
      want(name, layout, each, type);
    }
  }

  private void want(String name, MemorySegment layout, int each, int type) {
    layout(layout, each, type);
    outputs.put(name, rows * (long) each * ElementType.of(type).byteSize());
  }

  /** Sets a layout with {@code each} elements per row; returns the stride along a row. */
  private long layout(MemorySegment layout, long each, int type) {
    xent_layout.outer(layout, inner ? 0 : each);
    xent_layout.classes(layout, inner ? rows : 1);
    xent_layout.inner(layout, 1);
    xent_layout.type(layout, type);
    return inner ? rows : 1;
  }

  private long at(int row, int k, long each, long stride) {
    return inner ? row + k * stride : row * each + k;
  }

  // ---- calls -----------------------------------------------------------------------------------

  /** The results of a call, by name: the outputs as bytes, the status and the report. */
  Map<String, MemorySegment> run(Kernels kernels, int isa, long cut) {
    Map<String, MemorySegment> results = new LinkedHashMap<>();
    outputs.forEach((name, bytes) -> results.put(name, arena.allocate(bytes, 64)));
    xent_options.isa(options, isa);
    workspaceSize = kernels.sampleWorkspace(classes, tokenCount()) + (classes + 7) / 8 * 8;
    rowBegin = 0;
    rowEnd = cut;
    long counted = counted(kernels, results);
    rowBegin = cut;
    rowEnd = rows;
    counted += counted(kernels, results);
    results.put("valid_rows", Segments.of(arena, counted));
    return results;
  }

  private long counted(Kernels kernels, Map<String, MemorySegment> out) {
    MemorySegment report = KernelCall.report(arena);
    inputs.put("workspace", arena.allocate(Math.max(workspaceSize, 8), 8));
    int status = call(kernels, out, report);
    if (status != Status.OK) {
      throw new AssertionError(
          this + ": status " + status + ", field " + xent_report.field(report));
    }
    return xent_report.valid_rows(report);
  }

  /** Makes the call with the current inputs and options, and returns the status. */
  int call(Kernels kernels, Map<String, MemorySegment> out, MemorySegment report) {
    return kernels.run(
        KernelRun.onRows(Function.SAMPLE, shape, options, rowBegin, rowEnd, report)
            .set(Array.LOGITS, in("logits"))
            .set(Array.TOKENS, out.getOrDefault("tokens", NULL))
            .set(Array.CLASS_MASK, in("class mask"))
            .set(Array.BIAS, in("bias"))
            .set(Array.PROMPT_TOKENS, in("prompt tokens"))
            .set(Array.OUTPUT_TOKENS, in("output tokens"))
            .set(Array.BIAS_TOKENS, in("bias tokens"))
            .set(Array.BIAS_VALUES, in("bias values"))
            .set(Array.DRAFT_TOKENS, in("draft tokens"))
            .set(Array.DRAFT_PROBABILITIES, in("draft probabilities"))
            .set(Array.PROCESSED_LOG_PROBABILITIES, out.getOrDefault("processed", NULL))
            .set(Array.KEPT, out.getOrDefault("kept", NULL))
            .set(Array.KEPT_MASK, out.getOrDefault("kept mask", NULL))
            .set(Array.LOG_PROBABILITIES, out.getOrDefault("log-probabilities", NULL))
            .set(Array.RANKS, out.getOrDefault("ranks", NULL))
            .set(Array.ENTROPIES, out.getOrDefault("entropies", NULL))
            .set(Array.TOP_CLASSES, out.getOrDefault("top classes", NULL))
            .set(Array.TOP_LOG_PROBABILITIES, out.getOrDefault("top log-probabilities", NULL))
            .set(Array.WORKSPACE, in("workspace"))
            .sampling(sampling, false)
            .choice(perRow)
            .workspace(in("workspace"), workspaceSize));
  }

  /** Any number of prompt and output tokens is in the arrays then. */
  void takeOneTokenOften() {
    xent_layout.classes(shape.layout(Array.PROMPT_TOKENS), 0);
    xent_layout.classes(shape.layout(Array.OUTPUT_TOKENS), 0);
    xent_layout.classes(shape.layout(Array.BIAS_TOKENS), 0);
    xent_layout.classes(shape.layout(Array.BIAS_VALUES), 0);
  }

  void counts(long prompt, long output, long continues) {
    shape.promptCount = prompt;
    shape.outputCount = output;
    shape.continues = continues;
  }

  private MemorySegment in(String name) {
    return inputs.getOrDefault(name, NULL);
  }

  @Override
  public String toString() {
    MemorySegment s = sampling;
    return ("%s, %d rows of %d, %s%s%s, rules %d, ties %d, greedy %d, keep %d, k %d, p %s, min-p %s,"
            + " typical-p %s, top-n-sigma %s, XTC %s, order %x, temperature %s, scale %s,"
            + " dynatemp %s^%s")
        .formatted(
            kind,
            rows,
            classes,
            inputs.keySet(),
            inner ? ", columns" : "",
            perRow == 1 ? ", options per row" : "",
            xent_sampling.rules(s),
            xent_sampling.ties(s),
            xent_sampling.greedy(s),
            xent_sampling.min_keep(s),
            xent_sampling.top_k(s),
            xent_sampling.top_p(s),
            xent_sampling.min_p(s),
            xent_sampling.typical_p(s),
            xent_sampling.top_n_sigma(s),
            xent_sampling.xtc_probability(s),
            xent_sampling.order(s),
            xent_sampling.temperature(s),
            xent_sampling.scale(s),
            xent_sampling.dynatemp_range(s),
            xent_sampling.dynatemp_exponent(s));
  }
}

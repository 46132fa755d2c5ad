// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.reference.call.Addresses;
import dev.xent.internal.kernels.reference.call.CallArrays;
import dev.xent.internal.kernels.reference.call.Layout;
import dev.xent.internal.kernels.reference.call.Shape;
import java.lang.foreign.MemorySegment;
import java.util.function.Function;

/** The arrays of the interface: of each what is checked. The twin of native/src/api/arrays.h. */
enum ArrayRule {
  LOGITS(g -> g.logits, s -> s.logits, XentH.XENT_FIELD_LOGITS(), Form.PER_CLASS),
  TEACHER(g -> g.teacher, s -> s.teacher, XentH.XENT_FIELD_TEACHER(), Form.PER_CLASS),
  TARGETS(
      g -> g.targets,
      s -> s.targets,
      XentH.XENT_FIELD_TARGETS(),
      Form.OF_TARGETS,
      ElementType.LABELS | ElementType.NUMBERS),
  TARGET_WEIGHTS(
      g -> g.targetWeights,
      s -> s.targetWeights,
      XentH.XENT_FIELD_TARGET_WEIGHTS(),
      Form.PER_TARGET),
  ROW_OFFSETS(
      g -> g.rowOffsets,
      s -> s.rowOffsets,
      XentH.XENT_FIELD_ROW_OFFSETS(),
      Form.OFFSETS,
      ElementType.CLASS_NUMBERS),
  CLASS_MASK(
      g -> g.classMask,
      s -> s.classMask,
      XentH.XENT_FIELD_CLASS_MASK(),
      Form.PER_CLASS,
      ElementType.FLAGS),
  CLASS_WEIGHTS(
      g -> g.classWeights, s -> s.classWeights, XentH.XENT_FIELD_CLASS_WEIGHTS(), Form.ONE_ROW),
  ROW_WEIGHTS(
      g -> g.rowWeights,
      s -> s.rowWeights,
      XentH.XENT_FIELD_ROW_WEIGHTS(),
      Form.PER_ROW,
      ElementType.NUMBERS | ElementType.FLAGS),
  SINK(g -> g.sink, s -> s.sink, XentH.XENT_FIELD_SINK(), Form.PER_ROW),
  KNOWN_OUTPUT(g -> g.output, s -> s.output, XentH.XENT_FIELD_OUTPUT(), Form.PER_CLASS),
  UPSTREAM(g -> g.upstream, s -> s.upstream, XentH.XENT_FIELD_UPSTREAM(), Form.PER_CLASS),
  UPSTREAM_OF_ROWS(g -> g.upstream, s -> s.upstream, XentH.XENT_FIELD_UPSTREAM(), Form.PER_ROW),
  OUTPUT(
      g -> g.output,
      s -> s.output,
      XentH.XENT_FIELD_OUTPUT(),
      Form.PER_CLASS,
      ElementType.NUMBERS,
      1L << XentH.XENT_FIELD_LOGITS()),
  GRADIENT(
      g -> g.gradient,
      s -> s.gradient,
      XentH.XENT_FIELD_GRADIENT(),
      Form.PER_CLASS,
      ElementType.NUMBERS,
      1L << XentH.XENT_FIELD_LOGITS()),
  SOFTMAX_GRADIENT(
      g -> g.gradient,
      s -> s.gradient,
      XentH.XENT_FIELD_GRADIENT(),
      Form.PER_CLASS,
      ElementType.NUMBERS,
      1L << XentH.XENT_FIELD_OUTPUT() | 1L << XentH.XENT_FIELD_UPSTREAM()),
  LOSSES(
      g -> g.losses,
      s -> s.losses,
      XentH.XENT_FIELD_LOSSES(),
      Form.PER_ROW,
      ElementType.NUMBERS,
      0),
  LOG_SUM_EXP(
      g -> g.logSumExp,
      s -> s.logSumExp,
      XentH.XENT_FIELD_LOG_SUM_EXP(),
      Form.PER_ROW,
      ElementType.NUMBERS,
      0),
  HITS(g -> g.hits, s -> s.hits, XentH.XENT_FIELD_HITS(), Form.PER_ROW, ElementType.FLAGS, 0),
  LOG_PROBABILITIES(
      g -> g.logProbabilities,
      s -> s.logProbabilities,
      XentH.XENT_FIELD_LOG_PROBABILITIES(),
      Form.PER_ROW,
      ElementType.NUMBERS,
      0),
  ARGMAX(
      g -> g.argmax,
      s -> s.argmax,
      XentH.XENT_FIELD_ARGMAX(),
      Form.PER_ROW,
      ElementType.CLASS_NUMBERS,
      0),
  RANKS(
      g -> g.ranks,
      s -> s.ranks,
      XentH.XENT_FIELD_RANKS(),
      Form.PER_ROW,
      ElementType.CLASS_NUMBERS,
      0),
  ENTROPIES(
      g -> g.entropies,
      s -> s.entropies,
      XentH.XENT_FIELD_ENTROPIES(),
      Form.PER_ROW,
      ElementType.NUMBERS,
      0),
  TOP_CLASSES(
      g -> g.topClasses,
      s -> s.topClasses,
      XentH.XENT_FIELD_TOP_CLASSES(),
      Form.PER_TOP,
      ElementType.CLASS_NUMBERS,
      0),
  TOP_LOG_PROBABILITIES(
      g -> g.topLogProbabilities,
      s -> s.topLogProbabilities,
      XentH.XENT_FIELD_TOP_LOG_PROBABILITIES(),
      Form.PER_TOP,
      ElementType.NUMBERS,
      0),
  TARGET_GRADIENT(
      g -> g.targetGradient,
      s -> s.targetGradient,
      XentH.XENT_FIELD_TARGET_GRADIENT(),
      Form.OF_TARGETS,
      ElementType.NUMBERS,
      0),
  ELEMENT_TARGETS(
      g -> g.targets,
      s -> s.targets,
      XentH.XENT_FIELD_TARGETS(),
      Form.PER_CLASS,
      ElementType.LABELS | ElementType.NUMBERS),
  ELEMENT_WEIGHTS(
      g -> g.elementWeights,
      s -> s.elementWeights,
      XentH.XENT_FIELD_ELEMENT_WEIGHTS(),
      Form.PER_CLASS,
      ElementType.NUMBERS | ElementType.FLAGS),
  POSITIVE_WEIGHTS(
      g -> g.positiveWeights,
      s -> s.positiveWeights,
      XentH.XENT_FIELD_POSITIVE_WEIGHTS(),
      Form.PER_CLASS),
  ELEMENT_LOSSES(
      g -> g.losses,
      s -> s.losses,
      XentH.XENT_FIELD_LOSSES(),
      Form.PER_CLASS,
      ElementType.NUMBERS,
      0),
  SELECTED_CLASSES(
      g -> g.targets,
      s -> s.targets,
      XentH.XENT_FIELD_TARGETS(),
      Form.OF_TARGETS,
      ElementType.LABELS),
  SELECTED_UPSTREAM(g -> g.upstream, s -> s.upstream, XentH.XENT_FIELD_UPSTREAM(), Form.OF_TARGETS),
  SELECTED_LOG_PROBABILITIES(
      g -> g.logProbabilities,
      s -> s.logProbabilities,
      XentH.XENT_FIELD_LOG_PROBABILITIES(),
      Form.OF_TARGETS,
      ElementType.NUMBERS,
      0),
  BIAS(g -> g.bias, s -> s.bias, XentH.XENT_FIELD_BIAS(), Form.PER_CLASS),
  PROMPT_TOKENS(
      g -> g.promptTokens,
      s -> s.promptTokens,
      XentH.XENT_FIELD_PROMPT_TOKENS(),
      Form.PER_PROMPT,
      ElementType.LABELS),
  OUTPUT_TOKENS(
      g -> g.outputTokens,
      s -> s.outputTokens,
      XentH.XENT_FIELD_OUTPUT_TOKENS(),
      Form.PER_OUTPUT,
      ElementType.LABELS),
  TOKENS(
      g -> g.tokens,
      s -> s.tokens,
      XentH.XENT_FIELD_TOKENS(),
      Form.PER_ROW,
      ElementType.CLASS_NUMBERS,
      0),
  PROCESSED_LOG_PROBABILITIES(
      g -> g.processedLogProbabilities,
      s -> s.processedLogProbabilities,
      XentH.XENT_FIELD_PROCESSED_LOG_PROBABILITIES(),
      Form.PER_ROW,
      ElementType.NUMBERS,
      0),
  KEPT(
      g -> g.kept,
      s -> s.kept,
      XentH.XENT_FIELD_KEPT(),
      Form.PER_ROW,
      ElementType.CLASS_NUMBERS,
      0),
  KEPT_MASK(
      g -> g.keptMask,
      s -> s.keptMask,
      XentH.XENT_FIELD_KEPT_MASK(),
      Form.PER_CLASS,
      ElementType.FLAGS,
      0),
  HIDDEN(g -> g.hidden, s -> s.hidden, XentH.XENT_FIELD_HIDDEN(), Form.PER_FEATURE),
  WEIGHTS(g -> g.weights, s -> s.weights, XentH.XENT_FIELD_WEIGHTS(), Form.OF_CLASSES),
  BIAS_OF_CLASSES(g -> g.bias, s -> s.bias, XentH.XENT_FIELD_BIAS(), Form.ONE_ROW),
  KEPT_LOGITS(
      g -> g.logits,
      s -> s.logits,
      XentH.XENT_FIELD_LOGITS(),
      Form.PER_CLASS,
      ElementType.NUMBERS,
      0),
  HIDDEN_GRADIENT(
      g -> g.hiddenGradient,
      s -> s.hiddenGradient,
      XentH.XENT_FIELD_HIDDEN_GRADIENT(),
      Form.PER_FEATURE,
      ElementType.NUMBERS,
      0),
  WEIGHTS_GRADIENT(
      g -> g.weightsGradient,
      s -> s.weightsGradient,
      XentH.XENT_FIELD_WEIGHTS_GRADIENT(),
      Form.OF_CLASSES,
      ElementType.NUMBERS,
      0),
  BIAS_GRADIENT(
      g -> g.biasGradient,
      s -> s.biasGradient,
      XentH.XENT_FIELD_BIAS_GRADIENT(),
      Form.ONE_ROW,
      ElementType.NUMBERS,
      0);

  private final Function<CallArrays, MemorySegment> array;
  private final Function<Shape, Layout> layout;
  final int field;
  private final Form form;
  private final int types;
  final boolean written;

  /** Fields, as bits, that it may be, at the same address and strides. */
  private final long inPlaceOf;

  /** An input of numbers. */
  ArrayRule(
      Function<CallArrays, MemorySegment> array,
      Function<Shape, Layout> layout,
      int field,
      Form form) {
    this(array, layout, field, form, ElementType.NUMBERS);
  }

  /** An input. */
  ArrayRule(
      Function<CallArrays, MemorySegment> array,
      Function<Shape, Layout> layout,
      int field,
      Form form,
      int types) {
    this(array, layout, field, form, types, false, 0);
  }

  /** An output. */
  ArrayRule(
      Function<CallArrays, MemorySegment> array,
      Function<Shape, Layout> layout,
      int field,
      Form form,
      int types,
      long inPlaceOf) {
    this(array, layout, field, form, types, true, inPlaceOf);
  }

  ArrayRule(
      Function<CallArrays, MemorySegment> array,
      Function<Shape, Layout> layout,
      int field,
      Form form,
      int types,
      boolean written,
      long inPlaceOf) {
    this.array = array;
    this.layout = layout;
    this.field = field;
    this.form = form;
    this.types = types;
    this.written = written;
    this.inPlaceOf = inPlaceOf;
  }

  MemorySegment of(Call call) {
    return array.apply(call.given);
  }

  Layout layout(Call call) {
    return layout.apply(call.shape);
  }

  boolean isIn(Call call) {
    return !Addresses.isNull(of(call));
  }

  /** Weights are needed wherever sparse targets meet logits. */
  boolean isNeeded(Call call) {
    return this == TARGET_WEIGHTS
        && call.shape.targetCount != 0
        && TARGETS.isIn(call)
        && (LOGITS.isIn(call) || HIDDEN.isIn(call));
  }

  /** What the array has numbers for in a call. */
  Form form(Call call) {
    if (form != Form.OF_TARGETS) {
      return form;
    }
    return call.shape.targetCount != 0
        ? Form.PER_TARGET
        : call.shape.hasLabels() ? Form.PER_ROW : Form.PER_CLASS;
  }

  /** Whether the array may have elements of a type in a call. */
  boolean holds(int type, Call call) {
    boolean sparse = this == TARGETS && call.shape.targetCount != 0;
    int numbers = sparse ? 0 : types & call.numbers;
    return ElementType.holds(type, types & ~ElementType.NUMBERS | numbers)
        && !(writesClasses() && ElementType.of(type).isTooSmall(call.shape.classes));
  }

  private boolean writesClasses() {
    return written && types == ElementType.CLASS_NUMBERS;
  }

  /** Whether an overlap with the other is none because this is that array, written in place. */
  boolean isInPlaceOf(ArrayRule other, Call call) {
    Shape shape = call.shape;
    Layout own = layout(call);
    Layout that = other.layout(call);
    return other.field < Long.SIZE
        && (inPlaceOf >> other.field & 1) == 1
        && of(call).address() == other.of(call).address()
        && (own.outer == that.outer || shape.outer <= 1)
        && (own.inner == that.inner || shape.inner <= 1)
        && (own.classes == that.classes || shape.classes <= 1)
        && own.type == that.type;
  }
}

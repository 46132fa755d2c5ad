// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.errors.DTypeException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Form;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.kernels.ShapeStruct;
import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.Dimensions;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.OffsetsCopy;
import dev.xent.internal.plan.arrays.Part;
import dev.xent.internal.plan.arrays.Part.Kind;
import dev.xent.internal.plan.arrays.RowOffsets;
import dev.xent.internal.plan.arrays.Strides;
import dev.xent.internal.plan.arrays.Types;
import dev.xent.internal.plan.arrays.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The arrays of a call: which ones there are, and whether their types, shapes and memory fit. An
 * operation names the leading array first, whose shape and type all others follow.
 */
public abstract sealed class CallArrays permits Call {
  /** Classes that can be selected of a row. */
  private static final int MOST_SELECTED = 256;

  /**
   * Inputs that every call has, that are part of the kind of targets, or that statistics say
   * nothing of.
   */
  private static final Set<Array> BESIDE_STATISTICS =
      EnumSet.of(
          Array.LOGITS,
          Array.HIDDEN,
          Array.WEIGHTS,
          Array.TARGETS,
          Array.TARGET_WEIGHTS,
          Array.UPSTREAM);

  /** Inputs that a backward has if its forward had them, as bits. */
  private static final long OF_STATISTICS = inputsOfStatistics();

  /** Leads in place of logits where no kernel is called with them: not part of the struct. */
  public final Part logProbabilities;

  /** Written by no kernel: not part of the struct. */
  public final Part topProbabilities;

  /** Those of the arrays of the core, in its order, then the two of no kernel. */
  final Part[] all;

  /** Those that take part, in the order in which they came, and what earlier calls left behind. */
  public final Part[] present;

  public int parts;

  /** Which of the usual arrays take part, with which types. */
  long signature;

  /** Whether arrays take part that most calls are without. */
  public boolean unusual;

  /** Whether all types of floats go together. */
  private boolean anyFloats;

  /** Whether memory of any of them is a Java array. */
  public boolean onHeap;

  /** Whether all of them lie in memory without gaps, none repeated. */
  boolean contiguous;

  /** How many classes each row of sparse targets has; 0: the targets are others. */
  public long targetCount;

  /** How many of the largest classes were asked for. */
  public long topCount;

  /** How many tokens before each row has, of the prompt and of the output. */
  public long promptCount;

  public long outputCount;

  /** How many features hidden states have; 0: the logits are not made of any. */
  public long features;

  /** Of a shard: the class that its arrays begin with, and the number of all; 0: it is no shard. */
  public long firstClass;

  public long allClasses;

  public final Dimensions dimensions = new Dimensions();
  public final FewLosses fewLosses = new FewLosses();
  public final OffsetsCopy offsetsCopy = new OffsetsCopy();

  CallArrays(Arena arena, MemorySegment shape) {
    all = new Part[Array.LAYOUTS + 2];
    long size = xent_layout.sizeof();
    for (Array array : Array.values()) {
      int i = array.ordinal();
      if (i < Array.LAYOUTS) {
        MemorySegment layout = shape.asSlice(ShapeStruct.offset(Array.LOGITS) + i * size, size);
        all[i] = new Part(i, nameOf(array), array, layout);
      }
    }
    logProbabilities = partOfNoKernel(Array.LAYOUTS, "logProbabilities", Array.LOGITS, arena);
    topProbabilities = partOfNoKernel(Array.LAYOUTS + 1, "topProbabilities", null, arena);
    present = new Part[all.length];
  }

  private static String nameOf(Array array) {
    return array == Array.ELEMENT_WEIGHTS ? "weights" : array.text;
  }

  private Part partOfNoKernel(int index, String name, @Nullable Array array, Arena arena) {
    all[index] = new Part(index, name, array, arena.allocate(xent_layout.layout()));
    return all[index];
  }

  /** One of the arrays of the core, whether it takes part or not. */
  public Part part(Array array) {
    return all[array.ordinal()];
  }

  /** Its view; null: the call is without it. */
  public @Nullable View view(Array array) {
    return all[array.ordinal()].view;
  }

  /** Whether it takes part. */
  public boolean has(Array array) {
    return all[array.ordinal()].view != null;
  }

  /** Whether there is a mask that has a bit for each class. */
  public boolean hasMaskOfBits() {
    Part mask = part(Array.CLASS_MASK);
    return mask.view != null && Rule.MASK_OF_TOKENS.isOfBits(mask.view.type.number());
  }

  // ---- what takes part -------------------------------------------------------------------------

  /** The array whose dimensions and type all others follow. */
  public void lead(Rule rule, View view, int classAxis) {
    lead(part(rule.array), rule, view, classAxis);
  }

  private void lead(Part part, Rule rule, View view, int classAxis) {
    Types.requireLead(part.name, Objects.requireNonNull(view, part.name));
    dimensions.take(part.name, view, classAxis);
    begin();
    take(part, rule, view, Kind.CLASSES);
  }

  /**
   * Hidden states, whose type all others follow, and the weights of classes; others follow the
   * shape of the logits that are made of them.
   */
  public void leadLinear(View states, int featureAxis, View weightsOfClasses) {
    Part hidden = part(Array.HIDDEN);
    Part weights = part(Array.WEIGHTS);
    requireFloat32(hidden, Objects.requireNonNull(states, hidden.name));
    requireFloat32(weights, Objects.requireNonNull(weightsOfClasses, weights.name));
    int axis = Strides.axis(featureAxis, states.shape);
    long count = states.shape[axis];
    if (weightsOfClasses.rank() != 2
        || weightsOfClasses.elements == 0
        || weightsOfClasses.shape[1] != count) {
      throw new ShapeException(
          message(
              "weights is %s, hidden is %s with features along axis %d; expected weights of shape [classes, %s]%s",
              weightsOfClasses,
              states,
              axis,
              count == 0 ? "features" : count,
              weightsOfClasses.elements == 0 ? ", with at least one of each" : ""));
    }
    dimensions.takeLinear(states, featureAxis, weightsOfClasses.shape[0]);
    if (Math.multiplyHigh(dimensions.rows, dimensions.classes) != 0
        || dimensions.rows * dimensions.classes < 0) {
      throw new ShapeException(
          message(
              "hidden is %s, weights is %s, and 64 bits do not count their logits; expected fewer rows",
              states, weightsOfClasses));
    }
    begin();
    features = count;
    take(hidden, Rule.HIDDEN, states, Kind.ENTRIES);
    take(weights, Rule.WEIGHTS, weightsOfClasses, Kind.CLASS_ROWS);
  }

  private static void requireFloat32(Part part, View view) {
    if (!Types.fits(view.type, ElementType.F32)) {
      throw new DTypeException(
          part.name
              + " is "
              + view
              + "; expected a tensor of type "
              + Types.allowed(ElementType.F32));
    }
  }

  /** The array whose shape and type all others follow, every element of which is a row. */
  public void leadElements(Rule rule, View view, int classAxis) {
    Part part = part(rule.array);
    Types.requireLead(part.name, Objects.requireNonNull(view, part.name));
    dimensions.takeElements(view, classAxis);
    begin();
    take(part, rule, view, Kind.CLASSES);
  }

  /** Labels 0 and 1, or numbers from 0 to 1, in the shape of the leading array. */
  public void elementTargets(View view) {
    Part targets = part(Array.TARGETS);
    Objects.requireNonNull(view, targets.name);
    View lead = lead();
    if (!view.type.isInteger() && !Types.fits(view.type, lead.type)) {
      throw new DTypeException(
          message(
              "targets is %s, %s is %s; expected labels 0 and 1 (I8 to I64, U8 to U64) or numbers from 0 to 1 of type %s",
              view, leading().name, lead, Types.allowed(lead.type)));
    }
    requireLeadShape(targets, view);
    take(targets, Rule.ELEMENT_TARGETS, view, Kind.CLASSES);
  }

  /** The same, of ragged rows if the inputs have offsets. */
  public void lead(Part part, Rule rule, View view, int classAxis, InputViews inputs) {
    View offsets = inputs.get(Array.ROW_OFFSETS);
    if (offsets == null) {
      lead(part, rule, view, classAxis);
    } else {
      leadRagged(part, rule, view, classAxis, offsets);
    }
  }

  private void leadRagged(Part part, Rule rule, View view, int classAxis, View offsets) {
    Types.requireLead(part.name, Objects.requireNonNull(view, part.name));
    Part rowOffsets = part(Array.ROW_OFFSETS);
    RowOffsets.require(rowOffsets.name, offsets, part.name, view);
    Strides.axis(classAxis, view.shape);
    MemorySegment copy = offsetsCopy.of(offsets);
    long longest = RowOffsets.longest(rowOffsets.name, offsets, copy, part.name, view);
    RowOffsets.requireCountable(rowOffsets.name, offsets, longest);
    dimensions.takeRagged(offsets.elements - 1, longest);
    begin();
    take(part, rule, view, Kind.CLASSES);
    take(rowOffsets, Rule.ROW_OFFSETS, offsets, Kind.OFFSETS);
    rowOffsets.useCopy(copy);
  }

  private void begin() {
    anyFloats = false;
    onHeap = false;
    contiguous = true;
    unusual = false;
    targetCount = 0;
    topCount = 0;
    promptCount = 0;
    outputCount = 0;
    features = 0;
    firstClass = 0;
    allClasses = 0;
  }

  /** The leading array holds some classes of rows that have more, whichever they are. */
  public void anyShard(long first, long all) {
    long classes = dimensions.classes;
    if (first < 0 || all > Integer.MAX_VALUE || classes > all || first > all - classes) {
      throw new ShapeException(
          message(
              "%s is %s, with %s from %d on of %d; expected classes within the row, which has fewer than 2^31",
              leadName(), leadText(), plural(classes, "class"), first, all));
    }
    firstClass = first;
    allClasses = all;
    unusual = true;
  }

  /** The same of classes that begin and end with a chunk. */
  public void shard(long first, long all) {
    if (first < 0 || first % Chunks.SIZE != 0) {
      throw new ShapeException(
          message("firstClass is %d; expected a multiple of %d", first, Chunks.SIZE));
    }
    long classes = dimensions.classes;
    boolean inside = classes <= all && first <= all - classes;
    if (!inside || (classes % Chunks.SIZE != 0 && first + classes != all)) {
      throw new ShapeException(
          message(
              "%s is %s, with %s from %d on of %d: end a shard at a multiple of %d or with the row",
              leadName(), leadText(), plural(classes, "class"), first, all, Chunks.SIZE));
    }
    firstClass = first;
    allClasses = all;
    unusual = true;
  }

  /** From now on arrays of floats may have any type of floats, whatever the leading one has. */
  public void allowAnyFloats() {
    anyFloats = true;
  }

  /** The array that all others follow. */
  public Part leading() {
    return present[0];
  }

  public View lead() {
    return present[0].view;
  }

  /** Another array, which must fit the leading one as the core says of it. */
  public void take(Rule rule, View view) {
    take(part(rule.array), rule, view);
  }

  /** The same of an array that the call may be without. */
  public void takeIfGiven(Rule rule, @Nullable View view) {
    if (view != null) {
      take(rule, view);
    }
  }

  /** All inputs that a function takes and that this call does not have yet. */
  public void takeInputs(Function function, InputViews inputs) {
    for (long left = inputs.given(); left != 0; left &= left - 1) {
      Array array = ArrayViews.first(left);
      Rule rule = function.rule(array);
      if (rule != null && !has(array)) {
        take(rule, inputs.get(array));
      }
    }
  }

  /** All outputs, which the function has. */
  public void takeOutputs(Function function, ArrayViews outputs) {
    for (long left = outputs.given(); left != 0; left &= left - 1) {
      Array array = ArrayViews.first(left);
      take(function.rule(array), outputs.get(array));
    }
  }

  /** The probabilities of the largest classes, which no kernel writes. */
  public void takeTopProbabilities(View view) {
    take(topProbabilities, Rule.TOP_LOG_PROBABILITIES, view);
  }

  private void take(Part part, Rule rule, View view) {
    requireType(part, rule, Objects.requireNonNull(view, part.name));
    take(part, rule, view, requireShape(part, rule, view));
  }

  /** The token of the only row, in memory of this thread. */
  public void takeOneToken(View view) {
    take(part(Array.TOKENS), Rule.TOKENS, view, Kind.ROWS);
  }

  /** Class indices per row, or probabilities per row and class. Returns whether they are labels. */
  public boolean targets(View view) {
    Part targets = part(Array.TARGETS);
    Objects.requireNonNull(view, targets.name);
    if (view.type.isInteger()) {
      requireRowShape(targets, view, false);
      take(targets, Rule.TARGETS, view, Kind.ROWS);
      return true;
    }
    View lead = lead();
    if (!Types.fits(view.type, lead.type)) {
      throw new DTypeException(
          message(
              "targets is %s, %s is %s; expected class indices (I8 to I64, U8 to U64) or probability rows of type %s",
              view, leading().name, lead, Types.allowed(lead.type)));
    }
    if (!hasLeadShape(view)) {
      throw new ShapeException(
          message(
              "targets is %s, %s is %s; expected probability rows of the same shape, or class indices of an integer type",
              view, leadName(), leadText()));
    }
    take(targets, Rule.TARGETS, view, Kind.CLASSES);
    return false;
  }

  /** Some classes of each row, and what each of them weighs. */
  void sparseTargets(View classNumbers, View weights) {
    Part targets = part(Array.TARGETS);
    Objects.requireNonNull(classNumbers, targets.name);
    if (!classNumbers.type.isInteger()) {
      throw new DTypeException(
          message(
              "targets is %s, and targetWeights were given; expected the classes of each row as I8 to I64 or U8 to U64",
              classNumbers));
    }
    requireType(part(Array.TARGET_WEIGHTS), Rule.TARGET_WEIGHTS, weights);
    requireEntries(targets, classNumbers, 0);
    targetCount = classNumbers.shape[dimensions.axis];
    if (targetCount == 0) {
      throw new ShapeException(
          message(
              "targets is %s; expected at least one class in each row, of weight 0 where it has none",
              classNumbers));
    }
    if (!Arrays.equals(weights.shape, classNumbers.shape)) {
      throw new ShapeException(
          message(
              "targetWeights is %s, targets is %s; expected a weight for each class of a row",
              weights, classNumbers));
    }
    take(targets, Rule.TARGETS, classNumbers, Kind.ENTRIES);
    take(part(Array.TARGET_WEIGHTS), Rule.TARGET_WEIGHTS, weights, Kind.ENTRIES);
  }

  /** Classes of each row: one, as labels are given, or some along the class axis. */
  public void selected(View classNumbers) {
    Part targets = part(Array.TARGETS);
    Objects.requireNonNull(classNumbers, targets.name);
    if (!classNumbers.type.isInteger()) {
      throw new DTypeException(
          message(
              "targets is %s; expected the classes of each row as I8 to I64 or U8 to U64",
              classNumbers));
    }
    if (dimensions.isRowShape(classNumbers.shape, false)) {
      take(targets, Rule.SELECTED_CLASSES, classNumbers, Kind.ROWS);
      return;
    }
    if (!dimensions.hasRowsOfEntries(classNumbers.shape)) {
      throw new ShapeException(
          message(
              "targets is %s, %s is %s; expected targets of shape %s, or %s with k classes of each row",
              classNumbers,
              leadName(),
              leadText(),
              Arrays.toString(dimensions.rowShape()),
              dimensions.entriesShape("k")));
    }
    targetCount = classNumbers.shape[dimensions.axis];
    if (targetCount < 1 || targetCount > MOST_SELECTED) {
      throw new ShapeException(
          message(
              "targets is %s; expected 1 to %d classes of each row", classNumbers, MOST_SELECTED));
    }
    take(targets, Rule.SELECTED_CLASSES, classNumbers, Kind.ENTRIES);
  }

  /** Whether the targets are class indices. */
  public boolean hasLabels() {
    return targetCount == 0 && view(Array.TARGETS).type.isInteger();
  }

  /**
   * Keeps the losses of few rows in memory of this thread, where nobody asked for them or an exact
   * sum.
   *
   * @param arithmetic F64 where losses are computed in double
   */
  public void keepFewLosses(Outputs outputs, ElementType arithmetic) {
    if (outputs.exactSum == null
        && !has(Array.LOSSES)
        && contiguous
        && dimensions.rows <= FewLosses.MOST) {
      take(part(Array.LOSSES), Rule.LOSSES, fewLosses.view(arithmetic), Kind.ROWS);
    }
  }

  /** Whether it does. */
  public boolean hasFewLosses() {
    return fewLosses.has(view(Array.LOSSES));
  }

  private void take(Part part, Rule rule, View view, Kind kind) {
    Memory.requireAccess(view, part.name);
    if (kind == Kind.ALONG) {
      part.takeAlong(view, rule, dimensions.along);
    } else {
      part.take(view, rule, kind, dimensions.rank);
    }
    // Of offsets the kernels get a copy.
    onHeap |= view.heap && kind != Kind.OFFSETS;
    if (part.isUnusual()) {
      unusual = true;
      contiguous &= isDense(view, kind);
    } else {
      contiguous &= view.contiguous;
      signature |= part.signature();
    }
    if (present[parts] != part) {
      present[parts] = part;
    }
    parts++;
  }

  /** Whether an array that may repeat its numbers does not. */
  private boolean isDense(View view, Kind kind) {
    return switch (kind) {
      case CLASSES ->
          view.contiguous
              && view.elements
                  == (features == 0 ? lead().elements : dimensions.rows * dimensions.classes);
      case ROWS -> view.contiguous && view.elements == dimensions.rows;
      case ENTRIES -> view.contiguous;
      case CLASS_VECTOR, CLASS_ROWS, OFFSETS -> true;
      case ALONG -> false;
    };
  }

  /** Which of the inputs that a call may be without, and that its statistics depend on, it has. */
  long given() {
    long given = 0;
    for (int i = 0; i < parts; i++) {
      given |= 1L << present[i].index & OF_STATISTICS;
    }
    return given;
  }

  /** Those that a forward and its backward both take. */
  private static long inputsOfStatistics() {
    long inputs = 0;
    for (Function backward : Function.values()) {
      if (backward.name().endsWith("_BACKWARD")) {
        String name = backward.name();
        Function forward = Function.valueOf(name.substring(0, name.lastIndexOf('_')));
        for (Array array : Array.values()) {
          Rule before = forward.rule(array);
          Rule after = backward.rule(array);
          boolean both = before != null && after != null && !before.written && !after.written;
          if (both && array.ordinal() < Array.LAYOUTS && !BESIDE_STATISTICS.contains(array)) {
            inputs |= 1L << array.ordinal();
          }
        }
      }
    }
    return inputs;
  }

  /** Their names in a message. */
  String names(long given) {
    StringBuilder names = new StringBuilder();
    for (long left = given; left != 0; left &= left - 1) {
      Part part = all[Long.numberOfTrailingZeros(left)];
      names.append(names.isEmpty() ? " with " : ", ").append(part.name);
    }
    return names.toString();
  }

  // ---- types and shapes ------------------------------------------------------------------------

  private void requireType(Part part, Rule rule, View view) {
    String name = part.name;
    switch (rule.holds) {
      case ElementType.NUMBERS -> {
        if (anyFloats) {
          Types.requireLead(name, view);
        } else {
          Types.requireFloat(name, view, leading().name, lead());
        }
      }
      case ElementType.NUMBERS | ElementType.FLAGS -> {
        if (!(anyFloats && view.type.isFloat())) {
          Types.requireFloatOrFlag(name, view, leading().name, lead());
        }
      }
      case ElementType.FLAGS -> Types.requireFlag(name, view);
      case ElementType.FLAGS | ElementType.WORDS -> Types.requireFlagOrWord(name, view);
      case ElementType.CLASS_NUMBERS -> Types.requireClassNumber(name, view, dimensions.classes);
      case ElementType.LABELS -> Types.requireInteger(name, view);
      default -> throw new AssertionError(rule);
    }
  }

  /** Refuses other shapes than the core says. Returns what there are numbers for. */
  private Kind requireShape(Part part, Rule rule, View view) {
    switch (rule.form) {
      case PER_CLASS -> {
        if (rule.spread) {
          return dimensions.hasElements() ? spread(part, view) : perClass(part, rule, view);
        }
        requireLeadShape(part, view);
        return Kind.CLASSES;
      }
      case PER_ROW -> {
        requireRowShape(part, view, rule.spread);
        return Kind.ROWS;
      }
      case PER_TOP -> {
        requireTop(part, view);
        return Kind.ENTRIES;
      }
      case PER_TARGET -> {
        if (rule == Rule.BIAS_VALUES) {
          requireShapeOf(part, view, Array.BIAS_TOKENS.text, view(Array.BIAS_TOKENS));
        } else {
          requireEntries(part, view, 0);
          targetCount = view.shape[dimensions.axis];
        }
        return Kind.ENTRIES;
      }
      case PER_PROMPT -> {
        requireEntries(part, view, 0);
        promptCount = view.shape[dimensions.axis];
        return Kind.ENTRIES;
      }
      case PER_OUTPUT -> {
        requireEntries(part, view, 0);
        outputCount = view.shape[dimensions.axis];
        return Kind.ENTRIES;
      }
      case OF_TARGETS -> {
        Part like = part(has(Array.TARGET_WEIGHTS) ? Array.TARGET_WEIGHTS : Array.TARGETS);
        requireShapeOf(part, view, like.name, like.view);
        return like.kind();
      }
      case PER_FEATURE -> {
        requireShapeOf(part, view, part(Array.HIDDEN).name, view(Array.HIDDEN));
        return Kind.ENTRIES;
      }
      case OF_CLASSES -> {
        requireShapeOf(part, view, part(Array.WEIGHTS).name, view(Array.WEIGHTS));
        return Kind.CLASS_ROWS;
      }
      case ONE_ROW -> {
        requireOnePerClass(part, view);
        return Kind.CLASS_VECTOR;
      }
      case PER_WORD, OFFSETS, RECORDS -> throw new AssertionError(rule);
    }
    throw new AssertionError(rule);
  }

  /** A number per class, of each row or the same for some or for all. */
  private Kind perClass(Part part, Rule rule, View view) {
    if (dimensions.ragged) {
      requireLeadShape(part, view);
      return Kind.CLASSES;
    }
    boolean ofBits = rule.isOfBits(view.type.number());
    long count = ofBits ? Form.words(dimensions.classes) : dimensions.classes;
    if (dimensions.isClassShape(view.shape, count)) {
      return Kind.CLASSES;
    }
    if (view.rank() == 1 && view.shape[0] == count) {
      return Kind.CLASS_VECTOR;
    }
    throw new ShapeException(
        message(
            "%s is %s, %s is %s with classes along axis %d; expected one %s in its shape, in which any other size may be 1, or in the shape [%d]",
            part.name,
            view,
            leadName(),
            leadText(),
            dimensions.axis,
            ofBits
                ? "number per 32 classes"
                : (rule.holds & ElementType.FLAGS) != 0 ? "flag per class" : "number per class",
            count));
  }

  /** Numbers of elements, of which one may hold for many. */
  private Kind spread(Part part, View view) {
    if (dimensions.isSpread(view.shape) || isSingle(view)) {
      return Kind.CLASSES;
    }
    int along = dimensions.along;
    if (view.rank() == 1 && view.shape[0] == dimensions.size(along)) {
      return Kind.ALONG;
    }
    throw new ShapeException(
        message(
            "%s is %s, %s is %s; expected that shape, in which any size may be 1, or the shape [%d] of its axis %d",
            part.name, view, leadName(), leadText(), dimensions.size(along), along));
  }

  /** A number for each class, the same for all rows. */
  private void requireOnePerClass(Part part, View view) {
    long classes = dimensions.classes;
    if (view.rank() == 1
        && (view.shape[0] == classes || (dimensions.ragged && view.shape[0] > classes))) {
      return;
    }
    throw new ShapeException(
        message(
            "%s is %s, %s is %s; expected a number for each class, in the shape [%d]",
            part.name,
            view,
            features == 0 ? leadName() : part(Array.WEIGHTS).name,
            features == 0 ? leadText() : view(Array.WEIGHTS),
            classes));
  }

  /** What the largest classes of each row have, as many as others have. */
  private void requireTop(Part part, View view) {
    requireEntries(part, view, topCount);
    long count = view.shape[dimensions.axis];
    if (count < 1 || count > dimensions.classes || (topCount != 0 && count != topCount)) {
      throw new ShapeException(
          message(
              "%s is %s, %s has %s%s; expected 1 to %d",
              part.name,
              view,
              leadName(),
              plural(dimensions.classes, "class"),
              topCount == 0 ? "" : " and topClasses is " + view(Array.TOP_CLASSES),
              dimensions.classes));
    }
    topCount = count;
  }

  private void requireLeadShape(Part part, View view) {
    if (!hasLeadShape(view)) {
      throw otherShape(part, view, leadName(), leadText());
    }
  }

  /** Whether an array has the shape of the leading one, or of the logits that are made of it. */
  private boolean hasLeadShape(View view) {
    return features == 0 ? Arrays.equals(view.shape, lead().shape) : dimensions.isShape(view.shape);
  }

  /** In a message. */
  private String leadName() {
    return features == 0 ? leading().name : Array.LOGITS.text;
  }

  /** In a message, behind the name. */
  private String leadText() {
    return features == 0
        ? lead().toString()
        : message(
            "%s of hidden %s and weights %s",
            dimensions.shapeText(), view(Array.HIDDEN), view(Array.WEIGHTS));
  }

  private static void requireShapeOf(Part part, View view, String name, View like) {
    if (!Arrays.equals(view.shape, like.shape)) {
      throw otherShape(part, view, name, like);
    }
  }

  private static ShapeException otherShape(Part part, View view, String name, Object like) {
    return new ShapeException(
        message("%s is %s, %s is %s; expected the same shape", part.name, view, name, like));
  }

  private void requireRowShape(Part part, View view, boolean repeats) {
    if (dimensions.isRowShape(view.shape, repeats) || (repeats && isSingle(view))) {
      return;
    }
    throw new ShapeException(
        message(
            "%s is %s, %s is %s with %s; expected %s of shape %s%s%s%s",
            part.name,
            view,
            leadName(),
            leadText(),
            dimensions.ragged
                ? plural(dimensions.rows, "row")
                : "classes along axis " + dimensions.axis,
            part.name,
            Arrays.toString(dimensions.rowShape()),
            repeats ? ", in which any size may be 1" : "",
            otherAxis(view),
            otherUse(part, view)));
  }

  /** Advice where labels are one-hot rows, and where logits are the rows of a matrix in a line. */
  private String otherUse(Part part, View view) {
    if (part.array == Array.TARGETS && hasLeadShape(view)) {
      return ", or one-hot rows of type " + Types.allowed(lead().type);
    }
    long rows = view.elements;
    boolean fits = rows > 1 && dimensions.classes % rows == 0 && dimensions.classes > rows;
    return fits && view.rank() == 1 && features == 0 && lead().rank() == 1 && !dimensions.ragged
        ? message(", or reshape %s to [%d, %d]", leadName(), rows, dimensions.classes / rows)
        : "";
  }

  /**
   * Advice where an array has the shape of rows along another axis; a matrix with classes along the
   * last one is rather mistaken.
   */
  private String otherAxis(View view) {
    View lead = lead();
    int rank = lead.rank();
    int last = rank < 3 && dimensions.axis == rank - 1 ? -1 : rank - 1;
    for (int axis = last; axis >= 0; axis--) {
      if (Arrays.equals(view.shape, Dimensions.without(axis, lead.shape))) {
        return ", or build the operation with axis(" + (axis == rank - 1 ? -1 : axis) + ")";
      }
    }
    return "";
  }

  private static boolean isSingle(View view) {
    return view.rank() == 1 && view.elements == 1;
  }

  /**
   * Some numbers of each row.
   *
   * @param count how many; 0: any number
   */
  private void requireEntries(Part part, View view, long count) {
    if (!dimensions.hasRowsOfEntries(view.shape)) {
      throw new ShapeException(
          message(
              "%s is %s, %s is %s; expected %s of shape %s",
              part.name,
              view,
              leadName(),
              leadText(),
              part.name,
              dimensions.entriesShape(count == 0 ? "k" : Long.toString(count))));
    }
  }

  // ---- what is written -------------------------------------------------------------------------

  /**
   * Refuses outputs that cannot be written or that overlap another array of the call, other than
   * being exactly one that they may be. To be called when all arrays are there.
   */
  public void requireWritable() {
    for (int i = 0; i < parts; i++) {
      if (present[i].isWritten()) {
        requireWritable(present[i]);
      }
    }
  }

  private void requireWritable(Part part) {
    View view = part.view;
    Memory.requireWritable(view, part.name);
    for (int i = 0; i < parts; i++) {
      Part other = present[i];
      if (other != part && view.overlaps(other.view)) {
        boolean allowed = part.mayBe(other);
        if (!allowed || !view.isInPlaceOf(other.view)) {
          throw Memory.overlap(part.name, other.name, allowed);
        }
      }
    }
  }

  /** Whether an output is there that no part of a row can tell. */
  boolean asksForWholeRows() {
    for (int i = 0; i < parts; i++) {
      if (present[i].needsWholeRows()) {
        return true;
      }
    }
    return false;
  }

  // ---- their memory ----------------------------------------------------------------------------

  /** Refuses memory that was closed since the call began. */
  void requireAccessToAll() {
    for (int i = 0; i < parts; i++) {
      Memory.requireAccess(present[i].view, present[i].name);
    }
  }

  /** The same, without a word to owners. */
  void requireAllOpen() {
    for (int i = 0; i < parts; i++) {
      Memory.requireAccess(present[i].view.segment, present[i].name);
    }
  }

  /** Whether memory of any array belongs to this thread alone. */
  boolean isAnyConfined() {
    boolean confined = false;
    for (int i = 0; i < parts; i++) {
      confined |= Memory.isConfined(present[i].view.segment);
    }
    return confined;
  }

  /** Becomes those of another call, whose thread waits until they are released. */
  void followArrays(CallArrays other, int groupCount) {
    dimensions.follow(other.dimensions);
    onHeap = other.onHeap;
    unusual = other.unusual;
    targetCount = other.targetCount;
    topCount = other.topCount;
    promptCount = other.promptCount;
    outputCount = other.outputCount;
    features = other.features;
    firstClass = other.firstClass;
    allClasses = other.allClasses;
    for (int i = 0; i < other.parts; i++) {
      present[i] = all[other.present[i].index];
      parts = i + 1; // released even where memory of this one cannot be followed
      present[i].follow(other.present[i], groupCount);
    }
  }

  /** Until here no memory of the arrays may be freed because nobody refers to it. */
  void keepReachable() {
    for (int i = 0; i < parts; i++) {
      View view = present[i].view;
      Reference.reachabilityFence(view.owner);
      Reference.reachabilityFence(view.segment);
    }
  }

  /** Lets go of all of them. */
  void releaseArrays() {
    keepReachable();
    for (int i = 0; i < parts; i++) {
      present[i].release();
    }
    parts = 0;
    signature = 0;
  }
}

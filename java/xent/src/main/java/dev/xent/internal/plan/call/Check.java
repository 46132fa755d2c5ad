// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.errors.DTypeException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Form;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.Dimensions;
import dev.xent.internal.plan.arrays.Layout;
import dev.xent.internal.plan.arrays.Layout.Kind;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.RowOffsets;
import dev.xent.internal.plan.arrays.Strides;
import dev.xent.internal.plan.arrays.Types;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.options.TargetKind;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The checks of a call: types, shapes, memory and overlap, by the table of its function. An
 * operation takes the leading array first, then the others, inputs before outputs; what the call
 * may be repeated with is then in {@link Checked}. One call at a time uses it.
 */
public final class Check {
  /** The maximum number of classes that can be selected per row. */
  private static final int MOST_SELECTED = 256;

  private static final @Nullable View[] NO_VIEWS = {};

  private final Site site;
  private Operation operation;
  private Function function;
  private int mask;
  private @Nullable View[] views = NO_VIEWS;

  /** What the call is checked into. */
  public Checked call;

  public Dimensions dimensions;

  private View lead;
  private String leadName = "";

  /** Whether all floating-point types can be combined. */
  private boolean anyFloats;

  /** Whether all arrays are contiguous and not repeated. */
  private boolean contiguous;

  /** Copies of row offsets, which no other thread can change between their check and their use. */
  private final CallMemory offsets = new CallMemory(true);

  Check(Site site) {
    this.site = site;
  }

  /**
   * Checks a call.
   *
   * @param newMask the places of the function that the call has arrays for
   * @param newViews the arrays, in the order of the function
   */
  void run(Operation by, Checked into, int newMask, @Nullable View[] newViews) {
    operation = by;
    function = by.function;
    call = into;
    dimensions = into.dimensions;
    mask = newMask;
    views = newViews;
    anyFloats = false;
    contiguous = true;
    into.begin(newMask);
    try {
      by.take(this);
      requireWritable();
      describe();
      into.end(by, newMask, views);
    } finally {
      views = NO_VIEWS;
      lead = null;
    }
  }

  // ---- what an operation asks ------------------------------------------------------------------

  /** The view of an array; null if the call does not have it. */
  public @Nullable View view(Array id) {
    int place = function.place(id);
    return place < 0 || (mask >> place & 1) == 0
        ? null
        : views[Integer.bitCount(mask & (1 << place) - 1)];
  }

  /** Whether the caller passes an array. */
  public boolean has(Array id) {
    return view(id) != null;
  }

  /** Whether a call requests an array, of the caller or in memory of the library. */
  public boolean requests(Array id) {
    int place = function.place(id);
    return place >= 0 && (mask >> place & 1) != 0;
  }

  /** The outputs that a call requests, as bits. */
  public long requestedOutputs() {
    long requested = 0;
    for (int left = mask; left != 0; left &= left - 1) {
      Rule rule = function.rules[Integer.numberOfTrailingZeros(left)];
      requested |= rule.written ? ArrayViews.bit(rule.array) : 0;
    }
    return requested;
  }

  /** Memory of the library for the results of the call. */
  Site site() {
    return site;
  }

  public View lead() {
    return lead;
  }

  /** Whether all arrays that were taken are contiguous and not repeated. */
  public boolean isContiguous() {
    return contiguous;
  }

  /** Allows any floating-point type in all arrays that follow. */
  public void allowAnyFloats() {
    anyFloats = true;
  }

  /** Declares that rows cannot be computed from parts. */
  public void needWholeRows() {
    call.needsWholeRows = true;
  }

  // ---- leading arrays --------------------------------------------------------------------------

  /**
   * Takes the first array of the function, which determines the dimensions and the type. Its rows
   * are ragged if the call has offsets.
   */
  public void lead(int classAxis) {
    lead(function.array(0), classAxis);
  }

  /** As above, of another array than the first one. */
  public void lead(Array id, int classAxis) {
    View view = setLead(id);
    if (has(Array.ROW_OFFSETS)) {
      leadRagged(id, view, classAxis);
      return;
    }
    Types.requireLead(leadName, view);
    dimensions.take(leadName, view, classAxis);
    add(id, function.rule(id), view, Kind.CLASSES);
  }

  private View setLead(Array id) {
    lead = view(id);
    leadName = operation.nameOf(id);
    return lead;
  }

  private void leadRagged(Array id, View view, int classAxis) {
    Types.requireLead(leadName, view);
    View rowOffsets = view(Array.ROW_OFFSETS);
    String name = Array.ROW_OFFSETS.text;
    RowOffsets.require(name, rowOffsets, leadName, view);
    Strides.axis(classAxis, view.shape);
    MemorySegment copy = copyOf(rowOffsets, name);
    long longest = RowOffsets.longest(name, rowOffsets, copy, leadName, view);
    RowOffsets.requireCountable(name, rowOffsets, longest);
    dimensions.takeRagged(rowOffsets.elements - 1, longest);
    add(id, function.rule(id), view, Kind.CLASSES);
    add(Array.ROW_OFFSETS, Rule.ROW_OFFSETS, rowOffsets, Kind.OFFSETS);
    call.rowOffsets = copy;
  }

  private MemorySegment copyOf(View view, String name) {
    MemorySegment copy = offsets.reserve(view.bytes, false);
    try {
      MemorySegment.copy(view.segment, 0, copy, 0, view.bytes);
    } catch (IllegalStateException | WrongThreadException e) {
      Memory.requireAccess(view.segment, name); // it was closed meanwhile
      throw e;
    }
    return copy;
  }

  /** Frees memory that only the current call uses. */
  void endCall() {
    offsets.endCall();
  }

  /** Takes the leading array of a call in which every element is a row. */
  public void leadElements(int classAxis) {
    Array id = function.array(0);
    View view = setLead(id);
    Types.requireLead(leadName, view);
    dimensions.takeElements(view, classAxis);
    add(id, function.rule(id), view, Kind.CLASSES);
  }

  /**
   * Takes hidden states, which determine the type, and the weights of classes. The other arrays
   * must fit the shape of the logits that are computed from them.
   */
  public void leadLinear(int featureAxis) {
    View states = setLead(Array.HIDDEN);
    View weightsOfClasses = view(Array.WEIGHTS);
    String floats = "a tensor of type " + Types.allowed(ElementType.F32);
    Types.require(Types.fits(states.type, ElementType.F32), "hidden", states, floats);
    Types.require(
        Types.fits(weightsOfClasses.type, ElementType.F32), "weights", weightsOfClasses, floats);
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
    call.shape.features = count;
    add(Array.HIDDEN, Rule.HIDDEN, states, Kind.ENTRIES);
    add(Array.WEIGHTS, Rule.WEIGHTS, weightsOfClasses, Kind.CLASS_ROWS);
  }

  /**
   * Declares that the leading array has a range of classes that begins and ends at chunk
   * boundaries.
   */
  public void shard(long first, long all) {
    if (first < 0 || first % Chunks.SIZE != 0) {
      throw new ShapeException("firstClass", Long.toString(first), "a multiple of " + Chunks.SIZE);
    }
    long classes = dimensions.classes;
    boolean inside = classes <= all && first <= all - classes;
    if (!inside || (classes % Chunks.SIZE != 0 && first + classes != all)) {
      throw new ShapeException(
          message(
              "%s is %s, with %s from %d on of %d: end a shard at a multiple of %d or with the row",
              leadName(), leadText(), plural(classes, "class"), first, all, Chunks.SIZE));
    }
    call.shape.firstClass = first;
    call.shape.allClasses = all;
  }

  // ---- other arrays ----------------------------------------------------------------------------

  /** Takes all arrays that the call reads and does not have yet, in the order of the function. */
  public void inputs() {
    takeAll(false);
  }

  /** Takes all arrays that the call writes, in the order of the function. */
  public void outputs() {
    takeAll(true);
  }

  private void takeAll(boolean written) {
    int argument = 0;
    for (int left = mask; left != 0; left &= left - 1, argument++) {
      View view = views[argument];
      Rule rule = function.rules[Integer.numberOfTrailingZeros(left)];
      if (view != null && rule.written == written && !call.has(rule.array)) {
        take(rule, view, argument);
      }
    }
  }

  /** Takes an array of the call, which must fit the leading array as its rule requires. */
  private void take(Rule rule, View view, int argument) {
    Layout array = layout(rule.array);
    if (rule.form == Form.RECORDS) { // memory of the library, without a layout
      array.take(view, rule, Kind.ENTRIES, dimensions.rank, 0);
      array.argument = argument;
      array.own = null;
      return;
    }
    requireType(array, rule, view);
    add(array, rule, view, requireShape(array, rule, view), argument);
  }

  private Layout layout(Array id) {
    Layout array = call.layout(id);
    if (array.name.isEmpty()) {
      array.name = operation.nameOf(id);
    }
    return array;
  }

  private void add(Array id, Rule rule, View view, Kind kind) {
    add(layout(id), rule, view, kind, Integer.bitCount(mask & (1 << function.place(id)) - 1));
  }

  private void add(Layout array, Rule rule, View view, Kind kind, int argument) {
    if (!view.everOpen) {
      Memory.requireAccess(view.segment, array.name); // after its owner
    }
    array.take(view, rule, kind, dimensions.rank, kind == Kind.ALONG ? dimensions.along : 0);
    array.argument = argument;
    array.own = null;
    call.add(array);
    // The kernels get a copy of offsets, so those on the heap do not count.
    call.onHeap |= view.heap && kind != Kind.OFFSETS;
    contiguous &= dimensions.ragged || array.isDense(dimensions, view.contiguous);
  }

  /** Adds memory of the library as an array that fits. */
  public void lend(Array id, Rule rule, View view, Kind kind) {
    Layout array = layout(id);
    array.take(view, rule, kind, dimensions.rank, 0);
    array.argument = -1;
    array.own = view;
    call.add(array);
    contiguous &= view.contiguous;
  }

  // ---- targets ---------------------------------------------------------------------------------

  /**
   * Takes the targets: class indices per row, probabilities per row and class, or several classes
   * per row with weights. Rejects options that targets of this kind do not support.
   */
  public TargetKind targets(Options options) {
    View view = view(Array.TARGETS);
    TargetKind kind;
    if (has(Array.TARGET_WEIGHTS)) {
      sparseTargets(view, view(Array.TARGET_WEIGHTS));
      kind = TargetKind.SPARSE;
    } else {
      kind = denseTargets() ? TargetKind.LABELS : TargetKind.PROBABILITIES;
    }
    options.requireFor(kind, view);
    call.needsWholeRows |= options.clampsTerms(kind);
    call.kind = kind;
    return kind;
  }

  /**
   * Takes targets that are class indices or probabilities.
   *
   * @return whether they are class indices
   */
  public boolean denseTargets() {
    View view = view(Array.TARGETS);
    Layout targets = layout(Array.TARGETS);
    if (view.type.isInteger()) {
      requireRowShape(targets, view, false);
      add(Array.TARGETS, Rule.TARGETS, view, Kind.ROWS);
      return true;
    }
    if (!Types.fits(view.type, lead.type)) {
      throw new DTypeException(
          message(
              "targets is %s, %s is %s; expected class indices (I8 to I64, U8 to U64) or probability rows of type %s",
              view, leadName, lead, Types.allowed(lead.type)));
    }
    if (!hasLeadShape(view)) {
      throw new ShapeException(
          message(
              "targets is %s, %s is %s; expected probability rows of the same shape, or class indices of an integer type",
              view, leadName(), leadText()));
    }
    add(Array.TARGETS, Rule.TARGETS, view, Kind.CLASSES);
    return false;
  }

  private void sparseTargets(View classNumbers, View weights) {
    if (!classNumbers.type.isInteger()) {
      throw new DTypeException(
          message(
              "targets is %s, and targetWeights are set; expected the classes of each row as I8 to I64 or U8 to U64",
              classNumbers));
    }
    requireType(layout(Array.TARGET_WEIGHTS), Rule.TARGET_WEIGHTS, weights);
    requireEntries(layout(Array.TARGETS), classNumbers, 0);
    call.shape.targetCount = classNumbers.shape[dimensions.axis];
    if (call.shape.targetCount == 0) {
      throw new ShapeException(
          message(
              "targets is %s; expected at least one class in each row, of weight 0 for rows without a target",
              classNumbers));
    }
    if (!Arrays.equals(weights.shape, classNumbers.shape)) {
      throw new ShapeException(
          message(
              "targetWeights is %s, targets is %s; expected a weight for each class of a row",
              weights, classNumbers));
    }
    add(Array.TARGETS, Rule.TARGETS, classNumbers, Kind.ENTRIES);
    add(Array.TARGET_WEIGHTS, Rule.TARGET_WEIGHTS, weights, Kind.ENTRIES);
  }

  /** Takes targets in the shape of the leading array: labels 0 and 1, or numbers from 0 to 1. */
  public void elementTargets() {
    View view = view(Array.TARGETS);
    if (!view.type.isInteger() && !Types.fits(view.type, lead.type)) {
      throw new DTypeException(
          message(
              "targets is %s, %s is %s; expected labels 0 and 1 (I8 to I64, U8 to U64) or numbers from 0 to 1 of type %s",
              view, leadName, lead, Types.allowed(lead.type)));
    }
    requireLeadShape(layout(Array.TARGETS), view);
    add(Array.TARGETS, Rule.ELEMENT_TARGETS, view, Kind.CLASSES);
  }

  /** Takes the selected classes of each row: one, like labels, or several along the class axis. */
  public void selected() {
    View classNumbers = view(Array.TARGETS);
    Types.require(
        classNumbers.type.isInteger(),
        "targets",
        classNumbers,
        "the classes of each row as I8 to I64 or U8 to U64");
    if (dimensions.isRowShape(classNumbers.shape, false)) {
      add(Array.TARGETS, Rule.SELECTED_CLASSES, classNumbers, Kind.ROWS);
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
    call.shape.targetCount = classNumbers.shape[dimensions.axis];
    if (call.shape.targetCount < 1 || call.shape.targetCount > MOST_SELECTED) {
      throw new ShapeException(
          message(
              "targets is %s; expected 1 to %d classes of each row", classNumbers, MOST_SELECTED));
    }
    add(Array.TARGETS, Rule.SELECTED_CLASSES, classNumbers, Kind.ENTRIES);
  }

  // ---- outputs ---------------------------------------------------------------------------------

  /**
   * Rejects outputs that are not writable or that overlap another array of the call. An output may
   * share its memory exactly with an array that its rule allows.
   */
  private void requireWritable() {
    for (int i = 0; i < call.count; i++) {
      Layout array = call.present[i];
      if (array.isWritten()) {
        call.needsWholeRows |= array.needsWholeRows();
        if (array.argument >= 0) {
          requireWritable(array, views[array.argument]);
        }
      }
    }
  }

  private void requireWritable(Layout array, View view) {
    Memory.requireWritable(view, array.name);
    for (int i = 0; i < call.count; i++) {
      Layout other = call.present[i];
      View theirs = other.argument < 0 ? other.own : views[other.argument];
      if (other != array && view.overlaps(theirs)) {
        boolean allowed = array.mayBe(other);
        if (!allowed || !view.isInPlaceOf(theirs)) {
          throw Memory.overlap(array.name, other.name, allowed);
        }
      }
    }
  }

  // ---- the shape -------------------------------------------------------------------------------

  /** Finds the pieces of the arrays, and writes the shape. */
  private void describe() {
    long outer = dimensions.before;
    long inner = dimensions.behind;
    if (dimensions.rows == 0) {
      call.pieces.takeNone();
      return;
    }
    if (dimensions.ragged) {
      for (int i = 0; i < call.count; i++) {
        call.present[i].describeRagged(dimensions);
      }
      outer = dimensions.rows;
      inner = 1;
      call.pieces.takeOne(outer, inner);
    } else if (contiguous) {
      for (int i = 0; i < call.count; i++) {
        call.present[i].describeDense(dimensions);
      }
      call.pieces.takeOne(outer, inner);
    } else {
      outer = call.pieces.find(dimensions, call.present, call.count);
      inner = call.pieces.inner;
    }
    call.shape.outer = outer;
    call.shape.classes = dimensions.classes;
    call.shape.inner = inner;
    for (int i = 0; i < call.count; i++) {
      call.present[i].write(call.shape);
    }
    if (!call.has(Array.LOGITS) && !call.has(Array.OUTPUT)) {
      // Without logits, the type in their layout still selects the arithmetic.
      call.shape.type(Array.LOGITS, lead.type);
    }
  }

  // ---- types and shapes, by the rules of the table ---------------------------------------------

  private void requireType(Layout array, Rule rule, View view) {
    String name = array.name;
    ElementType type = view.type;
    boolean isByte = type.byteSize() == Byte.BYTES;
    switch (rule.holds) {
      case ElementType.NUMBERS -> {
        if (anyFloats) {
          Types.requireLead(name, view);
        } else {
          requireFloat(name, view, "");
        }
      }
      case ElementType.NUMBERS | ElementType.FLAGS -> {
        if (!isByte && !(anyFloats && type.isFloat())) {
          requireFloat(name, view, ", or U8 or I8 as a mask");
        }
      }
      case ElementType.FLAGS -> Types.require(isByte, name, view, "a tensor of type U8 or I8");
      case ElementType.FLAGS | ElementType.WORDS ->
          Types.require(
              isByte || type.holds(ElementType.WORDS),
              name,
              view,
              "a tensor of type U8 or I8, or of type I32 or U32 with a bit for each class");
      case ElementType.CLASS_NUMBERS -> {
        Types.requireIndex(name, view);
        if (type == ElementType.I32 && dimensions.classes - 1 > Integer.MAX_VALUE) {
          throw new DTypeException(
              message(
                  "%s is %s, and there are %d classes; expected a tensor of type I64",
                  name, view, dimensions.classes));
        }
      }
      case ElementType.LABELS ->
          Types.require(type.isInteger(), name, view, "classes as I8 to I64 or U8 to U64");
      default -> throw new AssertionError(rule);
    }
  }

  /** Checks the type of another floating-point array than the leading one. */
  private void requireFloat(String name, View view, String orElse) {
    if (view.type != lead.type && !Types.fits(view.type, lead.type)) {
      throw new DTypeException(
          message(
              "%s is %s, %s is %s; expected %s of type %s%s",
              name, view, leadName, lead, name, Types.allowed(lead.type), orElse));
    }
  }

  /** Rejects shapes that the rule does not allow. Returns the index space of the array. */
  private Kind requireShape(Layout array, Rule rule, View view) {
    switch (rule.form) {
      case PER_CLASS -> {
        if (rule.spread) {
          return dimensions.hasElements() ? spread(array, view) : perClass(array, rule, view);
        }
        requireLeadShape(array, view);
        return Kind.CLASSES;
      }
      case PER_ROW -> {
        requireRowShape(array, view, rule.spread);
        return Kind.ROWS;
      }
      case PER_TOP -> {
        requireTop(array, view);
        return Kind.ENTRIES;
      }
      case PER_TARGET -> {
        if (rule == Rule.BIAS_VALUES) {
          requireShapeOf(array, view, Array.BIAS_TOKENS.text, view(Array.BIAS_TOKENS));
        } else {
          requireEntries(array, view, 0);
          call.shape.targetCount = view.shape[dimensions.axis];
        }
        return Kind.ENTRIES;
      }
      case PER_PROMPT -> {
        requireEntries(array, view, 0);
        call.shape.promptCount = view.shape[dimensions.axis];
        return Kind.ENTRIES;
      }
      case PER_OUTPUT -> {
        requireEntries(array, view, 0);
        call.shape.outputCount = view.shape[dimensions.axis];
        return Kind.ENTRIES;
      }
      case OF_TARGETS -> {
        Layout like = call.array(has(Array.TARGET_WEIGHTS) ? Array.TARGET_WEIGHTS : Array.TARGETS);
        requireShapeOf(array, view, like.name, view(like.id));
        return like.kind();
      }
      case PER_FEATURE -> {
        requireShapeOf(array, view, call.array(Array.HIDDEN).name, view(Array.HIDDEN));
        return Kind.ENTRIES;
      }
      case OF_CLASSES -> {
        requireShapeOf(array, view, call.array(Array.WEIGHTS).name, view(Array.WEIGHTS));
        return Kind.CLASS_ROWS;
      }
      case ONE_ROW -> {
        requireOnePerClass(array, view);
        return Kind.CLASS_VECTOR;
      }
      case PER_WORD, OFFSETS, RECORDS -> throw new AssertionError(rule);
    }
    throw new AssertionError(rule);
  }

  /**
   * Checks an array with one number per class, separate for each row or shared by some or all rows.
   */
  private Kind perClass(Layout array, Rule rule, View view) {
    if (dimensions.ragged) {
      requireLeadShape(array, view);
      return Kind.CLASSES;
    }
    boolean ofBits = rule.isOfBits(view.type);
    long count = ofBits ? Form.words(dimensions.classes) : dimensions.classes;
    if (dimensions.isClassShape(view.shape, count)) {
      return Kind.CLASSES;
    }
    if (view.rank() == 1 && view.shape[0] == count) {
      return Kind.CLASS_VECTOR;
    }
    throw new ShapeException(
        message(
            "%s is %s, %s is %s with %s; expected one %s in its shape, in which any other size may be 1, or in the shape [%d]%s",
            array.name,
            view,
            leadName(),
            leadText(),
            classes(),
            ofBits
                ? "number per 32 classes"
                : (rule.holds & ElementType.FLAGS) != 0 ? "flag per class" : "number per class",
            count,
            ofBits ? "" : axisOfClasses(view)));
  }

  /** Checks an array with one number per element, which may be repeated. */
  private Kind spread(Layout array, View view) {
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
            array.name, view, leadName(), leadText(), dimensions.size(along), along));
  }

  /** Checks an array with one number per class that all rows share. */
  private void requireOnePerClass(Layout array, View view) {
    long classes = dimensions.classes;
    if (view.rank() == 1
        && (view.shape[0] == classes || (dimensions.ragged && view.shape[0] > classes))) {
      return;
    }
    throw new ShapeException(
        message(
            "%s is %s, %s is %s%s; expected a number for each class, in the shape [%d]%s",
            array.name,
            view,
            call.shape.features == 0 ? leadName() : call.array(Array.WEIGHTS).name,
            call.shape.features == 0 ? leadText() : view(Array.WEIGHTS),
            dimensions.ragged || call.shape.features != 0 ? "" : " with " + classes(),
            classes,
            axisOfClasses(view)));
  }

  /**
   * Checks an output for the largest classes of each row; such outputs have the same number of
   * classes.
   */
  private void requireTop(Layout array, View view) {
    requireEntries(array, view, call.shape.topCount);
    long count = view.shape[dimensions.axis];
    if (call.shape.topCount != 0 && count != call.shape.topCount) {
      throw new ShapeException(
          message(
              "%s is %s, topClasses is %s; expected the same shape",
              array.name, view, view(Array.TOP_CLASSES)));
    }
    if (count < 1 || count > dimensions.classes) {
      throw new ShapeException(
          message(
              "%s is %s, %s has %s; expected 1 to %d",
              array.name,
              view,
              leadName(),
              plural(dimensions.classes, "class"),
              dimensions.classes));
    }
    call.shape.topCount = count;
  }

  private void requireLeadShape(Layout array, View view) {
    if (!hasLeadShape(view)) {
      throw otherShape(array, view, leadName(), leadText());
    }
  }

  /**
   * Whether an array has the shape of the leading array, or of the logits that are computed from
   * it.
   */
  private boolean hasLeadShape(View view) {
    return call.shape.features == 0
        ? Arrays.equals(view.shape, lead.shape)
        : dimensions.isShape(view.shape);
  }

  /** The name of the leading array, for an error message. */
  String leadName() {
    return call.shape.features == 0 ? leadName : Array.LOGITS.text;
  }

  /** The type and shape of the leading array, for an error message. */
  String leadText() {
    return call.shape.features == 0
        ? lead.described()
        : message(
            "%s of hidden %s and weights %s",
            dimensions.shapeText(), view(Array.HIDDEN), view(Array.WEIGHTS));
  }

  private static void requireShapeOf(Layout array, View view, String name, View like) {
    if (!Arrays.equals(view.shape, like.shape)) {
      throw otherShape(array, view, name, like);
    }
  }

  private static ShapeException otherShape(Layout array, View view, String name, Object like) {
    return new ShapeException(
        message("%s is %s, %s is %s; expected the same shape", array.name, view, name, like));
  }

  private void requireRowShape(Layout array, View view, boolean repeats) {
    if (dimensions.isRowShape(view.shape, repeats) || (repeats && isSingle(view))) {
      return;
    }
    throw new ShapeException(
        message(
            "%s is %s, %s is %s with %s; expected %s of shape %s%s%s%s",
            array.name,
            view,
            leadName(),
            leadText(),
            dimensions.ragged
                ? plural(dimensions.rows, "row") + " by " + call.array(Array.ROW_OFFSETS).name
                : classes(),
            array.name,
            Arrays.toString(dimensions.rowShape()),
            repeats
                ? dimensions.rowShape().length == 1 ? " or [1]" : ", in which any size may be 1"
                : "",
            otherAxis(view),
            otherUse(array, view)));
  }

  /**
   * A hint at one-hot rows if labels have the shape of the logits, and at a reshape if there is a
   * label for each of several rows that come as one.
   */
  private String otherUse(Layout array, View view) {
    if (array.id == Array.TARGETS && hasLeadShape(view)) {
      return ", or one-hot rows of type " + Types.allowed(lead.type);
    }
    long rows = view.elements;
    if (array.id == Array.TARGETS && dimensions.ragged && view.rank() == 1) {
      return message(", or %s of shape [%d]", call.array(Array.ROW_OFFSETS).name, rows + 1);
    }
    boolean fits = rows > 1 && dimensions.classes % rows == 0 && dimensions.classes > rows;
    return fits
            && array.id == Array.TARGETS
            && view.rank() == 1
            && call.shape.features == 0
            && lead.rank() == 1
        ? message(", or reshape %s to [%d, %d]", leadName(), rows, dimensions.classes / rows)
        : "";
  }

  /** A hint at another class axis if an array has the shape of the rows along it. */
  private String otherAxis(View view) {
    int rank = lead.rank();
    int last = rank < 3 && call.shape.features != 0 ? -1 : rank - 1;
    for (int axis = last; axis >= 0; axis--) {
      if (Arrays.equals(view.shape, Dimensions.without(axis, lead.shape))) {
        return axisHint(axis, rank);
      }
    }
    return "";
  }

  /** A hint at another class axis if an array has a number for each index of it. */
  private String axisOfClasses(View view) {
    for (int axis = lead.rank() - 1; axis >= 0; axis--) {
      if (call.shape.features == 0 && view.rank() == 1 && view.shape[0] == lead.shape[axis]) {
        return dimensions.ragged ? "" : axisHint(axis, lead.rank());
      }
    }
    return "";
  }

  private static String axisHint(int axis, int rank) {
    return ", or build the operation with axis(" + (axis == rank - 1 ? -1 : axis) + ")";
  }

  private String classes() {
    return plural(dimensions.classes, "class") + " along axis " + dimensions.axis;
  }

  private static boolean isSingle(View view) {
    return view.rank() == 1 && view.elements == 1;
  }

  /**
   * Checks an array with several numbers per row.
   *
   * @param count their number; 0: any number
   */
  private void requireEntries(Layout array, View view, long count) {
    if (!dimensions.hasRowsOfEntries(view.shape)) {
      throw new ShapeException(
          message(
              "%s is %s, %s is %s; expected %s of shape %s",
              array.name,
              view,
              leadName(),
              leadText(),
              array.name,
              dimensions.entriesShape(count == 0 ? "k" : Long.toString(count))));
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.DTypeException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.MemoryScopes;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.kernels.ShapeStruct;
import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.CallArray;
import dev.xent.internal.plan.arrays.Dimensions;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.Layout.Kind;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.RowOffsets;
import dev.xent.internal.plan.arrays.Strides;
import dev.xent.internal.plan.arrays.Types;
import dev.xent.internal.plan.arrays.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Arrays;
import java.util.ConcurrentModificationException;
import org.jspecify.annotations.Nullable;

/**
 * The arrays of a call, with the checks of their types, shapes and memory. An operation takes the
 * leading array first; all others must fit its shape and type.
 */
public abstract class CallArrays {
  /** The maximum number of classes that can be selected per row. */
  private static final int MOST_SELECTED = 256;

  /** The arena of the structs. */
  final Arena arena = Arena.ofAuto();

  /** The xent_shape in which the arrays have their layouts. */
  final MemorySegment shape = ShapeStruct.allocate(arena);

  /** Replaces the logits as the leading array when no kernel reads it; not part of the struct. */
  public final CallArray logProbabilities;

  /** An output that no kernel writes; not part of the struct. */
  public final CallArray topProbabilities;

  /** The arrays of the core in its order, then the two arrays that no kernel takes. */
  final CallArray[] all;

  /**
   * The arrays of this call in the order in which they were taken; the elements after them are
   * leftovers of earlier calls.
   */
  public final CallArray[] present;

  public int presentCount;

  /** The usual arrays of this call and their types. */
  long signature;

  /** Whether the call has arrays that most calls do not have. */
  public boolean unusual;

  /** Whether rows cannot be computed from parts: an output or an option needs whole rows. */
  public boolean needsWholeRows;

  /** Whether all floating-point types can be combined. */
  boolean anyFloats;

  /** Whether any array is in a Java array. */
  public boolean onHeap;

  /** Whether all arrays are contiguous and not repeated. */
  boolean contiguous;

  /** The number of classes in each row of sparse targets; 0 for other targets. */
  public long targetCount;

  /** The number of largest classes that are requested. */
  public long topCount;

  /** The number of previous tokens per row, of the prompt and of the output. */
  public long promptCount;

  public long outputCount;

  /** The number of these tokens that the workspace of the call has from the call before. */
  public long countedTokens;

  /**
   * The number of features of hidden states; 0 if the logits are not computed from hidden states.
   */
  public long features;

  /**
   * In a shard: the first class of its arrays, and the number of classes of the whole row;
   * otherwise 0.
   */
  public long firstClass;

  public long allClasses;

  public final Dimensions dimensions = new Dimensions();
  private final ArrayChecks checks = new ArrayChecks(this);
  public final FewLosses fewLosses = new FewLosses();
  final CallMemory offsetsMemory = new CallMemory(true);

  CallArrays() {
    all = new CallArray[Array.LAYOUTS + 2];
    long size = xent_layout.sizeof();
    for (Array array : Array.values()) {
      int i = array.ordinal();
      if (i < Array.LAYOUTS) {
        MemorySegment layout = shape.asSlice(ShapeStruct.offset(Array.LOGITS) + i * size, size);
        all[i] = new CallArray(i, nameOf(array), array, layout);
      }
    }
    logProbabilities = arrayOfNoKernel(Array.LAYOUTS, "logProbabilities", Array.LOGITS);
    topProbabilities = arrayOfNoKernel(Array.LAYOUTS + 1, "topProbabilities", null);
    present = new CallArray[all.length];
  }

  private static String nameOf(Array array) {
    return array == Array.ELEMENT_WEIGHTS ? "weights" : array.text;
  }

  private CallArray arrayOfNoKernel(int index, String name, @Nullable Array id) {
    all[index] = new CallArray(index, name, id, arena.allocate(xent_layout.layout()));
    return all[index];
  }

  /** An array by its name in the core, with or without a view. */
  public CallArray array(Array id) {
    return all[id.ordinal()];
  }

  /** The view of an array; null if the call does not have it. */
  public @Nullable View view(Array array) {
    return all[array.ordinal()].view;
  }

  public boolean has(Array array) {
    return all[array.ordinal()].view != null;
  }

  /** Whether the call has a class mask that is packed into bits. */
  public boolean hasMaskOfBits() {
    CallArray mask = array(Array.CLASS_MASK);
    return mask.view != null && Rule.MASK_OF_TOKENS.isOfBits(mask.view.type);
  }

  // ---- taking arrays ---------------------------------------------------------------------------

  /** Takes the leading array, which determines the dimensions and the type. */
  public void lead(Rule rule, View view, int classAxis) {
    lead(array(rule.array), rule, view, classAxis);
  }

  private void lead(CallArray array, Rule rule, View view, int classAxis) {
    Types.requireLead(array.name, view);
    dimensions.take(array.name, view, classAxis);
    begin();
    take(array, rule, view, Kind.CLASSES);
  }

  /**
   * Takes hidden states, which determine the type, and the weights of classes. The other arrays
   * must fit the shape of the logits that are computed from them.
   */
  public void leadLinear(View states, int featureAxis, View weightsOfClasses) {
    CallArray hidden = array(Array.HIDDEN);
    CallArray weights = array(Array.WEIGHTS);
    requireFloat32(hidden, states);
    requireFloat32(weights, weightsOfClasses);
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

  private static void requireFloat32(CallArray array, View view) {
    if (!Types.fits(view.type, ElementType.F32)) {
      throw new DTypeException(
          array.name
              + " is "
              + view
              + "; expected a tensor of type "
              + Types.allowed(ElementType.F32));
    }
  }

  /** Takes the leading array of a call in which every element is a row. */
  public void leadElements(Rule rule, View view, int classAxis) {
    CallArray array = array(rule.array);
    Types.requireLead(array.name, view);
    dimensions.takeElements(view, classAxis);
    begin();
    take(array, rule, view, Kind.CLASSES);
  }

  /** Takes targets in the shape of the leading array: labels 0 and 1, or numbers from 0 to 1. */
  public void elementTargets(View view) {
    CallArray targets = array(Array.TARGETS);
    View lead = lead();
    if (!view.type.isInteger() && !Types.fits(view.type, lead.type)) {
      throw new DTypeException(
          message(
              "targets is %s, %s is %s; expected labels 0 and 1 (I8 to I64, U8 to U64) or numbers from 0 to 1 of type %s",
              view, leading().name, lead, Types.allowed(lead.type)));
    }
    checks.requireLeadShape(targets, view);
    take(targets, Rule.ELEMENT_TARGETS, view, Kind.CLASSES);
  }

  /**
   * Takes the first array of a function, and rejects inputs that the function does not have.
   *
   * @param operation its name in error messages
   */
  public void lead(
      Function function, String operation, View view, int classAxis, InputViews inputs) {
    inputs.requireFor(function, operation);
    Rule rule = function.rule(0);
    lead(array(rule.array), rule, view, classAxis, inputs);
  }

  /** Takes the leading array; its rows are ragged if the inputs have offsets. */
  public void lead(CallArray array, Rule rule, View view, int classAxis, InputViews inputs) {
    View offsets = inputs.get(Array.ROW_OFFSETS);
    if (offsets == null) {
      lead(array, rule, view, classAxis);
    } else {
      leadRagged(array, rule, view, classAxis, offsets);
    }
  }

  private void leadRagged(CallArray array, Rule rule, View view, int classAxis, View offsets) {
    Types.requireLead(array.name, view);
    CallArray rowOffsets = array(Array.ROW_OFFSETS);
    RowOffsets.require(rowOffsets.name, offsets, array.name, view);
    Strides.axis(classAxis, view.shape);
    MemorySegment copy = copyOf(offsets, rowOffsets.name);
    long longest = RowOffsets.longest(rowOffsets.name, offsets, copy, array.name, view);
    RowOffsets.requireCountable(rowOffsets.name, offsets, longest);
    dimensions.takeRagged(offsets.elements - 1, longest);
    begin();
    take(array, rule, view, Kind.CLASSES);
    take(rowOffsets, Rule.ROW_OFFSETS, offsets, Kind.OFFSETS);
    rowOffsets.useCopy(copy);
  }

  /**
   * A copy of offsets, which no other thread can change between their check and their use. The
   * segment may be longer; it is valid until the call ends.
   */
  public MemorySegment copyOf(View offsets, String name) {
    MemorySegment copy = offsetsMemory.reserve(offsets.bytes, false);
    try {
      MemorySegment.copy(offsets.segment, 0, copy, 0, offsets.bytes);
    } catch (IllegalStateException | WrongThreadException e) {
      Memory.requireAccess(offsets.segment, name); // it was closed meanwhile
      throw e;
    }
    return copy;
  }

  private void begin() {
    needsWholeRows = false;
    anyFloats = false;
    onHeap = false;
    contiguous = true;
    unusual = false;
    targetCount = 0;
    topCount = 0;
    promptCount = 0;
    outputCount = 0;
    countedTokens = 0;
    features = 0;
    firstClass = 0;
    allClasses = 0;
  }

  /**
   * Allows any floating-point type in all arrays that follow, independent of the type of the
   * leading array.
   */
  public void allowAnyFloats() {
    anyFloats = true;
  }

  public CallArray leading() {
    return present[0];
  }

  public View lead() {
    return present[0].view;
  }

  /** Takes another array, which must fit the leading array as the rule requires. */
  public void take(Rule rule, View view) {
    take(array(rule.array), rule, view);
  }

  /** Takes an optional array. */
  public void takeIfPresent(Rule rule, @Nullable View view) {
    if (view != null) {
      take(rule, view);
    }
  }

  /** Takes all inputs that the function has and that the call does not have yet. */
  public void takeInputs(Function function, InputViews inputs) {
    for (long left = inputs.bits(); left != 0; left &= left - 1) {
      Array array = ArrayViews.first(left);
      Rule rule = function.rule(array);
      if (rule != null && !has(array)) {
        take(rule, inputs.get(array));
      }
    }
  }

  /** Takes all outputs; the function must have them. */
  public void takeOutputs(Function function, ArrayViews outputs) {
    for (long left = outputs.bits(); left != 0; left &= left - 1) {
      Array array = ArrayViews.first(left);
      View view = outputs.get(array);
      if (view == null) {
        throw new ConcurrentModificationException(
            "these outputs were changed during a call: use others for each thread, or let the call return first");
      }
      take(function.rule(array), view);
    }
  }

  /** Takes the probabilities of the largest classes, which no kernel writes. */
  public void takeTopProbabilities(View view) {
    take(topProbabilities, Rule.TOP_LOG_PROBABILITIES, view);
  }

  private void take(CallArray array, Rule rule, View view) {
    checks.requireType(array, rule, view);
    take(array, rule, view, checks.requireShape(array, rule, view));
  }

  /** Takes the token of the only row, in memory of this thread. */
  public void takeOneToken(View view) {
    take(array(Array.TOKENS), Rule.TOKENS, view, Kind.ROWS);
  }

  /**
   * Takes class indices per row, or probabilities per row and class. Returns whether they are class
   * indices.
   */
  public boolean targets(View view) {
    CallArray targets = array(Array.TARGETS);
    if (view.type.isInteger()) {
      checks.requireRowShape(targets, view, false);
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
    if (!checks.hasLeadShape(view)) {
      throw new ShapeException(
          message(
              "targets is %s, %s is %s; expected probability rows of the same shape, or class indices of an integer type",
              view, checks.leadName(), checks.leadText()));
    }
    take(targets, Rule.TARGETS, view, Kind.CLASSES);
    return false;
  }

  /** Takes several classes per row and their weights. */
  void sparseTargets(View classNumbers, View weights) {
    CallArray targets = array(Array.TARGETS);
    if (!classNumbers.type.isInteger()) {
      throw new DTypeException(
          message(
              "targets is %s, and targetWeights are set; expected the classes of each row as I8 to I64 or U8 to U64",
              classNumbers));
    }
    checks.requireType(array(Array.TARGET_WEIGHTS), Rule.TARGET_WEIGHTS, weights);
    checks.requireEntries(targets, classNumbers, 0);
    targetCount = classNumbers.shape[dimensions.axis];
    if (targetCount == 0) {
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
    take(targets, Rule.TARGETS, classNumbers, Kind.ENTRIES);
    take(array(Array.TARGET_WEIGHTS), Rule.TARGET_WEIGHTS, weights, Kind.ENTRIES);
  }

  /** Takes the selected classes of each row: one, like labels, or several along the class axis. */
  public void selected(View classNumbers) {
    CallArray targets = array(Array.TARGETS);
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
              checks.leadName(),
              checks.leadText(),
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

  /** Whether the rows are not ragged, and contiguous one after the other in all arrays. */
  public boolean isOfContiguousRows() {
    return contiguous && !dimensions.ragged && dimensions.behind == 1;
  }

  /**
   * Stores the losses of few rows in memory of this thread, unless they are requested.
   *
   * @param arithmetic F64 if losses are computed in double
   */
  final void keepFewLosses(ElementType arithmetic) {
    if (!has(Array.LOSSES) && contiguous && dimensions.rows <= FewLosses.MOST) {
      take(array(Array.LOSSES), Rule.LOSSES, fewLosses.view(arithmetic), Kind.ROWS);
    }
  }

  /** Whether the losses are in memory of this thread. */
  public boolean hasFewLosses() {
    return fewLosses.has(view(Array.LOSSES));
  }

  private void take(CallArray array, Rule rule, View view, Kind kind) {
    Memory.requireAccess(view, array.name);
    if (kind == Kind.ALONG) {
      array.takeAlong(view, rule, dimensions.along);
    } else {
      array.take(view, rule, kind, dimensions.rank);
    }
    // The kernels get a copy of offsets, so those on the heap do not count.
    onHeap |= view.heap && kind != Kind.OFFSETS;
    if (array.isUnusual()) {
      unusual = true;
      contiguous &= isDense(view, kind);
    } else {
      contiguous &= view.contiguous;
      signature |= array.signature();
    }
    if (present[presentCount] != array) {
      present[presentCount] = array;
    }
    presentCount++;
  }

  /** Whether an array that may be repeated is contiguous and not repeated. */
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

  // ---- outputs ---------------------------------------------------------------------------------

  /**
   * Rejects outputs that are not writable or that overlap another array of the call. An output may
   * share its memory exactly with an array that its rule allows. Sets {@link #needsWholeRows} if an
   * output does. Called after all arrays are taken.
   */
  public void requireWritable() {
    for (int i = 0; i < presentCount; i++) {
      if (present[i].isWritten()) {
        requireWritable(present[i]);
      }
    }
    if (unusual) {
      for (int i = 0; i < presentCount; i++) {
        needsWholeRows |= present[i].needsWholeRows();
      }
    }
  }

  private void requireWritable(CallArray array) {
    View view = array.view;
    Memory.requireWritable(view, array.name);
    for (int i = 0; i < presentCount; i++) {
      CallArray other = present[i];
      if (other != array && view.overlaps(other.view)) {
        boolean allowed = array.mayBe(other);
        if (!allowed || !view.isInPlaceOf(other.view)) {
          throw Memory.overlap(array.name, other.name, allowed);
        }
      }
    }
  }

  // ---- memory of the arrays --------------------------------------------------------------------

  /** Rejects memory that was closed since the call began, without a query of its owner. */
  void requireAllOpen() {
    for (int i = 0; i < presentCount; i++) {
      Memory.requireAccess(present[i].view.segment, present[i].name);
    }
  }

  /** Whether the memory of any array is confined to this thread. */
  boolean isAnyConfined() {
    boolean confined = false;
    for (int i = 0; i < presentCount; i++) {
      confined |= MemoryScopes.isConfined(present[i].view.segment);
    }
    return confined;
  }

  /** Copies the arrays of another thread's call. That thread waits until they are released. */
  void followArrays(CallArrays other, int groupCount) {
    dimensions.follow(other.dimensions);
    needsWholeRows = other.needsWholeRows;
    onHeap = other.onHeap;
    unusual = other.unusual;
    targetCount = other.targetCount;
    topCount = other.topCount;
    promptCount = other.promptCount;
    outputCount = other.outputCount;
    features = other.features;
    firstClass = other.firstClass;
    allClasses = other.allClasses;
    for (int i = 0; i < other.presentCount; i++) {
      present[i] = all[other.present[i].index];
      presentCount = i + 1; // released even if copying this part fails
      present[i].follow(other.present[i], groupCount);
    }
  }

  /** Keeps the memory of all arrays reachable up to this point. */
  void keepReachable() {
    for (int i = 0; i < presentCount; i++) {
      View view = present[i].view;
      Reference.reachabilityFence(view.owner);
      Reference.reachabilityFence(view.segment);
    }
  }

  /** Drops the references to all arrays. */
  void releaseArrays() {
    keepReachable();
    for (int i = 0; i < presentCount; i++) {
      present[i].release();
    }
    presentCount = 0;
    signature = 0;
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.DType;
import dev.xent.errors.DTypeException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.ffi.xent_shape;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.plan.Part.Kind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Arrays;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The arrays of a call: which ones there are, and whether their types, shapes and memory fit. An
 * operation names the leading array first, whose shape and type all others follow.
 */
abstract sealed class CallArrays permits Call {
  /** Classes that can be selected of a row. */
  private static final int MOST_SELECTED = 256;

  final Part logits;

  /** Leads in place of logits where no kernel is called with them: not part of the struct. */
  final Part logProbabilities;

  final Part output;
  final Part gradient;
  final Part upstream;
  final Part targets;
  final Part losses;
  final Part logSumExp;
  final Part hits;

  final Part targetWeights;
  final Part rowOffsets;
  final Part classMask;
  final Part classWeights;
  final Part rowWeights;
  final Part sink;

  /** Of the labels. */
  final Part labelLogProbabilities;

  final Part argmax;
  final Part ranks;
  final Part entropies;
  final Part topClasses;
  final Part topLogProbabilities;

  /** Written by no kernel: not part of the struct. */
  final Part topProbabilities;

  final Part targetGradient;
  final Part teacher;
  final Part elementWeights;
  final Part positiveWeights;

  // Of sampling.
  final Part bias;
  final Part promptTokens;
  final Part outputTokens;
  final Part tokens;
  final Part processedLogProbabilities;
  final Part kept;
  final Part keptMask;

  // Of linear layers.
  final Part hidden;
  final Part weights;
  final Part hiddenGradient;
  final Part weightsGradient;
  final Part biasGradient;

  /** By their index. */
  final Part[] all;

  private final MemorySegment layouts;

  /** Outputs that no part of a row can tell. */
  final Part[] ofWholeRows;

  /** Those that take part, in the order in which they came, and what earlier calls left behind. */
  final Part[] present;

  int parts;

  /** Which of the usual arrays take part, with which types. */
  long signature;

  /** Whether arrays take part that most calls are without. */
  boolean unusual;

  /** Whether all types of floats go together. */
  private boolean anyFloats;

  /** Whether memory of any of them is a Java array. */
  boolean onHeap;

  /** Whether all of them lie in memory without gaps, none repeated. */
  boolean contiguous;

  /** How many classes each row of sparse targets has; 0: the targets are others. */
  long targetCount;

  /** How many of the largest classes were asked for. */
  long topCount;

  /** How many tokens before each row has, of the prompt and of the output. */
  long promptCount;

  long outputCount;

  /** How many features hidden states have; 0: the logits are not made of any. */
  long features;

  /** Of a shard: the class that its arrays begin with, and the number of all; 0: it is no shard. */
  long firstClass;

  long allClasses;

  final Dimensions dimensions = new Dimensions();
  final FewLosses fewLosses = new FewLosses();
  final OffsetsCopy offsetsCopy = new OffsetsCopy();

  CallArrays(Arena arena, MemorySegment shape) {
    all = new Part[Array.LAYOUTS + 2];
    layouts = shape;
    logits = part(Array.LOGITS);
    output = part(Array.OUTPUT);
    gradient = part(Array.GRADIENT);
    upstream = part(Array.UPSTREAM);
    targets = part(Array.TARGETS);
    losses = part(Array.LOSSES);
    logSumExp = part(Array.LOG_SUM_EXP);
    hits = part(Array.HITS).ofFlags();
    targetWeights = part(Array.TARGET_WEIGHTS);
    rowOffsets = part(Array.ROW_OFFSETS);
    classMask = part(Array.CLASS_MASK).ofFlags();
    classWeights = part(Array.CLASS_WEIGHTS);
    rowWeights = part(Array.ROW_WEIGHTS).ofFlags();
    sink = part(Array.SINK);
    labelLogProbabilities = part(Array.LOG_PROBABILITIES);
    argmax = part(Array.ARGMAX);
    ranks = part(Array.RANKS);
    entropies = part(Array.ENTROPIES);
    topClasses = part(Array.TOP_CLASSES);
    topLogProbabilities = part(Array.TOP_LOG_PROBABILITIES);
    targetGradient = part(Array.TARGET_GRADIENT);
    teacher = part(Array.TEACHER);
    bias = part(Array.BIAS);
    promptTokens = part(Array.PROMPT_TOKENS);
    outputTokens = part(Array.OUTPUT_TOKENS);
    tokens = part(Array.TOKENS);
    processedLogProbabilities = part(Array.PROCESSED_LOG_PROBABILITIES);
    kept = part(Array.KEPT);
    keptMask = part(Array.KEPT_MASK).ofFlags();
    elementWeights = part(Array.ELEMENT_WEIGHTS, "weights").ofFlags();
    positiveWeights = part(Array.POSITIVE_WEIGHTS);
    hidden = part(Array.HIDDEN);
    weights = part(Array.WEIGHTS);
    hiddenGradient = part(Array.HIDDEN_GRADIENT);
    weightsGradient = part(Array.WEIGHTS_GRADIENT);
    biasGradient = part(Array.BIAS_GRADIENT);
    logProbabilities = partOfNoKernel(Part.USUAL_ARRAYS, "logProbabilities", arena);
    topProbabilities = partOfNoKernel(all.length - 1, "topProbabilities", arena);
    present = new Part[all.length];
    ofWholeRows =
        new Part[] {
          labelLogProbabilities,
          argmax,
          ranks,
          entropies,
          topClasses,
          topLogProbabilities,
          topProbabilities,
          targetGradient,
          tokens,
          processedLogProbabilities,
          kept,
          keptMask
        };
  }

  private Part part(Array array) {
    return part(array, array.text);
  }

  private Part part(Array array, String name) {
    int i = array.ordinal();
    long size = xent_layout.sizeof();
    MemorySegment layout = layouts.asSlice(xent_shape.logits$offset() + i * size, size);
    return add(new Part(i < Part.USUAL_ARRAYS ? i : i + 1, name, array, layout));
  }

  private Part partOfNoKernel(int index, String name, Arena arena) {
    return add(new Part(index, name, null, arena.allocate(xent_layout.layout())));
  }

  private Part add(Part part) {
    all[part.index] = part;
    return part;
  }

  // ---- what takes part -------------------------------------------------------------------------

  /** The array whose dimensions and type all others follow. */
  void lead(Part part, View view, int classAxis) {
    Types.requireLead(part.name, Objects.requireNonNull(view, part.name));
    dimensions.take(part.name, view, classAxis);
    begin();
    take(part, view, Kind.CLASSES);
  }

  /**
   * Hidden states, whose type all others follow, and the weights of classes; others follow the
   * shape of the logits that are made of them.
   */
  void leadLinear(View states, int featureAxis, View weightsOfClasses) {
    requireFloat32(hidden, Objects.requireNonNull(states, hidden.name));
    requireFloat32(weights, Objects.requireNonNull(weightsOfClasses, weights.name));
    int axis = Strides.axis(featureAxis, states.shape);
    long count = states.shape[axis];
    if (weightsOfClasses.rank() != 2
        || weightsOfClasses.elements == 0
        || weightsOfClasses.shape[1] != count) {
      throw new ShapeException(
          String.format(
              Locale.ROOT,
              "weights is %s, hidden is %s with features along axis %d: give weights the shape [classes, %s]%s",
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
          String.format(
              Locale.ROOT,
              "hidden is %s, weights is %s, and 64 bits do not count their logits: give fewer rows",
              states,
              weightsOfClasses));
    }
    begin();
    features = count;
    take(hidden, states, Kind.ENTRIES);
    take(weights, weightsOfClasses, Kind.CLASS_ROWS);
  }

  private static void requireFloat32(Part part, View view) {
    if (!Types.fits(view.type, DType.F32)) {
      throw new DTypeException(
          part.name + " is " + view + ": give a tensor of type " + Types.allowed(DType.F32));
    }
  }

  /** What is added to the logits of each class, or its gradient. */
  void ofClasses(Part part, View view) {
    requireFloat(part, view);
    if (view.rank() != 1 || view.shape[0] != dimensions.classes) {
      throw new ShapeException(
          String.format(
              Locale.ROOT,
              "%s is %s, weights is %s: give a number for each class, in the shape [%d]",
              part.name,
              view,
              weights.view,
              dimensions.classes));
    }
    take(part, view, Kind.CLASS_VECTOR);
  }

  /** The gradients of hidden states and of weights have their shapes. */
  void gradientsOfLinear(@Nullable View ofHidden, @Nullable View ofWeights) {
    if (ofHidden != null) {
      requireFloat(hiddenGradient, ofHidden);
      requireShapeOf(hiddenGradient, ofHidden, hidden.name, hidden.view);
      take(hiddenGradient, ofHidden, Kind.ENTRIES);
    }
    if (ofWeights != null) {
      requireFloat(weightsGradient, ofWeights);
      requireShapeOf(weightsGradient, ofWeights, weights.name, weights.view);
      take(weightsGradient, ofWeights, Kind.CLASS_ROWS);
    }
  }

  /** The array whose shape and type all others follow, every element of which is a row. */
  void leadElements(Part part, View view, int classAxis) {
    Types.requireLead(part.name, Objects.requireNonNull(view, part.name));
    dimensions.takeElements(view, classAxis);
    begin();
    take(part, view, Kind.CLASSES);
  }

  /** Labels 0 and 1, or numbers from 0 to 1, in the shape of the leading array. */
  void elementTargets(View view) {
    Objects.requireNonNull(view, targets.name);
    View lead = lead();
    if (!view.type.isInteger() && !Types.fits(view.type, lead.type)) {
      throw new DTypeException(
          String.format(
              Locale.ROOT,
              "targets is %s, %s is %s: give labels 0 and 1 (I8 to I64, U8 to U64) or numbers from 0 to 1 of type %s",
              view,
              leading().name,
              lead,
              Types.allowed(lead.type)));
    }
    requireLeadShape(targets, view);
    take(targets, view, Kind.CLASSES);
  }

  /** Numbers of elements, of which one may hold for many. */
  void spread(Part part, View view) {
    if (part == elementWeights) {
      Types.requireFloatOrFlag(part.name, view, leading().name, lead());
    } else {
      requireFloat(part, view);
    }
    if (dimensions.isSpread(view.shape) || isSingle(view)) {
      take(part, view, Kind.CLASSES);
      return;
    }
    int along = dimensions.along;
    if (view.rank() != 1 || view.shape[0] != dimensions.size(along)) {
      throw new ShapeException(
          String.format(
              Locale.ROOT,
              "%s is %s, %s is %s: give it that shape, in which any size may be 1, or the shape [%d] of its axis %d",
              part.name,
              view,
              leadName(),
              leadText(),
              dimensions.size(along),
              along));
    }
    take(part, view, Kind.ALONG);
  }

  /** The same, of ragged rows. */
  void leadRagged(Part part, View view, int classAxis, View offsets) {
    Types.requireLead(part.name, Objects.requireNonNull(view, part.name));
    RowOffsets.require(rowOffsets.name, offsets, part.name, view);
    Strides.axis(classAxis, view.shape);
    MemorySegment copy = offsetsCopy.of(offsets);
    long longest = RowOffsets.longest(rowOffsets.name, offsets, copy, part.name, view);
    RowOffsets.requireCountable(rowOffsets.name, offsets, longest);
    dimensions.takeRagged(offsets.elements - 1, longest);
    begin();
    take(part, view, Kind.CLASSES);
    take(rowOffsets, offsets, Kind.OFFSETS);
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
  void anyShard(long first, long all) {
    long classes = dimensions.classes;
    if (first < 0 || all > Integer.MAX_VALUE || classes > all || first > all - classes) {
      throw new ShapeException(
          String.format(
              Locale.ROOT,
              "%s is %s, with %s from %d on of %d: give classes of a row that has fewer than 2^31",
              leadName(),
              leadText(),
              Plural.of(classes, "class"),
              first,
              all));
    }
    firstClass = first;
    allClasses = all;
    unusual = true;
  }

  /** The same of classes that begin and end with a chunk. */
  void shard(long first, long all) {
    if (first < 0 || first % Chunks.SIZE != 0) {
      throw new ShapeException(
          String.format(
              Locale.ROOT, "firstClass is %d: give a multiple of %d", first, Chunks.SIZE));
    }
    long classes = dimensions.classes;
    boolean inside = classes <= all && first <= all - classes;
    if (!inside || (classes % Chunks.SIZE != 0 && first + classes != all)) {
      throw new ShapeException(
          String.format(
              Locale.ROOT,
              "%s is %s, with %s from %d on of %d: end a shard at a multiple of %d or with the row",
              leadName(),
              leadText(),
              Plural.of(classes, "class"),
              first,
              all,
              Chunks.SIZE));
    }
    firstClass = first;
    allClasses = all;
    unusual = true;
  }

  /** From now on arrays of floats may have any type of floats, whatever the leading one has. */
  void allowAnyFloats() {
    anyFloats = true;
  }

  /** The array that all others follow. */
  Part leading() {
    return present[0];
  }

  View lead() {
    return present[0].view;
  }

  /** An array of floats of the leading array's shape. */
  void whole(Part part, View view) {
    requireFloat(part, Objects.requireNonNull(view, part.name));
    requireLeadShape(part, view);
    take(part, view, Kind.CLASSES);
  }

  /** An array with one float per row. */
  void perRow(Part part, View view) {
    requireFloat(part, Objects.requireNonNull(view, part.name));
    requireRowShape(part, view, false);
    take(part, view, Kind.ROWS);
  }

  /** A flag per row. */
  void flags(Part part, View view) {
    Types.requireFlag(part.name, view);
    requireRowShape(part, view, false);
    take(part, view, Kind.ROWS);
  }

  /** The number of a class or a rank per row. */
  void indices(Part part, View view) {
    Types.requireClassNumber(part.name, view, dimensions.classes);
    requireRowShape(part, view, false);
    take(part, view, Kind.ROWS);
  }

  /** A weight per row, or a mask. */
  void rowWeights(View view) {
    if (!(anyFloats && view.type.isFloat())) {
      Types.requireFloatOrFlag(rowWeights.name, view, leading().name, lead());
    }
    requireRowShape(rowWeights, view, true);
    take(rowWeights, view, Kind.ROWS);
  }

  /** A logit per row. */
  void sink(View view) {
    requireFloat(sink, view);
    requireRowShape(sink, view, true);
    take(sink, view, Kind.ROWS);
  }

  /** Which classes take part. */
  void classMask(View view) {
    Types.requireFlag(classMask.name, view);
    perClass(classMask, view, "flag");
  }

  /** What is added to the logits. */
  void bias(View view) {
    requireFloat(bias, view);
    perClass(bias, view, "number");
  }

  /** A number per class, of each row or the same for some or for all. */
  private void perClass(Part part, View view, String what) {
    if (dimensions.ragged) {
      requireLeadShape(part, view);
      take(part, view, Kind.CLASSES);
    } else if (dimensions.isClassShape(view.shape)) {
      take(part, view, Kind.CLASSES);
    } else if (view.rank() == 1 && view.shape[0] == dimensions.classes) {
      take(part, view, Kind.CLASS_VECTOR);
    } else {
      throw new ShapeException(
          String.format(
              Locale.ROOT,
              "%s is %s, %s is %s with classes along axis %d: give one %s per class in its shape, in which any other size may be 1, or in the shape [%d]",
              part.name,
              view,
              leadName(),
              leadText(),
              dimensions.axis,
              what,
              dimensions.classes));
    }
  }

  /** A flag per class that is written. */
  void flagPerClass(Part part, View view) {
    Types.requireFlag(part.name, view);
    requireLeadShape(part, view);
    take(part, view, Kind.CLASSES);
  }

  /** Tokens that came before, so many of each row as is returned. */
  long tokensBefore(Part part, View view) {
    Types.requireInteger(part.name, view);
    requireEntries(part, view, 0);
    take(part, view, Kind.ENTRIES);
    return view.shape[dimensions.axis];
  }

  /** The token of the only row, in memory of this thread. */
  void oneToken(View view) {
    take(tokens, view, Kind.ROWS);
  }

  /** The weights of the classes. */
  void classWeights(View view) {
    requireFloat(classWeights, view);
    long classes = dimensions.classes;
    boolean enough = dimensions.ragged ? view.shape[0] >= classes : view.shape[0] == classes;
    if (view.rank() != 1 || !enough) {
      throw new ShapeException(
          String.format(
              Locale.ROOT,
              "classWeights is %s, %s is %s: give a weight for each class, in the shape [%d]",
              view,
              leadName(),
              leadText(),
              classes));
    }
    take(classWeights, view, Kind.CLASS_VECTOR);
  }

  /** Class indices per row, or probabilities per row and class. Returns whether they are labels. */
  boolean targets(View view) {
    Objects.requireNonNull(view, targets.name);
    if (view.type.isInteger()) {
      requireRowShape(targets, view, false);
      take(targets, view, Kind.ROWS);
      return true;
    }
    View lead = lead();
    if (!Types.fits(view.type, lead.type)) {
      throw new DTypeException(
          String.format(
              Locale.ROOT,
              "targets is %s, %s is %s: give class indices (I8 to I64, U8 to U64) or probability rows of type %s",
              view,
              leading().name,
              lead,
              Types.allowed(lead.type)));
    }
    if (!hasLeadShape(view)) {
      throw new ShapeException(
          String.format(
              Locale.ROOT,
              "targets is %s, %s is %s: give probability rows the same shape, or class indices an integer type",
              view,
              leadName(),
              leadText()));
    }
    take(targets, view, Kind.CLASSES);
    return false;
  }

  /** Some classes of each row, and what each of them weighs. */
  void sparseTargets(View classNumbers, View weights) {
    Objects.requireNonNull(classNumbers, targets.name);
    if (!classNumbers.type.isInteger()) {
      throw new DTypeException(
          String.format(
              Locale.ROOT,
              "targets is %s, and targetWeights were given: give the classes of each row as I8 to I64 or U8 to U64",
              classNumbers));
    }
    requireFloat(targetWeights, weights);
    requireEntries(targets, classNumbers, 0);
    targetCount = classNumbers.shape[dimensions.axis];
    if (targetCount == 0) {
      throw new ShapeException(
          String.format(
              Locale.ROOT,
              "targets is %s: give each row at least one class, of weight 0 where it has none",
              classNumbers));
    }
    if (!Arrays.equals(weights.shape, classNumbers.shape)) {
      throw new ShapeException(
          String.format(
              Locale.ROOT,
              "targetWeights is %s, targets is %s: give each class of a row its weight",
              weights,
              classNumbers));
    }
    take(targets, classNumbers, Kind.ENTRIES);
    take(targetWeights, weights, Kind.ENTRIES);
  }

  /** Classes of each row: one, as labels are given, or some along the class axis. */
  void selected(View classNumbers) {
    Objects.requireNonNull(classNumbers, targets.name);
    if (!classNumbers.type.isInteger()) {
      throw new DTypeException(
          String.format(
              Locale.ROOT,
              "targets is %s: give the classes of each row as I8 to I64 or U8 to U64",
              classNumbers));
    }
    if (dimensions.isRowShape(classNumbers.shape, false)) {
      take(targets, classNumbers, Kind.ROWS);
      return;
    }
    if (!dimensions.hasRowsOfEntries(classNumbers.shape)) {
      throw new ShapeException(
          String.format(
              Locale.ROOT,
              "targets is %s, %s is %s: give targets the shape %s, or %s with k classes of each row",
              classNumbers,
              leadName(),
              leadText(),
              Arrays.toString(dimensions.rowShape()),
              dimensions.entriesShape("k")));
    }
    targetCount = classNumbers.shape[dimensions.axis];
    if (targetCount < 1 || targetCount > MOST_SELECTED) {
      throw new ShapeException(
          String.format(
              Locale.ROOT,
              "targets is %s: give 1 to %d classes of each row",
              classNumbers,
              MOST_SELECTED));
    }
    take(targets, classNumbers, Kind.ENTRIES);
  }

  /** A number for each of the selected classes. */
  void ofSelected(Part part, View view) {
    requireFloat(part, Objects.requireNonNull(view, part.name));
    requireShapeOf(part, view, targets.name, targets.view);
    take(part, view, targetCount == 0 ? Kind.ROWS : Kind.ENTRIES);
  }

  /** The gradient of the targets, in their shape. */
  void targetGradient(View view) {
    requireFloat(targetGradient, view);
    Part like = targetCount == 0 ? targets : targetWeights;
    requireShapeOf(targetGradient, view, like.name, like.view);
    take(targetGradient, view, targetCount == 0 ? Kind.CLASSES : Kind.ENTRIES);
  }

  /** The largest classes of each row and what they have, each of which may be absent. */
  void top(
      @Nullable View classNumbers,
      @Nullable View logProbabilitiesOfTop,
      @Nullable View probabilitiesOfTop) {
    if (classNumbers != null) {
      Types.requireClassNumber(topClasses.name, classNumbers, dimensions.classes);
      takeTop(topClasses, classNumbers);
    }
    takeTopFloats(topLogProbabilities, logProbabilitiesOfTop);
    takeTopFloats(topProbabilities, probabilitiesOfTop);
  }

  private void takeTopFloats(Part part, @Nullable View view) {
    if (view != null) {
      requireFloat(part, view);
      takeTop(part, view);
    }
  }

  private void takeTop(Part part, View view) {
    requireEntries(part, view, topCount);
    long count = view.shape[dimensions.axis];
    if (count < 1 || count > dimensions.classes || (topCount != 0 && count != topCount)) {
      throw new ShapeException(
          String.format(
              Locale.ROOT,
              "%s is %s, %s has %s%s: ask for 1 to %d of the largest classes",
              part.name,
              view,
              leadName(),
              Plural.of(dimensions.classes, "class"),
              topCount == 0 ? "" : " and topClasses is " + topClasses.view,
              dimensions.classes));
    }
    topCount = count;
    take(part, view, Kind.ENTRIES);
  }

  /** Whether the targets are class indices. */
  boolean hasLabels() {
    return targetCount == 0 && targets.view.type.isInteger();
  }

  /**
   * Keeps the losses of few rows in memory of this thread, where nobody asked for them or a tally.
   *
   * @param arithmetic F64 where losses are computed in double
   */
  void keepFewLosses(Outputs outputs, DType arithmetic) {
    if (outputs.tally == null
        && losses.view == null
        && contiguous
        && dimensions.rows <= FewLosses.MOST) {
      take(losses, fewLosses.view(arithmetic), Kind.ROWS);
    }
  }

  /** Whether it does. */
  boolean hasFewLosses() {
    return fewLosses.has(losses.view);
  }

  private void take(Part part, View view, Kind kind) {
    Memory.requireAccess(view, part.name);
    if (kind == Kind.ALONG) {
      part.takeAlong(view, dimensions.along);
    } else {
      part.take(view, kind, dimensions.rank);
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
  int given() {
    return unusual ? bit(rowOffsets) | bit(classMask) | bit(classWeights) | bit(rowWeights) : 0;
  }

  private static int bit(Part part) {
    return part.view == null ? 0 : 1 << part.index;
  }

  /** Their names in a message. */
  String names(int given) {
    StringBuilder names = new StringBuilder();
    for (Part part : all) {
      if ((given >> part.index & 1) != 0) {
        names.append(names.isEmpty() ? " with " : ", ").append(part.name);
      }
    }
    return names.toString();
  }

  // ---- types and shapes ------------------------------------------------------------------------

  private void requireFloat(Part part, View view) {
    if (anyFloats) {
      Types.requireLead(part.name, view);
    } else {
      Types.requireFloat(part.name, view, leading().name, lead());
    }
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
    return features == 0 ? leading().name : logits.name;
  }

  /** In a message, behind the name. */
  private String leadText() {
    return features == 0
        ? lead().toString()
        : String.format(
            Locale.ROOT,
            "%s of hidden %s and weights %s",
            dimensions.shapeText(),
            hidden.view,
            weights.view);
  }

  private static void requireShapeOf(Part part, View view, String name, View like) {
    if (!Arrays.equals(view.shape, like.shape)) {
      throw otherShape(part, view, name, like);
    }
  }

  private static ShapeException otherShape(Part part, View view, String name, Object like) {
    return new ShapeException(
        String.format(
            Locale.ROOT,
            "%s is %s, %s is %s: give both the same shape",
            part.name,
            view,
            name,
            like));
  }

  private void requireRowShape(Part part, View view, boolean repeats) {
    if (dimensions.isRowShape(view.shape, repeats) || (repeats && isSingle(view))) {
      return;
    }
    throw new ShapeException(
        String.format(
            Locale.ROOT,
            "%s is %s, %s is %s with %s: give %s the shape %s%s%s%s",
            part.name,
            view,
            leadName(),
            leadText(),
            dimensions.ragged
                ? Plural.of(dimensions.rows, "row")
                : "classes along axis " + dimensions.axis,
            part.name,
            Arrays.toString(dimensions.rowShape()),
            repeats ? ", in which any size may be 1" : "",
            otherAxis(view),
            otherUse(part, view)));
  }

  /** Advice where labels are one-hot rows, and where logits are the rows of a matrix in a line. */
  private String otherUse(Part part, View view) {
    if (part == targets && hasLeadShape(view)) {
      return ", or one-hot rows the type " + Types.allowed(lead().type);
    }
    long rows = view.elements;
    boolean fits = rows > 1 && dimensions.classes % rows == 0 && dimensions.classes > rows;
    return fits && view.rank() == 1 && features == 0 && lead().rank() == 1 && !dimensions.ragged
        ? String.format(
            Locale.ROOT, ", or reshape %s to [%d, %d]", leadName(), rows, dimensions.classes / rows)
        : "";
  }

  /**
   * Advice where an array has the shape of rows along another axis; a matrix is rather mistaken.
   */
  private String otherAxis(View view) {
    View lead = lead();
    int rank = lead.rank();
    for (int axis = rank < 3 ? -1 : rank - 1; axis >= 0; axis--) {
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
          String.format(
              Locale.ROOT,
              "%s is %s, %s is %s: give %s the shape %s",
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
   * Refuses an output that cannot be written or that overlaps another array of the call, other than
   * being exactly one of those named. To be called when all arrays are there.
   */
  void writes(Part part, @Nullable Part inPlace, @Nullable Part orInPlace) {
    View view = part.view;
    Memory.requireWritable(view, part.name);
    for (int i = 0; i < parts; i++) {
      Part other = present[i];
      if (other != part && view.overlaps(other.view)) {
        boolean allowed = other == inPlace || other == orInPlace;
        if (!allowed || !view.isInPlaceOf(other.view)) {
          throw Memory.overlap(part.name, other.name, allowed);
        }
      }
    }
  }

  /** As {@link #writes}, for an output that need not be there. */
  void writesIfPresent(Part part, @Nullable Part inPlace) {
    if (part.view != null) {
      writes(part, inPlace, null);
    }
  }

  // ---- their memory ----------------------------------------------------------------------------

  /** Refuses memory that was closed since the call began. */
  void requireAccessToAll() {
    for (int i = 0; i < parts; i++) {
      Memory.requireAccess(present[i].view, present[i].name);
    }
  }

  /** The same, without a word to lenders. */
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

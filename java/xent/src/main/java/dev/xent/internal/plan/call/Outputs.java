// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.LossOutputs;
import dev.xent.LossSum;
import dev.xent.errors.OptionException;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Records;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.NullChecks;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.options.TargetKind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The results of a loss in addition to its value: the requested tensors, and the numbers of the
 * call.
 */
public final class Outputs extends Extras implements LossOutputs {
  /** The outputs that every loss has. */
  public static final long LOSSES = ArrayViews.bit(Array.LOSSES) | ArrayViews.bit(Array.EXACT_SUM);

  /**
   * Inputs that every call has, that belong to the kind of targets, or that statistics do not
   * depend on.
   */
  private static final Set<Array> WITHOUT_STATISTICS =
      EnumSet.of(
          Array.LOGITS,
          Array.HIDDEN,
          Array.WEIGHTS,
          Array.TARGETS,
          Array.TARGET_WEIGHTS,
          Array.UPSTREAM);

  /**
   * The optional inputs that the statistics of a call depend on, as bits. A backward pass must have
   * the same ones as its forward pass.
   */
  private static final long OF_STATISTICS = statisticsInputs();

  /** The requested tensors. */
  public final ArrayViews views = new ArrayViews();

  boolean countCorrect;
  @Nullable Sums exactSum;

  public double loss = Double.NaN;
  public double sum = Double.NaN;
  public long rows = -1;
  public long validRows = -1;
  public double denominator = Double.NaN;

  /**
   * The sum of the weights of the valid rows; the number of valid rows if the call has no weights.
   */
  public double countedWeight;

  public long correctRows = -1;

  private int requests;

  private @Nullable Arena arena;
  private MemorySegment statistics = MemorySegment.NULL;
  private long savedRows = -1;
  private long savedClasses;
  private @Nullable TargetKind savedKind;
  private boolean savedWide;
  private long savedInputs;
  private @Nullable Options savedOptions;

  @Override
  public String toString() {
    Described text =
        views
            .describe(new Described("LossOutputs"))
            .option("countCorrect", countCorrect, false)
            .option("saveStatistics", arena != null, false)
            .option("lossSum", exactSum != null, false);
    return rows < 0 ? text.toString() : withNumbers(text);
  }

  private String withNumbers(Described text) {
    return text.with("loss", loss)
        .with("sum", sum)
        .with("rows", rows)
        .with("validRows", validRows)
        .with("denominator", denominator)
        .option("correctRows", correctRows, -1L)
        .toString();
  }

  /** The outputs of an argument. */
  public static Outputs of(LossOutputs outputs) {
    return (Outputs) NullChecks.require(outputs, "outputs", "LossOutputs.create()");
  }

  /** The outputs of an argument that a forward pass has filled. */
  public static Outputs saved(LossOutputs saved) {
    return (Outputs) NullChecks.require(saved, "saved", "the outputs of the forward");
  }

  // ---- requests --------------------------------------------------------------------------------

  /** A counter of changes to the requests; a bound call compares only this number. */
  int requests() {
    return requests;
  }

  /** Requests an array; null removes the request. */
  public void set(Array array, @Nullable View view) {
    requests++;
    views.set(array, view);
  }

  public boolean has(Array array) {
    return views.get(array) != null;
  }

  @Override
  public Outputs lossSum(@Nullable LossSum sums) {
    requests++;
    exactSum = (Sums) sums;
    return this;
  }

  @Override
  public Outputs countCorrect(boolean wanted) {
    requests++;
    countCorrect = wanted;
    return this;
  }

  @Override
  public Outputs saveStatistics(@Nullable Arena newArena) {
    requests++;
    if (newArena != arena) {
      arena = newArena;
      statistics = MemorySegment.NULL;
      dropStatistics();
    }
    return this;
  }

  /**
   * Rejects requests that an operation does not compute.
   *
   * @param has the arrays that it computes, as bits
   * @param why the rest of the message, from "and" on
   */
  public void require(long has, String why) {
    long others = asked() & ~has;
    if (others != 0) {
      throw new OptionException(name(ArrayViews.first(others)) + " is requested, " + why);
    }
  }

  /** The requested outputs, as the bits of arrays. */
  public long asked() {
    return views.bits()
        | (countCorrect ? ArrayViews.bit(Array.CORRECT) : 0)
        | (exactSum != null ? ArrayViews.bit(Array.EXACT_SUM) : 0)
        | (arena != null ? ArrayViews.bit(Array.STATISTICS) : 0);
  }

  private String name(Array array) {
    return switch (array) {
      case STATISTICS -> "saveStatistics";
      case EXACT_SUM -> "lossSum";
      case CORRECT -> has(Array.CORRECT) ? array.text : "countCorrect";
      default -> array.text;
    };
  }

  /** The number of correct rows, if the last call counted them. */
  public long countedCorrect() {
    if (correctRows < 0) {
      throw new IllegalStateException(
          "correctRows was not counted; expected countCorrect(true) or correct(tensor) before the"
              + " call");
    }
    return correctRows;
  }

  /** Sets the numbers of a successful call. */
  public void set(
      double newLoss,
      double newSum,
      long newRows,
      long newValidRows,
      double newCountedWeight,
      double newDenominator,
      long newCorrect) {
    loss = newLoss;
    sum = newSum;
    rows = newRows;
    validRows = newValidRows;
    countedWeight = newCountedWeight;
    denominator = newDenominator;
    correctRows = newCorrect;
  }

  /**
   * Memory for correct rows of a shape that are counted but not requested; null if they are not
   * counted.
   *
   * @param axis the class axis
   */
  public @Nullable View ownCorrect(long[] shape, int axis) {
    if (!countCorrect || has(Array.CORRECT)) {
      return null;
    }
    long[] ofRows = shape.clone();
    ofRows[axis] = 1;
    return View.room(ElementType.U8, ofRows);
  }

  // ---- statistics ------------------------------------------------------------------------------

  /**
   * Invalidates the statistics at the start of a forward pass, so that a failed one leaves no
   * statistics.
   */
  public void dropStatistics() {
    savedRows = -1;
  }

  /**
   * Memory for the statistics of {@code rowCount} rows, or NULL if they are not requested. Other
   * threads may use these outputs, and arenas may return any memory, so this method checks exactly
   * the segment that it returns.
   */
  public MemorySegment statisticsFor(long rowCount) {
    Arena from = arena;
    if (from == null) {
      return MemorySegment.NULL;
    }
    MemorySegment memory = statistics;
    if (memory.byteSize() / Records.STATISTICS < rowCount) {
      memory = Memory.allocateRows(from, rowCount, Records.STATISTICS, "statistics");
    }
    Memory.requireAccess(memory, "the memory of saveStatistics");
    return memory;
  }

  /**
   * Records that the statistics of a call are complete.
   *
   * @param memory their memory, which {@link #statisticsFor} returned
   */
  public void saved(Checked call, MemorySegment memory, TargetKind kind, Options options) {
    if (arena == null) {
      return;
    }
    statistics = memory;
    savedRows = call.dimensions.rows;
    savedClasses = call.dimensions.classes;
    savedKind = kind;
    savedWide = call.leadType() == ElementType.F64;
    savedInputs = call.arrays() & OF_STATISTICS;
    savedOptions = options;
  }

  /** Whether statistics are requested. */
  public boolean savesStatistics() {
    return arena != null;
  }

  /**
   * The statistics of a forward pass with the same arguments as this call.
   *
   * @throws OptionException if these outputs do not have such statistics
   */
  public MemorySegment statisticsOf(Checked call, TargetKind kind, Options options) {
    MemorySegment memory = statistics;
    long rows = savedRows; // read once, as another thread may use these outputs
    boolean whole = memory.byteSize() / Records.STATISTICS >= call.dimensions.rows;
    if (rows < 0 || (rows == call.dimensions.rows && !whole)) {
      throw noStatistics();
    }
    boolean wide = call.leadType() == ElementType.F64;
    long inputs = call.arrays() & OF_STATISTICS;
    if (rows != call.dimensions.rows
        || savedClasses != call.dimensions.classes
        || savedKind != kind
        || savedWide != wide
        || savedInputs != inputs
        || !options.hasStatisticsOf(savedOptions, kind)) {
      throw new OptionException(
          message(
              "the outputs hold statistics of %s, backward was called with %s; expected what the"
                  + " forward had",
              described(rows, savedClasses, savedKind, savedWide, names(savedInputs), savedOptions),
              described(
                  call.dimensions.rows,
                  call.dimensions.classes,
                  kind,
                  wide,
                  names(inputs),
                  options)));
    }
    if (!whole) { // another thread uses these outputs
      throw noStatistics();
    }
    Memory.requireAccess(memory, "the memory of saveStatistics");
    return memory;
  }

  private static OptionException noStatistics() {
    return new OptionException(
        "the outputs hold no statistics for backward: request them with saveStatistics(arena)"
            + " before the forward, and let it succeed");
  }

  private static String described(
      long rows, long classes, TargetKind kind, boolean wide, String with, Options options) {
    return message(
        "%s, %s%s and %s%s%s",
        plural(rows, "row"),
        plural(classes, "class"),
        wide ? ", in F64," : "",
        kind.text,
        with,
        options.ofStatistics(kind));
  }

  /** Returns the names of inputs for an error message. */
  private static String names(long inputs) {
    StringBuilder names = new StringBuilder();
    for (long left = inputs; left != 0; left &= left - 1) {
      Array array = ArrayViews.first(left);
      names.append(names.isEmpty() ? " with " : ", ").append(array.text);
    }
    return names.toString();
  }

  /** Returns the inputs that a forward pass and its backward pass both take. */
  private static long statisticsInputs() {
    long inputs = 0;
    for (Function backward : Function.values()) {
      if (backward.name().endsWith("_BACKWARD")) {
        String name = backward.name();
        Function forward = Function.valueOf(name.substring(0, name.lastIndexOf('_')));
        for (Array array : Array.values()) {
          Rule before = forward.rule(array);
          Rule after = backward.rule(array);
          boolean both = before != null && after != null && !before.written && !after.written;
          if (both && array.ordinal() < Array.LAYOUTS && !WITHOUT_STATISTICS.contains(array)) {
            inputs |= ArrayViews.bit(array);
          }
        }
      }
    }
    return inputs;
  }
}

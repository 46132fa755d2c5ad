// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.DType;
import dev.xent.errors.OptionException;
import dev.xent.internal.kernels.Records;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What a loss hands out beside its value: the tensors that were asked for, and its numbers. */
public final class Outputs {
  @Nullable View losses;
  @Nullable View logSumExp;
  @Nullable View hits;
  boolean countCorrect;
  @Nullable Sums tally;
  @Nullable View logProbabilities;
  @Nullable View argmax;
  @Nullable View ranks;
  @Nullable View entropies;
  @Nullable View topClasses;
  @Nullable View topLogProbabilities;
  @Nullable View targetGradient;

  public double loss = Double.NaN;
  public double sum = Double.NaN;
  public long rows = -1;
  public long counted = -1;
  public double denominator = Double.NaN;

  /** The sum of the weights of the rows that count: their number where they have none. */
  double countedWeight;

  public long correct = -1;

  private int requests;
  private @Nullable View ownHits;

  private @Nullable Arena arena;
  private MemorySegment statistics = MemorySegment.NULL;
  private long savedRows = -1;
  private long savedClasses;
  private @Nullable TargetKind savedKind;
  private boolean savedWide;
  private int savedGiven;
  private @Nullable Options savedOptions;

  /** All of them, empty. */
  public Outputs() {}

  @Override
  public String toString() {
    Described text =
        new Described("Outputs")
            .option("losses", losses, null)
            .option("logSumExp", logSumExp, null)
            .option("hits", hits, null)
            .option("countCorrect", countCorrect, false)
            .option("logProbabilities", logProbabilities, null)
            .option("argmax", argmax, null)
            .option("ranks", ranks, null)
            .option("entropies", entropies, null)
            .option("topClasses", topClasses, null)
            .option("topLogProbabilities", topLogProbabilities, null)
            .option("targetGradient", targetGradient, null)
            .option("saveStatistics", arena != null, false)
            .option("tally", tally != null, false);
    return rows < 0 ? text.toString() : withNumbers(text);
  }

  private String withNumbers(Described text) {
    return text.with("loss", loss)
        .with("sum", sum)
        .with("rows", rows)
        .with("counted", counted)
        .with("denominator", denominator)
        .option("correct", correct, -1L)
        .toString();
  }

  // ---- what is asked for -----------------------------------------------------------------------

  /** How often something else was asked for: a call that is kept looks at this number alone. */
  int requests() {
    return requests;
  }

  public void losses(@Nullable View value) {
    requests++;
    losses = value;
  }

  public void logSumExp(@Nullable View value) {
    requests++;
    logSumExp = value;
  }

  public void hits(@Nullable View value) {
    requests++;
    hits = value;
  }

  public void logProbabilities(@Nullable View value) {
    requests++;
    logProbabilities = value;
  }

  public void argmax(@Nullable View value) {
    requests++;
    argmax = value;
  }

  public void ranks(@Nullable View value) {
    requests++;
    ranks = value;
  }

  public void entropies(@Nullable View value) {
    requests++;
    entropies = value;
  }

  public void topClasses(@Nullable View value) {
    requests++;
    topClasses = value;
  }

  public void topLogProbabilities(@Nullable View value) {
    requests++;
    topLogProbabilities = value;
  }

  public void targetGradient(@Nullable View value) {
    requests++;
    targetGradient = value;
  }

  public void tally(@Nullable Sums value) {
    requests++;
    tally = value;
  }

  public void countCorrect(boolean value) {
    requests++;
    countCorrect = value;
  }

  /** Asks for statistics, in memory of this arena; null: no longer. */
  public void saveStatistics(@Nullable Arena newArena) {
    requests++;
    if (newArena != arena) {
      arena = newArena;
      statistics = MemorySegment.NULL;
      dropStatistics();
    }
  }

  /** Whether no tensor, tally or statistics are asked for. */
  boolean wantNumbersAlone() {
    return losses == null
        && logSumExp == null
        && hits == null
        && !countCorrect
        && tally == null
        && logProbabilities == null
        && argmax == null
        && ranks == null
        && entropies == null
        && topClasses == null
        && topLogProbabilities == null
        && targetGradient == null
        && arena == null;
  }

  /** Refuses what only whole rows tell. */
  void requireForShard() {
    requireNone("logProbabilities", logProbabilities);
    requireNone("argmax", argmax);
    requireNone("ranks", ranks);
    requireNone("entropies", entropies);
    requireNone("topClasses", topClasses);
    requireNone("topLogProbabilities", topLogProbabilities);
    requireNone("targetGradient", targetGradient);
    requireNone("saveStatistics", arena);
  }

  private static void requireNone(String name, @Nullable Object asked) {
    if (asked != null) {
      throw new OptionException(
          name
              + " is asked for, and a shard does not have whole rows: ask for losses, logSumExp, hits, countCorrect and tally, or compute the loss of whole rows");
    }
  }

  /** The numbers of a call that succeeded. */
  public void set(
      double newLoss,
      double newSum,
      long newRows,
      long newCounted,
      double newCountedWeight,
      double newDenominator,
      long newCorrect) {
    loss = newLoss;
    sum = newSum;
    rows = newRows;
    counted = newCounted;
    countedWeight = newCountedWeight;
    denominator = newDenominator;
    correct = newCorrect;
  }

  /** Where the hits go: the caller's tensor, memory of this object, or null where nobody asked. */
  @Nullable View hitsFor(Call call) {
    if (hits != null || !countCorrect) {
      return hits;
    }
    View own = ownHits;
    if (own == null || !call.dimensions.isRowShape(own.shape, false)) {
      own = View.room(DType.U8, call.dimensions.rowShape());
      ownHits = own;
    }
    return own;
  }

  // ---- statistics ------------------------------------------------------------------------------

  /** The first thing that a forward does: one that fails leaves none. */
  void dropStatistics() {
    savedRows = -1;
  }

  /**
   * Memory for the statistics of so many rows, or NULL where nobody asked. Other threads may use
   * these outputs, and arenas may return anything: what is checked is what is returned.
   */
  MemorySegment statisticsFor(long rowCount) {
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

  /** The statistics of this call are whole, in the memory that {@link #statisticsFor} gave it. */
  void saved(Call call, TargetKind kind, Options options) {
    if (arena == null) {
      return;
    }
    statistics = call.room.saved;
    savedRows = call.dimensions.rows;
    savedClasses = call.dimensions.classes;
    savedKind = kind;
    savedWide = call.lead().type == DType.F64;
    savedGiven = call.given();
    savedOptions = options;
  }

  /**
   * The statistics of a forward like this call.
   *
   * @throws OptionException when there are none
   */
  MemorySegment statisticsOf(Call call, TargetKind kind, Options options) {
    MemorySegment memory = statistics;
    boolean whole = memory.byteSize() / Records.STATISTICS >= call.dimensions.rows;
    if (savedRows < 0 || (savedRows == call.dimensions.rows && !whole)) {
      throw noStatistics();
    }
    boolean wide = call.lead().type == DType.F64;
    int given = call.given();
    if (savedRows != call.dimensions.rows
        || savedClasses != call.dimensions.classes
        || savedKind != kind
        || savedWide != wide
        || savedGiven != given
        || !options.hasStatisticsOf(savedOptions, kind)) {
      throw new OptionException(
          String.format(
              Locale.ROOT,
              "the outputs hold statistics of %s, backward was given %s: give it what the forward had",
              described(
                  savedRows,
                  savedClasses,
                  savedKind,
                  savedWide,
                  call.names(savedGiven),
                  savedOptions),
              described(
                  call.dimensions.rows,
                  call.dimensions.classes,
                  kind,
                  wide,
                  call.names(given),
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
        "the outputs hold no statistics for backward: ask for them with saveStatistics(arena) before"
            + " the forward, and let it succeed");
  }

  private static String described(
      long rows, long classes, TargetKind kind, boolean wide, String with, Options options) {
    return String.format(
        Locale.ROOT,
        "%s, %s%s and %s%s%s",
        Plural.of(rows, "row"),
        Plural.of(classes, "class"),
        wide ? ", in F64," : "",
        kind.text,
        with,
        options.ofStatistics(kind));
  }
}

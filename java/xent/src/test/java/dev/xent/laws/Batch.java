// SPDX-License-Identifier: Apache-2.0
package dev.xent.laws;

import dev.xent.DType;
import dev.xent.laws.Options.Targets;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.DoubleSupplier;
import java.util.function.IntUnaryOperator;

/** The numbers of a sample, row by row, for any memory layout. Callers must not change them. */
final class Batch {
  private static final DType[] LABEL_TYPES = {DType.I8, DType.I16, DType.I32, DType.I64};

  final Sample sample;
  final int rows;
  double[][] logits;
  double[][] teacher;
  double[][] upstream;
  double[] rowUpstream;
  long[] labels;
  double[][] probabilities;
  long[][] entries;
  double[][] entryWeights;

  /** Whether a class takes part; null: each. */
  boolean[][] mask;

  double[] rowWeights;
  double[] sink;
  double[] classWeights;

  private Batch(Sample sample, int rows) {
    this.sample = sample;
    this.rows = rows;
  }

  // ---- making it -------------------------------------------------------------------------------

  static Batch of(Sample sample) {
    SplittableRandom random = new SplittableRandom(sample.seed());
    Batch batch = new Batch(sample, sample.rows());
    batch.fill(random);
    return batch;
  }

  private void fill(SplittableRandom random) {
    Options options = sample.options();
    Options.Beside beside = options.beside();
    int[] lengths = new int[rows];
    // A row of no classes has no label.
    int least = options.ignores() || options.targets() == Targets.PROBABILITIES ? 0 : 1;
    for (int r = 0; r < rows; r++) {
      int classes = sample.classes();
      lengths[r] = sample.ragged() && r > 0 ? random.nextInt(least, classes + 1) : classes;
    }
    SplittableRandom ofLogits = random.split();
    SplittableRandom ofTargets = random.split();
    SplittableRandom ofInputs = random.split();
    SplittableRandom ofUpstream = random.split();
    DType type = sample.type();
    logits = each(r -> sample.kind().row(ofLogits, type, lengths[r]));
    LogitKind teachers = sample.kind().isTame() ? LogitKind.ORDINARY : sample.kind();
    teacher = each(r -> teachers.row(ofLogits, type, lengths[r]));
    upstream = each(r -> LogitKind.ORDINARY.row(ofUpstream, type, lengths[r]));
    rowUpstream = perRow(() -> ofUpstream.nextInt(9) - 4);
    if (beside.mask() != 0) {
      mask = mask(ofInputs, lengths, least == 0);
    }
    if (beside.rowWeights() != 0) {
      rowWeights =
          perRow(
              () ->
                  beside.rowWeights() == 2
                      ? ofInputs.nextInt(3)
                      : ofInputs.nextInt(4) == 0 ? 0 : Math.scalb(ofInputs.nextInt(99), -5));
    }
    if (beside.sink() != 0) {
      double[] all = perRow(() -> (float) (ofInputs.nextGaussian() * 4));
      sink = beside.sink() == 2 ? perRow(() -> all[0]) : all;
    }
    if (beside.classWeights()) {
      classWeights = new double[sample.classes()];
      Arrays.setAll(
          classWeights, k -> ofInputs.nextInt(6) == 0 ? 0 : (float) ofInputs.nextDouble());
    }
    targets(ofTargets);
  }

  private interface Rows {
    double[] row(int r);
  }

  private double[][] each(Rows row) {
    double[][] all = new double[rows][];
    for (int r = 0; r < rows; r++) {
      all[r] = row.row(r);
    }
    return all;
  }

  private double[] perRow(DoubleSupplier value) {
    double[] all = new double[rows];
    for (int r = 0; r < rows; r++) {
      all[r] = value.getAsDouble();
    }
    return all;
  }

  /** At least one class of a row takes part, unless there may be rows without any. */
  private boolean[][] mask(SplittableRandom random, int[] lengths, boolean any) {
    boolean same = sample.options().beside().mask() == 1 && !sample.ragged();
    boolean[][] all = new boolean[rows][];
    for (int r = 0; r < rows; r++) {
      all[r] = same && r > 0 ? all[0] : new boolean[lengths[r]];
      if (same && r > 0 || lengths[r] == 0) {
        continue;
      }
      boolean none = any && random.nextInt(8) == 0;
      for (int k = 0; k < lengths[r]; k++) {
        all[r][k] = !none && random.nextInt(4) != 0;
      }
      all[r][random.nextInt(lengths[r])] |= !none;
    }
    return all;
  }

  private void targets(SplittableRandom random) {
    boolean ignores = sample.options().ignores();
    labels = new long[rows];
    for (int r = 0; r < rows; r++) {
      boolean ignored = ignores && random.nextInt(5) == 0;
      labels[r] = ignored ? Options.IGNORED : lawfulClass(random, r);
    }
    int k = 1 + random.nextInt(4);
    entries = new long[rows][k];
    entryWeights = new double[rows][k];
    for (int r = 0; r < rows; r++) {
      for (int j = 0; j < k; j++) {
        boolean ignored = ignores && random.nextInt(5) == 0;
        entries[r][j] = ignored ? Options.IGNORED : lawfulClass(random, r);
        entryWeights[r][j] = random.nextInt(6) == 0 ? 0 : (float) random.nextDouble();
      }
    }
    int sort = random.nextInt(3);
    if (sample.options().targets() == Targets.PROBABILITIES) {
      probabilities = each(r -> probabilities(random, sort, logits[r].length));
    }
  }

  private long lawfulClass(SplittableRandom random, int r) {
    int classes = logits[r].length;
    for (int k = classes == 0 ? 0 : random.nextInt(classes), tried = 0; tried < classes; tried++) {
      if (takesPart(r, k)) {
        return k;
      }
      k = (k + 1) % classes;
    }
    return Options.IGNORED;
  }

  /** A distribution, a single class, or numbers of any sign. */
  private static double[] probabilities(SplittableRandom random, int sort, int classes) {
    double[] q = new double[classes];
    if (sort == 1 && classes > 0) {
      q[random.nextInt(classes)] = 1;
      return q;
    }
    for (int k = 0; k < classes; k++) {
      q[k] = (float) (sort == 0 ? random.nextDouble() * 2 / classes : random.nextGaussian());
    }
    return q;
  }

  // ---- facts -----------------------------------------------------------------------------------

  boolean takesPart(int r, int k) {
    return mask == null || mask[r][k];
  }

  /** Whether targets have a number per class. */
  boolean isDense() {
    return sample.options().targets() == Targets.PROBABILITIES;
  }

  int classes(int r) {
    return logits[r].length;
  }

  int[] lengths() {
    return Arrays.stream(logits).mapToInt(row -> row.length).toArray();
  }

  int longest() {
    return Arrays.stream(logits).mapToInt(row -> row.length).max().orElse(sample.classes());
  }

  long elements() {
    return Arrays.stream(logits).mapToLong(row -> row.length).sum();
  }

  /** Whether the loss does not count a row. */
  boolean isIgnored(int r) {
    boolean byLabel = sample.options().isLabels() && labels[r] == Options.IGNORED;
    return byLabel || rowWeights != null && rowWeights[r] == 0;
  }

  DType labelType() {
    DType wished = sample.options().labels();
    boolean fits = longest() <= 1L << Math.min(8 * wished.byteSize(), 40);
    if (wished.isUnsigned() && !sample.options().ignores() && fits) {
      return wished;
    }
    for (DType type : LABEL_TYPES) {
      boolean room = longest() <= 1L << Math.min(8 * type.byteSize() - 1, 40);
      if (room && (wished == type || type == DType.I64)) {
        return type;
      }
    }
    return DType.I64;
  }

  // ---- other batches ---------------------------------------------------------------------------

  /** These rows, in this order, as a matrix. */
  Batch rows(int... indices) {
    Batch other = new Batch(sample.matrix(indices.length, sample.classes()), indices.length);
    other.logits = pick(logits, indices);
    other.teacher = pick(teacher, indices);
    other.upstream = pick(upstream, indices);
    other.rowUpstream = pick(rowUpstream, indices);
    other.labels = Arrays.stream(indices).mapToLong(r -> labels[r]).toArray();
    other.probabilities = pick(probabilities, indices);
    other.entries = pick(entries, indices);
    other.entryWeights = pick(entryWeights, indices);
    other.mask = pick(mask, indices);
    other.rowWeights = pick(rowWeights, indices);
    other.sink = pick(sink, indices);
    other.classWeights = classWeights;
    return other;
  }

  /** One row as a rectangle with its own number of classes. */
  Batch alone(int r) {
    Batch one = rows(r);
    Batch other = one.with(one.sample.matrix(1, classes(r)).rectangular());
    if (classWeights != null) {
      other.classWeights = Arrays.copyOf(classWeights, classes(r));
    }
    return other;
  }

  private static <T> T[] pick(T[] rows, int[] indices) {
    if (rows == null) {
      return null;
    }
    T[] result = Arrays.copyOf(rows, indices.length);
    for (int i = 0; i < indices.length; i++) {
      result[i] = rows[indices[i]];
    }
    return result;
  }

  private static double[] pick(double[] values, int[] indices) {
    return values == null ? null : Arrays.stream(indices).mapToDouble(r -> values[r]).toArray();
  }

  /** The same numbers under another sample: types, options, layouts. */
  Batch with(Sample other) {
    Batch batch = new Batch(other, rows);
    batch.logits = logits;
    batch.teacher = teacher;
    batch.upstream = upstream;
    batch.rowUpstream = rowUpstream;
    batch.labels = labels;
    batch.probabilities = probabilities;
    batch.entries = entries;
    batch.entryWeights = entryWeights;
    batch.mask = mask;
    batch.rowWeights = rowWeights;
    batch.sink = sink;
    batch.classWeights = classWeights;
    return batch;
  }

  Batch copy() {
    return with(sample);
  }

  /**
   * Class k becomes class {@code to(k)} in everything that has one number per class; rows are
   * rectangular.
   */
  Batch classes(IntUnaryOperator to) {
    Batch batch = copy();
    batch.logits = move(logits, to);
    batch.teacher = move(teacher, to);
    batch.upstream = move(upstream, to);
    batch.probabilities = move(probabilities, to);
    batch.classWeights = classWeights == null ? null : move(classWeights, to);
    if (mask != null) {
      batch.mask = new boolean[rows][];
      for (int r = 0; r < rows; r++) {
        batch.mask[r] = new boolean[mask[r].length];
        for (int k = 0; k < mask[r].length; k++) {
          batch.mask[r][to.applyAsInt(k)] = mask[r][k];
        }
      }
    }
    batch.labels = move(labels, to);
    batch.entries = Arrays.stream(entries).map(row -> move(row, to)).toArray(long[][]::new);
    return batch;
  }

  private static long[] move(long[] classes, IntUnaryOperator to) {
    return Arrays.stream(classes)
        .map(k -> k == Options.IGNORED ? k : to.applyAsInt((int) k))
        .toArray();
  }

  private static double[][] move(double[][] values, IntUnaryOperator to) {
    return values == null
        ? null
        : Arrays.stream(values).map(row -> move(row, to)).toArray(double[][]::new);
  }

  private static double[] move(double[] row, IntUnaryOperator to) {
    double[] moved = new double[row.length];
    for (int k = 0; k < row.length; k++) {
      moved[to.applyAsInt(k)] = row[k];
    }
    return moved;
  }

  /** What a number of a place becomes. */
  interface Change {
    double of(int row, int k, double value);
  }

  /** The same with other logits. */
  Batch logits(Change change) {
    Batch batch = copy();
    batch.logits = change(logits, change);
    return batch;
  }

  static double[][] change(double[][] rows, Change change) {
    double[][] result = new double[rows.length][];
    for (int r = 0; r < rows.length; r++) {
      result[r] = new double[rows[r].length];
      for (int k = 0; k < result[r].length; k++) {
        result[r][k] = change.of(r, k, rows[r][k]);
      }
    }
    return result;
  }
}

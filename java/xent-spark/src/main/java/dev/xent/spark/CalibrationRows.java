// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static org.apache.spark.sql.functions.col;

import dev.xent.Tensor;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.function.Function;
import org.apache.spark.api.java.function.Function2;
import org.apache.spark.api.java.function.Function3;
import org.apache.spark.ml.functions;
import org.apache.spark.ml.linalg.VectorUDT;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.DataType;

/**
 * Adds the rows of a dataset to an object of dev.xent.calibration: each partition to a copy of its
 * own, and the copies to each other. Rows without logits or label do not count.
 */
final class CalibrationRows {
  private static final int BLOCK = 1 << 16;

  private final JavaRDD<Row> rows;

  /** A class whose objects rows are added to; between the machines they are bytes. */
  record Kind<T>(
      Reader<T> ofBytes,
      Function3<T, Tensor, Tensor, T> add,
      Function2<T, T, T> merge,
      Function<T, byte[]> toBytes)
      implements Serializable {}

  /** Makes an object of bytes. */
  interface Reader<T> extends Serializable {
    T of(byte[] bytes);
  }

  CalibrationRows(Dataset<?> dataset, String logits, String label) {
    DataType type = dataset.select(col(logits)).schema().apply(0).dataType();
    boolean isVector = type instanceof VectorUDT;
    Column row = isVector ? functions.vector_to_array(col(logits), "float64") : col(logits);
    rows =
        dataset
            .toDF()
            .filter(col(logits).isNotNull().and(col(label).isNotNull()))
            .select(
                row.cast("array<double>"), CrossEntropyEvaluator.label(dataset, label).cast("long"))
            .javaRDD();
  }

  /** Keeps the rows for several passes, until {@link #close}. */
  CalibrationRows keep() {
    rows.cache();
    return this;
  }

  void close() {
    rows.unpersist();
  }

  /** Returns an object with all rows; without rows the given one. */
  <T> T sum(Kind<T> kind, byte[] begin) {
    byte[] sum =
        rows.mapPartitions(partition -> List.of(part(kind, begin, partition)).iterator())
            .treeAggregate(
                begin,
                (left, right) -> merged(kind, left, right),
                (left, right) -> merged(kind, left, right));
    return kind.ofBytes.of(sum);
  }

  private static <T> byte[] merged(Kind<T> kind, byte[] left, byte[] right) throws Exception {
    return kind.toBytes.call(kind.merge.call(kind.ofBytes.of(left), kind.ofBytes.of(right)));
  }

  private static <T> byte[] part(Kind<T> kind, byte[] begin, Iterator<Row> partition)
      throws Exception {
    T to = kind.ofBytes.of(begin);
    List<List<Double>> logits = new ArrayList<>();
    List<Long> labels = new ArrayList<>();
    while (partition.hasNext()) {
      Row row = partition.next();
      List<Double> next = row.getList(0);
      boolean differs = !logits.isEmpty() && logits.getLast().size() != next.size();
      if (differs || (long) logits.size() * next.size() > BLOCK) {
        add(kind, to, logits, labels);
      }
      logits.add(next);
      labels.add(row.getLong(1));
    }
    add(kind, to, logits, labels);
    return kind.toBytes.call(to);
  }

  private static <T> void add(Kind<T> kind, T to, List<List<Double>> logits, List<Long> labels)
      throws Exception {
    if (logits.isEmpty()) {
      return;
    }
    int classes = logits.getFirst().size();
    double[] numbers = new double[logits.size() * classes];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = logits.get(i / classes).get(i % classes);
    }
    long[] indices = labels.stream().mapToLong(Long::longValue).toArray();
    kind.add.call(to, Tensor.of(numbers, indices.length, classes), Tensor.of(indices));
    logits.clear();
    labels.clear();
  }
}

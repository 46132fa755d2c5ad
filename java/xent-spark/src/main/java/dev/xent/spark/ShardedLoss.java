// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static org.apache.spark.sql.functions.array;
import static org.apache.spark.sql.functions.broadcast;
import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.collect_list;
import static org.apache.spark.sql.functions.concat;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.size;
import static org.apache.spark.sql.functions.when;

import dev.xent.errors.OptionException;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.jspecify.annotations.Nullable;

/**
 * Losses, gradients and log-probabilities of rows whose classes are in different partitions. A
 * dataset has one line per shard with the columns
 *
 * <ul>
 *   <li>{@code row}, the identifier of the row, of any type that Spark groups by;
 *   <li>{@code first_class}, the class of its first logit: a multiple of 8192;
 *   <li>{@code logits}, as for {@link XentFunctions};
 *   <li>{@code label}, the correct class, the same in each shard of a row, or null.
 * </ul>
 *
 * {@snippet file="dev/xent/spark/ExamplesTest.java" region="shardedLoss" :
 * ShardedLoss loss = new ShardedLoss(shards, classes);
 * loss.losses(); // row, label, loss
 * loss.total(); // mean, sum, denominator, perplexity, …
 * loss.gradients(); // row, first_class, gradient
 * }
 *
 * <p>Logits stay in place. Spark shuffles 64 bytes per row and 8192 classes, and about 100 bytes
 * per shard. Results have the bits of undivided rows. For rows with a logit beyond 16384, Spark
 * reads the shards a second time; the plan contains that step, and Spark's adaptive execution skips
 * it if there is no such row. Gradients and log-probabilities send the states of all rows to all
 * executors.
 *
 * <p><b>Nulls.</b> If the label is null, the loss of the row and its gradients are null. If the
 * logits or the first class of a shard are null, the loss, the gradients and the log-probabilities
 * of the whole row are null. {@link #total} counts rows without a loss in {@code nulls}. A missing
 * shard, or a shard that occurs twice, is an error.
 *
 * <p>Nothing is computed until you use the results. The session needs the functions, see {@link
 * XentFunctions}. Instances are immutable.
 */
public final class ShardedLoss {
  private static final String ROW = "row";
  private static final String SAME_ROW = "same_row";
  private static final String FIRST_CLASS = "first_class";
  private static final String LOGITS = "logits";
  private static final String LABEL = "label";
  private static final String STATE = "state";
  private static final String STATES = "states";
  private static final String MORE = "more";

  private final Dataset<Row> shards;
  private final long classes;
  private final Map<String, String> options;
  private final Map<String, String> ofStates;

  /**
   * Creates the losses of a dataset.
   *
   * @param classes the number of classes of a row
   * @throws OptionException if it is less than 1
   */
  public ShardedLoss(Dataset<Row> shards, long classes) {
    this(shards, classes, null);
  }

  /**
   * Creates the losses of a dataset, with options.
   *
   * @param options of {@code xent_shard_gradient}, as for {@link XentFunctions}
   * @throws OptionException if {@code classes} is less than 1
   */
  public ShardedLoss(Dataset<Row> shards, long classes, @Nullable Map<String, String> options) {
    this.shards = Objects.requireNonNull(shards, "shards").select(ROW, FIRST_CLASS, LOGITS, LABEL);
    this.options = options == null ? Map.of() : Map.copyOf(options);
    this.ofStates = without(this.options, "type", "classes");
    if (classes < 1) {
      throw new OptionException(
          "classes is " + classes + "; expected the number of all classes, at least 1");
    }
    this.classes = classes;
  }

  private static Map<String, String> without(Map<String, String> options, String... names) {
    return options.entrySet().stream()
        .filter(option -> Stream.of(names).noneMatch(option.getKey()::equalsIgnoreCase))
        .collect(Collectors.toUnmodifiableMap(Map.Entry::getKey, Map.Entry::getValue));
  }

  /** The loss of each row: {@code row, label, loss}. */
  public Dataset<Row> losses() {
    return states(shards)
        .select(
            col(ROW),
            col(LABEL),
            XentFunctions.crossEntropy(col(STATES), col(LABEL), ofLosses()).as("loss"));
  }

  /** The result of {@link XentFunctions#loss} for all rows, in one line. */
  public Dataset<Row> total() {
    return states(shards)
        .agg(XentFunctions.loss(col(STATES), col(LABEL), ofLosses()).as("loss"))
        .select("loss.*");
  }

  /** Only gradients have a denominator. */
  private Map<String, String> ofLosses() {
    return without(ofStates, "denominator");
  }

  /** The gradient of each shard: {@code row, first_class, gradient}. */
  public Dataset<Row> gradients() {
    return ofShards(shards, SqlFunction.SHARD_GRADIENT, "gradient");
  }

  /** The log-probabilities of each shard: {@code row, first_class, log_probabilities}. */
  public Dataset<Row> logProbabilities() {
    Dataset<Row> unlabelled = shards.withColumn(LABEL, lit(null));
    return ofShards(unlabelled, SqlFunction.SHARD_LOG_SOFTMAX, "log_probabilities");
  }

  private Dataset<Row> ofShards(Dataset<Row> of, SqlFunction function, String name) {
    return withStates(of, states(of))
        .select(
            col(ROW),
            col(FIRST_CLASS),
            XentFunctions.call(
                    function,
                    false,
                    options,
                    col(LOGITS),
                    col(LABEL),
                    col(FIRST_CLASS),
                    lit(classes),
                    col(STATES))
                .as(name));
  }

  /** The states of each row, with those of a second round if needed: {@code row, label, states}. */
  private Dataset<Row> states(Dataset<Row> of) {
    Dataset<Row> first = grouped(of.select(col(ROW), col(LABEL), partial().as(STATE)), STATES);
    Dataset<Row> unfinished =
        first.filter(
            XentFunctions.call(
                SqlFunction.NEEDS_SECOND_ROUND, false, ofStates, col(STATES), col(LABEL)));
    Dataset<Row> second =
        grouped(
            withStates(of, unfinished).select(col(ROW), col(LABEL), partial(col(STATES)).as(STATE)),
            MORE);
    return join(first, second.select(ROW, MORE), "left_outer")
        .select(col(ROW), col(LABEL), concat(col(STATES), coalesce(col(MORE), array())).as(STATES));
  }

  /** Groups states by row. Lists omit nulls, so a row with a null shard gets no states. */
  private static Dataset<Row> grouped(Dataset<Row> states, String name) {
    Column list = collect_list(col(STATE));
    return states.groupBy(ROW, LABEL).agg(when(size(list).equalTo(count(lit(1))), list).as(name));
  }

  private static Dataset<Row> withStates(Dataset<Row> shards, Dataset<Row> states) {
    return join(shards, broadcast(states.select(ROW, STATES)), "inner");
  }

  /** Joins lines of the same row. Null is a row identifier like any other value. */
  private static Dataset<Row> join(Dataset<Row> left, Dataset<Row> right, String type) {
    Dataset<Row> renamed = right.withColumnRenamed(ROW, SAME_ROW);
    return left.join(renamed, col(ROW).eqNullSafe(col(SAME_ROW)), type).drop(SAME_ROW);
  }

  private Column partial(Column... states) {
    Column[] columns = new Column[4 + states.length];
    columns[0] = col(LOGITS);
    columns[1] = col(LABEL);
    columns[2] = col(FIRST_CLASS);
    columns[3] = lit(classes);
    System.arraycopy(states, 0, columns, 4, states.length);
    return XentFunctions.call(SqlFunction.PARTIAL_STATES, false, options, columns);
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static dev.xent.spark.Messages.message;
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
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.NullType;
import org.apache.spark.sql.types.NumericType;
import org.jspecify.annotations.Nullable;

/**
 * Losses, gradients and log-probabilities of rows whose classes are in different partitions. A
 * dataset has one line per shard with the columns
 *
 * <ul>
 *   <li>{@code row}, the identifier of the row, of any type that Spark groups by;
 *   <li>{@code first_class}, the class of its first logit: a multiple of 8192;
 *   <li>{@code logits}, as for {@link XentFunctions};
 *   <li>{@code label}, the correct class, the same in each shard of a row, or null;
 *   <li>for {@link #withWeightCol}, a column with the weight of the row.
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
 * <p><b>Nulls.</b> If the label or the weight is null, the loss of the row and its gradients are
 * null. If the logits or the first class of a shard are null, the loss, the gradients and the
 * log-probabilities of the whole row are null. {@link #total} counts rows without a loss in {@code
 * nulls}. A missing shard, or a shard that occurs twice, is an error.
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
  private static final String WEIGHT = "weight";
  private static final String STATE = "state";
  private static final String STATES = "states";
  private static final String MORE = "more";

  private final Dataset<Row> given;
  private final Dataset<Row> shards;
  private final long classes;
  private final Map<String, String> options;
  private final Map<String, String> optionsOfStates;

  /** The columns of a row except its identifier: label and, if there is one, weight. */
  private final List<String> ofRow;

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
    this(
        Objects.requireNonNull(shards, "shards"),
        shards.select(ROW, FIRST_CLASS, LOGITS, LABEL),
        classes,
        options == null ? Map.of() : strings(options),
        List.of(LABEL));
    if (classes < 1) {
      throw new OptionException(
          "classes", Long.toString(classes), "the number of all classes, at least 1");
    }
  }

  private ShardedLoss(
      Dataset<Row> given,
      Dataset<Row> shards,
      long classes,
      Map<String, String> options,
      List<String> ofRow) {
    this.given = given;
    this.shards = shards;
    this.options = options;
    this.optionsOfStates = without(options, "type", "classes");
    this.classes = classes;
    this.ofRow = ofRow;
  }

  /**
   * Returns the losses of rows with weights: each loss and its gradient are multiplied by the
   * weight of the row, and the mean divides by the sum of the weights.
   *
   * @param column of numbers, the same in each shard of a row: finite and 0 or more, or null. A row
   *     of weight 0 is ignored
   * @throws OptionException for a column that has no numbers
   */
  public ShardedLoss withWeightCol(String column) {
    Dataset<Row> weighted =
        given.select(
            col(ROW),
            col(FIRST_CLASS),
            col(LOGITS),
            col(LABEL),
            col(Objects.requireNonNull(column, "column")).as(WEIGHT));
    DataType type = weighted.schema().apply(WEIGHT).dataType();
    if (!(type instanceof NumericType || type instanceof NullType)) {
      throw new OptionException(
          message(
              "column %s has the type %s; expected numbers, the weights of rows",
              column, type.sql()));
    }
    return new ShardedLoss(
        given,
        weighted.withColumn(WEIGHT, col(WEIGHT).cast(DataTypes.DoubleType)),
        classes,
        options,
        List.of(LABEL, WEIGHT));
  }

  /** A copy of a map that Python may have made, whose values are then of any type. */
  private static Map<String, String> strings(Map<?, ?> options) {
    Map<String, String> copy = new HashMap<>();
    options.forEach(
        (name, value) -> {
          if (value == null) {
            throw new OptionException(message("option %s is null; expected a value", name));
          }
          if (!(value instanceof String text)) {
            throw new OptionException(
                message(
                    "option %s is %s of %s; expected a string, '%s'",
                    name, value, value.getClass(), value));
          }
          copy.put(String.valueOf(name), text);
        });
    return Map.copyOf(copy);
  }

  private static Map<String, String> without(Map<String, String> options, String... names) {
    return options.entrySet().stream()
        .filter(option -> Stream.of(names).noneMatch(option.getKey()::equalsIgnoreCase))
        .collect(Collectors.toUnmodifiableMap(Map.Entry::getKey, Map.Entry::getValue));
  }

  /** The loss of each row: {@code row, label, loss}. */
  public Dataset<Row> losses() {
    return states()
        .select(col(ROW), col(LABEL), ofStates(SqlFunction.CROSS_ENTROPY, ofLosses()).as("loss"));
  }

  /** The result of {@link XentFunctions#loss} for all rows, in one line. */
  public Dataset<Row> total() {
    return states().agg(ofStates(SqlFunction.LOSS, ofLosses()).as("loss")).select("loss.*");
  }

  /** Only gradients have a denominator. */
  private Map<String, String> ofLosses() {
    return without(optionsOfStates, "denominator");
  }

  /** The gradient of each shard: {@code row, first_class, gradient}. */
  public Dataset<Row> gradients() {
    return withStates(states())
        .select(
            col(ROW),
            col(FIRST_CLASS),
            ofShard(SqlFunction.SHARD_GRADIENT, col(STATES)).as("gradient"));
  }

  /** The log-probabilities of each shard: {@code row, first_class, log_probabilities}. */
  public Dataset<Row> logProbabilities() {
    ShardedLoss unlabelled =
        new ShardedLoss(
            given, shards.withColumn(LABEL, lit(null)), classes, options, List.of(LABEL));
    return unlabelled
        .withStates(unlabelled.states())
        .select(
            col(ROW),
            col(FIRST_CLASS),
            unlabelled.ofShard(SqlFunction.SHARD_LOG_SOFTMAX, col(STATES)).as("log_probabilities"));
  }

  /** The states of each row, with those of a second round if needed. */
  private Dataset<Row> states() {
    Dataset<Row> first = grouped(shards, STATES);
    Dataset<Row> unfinished =
        first.filter(ofStates(SqlFunction.NEEDS_SECOND_ROUND, optionsOfStates));
    Dataset<Row> second = grouped(withStates(unfinished), MORE, col(STATES));
    List<Column> columns = columnsOfRow();
    columns.add(concat(col(STATES), coalesce(col(MORE), array())).as(STATES));
    return join(first, second.select(ROW, MORE), "left_outer").select(asArray(columns));
  }

  /**
   * The states of shards, grouped by row. Lists omit nulls, so a row with a null shard gets no
   * states.
   *
   * @param states those of the first round, for a second one
   */
  private Dataset<Row> grouped(Dataset<Row> of, String name, Column... states) {
    List<Column> columns = columnsOfRow();
    columns.add(ofShard(SqlFunction.PARTIAL_STATES, states).as(STATE));
    Column list = collect_list(col(STATE));
    return of.select(asArray(columns))
        .groupBy(ROW, ofRow.toArray(String[]::new))
        .agg(when(size(list).equalTo(count(lit(1))), list).as(name));
  }

  private List<Column> columnsOfRow() {
    List<Column> columns = new ArrayList<>(List.of(col(ROW)));
    ofRow.forEach(name -> columns.add(col(name)));
    return columns;
  }

  private Dataset<Row> withStates(Dataset<Row> states) {
    return join(shards, broadcast(states.select(ROW, STATES)), "inner");
  }

  /** Joins lines of the same row. Null is a row identifier like any other value. */
  private static Dataset<Row> join(Dataset<Row> left, Dataset<Row> right, String type) {
    Dataset<Row> renamed = right.withColumnRenamed(ROW, SAME_ROW);
    return left.join(renamed, col(ROW).eqNullSafe(col(SAME_ROW)), type).drop(SAME_ROW);
  }

  /** A function of the states of a row, its label and its weight. */
  private Column ofStates(SqlFunction function, Map<String, String> with) {
    List<Column> columns = new ArrayList<>(List.of(col(STATES)));
    ofRow.forEach(name -> columns.add(col(name)));
    return XentFunctions.call(function, with, asArray(columns));
  }

  /** A function of the logits of a shard, with or without states of the row. */
  private Column ofShard(SqlFunction function, Column... states) {
    List<Column> columns =
        new ArrayList<>(List.of(col(LOGITS), col(LABEL), col(FIRST_CLASS), lit(classes)));
    columns.addAll(List.of(states));
    if (ofRow.contains(WEIGHT)) {
      columns.add(col(WEIGHT));
    }
    return XentFunctions.call(function, options, asArray(columns));
  }

  private static Column[] asArray(List<Column> columns) {
    return columns.toArray(Column[]::new);
  }
}

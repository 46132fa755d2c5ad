// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static scala.jdk.javaapi.CollectionConverters.asJava;
import static scala.jdk.javaapi.CollectionConverters.asScala;

import dev.xent.spark.FunctionOptions.Kind;
import java.util.List;
import java.util.Locale;
import java.util.function.BiFunction;
import org.apache.spark.sql.catalyst.FunctionIdentifier;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.ExpressionInfo;
import scala.collection.immutable.Seq;

/** The functions that SQL gets, each with what {@code DESCRIBE FUNCTION EXTENDED} says of it. */
enum SqlFunction {
  SOFTMAX(
      "array_funcs",
      "_FUNC_(logits[, options]) - Returns the probabilities of a row of logits.",
      """
          * logits - array<float>, array<double>, or binary of the type that option type names
      """,
      """
            > SELECT _FUNC_(array(2F, 1F, 0F));
             [0.66524094,0.24472846,0.09003057]
      """,
      (name, all) -> {
        Arguments arguments = new Arguments(name, all, 1, 1);
        FunctionOptions options = arguments.options(Kind.LOGITS);
        return rows(
            new SoftmaxOperation(name, arguments.logits(options), options, false), arguments);
      }),
  LOG_SOFTMAX(
      "array_funcs",
      "_FUNC_(logits[, options]) - Returns the log-probabilities of a row of logits.",
      """
          * logits - array<float>, array<double>, or binary of the type that option type names
      """,
      """
            > SELECT _FUNC_(array(2F, 1F, 0F));
             [-0.40760595,-1.4076059,-2.407606]
      """,
      (name, all) -> {
        Arguments arguments = new Arguments(name, all, 1, 1);
        FunctionOptions options = arguments.options(Kind.LOGITS);
        return rows(
            new SoftmaxOperation(name, arguments.logits(options), options, true), arguments);
      }),
  TOP_K(
      "array_funcs",
      "_FUNC_(logits, k[, options]) - Returns the k largest classes of a row and their probabilities.",
      """
          * logits - array<float>, array<double>, or binary of the type that option type names
          * k - a constant; option log asks for log-probabilities
      """,
      """
            > SELECT _FUNC_(array(2F, 1F, 0F), 2);
             {"classes":[0,1],"values":[0.66524094,0.24472846]}
      """,
      (name, all) -> {
        Arguments arguments = new Arguments(name, all, 2, 2);
        FunctionOptions options = arguments.options(Kind.TOP);
        return rows(
            new TopKOperation(name, arguments.logits(options), arguments.constant(1), options),
            arguments);
      }),
  CROSS_ENTROPY(
      "math_funcs",
      "_FUNC_(logits, label[, options]) - Returns the loss of a row.",
      """
          * logits - a row of logits, or the partial states of its shards, array<binary>
          * label - the class that is right; option ignoreIndex names one that is none
      """,
      """
            > SELECT _FUNC_(array(2F, 1F, 0F), 0);
             0.40760594606399536
      """,
      (name, all) -> {
        Arguments arguments = new Arguments(name, all, 2, 2);
        return rows(loss(name, arguments), arguments);
      }),
  LOSS(
      "agg_funcs",
      "_FUNC_(logits, label[, options]) - Returns exact mean, sum, denominator, perplexity, accuracy and counts.",
      """
          * logits - rows of logits, or the partial states of their shards, array<binary>
          * label - the class that is right; option ignoreIndex names one that is none
      """,
      """
            > SELECT _FUNC_(x, y).mean FROM VALUES (array(2F, 1F, 0F), 0), (array(0F, 3F, 1F), 1) t(x, y);
             0.28872597217559814
      """,
      (name, all) -> {
        Arguments arguments = new Arguments(name, all, 2, 2);
        LossOperation operation = loss(name, arguments);
        operation.losses(); // refuses options that cannot be while the query is read
        return LossAggregate.of(operation, seq(arguments.columns()));
      }),
  LINEAR_LOSS(
      "agg_funcs",
      "_FUNC_(hidden, label, options) - Returns what xent_loss gives of the logits hidden * weights^T + bias.",
      """
          * hidden - rows of features: array<float>, or binary of the type that option type names
          * label - the class that is right
          * options - as below without classes, and files that every executor has, or names of files sent by --files:
            weights, a .npy of the shape [classes, features], and bias, one of the shape [classes]
      """,
      """
            > SELECT _FUNC_(h, 0, map('weights', 'weights.npy')).mean FROM VALUES (array(1F, 0F, 0.5F, -1F)) t(h);
             0.058641254901885986
      """,
      (name, all) -> {
        Arguments arguments = new Arguments(name, all, 2, 2);
        FunctionOptions options = arguments.options(Kind.LINEAR);
        arguments.requireWhole(1);
        options.linearCrossEntropy(); // refuses options that cannot be while the query is read
        options.requireWeights();
        return LossAggregate.of(
            new LinearOperation(name, arguments.hidden(options), options),
            seq(arguments.columns()));
      }),
  CROSS_ENTROPY_GRADIENT(
      "array_funcs",
      "_FUNC_(logits, label[, options]) - Returns the gradient of the loss of a row.",
      """
          * logits - array<float>, array<double>, or binary of the type that option type names
          * label - the class that is right; option denominator is what a mean divides by
      """,
      """
            > SELECT _FUNC_(array(2F, 1F, 0F), 0);
             [-0.33475903,0.24472846,0.09003057]
      """,
      (name, all) -> {
        Arguments arguments = new Arguments(name, all, 2, 2);
        FunctionOptions options = arguments.options(Kind.GRADIENT);
        arguments.requireWhole(1);
        return rows(new GradientOperation(name, arguments.logits(options), options), arguments);
      }),
  PARTIAL_STATES(
      "misc_funcs",
      "_FUNC_(logits, label, first_class, all_classes[, states][, options]) - Returns what some classes of a row"
          + " contribute.",
      """
          * logits - those of the classes from first_class on, as of xent_softmax
          * label - the class that is right, whichever shard has it; NULL for log-softmax
          * first_class - a multiple of 8192
          * all_classes - how many classes all shards have together
          * states - those of the first round, array<binary>, for a second one
      """,
      """
            > SELECT length(_FUNC_(array(2F, 1F, 0F), 0, 0, 3));
             136
      """,
      (name, all) -> {
        Arguments arguments = new Arguments(name, all, 4, 5);
        return shard(name, arguments, labelled(arguments), true);
      }),
  SHARD_GRADIENT(
      "array_funcs",
      "_FUNC_(logits, label, first_class, all_classes, states[, options]) - Returns the gradient of some classes.",
      """
          * logits, label, first_class, all_classes - as of xent_partial_states
          * states - the states of all shards, array<binary>
      """,
      """
            > SELECT _FUNC_(array(2F, 1F, 0F), 0, 0, 3, array(xent_partial_states(array(2F, 1F, 0F), 0, 0, 3)));
             [-0.33475903,0.24472846,0.09003057]
      """,
      (name, all) -> {
        Arguments arguments = new Arguments(name, all, 5, 5);
        arguments.requireWhole(1);
        return shard(name, arguments, true, false);
      }),
  SHARD_LOG_SOFTMAX(
      "array_funcs",
      "_FUNC_(logits, NULL, first_class, all_classes, states[, options]) - Returns the log-probabilities of some"
          + " classes.",
      """
          * logits, first_class, all_classes - as of xent_partial_states
          * states - the states of all shards, made with the label NULL, array<binary>
      """,
      """
            > SELECT _FUNC_(array(2F, 1F, 0F), NULL, 0, 3, array(xent_partial_states(array(2F, 1F, 0F), NULL, 0, 3)));
             [-0.40760595,-1.4076059,-2.407606]
      """,
      (name, all) -> {
        Arguments arguments = new Arguments(name, all, 5, 5);
        arguments.requireNull(1);
        return shard(name, arguments, false, false);
      }),
  NEEDS_SECOND_ROUND(
      "misc_funcs",
      "_FUNC_(states, label[, options]) - Returns whether a logit is beyond 16384, and states of a second round are"
          + " needed.",
      """
          * states - the states of all shards, array<binary>
          * label - as of xent_partial_states
      """,
      """
            > SELECT _FUNC_(array(xent_partial_states(array(2F, 1F, 0F), 0, 0, 3)), 0);
             false
      """,
      (name, all) -> {
        Arguments arguments = new Arguments(name, all, 2, 2);
        FunctionOptions options = arguments.options(Kind.GRADIENT);
        arguments.requireStates(0);
        boolean labelled = labelled(arguments);
        return rows(new SecondRoundOperation(name, labelled, options), arguments);
      });

  private static final String OPTIONS =
      """
          * options - a constant map of strings: type (of binary: float16, bfloat16, float32, float64), classes,
            temperature, softcap, fullyMasked; of losses also ignoreIndex, labelSmoothing, zLoss, probabilityClamp,
            focalGamma
      """;

  private final String sqlName;
  private final ExpressionInfo info;
  private final BiFunction<String, List<Expression>, Expression> builder;

  SqlFunction(
      String group,
      String usage,
      String arguments,
      String examples,
      BiFunction<String, List<Expression>, Expression> builder) {
    this.sqlName = "xent_" + name().toLowerCase(Locale.ROOT);
    this.info =
        new ExpressionInfo(
            SqlFunction.class.getName(),
            null,
            sqlName,
            usage,
            "\n    Arguments:\n" + arguments.indent(4) + optionsText(),
            "\n    Examples:\n" + examples.indent(2) + "  ",
            "",
            group,
            "0.1.0",
            "",
            "java_udf");
    this.builder = builder;
  }

  private static String optionsText() {
    return OPTIONS.indent(4);
  }

  /** Its name. */
  FunctionIdentifier identifier() {
    return new FunctionIdentifier(sqlName);
  }

  /** What is said of it. */
  ExpressionInfo info() {
    return info;
  }

  /**
   * A call.
   *
   * @param arguments columns and options, resolved
   */
  Expression call(Seq<Expression> arguments) {
    return builder.apply(sqlName, asJava(arguments));
  }

  private static LossOperation loss(String name, Arguments arguments) {
    FunctionOptions options = arguments.options(Kind.LOSS);
    arguments.requireWhole(1);
    return new LossOperation(
        name, arguments.beginWithStates() ? null : arguments.logits(options), options);
  }

  private static boolean labelled(Arguments arguments) {
    boolean labelled = !arguments.isNull(1);
    if (labelled) {
      arguments.requireWhole(1);
    }
    return labelled;
  }

  private static Expression shard(
      String name, Arguments arguments, boolean labelled, boolean states) {
    FunctionOptions options = arguments.options(Kind.GRADIENT);
    arguments.requireWhole(2);
    arguments.requireWhole(3);
    if (arguments.columns().size() > 4) {
      arguments.requireStates(4);
    }
    return rows(
        new ShardOperation(name, arguments.logits(options), labelled, states, options), arguments);
  }

  private static Expression rows(Operation operation, Arguments arguments) {
    operation.start(); // refuses options that cannot be while the query is read
    return RowExpression.of(operation, seq(arguments.columns()));
  }

  private static Seq<Expression> seq(List<Expression> list) {
    return asScala(list).toSeq();
  }
}

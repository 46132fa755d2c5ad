// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static dev.xent.spark.Messages.message;
import static scala.jdk.javaapi.CollectionConverters.asScala;

import dev.xent.errors.OptionException;
import dev.xent.spark.ForwardOperation.Forward;
import dev.xent.spark.FunctionOptions.Kind;
import java.util.List;
import java.util.Locale;
import java.util.function.BiFunction;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.ExpressionInfo;
import scala.Function1;
import scala.collection.immutable.Seq;

/** The SQL functions, each with its text for {@code DESCRIBE FUNCTION EXTENDED}. */
enum SqlFunction {
  SOFTMAX(
      Forward.SOFTMAX,
      Kind.LOGITS,
      "array_funcs",
      "Returns the probabilities of a row of logits.",
      "[0.66524094,0.24472846,0.09003057]"),
  LOG_SOFTMAX(
      Forward.LOG_SOFTMAX,
      Kind.LOGITS,
      "array_funcs",
      "Returns the log-probabilities of a row of logits.",
      "[-0.40760595,-1.4076059,-2.407606]"),
  SIGMOID(
      Forward.SIGMOID,
      Kind.SIGMOID,
      "array_funcs",
      "Returns the sigmoid of each logit of a row.",
      "[0.880797,0.7310586,0.5]"),
  LOG_SIGMOID(
      Forward.LOG_SIGMOID,
      Kind.SIGMOID,
      "array_funcs",
      "Returns the logarithm of the sigmoid of each logit of a row.",
      "[-0.126928,-0.3132617,-0.6931472]"),
  ARGMAX(
      Forward.ARGMAX,
      Kind.NUMBERS,
      "math_funcs",
      "Returns the class of the largest logit of a row: the lowest one among equals, -1 in a row with NaN or +Infinity, or with -Infinity only.",
      "0"),
  ENTROPY(
      Forward.ENTROPY,
      Kind.LOGITS,
      "math_funcs",
      "Returns the entropy of the probabilities of a row.",
      "0.8323955535888672"),
  LOG_SUM_EXP(
      Forward.LOG_SUM_EXP,
      Kind.LOGITS,
      "math_funcs",
      "Returns the log-sum-exp of a row.",
      "2.4076058864593506"),
  TOP_K(
      Kind.TOP,
      "array_funcs",
      Parameter.list(List.of("logits", "k"), "options"),
      "Returns the k largest classes of a row and their probabilities.",
      """
          * logits - array<float>, array<double>, or binary of the type that option type names
          * k - a constant; option log asks for log-probabilities
      """,
      """
            > SELECT _FUNC_(array(2F, 1F, 0F), 2);
             {"classes":[0,1],"values":[0.66524094,0.24472846]}
      """,
      (arguments, options) ->
          rows(
              new TopKOperation(
                  arguments.function(),
                  arguments.logits(options),
                  arguments.positiveConstant(1, "k"),
                  options),
              arguments)),
  CROSS_ENTROPY(
      Kind.LOSS,
      "math_funcs",
      Parameter.list(List.of("logits", "label"), "weight", "options"),
      "Returns the loss of a row.",
      """
          * logits - a row of logits, or the partial states of its shards, array<binary>
          * label - the class that is right, or an array of probabilities; option ignoreIndex names a label to leave out
          * weight - of the row, a number of at least 0; a row of weight 0 is left out
      """,
      """
            > SELECT _FUNC_(array(2F, 1F, 0F), 0);
             0.40760594606399536
      """,
      (arguments, options) -> {
        LossOperation operation = loss(arguments, options);
        arguments.requireWeight();
        return rows(operation, arguments);
      }),
  LOSS(
      Kind.TOTAL,
      "agg_funcs",
      Parameter.list(List.of("logits", "label"), "weight", "options"),
      "Returns exact mean, sum, denominator, perplexity, accuracy and counts.",
      """
          * logits - rows of logits, or the partial states of their shards, array<binary>
          * label - the class that is right, or an array of probabilities; option ignoreIndex names a label to leave out
          * weight - of the row, a number of at least 0; a row of weight 0 is left out
      """,
      """
            > SELECT _FUNC_(x, y).mean FROM VALUES (array(2F, 1F, 0F), 0), (array(0F, 3F, 1F), 1) t(x, y);
             0.28872597217559814
      """,
      (arguments, options) -> {
        LossOperation operation = loss(arguments, options);
        operation.losses(); // checks options while the query is read
        return total(operation, arguments);
      }),
  LINEAR_LOSS(
      Kind.LINEAR,
      "agg_funcs",
      Parameter.list(List.of("hidden", "label"), "weight", "options"),
      "Returns the result of xent_loss for the logits hidden * weights^T + bias.",
      """
          * hidden - rows of features: array<float>, or binary of the type that option type names
          * label - the class that is right
          * weight - of the row, a number of at least 0; a row of weight 0 is left out
          * options weights, bias - .npy files of the shapes [classes, features] and [classes], which every executor
            has, or names of files sent by --files; weights is required
      """,
      """
            > SELECT _FUNC_(h, 0, map('weights', 'weights.npy')).mean FROM VALUES (array(1F, 0F, 0.5F, -1F)) t(h);
             0.058641254901885986
      """,
      (arguments, options) -> {
        arguments.requireWhole(1);
        options.linearCrossEntropy(); // checks options while the query is read
        options.requireWeights();
        options.bias();
        Logits hidden = arguments.floats("hidden states", options);
        return total(
            new LinearOperation(arguments.function(), arguments.tries(), hidden, options),
            arguments);
      }),
  CROSS_ENTROPY_GRADIENT(
      Kind.GRADIENT,
      "array_funcs",
      Parameter.list(List.of("logits", "label"), "weight", "options"),
      "Returns the gradient of the loss of a row.",
      """
          * logits - array<float>, array<double>, or binary of the type that option type names
          * label - the class that is right, or an array of probabilities; option denominator is what a mean divides by
          * weight - of the row, a number of at least 0; a row of weight 0 is left out
      """,
      """
            > SELECT _FUNC_(array(2F, 1F, 0F), 0);
             [-0.33475903,0.24472846,0.09003057]
      """,
      (arguments, options) -> {
        Logits logits = arguments.logits(options);
        Targets targets = arguments.targets(logits, options);
        arguments.requireWeight();
        return rows(
            new GradientOperation(arguments.function(), logits, targets, options), arguments);
      }),
  BINARY_CROSS_ENTROPY(
      Kind.BINARY,
      "math_funcs",
      Parameter.list(List.of("logits", "label"), "weight", "options"),
      "Returns the sum of the binary cross-entropies of the elements of a row.",
      """
          * logits - a number, array<float>, array<double>, or binary of the type that option type names
          * label - 0 or 1, or a probability, for each logit: a number, or an array
          * weight - of the row, a number of at least 0; a row of weight 0 is left out
      """,
      """
            > SELECT _FUNC_(array(2F, 1F, 0F), array(1, 0, 1));
             2.1333369314670563
      """,
      (arguments, options) -> {
        Logits logits = arguments.logitsOrNumber(options);
        Targets targets = arguments.targetOfEach(logits);
        arguments.requireWeight();
        return rows(new BinaryOperation(arguments.function(), logits, targets, options), arguments);
      }),
  SAMPLE(
      Kind.SAMPLE,
      "misc_funcs",
      Parameter.list(List.of("logits", "stream"), "step", "options"),
      "Returns a class of a row, drawn by the probabilities of the classes that the filters keep: -1 if no class is left.",
      """
          * logits - array<float>, or binary of the type that option type names
          * stream - a whole number of the row, such as its id: rows with the same one have the same random bits
          * step - how many tokens came before, a whole number of at least 0; without it 0
      """,
      """
            > SELECT _FUNC_(array(2F, 1F, 0F), 7, map('temperature', '0.5'));
             0
      """,
      (arguments, options) -> {
        Logits logits = arguments.floats("logits", options);
        arguments.requireWhole(1);
        if (arguments.has("step")) {
          arguments.requireWhole(2);
        }
        return rows(new SampleOperation(arguments.function(), logits, options), arguments);
      }),
  PARTIAL_STATES(
      Kind.GRADIENT,
      "misc_funcs",
      Parameter.list(
          List.of("logits", "label", "first_class", "all_classes"), "states", "weight", "options"),
      "Returns the partial state of a shard of a row.",
      """
          * logits - those of the classes from first_class on, as of xent_softmax
          * label - the class that is right, whichever shard has it; NULL for log-softmax
          * first_class - a multiple of 8192
          * all_classes - how many classes all shards have together
          * states - those of the first round, array<binary>, for a second one
          * weight - of the row, a number of at least 0; if it is 0, the label need not be a class
      """,
      """
            > SELECT length(_FUNC_(array(2F, 1F, 0F), 0, 0, 3));
             136
      """,
      (arguments, options) -> shard(arguments, options, labelled(arguments), false)),
  SHARD_GRADIENT(
      Kind.GRADIENT,
      "array_funcs",
      Parameter.list(
          List.of("logits", "label", "first_class", "all_classes", "states"), "weight", "options"),
      "Returns the gradient of some classes.",
      """
          * logits, label, first_class, all_classes - as of xent_partial_states
          * states - the states of all shards, array<binary>
          * weight - of the row, a number of at least 0; a row of weight 0 has the gradient 0
      """,
      """
            > SELECT _FUNC_(array(2F, 1F, 0F), 0, 0, 3, array(xent_partial_states(array(2F, 1F, 0F), 0, 0, 3)));
             [-0.33475903,0.24472846,0.09003057]
      """,
      (arguments, options) -> {
        arguments.requireWhole(1);
        return shard(arguments, options, true, true);
      }),
  SHARD_LOG_SOFTMAX(
      Kind.GRADIENT,
      "array_funcs",
      Parameter.list(List.of("logits", "label", "first_class", "all_classes", "states"), "options"),
      "Returns the log-probabilities of some classes.",
      """
          * logits, first_class, all_classes - as of xent_partial_states
          * label - NULL
          * states - the states of all shards, made with the label NULL, array<binary>
      """,
      """
            > SELECT _FUNC_(array(2F, 1F, 0F), NULL, 0, 3, array(xent_partial_states(array(2F, 1F, 0F), NULL, 0, 3)));
             [-0.40760595,-1.4076059,-2.407606]
      """,
      (arguments, options) -> {
        arguments.requireNull(1);
        return shard(arguments, options, false, true);
      }),
  NEEDS_SECOND_ROUND(
      Kind.GRADIENT,
      "misc_funcs",
      Parameter.list(List.of("states", "label"), "weight", "options"),
      "Returns whether a logit is beyond 16384, and states of a second round are needed.",
      """
          * states - the states of all shards, array<binary>
          * label, weight - as of xent_partial_states
      """,
      """
            > SELECT _FUNC_(array(xent_partial_states(array(2F, 1F, 0F), 0, 0, 3)), 0);
             false
      """,
      (arguments, options) -> {
        arguments.requireStates(0);
        Arguments.requireNoneOfNumbers(options);
        boolean labelled = labelled(arguments);
        arguments.requireWeight();
        return rows(new SecondRoundOperation(arguments.function(), labelled, options), arguments);
      });

  private final Kind kind;
  private final String group;
  private final List<Parameter> parameters;
  private final String returns;
  private final String arguments;
  private final String examples;
  private final BiFunction<Arguments, FunctionOptions, Expression> builder;

  SqlFunction(
      Kind kind,
      String group,
      List<Parameter> parameters,
      String returns,
      String arguments,
      String examples,
      BiFunction<Arguments, FunctionOptions, Expression> builder) {
    this.kind = kind;
    this.group = group;
    this.parameters = parameters;
    this.returns = returns;
    this.arguments = arguments;
    this.examples = examples;
    this.builder = builder;
  }

  /**
   * A function of a row of logits and nothing else.
   *
   * @param result of the example, in SQL
   */
  SqlFunction(Forward forward, Kind kind, String group, String returns, String result) {
    this(
        kind,
        group,
        Parameter.list(List.of("logits"), "options"),
        returns,
        """
            * logits - array<float>, array<double>, or binary of the type that option type names
        """,
        message(
            """
                  > SELECT _FUNC_(array(2F, 1F, 0F));
                   %s
            """,
            result),
        (arguments, options) ->
            rows(
                new ForwardOperation(
                    arguments.function(), arguments.logits(options), options, forward),
                arguments));
  }

  /** Registers a function in Spark's form. */
  @FunctionalInterface
  interface Registry {
    void add(String name, ExpressionInfo info, Function1<Seq<Expression>, Expression> builder);
  }

  /** Registers all functions, and their forms with try. */
  static void forEach(Registry registry) {
    for (SqlFunction function : values()) {
      for (boolean tries : new boolean[] {false, true}) {
        registry.add(
            function.sqlName(tries),
            function.info(tries),
            arguments -> function.call(tries, arguments));
      }
    }
  }

  /**
   * Its name.
   *
   * @param tries for the function that returns NULL for a rejected row
   */
  String sqlName(boolean tries) {
    return (tries ? "try_xent_" : "xent_") + name().toLowerCase(Locale.ROOT);
  }

  /** Its description. */
  ExpressionInfo info(boolean tries) {
    String instead =
        group.equals("agg_funcs") ? "; a rejected row counts as null" : "; NULL for a rejected row";
    return new ExpressionInfo(
        SqlFunction.class.getName(),
        null,
        sqlName(tries),
        "_FUNC_("
            + Parameter.written(parameters)
            + ") - "
            + (tries ? returns.replaceFirst("\\.$", instead + ".") : returns),
        "\n    Arguments:\n" + arguments.indent(4) + options().indent(4),
        "\n    Examples:\n" + examples.indent(2) + "  ",
        "",
        group,
        "0.1.0",
        "",
        "java_udf");
  }

  private String options() {
    String names = String.join(", ", kind.names());
    return "    * options - a constant map of strings: "
        + names.replaceAll("(.{70}\\S*) ", "$1\n      ");
  }

  /**
   * A call.
   *
   * @param given columns and options, resolved
   */
  Expression call(boolean tries, Seq<Expression> given) {
    Arguments all = new Arguments(sqlName(tries), tries, parameters, given);
    try {
      return builder.apply(all, all.options(kind));
    } catch (OptionException e) {
      throw all.errors().option(e);
    }
  }

  private static LossOperation loss(Arguments arguments, FunctionOptions options) {
    LossOperation.Source source;
    if (arguments.beginWithStates()) {
      arguments.requireWhole(1);
      Arguments.requireNoneOfNumbers(options);
      source = new LossOperation.FromStates();
    } else {
      Logits logits = arguments.logits(options);
      source = new LossOperation.FromLogits(logits, arguments.targets(logits, options));
    }
    return new LossOperation(arguments.function(), arguments.tries(), source, options);
  }

  private static Expression total(AggregateOperation operation, Arguments arguments) {
    operation.topK(); // checks it while the query is read
    arguments.requireWeight();
    return LossAggregate.of(operation, seq(arguments.columns()));
  }

  private static boolean labelled(Arguments arguments) {
    boolean labelled = !arguments.isNull(1);
    if (labelled) {
      arguments.requireWhole(1);
    }
    return labelled;
  }

  private static Expression shard(
      Arguments arguments, FunctionOptions options, boolean labelled, boolean values) {
    arguments.requireWhole(2);
    arguments.requireWhole(3);
    ShardOperation.Step step = ShardOperation.Step.FIRST_ROUND;
    if (arguments.has("states")) {
      arguments.requireStates(4);
      step = values ? ShardOperation.Step.VALUES : ShardOperation.Step.SECOND_ROUND;
    }
    arguments.requireWeight();
    return rows(
        new ShardOperation(
            arguments.function(), arguments.logitsOfShard(options), labelled, step, options),
        arguments);
  }

  private static Expression rows(Operation operation, Arguments arguments) {
    operation.start(); // checks options while the query is read
    return RowExpression.of(
        arguments.tries() ? new TryOperation(operation) : operation, seq(arguments.columns()));
  }

  private static Seq<Expression> seq(List<Expression> list) {
    return asScala(list).toSeq();
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static dev.xent.spark.Messages.message;
import static scala.jdk.javaapi.CollectionConverters.asJava;
import static scala.jdk.javaapi.CollectionConverters.asScala;

import dev.xent.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.spark.sql.catalyst.expressions.Cast;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.NamedArgumentExpression;
import org.apache.spark.sql.catalyst.plans.logical.FunctionSignature;
import org.apache.spark.sql.catalyst.plans.logical.InputParameter;
import org.apache.spark.sql.catalyst.plans.logical.NamedParametersSupport;
import org.apache.spark.sql.catalyst.util.MapData;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BinaryType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.DecimalType;
import org.apache.spark.sql.types.DoubleType;
import org.apache.spark.sql.types.FloatType;
import org.apache.spark.sql.types.IntegralType;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.NullType;
import org.apache.spark.sql.types.NumericType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.UserDefinedType;
import org.apache.spark.unsafe.types.UTF8String;
import scala.Option;
import scala.collection.immutable.Seq;

/**
 * The arguments of a call in SQL, in the order of the function's parameters: columns, which are
 * cast as for Spark's own functions, and options.
 */
final class Arguments {
  private static final String OPTIONS = "options";
  private static final String WEIGHT = "weight";
  private static final DataType FLOATS = DataTypes.createArrayType(DataTypes.FloatType);
  private static final DataType DOUBLES = DataTypes.createArrayType(DataTypes.DoubleType);
  private static final DataType STATES = DataTypes.createArrayType(DataTypes.BinaryType);
  private static final DataType STRINGS =
      DataTypes.createMapType(DataTypes.StringType, DataTypes.StringType);
  private static final DataType[] WHOLE = {
    DataTypes.ByteType, DataTypes.ShortType, DataTypes.IntegerType, DataTypes.LongType
  };

  private static final DataType[] TARGETS =
      Stream.concat(Stream.of(WHOLE), Stream.of(FLOATS, DOUBLES)).toArray(DataType[]::new);

  private final String function;
  private final boolean tries;
  private final AnalysisErrors errors;
  private final List<Expression> columns = new ArrayList<>();
  private final List<String> namesOfColumns = new ArrayList<>();
  private final Map<String, String> map = new HashMap<>();

  /**
   * Finds the parameter of each argument, by name or by position.
   *
   * @param tries whether the result is NULL for rejected rows
   */
  Arguments(String function, boolean tries, List<Parameter> parameters, Seq<Expression> given) {
    this.function = function;
    this.tries = tries;
    this.errors = new AnalysisErrors(function, asJava(given));
    Expression absent = Literal.create(null, DataTypes.NullType);
    List<InputParameter> signature =
        parameters.stream()
            .map(
                each ->
                    new InputParameter(each.name(), Option.apply(each.optional() ? absent : null)))
            .toList();
    List<Expression> arranged =
        asJava(
            NamedParametersSupport.defaultRearrange(
                new FunctionSignature(asScala(signature).toSeq()),
                asScala(withNamedOptions(withNamedWeight(asJava(given), parameters))).toSeq(),
                function,
                SQLConf.get().resolver()));
    for (int i = 0; i < arranged.size(); i++) {
      Expression argument = arranged.get(i);
      String name = parameters.get(i).name();
      if (argument != absent && name.equals(OPTIONS)) {
        readMap(i, argument);
      } else if (argument != absent) {
        columns.add(argument);
        namesOfColumns.add(name);
      }
    }
  }

  /**
   * A map after other arguments contains the options, even if optional parameters before it are
   * absent.
   */
  private static List<Expression> withNamedOptions(List<Expression> given) {
    List<Expression> all = new ArrayList<>(given);
    if (all.size() > 1
        && !(all.getLast() instanceof NamedArgumentExpression)
        && all.getLast().dataType() instanceof MapType) {
      all.add(new NamedArgumentExpression(OPTIONS, all.removeLast()));
    }
    return all;
  }

  /** A number instead of optional states is the weight. */
  private static List<Expression> withNamedWeight(
      List<Expression> given, List<Parameter> parameters) {
    List<Expression> all = new ArrayList<>(given);
    int states = parameters.indexOf(new Parameter("states", true));
    if (states >= 0
        && all.size() > states
        && !(all.get(states) instanceof NamedArgumentExpression)
        && all.get(states).dataType() instanceof NumericType) {
      all.set(states, new NamedArgumentExpression(WEIGHT, all.get(states)));
    }
    return all;
  }

  private void readMap(int index, Expression options) {
    if (options.dataType() instanceof NullType) {
      throw errors.isNull(OPTIONS);
    }
    if (!(options.dataType() instanceof MapType type)) {
      throw errors.wrongType(index, options, STRINGS);
    }
    boolean strings =
        type.keyType() instanceof StringType && type.valueType() instanceof StringType;
    if (!strings && !(type.keyType() instanceof NullType)) {
      throw errors.noStrings(type);
    }
    if (!options.foldable()) {
      throw errors.notConstant(OPTIONS, options, STRINGS);
    }
    if (!(options.eval(null) instanceof MapData data)) {
      throw errors.isNull(OPTIONS);
    }
    for (int i = 0; i < data.numElements(); i++) {
      UTF8String value = data.valueArray().getUTF8String(i);
      map.put(data.keyArray().getUTF8String(i).toString(), value == null ? null : value.toString());
    }
  }

  /** The name of the function. */
  String function() {
    return function;
  }

  /** Whether the result is NULL for rejected rows. */
  boolean tries() {
    return tries;
  }

  /** The errors for invalid arguments. */
  AnalysisErrors errors() {
    return errors;
  }

  /** The options. */
  FunctionOptions options(FunctionOptions.Kind kind) {
    return FunctionOptions.of(kind, map);
  }

  /** The columns, after casts. */
  List<Expression> columns() {
    return columns;
  }

  private DataType type(int index) {
    return columns.get(index).dataType();
  }

  /** Adds a cast like Spark's, which names of columns do not show. */
  private void cast(int index, DataType type) {
    columns.set(index, new Cast(columns.get(index), type, Option.empty()));
  }

  /** The logits, which are the first argument. */
  Logits logits(FunctionOptions options) {
    return numbers("logits", options, DOUBLES, FLOATS, DOUBLES, DataTypes.BinaryType);
  }

  /** The logits of a shard. Class weights are those of all shards. */
  Logits logitsOfShard(FunctionOptions options) {
    return logits(options.without("classWeights"));
  }

  /** The logits of rows that may also be one number. */
  Logits logitsOrNumber(FunctionOptions options) {
    if (!(type(0) instanceof NumericType)) {
      return logits(options);
    }
    options.requireAbsent("type", "only BINARY has one, and the first argument is a number");
    if (!(type(0) instanceof FloatType)) {
      cast(0, DataTypes.DoubleType);
    }
    return options.logits(type(0) instanceof FloatType ? DType.F32 : DType.F64);
  }

  /**
   * The first argument, if it cannot be doubles.
   *
   * @param what the numbers, for messages
   */
  Logits floats(String what, FunctionOptions options) {
    if (type(0) instanceof BinaryType && options.binaryType() == DType.F64) {
      throw errors.mismatch(
          what + " are BINARY of type float64; expected float16, bfloat16 or float32");
    }
    // Class weights are those of the logits, whose classes the file of weights has.
    FunctionOptions ofRows = options.without("classWeights");
    return numbers(what, ofRows, FLOATS, FLOATS, DataTypes.BinaryType);
  }

  /**
   * A row of numbers.
   *
   * @param what the numbers, for messages
   * @param exact the type to which arrays of integers and decimals are cast
   */
  private Logits numbers(String what, FunctionOptions options, DataType exact, DataType... needed) {
    DataType type = type(0);
    DataType element = type instanceof ArrayType array ? array.elementType() : type;
    if (isVector(type)) {
      options.requireAbsent("type", "only BINARY has one, and the first argument is a vector");
      return options.logits(exact.equals(DOUBLES) ? DType.F64 : DType.F32);
    }
    if (type instanceof ArrayType) {
      options.requireAbsent("type", "only BINARY has one, and the first argument is " + type.sql());
    }
    if (type instanceof NullType && options.hasBinaryType()) {
      cast(0, DataTypes.BinaryType);
    } else if (element instanceof NullType) {
      cast(0, FLOATS);
    } else if (type instanceof ArrayType
        && (element instanceof IntegralType || element instanceof DecimalType)) {
      cast(0, exact);
    }
    return options.logits(typeOf(what, options, needed));
  }

  private DType typeOf(String what, FunctionOptions options, DataType... needed) {
    DataType type = type(0);
    DataType element = type instanceof ArrayType array ? array.elementType() : type;
    if (type instanceof BinaryType) {
      return options.binaryType();
    }
    if (type instanceof ArrayType && element instanceof FloatType) {
      return DType.F32;
    }
    if (type instanceof ArrayType
        && element instanceof DoubleType
        && Arrays.asList(needed).contains(DOUBLES)) {
      return DType.F64;
    }
    throw errors.wrongNumbers(what, columns.getFirst(), needed);
  }

  /** Whether a column contains vectors of spark.ml, whose jar may be absent. */
  private static boolean isVector(DataType type) {
    return type instanceof UserDefinedType && type.typeName().equals("vector");
  }

  /** Whether the first argument contains partial states. */
  boolean beginWithStates() {
    return isStates(type(0));
  }

  /** Rejects options of numbers, which the partial states already include. */
  static void requireNoneOfNumbers(FunctionOptions options) {
    for (String name : List.of("type", "classes", "topK")) {
      options.requireAbsent(name, "partial states have none");
    }
  }

  /** Requires an array of partial states. */
  void requireStates(int index) {
    if (type(index) instanceof NullType) {
      cast(index, STATES);
    } else if (!isStates(type(index))) {
      throw errors.wrongType(index, columns.get(index), STATES);
    }
  }

  /** Whether a column contains partial states. */
  static boolean isStates(DataType type) {
    return type instanceof ArrayType array && array.elementType() instanceof BinaryType;
  }

  /** Requires integers. */
  void requireWhole(int index) {
    requireWhole(index, WHOLE);
  }

  private void requireWhole(int index, DataType... needed) {
    if (type(index) instanceof NullType) {
      cast(index, DataTypes.IntegerType);
    } else if ((type(index) instanceof NumericType || type(index) instanceof StringType)
        && !(type(index) instanceof IntegralType)
        && namesOfColumns.get(index).equals("label")) { // as of spark.ml, or of a CSV file
      throw errors.mismatch(
          message(
              "the label has the type %s; expected whole numbers%s. Convert it: CAST(%s AS INT)",
              type(index).sql(),
              Arrays.equals(needed, TARGETS) ? ", or probabilities in an array" : "",
              AnalysisErrors.written(columns.get(index))));
    } else if (!(type(index) instanceof IntegralType)) {
      throw errors.wrongType(index, columns.get(index), needed);
    }
  }

  /**
   * Labels, or probabilities in an array, which are the second argument.
   *
   * @param logits the rows of these targets
   */
  Targets targets(Logits logits, FunctionOptions options) {
    if (!isVector(type(1)) && !(type(1) instanceof ArrayType)) {
      requireWhole(1, TARGETS);
      return Targets.LABELS;
    }
    Targets probabilities = targets(logits.resultType(), TARGETS);
    for (String name : List.of("ignoreIndex", "focalGamma", "topK")) {
      options.requireAbsent(name, "probabilities have none");
    }
    return probabilities;
  }

  /**
   * A target for each logit, or one number, which are the second argument: labels, if they are
   * whole numbers.
   */
  Targets targetOfEach(Logits logits) {
    DataType element = type(1) instanceof ArrayType array ? array.elementType() : type(1);
    DType type = element instanceof IntegralType ? DType.I64 : logits.resultType();
    return targets(type, DataTypes.LongType, DataTypes.DoubleType, FLOATS, DOUBLES);
  }

  private Targets targets(DType type, DataType... needed) {
    Logits targets = new Logits(type, -1, "", "");
    DataType given = type(1);
    DataType element = given instanceof ArrayType array ? array.elementType() : given;
    if (!isVector(given) && !(element instanceof NumericType || element instanceof NullType)) {
      throw errors.wrongType(1, columns.get(1), needed);
    }
    if (!isVector(given) && !element.equals(targets.sparkType())) {
      boolean isArray = given instanceof ArrayType;
      cast(1, isArray ? DataTypes.createArrayType(targets.sparkType()) : targets.sparkType());
    }
    return new Targets(targets);
  }

  /** Whether an optional argument is present. */
  boolean has(String name) {
    return namesOfColumns.contains(name);
  }

  /** The weights of rows, if present. */
  void requireWeight() {
    int index = namesOfColumns.indexOf(WEIGHT);
    if (index >= 0) {
      if (!(type(index) instanceof NumericType || type(index) instanceof NullType)) {
        throw errors.wrongType(index, columns.get(index), DataTypes.DoubleType);
      }
      cast(index, DataTypes.DoubleType);
    }
  }

  /** Whether an argument is the literal NULL. */
  boolean isNull(int index) {
    return type(index) instanceof NullType;
  }

  /** Requires the literal NULL instead of a label. */
  void requireNull(int index) {
    if (!isNull(index)) {
      throw errors.wrongType(index, columns.get(index), DataTypes.NullType);
    }
  }

  /** A constant int of at least 1. */
  int positiveConstant(int index, String name) {
    Expression column = columns.get(index);
    if (isNull(index)) {
      throw errors.isNull(name);
    }
    requireWhole(index);
    if (!column.foldable()) {
      throw errors.notConstant(name, column, DataTypes.IntegerType);
    }
    if (!(column.eval(null) instanceof Number number)) {
      throw errors.isNull(name);
    }
    long value = number.longValue();
    if (value < 1 || value > Integer.MAX_VALUE) {
      throw errors.outOfRange(name, message("[1, %d]", Integer.MAX_VALUE), number);
    }
    return (int) value;
  }
}

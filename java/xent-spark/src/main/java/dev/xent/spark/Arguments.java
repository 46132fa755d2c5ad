// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import dev.xent.errors.DTypeException;
import dev.xent.errors.OptionException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.util.MapData;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BinaryType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.IntegralType;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.NullType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.unsafe.types.UTF8String;

/** The arguments of a call in SQL: some columns and, if it is a map, the options at the end. */
final class Arguments {
  private final String function;
  private final List<Expression> columns;
  private final Map<String, String> map = new HashMap<>();

  /**
   * Takes the options off the end.
   *
   * @param least how many columns there are at least
   * @param most and at most
   * @throws OptionException for another number of columns, or options that are not constant
   */
  Arguments(String function, List<Expression> all, int least, int most) {
    this.function = function;
    this.columns = new ArrayList<>(all);
    if (!all.isEmpty() && all.getLast().dataType() instanceof MapType type) {
      readMap(columns.removeLast(), type);
    }
    if (columns.size() < least || columns.size() > most) {
      throw new OptionException(
          String.format(
              Locale.ROOT,
              "%s has %d arguments beside options: give %s; DESCRIBE FUNCTION EXTENDED %s says which",
              function,
              columns.size(),
              least == most ? least : least + " to " + most,
              function));
    }
  }

  private void readMap(Expression options, MapType type) {
    boolean strings =
        type.keyType() instanceof StringType && type.valueType() instanceof StringType;
    if (!options.foldable()
        || !(strings || type.keyType() instanceof NullType)
        || !(options.eval(null) instanceof MapData data)) {
      throw new OptionException(
          String.format(
              Locale.ROOT,
              "%s: options are %s: give a constant map of strings, as map('temperature', '2')",
              function,
              options.sql()));
    }
    for (int i = 0; i < data.numElements(); i++) {
      UTF8String value = data.valueArray().getUTF8String(i);
      map.put(data.keyArray().getUTF8String(i).toString(), value == null ? null : value.toString());
    }
  }

  /** The options. */
  FunctionOptions options(FunctionOptions.Kind kind) {
    return FunctionOptions.of(function, kind, map);
  }

  /** The columns. */
  List<Expression> columns() {
    return columns;
  }

  /** The logits, which come first. */
  Logits logits(FunctionOptions options) {
    return Logits.of(function, columns.getFirst().dataType(), options);
  }

  /** The hidden states, which come first. */
  Logits hidden(FunctionOptions options) {
    return Logits.ofHidden(function, columns.getFirst().dataType(), options);
  }

  /** Whether the first argument has partial states. */
  boolean beginWithStates() {
    return isStates(columns.getFirst().dataType());
  }

  /** Requires an array of partial states. */
  void requireStates(int index) {
    DataType type = columns.get(index).dataType();
    if (!isStates(type)) {
      throw wrongType(index, type, "array<binary>, made by collect_list(xent_partial_states(…))");
    }
  }

  private static boolean isStates(DataType type) {
    return type instanceof ArrayType array && array.elementType() instanceof BinaryType;
  }

  /** Requires whole numbers. */
  void requireWhole(int index) {
    DataType type = columns.get(index).dataType();
    if (!(type instanceof IntegralType)) {
      throw wrongType(index, type, "tinyint, smallint, int or bigint");
    }
  }

  /** Whether an argument is NULL itself. */
  boolean isNull(int index) {
    return columns.get(index).dataType().equals(DataTypes.NullType);
  }

  /** Requires NULL itself in place of a label. */
  void requireNull(int index) {
    if (!isNull(index)) {
      throw wrongType(
          index, columns.get(index).dataType(), "NULL; gradients are of xent_shard_gradient");
    }
  }

  /** A constant int. */
  int constant(int index) {
    requireWhole(index);
    Expression column = columns.get(index);
    if (!column.foldable() || !(column.eval(null) instanceof Number number)) {
      throw new OptionException(
          String.format(
              Locale.ROOT, "%s: %s is not constant: give a number", function, column.sql()));
    }
    if (number.longValue() != number.intValue()) {
      throw new OptionException(
          String.format(
              Locale.ROOT, "%s: %s is out of range: give an int", function, column.sql()));
    }
    return number.intValue();
  }

  private DTypeException wrongType(int index, DataType type, String needed) {
    return new DTypeException(
        String.format(
            Locale.ROOT,
            "%s: %s is %s: give %s",
            function,
            columns.get(index).sql(),
            type.sql(),
            needed));
  }
}

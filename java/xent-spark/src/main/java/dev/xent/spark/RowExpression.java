// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static scala.jdk.javaapi.CollectionConverters.asJava;
import static scala.jdk.javaapi.CollectionConverters.asScala;

import com.esotericsoftware.kryo.DefaultSerializer;
import com.esotericsoftware.kryo.serializers.JavaSerializer;
import java.io.Serial;
import java.io.Serializable;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.codegen.CodeBlock;
import org.apache.spark.sql.catalyst.expressions.codegen.CodeGenerator;
import org.apache.spark.sql.catalyst.expressions.codegen.CodegenContext;
import org.apache.spark.sql.catalyst.expressions.codegen.ExprCode;
import org.apache.spark.sql.catalyst.expressions.codegen.JavaCode;
import org.apache.spark.sql.types.DataType;
import org.jspecify.annotations.Nullable;
import scala.collection.immutable.IndexedSeq;
import scala.collection.immutable.Seq;

/** A function of rows in a plan of Spark. Public for Spark, which copies it; not for users. */
@DefaultSerializer(JavaSerializer.class) // Kryo does not support records
public final class RowExpression extends Expression implements Serializable {
  @Serial private static final long serialVersionUID = 1L;

  private final Operation operation;

  @SuppressWarnings("serial") // Scala's sequences are serializable, but not their interface
  private final Seq<Expression> children;

  private final Call call;
  private transient @Nullable RowCalls calls;

  /**
   * Creates a function of columns.
   *
   * @param operation the function
   * @param children its arguments
   * @param call the call as written in the query, for messages
   */
  public RowExpression(Operation operation, Seq<Expression> children, Call call) {
    this.operation = operation;
    this.children = children;
    this.call = call;
  }

  /** Creates the function of a call as written in the query. */
  static RowExpression of(Operation operation, Seq<Expression> children) {
    return new RowExpression(
        operation,
        children,
        Call.of(operation.name(), children, operation.options(), operation.type()));
  }

  @Override
  public Object eval(InternalRow input) {
    if (calls == null) {
      calls = new RowCalls(operation, call);
    }
    @Nullable Object[] arguments = new Object[children.size()];
    for (int i = 0; i < arguments.length; i++) {
      arguments[i] = children.apply(i).eval(input);
    }
    return calls.next(arguments);
  }

  /** The call as generated code, so that Spark can compile the whole stage as one piece of code. */
  @Override
  public ExprCode doGenCode(CodegenContext context, ExprCode result) {
    String rows =
        context.addReferenceObj("xent", new RowCalls(operation, call), RowCalls.class.getName());
    String arguments = context.freshName("arguments");
    StringBuilder code =
        new StringBuilder("Object[] " + arguments + " = new Object[" + children.size() + "];\n");
    for (int i = 0; i < children.size(); i++) {
      Expression child = children.apply(i);
      ExprCode argument = child.genCode(context);
      code.append(argument.code())
          .append("\nif (!" + argument.isNull() + ") {\n")
          .append(arguments + "[" + i + "] = " + boxed(argument.value(), child.dataType()))
          .append(";\n}\n");
    }
    String object = context.freshName("result");
    String type = CodeGenerator.boxedType(operation.type());
    code.append("Object " + object + " = " + rows + ".next(" + arguments + ");\n")
        .append("boolean " + result.isNull() + " = " + object + " == null;\n")
        .append(CodeGenerator.javaType(operation.type()) + " " + result.value() + " = ")
        .append(result.isNull() + " ? ")
        .append(CodeGenerator.defaultValue(operation.type(), true))
        .append(" : (" + type + ") " + object + ";\n");
    return result.copy(block(code.toString()), result.isNull(), result.value());
  }

  private static CodeBlock block(String code) {
    return new CodeBlock(asScala(List.of(code)).toSeq(), asScala(List.<JavaCode>of()).toSeq());
  }

  private static String boxed(Object value, DataType type) {
    return CodeGenerator.isPrimitiveType(type)
        ? CodeGenerator.boxedType(type) + ".valueOf(" + value + ")"
        : value.toString();
  }

  @Override
  public DataType dataType() {
    return operation.type();
  }

  @Override
  public boolean nullable() {
    return true;
  }

  /** Row memory and row counts belong to one task. */
  @Override
  public boolean stateful() {
    return true;
  }

  @Override
  public Seq<Expression> children() {
    return children;
  }

  @Override
  public Expression withNewChildrenInternal(IndexedSeq<Expression> newChildren) {
    return new RowExpression(operation, newChildren, call);
  }

  @Override
  public String prettyName() {
    return operation.name();
  }

  @Override
  public String sql() {
    return call(operation.name(), children, operation.options());
  }

  @Override
  public String toString() {
    return call(operation.name(), children, Expression::toString, operation.options());
  }

  /** A function with its arguments, as in SQL. */
  static String call(String name, Seq<Expression> arguments, String options) {
    return call(name, arguments, Expression::sql, options);
  }

  /** A function with its arguments in another form. */
  static String call(
      String name, Seq<Expression> arguments, Function<Expression, String> form, String options) {
    return asJava(arguments).stream()
        .map(form)
        .collect(
            Collectors.joining(", ", name + "(", options.isEmpty() ? ")" : ", " + options + ")"));
  }

  @Override
  public int productArity() {
    return 3;
  }

  @Override
  public Object productElement(int n) {
    return switch (n) {
      case 0 -> operation;
      case 1 -> children;
      default -> call;
    };
  }

  @Override
  public boolean canEqual(Object other) {
    return other instanceof RowExpression;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof RowExpression that
        && operation.equals(that.operation)
        && children.equals(that.children);
  }

  @Override
  public int hashCode() {
    return 31 * operation.hashCode() + children.hashCode();
  }
}

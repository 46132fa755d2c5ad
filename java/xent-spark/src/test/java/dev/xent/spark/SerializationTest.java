// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static scala.jdk.javaapi.CollectionConverters.asJava;

import java.util.stream.Stream;
import org.apache.spark.SparkConf;
import org.apache.spark.serializer.JavaSerializer;
import org.apache.spark.serializer.KryoSerializer;
import org.apache.spark.serializer.Serializer;
import org.apache.spark.serializer.SerializerInstance;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import scala.reflect.ClassTag;

/** Every function, as a plan has it, comes back the same from both of Spark's serializers. */
class SerializationTest {
  private final SparkSession spark = Spark.session();

  static Stream<Arguments> functions() {
    SparkConf settings = new SparkConf(false);
    return Stream.of(new JavaSerializer(settings), new KryoSerializer(settings))
        .flatMap(
            serializer ->
                Stream.of(SqlFunction.values())
                    .map(function -> Arguments.of(serializer, function)));
  }

  @ParameterizedTest
  @MethodSource("functions")
  void comesBack(Serializer serializer, SqlFunction function) {
    String query = function.info(false).getExamples().lines().toList().get(2).strip().substring(1);
    LogicalPlan plan = spark.sql(query.replace(";", "")).queryExecution().analyzed();
    Expression sent = find(asJava(plan.expressions()).stream(), function).findFirst().orElseThrow();
    SerializerInstance instance = serializer.newInstance();
    ClassTag<Expression> tag = ClassTag.apply(Expression.class);
    Expression received = instance.deserialize(instance.serialize(sent, tag), tag);
    assertThat(received).isEqualTo(sent).hasToString(sent.toString());
    if (sent instanceof RowExpression) {
      assertThat(received.eval(null)).isEqualTo(sent.eval(null));
    }
  }

  private static Stream<Expression> find(Stream<Expression> expressions, SqlFunction function) {
    return expressions.flatMap(
        e ->
            e.prettyName().equals(function.sqlName(false))
                ? Stream.of(e)
                : find(asJava(e.children()).stream(), function));
  }
}

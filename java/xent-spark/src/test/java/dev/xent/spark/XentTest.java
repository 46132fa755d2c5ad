// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.OptionException;
import java.lang.invoke.MethodHandles;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.catalyst.analysis.FunctionRegistry;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.xbean.asm9.ClassWriter;
import org.apache.xbean.asm9.MethodVisitor;
import org.apache.xbean.asm9.Opcodes;
import org.junit.jupiter.api.Test;

/** A session that was made without the setting gets the functions. */
class XentTest {
  private static final String QUERY = "SELECT xent_softmax(array(2F, 1F, 0F))[0]";

  /** A session as Spark makes it without the setting. */
  private static SparkSession bare() {
    SparkSession bare = ((SparkSession) Spark.session()).newSession();
    FunctionRegistry registry = bare.sessionState().functionRegistry();
    SqlFunction.forEach((name, info, builder) -> registry.dropFunction(Xent.identifier(name)));
    assertThatThrownBy(() -> bare.sql(QUERY))
        .isInstanceOf(AnalysisException.class)
        .hasMessageContaining("xent_softmax");
    return bare;
  }

  @Test
  void ofASessionThatExists() {
    SparkSession spark = bare();
    Xent.register(spark);
    Xent.register(spark); // as when a cell of a notebook runs again
    assertThat(spark.sql(QUERY).first().getFloat(0)).isEqualTo(0.66524094F);
    assertThat(spark.sql("SHOW FUNCTIONS LIKE 'xent_*|try_xent_*'").collectAsList())
        .hasSize(2 * SqlFunction.values().length);
    assertThat(spark.sql("DESCRIBE FUNCTION xent_loss").collectAsList().toString())
        .contains("xent_loss(logits, label");
  }

  @Test
  void viewsAndClonesOfThatSession() {
    SparkSession spark = bare();
    Xent.register(spark);
    spark.sql("CREATE TEMPORARY VIEW best AS " + QUERY + " AS p");
    assertThat(spark.sql("SELECT p FROM best").first().getFloat(0)).isEqualTo(0.66524094F);
    assertThat(spark.cloneSession().sql(QUERY).first().getFloat(0)).isEqualTo(0.66524094F);
    assertThat(spark.catalog().functionExists("xent_softmax")).isTrue();
  }

  /** Which has no catalog of its own. The client's class is in a jar that we do without. */
  @Test
  void aSessionOfSparkConnectIsRefused() throws ReflectiveOperationException {
    org.apache.spark.sql.SparkSession other = ofAnotherClass();
    assertThatThrownBy(() -> Xent.register(other))
        .isInstanceOf(OptionException.class)
        .hasMessage(
            "spark is a session of Spark Connect; expected one with its own driver. Start the server"
                + " with spark.sql.extensions=dev.xent.spark.XentExtensions");
  }

  /** A session whose methods are missing. */
  private static org.apache.spark.sql.SparkSession ofAnotherClass()
      throws ReflectiveOperationException {
    String parent = "org/apache/spark/sql/SparkSession";
    ClassWriter writer = new ClassWriter(ClassWriter.COMPUTE_MAXS);
    writer.visit(
        Opcodes.V17, Opcodes.ACC_PUBLIC, "dev/xent/spark/OtherSession", null, parent, null);
    MethodVisitor code = writer.visitMethod(Opcodes.ACC_PUBLIC, "<init>", "()V", null, null);
    code.visitVarInsn(Opcodes.ALOAD, 0);
    code.visitMethodInsn(Opcodes.INVOKESPECIAL, parent, "<init>", "()V", false);
    code.visitInsn(Opcodes.RETURN);
    code.visitMaxs(0, 0);
    writer.visitEnd();
    return (org.apache.spark.sql.SparkSession)
        MethodHandles.lookup().defineClass(writer.toByteArray()).getConstructor().newInstance();
  }

  @Test
  void nullIsNamed() {
    assertThatThrownBy(() -> Xent.register(null)).hasMessage("spark");
  }
}

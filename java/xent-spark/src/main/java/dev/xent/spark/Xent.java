// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import dev.xent.errors.OptionException;
import java.util.Objects;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.FunctionIdentifier;
import org.apache.spark.sql.catalyst.analysis.FunctionRegistry;
import org.apache.spark.sql.catalyst.analysis.FunctionRegistry$;

/**
 * Registers the functions of {@link XentExtensions} in an existing session, for example in a
 * notebook:
 *
 * {@snippet file="dev/xent/spark/ExamplesTest.java" region="register" :
 * Xent.register(spark);
 * spark.sql("SELECT xent_softmax(array(2F, 1F, 0F))");
 * }
 */
public final class Xent {
  private Xent() {}

  /**
   * Adds the functions to a session. Sessions that {@code newSession} creates from it do not have
   * them.
   *
   * @throws OptionException for a session of Spark Connect: its server has the functions if it was
   *     started with {@link XentExtensions}
   */
  public static void register(SparkSession spark) {
    Objects.requireNonNull(spark, "spark");
    if (!(spark instanceof org.apache.spark.sql.classic.SparkSession classic)) {
      throw new OptionException(
          "spark is a session of Spark Connect; expected one with its own driver. Start the server with"
              + " spark.sql.extensions=dev.xent.spark.XentExtensions");
    }
    FunctionRegistry registry = classic.sessionState().functionRegistry();
    SqlFunction.forEach(
        (name, info, builder) -> {
          FunctionIdentifier identifier = identifier(name);
          if (!registry.functionExists(identifier)) { // otherwise Spark logs a warning for each
            registry.registerFunction(identifier, info, builder);
          }
        });
  }

  /** The identifier that Spark uses for functions of extensions. */
  static FunctionIdentifier identifier(String name) {
    return FunctionRegistry$.MODULE$.builtinFunctionIdentifier(name);
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import java.util.Objects;
import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.catalyst.FunctionIdentifier;
import scala.Tuple3;
import scala.runtime.AbstractFunction1;
import scala.runtime.BoxedUnit;

/**
 * Registers the functions {@code xent_softmax}, {@code xent_cross_entropy}, {@code xent_loss} and
 * the others of {@link XentFunctions} in every session:
 *
 * {@snippet lang="shell" :
 * spark-sql --jars xent-spark.jar,xent.jar --conf spark.sql.extensions=dev.xent.spark.XentExtensions
 * }
 *
 * <p>Each function also exists with {@code try_} before its name; it then returns NULL for rejected
 * rows. {@code DESCRIBE FUNCTION EXTENDED} shows the arguments and the result of each. {@link
 * Xent#register} registers them in an existing session.
 */
public final class XentExtensions extends AbstractFunction1<SparkSessionExtensions, BoxedUnit> {
  /** Creates the extension; Spark calls this by name. */
  public XentExtensions() {}

  /** Adds the functions to new sessions. */
  @Override
  public BoxedUnit apply(SparkSessionExtensions extensions) {
    Objects.requireNonNull(extensions, "extensions");
    SqlFunction.forEach(
        (name, info, builder) ->
            extensions.injectFunction(new Tuple3<>(new FunctionIdentifier(name), info, builder)));
    return BoxedUnit.UNIT;
  }
}

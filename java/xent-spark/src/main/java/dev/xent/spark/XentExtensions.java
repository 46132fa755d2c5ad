// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import java.util.Objects;
import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.catalyst.FunctionIdentifier;
import scala.Tuple3;
import scala.runtime.AbstractFunction1;
import scala.runtime.BoxedUnit;

/**
 * Gives every session the functions {@code xent_softmax}, {@code xent_cross_entropy}, {@code
 * xent_loss} and the others of {@link XentFunctions}:
 *
 * {@snippet lang="shell" :
 * spark-sql --jars xent-spark.jar,xent.jar --conf spark.sql.extensions=dev.xent.spark.XentExtensions
 * }
 *
 * <p>each also with {@code try_} before its name, which gives NULL for rows that the other refuses.
 * {@code DESCRIBE FUNCTION EXTENDED} says what each takes and gives. {@link Xent#register} gives
 * them to a session that exists already.
 */
public final class XentExtensions extends AbstractFunction1<SparkSessionExtensions, BoxedUnit> {
  /** For Spark, which makes one by name. */
  public XentExtensions() {}

  /** Adds the functions to those of new sessions. */
  @Override
  public BoxedUnit apply(SparkSessionExtensions extensions) {
    Objects.requireNonNull(extensions, "extensions");
    SqlFunction.forEach(
        (name, info, builder) ->
            extensions.injectFunction(new Tuple3<>(new FunctionIdentifier(name), info, builder)));
    return BoxedUnit.UNIT;
  }
}

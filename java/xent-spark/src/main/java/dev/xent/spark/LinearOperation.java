// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import dev.xent.Inputs;
import dev.xent.Tensor;
import dev.xent.files.Npy;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import org.apache.spark.SparkFiles;

/**
 * The losses of hidden states and a linear layer, whose weights are a file that every executor
 * maps.
 *
 * @param hidden how a row's features are read
 */
record LinearOperation(String name, boolean tries, Logits hidden, FunctionOptions given)
    implements Losses.Source {
  @Override
  public String options() {
    return given.toString();
  }

  @Override
  public Losses losses() {
    Inputs inputs = given.bias() == null ? Inputs.none() : Inputs.none().bias(map(given.bias()));
    return new LinearLosses(
        hidden,
        given.linearCrossEntropy(),
        map(given.requireWeights()),
        inputs,
        given.ignoreIndex());
  }

  /** A file by its path, or by the name of one that Spark has sent to all executors. */
  private static Tensor map(String file) {
    Path path = Path.of(file);
    return Npy.map(path.isAbsolute() ? path : Path.of(SparkFiles.get(file)), Arena.ofAuto());
  }
}

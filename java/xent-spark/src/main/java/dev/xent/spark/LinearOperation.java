// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static dev.xent.spark.Messages.message;

import dev.xent.Inputs;
import dev.xent.Tensor;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.apache.spark.SparkFiles;

/**
 * The losses of hidden states and a linear layer, whose weights are a file that every executor
 * maps.
 *
 * @param hidden the format of a row's features
 */
record LinearOperation(String name, boolean tries, Logits hidden, FunctionOptions given)
    implements AggregateOperation {
  @Override
  public String remedy() {
    return "correct the file of weights";
  }

  @Override
  public boolean labelled() {
    return true;
  }

  @Override
  public Losses losses() {
    Path bias = given.bias();
    Inputs inputs = bias == null ? Inputs.none() : Inputs.none().withBias(map("bias", bias));
    return new LinearLosses(
        hidden,
        given.linearCrossEntropy(),
        requireLayer(map("weights", given.requireWeights())),
        inputs,
        given.ignoreIndex(),
        topK());
  }

  /** Checks the shape of the weights; otherwise every row would fail, as if the rows were wrong. */
  private static Tensor requireLayer(Tensor weights) {
    if (weights.rank() != 2 || weights.dim(0) == 0 || weights.dim(1) == 0) {
      throw new ShapeException(
          message(
              "weights is %s %s; expected a .npy file of shape [classes, features], each at least"
                  + " 1",
              weights.type(), Arrays.toString(weights.shape())));
    }
    return weights;
  }

  /** A file by its path, or by the name of a file that Spark has sent to all executors. */
  private static Tensor map(String option, Path file) {
    Path path = file.isAbsolute() ? file : Path.of(SparkFiles.get(file.toString()));
    if (!file.isAbsolute() && !Files.exists(path)) {
      throw new OptionException(
          message(
              "option %s is %s, and no such file was sent; send it with --files or"
                  + " SparkContext.addFile, or pass an absolute path",
              option, file));
    }
    try {
      return WeightFile.map(path);
    } catch (NoClassDefFoundError e) {
      OptionException missing =
          new OptionException("the module xent-files is missing; add its jar to --jars");
      missing.initCause(e);
      throw missing;
    }
  }
}

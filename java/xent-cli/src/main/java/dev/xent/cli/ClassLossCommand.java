// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.Tensor;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/**
 * The common part of {@code xent cross-entropy} and {@code nll}: the input contains the classes.
 */
abstract class ClassLossCommand extends LossCommand {
  @Parameters(
      index = "1",
      paramLabel = "TARGETS.npy",
      description = {
        "Class labels: integers in the shape of the input without its class axis.",
        "Or probabilities: floats in the shape of the input."
      })
  private InputFile targets;

  @Mixin private InputOptions.Classes classes;

  @Override
  final InputFile targets() {
    return targets;
  }

  @Override
  final InputOptions classes() {
    return classes;
  }

  @Override
  final Rows rows(Tensor x, int classAxis, CommandFiles files) {
    return classes.rows(x, classAxis, files);
  }
}

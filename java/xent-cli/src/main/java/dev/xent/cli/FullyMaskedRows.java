// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.options.FullyMasked;
import picocli.CommandLine.Option;

/** The option for rows without a class. */
final class FullyMaskedRows {
  @Option(
      names = "--fully-masked",
      paramLabel = "P",
      description =
          "Result of a row that is all -inf or masked: nan or zero. Default: nan. A zero row"
              + " has probabilities, loss and gradient 0, and log-probabilities -inf.")
  private FullyMasked result = FullyMasked.NAN;

  FullyMasked result() {
    return result;
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.options.Reduction;

/** The choices of {@code --reduction}. */
enum LossReduction {
  MEAN,
  SUM,
  NONE;

  /** The reduction of the library; without a reduction, the gradient is that of the sum. */
  Reduction ofLibrary() {
    return this == MEAN ? Reduction.MEAN : Reduction.SUM;
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.options.Reduction;

/** What {@code --reduction} makes of the losses of rows. */
enum LossReduction {
  MEAN,
  SUM,
  NONE;

  /** The reduction of the library: the gradient of unreduced losses is that of their sum. */
  Reduction ofLibrary() {
    return this == MEAN ? Reduction.MEAN : Reduction.SUM;
  }
}

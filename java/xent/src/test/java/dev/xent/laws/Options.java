// SPDX-License-Identifier: Apache-2.0
package dev.xent.laws;

import dev.xent.DType;
import dev.xent.options.EmptyMean;
import dev.xent.options.FullyMasked;
import dev.xent.options.Reduction;

/**
 * The options of a loss, and the inputs that it reads in addition to logits and targets. All zeros:
 * the sum over labels without any option.
 *
 * @param targets their kind
 * @param labels the type of class indices, if it has room for them
 * @param smoothing of targets
 * @param others whether what it takes goes to the other classes alone; labels only
 * @param temperature 0: none
 * @param softcap 0: none
 * @param zLoss 0: none
 * @param clamp 0: none; without smoothing only
 * @param scale of gradients; 0: 1
 * @param mean whether loss and gradient are means
 * @param ignores whether some rows are ignored by their label; not with probability rows
 * @param zeroMasked whether fully masked rows are 0
 */
record Options(
    Targets targets,
    DType labels,
    double smoothing,
    boolean others,
    double temperature,
    double softcap,
    double zLoss,
    double clamp,
    double scale,
    boolean mean,
    boolean ignores,
    boolean zeroMasked,
    Beside beside) {
  static final long IGNORED = -100;

  enum Targets {
    LABELS,
    PROBABILITIES,
    SPARSE
  }

  /**
   * The inputs of a call in addition to logits and targets.
   *
   * @param mask 0: none, 1: one for all rows, 2: for every row
   * @param rowWeights 0: none, 1: floats, 2: bytes
   * @param sink 0: none, 1: for every row, 2: one for all
   * @param classWeights whether there are some
   */
  record Beside(int mask, int rowWeights, int sink, boolean classWeights) {
    static final Beside NOTHING = new Beside(0, 0, 0, false);
  }

  static final Options PLAIN =
      new Options(
          Targets.LABELS, DType.F32, 0, false, 0, 0, 0, 0, 0, false, false, false, Beside.NOTHING);

  /** The same without what does not go together. */
  Options {
    others &= targets == Targets.LABELS;
    clamp = smoothing == 0 ? clamp : 0;
    ignores &= targets != Targets.PROBABILITIES;
    labels = labels.isFloat() ? DType.I64 : labels;
  }

  boolean isLabels() {
    return targets == Targets.LABELS;
  }

  double gradientScale() {
    return scale == 0 ? 1 : scale;
  }

  Reduction reduction() {
    return mean ? Reduction.MEAN : Reduction.SUM;
  }

  EmptyMean emptyMean() {
    return zeroMasked ? EmptyMean.ZERO : EmptyMean.NAN;
  }

  FullyMasked fullyMasked() {
    return zeroMasked ? FullyMasked.ZERO : FullyMasked.NAN;
  }

  // ---- other options ---------------------------------------------------------------------------

  Options with(Beside newBeside) {
    return new Options(
        targets,
        labels,
        smoothing,
        others,
        temperature,
        softcap,
        zLoss,
        clamp,
        scale,
        mean,
        ignores,
        zeroMasked,
        newBeside);
  }

  Options withSmoothing(double value) {
    return new Options(
        targets,
        labels,
        value,
        others,
        temperature,
        softcap,
        zLoss,
        clamp,
        scale,
        mean,
        ignores,
        zeroMasked,
        beside);
  }

  Options withClamp(double value) {
    return new Options(
        targets,
        labels,
        smoothing,
        others,
        temperature,
        softcap,
        zLoss,
        value,
        scale,
        mean,
        ignores,
        zeroMasked,
        beside);
  }

  Options withMean(boolean value) {
    return new Options(
        targets,
        labels,
        smoothing,
        others,
        temperature,
        softcap,
        zLoss,
        clamp,
        scale,
        value,
        ignores,
        zeroMasked,
        beside);
  }

  Options withIgnores(boolean value) {
    return new Options(
        targets,
        labels,
        smoothing,
        others,
        temperature,
        softcap,
        zLoss,
        clamp,
        scale,
        mean,
        value,
        zeroMasked,
        beside);
  }
}

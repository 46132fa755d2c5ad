// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

/**
 * The largest errors allowed.
 *
 * @param softmaxUlps of a probability
 * @param softmax relative, of a probability
 * @param logSoftmaxUlps of a log-probability, in ulps of max(1, |y|, |x - M|)
 * @param logSumExp in 2e-7 + 1 ulp
 * @param loss relative, of a label's loss
 * @param gradient relative, of a label's gradient
 * @param soft of losses and gradients under smoothing or probabilities, in the sizes of their terms
 */
record Limits(
    double softmaxUlps,
    double softmax,
    double logSoftmaxUlps,
    double logSumExp,
    double loss,
    double gradient,
    double soft) {

  private static final int CHUNK = 8192;
  private static final int GROUP = 128;

  /**
   * What holds for most rows: the promises of docs/numerics.md, but for the loss, where rows made
   * to lose what a lane's float sum can lose reach 3.01e-7.
   */
  static final Limits OF_MOST_ROWS = new Limits(6, 4e-7, 2, 1, 4e-7, 4e-7, 5e-7);

  /**
   * What holds for rows that end in a chunk of at most 128 classes. The lanes of such a chunk are
   * added up in float: four roundings of 2^-24 beside the three within a lane, all of which may
   * lose something of the same sign, 4.2e-7 together. Only rows made for it come near.
   */
  static final Limits OF_FLOAT_TREES = new Limits(10, 7e-7, 4.5, 2.3, 7e-7, 7e-7, 7e-7);

  /** Whether a row of so many classes ends in such a chunk. */
  static boolean hasFloatTree(int classes) {
    return (classes - 1) % CHUNK < GROUP;
  }
}

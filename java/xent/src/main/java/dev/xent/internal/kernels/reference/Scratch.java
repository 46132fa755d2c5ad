// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Constants.CHUNK;

/** What the arithmetic of a row needs, used again for every row. */
final class Scratch {
  /** A chunk of logits, or of a backward's output. */
  final float[] x = new float[CHUNK];

  /** A chunk of probability targets, or of a backward's upstream gradient. */
  final float[] q = new float[CHUNK];

  /** A chunk of results. */
  final float[] y = new float[CHUNK];

  /** Of the exponential. */
  final float[] z = new float[CHUNK];

  final ExponentialSum exponentials = new ExponentialSum();
  final UpstreamSum upstreams = new UpstreamSum();
  final TargetSums targetSums = new TargetSums();
  final Smoothing smoothing = new Smoothing();
  final Gradient gradient = new Gradient();
  final State state = new State();
  final Fold fold = new Fold();
  final Statistics statistics = new Statistics();
  final RowInput input = new RowInput();
  final RowResults results = new RowResults();
  final ExactSum exactSum = new ExactSum();
}

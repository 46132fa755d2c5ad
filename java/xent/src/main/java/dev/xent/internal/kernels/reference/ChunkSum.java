// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

/** The exponentials of a chunk: their sum, and what it refers to. */
final class ChunkSum {
  double max;
  double reference;

  /** The low part is 0 in float32 arithmetic. */
  final Pair sum = new Pair();
}

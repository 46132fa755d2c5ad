// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.ffi.xent_shape;
import java.lang.foreign.MemorySegment;

/** The sizes of the tensor and the layout of every array of a call: {@code xent_shape}. */
final class Shape {
  /** The size of version 1. */
  private static final long LEAST_SIZE = 288;

  long outer;
  long classes;
  long inner;
  final Layout logits = new Layout();
  final Layout output = new Layout();
  final Layout gradient = new Layout();
  final Layout upstream = new Layout();
  final Layout targets = new Layout();
  final Layout losses = new Layout();
  final Layout logSumExp = new Layout();
  final Layout hits = new Layout();

  final SizedStruct copy = new SizedStruct(xent_shape.layout(), LEAST_SIZE);

  private final MemorySegment logitsStruct = xent_shape.logits(copy.struct);
  private final MemorySegment outputStruct = xent_shape.output(copy.struct);
  private final MemorySegment gradientStruct = xent_shape.gradient(copy.struct);
  private final MemorySegment upstreamStruct = xent_shape.upstream(copy.struct);
  private final MemorySegment targetsStruct = xent_shape.targets(copy.struct);
  private final MemorySegment lossesStruct = xent_shape.losses(copy.struct);
  private final MemorySegment logSumExpStruct = xent_shape.log_sum_exp(copy.struct);
  private final MemorySegment hitsStruct = xent_shape.hits(copy.struct);

  /** Reads the fields from the copy. */
  void read() {
    outer = xent_shape.outer(copy.struct);
    classes = xent_shape.classes(copy.struct);
    inner = xent_shape.inner(copy.struct);
    logits.load(logitsStruct);
    output.load(outputStruct);
    gradient.load(gradientStruct);
    upstream.load(upstreamStruct);
    targets.load(targetsStruct);
    losses.load(lossesStruct);
    logSumExp.load(logSumExpStruct);
    hits.load(hitsStruct);
  }

  /** The place, in elements, of class 0 of a row; a row is outer index * inner + inner index. */
  long offset(Layout layout, long row) {
    return inner == 1
        ? row * layout.outer
        : row / inner * layout.outer + row % inner * layout.inner;
  }

  /** How many states a row has. */
  long chunks() {
    return (classes + Constants.CHUNK - 1) / Constants.CHUNK;
  }
}

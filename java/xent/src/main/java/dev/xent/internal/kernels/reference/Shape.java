// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.ffi.xent_shape;
import java.lang.foreign.MemorySegment;

/** The sizes of the tensor and the layout of every array of a call: {@code xent_shape}. */
final class Shape {
  /** The size of version 1. */
  private static final long LEAST_SIZE = 768;

  long outer;
  long classes;
  long inner;

  /** How many classes a row of sparse targets has; 0: targets are not sparse. */
  long targetCount;

  long topCount;

  /** The class that the arrays of a shard begin with. */
  long firstClass;

  /** Of all shards together; 0: there is but this one. */
  long allClasses;

  final Layout logits = new Layout();
  final Layout output = new Layout();
  final Layout gradient = new Layout();
  final Layout upstream = new Layout();
  final Layout targets = new Layout();
  final Layout losses = new Layout();
  final Layout logSumExp = new Layout();
  final Layout hits = new Layout();
  final Layout targetWeights = new Layout();
  final Layout rowOffsets = new Layout();
  final Layout classMask = new Layout();
  final Layout classWeights = new Layout();
  final Layout rowWeights = new Layout();
  final Layout sink = new Layout();
  final Layout logProbabilities = new Layout();
  final Layout argmax = new Layout();
  final Layout ranks = new Layout();
  final Layout entropies = new Layout();
  final Layout topClasses = new Layout();
  final Layout topLogProbabilities = new Layout();
  final Layout targetGradient = new Layout();
  final Layout teacher = new Layout();

  final SizedStruct copy = new SizedStruct(xent_shape.layout(), LEAST_SIZE);

  private final MemorySegment logitsStruct = xent_shape.logits(copy.struct);
  private final MemorySegment outputStruct = xent_shape.output(copy.struct);
  private final MemorySegment gradientStruct = xent_shape.gradient(copy.struct);
  private final MemorySegment upstreamStruct = xent_shape.upstream(copy.struct);
  private final MemorySegment targetsStruct = xent_shape.targets(copy.struct);
  private final MemorySegment lossesStruct = xent_shape.losses(copy.struct);
  private final MemorySegment logSumExpStruct = xent_shape.log_sum_exp(copy.struct);
  private final MemorySegment hitsStruct = xent_shape.hits(copy.struct);
  private final MemorySegment targetWeightsStruct = xent_shape.target_weights(copy.struct);
  private final MemorySegment rowOffsetsStruct = xent_shape.row_offsets(copy.struct);
  private final MemorySegment classMaskStruct = xent_shape.class_mask(copy.struct);
  private final MemorySegment classWeightsStruct = xent_shape.class_weights(copy.struct);
  private final MemorySegment rowWeightsStruct = xent_shape.row_weights(copy.struct);
  private final MemorySegment sinkStruct = xent_shape.sink(copy.struct);
  private final MemorySegment logProbabilitiesStruct = xent_shape.log_probabilities(copy.struct);
  private final MemorySegment argmaxStruct = xent_shape.argmax(copy.struct);
  private final MemorySegment ranksStruct = xent_shape.ranks(copy.struct);
  private final MemorySegment entropiesStruct = xent_shape.entropies(copy.struct);
  private final MemorySegment topClassesStruct = xent_shape.top_classes(copy.struct);
  private final MemorySegment topLogProbabilitiesStruct =
      xent_shape.top_log_probabilities(copy.struct);
  private final MemorySegment targetGradientStruct = xent_shape.target_gradient(copy.struct);
  private final MemorySegment teacherStruct = xent_shape.teacher(copy.struct);

  /** Reads the fields from the copy. */
  void read() {
    outer = xent_shape.outer(copy.struct);
    classes = xent_shape.classes(copy.struct);
    inner = xent_shape.inner(copy.struct);
    targetCount = xent_shape.target_count(copy.struct);
    topCount = xent_shape.top_count(copy.struct);
    firstClass = xent_shape.first_class(copy.struct);
    allClasses = xent_shape.all_classes(copy.struct);
    logits.load(logitsStruct);
    output.load(outputStruct);
    gradient.load(gradientStruct);
    upstream.load(upstreamStruct);
    targets.load(targetsStruct);
    losses.load(lossesStruct);
    logSumExp.load(logSumExpStruct);
    hits.load(hitsStruct);
    targetWeights.load(targetWeightsStruct);
    rowOffsets.load(rowOffsetsStruct);
    classMask.load(classMaskStruct);
    classWeights.load(classWeightsStruct);
    classWeights.repeatForRows();
    rowWeights.load(rowWeightsStruct);
    sink.load(sinkStruct);
    logProbabilities.load(logProbabilitiesStruct);
    argmax.load(argmaxStruct);
    ranks.load(ranksStruct);
    entropies.load(entropiesStruct);
    topClasses.load(topClassesStruct);
    topLogProbabilities.load(topLogProbabilitiesStruct);
    targetGradient.load(targetGradientStruct);
    teacher.load(teacherStruct);
  }

  /** The place, in elements, of class 0 of a row; a row is outer index * inner + inner index. */
  long offset(Layout layout, long row) {
    return inner == 1
        ? row * layout.outer
        : row / inner * layout.outer + row % inner * layout.inner;
  }

  /**
   * Whether the targets of the call, if there are any, are labels: not sparse, not probabilities.
   */
  boolean hasLabels() {
    return targetCount == 0 && ElementType.isIn(targets.type, ElementType.LABELS);
  }

  /** The classes of a whole row, of which a shard holds a part. */
  long wholeRow() {
    return allClasses == 0 ? classes : allClasses;
  }

  /** How many states a row has. */
  long chunks() {
    return (classes + Constants.CHUNK - 1) / Constants.CHUNK;
  }
}

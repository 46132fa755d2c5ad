// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.call;

import dev.xent.internal.ffi.xent_shape;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.reference.math.Constants;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** The sizes of the tensor and the layout of every array of a call: {@code xent_shape}. */
public final class Shape {
  /** It may end behind the output or any layout after it. */
  private static final long LEAST_SIZE = xent_shape.gradient$offset();

  public long outer;
  public long classes;
  public long inner;

  /** How many classes a row of sparse targets has; 0: targets are not sparse. */
  public long targetCount;

  public long topCount;

  /** The class that the arrays of a shard begin with. */
  public long firstClass;

  /** Of all shards together; 0: there is but this one. */
  public long allClasses;

  /** How many tokens before a row has in its two lists, with what stands for none. */
  public long promptCount;

  public long outputCount;

  /** How many numbers a hidden state has, and the weights of a class. */
  public long features;

  public final SizedStruct copy = new SizedStruct(xent_shape.layout(), LEAST_SIZE);

  private final List<Layout> layouts = new ArrayList<>();

  public final Layout logits = layout(xent_shape.logits(copy.struct));
  public final Layout output = layout(xent_shape.output(copy.struct));
  public final Layout gradient = layout(xent_shape.gradient(copy.struct));
  public final Layout upstream = layout(xent_shape.upstream(copy.struct));
  public final Layout targets = layout(xent_shape.targets(copy.struct));
  public final Layout losses = layout(xent_shape.losses(copy.struct));
  public final Layout logSumExp = layout(xent_shape.log_sum_exp(copy.struct));
  public final Layout hits = layout(xent_shape.hits(copy.struct));
  public final Layout targetWeights = layout(xent_shape.target_weights(copy.struct));
  public final Layout rowOffsets = layout(xent_shape.row_offsets(copy.struct));
  public final Layout classMask = layout(xent_shape.class_mask(copy.struct));
  public final Layout classWeights = layout(xent_shape.class_weights(copy.struct));
  public final Layout rowWeights = layout(xent_shape.row_weights(copy.struct));
  public final Layout sink = layout(xent_shape.sink(copy.struct));
  public final Layout logProbabilities = layout(xent_shape.log_probabilities(copy.struct));
  public final Layout argmax = layout(xent_shape.argmax(copy.struct));
  public final Layout ranks = layout(xent_shape.ranks(copy.struct));
  public final Layout entropies = layout(xent_shape.entropies(copy.struct));
  public final Layout topClasses = layout(xent_shape.top_classes(copy.struct));
  public final Layout topLogProbabilities = layout(xent_shape.top_log_probabilities(copy.struct));
  public final Layout targetGradient = layout(xent_shape.target_gradient(copy.struct));
  public final Layout teacher = layout(xent_shape.teacher(copy.struct));
  public final Layout elementWeights = layout(xent_shape.element_weights(copy.struct));
  public final Layout positiveWeights = layout(xent_shape.positive_weights(copy.struct));
  public final Layout bias = layout(xent_shape.bias(copy.struct));
  public final Layout promptTokens = layout(xent_shape.prompt_tokens(copy.struct));
  public final Layout outputTokens = layout(xent_shape.output_tokens(copy.struct));
  public final Layout tokens = layout(xent_shape.tokens(copy.struct));
  public final Layout processedLogProbabilities =
      layout(xent_shape.processed_log_probabilities(copy.struct));
  public final Layout kept = layout(xent_shape.kept(copy.struct));
  public final Layout keptMask = layout(xent_shape.kept_mask(copy.struct));
  public final Layout hidden = layout(xent_shape.hidden(copy.struct));
  public final Layout weights = layout(xent_shape.weights(copy.struct));
  public final Layout hiddenGradient = layout(xent_shape.hidden_gradient(copy.struct));
  public final Layout weightsGradient = layout(xent_shape.weights_gradient(copy.struct));
  public final Layout biasGradient = layout(xent_shape.bias_gradient(copy.struct));

  private Layout layout(MemorySegment struct) {
    Layout layout = new Layout(struct);
    layouts.add(layout);
    return layout;
  }

  /** Reads the fields from the copy. */
  public void read() {
    outer = xent_shape.outer(copy.struct);
    classes = xent_shape.classes(copy.struct);
    inner = xent_shape.inner(copy.struct);
    targetCount = xent_shape.target_count(copy.struct);
    topCount = xent_shape.top_count(copy.struct);
    firstClass = xent_shape.first_class(copy.struct);
    allClasses = xent_shape.all_classes(copy.struct);
    promptCount = xent_shape.prompt_count(copy.struct);
    outputCount = xent_shape.output_count(copy.struct);
    features = xent_shape.features(copy.struct);
    layouts.forEach(Layout::load);
    classWeights.repeatForRows();
  }

  /** The place, in elements, of class 0 of a row; a row is outer index * inner + inner index. */
  public long offset(Layout layout, long row) {
    return inner == 1
        ? row * layout.outer
        : row / inner * layout.outer + row % inner * layout.inner;
  }

  /**
   * Whether the targets of the call, if there are any, are labels: not sparse, not probabilities.
   */
  public boolean hasLabels() {
    return targetCount == 0 && ElementType.holds(targets.type, ElementType.LABELS);
  }

  /** The classes of a whole row, of which a shard holds a part. */
  public long wholeRow() {
    return allClasses == 0 ? classes : allClasses;
  }

  /** How many states a row has. */
  public long chunks() {
    return (classes + Constants.CHUNK - 1) / Constants.CHUNK;
  }
}

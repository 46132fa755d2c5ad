// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.errors.OptionException;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What a call reads beside logits and targets, each of it only where it was given.
 *
 * @param targetWeights what each class of a sparse row weighs
 * @param rowOffsets where ragged rows begin
 * @param classMask 0 for classes that do not take part
 * @param rowWeights one per row
 * @param sink one logit per row more in its denominator
 * @param bias of a linear layer, one number per class
 */
public record InputViews(
    @Nullable View targetWeights,
    @Nullable View rowOffsets,
    @Nullable View classMask,
    @Nullable View rowWeights,
    @Nullable View sink,
    @Nullable View bias) {
  /** Nothing. */
  public static final InputViews NONE = new InputViews(null, null, null, null, null, null);

  /** The same with these weights. */
  public InputViews withTargetWeights(@Nullable View view) {
    return new InputViews(view, rowOffsets, classMask, rowWeights, sink, bias);
  }

  /** The same with these offsets. */
  public InputViews withRowOffsets(@Nullable View view) {
    return new InputViews(targetWeights, view, classMask, rowWeights, sink, bias);
  }

  /** The same with this mask. */
  public InputViews withClassMask(@Nullable View view) {
    return new InputViews(targetWeights, rowOffsets, view, rowWeights, sink, bias);
  }

  /** The same with these weights. */
  public InputViews withRowWeights(@Nullable View view) {
    return new InputViews(targetWeights, rowOffsets, classMask, view, sink, bias);
  }

  /** The same with this sink. */
  public InputViews withSink(@Nullable View view) {
    return new InputViews(targetWeights, rowOffsets, classMask, rowWeights, view, bias);
  }

  /** The same with this bias. */
  public InputViews withBias(@Nullable View view) {
    return new InputViews(targetWeights, rowOffsets, classMask, rowWeights, sink, view);
  }

  /** What finishing the states of shards reads, which have the effect of the rest already. */
  InputViews ofFinish() {
    return new InputViews(null, null, null, rowWeights, sink, null);
  }

  /** These, for an operation on logits. */
  public InputViews ofLogits() {
    refuse(bias, "bias", "an operation on logits");
    return this;
  }

  @Override
  public String toString() {
    return new Described("Inputs")
        .option("targetWeights", targetWeights, null)
        .option("rowOffsets", rowOffsets, null)
        .option("classMask", classMask, null)
        .option("rowWeights", rowWeights, null)
        .option("sink", sink, null)
        .option("bias", bias, null)
        .toString();
  }

  void refuseTargetWeights(String operation) {
    refuse(targetWeights, "targetWeights", operation);
  }

  void refuseRowWeights(String operation) {
    refuse(rowWeights, "rowWeights", operation);
  }

  void refuseRowOffsets(String operation) {
    refuse(rowOffsets, "rowOffsets", operation);
  }

  void refuseClassMask(String operation) {
    refuse(classMask, "classMask", operation);
  }

  void refuseSink(String operation) {
    refuse(sink, "sink", operation);
  }

  private static void refuse(@Nullable View view, String name, String operation) {
    if (view != null) {
      throw new OptionException(
          String.format(
              Locale.ROOT,
              "%s is %s, and %s takes none: give inputs without it",
              name,
              view,
              operation));
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
// Written by tools/functions.py: edit its sources, not this file.
package dev.xent.spark;

import dev.xent.LogitLossBuilder;
import dev.xent.LogitOptions;
import dev.xent.Sampler;
import java.util.AbstractMap;
import java.util.List;
import java.util.function.ObjDoubleConsumer;

/** The numbers among the options of functions of logits, of losses and of the sampler. */
abstract class NumberOptions extends AbstractMap<String, String> {
  /** The name of a number, and its setter in a builder. */
  record Number<B>(String name, boolean isWhole, ObjDoubleConsumer<B> setter) {}

  static final List<Number<LogitOptions<?>>> OF_LOGITS =
      List.of(
          new Number<>("temperature", false, LogitOptions::temperature),
          new Number<>("softcap", false, LogitOptions::softcap));

  static final List<Number<LogitLossBuilder<?>>> OF_LOSSES =
      List.of(
          new Number<>("labelSmoothing", false, LogitLossBuilder::labelSmoothing),
          new Number<>("zLoss", false, LogitLossBuilder::zLoss),
          new Number<>("probabilityClamp", false, LogitLossBuilder::probabilityClamp),
          new Number<>("focalGamma", false, LogitLossBuilder::focalGamma));

  static final List<Number<Sampler.Builder>> OF_SAMPLING =
      List.of(
          new Number<>("softcap", false, Sampler.Builder::softcap),
          new Number<>("minKeep", true, (builder, value) -> builder.minKeep((long) value)),
          new Number<>("topK", true, (builder, value) -> builder.topK((long) value)),
          new Number<>("topP", false, Sampler.Builder::topP),
          new Number<>("minP", false, Sampler.Builder::minP),
          new Number<>("typicalP", false, Sampler.Builder::typicalP),
          new Number<>("topNSigma", false, Sampler.Builder::topNSigma),
          new Number<>("xtcProbability", false, Sampler.Builder::xtcProbability),
          new Number<>("xtcThreshold", false, Sampler.Builder::xtcThreshold),
          new Number<>("temperature", false, Sampler.Builder::temperature),
          new Number<>("scale", false, Sampler.Builder::scale),
          new Number<>("dynatempRange", false, Sampler.Builder::dynatempRange),
          new Number<>("dynatempExponent", false, Sampler.Builder::dynatempExponent));

  /** Returns these options and another one. */
  abstract XentOptions with(String name, Object value);

  /** Sets {@link dev.xent.CrossEntropy.Builder#labelSmoothing}. */
  public XentOptions labelSmoothing(double value) {
    return with("labelSmoothing", value);
  }

  /** Sets {@link dev.xent.LogitBuilder#temperature}. */
  public XentOptions temperature(double value) {
    return with("temperature", value);
  }

  /** Sets {@link dev.xent.LogitBuilder#softcap}. */
  public XentOptions softcap(double value) {
    return with("softcap", value);
  }

  /** Sets {@link dev.xent.CrossEntropy.Builder#zLoss}. */
  public XentOptions zLoss(double value) {
    return with("zLoss", value);
  }

  /** Sets {@link dev.xent.CrossEntropy.Builder#probabilityClamp}. */
  public XentOptions probabilityClamp(double value) {
    return with("probabilityClamp", value);
  }

  /** Sets {@link dev.xent.CrossEntropy.Builder#focalGamma}. */
  public XentOptions focalGamma(double value) {
    return with("focalGamma", value);
  }

  /** Sets {@link dev.xent.Sampler.Builder#minKeep}. */
  public XentOptions minKeep(long value) {
    return with("minKeep", value);
  }

  /** Sets {@link dev.xent.Sampler.Builder#topP}. */
  public XentOptions topP(double value) {
    return with("topP", value);
  }

  /** Sets {@link dev.xent.Sampler.Builder#minP}. */
  public XentOptions minP(double value) {
    return with("minP", value);
  }

  /** Sets {@link dev.xent.Sampler.Builder#typicalP}. */
  public XentOptions typicalP(double value) {
    return with("typicalP", value);
  }

  /** Sets {@link dev.xent.Sampler.Builder#topNSigma}. */
  public XentOptions topNSigma(double value) {
    return with("topNSigma", value);
  }

  /** Sets {@link dev.xent.Sampler.Builder#xtcProbability}. */
  public XentOptions xtcProbability(double value) {
    return with("xtcProbability", value);
  }

  /** Sets {@link dev.xent.Sampler.Builder#xtcThreshold}. */
  public XentOptions xtcThreshold(double value) {
    return with("xtcThreshold", value);
  }

  /** Sets {@link dev.xent.Sampler.Builder#scale}. */
  public XentOptions scale(double value) {
    return with("scale", value);
  }

  /** Sets {@link dev.xent.Sampler.Builder#dynatempRange}. */
  public XentOptions dynatempRange(double value) {
    return with("dynatempRange", value);
  }

  /** Sets {@link dev.xent.Sampler.Builder#dynatempExponent}. */
  public XentOptions dynatempExponent(double value) {
    return with("dynatempExponent", value);
  }
}

// SPDX-License-Identifier: Apache-2.0
// Written by tools/functions.py: edit its sources, not this file.
package dev.xent.spark;

import dev.xent.LogitLossBuilder;
import dev.xent.LogitOptions;
import java.util.AbstractMap;
import java.util.List;
import java.util.function.ObjDoubleConsumer;

/** The numbers among the options of functions of logits, and of losses. */
abstract class NumberOptions extends AbstractMap<String, String> {
  /** The name of a number, and its setter in a builder. */
  record Number<B>(String name, ObjDoubleConsumer<B> setter) {}

  static final List<Number<LogitOptions<?>>> OF_LOGITS =
      List.of(
          new Number<>("temperature", LogitOptions::temperature),
          new Number<>("softcap", LogitOptions::softcap));

  static final List<Number<LogitLossBuilder<?>>> OF_LOSSES =
      List.of(
          new Number<>("labelSmoothing", LogitLossBuilder::labelSmoothing),
          new Number<>("gradientScale", LogitLossBuilder::gradientScale),
          new Number<>("zLoss", LogitLossBuilder::zLoss),
          new Number<>("probabilityClamp", LogitLossBuilder::probabilityClamp),
          new Number<>("focalGamma", LogitLossBuilder::focalGamma));

  /** Returns these options and another one. */
  abstract XentOptions with(String name, Object value);

  /** Sets {@link dev.xent.CrossEntropy.Builder#labelSmoothing}. */
  public XentOptions labelSmoothing(double value) {
    return with("labelSmoothing", value);
  }

  /** Sets {@link dev.xent.CrossEntropy.Builder#gradientScale}. */
  public XentOptions gradientScale(double value) {
    return with("gradientScale", value);
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
}

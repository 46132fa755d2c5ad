// SPDX-License-Identifier: Apache-2.0
// Written by tools/functions.py: edit its sources, not this file.
package dev.xent.cli;

import java.util.List;

/** The numbers among the options of builders, as flags. */
final class NumberFlags {
  /** The name in a builder, the label of the value, and the help. */
  record Flag(String name, String label, String help) {}

  static final List<Flag> OF_OPERATIONS =
      List.of(
          new Flag("labelSmoothing", "S",
              "Targets become (1 - S) * target + S / classes;"
                  + " a number from 0 to 1. Default: 0."),
          new Flag("temperature", "T",
              "Divide logits by T, after the softcap;"
                  + " a number from 2^-32 to 2^32. Default: 1."),
          new Flag("softcap", "S",
              "Replace logits by S * tanh(x / S);"
                  + " a number from 2^-32 to 2^32. Default: none."),
          new Flag("zLoss", "L",
              "Add L * lse^2 to the loss of every row;"
                  + " a finite number that is 0 or more. Default: 0."),
          new Flag("probabilityClamp", "C",
              "Clamp the probability of the target to [C, 1 - C] in losses, not in gradients;"
                  + " a number above 0, at most 0.5. Default: none."),
          new Flag("focalGamma", "G",
              "Multiply losses by (1 - p)^G, p the probability of the label; labels only;"
                  + " a number from 0 to 2^32. Default: 0."),
          new Flag("focalAlpha", "A",
              "Weight A of positive targets, 1 - A of negative ones, instead of 1;"
                  + " a number above 0, at most 1. Default: none."));

  static final List<Flag> OF_SAMPLING =
      List.of(
          new Flag("softcap", "S",
              "Replace logits by S * tanh(x / S);"
                  + " a number from 2^-32 to 2^32. Default: none."),
          new Flag("minKeep", "K",
              "Every filter keeps at least K classes;"
                  + " 1 or more. Default: 1."),
          new Flag("topK", "K",
              "Keep the K largest classes;"
                  + " 0, which keeps all classes, or more. Default: 0."),
          new Flag("topP", "P",
              "Keep the smallest set of most likely classes with the total probability P;"
                  + " a number above 0, at most 1, which keeps all classes. Default: 1."),
          new Flag("minP", "P",
              "Keep classes with at least P times the largest probability;"
                  + " a number from 0 to 1. Default: 0."),
          new Flag("typicalP", "P",
              "Keep the classes whose information is nearest to the entropy, with the total probability P;"
                  + " a number above 0, at most 1, which keeps all classes. Default: 1."),
          new Flag("topNSigma", "S",
              "Keep classes at most S standard deviations below the largest logit; 0 keeps all;"
                  + " a number from 0 to 2^32. Default: 0."),
          new Flag("xtcProbability", "P",
              "With this chance, remove all classes above the least likely one that has at least --xtc-threshold;"
                  + " a number from 0 to 1. Default: 0."),
          new Flag("xtcThreshold", "T",
              "The probability of the classes that --xtc-probability removes;"
                  + " a number above 0, at most 1. Default: 0.1."),
          new Flag("temperature", "T",
              "Divide logits by T;"
                  + " 0, which takes the largest logit, or a number from 2^-32 to 2^32. Default: 1."),
          new Flag("repetitionPenalty", "P",
              "Divide positive logits of earlier tokens by P, multiply negative ones;"
                  + " a number from 2^-126 to 3.4e38; 1 changes nothing. Default: 1."),
          new Flag("frequencyPenalty", "P",
              "Subtract P for each time that a class is among the output tokens;"
                  + " a number from -3.4e38 to 3.4e38. Default: 0."),
          new Flag("presencePenalty", "P",
              "Subtract P from classes that are among the output tokens;"
                  + " a number from -3.4e38 to 3.4e38. Default: 0."),
          new Flag("scale", "S",
              "Multiply logits by S, before all else;"
                  + " a number from 2^-32 to 2^32. Default: 1."),
          new Flag("dynatempRange", "R",
              "Let the entropy set the temperature: from T - R, at least 0, to T + R;"
                  + " a number from 0 to 2^32. Default: 0."),
          new Flag("dynatempExponent", "E",
              "The exponent of the entropy in --dynatemp-range;"
                  + " a number from 2^-32 to 2^32. Default: 1."));

  private NumberFlags() {}
}

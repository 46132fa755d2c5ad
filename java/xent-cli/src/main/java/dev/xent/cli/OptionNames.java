// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.options.SamplingRules;
import java.util.Map;
import java.util.regex.Pattern;

/** Replaces names in messages of the library by those of the command line. */
final class OptionNames {
  private static final Map<String, String> OPTIONS =
      Map.ofEntries(
          Map.entry("bias", "--bias"),
          Map.entry("classMask", "--mask"),
          Map.entry("classWeights", "--weight"),
          Map.entry("positiveWeights", "--positive-weights"),
          Map.entry("dynatempExponent", "--dynatemp-exponent"),
          Map.entry("dynatempRange", "--dynatemp-range"),
          Map.entry("frequencyPenalty", "--frequency-penalty"),
          Map.entry("workspace", "--workspace"),
          Map.entry("logProbabilities", "LOGPROBS.npy"), // the input of nll
          Map.entry("minKeep", "--min-keep"),
          Map.entry("minP", "--min-p"),
          Map.entry("outputTokens", "--output-tokens"),
          Map.entry("presencePenalty", "--presence-penalty"),
          Map.entry("promptTokens", "--prompt-tokens"),
          Map.entry("repetitionPenalty", "--repetition-penalty"),
          Map.entry("rowOffsets", "--row-offsets"),
          Map.entry("rowWeights", "--row-weight"),
          Map.entry("scale", "--scale"),
          Map.entry("sink", "--sink"),
          Map.entry("softcap", "--softcap"),
          Map.entry("targetWeights", "--target-weights"),
          Map.entry("temperature", "--temperature"),
          Map.entry("topClasses", "--top-classes"),
          Map.entry("topK", "--top-k"),
          Map.entry("topLogProbabilities", "--top-log-probabilities"),
          Map.entry("topNSigma", "--top-n-sigma"),
          Map.entry("topP", "--top-p"),
          Map.entry("typicalP", "--typical-p"),
          Map.entry("xtcProbability", "--xtc-probability"),
          Map.entry("xtcThreshold", "--xtc-threshold"),
          rules(SamplingRules.TRANSFORMERS),
          rules(SamplingRules.ONNXRUNTIME_GENAI),
          rules(SamplingRules.VLLM));

  private static final Pattern NAME =
      Pattern.compile("\\b(" + String.join("|", OPTIONS.keySet()) + ")\\b");

  private static final Pattern AXIS =
      Pattern.compile("build the operation with axis\\((-?\\d+)\\)");

  private OptionNames() {}

  private static Map.Entry<String, String> rules(SamplingRules rules) {
    return Map.entry(rules.name(), Converters.name(rules));
  }

  /** A message of the library with the names of the command line. */
  static String in(String message) {
    String named = NAME.matcher(message).replaceAll(name -> OPTIONS.get(name.group(1)));
    return AXIS.matcher(named).replaceAll("use --axis $1");
  }
}

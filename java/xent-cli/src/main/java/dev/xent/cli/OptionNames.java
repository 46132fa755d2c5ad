// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.options.SamplingRules;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/** Replaces names in messages of the library by those of the command line. */
final class OptionNames {
  /** Arguments that are options in the words of the command line: {@code topK} is --top-k. */
  private static final String SAME =
      "bias|positiveWeights|dynatempExponent|dynatempRange|frequencyPenalty|workspace|minKeep|minP"
          + "|outputTokens|presencePenalty|promptTokens|repetitionPenalty|rowOffsets|scale|sink"
          + "|softcap|targetWeights|temperature|topClasses|topK|topLogProbabilities|topNSigma|topP"
          + "|typicalP|xtcProbability|xtcThreshold";

  private static final Map<String, String> OTHERS =
      Map.of(
          "classMask", "--mask",
          "classWeights", "--weight",
          "rowWeights", "--row-weight",
          "logProbabilities", "LOGPROBS.npy", // the input of nll
          "TRANSFORMERS", Converters.name(SamplingRules.TRANSFORMERS),
          "ONNXRUNTIME_GENAI", Converters.name(SamplingRules.ONNXRUNTIME_GENAI),
          "VLLM", Converters.name(SamplingRules.VLLM));

  private static final Pattern NAME =
      Pattern.compile("\\b(" + SAME + "|" + String.join("|", OTHERS.keySet()) + ")\\b");

  private static final Pattern AXIS =
      Pattern.compile("build the operation with axis\\((-?\\d+)\\)");

  private OptionNames() {}

  /** A message of the library with the names of the command line. */
  static String in(String message) {
    String named = NAME.matcher(message).replaceAll(name -> nameOf(name.group()));
    return AXIS.matcher(named).replaceAll("use --axis $1");
  }

  private static String nameOf(String argument) {
    return OTHERS.containsKey(argument)
        ? OTHERS.get(argument)
        : "--" + argument.replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT);
  }
}

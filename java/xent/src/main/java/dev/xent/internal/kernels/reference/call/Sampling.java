// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.call;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_sampling;
import java.lang.foreign.MemorySegment;

/** The sampling parameters: {@code xent_sampling}. A parameter that is 0 is not used. */
public final class Sampling {
  /** The order of the filters for each number of rules. */
  private static final long[] ORDERS = new long[5];

  static {
    int temperature = XentH.XENT_FILTER_TEMPERATURE();
    int sigma = XentH.XENT_FILTER_TOP_N_SIGMA();
    int k = XentH.XENT_FILTER_TOP_K();
    int p = XentH.XENT_FILTER_TOP_P();
    int min = XentH.XENT_FILTER_MIN_P();
    int typical = XentH.XENT_FILTER_TYPICAL_P();
    int xtc = XentH.XENT_FILTER_XTC();
    ORDERS[XentH.XENT_RULES_XENT()] = order(temperature, sigma, k, p, min, typical, xtc);
    ORDERS[XentH.XENT_RULES_TRANSFORMERS()] = order(temperature, k, p, min, typical);
    ORDERS[XentH.XENT_RULES_VLLM()] = order(temperature, min, k, p);
    ORDERS[XentH.XENT_RULES_LLAMA_CPP()] = order(sigma, k, typical, p, min, xtc, temperature);
    ORDERS[XentH.XENT_RULES_ONNXRUNTIME_GENAI()] = order(temperature, k, p);
  }

  private static long order(int... filters) {
    long order = 0;
    for (int i = filters.length - 1; i >= 0; i--) {
      order = order << Byte.SIZE | filters[i];
    }
    return order;
  }

  public int rules;
  public int ties;
  public int greedy;
  public long minKeep;
  public long topK;
  public double topP;
  public double minP;
  public double typicalP;
  public double temperature;
  public double repetitionPenalty;
  public double frequencyPenalty;
  public double presencePenalty;
  public long seed;
  public long stream;
  public int step;
  public int draw;
  public double topNSigma;
  public double xtcProbability;
  public double xtcThreshold;
  public double dynatempRange;
  private double dynatempExponent;
  private double scale;
  private long order;

  /** Reads the parameters at an index of an array. */
  public void load(MemorySegment array, long index) {
    long at = index * xent_sampling.sizeof(); // no slice, which would be allocated
    rules = array.get(JAVA_INT, at + xent_sampling.rules$offset());
    ties = array.get(JAVA_INT, at + xent_sampling.ties$offset());
    greedy = array.get(JAVA_INT, at + xent_sampling.greedy$offset());
    minKeep = array.get(JAVA_LONG, at + xent_sampling.min_keep$offset());
    topK = array.get(JAVA_LONG, at + xent_sampling.top_k$offset());
    topP = array.get(JAVA_DOUBLE, at + xent_sampling.top_p$offset());
    minP = array.get(JAVA_DOUBLE, at + xent_sampling.min_p$offset());
    typicalP = array.get(JAVA_DOUBLE, at + xent_sampling.typical_p$offset());
    temperature = array.get(JAVA_DOUBLE, at + xent_sampling.temperature$offset());
    repetitionPenalty = array.get(JAVA_DOUBLE, at + xent_sampling.repetition_penalty$offset());
    frequencyPenalty = array.get(JAVA_DOUBLE, at + xent_sampling.frequency_penalty$offset());
    presencePenalty = array.get(JAVA_DOUBLE, at + xent_sampling.presence_penalty$offset());
    seed = array.get(JAVA_LONG, at + xent_sampling.seed$offset());
    stream = array.get(JAVA_LONG, at + xent_sampling.stream$offset());
    step = array.get(JAVA_INT, at + xent_sampling.step$offset());
    draw = array.get(JAVA_INT, at + xent_sampling.draw$offset());
    topNSigma = array.get(JAVA_DOUBLE, at + xent_sampling.top_n_sigma$offset());
    xtcProbability = array.get(JAVA_DOUBLE, at + xent_sampling.xtc_probability$offset());
    xtcThreshold = array.get(JAVA_DOUBLE, at + xent_sampling.xtc_threshold$offset());
    order = array.get(JAVA_LONG, at + xent_sampling.order$offset());
    scale = array.get(JAVA_DOUBLE, at + xent_sampling.scale$offset());
    dynatempRange = array.get(JAVA_DOUBLE, at + xent_sampling.dynatemp_range$offset());
    dynatempExponent = array.get(JAVA_DOUBLE, at + xent_sampling.dynatemp_exponent$offset());
  }

  /** The numbers of the filters, one per byte, the first in the lowest byte. */
  public long order() {
    return order != 0 ? order : ORDERS[rules];
  }

  /** The factor of the logits. */
  public double scale() {
    return scale == 0 ? 1 : scale;
  }

  /** The exponent of the entropy in the dynamic temperature. */
  public double dynatempExponent() {
    return dynatempExponent == 0 ? 1 : dynatempExponent;
  }

  /** Whether top-k keeps all classes whose value equals the k-th. */
  public boolean keepsAllTies() {
    boolean byRules = rules == XentH.XENT_RULES_TRANSFORMERS() || rules == XentH.XENT_RULES_VLLM();
    return ties == XentH.XENT_TIES_ALL() || (ties == XentH.XENT_TIES_OF_RULES() && byRules);
  }
}

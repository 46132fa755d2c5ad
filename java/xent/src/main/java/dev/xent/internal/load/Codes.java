// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import dev.xent.internal.ffi.XentH;
import dev.xent.options.FullyMasked;
import dev.xent.options.Isa;
import dev.xent.options.SamplingFilter;
import dev.xent.options.SamplingRules;
import dev.xent.options.Smoothing;
import dev.xent.options.Ties;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Maps enums of the Java API to the numbers of the C API. */
public final class Codes {
  private Codes() {}

  /** The number of an instruction set. */
  public static int of(Isa isa) {
    return switch (isa) {
      case BEST -> XentH.XENT_ISA_BEST();
      case SCALAR -> XentH.XENT_ISA_SCALAR();
      case AVX2 -> XentH.XENT_ISA_AVX2();
      case AVX512 -> XentH.XENT_ISA_AVX512();
      case NEON -> XentH.XENT_ISA_NEON();
    };
  }

  /** The number of a policy for fully masked rows. */
  public static int of(FullyMasked policy) {
    return switch (policy) {
      case NAN -> XentH.XENT_FULLY_MASKED_NAN();
      case ZERO -> XentH.XENT_FULLY_MASKED_ZERO();
    };
  }

  /** The number of sampling rules. */
  public static int of(SamplingRules rules) {
    return switch (rules) {
      case XENT -> XentH.XENT_RULES_XENT();
      case TRANSFORMERS -> XentH.XENT_RULES_TRANSFORMERS();
      case VLLM -> XentH.XENT_RULES_VLLM();
      case LLAMA_CPP -> XentH.XENT_RULES_LLAMA_CPP();
      case ONNXRUNTIME_GENAI -> XentH.XENT_RULES_ONNXRUNTIME_GENAI();
    };
  }

  /** The number of a filter. */
  public static int of(SamplingFilter filter) {
    return switch (filter) {
      case TOP_K -> XentH.XENT_FILTER_TOP_K();
      case TOP_P -> XentH.XENT_FILTER_TOP_P();
      case MIN_P -> XentH.XENT_FILTER_MIN_P();
      case TYPICAL_P -> XentH.XENT_FILTER_TYPICAL_P();
      case TOP_N_SIGMA -> XentH.XENT_FILTER_TOP_N_SIGMA();
      case XTC -> XentH.XENT_FILTER_XTC();
      case TEMPERATURE -> XentH.XENT_FILTER_TEMPERATURE();
    };
  }

  /** The numbers of filters, one per byte, the first in the lowest byte. */
  public static long of(List<SamplingFilter> order) {
    long numbers = 0;
    for (int i = order.size() - 1; i >= 0; i--) {
      numbers = numbers << Byte.SIZE | of(order.get(i));
    }
    return numbers;
  }

  /** The number of a treatment of ties; null selects that of the rules. */
  public static int of(@Nullable Ties ties) {
    if (ties == null) {
      return XentH.XENT_TIES_OF_RULES();
    }
    return switch (ties) {
      case FIRST -> XentH.XENT_TIES_FIRST();
      case ALL -> XentH.XENT_TIES_ALL();
    };
  }

  /** The number of a kind of smoothing. */
  public static int of(Smoothing smoothing) {
    return switch (smoothing) {
      case UNIFORM -> XentH.XENT_SMOOTHING_UNIFORM();
      case OTHERS -> XentH.XENT_SMOOTHING_OTHERS();
    };
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import dev.xent.internal.ffi.XentH;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/**
 * Calls that may get heap arrays and have no transition to the native state: cheaper for short
 * work, but the garbage collector waits until they return.
 *
 * <p>The class resolves every function when it is initialised, so a library that lacks one is found
 * out before anything is computed.
 */
final class CriticalCalls {
  /** {@link MemorySegment#address}; the other handles need it, so it comes first. */
  private static final MethodHandle ADDRESS = addressOfSegment();

  private static final MethodHandle SOFTMAX_FORWARD =
      handle(XentH.xent_softmax_forward$address(), XentH.xent_softmax_forward$descriptor());
  private static final MethodHandle LOG_SOFTMAX_FORWARD =
      handle(XentH.xent_log_softmax_forward$address(), XentH.xent_log_softmax_forward$descriptor());
  private static final MethodHandle LOG_SUM_EXP =
      handle(XentH.xent_log_sum_exp$address(), XentH.xent_log_sum_exp$descriptor());
  private static final MethodHandle SOFTMAX_BACKWARD =
      handle(XentH.xent_softmax_backward$address(), XentH.xent_softmax_backward$descriptor());
  private static final MethodHandle LOG_SOFTMAX_BACKWARD =
      handle(
          XentH.xent_log_softmax_backward$address(), XentH.xent_log_softmax_backward$descriptor());
  private static final MethodHandle CHECK_TARGETS =
      handle(XentH.xent_check_targets$address(), XentH.xent_check_targets$descriptor());
  private static final MethodHandle CROSS_ENTROPY_FORWARD =
      handle(
          XentH.xent_cross_entropy_forward$address(),
          XentH.xent_cross_entropy_forward$descriptor());
  private static final MethodHandle CROSS_ENTROPY_FULL =
      handle(XentH.xent_cross_entropy_full$address(), XentH.xent_cross_entropy_full$descriptor());
  private static final MethodHandle CROSS_ENTROPY_BACKWARD =
      handle(
          XentH.xent_cross_entropy_backward$address(),
          XentH.xent_cross_entropy_backward$descriptor());
  private static final MethodHandle KL_DIVERGENCE =
      handle(XentH.xent_kl_divergence$address(), XentH.xent_kl_divergence$descriptor());
  private static final MethodHandle FORWARD_STATES =
      handle(XentH.xent_forward_states$address(), XentH.xent_forward_states$descriptor());
  private static final MethodHandle BACKWARD_STATES =
      handle(XentH.xent_backward_states$address(), XentH.xent_backward_states$descriptor());
  private static final MethodHandle FINISH =
      handle(XentH.xent_finish$address(), XentH.xent_finish$descriptor());
  private static final MethodHandle TALLY_ADD =
      plainHandle(XentH.xent_tally_add$address(), XentH.xent_tally_add$descriptor());

  private CriticalCalls() {}

  /** Initialises the class, and with it every handle. */
  static void resolve() {}

  /**
   * The handle of a function whose first two arguments are the shape and the options and whose last
   * one is the report. These structs go as numbers, which take the registers and stack places of
   * pointers: the linker need not hold memory that nobody but the caller can take away.
   */
  private static MethodHandle handle(MemorySegment address, FunctionDescriptor descriptor) {
    MemoryLayout[] arguments = descriptor.argumentLayouts().toArray(MemoryLayout[]::new);
    int[] structs = {0, 1, arguments.length - 1};
    for (int i : structs) {
      arguments[i] = ValueLayout.JAVA_LONG;
    }
    MethodHandle handle =
        plainHandle(address, FunctionDescriptor.of(ValueLayout.JAVA_INT, arguments));
    for (int i : structs) {
      handle = MethodHandles.filterArguments(handle, i, ADDRESS);
    }
    return handle;
  }

  private static MethodHandle plainHandle(MemorySegment address, FunctionDescriptor descriptor) {
    return Linker.nativeLinker().downcallHandle(address, descriptor, Linker.Option.critical(true));
  }

  private static MethodHandle addressOfSegment() {
    try {
      return MethodHandles.publicLookup()
          .findVirtual(MemorySegment.class, "address", MethodType.methodType(long.class));
    } catch (ReflectiveOperationException e) {
      throw new AssertionError(e);
    }
  }

  /** No function declares an exception; what the linker throws is unchecked. */
  private static RuntimeException unchecked(Throwable thrown) {
    if (thrown instanceof Error error) {
      throw error;
    }
    return (RuntimeException) thrown;
  }

  static int softmaxForward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment logits,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment sink,
      MemorySegment statistics,
      MemorySegment output,
      MemorySegment report) {
    try {
      return (int)
          SOFTMAX_FORWARD.invokeExact(
              shape,
              options,
              rowBegin,
              rowEnd,
              classBegin,
              classEnd,
              logits,
              rowOffsets,
              classMask,
              sink,
              statistics,
              output,
              report);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  static int logSoftmaxForward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment logits,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment sink,
      MemorySegment statistics,
      MemorySegment output,
      MemorySegment report) {
    try {
      return (int)
          LOG_SOFTMAX_FORWARD.invokeExact(
              shape,
              options,
              rowBegin,
              rowEnd,
              classBegin,
              classEnd,
              logits,
              rowOffsets,
              classMask,
              sink,
              statistics,
              output,
              report);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  static int logSumExp(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment sink,
      MemorySegment logSumExp,
      MemorySegment report) {
    try {
      return (int)
          LOG_SUM_EXP.invokeExact(
              shape,
              options,
              rowBegin,
              rowEnd,
              logits,
              rowOffsets,
              classMask,
              sink,
              logSumExp,
              report);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  static int softmaxBackward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment output,
      MemorySegment upstream,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment statistics,
      MemorySegment gradient,
      MemorySegment report) {
    try {
      return (int)
          SOFTMAX_BACKWARD.invokeExact(
              shape,
              options,
              rowBegin,
              rowEnd,
              classBegin,
              classEnd,
              output,
              upstream,
              rowOffsets,
              classMask,
              statistics,
              gradient,
              report);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  static int logSoftmaxBackward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment output,
      MemorySegment upstream,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment statistics,
      MemorySegment gradient,
      MemorySegment report) {
    try {
      return (int)
          LOG_SOFTMAX_BACKWARD.invokeExact(
              shape,
              options,
              rowBegin,
              rowEnd,
              classBegin,
              classEnd,
              output,
              upstream,
              rowOffsets,
              classMask,
              statistics,
              gradient,
              report);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  static int checkTargets(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment targets,
      MemorySegment targetWeights,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment classWeights,
      MemorySegment rowWeights,
      MemorySegment weights,
      MemorySegment report) {
    try {
      return (int)
          CHECK_TARGETS.invokeExact(
              shape,
              options,
              rowBegin,
              rowEnd,
              targets,
              targetWeights,
              rowOffsets,
              classMask,
              classWeights,
              rowWeights,
              weights,
              report);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  static int crossEntropyForward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment losses,
      MemorySegment logSumExp,
      MemorySegment hits,
      MemorySegment gradient,
      MemorySegment statistics,
      MemorySegment tally,
      MemorySegment report) {
    try {
      return (int)
          CROSS_ENTROPY_FORWARD.invokeExact(
              shape,
              options,
              rowBegin,
              rowEnd,
              logits,
              targets,
              losses,
              logSumExp,
              hits,
              gradient,
              statistics,
              tally,
              report);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  static int crossEntropyFull(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment targetWeights,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment classWeights,
      MemorySegment rowWeights,
      MemorySegment sink,
      MemorySegment losses,
      MemorySegment logSumExp,
      MemorySegment hits,
      MemorySegment logProbabilities,
      MemorySegment argmax,
      MemorySegment ranks,
      MemorySegment entropies,
      MemorySegment topClasses,
      MemorySegment topLogProbabilities,
      MemorySegment gradient,
      MemorySegment targetGradient,
      MemorySegment statistics,
      MemorySegment tally,
      MemorySegment report) {
    try {
      return (int)
          CROSS_ENTROPY_FULL.invokeExact(
              shape,
              options,
              rowBegin,
              rowEnd,
              logits,
              targets,
              targetWeights,
              rowOffsets,
              classMask,
              classWeights,
              rowWeights,
              sink,
              losses,
              logSumExp,
              hits,
              logProbabilities,
              argmax,
              ranks,
              entropies,
              topClasses,
              topLogProbabilities,
              gradient,
              targetGradient,
              statistics,
              tally,
              report);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  static int crossEntropyBackward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment targetWeights,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment classWeights,
      MemorySegment rowWeights,
      MemorySegment statistics,
      MemorySegment upstream,
      MemorySegment gradient,
      MemorySegment report) {
    try {
      return (int)
          CROSS_ENTROPY_BACKWARD.invokeExact(
              shape,
              options,
              rowBegin,
              rowEnd,
              classBegin,
              classEnd,
              logits,
              targets,
              targetWeights,
              rowOffsets,
              classMask,
              classWeights,
              rowWeights,
              statistics,
              upstream,
              gradient,
              report);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  static int klDivergence(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment teacher,
      MemorySegment classMask,
      MemorySegment rowWeights,
      MemorySegment losses,
      MemorySegment gradient,
      MemorySegment tally,
      MemorySegment report) {
    try {
      return (int)
          KL_DIVERGENCE.invokeExact(
              shape,
              options,
              rowBegin,
              rowEnd,
              logits,
              teacher,
              classMask,
              rowWeights,
              losses,
              gradient,
              tally,
              report);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  static int forwardStates(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment targetWeights,
      MemorySegment classMask,
      MemorySegment classWeights,
      MemorySegment statistics,
      MemorySegment states,
      MemorySegment report) {
    try {
      return (int)
          FORWARD_STATES.invokeExact(
              shape,
              options,
              rowBegin,
              rowEnd,
              classBegin,
              classEnd,
              logits,
              targets,
              targetWeights,
              classMask,
              classWeights,
              statistics,
              states,
              report);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  static int backwardStates(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment output,
      MemorySegment upstream,
      MemorySegment classMask,
      MemorySegment states,
      MemorySegment report) {
    try {
      return (int)
          BACKWARD_STATES.invokeExact(
              shape,
              options,
              rowBegin,
              rowEnd,
              classBegin,
              classEnd,
              output,
              upstream,
              classMask,
              states,
              report);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  static int finish(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment states,
      MemorySegment targets,
      MemorySegment classWeights,
      MemorySegment rowWeights,
      MemorySegment sink,
      int secondRound,
      MemorySegment statistics,
      MemorySegment losses,
      MemorySegment logSumExp,
      MemorySegment hits,
      MemorySegment tally,
      MemorySegment report) {
    try {
      return (int)
          FINISH.invokeExact(
              shape,
              options,
              rowBegin,
              rowEnd,
              states,
              targets,
              classWeights,
              rowWeights,
              sink,
              secondRound,
              statistics,
              losses,
              logSumExp,
              hits,
              tally,
              report);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  static int tallyAdd(
      MemorySegment tally, MemorySegment values, int type, long stride, long count) {
    try {
      return (int) TALLY_ADD.invokeExact(tally, values, type, stride, count);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }
}

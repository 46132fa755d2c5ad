// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_shape;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/**
 * The native library's kernels. To be made after the library has been loaded by this class's
 * loader.
 *
 * <p>Every function has two handles, and its first argument says which one is called. Critical
 * calls may get heap arrays and have no transition to the native state: cheaper for short work, but
 * the garbage collector waits until they return. So short work and heap arrays go through them; the
 * caller keeps calls with heap arrays short.
 *
 * <p>A function has its handles from its first call on, which takes ten to thirty milliseconds: a
 * program pays for those that it calls.
 */
public final class NativeKernels implements Kernels {
  /**
   * Up to this {@link Effort} a call is critical: the transition to the native state and back takes
   * as long as a dozen elements, and a collector that has to wait waits about a microsecond.
   */
  static final long BRIEF = 2048;

  /** {@link MemorySegment#address}; the other handles need it, so it comes first. */
  private static final MethodHandle ADDRESS = addressOfSegment();

  private static final class Softmax {
    static final MethodHandle HANDLE =
        eitherWay(
            XentH.xent_softmax_at$handle(),
            critical(XentH.xent_softmax_at$address(), XentH.xent_softmax_at$descriptor()));
  }

  private static final class LogSoftmax {
    static final MethodHandle HANDLE =
        eitherWay(
            XentH.xent_log_softmax_at$handle(),
            critical(XentH.xent_log_softmax_at$address(), XentH.xent_log_softmax_at$descriptor()));
  }

  private static final class LogSumExp {
    static final MethodHandle HANDLE =
        eitherWay(
            XentH.xent_log_sum_exp_at$handle(),
            critical(XentH.xent_log_sum_exp_at$address(), XentH.xent_log_sum_exp_at$descriptor()));
  }

  private static final class SoftmaxBackward {
    static final MethodHandle HANDLE =
        eitherWay(
            XentH.xent_softmax_backward_at$handle(),
            critical(
                XentH.xent_softmax_backward_at$address(),
                XentH.xent_softmax_backward_at$descriptor()));
  }

  private static final class LogSoftmaxBackward {
    static final MethodHandle HANDLE =
        eitherWay(
            XentH.xent_log_softmax_backward_at$handle(),
            critical(
                XentH.xent_log_softmax_backward_at$address(),
                XentH.xent_log_softmax_backward_at$descriptor()));
  }

  private static final class CheckTargets {
    static final MethodHandle HANDLE =
        eitherWay(
            XentH.xent_check_targets_at$handle(),
            critical(
                XentH.xent_check_targets_at$address(), XentH.xent_check_targets_at$descriptor()));
  }

  private static final class CrossEntropyPlain {
    static final MethodHandle HANDLE =
        eitherWay(
            XentH.xent_cross_entropy_plain_at$handle(),
            critical(
                XentH.xent_cross_entropy_plain_at$address(),
                XentH.xent_cross_entropy_plain_at$descriptor()));
  }

  private static final class CrossEntropy {
    static final MethodHandle HANDLE =
        eitherWay(
            XentH.xent_cross_entropy_at$handle(),
            critical(
                XentH.xent_cross_entropy_at$address(), XentH.xent_cross_entropy_at$descriptor()));
  }

  private static final class CrossEntropyBackward {
    static final MethodHandle HANDLE =
        eitherWay(
            XentH.xent_cross_entropy_backward_at$handle(),
            critical(
                XentH.xent_cross_entropy_backward_at$address(),
                XentH.xent_cross_entropy_backward_at$descriptor()));
  }

  private static final class SelectedLogProbabilities {
    static final MethodHandle HANDLE =
        eitherWay(
            XentH.xent_selected_log_probabilities_at$handle(),
            critical(
                XentH.xent_selected_log_probabilities_at$address(),
                XentH.xent_selected_log_probabilities_at$descriptor()));
  }

  private static final class SelectedLogProbabilitiesBackward {
    static final MethodHandle HANDLE =
        eitherWay(
            XentH.xent_selected_log_probabilities_backward_at$handle(),
            critical(
                XentH.xent_selected_log_probabilities_backward_at$address(),
                XentH.xent_selected_log_probabilities_backward_at$descriptor()));
  }

  private static final class KlDivergence {
    static final MethodHandle HANDLE =
        eitherWay(
            XentH.xent_kl_divergence_at$handle(),
            critical(
                XentH.xent_kl_divergence_at$address(), XentH.xent_kl_divergence_at$descriptor()));
  }

  private static final class CrossEntropyHvp {
    static final MethodHandle HANDLE =
        eitherWay(
            XentH.xent_cross_entropy_hvp_at$handle(),
            critical(
                XentH.xent_cross_entropy_hvp_at$address(),
                XentH.xent_cross_entropy_hvp_at$descriptor()));
  }

  private static final class BinaryCrossEntropy {
    static final MethodHandle HANDLE =
        eitherWay(
            XentH.xent_binary_cross_entropy_at$handle(),
            critical(
                XentH.xent_binary_cross_entropy_at$address(),
                XentH.xent_binary_cross_entropy_at$descriptor()));
  }

  private static final class Sample {
    static final MethodHandle HANDLE =
        eitherWay(
            XentH.xent_sample_at$handle(),
            critical(XentH.xent_sample_at$address(), XentH.xent_sample_at$descriptor()));
  }

  private static final class JensenShannonDivergence {
    static final MethodHandle HANDLE =
        eitherWay(
            XentH.xent_jensen_shannon_divergence_at$handle(),
            critical(
                XentH.xent_jensen_shannon_divergence_at$address(),
                XentH.xent_jensen_shannon_divergence_at$descriptor()));
  }

  private static final class TotalVariation {
    static final MethodHandle HANDLE =
        eitherWay(
            XentH.xent_total_variation_at$handle(),
            critical(
                XentH.xent_total_variation_at$address(),
                XentH.xent_total_variation_at$descriptor()));
  }

  private static final class LinearCrossEntropy {
    static final MethodHandle HANDLE =
        eitherWay(
            XentH.xent_linear_cross_entropy_at$handle(),
            critical(
                XentH.xent_linear_cross_entropy_at$address(),
                XentH.xent_linear_cross_entropy_at$descriptor()));
  }

  private static final class LinearCrossEntropyBackward {
    static final MethodHandle HANDLE =
        eitherWay(
            XentH.xent_linear_cross_entropy_backward_at$handle(),
            critical(
                XentH.xent_linear_cross_entropy_backward_at$address(),
                XentH.xent_linear_cross_entropy_backward_at$descriptor()));
  }

  private static final class LinearStates {
    static final MethodHandle HANDLE =
        eitherWay(
            XentH.xent_linear_states_at$handle(),
            critical(
                XentH.xent_linear_states_at$address(), XentH.xent_linear_states_at$descriptor()));
  }

  private static final class ForwardStates {
    static final MethodHandle HANDLE =
        eitherWay(
            XentH.xent_forward_states_at$handle(),
            critical(
                XentH.xent_forward_states_at$address(), XentH.xent_forward_states_at$descriptor()));
  }

  private static final class BackwardStates {
    static final MethodHandle HANDLE =
        eitherWay(
            XentH.xent_backward_states_at$handle(),
            critical(
                XentH.xent_backward_states_at$address(),
                XentH.xent_backward_states_at$descriptor()));
  }

  private static final class Finish {
    static final MethodHandle HANDLE =
        eitherWay(
            XentH.xent_finish_at$handle(),
            critical(XentH.xent_finish_at$address(), XentH.xent_finish_at$descriptor()));
  }

  private static final class TallyAdd {
    static final MethodHandle HANDLE =
        eitherWay(
            XentH.xent_tally_add$handle(),
            plainCritical(XentH.xent_tally_add$address(), XentH.xent_tally_add$descriptor()));
  }

  /** Calls one or the other, as its first argument says: critical or not. */
  private static MethodHandle eitherWay(MethodHandle plain, MethodHandle critical) {
    return MethodHandles.guardWithTest(
        MethodHandles.identity(boolean.class),
        MethodHandles.dropArguments(critical, 0, boolean.class),
        MethodHandles.dropArguments(plain, 0, boolean.class));
  }

  /**
   * The critical handle of a function whose first two arguments are the shape and the options and
   * whose last one is the report. These structs go as numbers, which take the registers and stack
   * places of pointers: the linker need not hold memory that nobody but the caller can take away.
   */
  private static MethodHandle critical(MemorySegment address, FunctionDescriptor descriptor) {
    MemoryLayout[] arguments = descriptor.argumentLayouts().toArray(MemoryLayout[]::new);
    int[] structs = {0, 1, arguments.length - 1};
    for (int i : structs) {
      arguments[i] = ValueLayout.JAVA_LONG;
    }
    MethodHandle handle =
        plainCritical(address, FunctionDescriptor.of(ValueLayout.JAVA_INT, arguments));
    for (int i : structs) {
      handle = MethodHandles.filterArguments(handle, i, ADDRESS);
    }
    return handle;
  }

  private static MethodHandle plainCritical(MemorySegment address, FunctionDescriptor descriptor) {
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

  private static boolean isBrief(long rows, long classes) {
    return Effort.of(rows, classes) <= BRIEF;
  }

  private static boolean isBrief(MemorySegment shape, long rowBegin, long rowEnd) {
    return isBrief(rowEnd - rowBegin, xent_shape.classes(shape));
  }

  private static boolean isBrief(long rowBegin, long rowEnd, long classBegin, long classEnd) {
    return isBrief(rowEnd - rowBegin, classEnd - classBegin);
  }

  private static boolean onHeap(MemorySegment a) {
    return !a.isNative();
  }

  private static boolean onHeap(MemorySegment a, MemorySegment b) {
    return onHeap(a) || onHeap(b);
  }

  private static boolean onHeap(MemorySegment a, MemorySegment b, MemorySegment c) {
    return onHeap(a, b) || onHeap(c);
  }

  @Override
  public int softmaxForward(
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
    boolean critical =
        isBrief(rowBegin, rowEnd, classBegin, classEnd)
            || onHeap(logits, rowOffsets, classMask)
            || onHeap(sink, output);
    try {
      return (int)
          Softmax.HANDLE.invokeExact(
              critical,
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

  @Override
  public int logSoftmaxForward(
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
    boolean critical =
        isBrief(rowBegin, rowEnd, classBegin, classEnd)
            || onHeap(logits, rowOffsets, classMask)
            || onHeap(sink, output);
    try {
      return (int)
          LogSoftmax.HANDLE.invokeExact(
              critical,
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

  @Override
  public int logSumExp(
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
    boolean critical =
        isBrief(shape, rowBegin, rowEnd)
            || onHeap(logits, rowOffsets, classMask)
            || onHeap(sink, logSumExp);
    try {
      return (int)
          LogSumExp.HANDLE.invokeExact(
              critical,
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

  @Override
  public int softmaxBackward(
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
    boolean critical =
        isBrief(rowBegin, rowEnd, classBegin, classEnd)
            || onHeap(output, upstream, rowOffsets)
            || onHeap(classMask, gradient);
    try {
      return (int)
          SoftmaxBackward.HANDLE.invokeExact(
              critical,
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

  @Override
  public int logSoftmaxBackward(
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
    boolean critical =
        isBrief(rowBegin, rowEnd, classBegin, classEnd)
            || onHeap(output, upstream, rowOffsets)
            || onHeap(classMask, gradient);
    try {
      return (int)
          LogSoftmaxBackward.HANDLE.invokeExact(
              critical,
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

  @Override
  public int checkTargets(
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
    boolean critical =
        isBrief(shape, rowBegin, rowEnd)
            || onHeap(targets, targetWeights, rowOffsets)
            || onHeap(classMask, classWeights, rowWeights);
    try {
      return (int)
          CheckTargets.HANDLE.invokeExact(
              critical,
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

  @Override
  public int plainCrossEntropy(
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
    boolean critical =
        isBrief(shape, rowBegin, rowEnd)
            || onHeap(logits, targets, losses)
            || onHeap(logSumExp, hits, gradient);
    try {
      return (int)
          CrossEntropyPlain.HANDLE.invokeExact(
              critical,
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

  @Override
  public int crossEntropy(
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
    boolean critical =
        isBrief(shape, rowBegin, rowEnd)
            || onHeap(logits, targets, targetWeights)
            || onHeap(rowOffsets, classMask, classWeights)
            || onHeap(rowWeights, sink, losses)
            || onHeap(logSumExp, hits, logProbabilities)
            || onHeap(argmax, ranks, entropies)
            || onHeap(topClasses, topLogProbabilities, gradient)
            || onHeap(targetGradient);
    try {
      return (int)
          CrossEntropy.HANDLE.invokeExact(
              critical,
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

  @Override
  public int crossEntropyBackward(
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
    boolean critical =
        isBrief(rowBegin, rowEnd, classBegin, classEnd)
            || onHeap(logits, targets, targetWeights)
            || onHeap(rowOffsets, classMask, classWeights)
            || onHeap(rowWeights, upstream, gradient);
    try {
      return (int)
          CrossEntropyBackward.HANDLE.invokeExact(
              critical,
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

  @Override
  public int selectedLogProbabilities(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment sink,
      MemorySegment upstream,
      MemorySegment logProbabilities,
      MemorySegment gradient,
      MemorySegment statistics,
      MemorySegment report) {
    boolean critical =
        isBrief(shape, rowBegin, rowEnd)
            || onHeap(logits, targets, rowOffsets)
            || onHeap(classMask, sink, upstream)
            || onHeap(logProbabilities, gradient);
    try {
      return (int)
          SelectedLogProbabilities.HANDLE.invokeExact(
              critical,
              shape,
              options,
              rowBegin,
              rowEnd,
              logits,
              targets,
              rowOffsets,
              classMask,
              sink,
              upstream,
              logProbabilities,
              gradient,
              statistics,
              report);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  @Override
  public int selectedLogProbabilitiesBackward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment statistics,
      MemorySegment upstream,
      MemorySegment gradient,
      MemorySegment report) {
    boolean critical =
        isBrief(shape, rowBegin, rowEnd)
            || onHeap(logits, targets, rowOffsets)
            || onHeap(classMask, upstream, gradient);
    try {
      return (int)
          SelectedLogProbabilitiesBackward.HANDLE.invokeExact(
              critical,
              shape,
              options,
              rowBegin,
              rowEnd,
              logits,
              targets,
              rowOffsets,
              classMask,
              statistics,
              upstream,
              gradient,
              report);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  @Override
  public int divergence(
      int kind,
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
    boolean critical =
        isBrief(shape, rowBegin, rowEnd)
            || onHeap(logits, teacher, classMask)
            || onHeap(rowWeights, losses, gradient);
    MethodHandle function =
        switch (kind) {
          case JENSEN_SHANNON -> JensenShannonDivergence.HANDLE;
          case Kernels.TOTAL_VARIATION -> TotalVariation.HANDLE;
          default -> KlDivergence.HANDLE;
        };
    try {
      return (int)
          function.invokeExact(
              critical,
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

  @Override
  public int crossEntropyHvp(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment upstream,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment rowWeights,
      MemorySegment sink,
      MemorySegment output,
      MemorySegment report) {
    boolean critical =
        isBrief(shape, rowBegin, rowEnd)
            || onHeap(logits, upstream, rowOffsets)
            || onHeap(classMask, rowWeights, sink)
            || onHeap(output);
    try {
      return (int)
          CrossEntropyHvp.HANDLE.invokeExact(
              critical,
              shape,
              options,
              rowBegin,
              rowEnd,
              logits,
              upstream,
              rowOffsets,
              classMask,
              rowWeights,
              sink,
              output,
              report);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  @Override
  public int binaryCrossEntropy(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment elementWeights,
      MemorySegment positiveWeights,
      MemorySegment losses,
      MemorySegment gradient,
      MemorySegment tally,
      MemorySegment report) {
    boolean critical =
        isBrief(shape, rowBegin, rowEnd)
            || onHeap(logits, targets, elementWeights)
            || onHeap(positiveWeights, losses, gradient);
    try {
      return (int)
          BinaryCrossEntropy.HANDLE.invokeExact(
              critical,
              shape,
              options,
              rowBegin,
              rowEnd,
              logits,
              targets,
              elementWeights,
              positiveWeights,
              losses,
              gradient,
              tally,
              report);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  @Override
  public int sample(
      MemorySegment shape,
      MemorySegment options,
      MemorySegment sampling,
      int perRow,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment classMask,
      MemorySegment bias,
      MemorySegment promptTokens,
      MemorySegment outputTokens,
      MemorySegment tokens,
      MemorySegment processedLogProbabilities,
      MemorySegment kept,
      MemorySegment keptMask,
      MemorySegment logProbabilities,
      MemorySegment ranks,
      MemorySegment entropies,
      MemorySegment topClasses,
      MemorySegment topLogProbabilities,
      MemorySegment workspace,
      long workspaceSize,
      MemorySegment gathered,
      long shards,
      MemorySegment states,
      MemorySegment report) {
    boolean divided = xent_shape.all_classes(shape) != 0; // lists of all shards take longer
    boolean critical =
        (!divided && isBrief(shape, rowBegin, rowEnd))
            || onHeap(logits, classMask, bias)
            || onHeap(promptTokens, outputTokens, tokens)
            || onHeap(processedLogProbabilities, kept, keptMask)
            || onHeap(logProbabilities, ranks, entropies)
            || onHeap(topClasses, topLogProbabilities);
    try {
      return (int)
          Sample.HANDLE.invokeExact(
              critical,
              shape,
              options,
              sampling,
              perRow,
              rowBegin,
              rowEnd,
              logits,
              classMask,
              bias,
              promptTokens,
              outputTokens,
              tokens,
              processedLogProbabilities,
              kept,
              keptMask,
              logProbabilities,
              ranks,
              entropies,
              topClasses,
              topLogProbabilities,
              workspace,
              workspaceSize,
              gathered,
              shards,
              states,
              report);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  @Override
  public long sampleWorkspace(long classes, long tokens) {
    return XentH.xent_sample_workspace(classes, tokens);
  }

  @Override
  public int linearCrossEntropy(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment hidden,
      MemorySegment weights,
      MemorySegment bias,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment targetWeights,
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
      MemorySegment targetGradient,
      MemorySegment hiddenGradient,
      MemorySegment weightsGradient,
      MemorySegment biasGradient,
      MemorySegment statistics,
      MemorySegment tally,
      MemorySegment workspace,
      long workspaceSize,
      MemorySegment report) {
    boolean critical =
        onHeap(hidden, weights, bias)
            || onHeap(logits, targets, targetWeights)
            || onHeap(classMask, classWeights, rowWeights)
            || onHeap(sink, losses, logSumExp)
            || onHeap(hits, logProbabilities, argmax)
            || onHeap(ranks, entropies, topClasses)
            || onHeap(topLogProbabilities, targetGradient, hiddenGradient)
            || onHeap(weightsGradient, biasGradient);
    try {
      return (int)
          LinearCrossEntropy.HANDLE.invokeExact(
              critical,
              shape,
              options,
              rowBegin,
              rowEnd,
              hidden,
              weights,
              bias,
              logits,
              targets,
              targetWeights,
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
              targetGradient,
              hiddenGradient,
              weightsGradient,
              biasGradient,
              statistics,
              tally,
              workspace,
              workspaceSize,
              report);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  @Override
  public int linearCrossEntropyBackward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment hidden,
      MemorySegment weights,
      MemorySegment bias,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment targetWeights,
      MemorySegment classMask,
      MemorySegment classWeights,
      MemorySegment rowWeights,
      MemorySegment statistics,
      MemorySegment upstream,
      MemorySegment hiddenGradient,
      MemorySegment weightsGradient,
      MemorySegment biasGradient,
      MemorySegment workspace,
      long workspaceSize,
      MemorySegment report) {
    boolean critical =
        onHeap(hidden, weights, bias)
            || onHeap(logits, targets, targetWeights)
            || onHeap(classMask, classWeights, rowWeights)
            || onHeap(upstream, hiddenGradient, weightsGradient)
            || onHeap(biasGradient);
    try {
      return (int)
          LinearCrossEntropyBackward.HANDLE.invokeExact(
              critical,
              shape,
              options,
              rowBegin,
              rowEnd,
              classBegin,
              classEnd,
              hidden,
              weights,
              bias,
              logits,
              targets,
              targetWeights,
              classMask,
              classWeights,
              rowWeights,
              statistics,
              upstream,
              hiddenGradient,
              weightsGradient,
              biasGradient,
              workspace,
              workspaceSize,
              report);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  @Override
  public int linearStates(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment hidden,
      MemorySegment weights,
      MemorySegment bias,
      MemorySegment targets,
      MemorySegment targetWeights,
      MemorySegment classMask,
      MemorySegment classWeights,
      MemorySegment statistics,
      MemorySegment states,
      MemorySegment workspace,
      long workspaceSize,
      MemorySegment report) {
    boolean critical =
        onHeap(hidden, weights, bias)
            || onHeap(targets, targetWeights, classMask)
            || onHeap(classWeights);
    try {
      return (int)
          LinearStates.HANDLE.invokeExact(
              critical,
              shape,
              options,
              rowBegin,
              rowEnd,
              classBegin,
              classEnd,
              hidden,
              weights,
              bias,
              targets,
              targetWeights,
              classMask,
              classWeights,
              statistics,
              states,
              workspace,
              workspaceSize,
              report);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  @Override
  public long linearWorkspace(long rows, long features, long classes, int contents) {
    return XentH.xent_linear_workspace(rows, features, classes, contents);
  }

  @Override
  public int forwardStates(
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
    boolean critical =
        isBrief(rowBegin, rowEnd, classBegin, classEnd)
            || onHeap(logits, targets, targetWeights)
            || onHeap(classMask, classWeights);
    try {
      return (int)
          ForwardStates.HANDLE.invokeExact(
              critical,
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

  @Override
  public int backwardStates(
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
    boolean critical =
        isBrief(rowBegin, rowEnd, classBegin, classEnd) || onHeap(output, upstream, classMask);
    try {
      return (int)
          BackwardStates.HANDLE.invokeExact(
              critical,
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

  @Override
  public int finish(
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
    boolean critical =
        isBrief(shape, rowBegin, rowEnd)
            || onHeap(targets, classWeights, rowWeights)
            || onHeap(sink, losses, logSumExp)
            || onHeap(hits);
    try {
      return (int)
          Finish.HANDLE.invokeExact(
              critical,
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

  @Override
  public int tallyAdd(
      MemorySegment tally, MemorySegment values, int type, long stride, long count) {
    boolean critical = count <= BRIEF || onHeap(values);
    try {
      return (int) TallyAdd.HANDLE.invokeExact(critical, tally, values, type, stride, count);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  @Override
  public int tallyMerge(MemorySegment tally, MemorySegment other) {
    return XentH.xent_tally_merge(tally, other);
  }

  @Override
  public double tallySum(MemorySegment tally) {
    return XentH.xent_tally_sum(tally);
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static java.lang.Double.doubleToRawLongBits;

import dev.xent.internal.events.Recorder;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.ffi.xent_sampling;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.PreparedKernel;
import dev.xent.internal.kernels.ShapeStruct;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.plan.arrays.Dimensions;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A checked call that can be repeated with tensors of the same types, shapes and strides: a
 * repetition only runs the kernels. The properties that depend on the memory of the tensors are
 * checked each time: whether it is open, and whether an output overlaps another tensor.
 *
 * <p>It has its own structs and does not keep any tensor reachable.
 */
public final class PreparedCall {
  /** The result of {@link #draw} if no token was drawn. */
  public static final long FAILED = -3;

  /**
   * The properties of a tensor that must be equal in all calls; without a type for an absent
   * tensor.
   */
  private static final class Key {
    private @Nullable ElementType type;
    private long[] shape = {};
    private long[] strides = {};
    private int facts;

    void set(@Nullable View view) {
      type = view == null ? null : view.type;
      if (view != null) {
        shape = view.shape;
        strides = view.strides;
        facts = view.facts;
      }
    }

    boolean fits(@Nullable View view) {
      return view == null
          ? type == null
          : view.type == type
              && view.facts == facts
              && (view.shape == shape || Arrays.equals(view.shape, shape))
              && (view.strides == strides || Arrays.equals(view.strides, strides));
    }
  }

  /** The operation; NO_NUMBER if no call is prepared. */
  private long operation = Plan.NO_NUMBER;

  private final Key ofFirst = new Key();
  private final Key ofSecond = new Key();
  private final Key ofThird = new Key();

  /**
   * The memory relation of the last tensor, which most calls write, to the first one: {@link
   * View#sharing}.
   */
  private int firstAndLast;

  private int firstAndSecond;
  private int secondAndThird;

  /** Whether the library checked the kernels, successfully or not. */
  private boolean tried;

  private long rows;
  private final MemorySegment shape;
  private final MemorySegment options;
  private final MemorySegment report;
  private final MemorySegment sampling;

  /** Whether the kernels can run. */
  private boolean ready;

  /**
   * Whether a separate kernel checks the targets first; if not, the computing kernel checks them.
   */
  private boolean checksBefore;

  private @Nullable PreparedKernel check;

  /** The kernel that computes; null until a call is seen twice. */
  private @Nullable PreparedKernel kernel;

  /** Memory that the library allocated for the call. */
  private @Nullable View own;

  /** The scale of gradients in the options. */
  private double gradientScale;

  /** Creates an instance without a call. */
  public PreparedCall() {
    Arena arena = Arena.ofAuto();
    shape = ShapeStruct.allocate(arena);
    options = arena.allocate(xent_options.layout());
    report = arena.allocate(xent_report.layout());
    xent_report.size(report, xent_report.sizeof());
    sampling = arena.allocate(xent_sampling.layout());
  }

  /** Whether no owner of the tensor can run code between its check and its use. */
  public static boolean canBeKept(@Nullable View view) {
    return view == null || (view.memoryOwner == null && (!view.heap || view.array != null));
  }

  /** Notes the operation and views of a call. Returns false if such views cannot be prepared. */
  boolean note(long newOperation, View first, @Nullable View second, @Nullable View third) {
    if (!canBeKept(first) || !canBeKept(second) || !canBeKept(third)) {
      return false;
    }
    forget();
    operation = newOperation;
    ofFirst.set(first);
    ofSecond.set(second);
    ofThird.set(third);
    firstAndLast = first.sharing(third == null ? second : third);
    if (third != null) {
      firstAndSecond = first.sharing(second);
      secondAndThird = third.sharing(second);
    }
    return true;
  }

  void forget() {
    operation = Plan.NO_NUMBER;
    tried = false;
    ready = false;
    own = null;
  }

  /** Whether a call matches this one, and {@link #isOpen}. */
  boolean fits(long ofOperation, View first, @Nullable View second, @Nullable View third) {
    return operation == ofOperation
        && ofFirst.fits(first)
        && ofSecond.fits(second)
        && ofThird.fits(third)
        && firstAndLast == first.sharing(third == null ? second : third)
        && (third == null
            || firstAndSecond == first.sharing(second) && secondAndThird == third.sharing(second))
        && isOpen(first, second, third);
  }

  /**
   * Whether all memory is open. Always false while calls are recorded. Memory that is always open
   * is recognized without a method call, which takes time in code that is not compiled.
   */
  boolean isOpen(View first, @Nullable View second, @Nullable View third) {
    return !Recorder.isOn()
        && (first.everOpen || Memory.isAccessible(first))
        && (second == null || second.everOpen || Memory.isAccessible(second))
        && (third == null || third.everOpen || Memory.isAccessible(third));
  }

  /** Whether this can run the call of one tensor, for the operation that it was prepared for. */
  public boolean isOf(View view) {
    return ready && ofFirst.fits(view) && !Recorder.isOn() && Memory.isAccessible(view);
  }

  public long rows() {
    return rows;
  }

  public MemorySegment options() {
    return options;
  }

  // ---- preparing -------------------------------------------------------------------------------

  /**
   * Makes the core check the kernels of a call that just succeeded with these views.
   *
   * @param structs its shape and options
   * @param newSampling the sampling parameters of its tokens, or NULL
   */
  void prepare(
      Dimensions dimensions,
      CallStructs structs,
      Kernels kernels,
      @Nullable KernelArrays checks,
      KernelArrays computes,
      View first,
      @Nullable View second,
      @Nullable View third,
      @Nullable View newOwn,
      MemorySegment newSampling) {
    if (tried) {
      return; // it is prepared, or such memory does not support prepared calls
    }
    tried = kernels.isNative(); // a library that was missing may be loaded later
    rows = dimensions.rows;
    own = newOwn;
    shape.copyFrom(structs.shape);
    options.copyFrom(structs.options);
    gradientScale = xent_options.gradient_scale(options);
    boolean held =
        computes.isHeld()
            && first.isHeld()
            && (second == null || second.isHeld())
            && (third == null || third.isHeld());
    checksBefore = checks != null;
    if (checks != null) {
      check = check == null ? new PreparedKernel() : check;
      checks.offer(begin(dimensions, check, checks), first, second, third, newOwn);
      if (!check.prepare(kernels, held)) {
        return;
      }
    }
    kernel = kernel == null ? new PreparedKernel() : kernel;
    FunctionCall functionCall = begin(dimensions, kernel, computes);
    if (newSampling != MemorySegment.NULL) {
      sampling.copyFrom(newSampling);
      functionCall.sampling(sampling, false);
    }
    computes.offer(functionCall, first, second, third, newOwn);
    ready = kernel.prepare(kernels, held);
  }

  /** Whether the kernels can run. */
  boolean isReady() {
    return ready;
  }

  private FunctionCall begin(Dimensions dimensions, PreparedKernel made, KernelArrays of) {
    return made.functionCall()
        .begin(of.function, shape, options, report)
        .rows(0, rows)
        .classes(0, dimensions.classes);
  }

  // ---- running ---------------------------------------------------------------------------------

  /**
   * Runs the kernel that checks the targets, if there is one.
   *
   * @return whether it succeeded; if not, a complete call reports the error
   */
  public boolean check(
      KernelArrays checks, View first, @Nullable View second, @Nullable View third) {
    return ready && (!checksBefore || run(check, checks, first, second, third));
  }

  /** The number of rows that the check found valid. */
  public long validRows() {
    return xent_report.valid_rows(report);
  }

  /** The sum of the weights of the valid rows, or their number, as the check found it. */
  public double weightOfRows() {
    return xent_report.denominator(report);
  }

  /** Sets the scale of gradients, a finite number. */
  public void gradientScale(double scale) {
    if (doubleToRawLongBits(scale) != doubleToRawLongBits(gradientScale)) {
      xent_options.gradient_scale(options, scale);
      gradientScale = scale;
    }
  }

  /**
   * Sets the numbers of tokens of the prompt and of the output in the next draw, and how many of
   * both the workspace has from the draw before.
   */
  public void tokens(long ofPrompt, long ofOutput, long counted) {
    ShapeStruct.promptCount(shape, ofPrompt);
    ShapeStruct.outputCount(shape, ofOutput);
    ShapeStruct.countedTokens(shape, counted);
  }

  /**
   * Runs the kernel that computes.
   *
   * @return whether it succeeded; if not, nothing was written, and a complete call reports the
   *     error
   */
  public boolean run(
      KernelArrays computes, View first, @Nullable View second, @Nullable View third) {
    return ready && run(kernel, computes, first, second, third);
  }

  private static boolean run(
      @Nullable PreparedKernel preparedKernel,
      KernelArrays arrays,
      View first,
      @Nullable View second,
      @Nullable View third) {
    try {
      return arrays.run(preparedKernel, first, second, third) == Status.OK;
    } catch (IllegalStateException | WrongThreadException e) {
      return false; // memory was closed
    } finally {
      Reference.reachabilityFence(first);
      Reference.reachabilityFence(second);
      Reference.reachabilityFence(third);
    }
  }

  /**
   * Draws a token for one row.
   *
   * @param array a Java array, or null
   * @param at the offset of the first logit, or its address
   * @param row the row as a view, or null if no view exists
   * @return the token; -1 if the row has no token; a smaller number if a complete call must report
   *     the error
   */
  public long draw(@Nullable Object array, long at, @Nullable View row, long step) {
    PreparedKernel draws = kernel;
    View token = own;
    if (!ready || draws == null || token == null) {
      return FAILED;
    }
    long stepAt = sampling.address() + xent_sampling.step$offset();
    long drawn = draws.draw(stepAt, token.address, step, array, at);
    if (drawn == PreparedKernel.USE_LINKER && row != null) {
      xent_sampling.step(sampling, (int) step);
      try {
        int status = draws.run(row, null, null, null, null, null);
        drawn = status == Status.OK ? token.segment.get(ValueLayout.JAVA_LONG, 0) : FAILED;
      } catch (IllegalStateException | WrongThreadException e) {
        return FAILED; // memory was closed
      }
    }
    Reference.reachabilityFence(this);
    Reference.reachabilityFence(row);
    return drawn;
  }

  /** The number of kernels that ran. */
  long runs() {
    return (check == null ? 0 : check.runs()) + (kernel == null ? 0 : kernel.runs());
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static java.lang.Double.doubleToRawLongBits;

import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.ffi.xent_sampling;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.CallShape;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.PreparedKernel;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.Dimensions;
import dev.xent.internal.plan.arrays.Layout;
import dev.xent.internal.plan.arrays.Pieces;
import dev.xent.internal.plan.arrays.RowOffsets;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.options.TargetKind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A call that has passed all checks of types, shapes, strides and overlap, with the C structs of
 * its kernels. A call with arrays of the same ones fits it and only runs the kernels. It keeps no
 * array of a caller.
 */
public final class Checked {
  /** The most arguments of a short call: the arrays of the short entry points. */
  static final int SHORT = PreparedKernel.ARRAYS;

  private static final long NO_FLOATS = -1;

  private static final long GRADIENTS =
      ArrayViews.bit(Array.GRADIENT)
          | ArrayViews.bit(Array.TARGET_GRADIENT)
          | ArrayViews.bit(Array.HIDDEN_GRADIENT)
          | ArrayViews.bit(Array.WEIGHTS_GRADIENT)
          | ArrayViews.bit(Array.BIAS_GRADIENT);

  // ---- the key ---------------------------------------------------------------------------------

  /** The places of the function that the call has arrays for; 0 if no call fits. */
  private int mask;

  /** The layouts of the arguments, in the order of the function. */
  private Layout[] arguments = new Layout[SHORT];

  private int argumentCount;

  /** The arguments that are written, as bits, and how each shares memory with each other one. */
  private int written;

  private int[] sharing = new int[SHORT * SHORT];

  /** Whether later calls can be compared with this one. */
  boolean isKept;

  // ---- the arrays ------------------------------------------------------------------------------

  public final Dimensions dimensions = new Dimensions();
  public final Pieces pieces = new Pieces();

  /** The arrays in the order in which they were taken; the first one leads. */
  public final Layout[] present = new Layout[Array.COUNT];

  public int count;

  /** These arrays, as bits. */
  private long arrays;

  private final @Nullable Layout[] byArray = new Layout[Array.COUNT];

  /** Whether any array is in a Java array. */
  public boolean onHeap;

  /** Whether rows cannot be computed from parts: an output or an option needs whole rows. */
  public boolean needsWholeRows;

  /** Whether the caller keeps the statistics of rows. */
  public boolean savesStatistics;

  /** Whether the losses are added to a sum of the caller. */
  boolean addsToSum;

  /** Whether the call has a gradient of a loss to write. */
  boolean writesGradient;

  /** Whether the losses are in memory of the library, for few rows. */
  boolean hasFewLosses;

  /** Whether each row counts once, so that the kernel that checks need not count them. */
  boolean countsEachRow;

  /** The kind of targets of a loss. */
  public @Nullable TargetKind kind;

  /** A copy of the offsets of ragged rows, for this call alone. */
  MemorySegment rowOffsets = MemorySegment.NULL;

  // ---- the structs -----------------------------------------------------------------------------

  public final CallShape shape = new CallShape();
  public final MemorySegment options;
  public final MemorySegment report;

  /** Whether the options are written, which are those of one operation; and what may change. */
  private boolean hasOptions;

  private boolean ignores;
  private double scale;

  /** The sampling parameters of all rows of a short call that draws tokens; else null. */
  private @Nullable MemorySegment sampling;

  /** The stream in these, and the address of the step. */
  long stream;

  long stepAt;

  /** The token of the only row, if the call has no other place for it. */
  private @Nullable View token;

  /** Whether the call draws a token of one row and has no other array. */
  public boolean draws;

  /** The number of consecutive floats of a call that {@link #draws} from these; else NO_FLOATS. */
  public long floats = NO_FLOATS;

  // ---- the kernels of a short call -------------------------------------------------------------

  /** Whether the calling thread alone runs one kernel over all rows, and maybe one that checks. */
  boolean isShort;

  /**
   * The kernel that checks the contents of targets and weights, if the call {@link #checksFirst}.
   */
  public final ShortKernel checks;

  public final ShortKernel computes;

  /** Whether a kernel checks contents before another one computes. */
  public boolean checksFirst;

  Checked() {
    Arena arena = Arena.ofAuto();
    options = arena.allocate(xent_options.layout());
    xent_options.size(options, xent_options.sizeof());
    report = arena.allocate(xent_report.layout());
    xent_report.size(report, xent_report.sizeof());
    checks = new ShortKernel(arena);
    computes = new ShortKernel(arena);
  }

  // ---- being checked ---------------------------------------------------------------------------

  /** Fits no call from now on. */
  void forget() {
    mask = 0;
    draws = false;
    floats = NO_FLOATS;
  }

  /** Begins to take the arrays of a call. */
  void begin(int newMask) {
    forget();
    argumentCount = Integer.bitCount(newMask);
    count = 0;
    arrays = 0;
    shape.clear();
    onHeap = false;
    needsWholeRows = false;
    kind = null;
    savesStatistics = false;
    addsToSum = false;
    checksFirst = false;
    hasFewLosses = false;
    isShort = false;
  }

  /** The place for the layout of an array, which may not be taken yet. */
  Layout layout(Array id) {
    Layout array = byArray[id.ordinal()];
    if (array == null) {
      array = new Layout(id);
      byArray[id.ordinal()] = array;
    }
    return array;
  }

  /** Takes the array with this layout. */
  void add(Layout array) {
    present[count++] = array;
    arrays |= 1L << array.id.ordinal();
  }

  /** Takes the key of a call that has passed all checks, of these arguments. */
  void end(Operation by, int newMask, @Nullable View[] views) {
    if (arguments.length < argumentCount) {
      arguments = new Layout[argumentCount];
      sharing = new int[argumentCount * argumentCount];
    }
    written = 0;
    isKept = !dimensions.ragged;
    writesGradient = (arrays & GRADIENTS) != 0;
    int i = 0;
    for (int left = newMask; left != 0; left &= left - 1, i++) {
      Rule rule = by.function.rules[Integer.numberOfTrailingZeros(left)];
      View view = views[i];
      arguments[i] = view == null ? Layout.NONE : layout(rule.array);
      savesStatistics |= rule.array == Array.STATISTICS;
      addsToSum |= rule.array == Array.EXACT_SUM;
      if (view != null) {
        isKept &= !view.heap || view.array != null;
        written |= rule.written ? 1 << i : 0;
      }
    }
    for (int left = written; left != 0; left &= left - 1) {
      int w = Integer.numberOfTrailingZeros(left);
      for (int o = 0; o < argumentCount; o++) {
        if (o != w) {
          sharing[w * argumentCount + o] = views[w].sharing(views[o]);
        }
      }
    }
    mask = newMask;
  }

  /** Writes the options. */
  void options(Operation by, double gradientScale) {
    ignores(by.options.ignoresIn(kind));
    if (!hasOptions) {
      by.options.write(options, ignores, gradientScale);
      scale = gradientScale;
      hasOptions = true;
    }
    scale(gradientScale);
  }

  /** Sets whether the ignore index is used. */
  public void ignores(boolean value) {
    if (value != ignores) {
      ignores = value;
      xent_options.has_ignore_index(options, value ? 1 : 0);
    }
  }

  /** The scale of gradients. */
  public double scale() {
    return scale;
  }

  /** Sets the scale of gradients, a finite number. */
  public void scale(double value) {
    if (doubleToRawLongBits(value) != doubleToRawLongBits(scale)) {
      Options.writeScale(options, value);
      scale = value;
    }
  }

  /** The sampling parameters of the call, if it has some. */
  public @Nullable MemorySegment sampling() {
    return sampling;
  }

  /** Sets the sampling parameters, of stream 0. */
  public void sampling(MemorySegment made) {
    sampling = made;
    stream = 0;
    stepAt = made.address() + xent_sampling.step$offset();
  }

  /** Sets the numbers that differ between the draws of a call. */
  public void draw(long ofStream, long step) {
    if (ofStream != stream) {
      xent_sampling.stream(sampling, ofStream);
      stream = ofStream;
    }
    xent_sampling.step(sampling, (int) step);
  }

  /**
   * Sets the numbers of tokens of a text, of the prompt and of the output, and whether the
   * workspace may have the first of them from the draw before.
   */
  public void text(long ofPrompt, long ofOutput, boolean mayContinue) {
    shape.promptCount = ofPrompt;
    shape.outputCount = ofOutput;
    shape.continues = mayContinue ? 1 : 0;
    computes.text(ofPrompt, ofOutput, mayContinue);
  }

  // ---- what runs ask ---------------------------------------------------------------------------

  /** The place for the token of the only row. */
  public View token() {
    if (token == null) {
      token = View.room(ElementType.I64, 1);
    }
    return token;
  }

  int argumentCount() {
    return argumentCount;
  }

  /** The arrays that it has, as bits. */
  long arrays() {
    return arrays;
  }

  /** Whether the caller passes an array or a null for it. */
  public boolean passes(int place) {
    return (mask >> place & 1) != 0;
  }

  public boolean has(Array id) {
    return (arrays >> id.ordinal() & 1) != 0;
  }

  /** Whether it has no other arrays than these, and only memory of the library for losses. */
  public boolean hasOnly(long those) {
    return (arrays & ~those) == 0 && (!has(Array.LOSSES) || array(Array.LOSSES).own != null);
  }

  /** Whether the losses are added to a sum of the caller. */
  public boolean addsToSum() {
    return addsToSum;
  }

  /** An array of the call. */
  public Layout array(Array id) {
    return byArray[id.ordinal()];
  }

  /** The type of the leading array. */
  public ElementType leadType() {
    return present[0].type;
  }

  /** Whether the targets are class indices. */
  public boolean hasLabels() {
    return shape.targetCount == 0 && array(Array.TARGETS).type.isInteger();
  }

  /** The index of a ragged row's first class in the values of all rows. */
  public long firstOfRow(long row) {
    return RowOffsets.at(rowOffsets, array(Array.ROW_OFFSETS).type, row);
  }

  /** The number of classes of a ragged row. */
  public long lengthOfRow(long row) {
    return firstOfRow(row + 1) - firstOfRow(row);
  }

  // ---- finding it ------------------------------------------------------------------------------

  /** Whether it has not been forgotten, if it had this mask. */
  boolean hasMask(int ofMask) {
    return mask == ofMask;
  }

  /**
   * Whether a call has the same arrays but for their places in memory, all of it open.
   *
   * @param all all arguments if there are more than six, or null
   */
  boolean fits(
      int ofMask,
      @Nullable View a,
      @Nullable View b,
      @Nullable View c,
      @Nullable View d,
      @Nullable View e,
      @Nullable View f,
      @Nullable View @Nullable [] all) {
    int n = argumentCount;
    if (mask != ofMask
        || !arguments[0].fits(a)
        || n > 1 && !arguments[1].fits(b)
        || n > 2 && !arguments[2].fits(c)
        || n > 3 && !arguments[3].fits(d)
        || n > 4 && !arguments[4].fits(e)
        || n > 5 && !arguments[5].fits(f)) {
      return false;
    }
    return shares(a, b, c, d, e, f, all) && (n <= SHORT || restFits(all));
  }

  /** Whether each argument that is written shares memory with the others as in this call. */
  private boolean shares(
      View a,
      @Nullable View b,
      @Nullable View c,
      @Nullable View d,
      @Nullable View e,
      @Nullable View f,
      @Nullable View @Nullable [] all) {
    int n = argumentCount;
    int[] known = sharing;
    for (int left = written; left != 0; left &= left - 1) {
      int w = Integer.numberOfTrailingZeros(left);
      View own = // most calls enter no method for it
          w == 1 ? b : w == 2 ? c : w < SHORT ? argument(w, a, b, c, d, e, f) : all[w];
      int at = w * n;
      if (w != 0 && known[at] != own.sharing(a)
          || w != 1 && n > 1 && known[at + 1] != own.sharing(b)
          || w != 2 && n > 2 && known[at + 2] != own.sharing(c)
          || w != 3 && n > 3 && known[at + 3] != own.sharing(d)
          || w != 4 && n > 4 && known[at + 4] != own.sharing(e)
          || w != 5 && n > 5 && known[at + 5] != own.sharing(f)) {
        return false;
      }
    }
    return true;
  }

  /** The same of the arguments after the first six. */
  private boolean restFits(@Nullable View[] all) {
    for (int i = SHORT; i < argumentCount; i++) {
      if (!arguments[i].fits(all[i])) {
        return false;
      }
      for (int left = written & ~(1 << i); left != 0; left &= left - 1) {
        int w = Integer.numberOfTrailingZeros(left);
        if (sharing[w * argumentCount + i] != all[w].sharing(all[i])) {
          return false;
        }
      }
    }
    return true;
  }

  /** The view of an array of a short call; null if the call does not have it. */
  @Nullable View view(Array id, View a, View b, View c, View d, View e, View f) {
    Layout array = has(id) ? array(id) : Layout.NONE;
    return array.own == null ? argument(array.argument, a, b, c, d, e, f) : array.own;
  }

  /** The argument at a place; null for memory of the library, whose place is -1. */
  static @Nullable View argument(
      int place,
      View a,
      @Nullable View b,
      @Nullable View c,
      @Nullable View d,
      @Nullable View e,
      @Nullable View f) {
    return switch (place) {
      case 0 -> a;
      case 1 -> b;
      case 2 -> c;
      case 3 -> d;
      case 4 -> e;
      case 5 -> f;
      default -> null;
    };
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.errors.MemoryException;
import dev.xent.internal.events.Recorder;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.PreparedKernel;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.Options;
import java.lang.ref.Reference;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A function of the core with its options. A call has the arrays of a mask, the places in the table
 * of the function, and passes them in that order. The operation finds a checked call that fits, or
 * checks this one, and then runs it.
 *
 * <p>Instances can be used by any number of threads: each call borrows a {@link Site}.
 */
public abstract class Operation {
  public final Function function;
  protected final Engine engine;
  protected final Kernels kernels;
  protected final Options options;
  protected final int axis;

  /** Its name in flight recordings. */
  protected final String name;

  private final Site.Idle idle = new Site.Idle();

  protected Operation(Function function, String name, Engine engine, Options options, int axis) {
    this.function = function;
    this.name = name;
    this.engine = engine;
    this.kernels = engine.kernels();
    this.options = options;
    this.axis = axis;
  }

  public final int axis() {
    return axis;
  }

  /** The places of arrays in the table of the function, as bits. */
  public final int mask(Array... arrays) {
    int mask = 0;
    for (Array array : arrays) {
      mask |= 1 << function.place(array);
    }
    return mask;
  }

  // ---- what each operation says ----------------------------------------------------------------

  /** The name of an array in messages. */
  protected String nameOf(Array array) {
    return array.text;
  }

  /** The name of the operation in messages about inputs that it does not have. */
  protected String nameOfOperation() {
    return name;
  }

  /** The name of a call in flight recordings. */
  protected String event(int mask) {
    return name;
  }

  /** The function whose inputs a caller may pass. */
  protected Function inputs() {
    return function;
  }

  /**
   * Takes the arrays of a call, and rejects those that do not fit: first the leading array, then
   * the other inputs, then the outputs. It reads no elements but row offsets.
   */
  protected abstract void take(Check check);

  /**
   * Sets the kernels of a call that one thread computes by one kernel over all rows.
   *
   * @return false if the call needs more than these, or other memory
   */
  protected boolean takeKernels(Site site, Checked call) {
    return call.computes.take(function, call, 0);
  }

  /** The factor of gradients in the options, until {@link Checked#scale} sets another one. */
  protected double gradientScale() {
    return 1;
  }

  /**
   * Runs the steps of a short call.
   *
   * @param extras what else the caller passed
   * @param step the counter of tokens
   * @return the loss, if the operation is a loss
   */
  protected double runShort(
      Site site,
      Checked call,
      View a,
      @Nullable View b,
      @Nullable View c,
      @Nullable View d,
      @Nullable View e,
      @Nullable View f,
      @Nullable Extras extras,
      long step) {
    call.computes.run(kernels, call, a, b, c, d, e, f);
    return Double.NaN;
  }

  /** Checks the contents of the arrays, and computes a call that is not short. */
  protected abstract double compute(Run run);

  /** Makes a short call like any other, where its steps do not fit its numbers. */
  protected final double runWhole(
      Site site,
      Checked call,
      View a,
      @Nullable View b,
      @Nullable View c,
      @Nullable View d,
      @Nullable View e,
      @Nullable View f,
      @Nullable Extras extras,
      long step) {
    return site.run().compute(this, call, new View[] {a, b, c, d, e, f}, extras, step);
  }

  // ---- calls -----------------------------------------------------------------------------------

  /**
   * Makes a call of up to six arrays.
   *
   * @param own the site of a bound call; null to borrow one
   */
  public final double run(
      int mask,
      View a,
      @Nullable View b,
      @Nullable View c,
      @Nullable View d,
      @Nullable View e,
      @Nullable View f,
      @Nullable Extras extras,
      long step,
      @Nullable Site own) {
    // Owners come first, each once: one may close memory, or make a call itself.
    if (a.guard != null
        || b != null && b.guard != null
        || c != null && c.guard != null
        || d != null && d.guard != null
        || e != null && e.guard != null
        || f != null && f.guard != null) {
      for (int i = 0; i < Checked.SHORT; i++) {
        askOwner(mask, i, Checked.argument(i, a, b, c, d, e, f));
      }
    }
    Site site = own == null ? idle.take() : own;
    Checked call = site.find(mask, a, b, c, d, e, f, null);
    if (call == null || !call.isShort || Recorder.isOn()) {
      return checkAndRun(site, call, mask, site.views(a, b, c, d, e, f), extras, step);
    }
    double result;
    try {
      result = runShort(site, call, a, b, c, d, e, f, extras, step);
    } catch (RuntimeException thrown) {
      give(site);
      throw lost(thrown, mask, a, b, c, d, e, f);
    }
    Reference.reachabilityFence(a);
    Reference.reachabilityFence(b);
    Reference.reachabilityFence(c);
    Reference.reachabilityFence(d);
    Reference.reachabilityFence(e);
    Reference.reachabilityFence(f);
    if (own == null) {
      idle.give(site);
    }
    return result;
  }

  /** Makes a call of any number of arrays; there are at least six elements, null after the last. */
  public final double run(int mask, @Nullable View[] views, @Nullable Extras extras, long step) {
    if (views.length == Checked.SHORT) {
      return run(
          mask, views[0], views[1], views[2], views[3], views[4], views[5], extras, step, null);
    }
    for (int i = 0; i < Integer.bitCount(mask); i++) {
      askOwner(mask, i, views[i]);
    }
    Site site = idle.take();
    View[] v = views;
    Checked known = site.find(mask, v[0], v[1], v[2], v[3], v[4], v[5], v);
    return checkAndRun(site, known, mask, views, extras, step);
  }

  /**
   * Draws a token from consecutive floats without a tensor, as the last calls of one such row that
   * this operation made.
   *
   * @param array a Java array, or null
   * @param address of the first float, or its offset in the array
   * @param row a tensor of these floats, or null
   * @return the token; negative without a token, or if only a whole call can draw it
   */
  protected final long draw(
      @Nullable Object array,
      long address,
      long floats,
      @Nullable View row,
      long stream,
      long step) {
    if (Recorder.isOn()) {
      return PreparedKernel.USE_LINKER;
    }
    Site site = idle.take();
    Checked call = site.drawing;
    long token = PreparedKernel.USE_LINKER;
    if (call != null && call.floats == floats && call.onHeap == (array != null)) {
      try {
        token = call.computes.draw(call, array, address, row, stream, step);
      } catch (IllegalStateException | WrongThreadException e) {
        token = PreparedKernel.USE_LINKER; // memory was closed: a whole call says which
      }
    }
    idle.give(site);
    Reference.reachabilityFence(row);
    return token;
  }

  /** Makes a call that is new, or that is not short. */
  private double checkAndRun(
      Site site,
      @Nullable Checked known,
      int mask,
      @Nullable View[] views,
      @Nullable Extras extras,
      long step) {
    Checked call = known;
    Recording recording = Recorder.isOn() ? new Recording(engine, event(mask)) : null;
    boolean failed = true;
    try {
      boolean logs = !kernels.isNative();
      kernels.beginCall();
      if (call == null) {
        call = site.next();
        check(site, call, mask, views);
      } else if (logs) {
        requireOpen(mask, views); // a log handler may have closed memory
      }
      double result;
      if (call.isShort) {
        if (recording != null) {
          xent_report.path(call.report, 0); // of the call before
        }
        View[] v = views;
        result = runShort(site, call, v[0], v[1], v[2], v[3], v[4], v[5], extras, step);
      } else {
        result = site.run().compute(this, call, views, extras, step);
      }
      failed = false;
      return result;
    } catch (RuntimeException thrown) {
      failed = false;
      throw lost(thrown, mask, views);
    } finally {
      if (recording != null && call != null) {
        Run run = call.isShort ? null : site.run();
        recording.end(call, run == null ? call.report : run.report, run == null ? 1 : run.threads);
      }
      for (View view : views) {
        Reference.reachabilityFence(view);
      }
      if (!failed) { // by an Error, after which there may be no stack left
        if (call != null && !call.isKept) {
          call.forget();
        }
        site.check.endCall();
        if (views == site.views) {
          Arrays.fill(views, null);
        }
        give(site);
      }
    }
  }

  private void give(Site site) {
    if (!site.isOwned) {
      idle.give(site);
    }
  }

  private void check(Site site, Checked call, int mask, @Nullable View[] views) {
    site.check.run(this, call, mask, views);
    call.options(this, gradientScale());
    call.isShort = views.length == Checked.SHORT && isOneKernel(call) && takeKernels(site, call);
  }

  private boolean isOneKernel(Checked call) {
    return call.pieces.count == 1
        && call.dimensions.rows > 0
        && !call.dimensions.ragged
        && (Team.isAlone(engine.threads(), call.present[0].elements())
            || call.dimensions.rows == 1 && call.needsWholeRows)
        && (!call.onHeap || Run.rowsPerKernel(kernels, call) >= call.dimensions.rows);
  }

  /** Asks the owner of an argument, if it has one. */
  private void askOwner(int mask, int argument, @Nullable View view) {
    if (view != null && view.guard != null) {
      Memory.requireAvailable(view, nameOf(mask, argument));
    }
  }

  /** The name of an argument in messages. */
  private String nameOf(int mask, int argument) {
    int left = mask;
    for (int i = 0; i < argument; i++) {
      left &= left - 1;
    }
    return nameOf(function.array(Integer.numberOfTrailingZeros(left)));
  }

  /**
   * The exception for a call that failed. It names the array whose memory was closed meanwhile; if
   * all memory is open, it is the exception that was thrown.
   */
  private RuntimeException lost(RuntimeException thrown, int mask, @Nullable View... views) {
    if (!(thrown instanceof IllegalStateException || thrown instanceof WrongThreadException)) {
      return thrown;
    }
    try {
      requireOpen(mask, views);
      return thrown;
    } catch (MemoryException closed) {
      return closed;
    }
  }

  /** Rejects memory that was closed since the call began. */
  final void requireOpen(int mask, @Nullable View[] views) {
    for (int i = 0; i < Integer.bitCount(mask); i++) {
      if (views[i] != null && !Memory.isAccessible(views[i])) { // names only what is closed
        Memory.requireAccess(views[i].segment, nameOf(mask, i));
      }
    }
  }

  /** The number of kernels that ran without a check by the core, in the calls of one thread. */
  public final long preparedRuns() {
    return idle.preparedRuns();
  }
}

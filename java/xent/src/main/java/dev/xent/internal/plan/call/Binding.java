// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.View;
import org.jspecify.annotations.Nullable;

/**
 * A bound call: an operation, and the arrays of its calls in the order of its function. One method
 * call at a time uses it; a second one gets an exception. A short call that runs often has its own
 * {@link Site}, and its arrays are not compared with those of the run before.
 */
public class Binding {
  protected final Operation operation;

  /** The arrays by their place in the function; null for none. */
  private @Nullable View[] byPlace;

  /** The places of inputs, which a later call of the setter replaces. */
  private int ofInputs;

  private InputViews inputs = InputViews.NONE;

  /** The places that are requested in memory of the library. */
  private int ofLibrary;

  /**
   * The run with the same arrays that makes a site for this call alone, if it is short. It takes as
   * long as these runs save: what borrowing a site and comparing the arrays take, a fifth of the
   * least time.
   */
  private static final int MANY = 400;

  /** The places of {@link #views}. */
  private int mask;

  /** Whether nobody can close their memory. */
  private boolean open;

  /** The runs with these arrays. */
  private int runs;

  /** The site of this call alone, or null. */
  private @Nullable Site own;

  /** The arrays of a run; null before the first one, and from a change on until the next one. */
  private @Nullable View @Nullable [] views;

  protected final Exclusive use =
      new Exclusive(
          "this call is running already: bind one for each thread, or let it return first");

  /**
   * Binds arrays.
   *
   * @param mask their places in the function
   * @param arrays in that order
   */
  public Binding(Operation operation, int mask, @Nullable View... arrays) {
    this.operation = operation;
    byPlace = new View[operation.function.count()];
    int i = 0;
    for (int left = mask; left != 0; left &= left - 1) {
      byPlace[Integer.numberOfTrailingZeros(left)] = arrays[i++];
    }
  }

  private @Nullable View[] arranged() {
    int of = ofLibrary;
    for (int place = 0; place < byPlace.length; place++) {
      of |= byPlace[place] == null ? 0 : 1 << place;
    }
    @Nullable View[] arrays = new View[Math.max(Integer.bitCount(of), Checked.SHORT)];
    int i = 0;
    boolean allOpen = true;
    for (int left = of; left != 0; left &= left - 1) {
      View view = byPlace[Integer.numberOfTrailingZeros(left)];
      arrays[i++] = view;
      allOpen &= view == null || view.everOpen;
    }
    mask = of;
    open = allOpen;
    runs = 0;
    own = null;
    views = arrays;
    return arrays;
  }

  // ---- arguments -------------------------------------------------------------------------------

  /** Sets the inputs of all later runs. */
  public final void inputs(InputViews given) {
    use.enter();
    try {
      @Nullable View[] next = byPlace.clone();
      for (int left = ofInputs; left != 0; left &= left - 1) {
        next[Integer.numberOfTrailingZeros(left)] = null;
      }
      int of = 0;
      for (long left = given.bits(); left != 0; left &= left - 1) {
        Array array = ArrayViews.first(left);
        int place = operation.function.place(array);
        if (place >= 0) {
          next[place] = given.get(array);
          of |= 1 << place;
        }
      }
      views = null; // from here on nothing can fail
      byPlace = next;
      ofInputs = of;
      inputs = given;
    } finally {
      use.uses = 0;
    }
  }

  /** Sets an array of all later runs; null for none. */
  public final void set(Array array, @Nullable View view) {
    use.enter();
    try {
      put(array, view);
    } finally {
      use.uses = 0;
    }
  }

  /** As {@link #set}, while the call is in use. */
  protected final void put(Array array, @Nullable View view) {
    int place = operation.function.place(array);
    if (byPlace[place] != view) {
      views = null;
      byPlace[place] = view;
    }
  }

  /** Requests arrays in memory of the library, as the bits of their places. */
  protected final void ofLibrary(int places) {
    if (places != ofLibrary) {
      views = null;
      ofLibrary = places;
    }
  }

  /** An array of the next run; null for none. */
  protected final @Nullable View get(Array array) {
    int place = operation.function.place(array);
    return place < 0 ? null : byPlace[place];
  }

  // ---- runs ------------------------------------------------------------------------------------

  /**
   * Computes from the current contents of the arrays.
   *
   * @param extras what else the operation takes, or null
   * @param step the counter of tokens
   */
  public final double run(@Nullable Extras extras, long step) {
    use.enter();
    try {
      double result = runInUse(extras, step);
      use.leave();
      return result;
    } catch (Throwable e) {
      use.uses = 0;
      throw e;
    }
  }

  /** As {@link #run}, while the call is in use. */
  protected final double runInUse(@Nullable Extras extras, long step) {
    begin();
    if (inputs != InputViews.NONE) {
      requireInputs();
    }
    @Nullable View[] v = views;
    if (v == null) {
      v = arranged();
    }
    if (v.length != Checked.SHORT) {
      return operation.run(mask, v, extras, step);
    }
    boolean many = ++runs == MANY;
    if (many) {
      own = new Site(true);
    }
    try {
      double result = operation.run(mask, v[0], v[1], v[2], v[3], v[4], v[5], extras, step, own);
      if (own != null) {
        own.repeats = open;
        if (many && !own.isShort()) {
          own = null; // it takes longer anyway, and its site would keep memory
        }
      }
      return result;
    } catch (Error e) {
      own = null; // its state may be half changed
      throw e;
    }
  }

  /** Brings the arrays up to date before a run. */
  protected void begin() {}

  private void requireInputs() {
    inputs.requireFor(operation.inputs(), operation.nameOfOperation());
  }

  /** The number of kernels that ran without a check by the core, in all calls of the operation. */
  public final long preparedRuns() {
    return operation.preparedRuns() + (own == null ? 0 : own.preparedRuns());
  }
}

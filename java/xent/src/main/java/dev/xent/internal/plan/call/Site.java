// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.ffi.xent_exact_sum;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.plan.arrays.View;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import org.jspecify.annotations.Nullable;

/**
 * The last calls of an operation that passed their checks, and memory of the library for their
 * results. One call at a time has it: {@link Idle} lends it. A call that an Error ends never
 * returns it, so its state need not be consistent then.
 */
public final class Site {
  private static final int KEPT = 4;

  private final @Nullable Checked[] calls = new Checked[KEPT];
  private int last;

  /** Whether it belongs to one bound call; else {@link Idle} lends it. */
  final boolean isOwned;

  /** Whether the next call has the arrays of the last one, whose memory nobody can close. */
  boolean repeats;

  /** The call that last drew a token of consecutive floats, or null. */
  public @Nullable Checked drawing;

  final Check check = new Check(this);

  Site(boolean isOwned) {
    this.isOwned = isOwned;
  }

  /** The arguments of a call that is not short; of a bound call they are in its own array. */
  final @Nullable View[] views = new View[Checked.SHORT];

  /** These arguments, as {@link #views}. */
  @Nullable View[] views(View a, View b, View c, View d, View e, View f) {
    views[0] = a;
    views[1] = b;
    views[2] = c;
    views[3] = d;
    views[4] = e;
    views[5] = f;
    return views;
  }

  private @Nullable Run run;

  /** Runs of threads that help; each returns its own after its work. */
  final ConcurrentLinkedQueue<Run> helpers = new ConcurrentLinkedQueue<>();

  private @Nullable FewLosses fewLosses;
  private @Nullable View exactSum;
  private @Nullable View weightSum;

  // ---- its calls -------------------------------------------------------------------------------

  /**
   * The checked call that fits, or null.
   *
   * @param all all arguments if there are more than six, or null
   */
  @Nullable Checked find(
      int mask,
      View a,
      @Nullable View b,
      @Nullable View c,
      @Nullable View d,
      @Nullable View e,
      @Nullable View f,
      @Nullable View @Nullable [] all) {
    int i = last;
    if (repeats && calls[i].hasMask(mask)) {
      return calls[i];
    }
    do {
      Checked call = calls[i];
      if (call != null && call.fits(mask, a, b, c, d, e, f, all)) {
        last = i;
        return call;
      }
      i = (i + 1) % KEPT;
    } while (i != last);
    return null;
  }

  /** The place of the next checked call, which replaces the one after the last that was found. */
  Checked next() {
    last = (last + 1) % KEPT;
    Checked call = calls[last];
    if (call == null) {
      call = new Checked();
      calls[last] = call;
    }
    return call;
  }

  /** Whether the last call that was found or checked is short. */
  boolean isShort() {
    return calls[last].isShort;
  }

  /** The number of kernels that ran without a check by the core. */
  long preparedRuns() {
    long runs = 0;
    for (Checked call : calls) {
      runs += call == null ? 0 : call.checks.runs() + call.computes.runs();
    }
    return runs;
  }

  // ---- its memory ------------------------------------------------------------------------------

  /** Runs calls of several kernels. */
  public Run run() {
    if (run == null) {
      run = new Run(this);
    }
    return run;
  }

  /** The losses of few rows that the caller does not request. */
  public FewLosses fewLosses() {
    if (fewLosses == null) {
      fewLosses = new FewLosses();
    }
    return fewLosses;
  }

  /** An exact sum of losses. */
  public View exactSum() {
    if (exactSum == null) {
      exactSum = emptySum();
    }
    return exactSum;
  }

  /** An exact sum of the weights of rows. */
  public View weightSum() {
    if (weightSum == null) {
      weightSum = emptySum();
    }
    return weightSum;
  }

  private static View emptySum() {
    return View.room(ElementType.I64, xent_exact_sum.sizeof() / Long.BYTES);
  }

  /** The sites of an operation that no call has now, in places that threads rarely share. */
  static final class Idle {
    private static final int PLACES = 16;

    private final Place[] places = new Place[PLACES];

    Idle() {
      for (int i = 0; i < PLACES; i++) {
        places[i] = new Place();
      }
    }

    /** A site for one call. */
    Site take() {
      Place own = places[(int) Thread.currentThread().threadId() & PLACES - 1];
      Site site = Place.SITE.getAndSet(own, null);
      return site == null ? other() : site;
    }

    private Site other() {
      for (Place place : places) {
        Site site = place.site == null ? null : Place.SITE.getAndSet(place, null);
        if (site != null) {
          return site;
        }
      }
      return new Site(false);
    }

    /** Returns the site after the call; the one that another call has returned there is dropped. */
    void give(Site site) {
      Place own = places[(int) Thread.currentThread().threadId() & PLACES - 1];
      Place.SITE.lazySet(own, site);
    }

    long preparedRuns() {
      Site site = take();
      long runs = site.preparedRuns();
      give(site);
      return runs;
    }
  }

  /** A site or null. An updater takes less time than a handle in code that is not compiled. */
  private static final class Place {
    static final AtomicReferenceFieldUpdater<Place, @Nullable Site> SITE =
        AtomicReferenceFieldUpdater.newUpdater(Place.class, Site.class, "site");

    volatile @Nullable Site site;

    /** Keeps the next place on another cache line. */
    private final long[] apart = new long[16];
  }
}

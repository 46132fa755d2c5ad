// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import java.lang.ref.WeakReference;
import java.util.Collections;
import java.util.Map;
import java.util.WeakHashMap;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Working memory that calls use again and again, so that they allocate nothing: one workspace for
 * each platform thread, and spare ones for virtual threads, of which there may be a million.
 *
 * <p>A live thread keeps everything reachable that its thread locals hold. Were that a workspace,
 * no thread that ever made a call would let go of the class loader of this library. So the thread
 * holds a {@link WeakReference} alone, and this class, which goes with its loader, holds the
 * workspace for as long as the thread holds the reference.
 *
 * @param <T> the workspace
 */
public final class Workspaces<T> {
  /** More spare ones are made where they are needed, and thrown away after that. */
  private static final int KEPT = 64;

  private final Supplier<T> owned;
  private final Supplier<T> unowned;

  /** To be reached from a thread: classes of the JDK alone, and no initial value, which is ours. */
  private final ThreadLocal<WeakReference<T>> own = new ThreadLocal<>();

  /** By the references that live threads hold; the others drop out when a thread comes new. */
  private final Map<WeakReference<T>, T> all = Collections.synchronizedMap(new WeakHashMap<>());

  private final AtomicReferenceArray<@Nullable T> spare = new AtomicReferenceArray<>(KEPT);

  /**
   * No workspace yet.
   *
   * @param owned makes one that belongs to a thread
   * @param unowned makes one that goes from call to call: {@link #take}, {@link #give}
   */
  public Workspaces(Supplier<T> owned, Supplier<T> unowned) {
    this.owned = owned;
    this.unowned = unowned;
  }

  /**
   * Returns the workspace of the calling thread, which must not be a virtual one.
   *
   * @return the same in every call
   */
  public T own() {
    WeakReference<T> reference = own.get();
    T workspace = reference == null ? null : reference.get();
    return workspace == null ? make() : workspace;
  }

  private T make() {
    T workspace = owned.get();
    WeakReference<T> reference = new WeakReference<>(workspace);
    all.put(reference, workspace);
    own.set(reference);
    return workspace;
  }

  /**
   * Makes another workspace for the calling thread, which forgets the one it had.
   *
   * @return what {@link #own} returns from now on
   */
  public T renew() {
    all.remove(own.get());
    return make();
  }

  /**
   * Returns a spare workspace that nobody else has.
   *
   * @return one to be given back
   */
  public T take() {
    for (int i = 0; i < KEPT; i++) {
      T workspace = spare.get(i);
      if (workspace != null && spare.compareAndSet(i, workspace, null)) {
        return workspace;
      }
    }
    return unowned.get();
  }

  /**
   * Gives a spare workspace back.
   *
   * @param workspace what {@link #take} returned
   */
  public void give(T workspace) {
    for (int i = 0; i < KEPT; i++) {
      if (spare.get(i) == null && spare.compareAndSet(i, null, workspace)) {
        return;
      }
    }
  }
}

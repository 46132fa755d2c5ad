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
 * Objects with the working memory of calls, so that calls allocate nothing: one per platform
 * thread, and a pool of spare ones for virtual threads, of which there may be a million.
 *
 * <p>A live thread keeps the values of its thread locals reachable. A thread local that held an
 * object would keep this library's class loader reachable as long as the thread lives. So the
 * thread holds only a {@link WeakReference}, and this class, which is collected with its loader,
 * holds the object as long as the thread holds the reference.
 *
 * @param <T> the type of the objects
 */
public final class Recycler<T> {
  /** The size of the pool. Spare objects beyond it are created when needed and then dropped. */
  private static final int KEPT = 64;

  private final Supplier<T> owned;
  private final Supplier<T> unowned;

  /**
   * Reachable from threads, so it uses only JDK classes, without an initial value, which would be a
   * class of this library.
   */
  private final ThreadLocal<WeakReference<T>> own = new ThreadLocal<>();

  /**
   * Keyed by the references that live threads hold. Entries of dead threads are removed when a new
   * thread is added.
   */
  private final Map<WeakReference<T>, T> all = Collections.synchronizedMap(new WeakHashMap<>());

  private final AtomicReferenceArray<@Nullable T> spare = new AtomicReferenceArray<>(KEPT);

  /**
   * Creates no object yet.
   *
   * @param owned creates an object that belongs to a thread
   * @param unowned creates an object for the pool
   */
  public Recycler(Supplier<T> owned, Supplier<T> unowned) {
    this.owned = owned;
    this.unowned = unowned;
  }

  /**
   * Returns the object of the calling thread, which must be a platform thread.
   *
   * @return the same in every call
   */
  public T own() {
    WeakReference<T> reference = own.get();
    T object = reference == null ? null : reference.get();
    return object == null ? make() : object;
  }

  private T make() {
    T object = owned.get();
    WeakReference<T> reference = new WeakReference<>(object);
    all.put(reference, object);
    own.set(reference);
    return object;
  }

  /**
   * Takes a spare object from the pool.
   *
   * @return an object that only the caller uses until it is returned
   */
  public T take() {
    for (int i = 0; i < KEPT; i++) {
      T object = spare.get(i);
      if (object != null && spare.compareAndSet(i, object, null)) {
        return object;
      }
    }
    return unowned.get();
  }

  /**
   * Returns a spare object to the pool.
   *
   * @param object the result of {@link #take}
   */
  public void give(T object) {
    for (int i = 0; i < KEPT; i++) {
      if (spare.get(i) == null && spare.compareAndSet(i, null, object)) {
        return;
      }
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.OptionException;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import org.jspecify.annotations.Nullable;

/** The optional input tensors of a call, indexed by {@link Array}. Immutable. */
public final class InputViews {
  /** No tensors. */
  public static final InputViews NONE = new InputViews(new ArrayViews());

  private final ArrayViews views;

  /** The arrays that have a tensor, as bits; 0 in most calls. */
  private final long bits;

  private InputViews(ArrayViews views) {
    this.views = views;
    this.bits = views.bits();
  }

  /** Returns these tensors and another one. */
  public InputViews with(Array array, View view) {
    ArrayViews more = new ArrayViews();
    for (long left = bits; left != 0; left &= left - 1) {
      more.set(ArrayViews.first(left), views.get(ArrayViews.first(left)));
    }
    more.set(array, view);
    return new InputViews(more);
  }

  /** Returns the tensors that a function takes. */
  public InputViews of(Function function) {
    ArrayViews some = new ArrayViews();
    for (long left = bits; left != 0; left &= left - 1) {
      Array array = ArrayViews.first(left);
      if (function.place(array) >= 0) {
        some.set(array, views.get(array));
      }
    }
    return new InputViews(some);
  }

  /** The tensor of an array; null if the call does not have it. */
  public @Nullable View get(Array array) {
    return bits == 0 ? null : views.get(array);
  }

  /** The arrays that have a tensor, as bits. */
  public long bits() {
    return bits;
  }

  /** Rejects inputs that a function does not take. */
  public void requireFor(Function function, String operation) {
    for (long left = bits; left != 0; left &= left - 1) {
      Array array = ArrayViews.first(left);
      if (function.place(array) < 0) {
        reject(array, operation);
      }
    }
  }

  /** Rejects an input if it is present. */
  public void reject(Array array, String operation) {
    View view = get(array);
    if (view != null) {
      throw new OptionException(
          message(
              "%s is %s, and %s has no such input; expected inputs without it",
              array.text, view, operation));
    }
  }

  /** A text of the name and the tensors that are present. */
  public String describe(String name) {
    return views.describe(name);
  }
}

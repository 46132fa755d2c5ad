// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.OptionException;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import org.jspecify.annotations.Nullable;

/** The optional tensors that a call reads, by the array that each is. Immutable. */
public final class InputViews {
  /** No tensor. */
  public static final InputViews NONE = new InputViews(new ArrayViews());

  private final ArrayViews views;

  /** Which ones there are, as bits: most calls have none. */
  private final long given;

  private InputViews(ArrayViews views) {
    this.views = views;
    this.given = views.given();
  }

  /** These and another one. */
  public InputViews with(Array array, View view) {
    ArrayViews more = new ArrayViews();
    for (long left = given; left != 0; left &= left - 1) {
      more.set(ArrayViews.first(left), views.get(ArrayViews.first(left)));
    }
    more.set(array, view);
    return new InputViews(more);
  }

  /** Those of them that a function takes. */
  public InputViews of(Function function) {
    ArrayViews some = new ArrayViews();
    for (long left = given; left != 0; left &= left - 1) {
      Array array = ArrayViews.first(left);
      if (function.place(array) >= 0) {
        some.set(array, views.get(array));
      }
    }
    return new InputViews(some);
  }

  /** One of them; null: it was not given. */
  public @Nullable View get(Array array) {
    return given == 0 ? null : views.get(array);
  }

  /** Which ones there are, as bits. */
  public long given() {
    return given;
  }

  /** Rejects inputs that a function does not take. */
  public void requireFor(Function function, String operation) {
    for (long left = given; left != 0; left &= left - 1) {
      Array array = ArrayViews.first(left);
      if (function.place(array) < 0) {
        reject(array, operation);
      }
    }
  }

  /** Rejects an input, if it was given. */
  public void reject(Array array, String operation) {
    View view = get(array);
    if (view != null) {
      throw new OptionException(
          message(
              "%s is %s, and %s has no such input; expected inputs without it",
              array.text, view, operation));
    }
  }

  /** The name, and what was given. */
  public String describe(String name) {
    return views.describe(name);
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.errors;

import org.jspecify.annotations.Nullable;

/**
 * What every exception of Xent's own has in common. Arguments that cannot be are an {@link
 * IllegalArgumentException}, a library that cannot be had is an {@link IllegalStateException};
 * either is one of this family, which tells it from others: {@code e instanceof XentException}.
 *
 * <p>Where not said otherwise, nothing has been written when one is thrown.
 */
public interface XentException {
  /** One line: what was given, what is needed, and the fix. */
  @Nullable String getMessage();
}

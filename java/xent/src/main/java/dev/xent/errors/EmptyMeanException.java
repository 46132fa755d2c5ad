// SPDX-License-Identifier: Apache-2.0
package dev.xent.errors;

import dev.xent.options.EmptyMean;
import java.io.Serial;

/** A mean over no rows, under {@link EmptyMean#ERROR}. */
public final class EmptyMeanException extends XentException {
  @Serial private static final long serialVersionUID = 1L;

  /**
   * Creates an exception with a message.
   *
   * @param message one line: the argument, the problem and the fix
   */
  public EmptyMeanException(String message) {
    super(message);
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.errors;

import dev.xent.options.NoneCounted;
import java.io.Serial;

/** A mean over no rows, under {@link NoneCounted#ERROR}. */
public final class NoneCountedException extends XentException {
  @Serial private static final long serialVersionUID = 1L;

  /**
   * Refuses with a message.
   *
   * @param message one line: what was given, what is needed, and the fix
   */
  public NoneCountedException(String message) {
    super(message);
  }
}

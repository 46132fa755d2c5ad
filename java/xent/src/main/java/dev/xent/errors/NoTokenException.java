// SPDX-License-Identifier: Apache-2.0
package dev.xent.errors;

import java.io.Serial;

/** Logits from which no token can be drawn, in {@link dev.xent.SamplerCursor#next}. */
public final class NoTokenException extends XentException {
  @Serial private static final long serialVersionUID = 1L;

  /**
   * Creates an exception with a message.
   *
   * @param message one line: the argument, the problem and the fix
   */
  public NoTokenException(String message) {
    super(message);
  }
}

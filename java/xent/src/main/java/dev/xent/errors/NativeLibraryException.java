// SPDX-License-Identifier: Apache-2.0
package dev.xent.errors;

import dev.xent.XentRuntime;
import java.io.Serial;
import org.jspecify.annotations.Nullable;

/**
 * The native library was asked for and cannot be used; the message gives the reason.
 *
 * <p>Without a demand for it Xent computes with the reference instead and gives the same reason in
 * {@link XentRuntime#fallbackReason()}.
 *
 * <p>It is no {@link XentException}: no argument is at fault but the machine or its set-up, and
 * only what builds an operation or an exact sum throws it, no call.
 */
public final class NativeLibraryException extends IllegalStateException {
  @Serial private static final long serialVersionUID = 1L;

  /**
   * Refuses with a message.
   *
   * @param message one line: what was given, what is needed, and the fix
   */
  public NativeLibraryException(String message) {
    super(message);
  }

  /**
   * Refuses with a message and what was behind it.
   *
   * @param message one line: what was given, what is needed, and the fix
   * @param cause the exception that showed it, or null
   */
  public NativeLibraryException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}

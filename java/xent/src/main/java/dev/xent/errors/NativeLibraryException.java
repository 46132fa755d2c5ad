// SPDX-License-Identifier: Apache-2.0
package dev.xent.errors;

import dev.xent.XentRuntime;
import java.io.Serial;
import org.jspecify.annotations.Nullable;

/**
 * The native library is required and cannot be used; the message has the reason.
 *
 * <p>If it is not required, Xent computes with the reference instead, and the reason is in {@link
 * XentRuntime#fallbackReason()}.
 *
 * <p>It is not a {@link XentException}, because the cause is the machine or its set-up and not an
 * argument. Building an operation or an exact sum throws it; calls do not.
 */
public final class NativeLibraryException extends IllegalStateException {
  @Serial private static final long serialVersionUID = 1L;

  /**
   * Creates an exception with a message.
   *
   * @param message one line: the argument, the problem and the fix
   */
  public NativeLibraryException(String message) {
    super(message);
  }

  /**
   * Creates an exception with a message and its cause.
   *
   * @param message one line: the argument, the problem and the fix
   * @param cause the exception that showed it, or null
   */
  public NativeLibraryException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}

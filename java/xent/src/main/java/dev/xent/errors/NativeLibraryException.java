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
 * <p>It is no {@link XentException}: no argument is at fault but the machine or its set-up, and
 * only what builds an operation or an exact sum throws it, no call.
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

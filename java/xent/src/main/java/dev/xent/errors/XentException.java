// SPDX-License-Identifier: Apache-2.0
package dev.xent.errors;

import java.io.Serial;
import org.jspecify.annotations.Nullable;

/**
 * An invalid argument, option or file of states: catch this class for all of them. The message is
 * one line: the argument, the problem and the fix.
 *
 * <p>Unless documented otherwise, nothing has been written when one is thrown. A native library
 * that is required and cannot be loaded is a {@link NativeLibraryException} instead.
 */
public abstract sealed class XentException extends IllegalArgumentException
    permits DTypeException,
        LabelException,
        MemoryException,
        EmptyMeanException,
        NoTokenException,
        OptionException,
        PartialStatesException,
        ShapeException {
  @Serial private static final long serialVersionUID = 1L;

  XentException(String message) {
    super(message);
  }

  XentException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import java.io.Serial;
import org.jspecify.annotations.Nullable;

/**
 * Something that Xent refuses. Each message is one line: what was given, what is needed, and the
 * fix.
 *
 * <p>Where not said otherwise, nothing has been written when one is thrown.
 */
public abstract sealed class XentException extends RuntimeException
    permits DTypeException,
        LabelException,
        MemoryException,
        NativeLibraryException,
        NoneCountedException,
        OptionException,
        PartialStatesException,
        ShapeException {
  @Serial private static final long serialVersionUID = 1L;

  XentException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}

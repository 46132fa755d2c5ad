// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.NativeLibraryException;
import dev.xent.errors.OptionException;
import dev.xent.internal.load.Backends;

/** Facts about Xent in this process. */
public final class Xent {
  private Xent() {}

  /**
   * Returns what computes here. The first call loads the native library, as the first operation
   * does; later calls give the same answer.
   *
   * @return the facts
   * @throws NativeLibraryException when system properties demand the native library and it cannot
   *     be used
   * @throws OptionException when a system property has a value that is not allowed
   */
  public static XentRuntime runtime() {
    return new XentRuntime(Backends.get());
  }
}

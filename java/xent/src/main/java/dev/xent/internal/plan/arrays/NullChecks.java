// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import org.jspecify.annotations.Nullable;

/**
 * Checks that tensors, and objects of this library that hold them, are not null; the exception says
 * what is expected. Options, arrays and objects of the JDK are checked by {@link
 * java.util.Objects#requireNonNull(Object, String)}.
 */
public final class NullChecks {
  private NullChecks() {}

  /**
   * Returns the argument.
   *
   * @param name the name of the argument
   * @param what the expected kind of argument, for the message of the exception
   * @throws NullPointerException if the argument is null
   */
  public static <T> T require(@Nullable T argument, String name, String what) {
    if (argument == null) {
      throw new NullPointerException(name + " is null; expected " + what);
    }
    return argument;
  }
}

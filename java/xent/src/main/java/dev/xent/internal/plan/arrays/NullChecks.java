// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import org.jspecify.annotations.Nullable;

/** Arguments that must be there. */
public final class NullChecks {
  private static final String TENSOR = "a tensor";

  private NullChecks() {}

  /**
   * Returns the argument.
   *
   * @param name of the argument
   * @param what is to be given in its place, in the message of the exception
   * @throws NullPointerException for null
   */
  public static <T> T require(@Nullable T argument, String name, String what) {
    if (argument == null) {
      throw missing(name, what);
    }
    return argument;
  }

  /** What to throw for a tensor that is null. */
  public static NullPointerException noTensor(String name) {
    return missing(name, TENSOR);
  }

  private static NullPointerException missing(String name, String what) {
    return new NullPointerException(name + " is null; expected " + what);
  }

  /** The same of a tensor, or of what is behind it. */
  public static <T> T tensor(@Nullable T argument, String name) {
    return require(argument, name, TENSOR);
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

/** Measures by a recursion how much stack is left for Java code. */
public final class JavaStack {
  /**
   * More frames than initializing any class takes, also one that links a native function, which
   * calls some hundred methods of the JDK.
   */
  private static final int INITIALIZER = 1000;

  private JavaStack() {}

  /**
   * Returns if a class can be initialized here. A class whose initializer throws a
   * StackOverflowError can never be used again, so the error must come before.
   *
   * @throws StackOverflowError if not
   */
  public static void requireInitializer() {
    require(INITIALIZER);
  }

  /**
   * Returns if the stack has {@code frames} left.
   *
   * @throws StackOverflowError if not
   */
  public static void require(int frames) {
    if (frames > 0) {
      require(frames - 1);
    }
  }
}

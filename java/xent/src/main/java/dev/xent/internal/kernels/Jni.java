// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import org.jspecify.annotations.Nullable;

/**
 * The entry points of the library as native methods. A method handle of the linker takes 35 to 80
 * microseconds until the JVM has compiled it; a native method takes less than one microsecond from
 * the first call on. Afterwards a native method is slower than the handle, mostly because of Java
 * arrays: {@link CallRate}.
 *
 * <p>An array is a Java array and an offset in bytes, or null and an address. A native method does
 * not prevent another thread from closing the memory, so memory that can be closed goes through the
 * linker.
 */
final class Jni {
  /** The JVM cannot pin the arrays. Nothing was computed. */
  static final int NOT_PINNED = -1;

  /** The result of {@link #draw} for NOT_PINNED, since -1 means that no token was drawn. */
  static final long NOTHING_DRAWN = NOT_PINNED - 1;

  private Jni() {}

  /** Whether the library has these methods under this class's name. */
  static final boolean BOUND = isBound();

  private static boolean isBound() {
    try {
      return abi() != 0;
    } catch (UnsatisfiedLinkError e) {
      return false;
    }
  }

  /** xent_run_at. */
  static native int run(
      long prepared,
      long mask,
      @Nullable Object a,
      long atA,
      @Nullable Object b,
      long atB,
      @Nullable Object c,
      long atC,
      @Nullable Object d,
      long atD,
      @Nullable Object e,
      long atE,
      @Nullable Object f,
      long atF);

  /** xent_few_at. */
  static native int call(
      long prepared,
      int function,
      long call,
      long mask,
      @Nullable Object a,
      long atA,
      @Nullable Object b,
      long atB,
      @Nullable Object c,
      long atC,
      @Nullable Object d,
      long atD,
      @Nullable Object e,
      long atE,
      @Nullable Object f,
      long atF);

  /**
   * xent_many_at.
   *
   * @param arrays Java arrays and nulls; the number of arrays that a function may have
   * @param at offsets in these, and addresses
   */
  static native int many(int function, long call, long mask, @Nullable Object[] arrays, long[] at);

  /**
   * Writes the step of a prepared call that draws one token, runs it, and reads the token.
   *
   * @return the token; -1 for no token; NOTHING_DRAWN; or a smaller number if the call failed
   */
  static native long draw(
      long prepared, long stepAt, long tokenAt, int step, @Nullable Object logits, long at);

  /** xent_sample_workspace. */
  static native long workspace(long classes, long tokens);

  /** xent_text_biases. */
  static native int biases(long call);

  /** xent_text_biases_workspace. */
  static native long room(long tokens, long listed);

  /** xent_exact_sum_value. */
  static native double value(long exactSum);

  /** The bytes of stack left to the calling thread; -1 if unknown. */
  static native long stack();

  /**
   * 1 if two arguments in one Java array have the same address, else 0. A JVM that passes copies
   * would lose the output of a call with two arguments in one array.
   */
  static native int pins(Object array);

  /** xent_abi_version. */
  static native int abi();

  /** xent_numerics_version. */
  static native int numerics();

  /** xent_has_isa. */
  static native int has(int isa);

  /** xent_best_isa. */
  static native int best();
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import java.lang.foreign.MemorySegment;

/**
 * The functions of the core; include/xent.h says what each one does. Both implementations get the
 * same calls and write the same bits.
 *
 * <p>What is returned is one of {@link Status}. A call with memory of Java arrays must be short, as
 * it keeps the garbage collector waiting.
 *
 * <p>Implementations have no state of their own and may be called by many threads.
 */
public interface Kernels {
  /** Whether the native library computes. */
  default boolean isNative() {
    return false;
  }

  /** The thread that makes a call of an operation is about to begin it. */
  default void beginCall() {}

  /** Whether it copies Java arrays: a call with them keeps no collector waiting, and costs more. */
  default boolean copiesArrays() {
    return false;
  }

  /** Makes a call, whose arrays stay for the next one. */
  int run(Work work);

  /** As {@link PreparedKernel#prepare}. */
  default boolean prepare(PreparedKernel kernel, boolean held) {
    return false;
  }

  /**
   * The bytes of workspace that sampling needs. As xent_sample_workspace.
   *
   * @param classes of each row
   * @param tokens how many prompt and output tokens a row has
   */
  long sampleWorkspace(long classes, long tokens);

  /**
   * The bytes of workspace of a linear layer. As xent_linear_workspace.
   *
   * @param rows of the range
   * @param features of a row
   * @param classes of the range
   * @param contents what is asked for
   * @return 0 where no long holds them
   */
  long linearWorkspace(long rows, long features, long classes, int contents);

  /**
   * Adds F32 or F64 values. As xent_exact_sum_add.
   *
   * @param exactSum xent_exact_sum
   * @param values the first value
   * @param type the C code of the type of the values
   * @param stride from one value to the next, in elements
   * @param count how many values
   * @return one of {@link Status}
   */
  int exactSumAdd(MemorySegment exactSum, MemorySegment values, int type, long stride, long count);

  /**
   * Adds what another exact sum holds. As xent_exact_sum_merge.
   *
   * @param exactSum xent_exact_sum that is added to
   * @param other xent_exact_sum that stays as it is
   * @return one of {@link Status}
   */
  int exactSumMerge(MemorySegment exactSum, MemorySegment other);

  /**
   * Returns the sum, rounded once. As xent_exact_sum_value.
   *
   * @param exactSum xent_exact_sum
   * @return NaN after a NaN or infinities of both signs
   */
  double exactSumValue(MemorySegment exactSum);
}

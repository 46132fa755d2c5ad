// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import java.lang.foreign.MemorySegment;

/**
 * The functions of the core, which include/xent.h documents. All implementations receive the same
 * calls and write the same bits.
 *
 * <p>Results are values of {@link Status}. A call with memory of Java arrays must be short, because
 * the garbage collector waits for it.
 *
 * <p>Many threads may call an implementation.
 */
public interface Kernels {
  /** Whether these are the kernels of the native library. */
  default boolean isNative() {
    return false;
  }

  /** Called on the calling thread before the first kernel of an operation's call. */
  default void beginCall() {}

  /**
   * Whether it copies Java arrays. A call with Java arrays then costs more, but does not block the
   * garbage collector.
   */
  default boolean copiesArrays() {
    return false;
  }

  /** Whether the calling thread has at least {@code bytes} of stack left; false if unknown. */
  default boolean hasStack(long bytes) {
    return false;
  }

  /** Makes a call. Its arrays stay set for the next one. */
  int run(FunctionCall functionCall);

  /** As {@link PreparedKernel#prepare}. */
  default boolean prepare(PreparedKernel kernel) {
    return false;
  }

  /**
   * The size in bytes of the workspace for sampling. As xent_sample_workspace.
   *
   * @param classes of each row
   * @param tokens number of prompt and output tokens of a row
   */
  long sampleWorkspace(long classes, long tokens);

  /**
   * The size in bytes of the workspace of a linear layer. As xent_linear_workspace.
   *
   * @param rows of the range
   * @param features of a row
   * @param classes of the range
   * @param contents the requested outputs
   * @return 0 if the size does not fit in a long
   */
  long linearWorkspace(long rows, long features, long classes, int contents);

  /**
   * The size in bytes of the workspace for the biases of a text. As xent_text_biases_workspace.
   *
   * @param tokens of the text at most
   * @param listed number of the numbers of its sequences
   */
  long textBiasesWorkspace(long tokens, long listed);

  /**
   * Finds the biases against repetition in a text. As xent_text_biases.
   *
   * @return one of {@link Status}
   */
  int textBiases(TextBiases call);

  /**
   * Adds F32 or F64 values. As xent_exact_sum_add.
   *
   * @param exactSum xent_exact_sum
   * @param values the first value
   * @param type of the values
   * @param stride between values, in elements
   * @param count number of values
   * @return one of {@link Status}
   */
  int exactSumAdd(
      MemorySegment exactSum, MemorySegment values, ElementType type, long stride, long count);

  /**
   * Adds another exact sum. As xent_exact_sum_merge.
   *
   * @param exactSum xent_exact_sum that is changed
   * @param other xent_exact_sum that is added
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

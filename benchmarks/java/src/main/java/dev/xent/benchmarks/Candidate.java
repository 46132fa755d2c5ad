// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import java.util.Map;

/**
 * Something that computes the operations. Those that need other libraries are found by {@link
 * java.util.ServiceLoader}. Making one loads no library, so that it can be left out at no cost.
 */
public interface Candidate {
  /** The name in tables and on the command line. */
  String name();

  /** What it is: Xent, another library, or a bound that memory sets. */
  Kind kind();

  /** Whose JMH method calls its tasks. */
  Class<? extends Cell> cell();

  /**
   * Makes ready for a problem.
   *
   * @return ways to compute it, by a few words that tell them apart; the fastest one counts. Empty
   *     where the candidate does not have the operation
   */
  Map<String, Task> tasks(Problem problem) throws Exception;

  /** What a candidate is. */
  enum Kind {
    /** Xent itself. */
    XENT,
    /** What else a user could take. */
    PEER,
    /** What the memory allows. */
    BOUND
  }
}

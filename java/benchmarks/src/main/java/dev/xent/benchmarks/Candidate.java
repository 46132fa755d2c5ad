// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import java.util.Map;

/**
 * A library or method that computes the operations. {@link java.util.ServiceLoader} finds those
 * that need other libraries. Creating a candidate loads no library, so an unused one costs nothing.
 */
public interface Candidate {
  /** The name in tables and on the command line. */
  String name();

  /** What it is: Xent, another library, or a bound that memory sets. */
  Kind kind();

  /** The class whose JMH method calls its tasks. */
  Class<? extends Cell> cell();

  /**
   * Prepares tasks for a problem.
   *
   * @return ways to compute it, by short names; the fastest one counts. Empty if the candidate does
   *     not have the operation
   */
  Map<String, Task> tasks(Problem problem) throws Exception;

  /** Kinds of candidates. */
  enum Kind {
    /** Xent itself. */
    XENT,
    /** An alternative for users. */
    PEER,
    /** A bound that memory sets. */
    BOUND
  }
}

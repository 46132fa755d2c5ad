// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

/** A function that adds the losses of rows. */
interface AggregateOperation extends Named {
  /** Whether a rejected row counts as null. */
  boolean tries();

  /**
   * Whether targets are labels; otherwise they are probabilities, and the count of correct rows
   * stays 0.
   */
  boolean labelled();

  /** The k of top-k accuracy; 0 without it. */
  default int topK() {
    return given().topK();
  }

  /** A hint for the user if no row has the required length. */
  String remedy();

  /** A computation of it for one thread. */
  Losses losses();
}

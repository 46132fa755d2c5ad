// SPDX-License-Identifier: Apache-2.0
package dev.xent.options;

/** The classes that top-k keeps among those whose logits equal the k-th largest. */
public enum Ties {
  /** The lower ones, {@code k} classes in all. */
  FIRST,
  /** All of them, so that more than {@code k} may stay. */
  ALL
}

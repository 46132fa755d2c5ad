// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.options;

/** What the targets of a call are. */
public enum TargetKind {
  /** A class per row. */
  LABELS("class indices"),
  /** A number per row and class. */
  PROBABILITIES("probability rows"),
  /** Some classes per row, and their weights. */
  SPARSE("sparse targets");

  /** In messages. */
  public final String text;

  TargetKind(String text) {
    this.text = text;
  }
}

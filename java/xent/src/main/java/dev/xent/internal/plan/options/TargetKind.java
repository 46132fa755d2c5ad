// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.options;

/** The kind of targets of a call. */
public enum TargetKind {
  /** One class index per row. */
  LABELS("class indices"),
  /** One probability per row and class. */
  PROBABILITIES("probability rows"),
  /** Several classes per row, and their weights. */
  SPARSE("sparse targets");

  /** The name in error messages. */
  public final String text;

  TargetKind(String text) {
    this.text = text;
  }
}

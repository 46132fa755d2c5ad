// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

/** What the targets of a call are. */
enum TargetKind {
  /** A class per row. */
  LABELS("class indices"),
  /** A number per row and class. */
  PROBABILITIES("probability rows"),
  /** Some classes per row, and their weights. */
  SPARSE("sparse targets");

  /** In messages. */
  final String text;

  TargetKind(String text) {
    this.text = text;
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

/** Single labels of a call. */
final class Labels {
  private Labels() {}

  /** The label of a row of the current piece, lawful or not. */
  static long at(Call call, long row) {
    Part targets = call.targets;
    long offset = row / call.pieces.inner * targets.outer + row % call.pieces.inner * targets.inner;
    return Memory.getLong(targets.segment(), targets.view.type, offset);
  }
}

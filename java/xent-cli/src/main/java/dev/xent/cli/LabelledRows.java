// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Rows of logits with their labels.
 *
 * @param logits with the classes along the last axis
 * @param labels in the shape of the logits without that axis
 */
record LabelledRows(Tensor logits, Tensor labels) {

  /** The logits of each position but the last one, labelled with the token after it. */
  static LabelledRows shifted(Tensor logits, Tensor tokens) {
    int axis = tokens.rank() - 1;
    long positions = tokens.dim(axis);
    return new LabelledRows(
        logits.slice(axis, 0, Math.max(0, positions - 1)),
        tokens.slice(axis, Math.min(1, positions), positions));
  }

  /** These rows in their order, in parts whose logits have at most {@code bytes}, or in rows. */
  List<LabelledRows> blocks(long bytes) {
    List<LabelledRows> blocks = new ArrayList<>();
    addBlocks(bytes, blocks);
    return blocks;
  }

  private void addBlocks(long bytes, List<LabelledRows> blocks) {
    long count = labels.dim(0);
    if (labels.elements() == 0) {
      return;
    }
    long each = logits.elements() / count * logits.type().byteSize();
    if (each > bytes && labels.rank() > 1) {
      for (long i = 0; i < count; i++) {
        new LabelledRows(logits.select(0, i), labels.select(0, i)).addBlocks(bytes, blocks);
      }
      return;
    }
    long step = Math.max(1, bytes / Math.max(1, each));
    for (long from = 0; from < count; from += step) {
      long to = Math.min(count, from + step);
      blocks.add(new LabelledRows(logits.slice(0, from, to), labels.slice(0, from, to)));
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.math.Constants.CHUNK;
import static dev.xent.internal.kernels.reference.math.DotProducts.BLOCK;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.kernels.Records;

/**
 * The minimum workspace of a linear layer. The size is the one that the library needs, so that
 * plans divide the work in the same way. The reference needs less, and is not faster with more.
 */
final class LinearWorkspace {
  /** The alignment of the pieces in bytes. */
  private static final long ALIGNMENT = 64;

  /**
   * The largest numbers of columns and rows whose products stay in registers, over all instruction
   * sets.
   */
  private static final long PANEL = 32;

  private static final long TILE = 12;
  private static final long LANES = 16;
  private static final long MOST = 1L << 48;

  private LinearWorkspace() {}

  /** The minimum size in bytes for a call; 0 if it does not fit in a long. */
  static long bytes(long rows, long features, long classes, int contents) {
    if (rows < 0
        || features < 1
        || classes < 1
        || Math.max(rows, Math.max(features, classes)) > MOST) {
      return 0;
    }
    try {
      return ofPieces(rows, features, classes, contents);
    } catch (ArithmeticException tooMany) {
      return 0;
    }
  }

  private static long ofPieces(long rows, long features, long classes, int contents) {
    boolean ofHidden = (contents & XentH.XENT_WORKSPACE_HIDDEN_GRADIENT()) != 0;
    boolean ofClasses = (contents & XentH.XENT_WORKSPACE_WEIGHTS_GRADIENT()) != 0;
    boolean gradients = ofHidden || ofClasses;
    long rowsAtOnce = Math.min(rows, 1);
    long gradientRows = Math.min(rows, BLOCK);
    long gradientClasses = Math.min(up(classes, PANEL), BLOCK);
    boolean whole = (contents & XentH.XENT_WORKSPACE_WHOLE_ROWS()) != 0;
    long pitch = up(whole ? classes : Math.min(classes, CHUNK), PANEL) + LANES;
    long columns = up(features, PANEL) + LANES / 2;
    long mostRows = (gradients ? gradientRows : rowsAtOnce) + TILE + LANES;
    long logits = rowsAtOnce * pitch;
    long bytes = piece(0, mostRows, features + 1, Float.BYTES);
    bytes = piece(bytes, BLOCK + 1, PANEL, Float.BYTES);
    bytes = piece(bytes, mostRows, PANEL, Double.BYTES);
    bytes =
        piece(
            bytes,
            gradients ? Math.max(logits, gradientRows * (gradientClasses + LANES)) : logits,
            1,
            Float.BYTES);
    bytes = piece(bytes, rowsAtOnce, (classes + CHUNK - 1) / CHUNK, Records.STATE);
    bytes = piece(bytes, gradients ? rows : rowsAtOnce, 1, Records.STATISTICS);
    if (gradients) {
      bytes =
          piece(bytes, gradientRows + TILE + LANES, gradientClasses + TILE + LANES, Float.BYTES);
    }
    if (ofHidden) {
      bytes = piece(bytes, rows, columns, Double.BYTES);
    }
    if (ofClasses) {
      bytes = piece(bytes, gradientClasses, columns, Double.BYTES);
      bytes = piece(bytes, gradientClasses, 1, Double.BYTES);
    }
    return bytes;
  }

  private static long up(long n, long unit) {
    return (n + unit - 1) / unit * unit;
  }

  private static long piece(long before, long rows, long numbers, long size) {
    long end = Math.addExact(before, Math.multiplyExact(Math.multiplyExact(rows, numbers), size));
    return up(Math.addExact(end, 2 * ALIGNMENT) - 2 * ALIGNMENT, ALIGNMENT);
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.call;

import static dev.xent.internal.kernels.Array.TARGETS;

import dev.xent.internal.kernels.ElementType;

/** The arguments of a call: its structs, arrays and ranges. */
public class Request {
  public final Shape shape = new Shape();
  public final CallOptions options = new CallOptions();
  public final Report report = new Report();
  public final GivenArrays given = new GivenArrays();

  /** The sampling parameters of all rows, or of the current row. */
  public final Sampling sampling = new Sampling();

  /** Whether each row has separate sampling parameters. */
  public boolean samplesPerRow;

  public long rowBegin;
  public long rowEnd;
  public long classBegin;
  public long classEnd;

  /** The row of the first statistics. */
  public long firstStatistics;

  /** Whether to use float64 arithmetic, because the logits are F64 (in a backward, y). */
  public boolean wide;

  /** Whether rows have different lengths. */
  public boolean ragged;

  /** The checked end offset of the call's last row. */
  public long raggedEnd;

  /** Whether a label is the ignore index. */
  public boolean ignores(long label) {
    return options.ignores(label) && !ElementType.isBeyond(shape.of(TARGETS).type, label);
  }
}

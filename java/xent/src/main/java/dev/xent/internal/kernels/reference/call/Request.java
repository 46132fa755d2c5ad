// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.call;

import static dev.xent.internal.kernels.Array.TARGETS;

import dev.xent.internal.kernels.ElementType;

/** A call as the caller made it: its structs, its arrays and its ranges. */
public class Request {
  public final Shape shape = new Shape();
  public final CallOptions options = new CallOptions();
  public final Report report = new Report();
  public final GivenArrays given = new GivenArrays();

  /** How tokens are drawn, of all rows or of the one that is worked on. */
  public final Sampling sampling = new Sampling();

  /** Whether each row has sampling of its own. */
  public boolean samplesPerRow;

  /** How many of them there are in what was gathered of shards. */
  public long shards;

  public long rowBegin;
  public long rowEnd;
  public long classBegin;
  public long classEnd;

  /** The row that the first of the statistics is of. */
  public long firstStatistics;

  /** Float64 arithmetic, because the logits are F64 (in a backward y). */
  public boolean wide;

  /** Rows have lengths of their own. */
  public boolean ragged;

  /** Where the last of the rows that the call works on ended when it was checked. */
  public long raggedEnd;

  /** Whether a label is the ignore index. */
  public boolean ignores(long label) {
    return options.ignores(label) && !ElementType.isBeyond(shape.of(TARGETS).type, label);
  }
}

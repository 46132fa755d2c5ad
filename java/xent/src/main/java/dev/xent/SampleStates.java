// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.PartialStatesException;
import dev.xent.internal.plan.sample.SampleRound;
import java.util.Objects;

/**
 * The states of the rows that a {@link SamplerShard} samples, to be sent to all shards of the rows:
 * 4192 bytes a row and round.
 *
 * <p><b>Bytes.</b> {@link #toBytes} and {@link #ofBytes} use this layout, little-endian: 8 bytes
 * {@code XNSAMPLE}; layout version 1 (4 bytes); numerics version (4); number of rows (8); for each
 * row an {@code xent_sample_state} of the C API, which is opaque.
 *
 * <p>Instances are immutable; any number of threads may share one.
 */
public final class SampleStates {
  final SampleRound round;

  SampleStates(SampleRound round) {
    this.round = round;
  }

  /** Whether all rows have their tokens, so that nothing is left to be sent. */
  boolean isFinished() {
    return round.unfinished() == 0;
  }

  /** Returns the number of rows. */
  public long rows() {
    return round.rows();
  }

  /**
   * Returns these states in the layout above, to be sent.
   *
   * @throws PartialStatesException if they do not fit in an array
   */
  public byte[] toBytes() {
    return round.toBytes();
  }

  /**
   * Returns the states that these bytes hold.
   *
   * @param bytes in the layout above
   * @throws PartialStatesException if they are invalid, or of another layout or numerics version
   */
  public static SampleStates ofBytes(byte[] bytes) {
    return new SampleStates(SampleRound.ofBytes(Objects.requireNonNull(bytes, "bytes")));
  }

  /** Returns the number of rows, and how many need one more round. */
  @Override
  public String toString() {
    return round.toString();
  }
}

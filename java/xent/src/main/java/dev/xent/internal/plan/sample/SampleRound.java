// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.sample;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.errors.PartialStatesException;
import dev.xent.internal.kernels.Records;
import dev.xent.internal.plan.arrays.ByteFormat;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.Pieces;
import dev.xent.internal.plan.call.Call;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** The states of sampled rows in one shard, after one round. */
public final class SampleRound {
  private static final ByteFormat FORMAT =
      new ByteFormat(0x454C_504D_4153_4E58L, "sample states", "sample states do");

  /** The name of the states in error messages. */
  private static final String NAME = "states of rows that are sampled";

  private static final long SIZE = Records.SAMPLE_STATE;

  private static final long AT_ROWS = ByteFormat.HEADER;
  private static final long AT_STATES = AT_ROWS + 8;

  private final long rows;
  private final MemorySegment states;
  private long unfinished;

  /** Creates the zeroed states of a round. */
  SampleRound(long rows) {
    this.rows = rows;
    states = Memory.allocateRows(Arena.ofAuto(), rows, SIZE, NAME);
    unfinished = rows;
  }

  /**
   * Copies the states of all shards for the rows of a call, in the order that kernels read: piece
   * by piece, and shard by shard within a piece.
   *
   * @throws PartialStatesException for states of other rows
   */
  static void gather(List<SampleRound> parts, Call call) {
    for (SampleRound part : parts) {
      part.require(call.dimensions.rows);
    }
    MemorySegment to = call.records.reserveGathered(call.dimensions.rows, parts.size(), NAME);
    Pieces pieces = call.pieces;
    long bytes = pieces.rows * SIZE;
    long at = 0;
    for (long piece = 0; piece < pieces.count; piece++) {
      for (SampleRound part : parts) {
        MemorySegment.copy(part.states, piece * bytes, to, at, bytes);
        at += bytes;
      }
    }
  }

  private void require(long needed) {
    if (rows != needed) {
      throw new PartialStatesException(
          message(
              "sample states have %s, logits has %d; expected the states of all shards of these rows",
              plural(rows, "row"), needed));
    }
  }

  /** Counts the rows that need another round, after the states are written. Returns this object. */
  SampleRound withUnfinished() {
    unfinished = 0;
    for (long row = 0; row < rows; row++) {
      unfinished += states.get(ValueLayout.JAVA_BYTE, row * SIZE) == Records.SAMPLE_DONE ? 0 : 1;
    }
    return this;
  }

  public long rows() {
    return rows;
  }

  /** The number of rows that need another round. */
  public long unfinished() {
    return unfinished;
  }

  /** The states of the rows of the current piece. */
  MemorySegment states(Pieces pieces) {
    return states.asSlice(pieces.firstRow * SIZE);
  }

  // ---- bytes -----------------------------------------------------------------------------------

  /** Returns the states of this shard in the layout of the public class. */
  public byte[] toBytes() {
    long size = AT_STATES + states.byteSize();
    if (!ByteFormat.isArraySize(size)) {
      throw new PartialStatesException(
          message(
              "sample states of %s are %d bytes, more than an array holds: sample fewer rows at once",
              plural(rows, "row"), size));
    }
    byte[] bytes = FORMAT.bytes(size);
    MemorySegment to = MemorySegment.ofArray(bytes);
    to.set(ByteFormat.LONG, AT_ROWS, rows);
    MemorySegment.copy(states, 0, to, AT_STATES, states.byteSize());
    return bytes;
  }

  /**
   * Reads the bytes that {@link #toBytes} returned.
   *
   * @throws PartialStatesException for other bytes
   */
  public static SampleRound ofBytes(byte[] bytes) {
    MemorySegment from = FORMAT.read(bytes, AT_STATES);
    long rows = from.get(ByteFormat.LONG, AT_ROWS);
    long size = bytes.length - AT_STATES;
    if (size % SIZE != 0 || rows != size / SIZE) {
      throw FORMAT.unfit(
          message("they have %s of states, and rows are %d", plural(size, "byte"), rows));
    }
    SampleRound read = new SampleRound(rows);
    MemorySegment.copy(from, AT_STATES, read.states, 0, size);
    return read.withUnfinished();
  }

  @Override
  public String toString() {
    return message("SampleStates[rows=%d, unfinished=%d]", rows, unfinished);
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.internal.ffi.xent_sampling;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;

/** How each row of a batch is sampled: the structs that the kernels read, one behind the other. */
public final class SamplerRows {
  private static final long FIRST_ROOM = 16;

  private final MemorySegment one = room(1);
  private MemorySegment structs = room(FIRST_ROOM);
  private SamplingOptions[] options = new SamplingOptions[(int) FIRST_ROOM];
  private int count;

  /** Of no row. */
  public SamplerRows() {}

  private static MemorySegment room(long rows) {
    return Arena.ofAuto().allocate(xent_sampling.layout(), rows);
  }

  public int count() {
    return count;
  }

  /** Forgets all rows. */
  public void clear() {
    count = 0;
  }

  /** One more row. */
  public void add(SamplingOptions options, long stream, long step) {
    if (count * xent_sampling.sizeof() == structs.byteSize()) {
      structs = room(2L * count).copyFrom(structs);
      this.options = Arrays.copyOf(this.options, 2 * count);
    }
    count++;
    set(count - 1, options, stream, step);
  }

  /** Another row in place of one. */
  public void set(int row, SamplingOptions options, long stream, long step) {
    options.write(one, stream, step);
    MemorySegment.copy(one, 0, structs, at(row), xent_sampling.sizeof());
    this.options[row] = options;
  }

  /** Refuses what cannot be sampled where classes are divided. */
  void requireForShard() {
    for (int row = 0; row < count; row++) {
      options[row].requireForShard();
    }
  }

  /** Another step of the same row. */
  public void step(int row, long step) {
    structs.set(xent_sampling.step$layout(), at(row) + xent_sampling.step$offset(), (int) step);
  }

  private long at(int row) {
    return Objects.checkIndex(row, count) * xent_sampling.sizeof();
  }

  /** Those of the rows of the current piece. */
  MemorySegment of(Pieces pieces) {
    return pieces.firstRow == 0
        ? structs
        : structs.asSlice(pieces.firstRow * xent_sampling.sizeof());
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.sample;

import static dev.xent.internal.text.Messages.message;

import dev.xent.SamplerRequests;
import dev.xent.internal.ffi.xent_sampling;
import dev.xent.internal.plan.arrays.NullChecks;
import dev.xent.internal.plan.call.Exclusive;
import dev.xent.internal.plan.options.OptionRange;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;
import java.util.StringJoiner;

/** The sampler of each row of a batch: consecutive structs that the kernels read. */
public final class SamplerRows implements SamplerRequests {
  private static final long FIRST_ROOM = 16;

  /** The maximum number of rows in a text. */
  private static final int MOST_TOLD = 4;

  /** In use by a call, which reads the structs, or by a change. */
  final Exclusive use =
      new Exclusive(
          "these requests are in use already: create others for each thread, or let the call return"
              + " first");

  private final MemorySegment one = room(1);
  private MemorySegment structs = room(FIRST_ROOM);
  private SamplerOperation[] samplers = new SamplerOperation[(int) FIRST_ROOM];
  private int count;

  private static MemorySegment room(long rows) {
    return Arena.ofAuto().allocate(MemoryLayout.sequenceLayout(rows, xent_sampling.layout()));
  }

  /** The requests of an argument. */
  public static SamplerRows of(SamplerRequests requests) {
    return (SamplerRows) NullChecks.require(requests, "requests", "SamplerRequests.create()");
  }

  @Override
  public int size() {
    return count;
  }

  @Override
  public SamplerRows clear() {
    use.enter();
    count = 0;
    use.uses = 0;
    return this;
  }

  public void add(SamplerOperation sampler, long stream, long step) {
    use.enter();
    try {
      if (count * xent_sampling.sizeof() == structs.byteSize()) {
        MemorySegment more = room(2L * count).copyFrom(structs);
        samplers = Arrays.copyOf(samplers, 2 * count);
        structs = more;
      }
      write(count * xent_sampling.sizeof(), sampler, stream, step);
      samplers[count++] = sampler;
    } finally {
      use.uses = 0;
    }
  }

  public void set(int row, SamplerOperation sampler, long stream, long step) {
    use.enter();
    try {
      write(at(row), sampler, stream, step);
      samplers[row] = sampler;
    } finally {
      use.uses = 0;
    }
  }

  private void write(long at, SamplerOperation sampler, long stream, long step) {
    sampler.sampling().write(one, stream, step);
    MemorySegment.copy(one, 0, structs, at, xent_sampling.sizeof());
  }

  SamplerOperation sampler(int row) {
    return samplers[row];
  }

  @Override
  public SamplerRows step(int row, long step) {
    int value = (int) OptionRange.STEP.require(step);
    use.enter();
    try {
      structs.set(xent_sampling.step$layout(), at(row) + xent_sampling.step$offset(), value);
    } finally {
      use.uses = 0;
    }
    return this;
  }

  private long at(int row) {
    return Objects.checkIndex(row, count) * xent_sampling.sizeof();
  }

  /** The structs from a row on. */
  MemorySegment from(long row) {
    return row == 0 ? structs : structs.asSlice(row * xent_sampling.sizeof());
  }

  @Override
  public String toString() {
    StringJoiner text = new StringJoiner(", ", "Requests[", "]").add("size=" + count);
    for (int row = 0; row < Math.min(count, MOST_TOLD); row++) {
      MemorySegment struct = structs.asSlice(at(row), xent_sampling.sizeof());
      text.add(
          message(
              "%s stream %d step %s",
              samplers[row],
              xent_sampling.stream(struct),
              Integer.toUnsignedString(xent_sampling.step(struct))));
    }
    return (count > MOST_TOLD ? text.add("…") : text).toString();
  }
}

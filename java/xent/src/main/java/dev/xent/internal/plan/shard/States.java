// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.shard;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.PartialStates;
import dev.xent.errors.PartialStatesException;
import dev.xent.internal.ffi.XentH;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Records;
import dev.xent.internal.plan.arrays.ByteFormat;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.NullChecks;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Chunks;
import dev.xent.internal.plan.options.TargetKind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The contributions of some chunks of classes to their rows: one xent_state per row and chunk, with
 * the states of a row next to each other.
 *
 * @param kind the kind of targets; null for a softmax
 * @param wide whether the states were computed in double
 * @param second whether they are of the second round
 * @param shape the shape of the rows, with all classes along the axis
 * @param axis the class axis
 * @param firstChunk the first chunk of these states
 * @param endChunk the chunk after the last one
 * @param memory the states
 */
public record States(
    @Nullable TargetKind kind,
    boolean wide,
    boolean second,
    long[] shape,
    int axis,
    long firstChunk,
    long endChunk,
    MemorySegment memory)
    implements PartialStates {
  private static final ByteFormat FORMAT =
      new ByteFormat(0x5345_5441_5453_4E58L, "partial states", "partial states do");

  private static final int MOST_DIMENSIONS = 64;

  private static final long AT_KIND = ByteFormat.HEADER;
  private static final long AT_ARITHMETIC = 20;
  private static final long AT_ROUND = 24;
  private static final long AT_STATE_SIZE = 28;
  private static final long AT_RANK = 32;
  private static final long AT_AXIS = 36;
  private static final long AT_FIRST_CHUNK = 40;
  private static final long AT_END_CHUNK = 48;
  private static final long AT_SHAPE = 56;

  /** The states of an argument. */
  public static States of(PartialStates states, String name) {
    return (States) NullChecks.require(states, name, "the partial states of a shard");
  }

  /**
   * The kind of states for a kind of targets: sparse targets and probability rows have the same.
   */
  static @Nullable TargetKind kindOf(@Nullable TargetKind targets) {
    return targets == TargetKind.SPARSE ? TargetKind.PROBABILITIES : targets;
  }

  /** Creates zeroed states. */
  static States allocate(
      @Nullable TargetKind kind,
      boolean wide,
      boolean second,
      long[] shape,
      int axis,
      long firstChunk,
      long endChunk) {
    long perRow = (endChunk - firstChunk) * Records.STATE;
    MemorySegment memory =
        Memory.allocateRows(Arena.ofAuto(), rows(shape, axis), perRow, "partial states");
    return new States(kind, wide, second, shape, axis, firstChunk, endChunk, memory);
  }

  static long rows(long[] shape, int axis) {
    long rows = 1;
    for (int d = 0; d < shape.length; d++) {
      rows *= d == axis ? 1 : shape[d];
    }
    return rows;
  }

  @Override
  public long rows() {
    return rows(shape, axis);
  }

  @Override
  public long classes() {
    return shape[axis];
  }

  @Override
  public boolean isWhole() {
    return firstChunk == 0 && endChunk == Chunks.of(classes());
  }

  /**
   * A stand-in for the logits of whole rows, which no process has; the kernels do not read them.
   */
  View unseen() {
    ElementType type = wide ? ElementType.F64 : ElementType.F32;
    return View.of(
        Memory.allocate(Arena.ofAuto(), type, 1), type, shape, new long[shape.length], null);
  }

  private long chunks() {
    return endChunk - firstChunk;
  }

  // ---- merging ---------------------------------------------------------------------------------

  /**
   * Merges states of several class ranges, in any order.
   *
   * @throws PartialStatesException for states that do not belong together
   */
  public static States merge(List<States> parts) {
    if (parts.isEmpty()) {
      throw new PartialStatesException(
          "the list of partial states is empty; expected at least one");
    }
    List<States> sorted =
        parts.stream().sorted(Comparator.comparingLong(States::firstChunk)).toList();
    States first = sorted.getFirst();
    long end = first.firstChunk;
    for (States part : sorted) {
      first.requireSibling(part);
      if (part.firstChunk != end) {
        throw new PartialStatesException(
            message(
                "partial states of classes from %d follow those up to %d; expected each class range once, without gaps",
                part.firstChunk * Chunks.SIZE, end * Chunks.SIZE));
      }
      end = part.endChunk;
    }
    States merged =
        allocate(
            first.kind, first.wide, first.second, first.shape, first.axis, first.firstChunk, end);
    for (States part : sorted) {
      merged.take(part);
    }
    return merged;
  }

  private void take(States part) {
    long size = Records.STATE;
    for (long row = 0; row < rows(); row++) {
      MemorySegment.copy(
          part.memory,
          row * part.chunks() * size,
          memory,
          (row * chunks() + part.firstChunk - firstChunk) * size,
          part.chunks() * size);
    }
  }

  private void requireSibling(States other) {
    if (kind != other.kind
        || wide != other.wide
        || second != other.second
        || axis != other.axis
        || !Arrays.equals(shape, other.shape)) {
      throw new PartialStatesException(
          message(
              "partial states are of %s and of %s; expected states of one operation on the same rows",
              this, other));
    }
  }

  /**
   * Rejects states of another operation or round.
   *
   * @throws PartialStatesException unless they are whole and of this kind and round
   */
  void require(boolean ofTargets, boolean secondRound) {
    if (ofTargets != (kind != null)) {
      throw new PartialStatesException(
          message(
              "partial states are of %s; expected states of %s",
              this, ofTargets ? "a loss" : "a softmax"));
    }
    if (second != secondRound) {
      throw new PartialStatesException(
          message(
              "partial states are of %s; expected states of the %s",
              this,
              secondRound
                  ? "second round: pass the result of the first round to partialStates too"
                  : "first round: to finish a second round, pass the result of the first round too"));
    }
    if (!isWhole()) {
      throw new PartialStatesException(
          message("partial states are of %s: merge those of all classes first", this));
    }
  }

  // ---- bytes -----------------------------------------------------------------------------------

  @Override
  public byte[] toBytes() {
    long size = AT_SHAPE + 8L * shape.length + memory.byteSize();
    if (!ByteFormat.isArraySize(size)) {
      throw new PartialStatesException(
          message(
              "partial states of %s are %d bytes, more than an array can have; expected fewer rows at once",
              this, size));
    }
    byte[] bytes = FORMAT.bytes(size);
    MemorySegment to = MemorySegment.ofArray(bytes);
    to.set(ByteFormat.INT, AT_KIND, kind == null ? 0 : kind == TargetKind.LABELS ? 1 : 2);
    to.set(ByteFormat.INT, AT_ARITHMETIC, wide ? XentH.XENT_F64() : XentH.XENT_F32());
    to.set(ByteFormat.INT, AT_ROUND, second ? 2 : 1);
    to.set(ByteFormat.INT, AT_STATE_SIZE, (int) Records.STATE);
    to.set(ByteFormat.INT, AT_RANK, shape.length);
    to.set(ByteFormat.INT, AT_AXIS, axis);
    to.set(ByteFormat.LONG, AT_FIRST_CHUNK, firstChunk);
    to.set(ByteFormat.LONG, AT_END_CHUNK, endChunk);
    for (int d = 0; d < shape.length; d++) {
      to.set(ByteFormat.LONG, AT_SHAPE + 8L * d, shape[d]);
    }
    MemorySegment.copy(memory, 0, to, AT_SHAPE + 8L * shape.length, memory.byteSize());
    return bytes;
  }

  /**
   * Reads the bytes that {@link #toBytes} returned.
   *
   * @throws PartialStatesException for other bytes
   */
  public static States ofBytes(byte[] bytes) {
    MemorySegment from = FORMAT.read(bytes, AT_SHAPE);
    int kind = FORMAT.require(from, AT_KIND, "kind", 0, 2);
    int arithmetic =
        FORMAT.require(from, AT_ARITHMETIC, "arithmetic", XentH.XENT_F32(), XentH.XENT_F64());
    int round = FORMAT.require(from, AT_ROUND, "round", 1, 2);
    int size = (int) Records.STATE;
    FORMAT.require(from, AT_STATE_SIZE, "size of a state", size, size);
    int rank = FORMAT.require(from, AT_RANK, "number of dimensions", 1, MOST_DIMENSIONS);
    int axis = FORMAT.require(from, AT_AXIS, "axis", 0, rank - 1);
    long begin = AT_SHAPE + 8L * rank;
    if (bytes.length < begin) {
      throw FORMAT.unfit("they are cut off");
    }
    long[] shape = new long[rank];
    for (int d = 0; d < rank; d++) {
      shape[d] = from.get(ByteFormat.LONG, AT_SHAPE + 8L * d);
      if (shape[d] < (d == axis ? 1 : 0)) {
        throw FORMAT.unfit("their shape is " + Arrays.toString(shape));
      }
    }
    long first = from.get(ByteFormat.LONG, AT_FIRST_CHUNK);
    long end = from.get(ByteFormat.LONG, AT_END_CHUNK);
    if (first < 0 || end <= first || end > Chunks.of(shape[axis])) {
      throw FORMAT.unfit(
          message("their chunks are %d to %d of %d", first, end - 1, Chunks.of(shape[axis])));
    }
    long states = (bytes.length - begin) / size;
    if ((bytes.length - begin) % size != 0 || !isProduct(shape, axis, end - first, states)) {
      throw FORMAT.unfit(
          message(
              "they have %s of states, which does not fit shape %s",
              plural(bytes.length - begin, "byte"), Arrays.toString(shape)));
    }
    TargetKind targets =
        kind == 0 ? null : kind == 1 ? TargetKind.LABELS : TargetKind.PROBABILITIES;
    States read =
        allocate(targets, arithmetic == XentH.XENT_F64(), round == 2, shape, axis, first, end);
    MemorySegment.copy(from, begin, read.memory, 0, bytes.length - begin);
    return read;
  }

  /** Whether rows times chunks equals the number of states, without overflow. */
  private static boolean isProduct(long[] shape, int axis, long chunks, long states) {
    long product = chunks;
    for (int d = 0; d < shape.length; d++) {
      if (d == axis) {
        continue;
      }
      if (Math.multiplyHigh(product, shape[d]) != 0 || product * shape[d] < 0) {
        return false;
      }
      product *= shape[d];
    }
    return product == states;
  }

  /** The description in error messages. */
  @Override
  public String toString() {
    return message(
        "%s, classes %d to %d of %s along axis %d, %s round, in %s",
        kind == null ? "softmax" : kind.text,
        firstChunk * Chunks.SIZE,
        Math.min(endChunk * Chunks.SIZE, classes()) - 1,
        Arrays.toString(shape),
        axis,
        second ? "second" : "first",
        wide ? "F64" : "F32");
  }
}

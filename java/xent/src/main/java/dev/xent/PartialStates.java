// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.PartialStatesException;
import dev.xent.internal.plan.arrays.NullChecks;
import dev.xent.internal.plan.shard.States;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * The contributions of some classes to their rows, for rows whose classes are divided over threads,
 * processes or machines: made by {@link CrossEntropyShard} and {@link SoftmaxShard}, sent as bytes,
 * merged in any order, and finished into losses and statistics with the bits of the undivided call.
 *
 * <p><b>Bytes.</b> {@link #toBytes} and {@link #ofBytes} use this layout, little-endian:
 *
 * <ul>
 *   <li>8 bytes {@code XNSTATES}; layout version 1 (4 bytes); numerics version (4);
 *   <li>kind (4): 0 softmax, 1 class indices, 2 probability rows or sparse targets; arithmetic (4):
 *       1 F32, 2 F64; round (4): 1 or 2; size of a state (4): 64;
 *   <li>number of dimensions (4), axis of the classes (4), first chunk (8), chunk after the last
 *       one (8), a chunk being 8192 classes;
 *   <li>the sizes (8 each); along the axis the number of all classes;
 *   <li>row by row, for each chunk an {@code xent_state} of the C API, which is opaque.
 * </ul>
 *
 * <p>Instances are immutable; any number of threads may share one.
 */
public sealed interface PartialStates permits States {
  /**
   * Returns the states of all parts. Parts of other classes of the same rows may come in any order
   * and be merged already; together they must be a class range without gaps.
   *
   * @throws PartialStatesException for parts that do not belong together
   */
  static PartialStates merge(List<PartialStates> parts) {
    List<States> all = new ArrayList<>();
    for (PartialStates part : NullChecks.require(parts, "parts", "the states of all shards")) {
      all.add(States.of(part, "a part"));
    }
    return States.merge(all);
  }

  /** Returns the number of rows. */
  long rows();

  /** Returns the number of all classes of a row, whether or not their states are here. */
  long classes();

  /** Returns whether the states of all classes are here, so that rows can be finished. */
  boolean isWhole();

  /**
   * Returns these states in the layout above, to be sent or stored.
   *
   * @throws PartialStatesException if they do not fit in an array
   */
  byte[] toBytes();

  /**
   * Returns the states that these bytes hold.
   *
   * @param bytes in the layout above
   * @throws PartialStatesException if they are invalid, or of another layout or numerics version
   */
  static PartialStates ofBytes(byte[] bytes) {
    return States.ofBytes(Objects.requireNonNull(bytes, "bytes"));
  }

  /** Returns kind, classes, shape, round and arithmetic, in one line. */
  @Override
  String toString();
}

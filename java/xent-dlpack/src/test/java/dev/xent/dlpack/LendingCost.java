// SPDX-License-Identifier: Apache-2.0
package dev.xent.dlpack;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.support.Turns;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * What lending costs, run by hand: tensors go out of Java and come back, with the arena that owns
 * the import of each kind. Median nanoseconds of runs that take turns.
 */
final class LendingCost {
  private static final int TENSORS = 1000;

  private LendingCost() {}

  static void main() throws Exception {
    try (Arena arena = Arena.ofShared()) {
      Tensor tensor = Tensor.allocate(arena, DType.F32, 10, 100);
      double[] nanos =
          Turns.medians(
              TENSORS,
              () -> copied(tensor),
              () -> DlpackTensors.view(DlpackTensors.export(tensor)).close(),
              () -> confined(tensor));
      System.out.printf(
          "copy of 1000 floats %.0f ns, view %.0f ns, view with a confined arena %.0f ns%n",
          nanos[0], nanos[1], nanos[2]);
    }
  }

  private static void confined(Tensor tensor) {
    MemorySegment managed = DlpackTensors.export(tensor);
    try (Arena arena = Arena.ofConfined()) {
      DlpackTensors.view(managed, arena);
    }
  }

  private static void copied(Tensor tensor) {
    MemorySegment managed = DlpackTensors.export(tensor);
    try (Arena arena = Arena.ofConfined()) {
      DlpackTensors.copy(managed, arena);
    }
  }
}

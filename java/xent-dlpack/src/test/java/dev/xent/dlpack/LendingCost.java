// SPDX-License-Identifier: Apache-2.0
package dev.xent.dlpack;

import dev.xent.DType;
import dev.xent.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * What lending costs, run by hand: tensors go out of Java and come back, with the arena that owns
 * the import of each kind. Median nanoseconds of runs that take turns.
 */
final class LendingCost {
  private static final int RUNS = 101;
  private static final int TENSORS = 1000;

  private LendingCost() {}

  private interface Way {
    void lend(Tensor tensor);
  }

  static void main() {
    Map<String, Way> ways =
        new TreeMap<>(
            Map.of(
                "view, close", tensor -> DlpackTensors.view(DlpackTensors.export(tensor)).close(),
                "view with a confined arena, close", LendingCost::confined,
                "copy of 1000 floats", LendingCost::copied));
    try (Arena arena = Arena.ofShared()) {
      Tensor tensor = Tensor.allocate(arena, DType.F32, 10, 100);
      Map<String, double[]> times = new TreeMap<>();
      for (int run = 0; run < RUNS; run++) {
        for (Map.Entry<String, Way> way : ways.entrySet()) {
          times.computeIfAbsent(way.getKey(), name -> new double[RUNS])[run] =
              time(way.getValue(), tensor);
        }
      }
      times.forEach(
          (name, runs) -> {
            Arrays.sort(runs);
            System.out.printf("%-34s %8.0f ns%n", name, runs[RUNS / 2]);
          });
    }
  }

  private static double time(Way way, Tensor tensor) {
    long start = System.nanoTime();
    for (int i = 0; i < TENSORS; i++) {
      way.lend(tensor);
    }
    return (System.nanoTime() - start) / (double) TENSORS;
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

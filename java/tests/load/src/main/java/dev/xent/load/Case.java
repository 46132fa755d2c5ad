// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import dev.xent.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** A call with its operands, and every bit of the expected results. */
final class Case {
  final String name;
  final List<Operand> operands;

  /** The size of all operands. */
  final long bytes;

  /** The contents of operands after the call. */
  final MemorySegment[] expected;

  final double loss;

  /** Work in Java with the duration of the call, in units of {@link JavaWork}. */
  volatile long javaWork;

  private final Map<Helpers.Kind, Step> steps = new EnumMap<>(Helpers.Kind.class);

  /**
   * Computes the expected results.
   *
   * @param arena for the expected results
   */
  Case(String name, List<Operand> operands, Step.Maker maker, Helpers helpers, Arena arena) {
    this.name = name;
    this.operands = operands;
    this.bytes = operands.stream().mapToLong(Operand::bytes).sum();
    for (Helpers.Kind kind : Helpers.Kind.values()) {
      steps.put(kind, maker.make(helpers.execution(kind)));
    }
    Tensor[] tensors = new Tensor[operands.size()];
    expected = new MemorySegment[tensors.length];
    for (int i = 0; i < tensors.length; i++) {
      Operand operand = operands.get(i);
      if (operand.written()) {
        expected[i] = arena.allocate(operand.bytes(), 64);
        tensors[i] = operand.tensor(expected[i]);
      } else {
        expected[i] = operand.content();
        tensors[i] = Tensor.of(expected[i], operand.type(), operand.shape());
      }
    }
    try (Arena own = Arena.ofShared()) {
      loss = maker.make(Helpers.REFERENCE).run(tensors, own);
    }
  }

  Step step(Helpers.Kind kind) {
    return steps.get(kind);
  }
}

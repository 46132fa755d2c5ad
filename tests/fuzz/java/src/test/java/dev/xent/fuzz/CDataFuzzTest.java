// SPDX-License-Identifier: Apache-2.0
package dev.xent.fuzz;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.arrow.CDataTensors;
import dev.xent.arrow.Ragged;
import java.lang.foreign.Arena;
import java.util.Arrays;

/**
 * Structs of Arrow's C Data Interface with any fields: refused in one line, and then the caller's,
 * or viewed. What is taken is released once.
 */
class CDataFuzzTest {
  @FuzzTest
  void cData(FuzzedDataProvider data) {
    try (Arena memory = Arena.ofConfined()) {
      boolean ragged = data.consumeBoolean();
      boolean takes = data.consumeBoolean();
      CStructs structs = new CStructs(data, memory);
      Arena arena = Arena.ofConfined();
      boolean taken = false;
      try {
        if (ragged) {
          check(
              takes
                  ? CDataTensors.takeRagged(structs.array, structs.schema, arena)
                  : CDataTensors.viewRagged(structs.array, structs.schema),
              structs);
        } else {
          check(
              takes
                  ? CDataTensors.take(structs.array, structs.schema, arena)
                  : CDataTensors.view(structs.array, structs.schema),
              structs);
        }
        taken = takes;
      } catch (IllegalArgumentException refusal) {
        Found.unlessOneLine(refusal);
      }
      CStructs.requireReleased(0, taken ? 1 : 0);
      arena.close();
      CStructs.requireReleased(taken ? 1 : 0, taken ? 1 : 0);
    }
  }

  private static void check(Tensor tensor, CStructs structs) {
    Found.unless(tensor.isReadOnly(), "a tensor that can be written");
    Found.unless(Arrays.stream(tensor.shape()).allMatch(size -> size >= 0), "a size below 0");
    if (structs.hasMemoryOf(tensor.segment())) {
      Found.readAll(tensor);
    }
  }

  private static void check(Ragged ragged, CStructs structs) {
    check(ragged.values(), structs);
    Tensor offsets = ragged.rowOffsets();
    Found.unless(offsets.type() == DType.I32 || offsets.type() == DType.I64, "offsets of floats");
    long before = 0;
    for (long offset : offsets.toLongArray()) {
      Found.unless(offset >= before, "offsets that fall");
      before = offset;
    }
    Found.unless(before <= ragged.values().elements(), "a list that goes on behind the values");
  }
}

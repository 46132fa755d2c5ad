// SPDX-License-Identifier: Apache-2.0
package dev.xent.fuzz;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.xent.Tensor;
import dev.xent.dlpack.DlpackTensors;
import dev.xent.dlpack.ManagedTensor;
import java.lang.foreign.Arena;

/**
 * Structs of DLPack with any fields: refused in one line, or lent; and whatever happens, given back
 * once. Elements are read only where they lie in memory that there is, as DLPack does not tell how
 * long that is.
 */
class DlpackFuzzTest {
  @FuzzTest
  void dlpack(FuzzedDataProvider data) {
    try (Arena arena = Arena.ofConfined()) {
      boolean copies = data.consumeBoolean();
      boolean ofArena = data.consumeBoolean();
      Descriptor descriptor = new Descriptor(data, arena);
      if (copies && !descriptor.isWithinMemory()) {
        return;
      }
      try {
        if (copies) {
          copy(descriptor);
        } else if (ofArena && descriptor.versioned) {
          viewOfArena(descriptor);
        } else {
          view(descriptor);
        }
      } catch (IllegalArgumentException refusal) {
        Found.unlessOneLine(refusal);
      }
      descriptor.requireDeleted(1);
    }
  }

  private static void view(Descriptor descriptor) {
    try (ManagedTensor lent =
        descriptor.versioned
            ? DlpackTensors.view(descriptor.struct)
            : DlpackTensors.viewUnversioned(descriptor.struct)) {
      descriptor.requireDeleted(0);
      read(lent.tensor(), descriptor);
    }
  }

  private static void viewOfArena(Descriptor descriptor) {
    try (Arena lifetime = Arena.ofConfined()) {
      Tensor tensor = DlpackTensors.view(descriptor.struct, lifetime);
      descriptor.requireDeleted(0);
      read(tensor, descriptor);
    }
  }

  private static void copy(Descriptor descriptor) {
    try (Arena arena = Arena.ofConfined()) {
      Tensor tensor =
          descriptor.versioned
              ? DlpackTensors.copy(descriptor.struct, arena)
              : DlpackTensors.copyUnversioned(descriptor.struct, arena);
      descriptor.requireDeleted(1);
      Found.readAll(tensor);
    }
  }

  private static void read(Tensor tensor, Descriptor descriptor) {
    if (descriptor.isWithinMemory()) {
      Found.readAll(tensor);
    } else {
      Found.unless(tensor.elements() >= 0, "fewer elements than none");
    }
  }
}

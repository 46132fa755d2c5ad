// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import dev.xent.XentRuntime;
import dev.xent.options.Isa;
import java.util.List;

/**
 * The instruction sets that the next case is compared on: every third case on all of them, the
 * others without the scalar one, which takes longer than all the rest. {@code -Dxent.long=true}:
 * all cases on all of them.
 */
final class TiersInTurn {
  private static final int TURNS = Boolean.getBoolean("xent.long") ? 1 : 3;

  private final List<Isa> all = XentRuntime.get().availableIsas();
  private final List<Isa> fast = all.stream().filter(isa -> isa != Isa.SCALAR).toList();
  private int cases;

  List<Isa> next() {
    return cases++ % TURNS == 0 || fast.isEmpty() ? all : fast;
  }
}

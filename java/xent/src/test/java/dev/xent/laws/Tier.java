// SPDX-License-Identifier: Apache-2.0
package dev.xent.laws;

import dev.xent.Execution;
import dev.xent.XentRuntime;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.util.ArrayList;
import java.util.List;

/**
 * Who computes.
 *
 * @param backend the library or the reference
 * @param isa instruction set of the library
 * @param threads at most
 */
record Tier(Backend backend, Isa isa, int threads) {
  static final Tier REFERENCE = new Tier(Backend.REFERENCE, Isa.BEST, 1);

  static final Tier BEST = new Tier(Backend.NATIVE, Isa.BEST, 1);

  /** The reference and every instruction set, on one thread. */
  static List<Tier> all() {
    List<Tier> tiers = new ArrayList<>();
    for (Isa isa : XentRuntime.get().availableIsas()) {
      tiers.add(new Tier(Backend.NATIVE, isa, 1));
    }
    tiers.add(REFERENCE);
    return tiers;
  }

  /** One of them. */
  static Tier of(Sample sample) {
    List<Tier> tiers = all();
    return tiers.get(Math.floorMod(sample.seed(), tiers.size()));
  }

  Tier withThreads(int most) {
    return new Tier(backend, isa, most);
  }

  Execution execution() {
    return Execution.defaults().withBackend(backend).withIsa(isa).withThreads(threads);
  }
}

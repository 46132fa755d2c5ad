// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import dev.xent.Execution;
import dev.xent.XentRuntime;
import dev.xent.cli.ComputeOptions;
import dev.xent.cli.Converters;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.util.ArrayList;
import java.util.List;

/**
 * A kernel: the backend and the instruction set.
 *
 * @param backend native or reference
 * @param isa the instruction set; BEST for the reference, which ignores it
 */
record Tier(Backend backend, Isa isa) {
  static final Tier REFERENCE = new Tier(Backend.REFERENCE, Isa.BEST);

  /** The kernels that these options allow, the reference first and then from slow to fast. */
  static List<Tier> of(ComputeOptions options) {
    Isa asked = options.isa();
    XentRuntime runtime = XentRuntime.get();
    Backend backend = options.backend();
    List<Tier> tiers = new ArrayList<>();
    if (backend != Backend.NATIVE) {
      tiers.add(REFERENCE);
    }
    if (backend == Backend.NATIVE
        || (backend == Backend.AUTO && runtime.backend() == Backend.NATIVE)) {
      List<Isa> isas = asked == Isa.BEST ? runtime.availableIsas() : List.of(asked);
      isas.forEach(isa -> tiers.add(new Tier(Backend.NATIVE, isa)));
    }
    return tiers;
  }

  /** The execution of an operation. */
  Execution execution(int threads) {
    return Execution.defaults().withBackend(backend).withIsa(isa).withThreads(threads);
  }

  /** The name in reports: {@code reference}, or the native instruction set. */
  String label() {
    return Converters.name(backend == Backend.REFERENCE ? backend : isa);
  }

  /** {@code native} or {@code reference}. */
  String backendName() {
    return Converters.name(backend);
  }

  /** The instruction set; {@code scalar} for the reference, where the JVM chooses. */
  String isaName() {
    return Converters.name(backend == Backend.REFERENCE ? Isa.SCALAR : isa);
  }
}

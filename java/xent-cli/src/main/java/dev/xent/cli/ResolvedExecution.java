// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.XentRuntime;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.util.Map;

/**
 * The backend, instruction set and threads of a command, with the names of the command line.
 *
 * @param backend {@code native} or {@code reference}
 * @param isa the instruction set; {@code scalar} for the reference, where the JVM chooses
 * @param threads the maximum number
 */
public record ResolvedExecution(String backend, String isa, int threads) {

  /** Resolves these options on this machine. */
  public static ResolvedExecution of(ComputeOptions compute) {
    XentRuntime runtime = XentRuntime.get();
    Backend backend = compute.backend() == Backend.AUTO ? runtime.backend() : compute.backend();
    Isa isa = compute.isa() == Isa.BEST ? runtime.isa() : compute.isa();
    return new ResolvedExecution(
        Converters.name(backend),
        Converters.name(backend == Backend.REFERENCE ? Isa.SCALAR : isa),
        compute.threads());
  }

  /** Adds the members of a JSON object. */
  void addTo(Map<String, Object> object) {
    object.put("backend", backend);
    object.put("isa", isa);
    object.put("threads", threads);
  }

  /** {@code native, avx512, 1 thread}; {@code native, avx512, up to 2 threads}. */
  public String text() {
    return message(
        "%s, %s, %s", backend, isa, threads == 1 ? "1 thread" : "up to " + threads + " threads");
  }
}

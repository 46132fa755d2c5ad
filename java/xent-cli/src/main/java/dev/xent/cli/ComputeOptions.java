// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.Execution;
import dev.xent.XentRuntime;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Spec.Target;

/** Options of commands that compute, which change the speed, but not the bits, of results. */
public final class ComputeOptions {
  @Spec(Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--isa",
      order = HelpOrder.COMPUTE,
      paramLabel = "ISA",
      description = "Instruction set: scalar, avx2, avx512 or neon. Default: the best of this CPU.")
  private Isa isa = Isa.BEST;

  @Option(
      names = "--backend",
      order = HelpOrder.COMPUTE,
      paramLabel = "BACKEND",
      description = "native, reference (plain Java) or auto. Default: auto, native if available.")
  private Backend backend = Backend.AUTO;

  @Option(
      names = "--threads",
      order = HelpOrder.COMPUTE,
      paramLabel = "N",
      description =
          "Maximum number of threads. Default: the number of processors; bench and demo: 1.")
  private void threads(int given) {
    if (given < 1) {
      throw new ParameterException(
          spec.commandLine(), message("--threads is %d; expected 1 or more", given));
    }
    threads = given;
  }

  private @Nullable Integer threads;

  /**
   * The requested instruction set.
   *
   * @throws CommandException if the backend does not have it on this machine
   */
  public Isa isa() {
    XentRuntime runtime = XentRuntime.get();
    if (isa == Isa.BEST || (backend == Backend.NATIVE && runtime.fallbackReason() != null)) {
      return isa;
    }
    boolean reference =
        (backend == Backend.AUTO ? runtime.backend() : backend) == Backend.REFERENCE;
    List<Isa> available = reference ? List.of(Isa.SCALAR) : runtime.availableIsas();
    if (!available.contains(isa)) {
      throw new CommandException(
          message(
              "--isa %s is not available %s; use %s, or remove --isa",
              Converters.name(isa),
              reference ? "with the reference backend" : "here",
              available.stream().map(Converters::name).collect(Collectors.joining(", "))));
    }
    return isa;
  }

  /** The backend, instruction set and threads, for the builder of an operation. */
  public Execution execution() {
    return Execution.defaults().withIsa(isa()).withBackend(backend()).withThreads(threads());
  }

  /** The requested backend. */
  public Backend backend() {
    return backend;
  }

  /** The maximum number of threads: the option, or the default of this process. */
  public int threads() {
    return threadsOr(XentRuntime.get().threads());
  }

  /** The requested number of threads, or {@code byDefault}. */
  public int threadsOr(int byDefault) {
    return threads == null ? byDefault : threads;
  }
}

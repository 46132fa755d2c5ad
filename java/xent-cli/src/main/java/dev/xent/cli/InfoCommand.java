// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.XentRuntime;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code xent info}: the version of this installation, and the kernels that it would use. */
@Command(
    name = "info",
    header = "Show the version, the library and the instruction set.",
    customSynopsis = "xent info [OPTIONS]",
    footer = {"Examples:", "  xent info", "  xent info --json"})
final class InfoCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Mixin private ComputeOptions compute;

  @Override
  public Integer call() {
    Map<String, Object> facts = facts();
    if (json) {
      spec.commandLine().getOut().println(Json.line(facts));
    } else {
      facts.forEach(this::print);
    }
    return ExitCode.OK;
  }

  private Map<String, Object> facts() {
    XentRuntime runtime = XentRuntime.get();
    ResolvedExecution used = ResolvedExecution.of(compute);
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("version", runtime.version());
    facts.put("abi", runtime.abiVersion());
    facts.put("numerics", runtime.numericsVersion());
    facts.put("backend", used.backend());
    facts.put("isa", used.isa());
    facts.put("available", runtime.availableIsas().stream().map(Converters::name).toList());
    facts.put("library", runtime.libraryLocation());
    facts.put("fallback", runtime.fallbackReason());
    facts.put("unpinned", runtime.unpinnedReason());
    facts.put("threads", used.threads());
    facts.put("java", System.getProperty("java.vm.name") + " " + Runtime.version());
    return facts;
  }

  private void print(String name, Object value) {
    if (value == null) {
      return;
    }
    String text =
        value instanceof List<?> list
            ? String.join(", ", list.stream().map(Object::toString).toList())
            : value.toString();
    spec.commandLine().getOut().printf(Locale.ROOT, "%-11s%s%n", name, text);
  }
}

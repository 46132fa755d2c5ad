// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Unmatched;

/** The name {@code bench} is taken; its work is not done yet. */
@Command(
    name = "bench",
    hidden = true,
    header = "Not in this version.",
    customSynopsis = "xent bench")
final class BenchCommand implements Callable<Integer> {
  @Unmatched private List<String> rest;

  @Override
  public Integer call() {
    throw new CommandException(
        "bench is not in this version; 'xent demo' ends with a measurement on this machine");
  }
}

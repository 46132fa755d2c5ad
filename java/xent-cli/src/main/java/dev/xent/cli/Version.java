// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.XentRuntime;
import picocli.CommandLine.IVersionProvider;

/** The output of {@code --version}. */
final class Version implements IVersionProvider {
  @Override
  public String[] getVersion() {
    XentRuntime runtime = XentRuntime.get();
    return new String[] {
      message(
          "xent %s (ABI %d, numerics %d)",
          runtime.version(), runtime.abiVersion(), runtime.numericsVersion())
    };
  }
}

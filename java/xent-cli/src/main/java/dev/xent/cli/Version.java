// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.XentRuntime;
import java.util.Locale;
import picocli.CommandLine.IVersionProvider;

/** The output of {@code --version}. */
final class Version implements IVersionProvider {
  @Override
  public String[] getVersion() {
    XentRuntime runtime = XentRuntime.get();
    return new String[] {
      String.format(
          Locale.ROOT,
          "xent %s (ABI %d, numerics %d)",
          runtime.version(),
          runtime.abiVersion(),
          runtime.numericsVersion())
    };
  }
}

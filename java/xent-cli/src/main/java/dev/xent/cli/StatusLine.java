// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import java.io.PrintStream;
import me.tongfei.progressbar.ProgressBarConsumer;

/** The last line of a terminal, written again and again and erased in the end. */
final class StatusLine implements ProgressBarConsumer {
  private static final int WIDTH = 79;

  private final PrintStream terminal;

  StatusLine(PrintStream terminal) {
    this.terminal = terminal;
  }

  @Override
  public int getMaxRenderedLength() {
    return WIDTH;
  }

  @Override
  public void accept(String bar) {
    terminal.print('\r' + bar);
    terminal.flush();
  }

  @Override
  public void close() {
    terminal.print('\r' + " ".repeat(WIDTH) + '\r');
    terminal.flush();
  }
}

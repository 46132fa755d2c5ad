// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import java.io.PrintStream;
import java.util.function.IntSupplier;
import me.tongfei.progressbar.ProgressBarConsumer;

/** The last line of a terminal, which is overwritten again and again, and erased at the end. */
final class StatusLine implements ProgressBarConsumer {
  private final PrintStream terminal;
  private final IntSupplier columns;

  /** The length of the last text. */
  private int shown;

  private boolean closed;

  /**
   * Creates an empty line.
   *
   * @param columns of the terminal, queried each time, because the window may change
   */
  StatusLine(PrintStream terminal, IntSupplier columns) {
    this.terminal = terminal;
    this.columns = columns;
  }

  /** One column less, because text in the last column starts a new line on some terminals. */
  @Override
  public int getMaxRenderedLength() {
    return Math.max(0, columns.getAsInt() - 1);
  }

  /** Ignores texts after the end, which the bar's thread may still send. */
  @Override
  public synchronized void accept(String bar) {
    if (!closed) {
      show(bar);
    }
  }

  private void show(String bar) {
    int room = getMaxRenderedLength();
    String text = bar.substring(0, Math.min(bar.length(), room));
    int rest = Math.min(shown, room) - text.length();
    terminal.print('\r' + text + " ".repeat(Math.max(0, rest)));
    terminal.flush();
    shown = text.length();
  }

  @Override
  public synchronized void close() {
    closed = true;
    show("");
    terminal.print('\r');
    terminal.flush();
  }
}

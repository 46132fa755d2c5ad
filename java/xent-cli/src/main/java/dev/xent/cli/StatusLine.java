// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import java.io.PrintStream;
import java.util.function.IntSupplier;
import me.tongfei.progressbar.ProgressBarConsumer;

/** The last line of a terminal, written again and again and erased in the end. */
final class StatusLine implements ProgressBarConsumer {
  private final PrintStream terminal;
  private final IntSupplier columns;

  /** How many characters of the last text there are. */
  private int shown;

  private boolean closed;

  /**
   * A line that is empty so far.
   *
   * @param columns of the terminal, asked again each time, as its window may change
   */
  StatusLine(PrintStream terminal, IntSupplier columns) {
    this.terminal = terminal;
    this.columns = columns;
  }

  /** A text in the last column would make some terminals begin a new line. */
  @Override
  public int getMaxRenderedLength() {
    return Math.max(0, columns.getAsInt() - 1);
  }

  /** The bar's own thread may bring a text behind the last one. */
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

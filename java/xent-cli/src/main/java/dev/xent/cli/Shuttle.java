// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import me.tongfei.progressbar.ProgressBarRenderer;
import me.tongfei.progressbar.ProgressState;

/** The bar of work with unknown progress: a mark that moves back and forth, and the seconds. */
final class Shuttle implements ProgressBarRenderer {
  private static final int TRACK = 30;
  private static final String MARK = "=====";
  private static final double NANOS = 1e-9;

  private final String task;
  private final long start = System.nanoTime();
  private int step;

  Shuttle(String task) {
    this.task = task;
  }

  @Override
  public String render(ProgressState state, int maxLength) {
    int room = TRACK - MARK.length();
    int phase = step++ % (2 * room);
    int place = Math.min(phase, 2 * room - phase);
    String bar = " ".repeat(place) + MARK + " ".repeat(room - place);
    double seconds = (System.nanoTime() - start) * NANOS + 1;
    return message("%s [%s] %.0f s", task, bar, seconds);
  }
}

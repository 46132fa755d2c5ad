// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarConsumer;
import org.junit.jupiter.api.Test;

class ProgressTest {
  private static final int WIDTH = 79;
  private static final int PATIENCE = 20;

  @Test
  void movesWhereNoStepIsTold() throws InterruptedException {
    BlockingQueue<String> lines = new LinkedBlockingQueue<>();
    try (ProgressBar bar = Progress.bar("verify", Progress.UNKNOWN, new Lines(lines))) {
      for (String place : new String[] {"[=====  ", "[ =====  ", "[  =====  "}) {
        assertThat(lines.poll(PATIENCE, TimeUnit.SECONDS))
            .as(bar.getTaskName())
            .startsWith("verify " + place);
      }
    }
  }

  private record Lines(BlockingQueue<String> lines) implements ProgressBarConsumer {
    @Override
    public int getMaxRenderedLength() {
      return WIDTH;
    }

    @Override
    public void accept(String line) {
      lines.add(line);
    }

    @Override
    public void close() {
      lines.clear();
    }
  }
}

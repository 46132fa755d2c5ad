// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import dev.xent.Softmax;
import dev.xent.Tensor;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** A program for {@link LoaderTest}: a handler of log messages makes a call, and throws. */
public final class LogProbe {
  private static int messages;

  private LogProbe() {}

  private static float half() {
    Tensor two = Tensor.of(new float[2]);
    Softmax.along(-1).forward(two, two);
    return two.getFloat(0);
  }

  /**
   * Prints what a call computes, and how many messages there were.
   *
   * @param arguments not looked at
   */
  public static void main(String[] arguments) {
    Logger logger = Logger.getLogger("dev.xent");
    logger.addHandler(
        new Handler() {
          @Override
          public void publish(LogRecord message) {
            if (++messages < 9) {
              System.out.println("in the handler " + half());
              throw new IllegalStateException("thrown by the handler");
            }
          }

          @Override
          public void flush() {}

          @Override
          public void close() {}
        });
    System.out.println("in the program " + half());
    System.out.println(messages + " messages");
  }
}

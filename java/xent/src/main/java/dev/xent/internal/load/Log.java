// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import dev.xent.internal.parallel.Threads;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * The logger {@code dev.xent} of the platform's logging. Messages are queued until the choice of
 * the backend is made, since a log handler may itself call Xent.
 */
final class Log {
  private record Message(Level level, String text) {}

  private static final Queue<Message> WAITING = new ConcurrentLinkedQueue<>();

  private Log() {}

  private static Logger logger() {
    return System.getLogger("dev.xent");
  }

  static void warning(String message) {
    WAITING.add(new Message(Level.WARNING, message));
  }

  static void info(String message) {
    WAITING.add(new Message(Level.INFO, message));
  }

  static void debug(String message) {
    WAITING.add(new Message(Level.DEBUG, message));
  }

  /**
   * Logs the queued messages. An exception of a handler does not fail the call that logs. It is
   * reported with the message, which may have reached no other handler.
   */
  static void flush() {
    for (Message message = WAITING.poll(); message != null; message = WAITING.poll()) {
      try {
        logger().log(message.level(), message.text());
      } catch (Throwable e) {
        Threads.report(new IllegalStateException("cannot log: " + message.text(), e));
      }
    }
  }
}

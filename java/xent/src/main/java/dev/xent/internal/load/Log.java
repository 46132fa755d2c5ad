// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;

/** The logger {@code dev.xent} of the platform's logging, whichever that is. */
final class Log {
  private Log() {}

  private static Logger logger() {
    return System.getLogger("dev.xent");
  }

  static void warning(String message) {
    logger().log(Level.WARNING, message);
  }

  static void debug(String message) {
    logger().log(Level.DEBUG, message);
  }
}

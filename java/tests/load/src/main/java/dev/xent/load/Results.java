// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import java.util.Properties;

/**
 * The results of a process.
 *
 * @param properties by their names
 */
record Results(Properties properties) {

  String text(String name) {
    String value = properties.getProperty(name);
    if (value == null) {
      throw new IllegalStateException("the process says nothing about " + name);
    }
    return value;
  }

  long number(String name) {
    return Long.parseLong(text(name));
  }

  double real(String name) {
    return Double.parseDouble(text(name));
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import java.io.Serializable;

/** A function with its options: immutable, comparable, and sent to executors. */
interface Named extends Serializable {
  /** Its name in SQL. */
  String name();

  /** The options that it was called with. */
  FunctionOptions given();

  /** Options that are not the defaults, for plans and names of columns; or nothing. */
  default String options() {
    return given().toString();
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

/** A situation that this machine cannot make. */
final class CannotRun extends Exception {
  private static final long serialVersionUID = 1;

  CannotRun(String reason) {
    super(reason);
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

/** The memory of the operands of a call. */
enum Place {
  JAVA_ARRAYS(Long.MAX_VALUE),
  CONFINED(Long.MAX_VALUE),
  SHARED(Long.MAX_VALUE),
  /** Freed when the collector finds it unused, minutes later: only for small operands. */
  AUTOMATIC(1 << 13),
  /** In separate, unlinked files. */
  MAPPED(1 << 22);

  /** The limit of a case's bytes. */
  final long most;

  Place(long most) {
    this.most = most;
  }
}

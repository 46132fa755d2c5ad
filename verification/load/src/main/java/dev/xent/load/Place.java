// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

/** Where the operands of a call lie. */
enum Place {
  JAVA_ARRAYS(Long.MAX_VALUE),
  CONFINED(Long.MAX_VALUE),
  SHARED(Long.MAX_VALUE),
  /** Freed when the collector finds out, minutes later: small ones alone. */
  AUTOMATIC(1 << 13),
  /** In files of their own, without a name. */
  MAPPED(1 << 22);

  /** Cases with more bytes go elsewhere. */
  final long most;

  Place(long most) {
    this.most = most;
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

/**
 * What a call needs that its caller keeps: whatever else a thread does in between, it is as it was
 * when it ran last.
 */
public final class Bound {
  final Call call = new Call(false);

  /** One for each call that is kept. */
  public Bound() {}
}

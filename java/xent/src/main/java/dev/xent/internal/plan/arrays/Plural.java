// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

/** Numbers of things in messages. */
public final class Plural {
  private Plural() {}

  /** "1 row", "2 rows", "1 class". */
  public static String of(long count, String noun) {
    return count == 1 ? "1 " + noun : count + " " + noun + (noun.endsWith("s") ? "es" : "s");
  }
}

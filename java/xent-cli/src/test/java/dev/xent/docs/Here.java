// SPDX-License-Identifier: Apache-2.0
package dev.xent.docs;

import dev.xent.Xent;
import java.util.Locale;

/** The one thing that pages say and that differs from machine to machine: what computed. */
final class Here {
  private Here() {}

  /** The text of a page as this machine would print it. */
  static String expected(String text) {
    String backend = name(Xent.runtime().backend());
    String isa = name(Xent.runtime().isa());
    return text.replace("native avx512", backend + " " + isa)
        .replace("native, avx512", backend + ", " + isa)
        .replace(
            "\"backend\":\"native\",\"isa\":\"avx512\"",
            "\"backend\":\"%s\",\"isa\":\"%s\"".formatted(backend, isa));
  }

  private static String name(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }
}

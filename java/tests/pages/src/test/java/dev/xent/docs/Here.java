// SPDX-License-Identifier: Apache-2.0
package dev.xent.docs;

import dev.xent.XentRuntime;
import java.util.Locale;

/** What pages say and what differs from machine to machine: what computed. */
final class Here {
  private Here() {}

  /** The text of a page as this machine would print it. */
  static String expected(String text) {
    String backend = name(XentRuntime.get().backend());
    String isa = name(XentRuntime.get().isa());
    int threads = XentRuntime.get().threads();
    return text.replace(
            "up to 2 threads", threads == 1 ? "1 thread" : "up to " + threads + " threads")
        .replace("\"threads\":2", "\"threads\":" + threads)
        .replace("native avx512", backend + " " + isa)
        .replace("native, avx512", backend + ", " + isa)
        .replace(
            "\"backend\":\"native\",\"isa\":\"avx512\"",
            "\"backend\":\"%s\",\"isa\":\"%s\"".formatted(backend, isa));
  }

  private static String name(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.verify;

import dev.xent.cli.Json;
import dev.xent.cli.Numbers;
import org.jspecify.annotations.Nullable;

/** A value of a file, as it is shown. */
sealed interface Value {
  String text();

  Object json();

  /** Its bits in hexadecimal, which tell -0 from +0 and one NaN from another; null for integers. */
  @Nullable String bits();

  record Floating(float value) implements Value {
    @Override
    public String text() {
      return "%s (%s)".formatted(Numbers.text(value), bits());
    }

    @Override
    public Object json() {
      return Json.number(value);
    }

    @Override
    public String bits() {
      return "0x%08x".formatted(Float.floatToRawIntBits(value));
    }
  }

  record Whole(long value) implements Value {
    @Override
    public String text() {
      return Long.toString(value);
    }

    @Override
    public Object json() {
      return value;
    }

    @Override
    public @Nullable String bits() {
      return null;
    }
  }
}

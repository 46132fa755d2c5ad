// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.verify;

import static dev.xent.cli.Messages.message;

import dev.xent.DType;
import dev.xent.cli.Json;
import dev.xent.cli.Numbers;
import java.math.BigInteger;
import org.jspecify.annotations.Nullable;

/** A value of a file, for output. */
sealed interface Value {
  String text();

  Object json();

  /** Its bits in hexadecimal, which distinguish -0 from +0, and NaNs; null for integers. */
  @Nullable String bits();

  /**
   * A float.
   *
   * @param type one of the floating-point types
   * @param pattern its bits, in the low bits
   */
  record Floating(DType type, long pattern) implements Value {
    private static final int BF16_SHIFT = 16;

    /** Its value, which a double represents exactly. */
    double number() {
      return type == DType.F64 ? Double.longBitsToDouble(pattern) : single();
    }

    /** The value of a type other than double. */
    private float single() {
      return switch (type) {
        case F16 -> Float.float16ToFloat((short) pattern);
        case BF16 -> Float.intBitsToFloat((int) pattern << BF16_SHIFT);
        default -> Float.intBitsToFloat((int) pattern);
      };
    }

    @Override
    public String text() {
      String digits = type == DType.F64 ? Numbers.text(number()) : Numbers.text(single());
      return message("%s (%s)", digits, bits());
    }

    @Override
    public Object json() {
      return type == DType.F64 ? Json.number(number()) : Json.number(single());
    }

    @Override
    public String bits() {
      String digits = Long.toHexString(pattern);
      return "0x" + "0".repeat(2 * type.byteSize() - digits.length()) + digits;
    }
  }

  /**
   * An integer.
   *
   * @param unsigned whether a negative value means 2^64 more
   */
  record Whole(boolean unsigned, long value) implements Value {
    double number() {
      return exact().doubleValue();
    }

    private BigInteger exact() {
      return new BigInteger(text());
    }

    @Override
    public String text() {
      return unsigned ? Long.toUnsignedString(value) : Long.toString(value);
    }

    @Override
    public Object json() {
      return exact();
    }

    @Override
    public @Nullable String bits() {
      return null;
    }
  }
}

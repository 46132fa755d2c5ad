// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.verify;

import static dev.xent.cli.Messages.message;

import dev.xent.DType;
import dev.xent.cli.Json;
import dev.xent.cli.Numbers;
import java.math.BigInteger;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/** A value of a file. */
sealed interface Value {
  /** The distance between NaN and a number. */
  long FAR = Long.MAX_VALUE;

  /**
   * The value with this pattern.
   *
   * @param pattern the bits of a float, in the low bits; the value of an integer
   */
  static Value of(DType type, long pattern) {
    return type.isFloat() ? new Floating(type, pattern) : new Whole(type == DType.U64, pattern);
  }

  /** The type of its steps. */
  DType type();

  /** The same number as f64. */
  default Value asDouble() {
    return new Floating(DType.F64, Double.doubleToRawLongBits(number()));
  }

  String text();

  Object json();

  double number();

  /** Its position among the numbers of its type. */
  long order();

  default boolean isNaN() {
    return false;
  }

  /**
   * The number of steps from one number of the type, of f64 for two types, to the next that lead to
   * another value; -0 and +0 are one number. {@link #FAR} if it does not fit in a long.
   */
  default long ulpsTo(Value other) {
    if (type() != other.type()) {
      return asDouble().ulpsTo(other.asDouble());
    }
    if (isNaN() || other.isNaN()) {
      return isNaN() && other.isNaN() ? 0 : FAR;
    }
    long distance = Math.max(order(), other.order()) - Math.min(order(), other.order());
    return distance < 0 ? FAR : distance;
  }

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
    @Override
    public double number() {
      return type == DType.F64 ? Double.longBitsToDouble(pattern) : single();
    }

    @Override
    public boolean isNaN() {
      return Double.isNaN(number());
    }

    /** Counted from zero. */
    @Override
    public long order() {
      long sign = 1L << (type.byteSize() * Byte.SIZE - 1);
      long magnitude = pattern & ~sign;
      return (pattern & sign) == 0 ? magnitude : -magnitude;
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
      return "0x" + HexFormat.of().toHexDigits(pattern, 2 * type.byteSize());
    }
  }

  /**
   * An integer.
   *
   * @param unsigned whether a negative value means 2^64 more
   */
  record Whole(boolean unsigned, long value) implements Value {
    @Override
    public DType type() {
      return unsigned ? DType.U64 : DType.I64;
    }

    @Override
    public double number() {
      return exact().doubleValue();
    }

    @Override
    public long order() {
      return unsigned ? value ^ Long.MIN_VALUE : value;
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

// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import java.util.OptionalDouble;

/** The bounds that memory sets: the time to copy, or to read, the bytes that an operation moves. */
final class Bounds {
  private Bounds() {}

  /**
   * Nanoseconds per logit. For memcpy and read, they are scaled to the bytes of the operation: a
   * backward operation, which reads two tensors and writes one, takes one and a half copies.
   */
  static OptionalDouble perElement(Row row, String candidate) {
    OptionalDouble time = row.perElement(candidate);
    double tensors =
        (double) row.what().operation().bytes() / row.what().operation().elementBytes();
    return switch (candidate) {
      case "memcpy" -> scaled(time, tensors / 2);
      case "read" -> scaled(time, tensors);
      default -> time;
    };
  }

  private static OptionalDouble scaled(OptionalDouble time, double factor) {
    return time.isPresent() ? OptionalDouble.of(time.getAsDouble() * factor) : time;
  }
}

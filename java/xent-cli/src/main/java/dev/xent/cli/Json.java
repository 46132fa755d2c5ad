// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;

/** Formats the output of {@code --json}: one object on one line. */
public final class Json {
  private static final JSON WRITER = JSON.std.with(JSON.Feature.WRITE_NULL_PROPERTIES);

  private Json() {}

  /** The object as text, its members in the order of the map. */
  public static String line(Map<String, ?> object) {
    try {
      return WRITER.asString(object);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * A number, or one of the strings "nan", "inf" and "-inf", because JSON cannot represent these.
   */
  public static Object number(double value) {
    return Double.isFinite(value) ? value : Numbers.text(value);
  }

  /** The same for a float, with the shortest digits that identify the float. */
  public static Object number(float value) {
    return Float.isFinite(value) ? value : Numbers.text(value);
  }
}

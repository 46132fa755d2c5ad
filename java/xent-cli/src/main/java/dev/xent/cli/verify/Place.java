// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.verify;

import static dev.xent.cli.Messages.message;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One element of two arrays.
 *
 * @param index along each axis
 * @param actual the value in the first file
 * @param expected the value in the second file
 * @param ulps their distance, {@link Value#FAR} between NaN and a number
 */
record Place(long[] index, Value actual, Value expected, long ulps) {

  /** A copy of this element with its own index array, which later changes do not affect. */
  Place settled() {
    return new Place(index.clone(), actual, expected, ulps);
  }

  /** {@code [0, 2] actual 0.5 (0x3f000000) expected 0.6 (0x3f19999a) 1677722 ulps}. */
  String text() {
    String distance = ulps == Value.FAR ? "" : ulps == 1 ? "  1 ulp" : message("  %d ulps", ulps);
    return message(
        "%s  actual %s  expected %s%s",
        Arrays.toString(index), actual.text(), expected.text(), distance);
  }

  Map<String, Object> json() {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("index", index);
    object.put("actual", actual.json());
    object.put("expected", expected.json());
    object.put("actual_bits", actual.bits());
    object.put("expected_bits", expected.bits());
    object.put("ulps", ulps == Value.FAR ? null : ulps);
    return object;
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class JsonTest {
  @Test
  void keepsOrderNullsAndWords() {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("z", Json.number(0.1));
    object.put("a", null);
    object.put("f", Json.number(0.1f));
    object.put("n", Json.number(Double.NaN));
    object.put("p", Json.number(Float.POSITIVE_INFINITY));
    object.put("m", Json.number(Double.NEGATIVE_INFINITY));
    object.put("s", "a \"quoted\" word");
    assertThat(Json.line(object))
        .isEqualTo(
            "{\"z\":0.1,\"a\":null,\"f\":0.1,\"n\":\"nan\",\"p\":\"inf\",\"m\":\"-inf\","
                + "\"s\":\"a \\\"quoted\\\" word\"}");
  }
}

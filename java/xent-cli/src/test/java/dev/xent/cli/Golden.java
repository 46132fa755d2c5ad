// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.support.NpyBytes;
import java.nio.file.Path;
import org.assertj.core.data.Percentage;

/**
 * A small case whose results were computed with 300 bits by another program (mpmath), written to 17
 * digits here.
 */
final class Golden {
  static final String SHAPE = "(2, 4)";
  static final float[] LOGITS = {2, 1, 0, -1, 0.5f, -0.25f, 3, 1.5f};
  static final long[] LABELS = {1, 2};
  static final float[] UPSTREAM = {1, 2, -1, 0.5f, 1, 2, -1, 0.5f};

  static final double[] SOFTMAX = {
    0.64391425988797231, 0.23688281808991013, 0.087144318742032567, 0.032058603280084988,
    0.061075631000942028, 0.028850085272397235, 0.74405350581513009, 0.16602077791153064
  };
  static final double[] LOG_SOFTMAX = {
    -0.44018969856119533, -1.4401896985611953, -2.4401896985611953, -3.4401896985611953,
    -2.7956423303167212, -3.5456423303167212, -0.2956423303167212, -1.7956423303167212
  };
  static final double[] SOFTMAX_BACKWARD = {
    -0.029983789576037728, 0.22585239833647526, -0.1783465021388452, -0.017522106621592331,
    0.094194949454908669, 0.073344628832026565, -0.34057760876706639, 0.17303803048013116
  };
  static final double[] LOG_SOFTMAX_BACKWARD = {
    -0.60978564971993078, 1.4077929547752247, -1.2178607968550814, 0.41985349179978753,
    0.84731092249764493, 1.9278747868190069, -2.8601337645378252, 0.084948055221173393
  };
  static final double[] LOSSES = {1.4401896985611953, 0.2956423303167212};
  static final double[] LOG_SUM_EXP = {2.4401896985611953, 3.2956423303167212};
  static final double[] GRADIENT_OF_SUM = {
    0.64391425988797231, -0.76311718191008987, 0.087144318742032567, 0.032058603280084988,
    0.061075631000942028, 0.028850085272397235, -0.25594649418486991, 0.16602077791153064
  };

  /** With a label smoothing of 0.1. */
  static final double[] SMOOTHED_LOSSES = {1.4901896985611953, 0.47689233031672121};

  static final double[] SMOOTHED_GRADIENT_OF_SUM = {
    0.61891425988797231, -0.68811718191008986, 0.062144318742032566, 0.0070586032800849871,
    0.036075631000942027, 0.0038500852723972339, -0.1809464941848699, 0.14102077791153064
  };

  /** A float32 result of one loss at this size: 4e-7 relative is what is promised. */
  private static final Percentage PROMISED = Percentage.withPercentage(4e-5);

  private Golden() {}

  static void assertFile(Path path, double... expected) {
    assertFile(path, 1, expected);
  }

  static void assertFile(Path path, double scale, double[] expected) {
    float[] actual = NpyBytes.floatsOf(path);
    assertThat(actual).hasSameSizeAs(expected);
    for (int i = 0; i < actual.length; i++) {
      assertClose(actual[i], scale * expected[i]);
    }
  }

  static void assertClose(double actual, double expected) {
    assertThat(actual).isCloseTo(expected, PROMISED);
  }
}

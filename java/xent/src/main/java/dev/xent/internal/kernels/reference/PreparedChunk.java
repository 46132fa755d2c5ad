// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Constants.CHUNK;

/**
 * The logits of a chunk as the formulas of a row see them: widened, capped (c tanh(x / c)), divided
 * by the temperature, less the row's shift. A masked class is not read and counts as -infinity.
 */
final class PreparedChunk {
  final double[] x = new double[CHUNK];

  /** The derivative of the softcap. */
  final double[] slope = new double[CHUNK];

  /** Whether the class takes part. */
  final boolean[] counted = new boolean[CHUNK];

  int count;

  private Arithmetic arithmetic;
  private double softcap;
  private double temperature;

  void begin(Call call, Arithmetic ofCall) {
    arithmetic = ofCall;
    softcap = arithmetic.round(call.options.softcap);
    temperature = arithmetic.round(call.options.temperature);
  }

  void load(Call call, GeneralRow row, long begin, int size, double shift) {
    count = size;
    Layout layout = call.shape.logits;
    long at = row.at(layout) + begin * layout.classes;
    for (int i = 0; i < count; i++) {
      counted[i] = row.takesPart(begin + i);
      slope[i] = 1;
      x[i] = Double.NEGATIVE_INFINITY;
      if (counted[i]) {
        prepare(i, Numbers.get(call.given.logits, layout.type, at + i * layout.classes), shift);
      }
    }
  }

  private void prepare(int i, double logit, double shift) {
    double v = logit;
    if (softcap != 0) {
      double t = arithmetic.tanh(arithmetic.quotient(v, softcap));
      v = arithmetic.product(softcap, t);
      slope[i] = arithmetic.fma(-t, t, 1);
    }
    if (temperature != 0) {
      v = arithmetic.quotient(v, temperature);
    }
    x[i] = shift == 0 ? v : arithmetic.difference(v, shift);
  }

  /** How many classes take part. */
  long classesThatTakePart() {
    long sum = 0;
    for (int i = 0; i < count; i++) {
      sum += counted[i] ? 1 : 0;
    }
    return sum;
  }

  /** Whether no class before is as large; where it is -infinity, whether none takes part. */
  boolean isFirst(int i) {
    for (int k = 0; k < i; k++) {
      if (counted[k] && (x[k] >= x[i] || x[i] == Double.NEGATIVE_INFINITY)) {
        return false;
      }
    }
    return true;
  }

  boolean hasSoftcap() {
    return softcap != 0;
  }
}

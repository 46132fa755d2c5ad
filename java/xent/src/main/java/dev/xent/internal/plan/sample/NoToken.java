// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.sample;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.NoTokenException;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.View;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The exception for a row from which no token can be drawn, with the cause. */
final class NoToken {
  private static final String LOGITS = "logits without NaN or +inf, one of them above -inf";

  private NoToken() {}

  /**
   * Finds the cause in the logits and the inputs of the call.
   *
   * @param row the index of the row in the logits of the caller, in brackets, or an empty text
   * @param ofRepetitions whether options against repetition forbid classes
   */
  static NoTokenException exception(
      String row, View logits, InputViews inputs, boolean ofRepetitions) {
    View mask = inputs.get(Array.CLASS_MASK);
    long[] flags = mask == null ? null : Memory.toLongArray(mask);
    boolean ofBits = mask != null && mask.type.byteSize() == Integer.BYTES;
    float[] numbers = Memory.toFloatArray(logits);
    boolean unmasked = false;
    boolean left = false;
    for (int i = 0; i < numbers.length; i++) {
      if (isUnmasked(flags, ofBits, i)) {
        if (!(numbers[i] < Float.POSITIVE_INFINITY)) {
          return exception(row, logits, numbers[i] + " in class " + i, LOGITS);
        }
        unmasked = true;
        left |= numbers[i] > Float.NEGATIVE_INFINITY;
      }
    }
    if (!unmasked) {
      return exception(
          row,
          logits,
          "no class that classMask " + mask.described() + " allows",
          "a mask that allows at least one class");
    }
    if (!left) {
      return mask == null
          ? exception(row, logits, "-inf in all classes", LOGITS)
          : exception(
              row,
              logits,
              "-inf in all classes that classMask " + mask.described() + " allows",
              "an allowed class above -inf");
    }
    return exception(
        row,
        logits,
        "no class that is left by " + namesOf(inputs, ofRepetitions),
        "a sum of logit and bias above -inf, and none that is NaN or +inf");
  }

  private static NoTokenException exception(
      String row, View logits, String cause, String expected) {
    return new NoTokenException(
        message(
            "logits%s is %s with %s, and no token can be drawn; expected %s",
            row, logits, cause, expected));
  }

  private static boolean isUnmasked(long @Nullable [] flags, boolean ofBits, int c) {
    if (flags == null) {
      return true;
    }
    return ofBits ? (flags[c / Integer.SIZE] >>> (c % Integer.SIZE) & 1) != 0 : flags[c] != 0;
  }

  /** The names of the inputs that forbid classes. */
  private static String namesOf(InputViews inputs, boolean ofRepetitions) {
    List<String> names = new ArrayList<>();
    for (Array array : List.of(Array.CLASS_MASK, Array.BIAS)) {
      View view = inputs.get(array);
      if (view != null) {
        names.add(array.text + " " + view.described());
      }
    }
    if (ofRepetitions || inputs.get(Array.BIAS_TOKENS) != null) {
      names.add("the biases of single tokens, such as bannedSequences and noRepeatNgram");
    }
    return String.join(" and ", names);
  }
}

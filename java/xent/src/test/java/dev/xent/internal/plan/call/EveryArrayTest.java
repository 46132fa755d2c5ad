// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Form;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.View;
import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A call can take every array of the core's table: one that is added there has a place here. */
class EveryArrayTest {
  /** Arrays that others follow, targets, and logits that a kernel keeps for itself. */
  private static final Set<Rule> HAVE_THEIR_OWN_METHODS =
      EnumSet.of(
          Rule.LOGITS,
          Rule.KNOWN_OUTPUT,
          Rule.HIDDEN,
          Rule.WEIGHTS,
          Rule.MADE_LOGITS,
          Rule.ROW_OFFSETS,
          Rule.TARGETS,
          Rule.TARGET_WEIGHTS,
          Rule.ELEMENT_TARGETS,
          Rule.SELECTED_CLASSES);

  private static final long ROWS = 2;
  private static final long CLASSES = 3;
  private static final long FEATURES = 4;

  @ParameterizedTest
  @EnumSource
  void everyArrayOfAFunctionHasAPlace(Function function) {
    for (int place = 0; place < function.count(); place++) {
      Rule rule = function.rule(place);
      if (rule.form != Form.RECORDS && !HAVE_THEIR_OWN_METHODS.contains(rule)) {
        Call call = callOf(function);
        View view = View.room(typeOf(rule), shapeOf(rule.form));
        if (rule == Rule.BIAS_VALUES) { // of tokens
          call.take(Rule.BIAS_TOKENS, View.room(ElementType.I64, shapeOf(rule.form)));
        }
        call.take(rule, view);
        assertThat(call.view(rule.array)).as("%s of %s", rule, function).isSameAs(view);
        assertThat(call.array(rule.array).isWritten()).isEqualTo(rule.written);
      }
    }
  }

  /** A call that has the leading arrays and the targets of a function. */
  private static Call callOf(Function function) {
    Call call = new Call(new CallArguments());
    View logits = View.room(ElementType.F32, ROWS, CLASSES);
    Array leading = function.array(0);
    if (leading == Array.HIDDEN) {
      View hidden = View.room(ElementType.F32, ROWS, FEATURES);
      call.leadLinear(hidden, 1, View.room(ElementType.F32, CLASSES, FEATURES));
    } else if (function.rule(Array.LOSSES) == Rule.ELEMENT_LOSSES) {
      call.leadElements(Rule.LOGITS, logits, 1);
      return call;
    } else {
      Rule rule = leading == Array.OUTPUT ? Rule.KNOWN_OUTPUT : Rule.LOGITS;
      call.lead(call.array(rule.array), rule, logits, 1, InputViews.NONE);
    }
    if (function.place(Array.TARGETS) >= 0) {
      call.targets(logits);
    }
    return call;
  }

  private static ElementType typeOf(Rule rule) {
    if ((rule.holds & ElementType.NUMBERS) != 0) {
      return ElementType.F32;
    }
    return (rule.holds & ElementType.FLAGS) != 0 ? ElementType.U8 : ElementType.I64;
  }

  private static long[] shapeOf(Form form) {
    return switch (form) {
      case PER_CLASS, OF_TARGETS -> new long[] {ROWS, CLASSES};
      case PER_ROW -> new long[] {ROWS};
      case PER_TARGET, PER_TOP, PER_PROMPT, PER_OUTPUT -> new long[] {ROWS, 1};
      case PER_FEATURE -> new long[] {ROWS, FEATURES};
      case OF_CLASSES -> new long[] {CLASSES, FEATURES};
      case ONE_ROW -> new long[] {CLASSES};
      case OFFSETS -> new long[] {ROWS + 1};
      case PER_WORD, RECORDS -> throw new AssertionError(form);
    };
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Form;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.parallel.Threads;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.OptionNumbers;
import dev.xent.internal.plan.options.Options;
import dev.xent.options.Backend;
import dev.xent.options.FullyMasked;
import dev.xent.options.Isa;
import dev.xent.options.Smoothing;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
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

  /** Targets lead no call: two functions run only as steps of calls of others. */
  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.EXCLUDE,
      names = {"CHECK_TARGETS", "FINISH"})
  void everyArrayOfAFunctionHasAPlace(Function function) {
    for (int place = 0; place < function.count(); place++) {
      Rule rule = function.rules[place];
      if (rule.form != Form.RECORDS && !HAVE_THEIR_OWN_METHODS.contains(rule)) {
        Checked call = callOf(function, rule);
        assertThat(call.has(rule.array)).as("%s of %s", rule, function).isTrue();
        assertThat(call.array(rule.array).isWritten()).isEqualTo(rule.written);
      }
    }
  }

  /** A call that has the leading arrays and the targets of a function, and another array. */
  private static Checked callOf(Function function, Rule rule) {
    Map<Integer, View> views = new TreeMap<>();
    Array leading = function.array(0);
    if (leading == Array.HIDDEN) {
      views.put(0, View.room(ElementType.F32, ROWS, FEATURES));
      views.put(function.place(Array.WEIGHTS), View.room(ElementType.F32, CLASSES, FEATURES));
    } else {
      views.put(0, View.room(ElementType.F32, ROWS, CLASSES));
    }
    boolean elements = function.rule(Array.LOSSES) == Rule.ELEMENT_LOSSES;
    boolean targets = function.place(Array.TARGETS) >= 0 && !elements;
    if (targets) {
      views.put(function.place(Array.TARGETS), View.room(ElementType.F32, ROWS, CLASSES));
    }
    if (rule == Rule.BIAS_VALUES) {
      View tokens = View.room(ElementType.I64, shapeOf(rule.form));
      views.put(function.place(Array.BIAS_TOKENS), tokens);
    }
    views.put(function.place(rule.array), View.room(typeOf(rule), shapeOf(rule.form)));
    int mask = 0;
    for (int place : views.keySet()) {
      mask |= 1 << place;
    }
    Checked call = new Checked();
    Engine engine = Engine.of(Backend.REFERENCE, Isa.BEST, new Threads(1, null, 0));
    Options options =
        new Options(
            engine.isa(), FullyMasked.NAN, false, 0, false, Smoothing.UNIFORM, new OptionNumbers());
    Operation operation =
        new Operation(function, "test", engine, options, 1) {
          @Override
          protected void take(Check check) {
            if (leading == Array.HIDDEN) {
              check.leadLinear(1);
            } else if (elements) {
              check.leadElements(1);
            } else {
              check.lead(1);
            }
            if (targets) {
              check.targets(options);
            }
            check.inputs();
            check.outputs();
          }

          @Override
          protected double compute(Run run) {
            throw new AssertionError();
          }
        };
    new Site(false).check.run(operation, call, mask, views.values().toArray(View[]::new));
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

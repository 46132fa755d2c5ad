// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.errors.ShapeException;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Form;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.plan.arrays.CallArray;
import dev.xent.internal.plan.arrays.Dimensions;
import dev.xent.internal.plan.arrays.Layout.Kind;
import dev.xent.internal.plan.arrays.Types;
import dev.xent.internal.plan.arrays.View;
import java.util.Arrays;

/** Checks that the type and the shape of an array fit those of the leading array. */
final class ArrayChecks {
  private final CallArrays call;
  private final Dimensions dimensions;

  ArrayChecks(CallArrays call) {
    this.call = call;
    this.dimensions = call.dimensions;
  }

  void requireType(CallArray array, Rule rule, View view) {
    String name = array.name;
    switch (rule.holds) {
      case ElementType.NUMBERS -> {
        if (call.anyFloats) {
          Types.requireLead(name, view);
        } else {
          Types.requireFloat(name, view, call.leading().name, call.lead());
        }
      }
      case ElementType.NUMBERS | ElementType.FLAGS -> {
        if (!(call.anyFloats && view.type.isFloat())) {
          Types.requireFloatOrFlag(name, view, call.leading().name, call.lead());
        }
      }
      case ElementType.FLAGS -> Types.requireFlag(name, view);
      case ElementType.FLAGS | ElementType.WORDS -> Types.requireFlagOrWord(name, view);
      case ElementType.CLASS_NUMBERS -> Types.requireClassNumber(name, view, dimensions.classes);
      case ElementType.LABELS -> Types.requireInteger(name, view);
      default -> throw new AssertionError(rule);
    }
  }

  /** Rejects shapes that the rule does not allow. Returns the index space of the array. */
  Kind requireShape(CallArray array, Rule rule, View view) {
    switch (rule.form) {
      case PER_CLASS -> {
        if (rule.spread) {
          return dimensions.hasElements() ? spread(array, view) : perClass(array, rule, view);
        }
        requireLeadShape(array, view);
        return Kind.CLASSES;
      }
      case PER_ROW -> {
        requireRowShape(array, view, rule.spread);
        return Kind.ROWS;
      }
      case PER_TOP -> {
        requireTop(array, view);
        return Kind.ENTRIES;
      }
      case PER_TARGET -> {
        if (rule == Rule.BIAS_VALUES) {
          requireShapeOf(array, view, Array.BIAS_TOKENS.text, call.view(Array.BIAS_TOKENS));
        } else {
          requireEntries(array, view, 0);
          call.targetCount = view.shape[dimensions.axis];
        }
        return Kind.ENTRIES;
      }
      case PER_PROMPT -> {
        requireEntries(array, view, 0);
        call.promptCount = view.shape[dimensions.axis];
        return Kind.ENTRIES;
      }
      case PER_OUTPUT -> {
        requireEntries(array, view, 0);
        call.outputCount = view.shape[dimensions.axis];
        return Kind.ENTRIES;
      }
      case OF_TARGETS -> {
        CallArray like =
            call.array(call.has(Array.TARGET_WEIGHTS) ? Array.TARGET_WEIGHTS : Array.TARGETS);
        requireShapeOf(array, view, like.name, like.view);
        return like.kind();
      }
      case PER_FEATURE -> {
        requireShapeOf(array, view, call.array(Array.HIDDEN).name, call.view(Array.HIDDEN));
        return Kind.ENTRIES;
      }
      case OF_CLASSES -> {
        requireShapeOf(array, view, call.array(Array.WEIGHTS).name, call.view(Array.WEIGHTS));
        return Kind.CLASS_ROWS;
      }
      case ONE_ROW -> {
        requireOnePerClass(array, view);
        return Kind.CLASS_VECTOR;
      }
      case PER_WORD, OFFSETS, RECORDS -> throw new AssertionError(rule);
    }
    throw new AssertionError(rule);
  }

  /**
   * Checks an array with one number per class, separate for each row or shared by some or all rows.
   */
  private Kind perClass(CallArray array, Rule rule, View view) {
    if (dimensions.ragged) {
      requireLeadShape(array, view);
      return Kind.CLASSES;
    }
    boolean ofBits = rule.isOfBits(view.type);
    long count = ofBits ? Form.words(dimensions.classes) : dimensions.classes;
    if (dimensions.isClassShape(view.shape, count)) {
      return Kind.CLASSES;
    }
    if (view.rank() == 1 && view.shape[0] == count) {
      return Kind.CLASS_VECTOR;
    }
    throw new ShapeException(
        message(
            "%s is %s, %s is %s with %s; expected one %s in its shape, in which any other size may be 1, or in the shape [%d]%s",
            array.name,
            view,
            leadName(),
            leadText(),
            classes(),
            ofBits
                ? "number per 32 classes"
                : (rule.holds & ElementType.FLAGS) != 0 ? "flag per class" : "number per class",
            count,
            ofBits ? "" : axisOfClasses(view)));
  }

  /** Checks an array with one number per element, which may be repeated. */
  private Kind spread(CallArray array, View view) {
    if (dimensions.isSpread(view.shape) || isSingle(view)) {
      return Kind.CLASSES;
    }
    int along = dimensions.along;
    if (view.rank() == 1 && view.shape[0] == dimensions.size(along)) {
      return Kind.ALONG;
    }
    throw new ShapeException(
        message(
            "%s is %s, %s is %s; expected that shape, in which any size may be 1, or the shape [%d] of its axis %d",
            array.name, view, leadName(), leadText(), dimensions.size(along), along));
  }

  /** Checks an array with one number per class that all rows share. */
  private void requireOnePerClass(CallArray array, View view) {
    long classes = dimensions.classes;
    if (view.rank() == 1
        && (view.shape[0] == classes || (dimensions.ragged && view.shape[0] > classes))) {
      return;
    }
    throw new ShapeException(
        message(
            "%s is %s, %s is %s%s; expected a number for each class, in the shape [%d]%s",
            array.name,
            view,
            call.features == 0 ? leadName() : call.array(Array.WEIGHTS).name,
            call.features == 0 ? leadText() : call.view(Array.WEIGHTS),
            dimensions.ragged || call.features != 0 ? "" : " with " + classes(),
            classes,
            axisOfClasses(view)));
  }

  /**
   * Checks an output for the largest classes of each row; such outputs have the same number of
   * classes.
   */
  private void requireTop(CallArray array, View view) {
    requireEntries(array, view, call.topCount);
    long count = view.shape[dimensions.axis];
    if (call.topCount != 0 && count != call.topCount) {
      throw new ShapeException(
          message(
              "%s is %s, topClasses is %s; expected the same shape",
              array.name, view, call.view(Array.TOP_CLASSES)));
    }
    if (count < 1 || count > dimensions.classes) {
      throw new ShapeException(
          message(
              "%s is %s, %s has %s; expected 1 to %d",
              array.name,
              view,
              leadName(),
              plural(dimensions.classes, "class"),
              dimensions.classes));
    }
    call.topCount = count;
  }

  void requireLeadShape(CallArray array, View view) {
    if (!hasLeadShape(view)) {
      throw otherShape(array, view, leadName(), leadText());
    }
  }

  /**
   * Whether an array has the shape of the leading array, or of the logits that are computed from
   * it.
   */
  boolean hasLeadShape(View view) {
    return call.features == 0
        ? Arrays.equals(view.shape, call.lead().shape)
        : dimensions.isShape(view.shape);
  }

  /** The name of the leading array, for an error message. */
  String leadName() {
    return call.features == 0 ? call.leading().name : Array.LOGITS.text;
  }

  /** The type and shape of the leading array, for an error message. */
  String leadText() {
    return call.features == 0
        ? call.lead().toString()
        : message(
            "%s of hidden %s and weights %s",
            dimensions.shapeText(), call.view(Array.HIDDEN), call.view(Array.WEIGHTS));
  }

  private static void requireShapeOf(CallArray array, View view, String name, View like) {
    if (!Arrays.equals(view.shape, like.shape)) {
      throw otherShape(array, view, name, like);
    }
  }

  private static ShapeException otherShape(CallArray array, View view, String name, Object like) {
    return new ShapeException(
        message("%s is %s, %s is %s; expected the same shape", array.name, view, name, like));
  }

  void requireRowShape(CallArray array, View view, boolean repeats) {
    if (dimensions.isRowShape(view.shape, repeats) || (repeats && isSingle(view))) {
      return;
    }
    throw new ShapeException(
        message(
            "%s is %s, %s is %s with %s; expected %s of shape %s%s%s%s",
            array.name,
            view,
            leadName(),
            leadText(),
            dimensions.ragged
                ? plural(dimensions.rows, "row") + " by " + call.array(Array.ROW_OFFSETS).name
                : classes(),
            array.name,
            Arrays.toString(dimensions.rowShape()),
            repeats ? ", in which any size may be 1" : "",
            otherAxis(view),
            otherUse(array, view)));
  }

  /**
   * A hint at one-hot rows if labels have the shape of the logits, and at a reshape if there is a
   * label for each of several rows that come as one.
   */
  private String otherUse(CallArray array, View view) {
    if (array.id == Array.TARGETS && hasLeadShape(view)) {
      return ", or one-hot rows of type " + Types.allowed(call.lead().type);
    }
    long rows = view.elements;
    if (array.id == Array.TARGETS && dimensions.ragged && view.rank() == 1) {
      return message(", or %s of shape [%d]", call.array(Array.ROW_OFFSETS).name, rows + 1);
    }
    boolean fits = rows > 1 && dimensions.classes % rows == 0 && dimensions.classes > rows;
    return fits
            && array.id == Array.TARGETS
            && view.rank() == 1
            && call.features == 0
            && call.lead().rank() == 1
        ? message(", or reshape %s to [%d, %d]", leadName(), rows, dimensions.classes / rows)
        : "";
  }

  /** A hint at another class axis if an array has the shape of the rows along it. */
  private String otherAxis(View view) {
    View lead = call.lead();
    int rank = lead.rank();
    int last = rank < 3 && call.features != 0 ? -1 : rank - 1;
    for (int axis = last; axis >= 0; axis--) {
      if (Arrays.equals(view.shape, Dimensions.without(axis, lead.shape))) {
        return axisHint(axis, rank);
      }
    }
    return "";
  }

  /** A hint at another class axis if an array has a number for each index of it. */
  private String axisOfClasses(View view) {
    View lead = call.lead();
    for (int axis = lead.rank() - 1; axis >= 0; axis--) {
      if (call.features == 0 && view.rank() == 1 && view.shape[0] == lead.shape[axis]) {
        return dimensions.ragged ? "" : axisHint(axis, lead.rank());
      }
    }
    return "";
  }

  private static String axisHint(int axis, int rank) {
    return ", or build the operation with axis(" + (axis == rank - 1 ? -1 : axis) + ")";
  }

  private String classes() {
    return plural(dimensions.classes, "class") + " along axis " + dimensions.axis;
  }

  private static boolean isSingle(View view) {
    return view.rank() == 1 && view.elements == 1;
  }

  /**
   * Checks an array with several numbers per row.
   *
   * @param count their number; 0: any number
   */
  void requireEntries(CallArray array, View view, long count) {
    if (!dimensions.hasRowsOfEntries(view.shape)) {
      throw new ShapeException(
          message(
              "%s is %s, %s is %s; expected %s of shape %s",
              array.name,
              view,
              leadName(),
              leadText(),
              array.name,
              dimensions.entriesShape(count == 0 ? "k" : Long.toString(count))));
    }
  }
}

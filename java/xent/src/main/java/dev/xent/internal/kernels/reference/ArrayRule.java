// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Form;
import dev.xent.internal.kernels.reference.call.Addresses;
import dev.xent.internal.kernels.reference.call.Layout;
import dev.xent.internal.kernels.reference.call.Shape;
import java.lang.foreign.MemorySegment;

/** What is checked of an array: {@link Rules} has them all. */
final class ArrayRule {
  private final Array array;
  final int field;
  private final Form form;

  /** What it may hold, as a set of {@link ElementType}. */
  private final int types;

  final boolean written;

  /** Fields, as bits, that it may be, at the same address and strides. */
  private final long inPlaceOf;

  ArrayRule(Array array, int field, Form form, int types, boolean written, long inPlaceOf) {
    this.array = array;
    this.field = field;
    this.form = form;
    this.types = types;
    this.written = written;
    this.inPlaceOf = inPlaceOf;
  }

  MemorySegment of(Call call) {
    return call.given.of(array);
  }

  Layout layout(Call call) {
    return call.shape.of(array);
  }

  boolean isIn(Call call) {
    return !Addresses.isNull(of(call));
  }

  /** Weights are needed wherever sparse targets meet logits. */
  boolean isNeeded(Call call) {
    return this == Rules.TARGET_WEIGHTS
        && call.shape.targetCount != 0
        && Rules.TARGETS.isIn(call)
        && (Rules.LOGITS.isIn(call) || Rules.HIDDEN.isIn(call));
  }

  /** What the array has numbers for in a call. */
  Form form(Call call) {
    if (form != Form.OF_TARGETS) {
      return form;
    }
    return call.shape.targetCount != 0
        ? Form.PER_TARGET
        : call.shape.hasLabels() ? Form.PER_ROW : Form.PER_CLASS;
  }

  /** Whether the array may have elements of a type in a call. */
  boolean holds(int type, Call call) {
    boolean sparse = this == Rules.TARGETS && call.shape.targetCount != 0;
    int numbers = sparse ? 0 : types & call.numbers;
    return ElementType.holds(type, types & ~ElementType.NUMBERS | numbers)
        && !(writesClasses() && ElementType.of(type).isTooSmall(call.shape.classes));
  }

  private boolean writesClasses() {
    return written && types == ElementType.CLASS_NUMBERS;
  }

  /** Whether an overlap with the other is none because this is that array, written in place. */
  boolean isInPlaceOf(ArrayRule other, Call call) {
    Shape shape = call.shape;
    Layout own = layout(call);
    Layout that = other.layout(call);
    return other.field < Long.SIZE
        && (inPlaceOf >> other.field & 1) == 1
        && of(call).address() == other.of(call).address()
        && (own.outer == that.outer || shape.outer <= 1)
        && (own.inner == that.inner || shape.inner <= 1)
        && (own.classes == that.classes || shape.classes <= 1)
        && own.type == that.type;
  }
}

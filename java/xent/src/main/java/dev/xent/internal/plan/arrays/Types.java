// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.DTypeException;
import dev.xent.internal.kernels.ElementType;

/**
 * The element types that can be combined. The leading array decides on the arithmetic: double if it
 * is F64, otherwise as for F32.
 */
public final class Types {
  private Types() {}

  /** Checks the type of the leading array. */
  public static void requireLead(String name, View view) {
    if (!view.type.isFloat()) {
      throw new DTypeException(
          name + " is " + view + "; expected a tensor of type F32, F16, BF16 or F64");
    }
  }

  /** Checks the type of another floating-point array. */
  public static void requireFloat(String name, View view, String leadName, View lead) {
    if (!fits(view.type, lead.type)) {
      throw misfit(name, view, leadName, lead, allowed(lead.type));
    }
  }

  /** Checks the type of a weight, which may also be a mask. */
  public static void requireFloatOrFlag(String name, View view, String leadName, View lead) {
    if (!isByte(view.type) && !fits(view.type, lead.type)) {
      throw misfit(name, view, leadName, lead, allowed(lead.type) + ", or U8 or I8 as a mask");
    }
  }

  /**
   * Checks the type of an output of class indices, of which {@code classes} must be representable.
   */
  public static void requireClassNumber(String name, View view, long classes) {
    requireIndex(name, view);
    if (view.type == ElementType.I32 && classes - 1 > Integer.MAX_VALUE) {
      throw new DTypeException(
          name
              + " is "
              + view
              + ", and there are "
              + classes
              + " classes; expected a tensor of type I64");
    }
  }

  /** Checks the type of class indices that are written, or of offsets. */
  public static void requireIndex(String name, View view) {
    if (view.type != ElementType.I32 && view.type != ElementType.I64) {
      throw new DTypeException(name + " is " + view + "; expected a tensor of type I32 or I64");
    }
  }

  /** Checks the type of class indices that are read. */
  public static void requireInteger(String name, View view) {
    if (!view.type.isInteger()) {
      throw new DTypeException(
          name + " is " + view + "; expected classes as I8 to I64 or U8 to U64");
    }
  }

  /** Checks the type of a mask or of correct rows. */
  public static void requireFlag(String name, View view) {
    if (!isByte(view.type)) {
      throw new DTypeException(name + " is " + view + "; expected a tensor of type U8 or I8");
    }
  }

  /** Checks the type of a mask that may be packed into bits. */
  public static void requireFlagOrWord(String name, View view) {
    if (!isByte(view.type) && !view.type.holds(ElementType.WORDS)) {
      throw new DTypeException(
          name
              + " is "
              + view
              + "; expected a tensor of type U8 or I8, or of type I32 or U32 with a bit for each class");
    }
  }

  private static boolean isByte(ElementType type) {
    return type == ElementType.U8 || type == ElementType.I8;
  }

  /** Whether floats of a type can be combined with a leading array of another type. */
  public static boolean fits(ElementType type, ElementType lead) {
    return type.holds(lead.isWide() ? ElementType.IN_DOUBLE : ElementType.IN_FLOAT);
  }

  /** The floating-point types that can be combined with a leading array, for an error message. */
  public static String allowed(ElementType lead) {
    return lead == ElementType.F64 ? "F64 or F32" : "F32, F16 or BF16";
  }

  private static DTypeException misfit(
      String name, View view, String leadName, View lead, String allowed) {
    return new DTypeException(
        message(
            "%s is %s, %s is %s; expected %s of type %s",
            name, view, leadName, lead, name, allowed));
  }
}
